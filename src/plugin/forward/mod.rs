#![doc = include_str!("README.md")]
//!
//! # How it is made
//!
//! ```text
//!   Forward ─ matches? ─▶ Job ─ policy, health ─▶ Upstream ─ pool ─▶ exchange (UDP, TCP)
//!      └─ no: next plugin   └─ failover, next            └─ failed: health probes until it answers
//! ```
//!
//! The future that `serve` gives is the whole work on a query; nothing is spawned for it. Tasks of their own are the
//! probes of an upstream that has failed and the sweep of idle connections, and both end by themselves.

mod address;
mod error;
mod exchange;
mod health;
mod metrics;
mod policy;
mod pool;
mod random;
mod resolv_conf;
mod setup;
mod stanza;
mod upstream;

use std::sync::Arc;

pub use setup::setup;

use super::{Next, Plugin, Reply};
use crate::dns::{Failure, FailureKind, Query, Response};
use exchange::Outgoing;
use stanza::{Job, Stanza};

/// One `forward` directive in a chain.
pub struct Forward {
    stanza: Arc<Stanza>,
    /// Whether the next plugin is a `forward` too, to which replies may be handed on.
    has_successor: bool,
}

impl Plugin for Forward {
    fn name(&self) -> &'static str {
        "forward"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        if !self.stanza.matches(query) {
            return next.serve(query, response);
        }
        let place = match self.stanza.enter() {
            Ok(place) => place,
            Err(failure) => return Reply::failed(failure),
        };
        let Some(outgoing) = Outgoing::new(query.packet(), query.question().len()) else {
            return Reply::failed(Failure::with_detail(
                FailureKind::Plugin,
                "the query is too long to forward",
            ));
        };
        let next = (self.has_successor && self.stanza.hands_on()).then(|| next.detach());
        Reply::later(Job { place, query: query.to_shared(), outgoing, next }.run())
    }
}

#[cfg(test)]
mod scripted;
#[cfg(test)]
mod tests;
