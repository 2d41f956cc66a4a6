//! Which rule a query belongs to: zone, class, type, then regular expressions and conditions.

use std::fmt::Write;

use regex::Regex;

use super::holds;
use crate::dns::{Class, Name, Query, RecordType};
use crate::expression::{Environment, Expression, QueryFacts, Value};

/// When a directive applies.
pub(super) struct Rule {
    pub(super) zones: Vec<Name>,
    /// The zones as text, for `.Zone` and the metrics.
    pub(super) zone_texts: Vec<Box<str>>,
    pub(super) class: Class,
    pub(super) rtype: RecordType,
    /// None is one that matches everything.
    pub(super) patterns: Vec<Regex>,
    /// The variables, in the order in which they may use each other.
    pub(super) variables: Vec<(String, Expression)>,
    pub(super) conditions: Vec<Expression>,
    /// The zones of `fallthrough`; none without it.
    pub(super) fallthrough: Vec<Name>,
    /// Whether names and groups are wanted: by a pattern, an expression, or a record.
    pub(super) needs_text: bool,
}

/// What a rule says of a query.
pub(super) enum Found {
    /// It is of another zone, class or type.
    Nothing,
    /// No regular expression matches, or a condition does not hold.
    NoMatch {
        falls_through: bool,
    },
    /// An expression failed, for this reason.
    Failure(String),
    Match(Match),
}

/// What is known of a query that a rule matches.
#[derive(Default)]
pub(super) struct Match {
    /// The number of the zone in the rule.
    pub(super) zone: usize,
    /// The class and the type, those of the rule where the query asks for any.
    pub(super) class: Option<Class>,
    pub(super) rtype: Option<RecordType>,
    /// QNAME in lower case.
    pub(super) name: String,
    /// The number of the regular expression.
    pub(super) pattern: usize,
    /// The whole match, and then each group.
    pub(super) matches: Vec<String>,
    /// The same by number and by name.
    pub(super) groups: Vec<(String, String)>,
    pub(super) variables: Vec<Value>,
}

impl Rule {
    pub(super) fn look(&self, query: &Query<'_>) -> Found {
        let Some(zone) = self.zone_of(query) else { return Found::Nothing };
        let (class, rtype) = (query.qclass(), query.qtype());
        if ![Class::ANY, class].contains(&self.class) && class != Class::ANY {
            return Found::Nothing;
        }
        if ![RecordType::ANY, rtype].contains(&self.rtype) && rtype != RecordType::ANY {
            return Found::Nothing;
        }
        let mut found = Match {
            zone,
            class: Some(if class == Class::ANY { self.class } else { class }),
            rtype: Some(if rtype == RecordType::ANY { self.rtype } else { rtype }),
            ..Match::default()
        };
        if !self.needs_text {
            return Found::Match(found);
        }
        found.name = QueryFacts(query).name();
        if !self.find(&mut found) {
            return self.no_match(query);
        }
        match self.evaluate(query, &mut found) {
            Ok(true) => Found::Match(found),
            Ok(false) => self.no_match(query),
            Err(why) => Found::Failure(why),
        }
    }

    /// The longest zone that holds the name.
    fn zone_of(&self, query: &Query<'_>) -> Option<usize> {
        let holding =
            self.zones.iter().enumerate().filter(|(_, zone)| query.zone_start(zone.as_wire()).is_some());
        holding.max_by_key(|(_, zone)| zone.as_wire().len()).map(|(number, _)| number)
    }

    fn no_match(&self, query: &Query<'_>) -> Found {
        Found::NoMatch { falls_through: holds(&self.fallthrough, query) }
    }

    /// The first regular expression that matches, and its groups.
    fn find(&self, found: &mut Match) -> bool {
        if self.patterns.is_empty() {
            found.matches = vec![found.name.clone()];
            found.groups = vec![("0".to_owned(), found.name.clone())];
            return true;
        }
        let matching = self.patterns.iter().enumerate();
        let Some((number, pattern, captures)) = matching
            .filter_map(|(number, pattern)| Some((number, pattern, pattern.captures(&found.name)?)))
            .next()
        else {
            return false;
        };
        found.pattern = number;
        // A group that took no part is empty.
        found.matches =
            captures.iter().map(|group| group.map_or("", |group| group.as_str()).to_owned()).collect();
        found.groups = found
            .matches
            .iter()
            .enumerate()
            .map(|(number, text)| (number.to_string(), text.clone()))
            .collect();
        let named = pattern.capture_names().zip(&found.matches);
        found.groups.extend(named.filter_map(|(name, text)| Some((name?.to_owned(), text.clone()))));
        true
    }

    /// Whether all conditions hold. Variables come first, wherever they stand.
    fn evaluate(&self, query: &Query<'_>, found: &mut Match) -> Result<bool, String> {
        if self.variables.is_empty() && self.conditions.is_empty() {
            return Ok(true);
        }
        let facts = QueryFacts(query);
        let mut environment = Environment { facts, groups: &found.groups, variables: Vec::new() };
        for (name, expression) in &self.variables {
            let value = expression.evaluate(&environment);
            let value = value.map_err(|why| {
                let mut text = format!("template: var {name}: ");
                // Writing to a String does not fail.
                let _ = write!(text, "{why}");
                text
            })?;
            environment.variables.push((name, value));
        }
        let mut holds = true;
        for condition in &self.conditions {
            let value = condition.evaluate(&environment).map_err(|why| format!("template: expr: {why}"))?;
            if value != Value::Bool(true) {
                holds = false;
                break;
            }
        }
        found.variables = environment.variables.into_iter().map(|(_, value)| value).collect();
        Ok(holds)
    }
}
