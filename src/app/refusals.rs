//! What the server replies before any chain is entered, as metrics.

use std::time::Instant;

use arc_swap::ArcSwap;

use super::Plan;
use crate::dns::{Query, Response};
use crate::plugin::prometheus::{DROPPED_ZONE, ZoneMetrics};
use crate::server::Observer;
use crate::telemetry::metrics::Registry;

/// Counts them under `zone="dropped"`, as CoreDNS does, for the listeners behind which a block has `prometheus`.
#[derive(Default)]
pub(super) struct Refusals {
    listeners: ArcSwap<Vec<(u16, ZoneMetrics)>>,
}

impl Refusals {
    /// Counts for the listeners of `plan` from now on.
    pub(super) fn follow(&self, plan: &Plan, registry: &Registry) {
        let counted = plan.chains.iter().filter(|(_, chain)| chain.names().any(|name| name == "prometheus"));
        let mut listeners: Vec<(u16, ZoneMetrics)> = Vec::new();
        for server in counted.flat_map(|(site, _)| &site.servers) {
            if !listeners.iter().any(|(number, _)| *number == server.number) {
                listeners.push((server.number, ZoneMetrics::new(registry, &server.label, DROPPED_ZONE)));
            }
        }
        self.listeners.store(listeners.into());
    }
}

impl Observer for Refusals {
    fn refused(&self, query: &Query<'_>, response: &Response) {
        let listeners = self.listeners.load();
        let origin = query.origin();
        if let Some((_, metrics)) = listeners.iter().find(|(number, _)| *number == origin.server) {
            let reply = Some((response.rcode(), response.message().len()));
            metrics.count(query, reply, None, Instant::now().saturating_duration_since(origin.received));
        }
    }
}
