#![doc = include_str!("README.md")]

mod probe;
mod setup;
mod watch;

pub use setup::setup;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;

use super::{Next, Outlet, Outlets, Plugin, Reply, ServerLabel, Site};
use crate::dns::{Failure, FailureKind, Name, Query, RecordType, Response};
use crate::telemetry::metrics::{Gauge, Registry};

/// Stands right above `forward`, and sees probes come back.
///
/// ```text
///   watch ─ first, from within ─▶ chain … loop    do names of the zone get this far?
///      └─── then, to each upstream by itself ──▶ upstream
///   client's side of the server … loop ◀── the same name ─┘   a loop
/// ```
pub struct Loop {
    state: Arc<State>,
}

/// What the handler and the task that probes share.
struct State {
    zones: Box<[Name]>,
    servers: Box<[ServerLabel]>,
    outlets: Arc<Outlets>,
    /// The probes that are under way.
    probes: ArcSwap<Vec<Arc<Probe>>>,
    metrics: Registry,
}

/// An upstream, and names that go there.
struct Route {
    outlet: Arc<dyn Outlet>,
    zone: Name,
    is_looping: AtomicBool,
    /// Made with the first verdict, so that no series says "none" before anybody knows.
    detected: OnceLock<Gauge>,
}

/// A question that nobody else asks.
struct Probe {
    name: Name,
    /// Whether it came here from within, so that names like it would be forwarded.
    is_forwarded: AtomicBool,
    /// Who sent it to us over the network, and the number of the listener that it came to.
    seen: OnceLock<(SocketAddr, u16)>,
}

impl Plugin for Loop {
    fn name(&self) -> &'static str {
        "loop"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        if query.qtype() == RecordType::HINFO
            && let Some(probe) =
                self.state.probes.load().iter().find(|probe| query.name() == probe.name.as_wire())
        {
            let origin = query.origin();
            if origin.depth > 0 {
                probe.is_forwarded.store(true, Relaxed);
            } else {
                probe.seen.get_or_init(|| (origin.peer, origin.server));
            }
            // It goes no further: from within it has shown what it should, and from outside it would go round.
            return Reply::failed(Failure::new(FailureKind::Loop));
        }
        next.serve(query, response)
    }
}

impl State {
    fn new(site: &Site, outlets: Arc<Outlets>, metrics: Registry) -> Self {
        let mut zones = site.zones.clone();
        zones.sort_by_key(|zone| std::cmp::Reverse(zone.as_wire().len()));
        zones.dedup();
        Self {
            zones: zones.into(),
            servers: site.servers.clone().into(),
            outlets,
            probes: ArcSwap::default(),
            metrics,
        }
    }

    /// Each upstream with each zone that it is asked for. For when the block is set up.
    fn routes(&self) -> Vec<Route> {
        let mut routes: Vec<Route> = Vec::new();
        for outlet in self.outlets.all() {
            for zone in self.zones.iter().filter_map(|zone| outlet.part_of(zone)) {
                if routes.iter().any(|known| Arc::ptr_eq(&known.outlet, &outlet) && known.zone == zone) {
                    continue;
                }
                let outlet = Arc::clone(&outlet);
                let is_looping = AtomicBool::new(false);
                routes.push(Route { outlet, zone, is_looping, detected: OnceLock::new() });
            }
        }
        routes
    }

    /// Takes an upstream out of use for a zone, or back into it. Gives whether that changes anything.
    fn set_looping(&self, route: &Route, is_looping: bool) -> bool {
        let gauge = route.detected.get_or_init(|| {
            let server = self.servers.first().map_or("", |server| &server.label);
            let zone = route.zone.to_string();
            let labels = [("server", server), ("zone", &zone), ("to", route.outlet.to())];
            let help =
                "Whether the upstream leads back to this server, so that it is out of use for the zone.";
            self.metrics.gauge("kubezone_loop_detected", help, &labels)
        });
        gauge.set(f64::from(u8::from(is_looping)));
        route.outlet.set_looping(&route.zone, is_looping);
        route.is_looping.swap(is_looping, Relaxed) != is_looping
    }
}

#[cfg(test)]
mod tests;
