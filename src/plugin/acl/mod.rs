#![doc = include_str!("README.md")]

mod metrics;
mod rules;
mod setup;

pub use setup::setup;

use super::per_server::PerServer;
use super::{Next, Outcome, Plugin, Reply};
use crate::dns::{InfoCode, Query, Rcode, Response};
use metrics::Metrics;
use rules::{Action, Rule, decide};

/// Decides by client and type of query what becomes of it.
pub struct Acl {
    rules: Vec<Rule>,
    metrics: PerServer<Metrics>,
}

impl Plugin for Acl {
    fn name(&self) -> &'static str {
        "acl"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        let decision = decide(&self.rules, query);
        if let Some(metrics) = self.metrics.of(query.origin().server) {
            metrics.count(decision);
        }
        match decision.map(|decision| decision.action) {
            None | Some(Action::Allow) => next.serve(query, response),
            Some(Action::Block) => {
                response.set_rcode(Rcode::REFUSED);
                response.explain(InfoCode::BLOCKED, |text| text.push_str("not allowed by the server's acl"));
                Reply::answered()
            }
            Some(Action::Filter) => {
                response.explain(InfoCode::FILTERED, |text| text.push_str("filtered by the server's acl"));
                Reply::answered()
            }
            Some(Action::Drop) => Reply::Done(Outcome::Dropped),
        }
    }
}

#[cfg(test)]
mod tests;
