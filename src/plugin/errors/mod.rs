#![doc = include_str!("README.md")]

mod setup;

pub use setup::setup;

use std::fmt;
use std::sync::Arc;

use super::{Next, Outcome, Plugin, Reply};
use crate::dns::{Failure, Query, Response, write_text};

/// Logs why a query failed, on the way back.
#[derive(Default)]
pub struct Errors {
    /// What [`Next::serve_then`] hands back; there is nothing to keep.
    state: Arc<()>,
}

/// The text of a line: RCODE number, name, type, reason.
struct Line<'l> {
    query: &'l Query<'l>,
    failure: &'l Failure,
    detail: &'l str,
}

impl Plugin for Errors {
    fn name(&self) -> &'static str {
        "errors"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        next.serve_then(query, response, &self.state, (), |_, (), query, _, outcome| {
            if let Outcome::Failed(failure) = &outcome
                && let Some(detail) = failure.detail()
            {
                tracing::error!(target: "plugin/errors", "{}", Line { query, failure, detail });
            }
            outcome
        })
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.failure.rcode().0)?;
        write_text(self.query.name(), f)?;
        write!(f, " {}: {}", self.query.qtype(), self.detail)
    }
}

#[cfg(test)]
mod tests;
