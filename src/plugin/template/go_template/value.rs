//! Values of a run.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use super::Object;
use crate::expression::go_float;

/// A value of the data, or made from it.
#[derive(Clone)]
pub enum Value<'d> {
    /// A key that a map does not have.
    Missing,
    /// Go's nil.
    Nil,
    /// A truth value.
    Bool(bool),
    /// A number with a sign.
    Int(i64),
    /// A number without.
    Uint(u64),
    /// A number with a fraction.
    Float(f64),
    /// A text.
    Text(Cow<'d, str>),
    /// Values in order.
    List(Rc<Vec<Value<'d>>>),
    /// Values by key, and what stands for those without one when `index` asks.
    Map(Rc<BTreeMap<Cow<'d, str>, Value<'d>>>, &'static Absent),
    /// Data with fields.
    Object(&'d dyn Object),
}

/// What `index` gives for a key that is not there: the zero value of the map's type.
#[derive(Debug)]
pub enum Absent {
    /// Of a map of texts: the empty one.
    Empty,
    /// Of a map of anything: nil.
    Nil,
}

impl<'d> Value<'d> {
    /// A text that the data holds.
    #[must_use]
    pub fn text(text: &'d str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// Whether `if` takes the value for true: it is not zero, and not empty.
    #[must_use]
    pub fn is_true(&self) -> bool {
        match self {
            Self::Missing | Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Uint(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(values) => !values.is_empty(),
            Self::Map(map, _) => !map.is_empty(),
            Self::Object(_) => true,
        }
    }

    /// The name of the type, as Go calls it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Missing | Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint64",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::List(_) => "[]string",
            Self::Map(..) => "map[string]string",
            Self::Object(_) => "struct",
        }
    }

    /// Whether the value, or one within it, has no text.
    #[must_use]
    pub fn is_unprintable(&self) -> bool {
        match self {
            Self::Object(_) => true,
            Self::List(values) => values.iter().any(Value::is_unprintable),
            Self::Map(map, _) => map.values().any(Value::is_unprintable),
            _ => false,
        }
    }
}

/// As Go's `%v`.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("<no value>"),
            Self::Nil => f.write_str("<nil>"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Uint(value) => write!(f, "{value}"),
            Self::Float(value) => f.write_str(&go_float(*value)),
            Self::Text(text) => f.write_str(text),
            Self::List(values) => {
                f.write_str("[")?;
                for (at, value) in values.iter().enumerate() {
                    if at > 0 {
                        f.write_str(" ")?;
                    }
                    write!(f, "{value}")?;
                }
                f.write_str("]")
            }
            Self::Map(map, _) => {
                f.write_str("map[")?;
                for (at, (key, value)) in map.iter().enumerate() {
                    if at > 0 {
                        f.write_str(" ")?;
                    }
                    write!(f, "{key}:{value}")?;
                }
                f.write_str("]")
            }
            Self::Object(_) => f.write_str("{…}"),
        }
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({self})", self.type_name())
    }
}
