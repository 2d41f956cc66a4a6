//! Expressions of a Corefile: the part of the expr language (expr-lang.org) that CoreDNS's documents and tests show.
//!
//! ```text
//!   text ─ lexer ─▶ words ─ parser ─▶ Node ─ check (types, names) ─▶ Expression ─ evaluate (of one Query) ─▶ Value
//! ```
//!
//! Used by `template` (`var`, `expr`); `view` is to use the same. Types are known before a query comes, as in CoreDNS: what
//! could never work is told when the Corefile is read, with the place. What is not supported is told by name. An evaluation is
//! bounded in steps and in octets, has no I/O, and fails instead of guessing.
//!
//! The crate `expr-lang` was not taken: it checks no types, so that mistakes would show in answers, and bounds nothing.

mod builtin;
mod check;
mod environment;
mod evaluate;
mod functions;
mod lexer;
mod parser;
mod tree;
mod types;
mod value;

pub use builtin::is_reserved;
pub use environment::{Environment, QueryFacts};
pub use types::Type;
pub use value::{Value, go_float};

use std::ops::Range;

use tree::Node;

/// The longest text that an evaluation makes, in octets.
pub const TEXT_LEN_MAX: usize = 1 << 16;
/// The most nodes that one evaluation looks at.
pub const STEPS_MAX: usize = 20_000;

/// An expression that can be evaluated.
#[derive(Debug, Clone)]
pub struct Expression {
    node: Node,
    of_type: Type,
}

/// What an expression may name, besides the functions that every one has.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Variables and their types.
    pub variables: Vec<(String, Type)>,
    /// Whether there is a regular expression that matched, for `group`.
    pub has_groups: bool,
}

/// Why a text is no expression, or no template with such, and which part of it is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The octets of the text.
    pub place: Range<usize>,
    /// What is wrong, as a lower-case fragment.
    pub why: String,
    /// What would be right.
    pub help: Option<String>,
}

/// Why an evaluation came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EvaluationError(pub String);

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// Where the text is wrong, or says what is not supported here.
    pub fn parse(text: &str, scope: &Scope) -> Result<Self, Problem> {
        let mut node = parser::parse(text)?;
        let of_type = check::check(&mut node, scope)?;
        Ok(Self { node, of_type })
    }

    /// What it evaluates to.
    #[must_use]
    pub fn of_type(&self) -> Type {
        self.of_type
    }

    /// Evaluates it.
    ///
    /// # Errors
    /// Where a function cannot do with its arguments, and where a bound is reached.
    pub fn evaluate(&self, environment: &Environment<'_>) -> Result<Value, EvaluationError> {
        evaluate::evaluate(&self.node, environment)
    }
}

impl Problem {
    /// Says `why` of this place, with no help yet.
    pub(crate) fn at(place: Range<usize>, why: impl Into<String>) -> Self {
        Self { place, why: why.into(), help: None }
    }

    /// Says what would be right.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

#[cfg(test)]
mod tests;
