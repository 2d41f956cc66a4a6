#![doc = include_str!("README.md")]

mod consolidate;
mod setup;

pub use setup::setup;

use std::fmt;
use std::sync::Arc;

use super::{Next, Outcome, Plugin, Reply};
use crate::dns::{Failure, LoggedName, LoggedType, Query, Response};
use consolidate::Consolidation;

/// Logs why a query failed, on the way back.
pub struct Errors {
    consolidation: Arc<Consolidation>,
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
        next.serve_then(query, response, &self.consolidation, (), |consolidation, (), query, _, outcome| {
            if let Outcome::Failed(failure) = &outcome
                && let Some(detail) = failure.detail()
                && let Some(level) = consolidation.level_of(detail)
            {
                consolidate::log(level, format_args!("{}", Line { query, failure, detail }));
            }
            outcome
        })
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, qtype) = (LoggedName(self.query.name()), LoggedType(self.query.qtype()));
        write!(f, "{} {name} {qtype}: {}", self.failure.rcode().0, self.detail)
    }
}

#[cfg(test)]
mod tests;
