#![doc = include_str!("README.md")]
//!
//! # How it is made
//!
//! ```text
//!   Forward ─ matches? ─▶ Flights ─ first ─▶ Job ─ policy, health ─▶ Upstream ─▶ exchange (UDP, TCP, TLS, HTTPS, QUIC)
//!      │                     └─ asked already: waits     └─ failover          └─ failed: health probes until it answers
//!      └─ no: next plugin
//! ```
//!
//! The future that `serve` gives is the whole work on a query; nothing is spawned for it, unless its client goes away
//! while others wait for the same answer. Tasks of their own are the probes of an upstream that has failed and the sweep
//! of idle connections, and both end by themselves.

mod address;
mod error;
mod exchange;
mod flight;
mod health;
mod hosts;
mod https;
mod metrics;
mod outlet;
mod pipe;
mod pipes;
mod policy;
mod pool;
mod quic;
mod random;
mod resolv_conf;
mod setup;
mod shared;
mod stanza;
mod target;
mod tls;
mod upstream;

use std::sync::Arc;

pub use setup::setup;

use super::{Next, Plugin, Reply};
use crate::dns::{Failure, FailureKind, Query, Response};
use exchange::Outgoing;
use flight::Boarded;
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
        let boarded = match self.stanza.board(query) {
            Ok(boarded) => boarded,
            Err(failure) => return Reply::failed(failure),
        };
        let next = (self.has_successor && self.stanza.hands_on()).then(|| next.detach());
        let (lead, place) = match boarded {
            Boarded::Leads(lead, place) => (lead, place),
            Boarded::Waits(waiter) => return Reply::later(waiter.finish(query.to_shared(), next)),
        };
        let Some(outgoing) = Outgoing::new(query.packet(), query.question().len()) else {
            return Reply::failed(Failure::with_detail(
                FailureKind::Plugin,
                "the query is too long to forward",
            ));
        };
        let job = Job { place, query: Arc::clone(lead.query()), outgoing, has_next: next.is_some() };
        Reply::later(lead.fly(job.run(), next))
    }
}

#[cfg(test)]
mod scripted;
#[cfg(test)]
mod tests;
