//! What is wrong with an object that is otherwise taken in.

use std::collections::HashSet;
use std::fmt;
use std::hash::BuildHasher;

use tracing::warn;

use super::LOG_TARGET;
use super::object::Meta;
use crate::zone::Kind;

/// How many problems are remembered as told; beyond it the memory starts anew, and they may be told once more.
const TOLD_MAX: usize = 4096;

/// One mistake in one object. The rest of the object counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The kind of the object.
    pub kind: Kind,
    /// `NAMESPACE/NAME`.
    pub object: String,
    /// What is wrong, with the offending value.
    pub what: String,
}

/// Logs problems, each once and not at every event of its object.
#[derive(Default)]
pub struct Problems {
    told: HashSet<u64>,
    hasher: foldhash::fast::RandomState,
}

impl Problem {
    pub(super) fn new(kind: Kind, meta: &Meta, what: String) -> Self {
        Self { kind, object: format!("{}/{}", meta.namespace, meta.name), what }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`: {}", self.kind.plural(), self.object, self.what)
    }
}

impl Problems {
    /// Logs what has not been logged before.
    pub fn tell(&mut self, problems: Vec<Problem>) {
        for problem in problems {
            let hash = self.hasher.hash_one((problem.kind, &problem.object, &problem.what));
            if self.told.len() >= TOLD_MAX {
                self.told.clear();
            }
            if self.told.insert(hash) {
                warn!(target: LOG_TARGET, "{problem}");
            }
        }
    }
}
