#![doc = include_str!("README.md")]

mod class;
mod fields;
mod format;
mod setup;

pub use setup::setup;

use std::sync::Arc;
use std::time::{Duration, Instant};

use class::{Class, Classes};
use format::Format;

use super::{Next, Outcome, Plugin, Reply};
use crate::dns::{Name, Query, Response};
use crate::telemetry::log::{self, JsonLevel};

/// Logs queries, on the way back. Lines go past `tracing` into a ring that a thread of its own empties: a pipe that
/// nobody reads costs lines, never time.
pub struct Log {
    rules: Arc<Rules>,
}

/// The rules of a block, in the order of the Corefile: the first whose zone holds the name decides.
struct Rules(Vec<Rule>);

struct Rule {
    zone: Name,
    format: Arc<Format>,
    classes: Classes,
}

/// A query and what became of it.
struct Exchange<'e> {
    query: &'e Query<'e>,
    response: &'e Response,
    outcome: &'e Outcome,
    elapsed: Duration,
}

impl Plugin for Log {
    fn name(&self) -> &'static str {
        "log"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        next.serve_then(query, response, &self.rules, (), |rules, (), query, response, outcome| {
            let elapsed = Instant::now().saturating_duration_since(query.origin().received);
            let exchange = Exchange { query, response, outcome: &outcome, elapsed };
            if let Some(rule) = rules.matching(&exchange) {
                rule.log(&exchange);
            }
            outcome
        })
    }
}

impl Rules {
    /// The rule to log by; `None` when it is not to be logged.
    fn matching(&self, exchange: &Exchange<'_>) -> Option<&Rule> {
        let rule = self.0.iter().find(|rule| exchange.query.zone_start(rule.zone.as_wire()).is_some())?;
        rule.classes.contains(Class::of(exchange)).then_some(rule)
    }
}

impl Rule {
    fn log(&self, exchange: &Exchange<'_>) {
        if log::is_json() {
            let mut message = String::new();
            self.format.write(exchange, &mut message);
            log::record(JsonLevel::Info, message, |record| fields::fill(exchange, record));
        } else {
            log::line(|out| self.write(exchange, out));
        }
    }

    fn write(&self, exchange: &Exchange<'_>, out: &mut String) {
        out.push_str("[INFO] ");
        self.format.write(exchange, out);
    }
}

#[cfg(test)]
mod tests;
