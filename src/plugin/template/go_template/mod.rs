//! The part of Go's `text/template` that the templates of a Corefile are made of.
//!
//! ```text
//!   text ─ lexer ─▶ text and actions ─ parser ─▶ Tree ─ check (against the Shape of the data) ─▶ Template
//!                                                                        Template + data ─ run ─▶ text
//! ```
//!
//! What Go would refuse, what Go would fail at each time (a field that the data does not have, too few arguments), and what
//! is not supported here are all told when the template is read, with the place. A run is bounded in steps and in length, so
//! that no template keeps a thread; what fails while it runs is told in the words of Go.
//!
//! No crate does this: `gtmpl` and its forks evaluate without bound, know neither the columns of their errors nor the shape
//! of the data, and print numbers, maps and missing keys unlike Go.

mod check;
mod format;
mod functions;
mod lexer;
mod literal;
mod parser;
mod run;
mod shape;
mod tree;
mod value;

pub use run::{OUTPUT_LEN_MAX, RunError, STEPS_MAX};
pub use shape::{Object, Shape};
pub use value::{Absent, Value};

use std::fmt;

pub use crate::expression::Problem;
use tree::Node;

/// A template that can be run.
#[derive(Debug, Clone)]
pub struct Template {
    name: &'static str,
    text: String,
    nodes: Vec<Node>,
}

impl Template {
    /// Reads a template for data of this shape. `name` is how errors call it.
    ///
    /// # Errors
    /// Where the text is wrong, or says what is not supported here.
    pub fn parse(name: &'static str, text: &str, root: &'static Shape) -> Result<Self, Problem> {
        let nodes = parser::parse(text)?;
        check::check(&nodes, root)?;
        Ok(Self { name, text: text.to_owned(), nodes })
    }

    /// The text, when it is the same for all data.
    #[must_use]
    pub fn constant(&self) -> Option<&str> {
        match self.nodes.as_slice() {
            [] => Some(""),
            [Node::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Runs the template.
    ///
    /// # Errors
    /// What Go says in the same case, or that a bound is reached.
    pub fn run(&self, data: &dyn Object) -> Result<String, RunError> {
        run::run(self, data)
    }
}

/// As Go prints a parsed template: actions without the blanks around them.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nodes.iter().try_for_each(|node| node.fmt(f))
    }
}

#[cfg(test)]
mod tests;
