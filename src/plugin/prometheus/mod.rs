#![doc = include_str!("README.md")]

mod labels;
mod metrics;
mod runtime;
mod setup;
mod web;

pub use metrics::{DROPPED_ZONE, ProcessMetrics, ZoneMetrics, plugin_enabled};
pub use setup::setup;

use std::sync::Arc;
use std::time::Instant;

use super::{Next, Outcome, Plugin, Reply, Site};
use crate::dns::{Name, Query, Response};
use crate::telemetry::metrics::{Collector, Registry};

/// Counts what passes, on the way back.
///
/// Hot path: one reading of the clock, and one relaxed add for each figure into cells of this thread.
pub struct Prometheus {
    block: Arc<BlockMetrics>,
    _runtime: Option<Collector>,
}

/// The figures of one server block: a set of series for each of its listeners and zones, made at setup.
struct BlockMetrics {
    /// The longest first, so that the first that holds a name is the most specific.
    zones: Box<[Name]>,
    /// Series by zone, for each listener number. A block has few listeners, so that they are searched in order.
    servers: Box<[(u16, Box<[ZoneMetrics]>)]>,
}

impl Prometheus {
    /// Counts for the listeners and zones of `site`.
    #[must_use]
    pub fn new(registry: &Registry, site: &Site) -> Self {
        Self { block: Arc::new(BlockMetrics::new(registry, site)), _runtime: None }
    }

    /// Keeps a collector for as long as the block has the plugin.
    fn with(self, runtime: Option<Collector>) -> Self {
        Self { _runtime: runtime, ..self }
    }
}

impl Plugin for Prometheus {
    fn name(&self) -> &'static str {
        "prometheus"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        next.serve_then(query, response, &self.block, (), |block, (), query, response, outcome| {
            block.count(query, response, &outcome, Instant::now());
            outcome
        })
    }
}

impl BlockMetrics {
    fn new(registry: &Registry, site: &Site) -> Self {
        let mut zones = site.zones.clone();
        zones.sort_by_key(|zone| std::cmp::Reverse(zone.as_wire().len()));
        zones.dedup();
        let of_server = |server: &str| -> Box<[ZoneMetrics]> {
            zones.iter().map(|zone| ZoneMetrics::new(registry, server, &zone.to_string())).collect()
        };
        let servers = site.servers.iter().map(|server| (server.number, of_server(&server.label))).collect();
        Self { zones: zones.into(), servers }
    }

    fn count(&self, query: &Query<'_>, response: &Response, outcome: &Outcome, now: Instant) {
        let origin = query.origin();
        let server = self.servers.iter().find(|(number, _)| *number == origin.server);
        // The router gave the query to this block because one of its zones holds the name.
        let zone = self.zones.iter().position(|zone| query.zone_start(zone.as_wire()).is_some());
        let metrics = server.zip(zone).and_then(|((_, zones), zone)| zones.get(zone));
        if let Some(metrics) = metrics {
            let reply = outcome.rcode(response).map(|rcode| (rcode, outcome.size(query, response)));
            let author = if matches!(outcome, Outcome::Answered) { response.author() } else { None };
            metrics.count(query, reply, author, now.saturating_duration_since(origin.received));
        }
    }
}

#[cfg(test)]
mod tests;
