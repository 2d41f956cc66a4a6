//! What became of queries, for one listener. Series come to be when they are counted first, as in CoreDNS.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::Answer;
use super::data::class_text;
use super::line::{Line, LineError};
use super::matching::{Match, Rule};
use crate::dns::{Class, RecordType};
use crate::telemetry::metrics::{Counter, Registry};

/// The names of sections, in the order in which their records are made.
pub(super) const SECTIONS: [&str; 3] = ["answer", "authority", "additional"];

const MATCHES: &str = "coredns_template_matches_total";

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
    pub(super) fn new(registry: &Registry, server: &str, rules: &[Rule], answers: &[Answer]) -> Self {
        let matches = |zone: &str| {
            let count = (Class::KNOWN.len() + 1) * (RecordType::KNOWN.len() + 1);
            Matches { zone: zone.into(), cells: (0..count).map(|_| OnceLock::new()).collect() }
        };
        let metrics = Self {
            registry: registry.clone(),
            server: server.into(),
            matches: rules
                .iter()
                .map(|rule| rule.zone_texts.iter().map(|zone| matches(zone)).collect())
                .collect(),
            failures: Mutex::default(),
        };
        metrics.take_over_matches();
        metrics.take_over_failures(rules, answers);
        metrics
    }

    /// Goes on with what the same zones counted in the configuration before.
    fn take_over_matches(&self) {
        for matches in self.matches.iter().flatten() {
            for labels in self.registry.living(MATCHES, &[("server", &self.server), ("zone", &matches.zone)])
            {
                let (class, rtype) = known(&labels);
                let class_number =
                    Class::KNOWN.iter().find(|(name, _)| *name == class).map(|(_, class)| *class);
                let place = cell(class_number, RecordType::from_mnemonic(rtype));
                matches.cells[place].get_or_init(|| self.match_counter(&matches.zone, class, rtype));
            }
        }
    }

    /// Goes on with what the same templates counted in the configuration before.
    fn take_over_failures(&self, rules: &[Rule], answers: &[Answer]) {
        for (rule, answer) in rules.iter().zip(answers) {
            for (section, lines) in SECTIONS.iter().zip(&answer.sections) {
                for line in lines {
                    let Line::Made(template) = line else { continue };
                    rule.zone_texts
                        .iter()
                        .for_each(|zone| self.take_over_failure(zone, section, &template.to_string()));
                }
            }
        }
    }

    fn take_over_failure(&self, zone: &str, section: &'static str, template: &str) {
        let own = [("server", &*self.server), ("zone", zone), ("section", section), ("template", template)];
        for is_record in [true, false] {
            for labels in self.registry.living(failure_name(is_record), &own) {
                let (class, rtype) = known(&labels);
                let _ =
                    self.failure_counter((zone.into(), class, rtype, section, template.into(), is_record));
            }
        }
    }

    /// Counts a query that a rule matches.
    pub(super) fn count_match(&self, rule: usize, found: &Match) {
        let matches = &self.matches[rule][found.zone];
        let counter = || {
            let (class, rtype) = texts(found);
            self.match_counter(&matches.zone, class, rtype)
        };
        matches.cells[cell(found.class, found.rtype)].get_or_init(counter).inc();
    }

    fn match_counter(&self, zone: &str, class: &str, rtype: &str) -> Counter {
        let labels =
            [("server", &*self.server), ("zone", zone), ("view", ""), ("class", class), ("type", rtype)];
        self.registry.counter(MATCHES, "Queries that a template matched.", &labels)
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
        let zone = self.matches[rule][found.zone].zone.clone();
        let (class, rtype) = texts(found);
        let is_record = matches!(why, LineError::Record { .. });
        self.failure_counter((zone, class, rtype, section, template.into(), is_record)).inc();
    }

    fn failure_counter(&self, key: FailureKey) -> Counter {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counter) = failures.get(&key) {
            return counter.clone();
        }
        let (zone, class, rtype, section, template, is_record) = &key;
        let labels = [
            ("server", &*self.server),
            ("zone", zone),
            ("view", ""),
            ("class", class),
            ("type", rtype),
            ("section", section),
            ("template", template),
        ];
        let help = if *is_record {
            "Texts of templates that were no resource records."
        } else {
            "Templates that failed."
        };
        let counter = self.registry.counter(failure_name(*is_record), help, &labels);
        failures.insert(key, counter.clone());
        counter
    }
}

fn failure_name(is_record: bool) -> &'static str {
    if is_record { "coredns_template_rr_failures_total" } else { "coredns_template_template_failures_total" }
}

/// The labels `class` and `type` of a match.
fn texts(found: &Match) -> (&'static str, &'static str) {
    (found.class.map_or("", class_text), found.rtype.and_then(RecordType::mnemonic).unwrap_or(""))
}

/// The same, of a series.
fn known(labels: &HashMap<String, String>) -> (&'static str, &'static str) {
    let text = |name: &str| labels.get(name).map_or("", String::as_str);
    let class = Class::KNOWN.iter().find(|(class, _)| *class == text("class")).map_or("", |(class, _)| class);
    (class, RecordType::from_mnemonic(text("type")).and_then(RecordType::mnemonic).unwrap_or(""))
}

/// The place of a class and a type among the cells of a zone; the last of each is for those without a name.
fn cell(class: Option<Class>, rtype: Option<RecordType>) -> usize {
    let class = class.and_then(|class| Class::KNOWN.iter().position(|(_, known)| *known == class));
    let rtype = rtype.and_then(|rtype| RecordType::KNOWN.binary_search(&rtype).ok());
    class.unwrap_or(Class::KNOWN.len()) * (RecordType::KNOWN.len() + 1)
        + rtype.unwrap_or(RecordType::KNOWN.len())
}
