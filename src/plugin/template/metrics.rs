//! What became of queries, for one listener. Series come to be when they are counted first, as in CoreDNS.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::data::class_text;
use super::line::LineError;
use super::matching::{Match, Rule};
use crate::dns::{Class, RecordType};
use crate::telemetry::metrics::{Counter, Registry};

/// The names of sections, in the order in which their records are made.
pub(super) const SECTIONS: [&str; 3] = ["answer", "authority", "additional"];

/// The counters of one listener.
pub(super) struct Metrics {
    registry: Registry,
    server: Box<str>,
    /// Of each rule and each of its zones.
    matches: Vec<Vec<Matches>>,
    /// By rule, zone, class, type, section, template and whether it was the record that failed. As many as there are
    /// templates, zones and types that have names.
    failures: Mutex<HashMap<FailureKey, Counter>>,
}

type FailureKey = (Box<str>, &'static str, &'static str, &'static str, Box<str>, bool);

/// The matches of one zone of one rule, by class and type: a client chooses them, and all without a name are one.
struct Matches {
    zone: Box<str>,
    cells: Box<[OnceLock<Counter>]>,
}

impl Metrics {
    pub(super) fn new(registry: &Registry, server: &str, rules: &[Rule]) -> Self {
        let matches = |zone: &str| {
            let count = (Class::KNOWN.len() + 1) * (RecordType::KNOWN.len() + 1);
            Matches { zone: zone.into(), cells: (0..count).map(|_| OnceLock::new()).collect() }
        };
        Self {
            registry: registry.clone(),
            server: server.into(),
            matches: rules
                .iter()
                .map(|rule| rule.zone_texts.iter().map(|zone| matches(zone)).collect())
                .collect(),
            failures: Mutex::default(),
        }
    }

    /// Counts a query that a rule matches.
    pub(super) fn count_match(&self, rule: usize, found: &Match) {
        let matches = &self.matches[rule][found.zone];
        let class = found.class.and_then(|class| Class::KNOWN.iter().position(|(_, known)| *known == class));
        let rtype = found.rtype.and_then(|rtype| RecordType::KNOWN.binary_search(&rtype).ok());
        let at = class.unwrap_or(Class::KNOWN.len()) * (RecordType::KNOWN.len() + 1)
            + rtype.unwrap_or(RecordType::KNOWN.len());
        let counter = matches.cells[at].get_or_init(|| {
            let (class, rtype) = texts(found);
            let labels = [
                ("server", &*self.server),
                ("zone", &matches.zone),
                ("view", ""),
                ("class", class),
                ("type", rtype),
            ];
            self.registry.counter(
                "coredns_template_matches_total",
                "Queries that a template matched.",
                &labels,
            )
        });
        counter.inc();
    }

    /// Counts a record that there is not.
    pub(super) fn count_failure(
        &self,
        rule: usize,
        found: &Match,
        section: &'static str,
        template: &str,
        why: &LineError,
    ) {
        let zone = &self.matches[rule][found.zone].zone;
        let (class, rtype) = texts(found);
        let is_record = matches!(why, LineError::Record { .. });
        let key = (zone.clone(), class, rtype, section, template.into(), is_record);
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = failures.entry(key).or_insert_with(|| {
            let labels = [
                ("server", &*self.server),
                ("zone", zone),
                ("view", ""),
                ("class", class),
                ("type", rtype),
                ("section", section),
                ("template", template),
            ];
            let (name, help) = if is_record {
                ("coredns_template_rr_failures_total", "Texts of templates that were no resource records.")
            } else {
                ("coredns_template_template_failures_total", "Templates that failed.")
            };
            self.registry.counter(name, help, &labels)
        });
        counter.inc();
    }
}

fn texts(found: &Match) -> (&'static str, &'static str) {
    (found.class.map_or("", class_text), found.rtype.and_then(RecordType::mnemonic).unwrap_or(""))
}
