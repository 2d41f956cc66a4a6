#![doc = include_str!("README.md")]

mod answer;
mod data;
pub mod go_template;
mod line;
mod matching;
mod metrics;
mod setup;
mod words;

pub use setup::setup;

use std::sync::Arc;

use super::per_server::PerServer;
use super::{Lookup, Next, Plugin, Reply};
use crate::dns::{Failure, FailureKind, InfoCode, Name, Query, Rcode, Response};
use line::Line;
use matching::{Found, Rule};
use metrics::Metrics;

/// Answers by rules: each directive of the block is one, and they are looked at in file order.
///
/// Hot path. A rule of another zone, class or type costs a comparison, and one without regular expressions whose records hold
/// nothing of the query allocates nothing.
pub struct Template {
    rules: Vec<Rule>,
    /// The answer of each rule.
    answers: Vec<Answer>,
    lookup: Arc<Lookup>,
    metrics: PerServer<Metrics>,
}

/// What a rule answers when it matches.
struct Answer {
    rcode: Rcode,
    /// The records of answer, authority and additional section.
    sections: [Vec<Line>; 3],
    error: Option<(InfoCode, Box<str>)>,
}

impl Plugin for Template {
    fn name(&self) -> &'static str {
        "template"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        for (number, rule) in self.rules.iter().enumerate() {
            match rule.look(query) {
                Found::Nothing => {}
                Found::NoMatch { falls_through: true } => {}
                Found::NoMatch { falls_through: false } => {
                    return Reply::failed(Failure::new(FailureKind::Unhandled));
                }
                Found::Failure(why) => {
                    return Reply::failed(Failure::with_detail(FailureKind::Plugin, why));
                }
                Found::Match(found) => {
                    if let Some(metrics) = self.metrics.of(query.origin().server) {
                        metrics.count_match(number, &found);
                    }
                    return self.answer(number, &found, query, response);
                }
            }
        }
        next.serve(query, response)
    }
}

/// Whether one of the zones holds the name.
fn holds(zones: &[Name], query: &Query<'_>) -> bool {
    zones.iter().any(|zone| query.zone_start(zone.as_wire()).is_some())
}

#[cfg(test)]
mod tests;
