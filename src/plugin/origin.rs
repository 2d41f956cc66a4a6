//! The zones that a plugin answers itself, as they are looked up for each query.

use crate::dns::{Name, Query};

/// The zones of one directive. `K` is what the plugin knows of each besides.
pub(super) struct Origins<K = ()>(Box<[Origin<K>]>);

/// One of them.
pub(super) struct Origin<K = ()> {
    /// The zone: folded wire form.
    pub(super) wire: Box<[u8]>,
    /// How many labels it has, the root label not counted.
    pub(super) labels: usize,
    /// What the plugin knows of it.
    pub(super) kind: K,
    falls_through: Box<[Box<[u8]>]>,
}

impl<K> Origins<K> {
    /// These zones; names below `fallthrough` that do not exist are left to the next plugin.
    pub(super) fn new(zones: &[Name], fallthrough: &[Name], kind: impl Fn(&Name) -> K) -> Self {
        let origins = zones.iter().map(|zone| Origin {
            wire: zone.as_wire().into(),
            labels: zone.label_count(),
            kind: kind(zone),
            falls_through: fallthrough
                .iter()
                .filter(|through| zone.is_within(through) || through.is_within(zone))
                .map(|through| through.as_wire().into())
                .collect(),
        });
        Self(origins.collect())
    }

    /// The longest zone that holds the name, and where in QNAME it begins.
    pub(super) fn of(&self, query: &Query<'_>) -> Option<(&Origin<K>, usize)> {
        let matching = self.0.iter().filter_map(|origin| Some((origin, query.zone_start(&origin.wire)?)));
        matching.min_by_key(|(_, start)| *start)
    }
}

impl<K> Origin<K> {
    /// Whether the name is left to the next plugin when it does not exist.
    pub(super) fn falls_through(&self, query: &Query<'_>) -> bool {
        self.falls_through.iter().any(|through| query.zone_start(through).is_some())
    }
}
