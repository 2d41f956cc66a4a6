//! Namespaces, and the index that finds a Service's name in another namespace.

use std::sync::Arc;

use super::{Few, Keyed, ServiceKey};

/// A namespace that exists and is selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Its name: a folded label without length octet.
    pub label: Arc<[u8]>,
}

impl Keyed for Namespace {
    type Key = [u8];

    fn with_key<R>(&self, see: impl FnOnce(&[u8]) -> R) -> R {
        see(&self.label)
    }
}

/// All Services of one name, for "it is not in this namespace, but in …".
#[derive(Debug, Clone)]
pub struct SameName {
    keys: Few<ServiceKey>,
}

impl SameName {
    pub(super) fn new(key: ServiceKey) -> Self {
        Self { keys: Few::one(key) }
    }

    /// The Services that bear the name; at least one.
    #[must_use]
    pub fn keys(&self) -> &[ServiceKey] {
        &self.keys
    }

    pub(super) fn with(&self, key: &ServiceKey) -> Self {
        if self.keys.contains(key) {
            return self.clone();
        }
        Self { keys: self.keys.with(key.clone()) }
    }

    /// `None` when nothing is left.
    pub(super) fn without(&self, key: &ServiceKey) -> Option<Self> {
        let keys = self.keys.retained(|held| held != key);
        (!keys.is_empty()).then_some(Self { keys })
    }
}

impl Keyed for SameName {
    type Key = [u8];

    fn with_key<R>(&self, see: impl FnOnce(&[u8]) -> R) -> R {
        see(self.keys[0].service())
    }
}
