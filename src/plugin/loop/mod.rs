#![doc = include_str!("README.md")]

mod probe;
mod setup;
mod watch;

pub use setup::setup;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;

use super::{Next, Plugin, Reply, ServerLabel, Site};
use crate::dns::{Failure, FailureKind, Name, Query, RecordType, Response};
use crate::telemetry::metrics::{Gauge, Registry};

/// Stands right above `forward`: sees the probe come back, and keeps queries from an upstream that leads back here.
///
/// ```text
///   watch ── probe, from within ──▶ chain … loop ▸ forward ──▶ upstream
///                                          ▲                      │
///   client's side of the server ───────────┴── the same name ◀────┘   a loop
/// ```
pub struct Loop {
    state: Arc<State>,
}

/// What the handler and the task that probes share.
struct State {
    /// The longest first.
    zones: Box<[Zone]>,
    servers: Box<[ServerLabel]>,
    /// How many of the zones are in a loop: the only thing that a query looks at when there is none.
    looping: AtomicUsize,
    /// The probe that is under way.
    probe: ArcSwapOption<Probe>,
    metrics: Registry,
}

/// A zone of the block.
struct Zone {
    name: Name,
    is_looping: AtomicBool,
    /// Made with the first verdict: only then it is known which listener serves the zone.
    detected: OnceLock<Gauge>,
}

/// A question that nobody else asks.
struct Probe {
    name: Name,
    /// Who sent it to us over the network.
    seen_from: OnceLock<SocketAddr>,
}

impl Plugin for Loop {
    fn name(&self) -> &'static str {
        "loop"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        if query.qtype() == RecordType::HINFO
            && let Some(probe) = &*self.state.probe.load()
            && query.name() == probe.name.as_wire()
        {
            // On its way out it comes from within, whether the zone is in a loop or not: it is what finds out.
            if query.origin().depth > 0 {
                return next.serve(query, response);
            }
            probe.seen_from.get_or_init(|| query.origin().peer);
            return Reply::failed(Failure::new(FailureKind::Loop));
        }
        if self.state.looping.load(Relaxed) > 0 && self.state.is_looping(query) {
            return Reply::failed(Failure::new(FailureKind::Loop));
        }
        next.serve(query, response)
    }
}

impl State {
    fn new(site: &Site, metrics: Registry) -> Self {
        let mut names = site.zones.clone();
        names.sort_by_key(|zone| std::cmp::Reverse(zone.as_wire().len()));
        names.dedup();
        let zone = |name| Zone { name, is_looping: AtomicBool::new(false), detected: OnceLock::new() };
        Self {
            zones: names.into_iter().map(zone).collect(),
            servers: site.servers.clone().into(),
            looping: AtomicUsize::new(0),
            probe: ArcSwapOption::empty(),
            metrics,
        }
    }

    fn is_looping(&self, query: &Query<'_>) -> bool {
        let zone = self.zones.iter().find(|zone| query.zone_start(zone.name.as_wire()).is_some());
        zone.is_some_and(|zone| zone.is_looping.load(Relaxed))
    }

    /// Takes a zone out of use, or back into it. Gives whether that changes anything.
    fn set_looping(&self, zone: &Zone, server: &ServerLabel, is_looping: bool) -> bool {
        let gauge = zone.detected.get_or_init(|| {
            let labels = [("zone", zone.name.to_string()), ("server", server.label.clone())];
            let labels = labels.each_ref().map(|(label, value)| (*label, value.as_str()));
            let help = "Whether forwarding of the zone leads back to this server, so that it is out of use.";
            self.metrics.gauge("kubezone_loop_detected", help, &labels)
        });
        gauge.set(f64::from(u8::from(is_looping)));
        let changed = zone.is_looping.swap(is_looping, Relaxed) != is_looping;
        match (changed, is_looping) {
            (true, true) => drop(self.looping.fetch_add(1, Relaxed)),
            (true, false) => drop(self.looping.fetch_sub(1, Relaxed)),
            (false, _) => {}
        }
        changed
    }
}

#[cfg(test)]
mod tests;
