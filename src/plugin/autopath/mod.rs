#![doc = include_str!("README.md")]
//!
//! # How it is made
//!
//! ```text
//!   web.prod.default.svc.cluster.local   the query itself, on its way as without this plugin
//!   web.prod.svc.cluster.local           └─ NXDOMAIN: the same question for the next element of the list
//!   web.prod.cluster.local                  └─ NXDOMAIN: and the next, …
//! ```
//!
//! Hot path. What no list is walked for costs no allocation and no lock: the place of the zone in the name, one load of the
//! generation and one probe for the client's address. Only a walk keeps a second response, and the packet of the question
//! that it asks.
//!
//! A shortcut is taken when it is certain, and else the first reply goes to the client, who then walks by itself: what it
//! finds is the same. So that is what becomes of everything that is in doubt: who asks, and whether an element exists.

mod resolv_conf;
mod search;
mod setup;
#[cfg(test)]
mod tests;
mod walk;

use std::sync::Arc;

pub use setup::setup;

use self::search::{Place, Search};
use super::per_server::PerServer;
use super::{Next, Outcome, Plugin, Reply};
use crate::dns::{Class, Failure, FailureKind, Name, Query, Response};
use crate::telemetry::metrics::Counter;

/// The handler.
pub struct Autopath {
    shared: Arc<Shared>,
}

/// What the handler shares with walks that wait.
struct Shared {
    /// Only below these a list is walked.
    zones: Vec<Name>,
    search: Search,
    /// Walks that found a name, by listener.
    successes: PerServer<Counter>,
}

impl Plugin for Autopath {
    fn name(&self) -> &'static str {
        "autopath"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        match self.shared.place(query) {
            Some(place) => walk::begin(&self.shared, query, place, next, response),
            None => next.serve(query, response),
        }
    }
}

impl Shared {
    /// Where the name is cut; `None` when no list is to be walked. What the server itself asks for (the target of an
    /// ExternalName Service) is a whole name.
    fn place(&self, query: &Query<'_>) -> Option<Place> {
        let is_a_clients =
            query.flags().opcode() == 0 && query.qclass() == Class::IN && query.origin().depth == 0;
        let is_ours = || self.zones.iter().any(|zone| query.zone_start(zone.as_wire()).is_some());
        if is_a_clients && is_ours() { self.search.place(query) } else { None }
    }

    fn count(&self, query: &Query<'_>) {
        if let Some(successes) = self.successes.of(query.origin().server) {
            successes.inc();
        }
    }

    /// Answers with what an element of the list has.
    fn lead(&self, query: &Query<'_>, found: &Response, response: &mut Response) -> Outcome {
        if response.lead_to(query, found).is_err() {
            let what = "an upstream's answer holds a name that cannot be read";
            return Outcome::Failed(Failure::with_detail(FailureKind::Plugin, what));
        }
        // True of this client alone: another one has another list.
        response.set_uncacheable();
        self.count(query);
        Outcome::Answered
    }
}
