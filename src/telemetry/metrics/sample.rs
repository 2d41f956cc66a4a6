//! What a scrape gathers: families, their samples, and the labels that tell samples apart.

use std::collections::BTreeMap;

/// The type of a family, as `# TYPE` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the process restarts.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Observations, counted by upper bound.
    Histogram,
}

/// Labels by name. The order of the samples of a family is the order of these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LabelSet(Vec<(Box<str>, Box<str>)>);

/// The value of one sample.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Number(f64),
    /// Counts by bucket, not cumulative; one more count than bounds, for what is above the last.
    Histogram {
        bounds: Box<[f64]>,
        counts: Vec<u64>,
        sum: f64,
    },
}

/// All samples of one name.
#[derive(Debug)]
pub(super) struct FamilySamples {
    pub(super) help: Box<str>,
    pub(super) kind: Kind,
    pub(super) samples: BTreeMap<LabelSet, Value>,
}

/// One scrape in the making; what a collector closure adds its samples to.
#[derive(Debug, Default)]
pub struct Scrape {
    pub(super) families: BTreeMap<Box<str>, FamilySamples>,
    /// Samples that were turned away because their family is of another type.
    pub(super) refused: u64,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl LabelSet {
    pub(super) fn new(labels: &[(&str, &str)]) -> Self {
        Self(labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()).sorted()
    }

    /// The same labels and one more for each pair of `more`.
    pub(super) fn with<'a>(&self, more: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut labels = self.0.clone();
        labels.extend(more.map(|(name, value)| (name.into(), value.into())));
        Self(labels).sorted()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    fn sorted(mut self) -> Self {
        self.0.sort();
        self
    }
}

impl Scrape {
    /// Adds a counter sample. A later sample of the same name and labels replaces an earlier one.
    pub fn counter(&mut self, name: &str, help: &str, labels: &[(&str, &str)], value: f64) {
        self.push(Kind::Counter, name, help, LabelSet::new(labels), Value::Number(value));
    }

    /// Adds a gauge sample. A later sample of the same name and labels replaces an earlier one.
    pub fn gauge(&mut self, name: &str, help: &str, labels: &[(&str, &str)], value: f64) {
        self.push(Kind::Gauge, name, help, LabelSet::new(labels), Value::Number(value));
    }

    pub(super) fn push(&mut self, kind: Kind, name: &str, help: &str, labels: LabelSet, value: Value) {
        let family = self.families.entry(name.into()).or_insert_with(|| FamilySamples {
            help: help.into(),
            kind,
            samples: BTreeMap::new(),
        });
        if family.kind == kind {
            family.samples.insert(labels, value);
        } else {
            self.refused += 1;
        }
    }
}
