//! What data has: known when a template is read, so that a misspelled field is told then.

use super::Value;

/// What is known of a value before there is one.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Nothing.
    Any,
    /// A text.
    Text,
    /// A number, a truth value.
    Plain,
    /// Values in order.
    List(&'static Shape),
    /// Values by keys, which are not known.
    Map(&'static Shape),
    /// Fields of these names, and functions of one text of those.
    Object(&'static [(&'static str, Shape)], &'static [&'static str]),
}

/// Data with named fields.
pub trait Object {
    /// The value of a field; [`Value::Missing`] for one that is not there.
    fn field(&self, name: &str) -> Value<'_>;

    /// Calls a function with a text.
    fn call(&self, _name: &str, _argument: &str) -> Value<'_> {
        Value::Missing
    }
}
