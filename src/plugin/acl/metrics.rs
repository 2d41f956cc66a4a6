//! What became of queries, for one listener.

use super::rules::{Action, Decision, Rule};
use crate::telemetry::metrics::{Counter, Registry};

/// The counters of one listener.
pub(super) struct Metrics {
    allowed: Counter,
    /// For each rule and each of its zones: blocked, filtered, dropped.
    decided: Vec<Vec<[Counter; 3]>>,
}

impl Metrics {
    /// Registers the counters of the listener `server`.
    pub(super) fn new(registry: &Registry, server: &str, rules: &[Rule]) -> Self {
        let of_zone = |zone: &str| {
            let labels = [("server", server), ("zone", zone), ("view", "")];
            [("blocked", "blocked"), ("filtered", "answered without records"), ("dropped", "not answered")]
                .map(|(name, what)| {
                    (format!("coredns_acl_{name}_requests_total"), format!("Queries {what}."))
                })
                .map(|(name, help)| registry.counter(&name, &help, &labels))
        };
        let of_rule = |rule: &Rule| rule.zones.iter().map(|zone| of_zone(&zone.to_string())).collect();
        let labels = [("server", server), ("view", "")];
        Self {
            allowed: registry.counter("coredns_acl_allowed_requests_total", "Queries let through.", &labels),
            decided: rules.iter().map(of_rule).collect(),
        }
    }

    /// Counts a query by what was decided; by nothing it is allowed.
    pub(super) fn count(&self, decision: Option<Decision>) {
        let Some(decision) = decision else { return self.allowed.inc() };
        let [blocked, filtered, dropped] = &self.decided[decision.rule][decision.zone];
        match decision.action {
            Action::Allow => self.allowed.inc(),
            Action::Block => blocked.inc(),
            Action::Filter => filtered.inc(),
            Action::Drop => dropped.inc(),
        }
    }
}
