#![doc = include_str!("README.md")]

mod setup;

pub use setup::setup;

use std::sync::Arc;

use super::{Next, Outcome, Plugin, Reply};
use crate::dns::{Query, Rcode, RecordType, Response, Section};

/// Takes from an answer what was not asked for.
#[derive(Default)]
pub struct Minimal {
    /// Nothing: what is done depends on the answer alone.
    state: Arc<()>,
}

impl Plugin for Minimal {
    fn name(&self) -> &'static str {
        "minimal"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        next.serve_then(query, response, &self.state, (), minimize)
    }
}

fn minimize(_: &(), (): (), query: &Query<'_>, response: &mut Response, outcome: Outcome) -> Outcome {
    if matches!(outcome, Outcome::Answered) && is_positive(query, response) {
        response.keep_answers_only();
    }
    outcome
}

/// Whether nothing is lost: denials need their SOA record, delegations their NS records and glue, and what is no answer
/// to a question (a transfer, a NOTIFY) has other rules.
fn is_positive(query: &Query<'_>, response: &Response) -> bool {
    let is_question =
        query.flags().opcode() == 0 && !matches!(query.qtype(), RecordType::AXFR | RecordType::IXFR);
    is_question
        && response.rcode() == Rcode::NOERROR
        && (response.count(Section::Answer) > 0 || response.count(Section::Authority) == 0)
}

#[cfg(test)]
mod tests;
