//! What the cache counts, for one listener.

use std::sync::Arc;

use super::Shared;
use super::verdict::Kind;
use crate::telemetry::metrics::{Collector, Counter, Registry};

const KINDS: [(Kind, &str); 2] = [(Kind::Success, "success"), (Kind::Denial, "denial")];

/// The counters of one listener; the index of a pair is a [`Kind`].
pub(super) struct Metrics {
    pub(super) requests: Counter,
    pub(super) misses: Counter,
    pub(super) hits: [Counter; 2],
    pub(super) evictions: [Counter; 2],
    pub(super) drops: Counter,
    pub(super) prefetches: Counter,
    pub(super) served_stale: Counter,
}

impl Metrics {
    /// Registers the counters of the listener `server`; `zones` are those of the directive, joined by commas.
    pub(super) fn new(registry: &Registry, server: &str, zones: &str) -> Self {
        let labels = [("server", server), ("zones", zones), ("view", "")];
        let one = |name: &str, help: &str| registry.counter(name, help, &labels);
        let two = |name: &str, help: &str| {
            KINDS.map(|(_, kind)| {
                registry.counter(name, help, &[labels[0], ("type", kind), labels[1], labels[2]])
            })
        };
        Self {
            requests: one("coredns_cache_requests_total", "Queries that the cache could have answered."),
            misses: one("coredns_cache_misses_total", "Queries that were not in the cache."),
            hits: two("coredns_cache_hits_total", "Queries that the cache answered."),
            evictions: two("coredns_cache_evictions_total", "Entries that gave way to others."),
            drops: one("coredns_cache_drops_total", "Answers not kept since they answer another question."),
            prefetches: one(
                "coredns_cache_prefetch_total",
                "Entries fetched anew before or after their end.",
            ),
            served_stale: one("coredns_cache_served_stale_total", "Queries answered with an expired entry."),
        }
    }
}

/// The gauges of the listener `server`: how many entries there are, counted at the scrape.
pub(super) fn gauges(registry: &Registry, server: &str, zones: &str, shared: &Arc<Shared>) -> [Collector; 2] {
    KINDS.map(|(kind, label)| {
        let shared = Arc::clone(shared);
        let labels = [("server", server), ("type", label), ("zones", zones), ("view", "")];
        registry.gauge_fn("coredns_cache_entries", "Entries in the cache.", &labels, move || {
            shared.stores[kind as usize].len() as f64
        })
    })
}
