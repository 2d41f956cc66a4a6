//! Sockets in, sockets out.
//!
//! ```text
//!   UDP   a thread for each core and address, each with its own socket:  batch ▸ answer ▸ batch
//!   TCP   a task for each connection:                                    frames ▸ answer ▸ frames
//!                                                                                 │
//!                       Router::serve ◀───────────────────────────────────────────┘
//! ```
//!
//! Both go through `answer::answer`, and both load the router where the work begins, so that a reload is one
//! store and no query sees half of it. What must wait runs on the async runtime; there may be so many of those in the
//! whole process, and over that they are refused.
//!
//! **Invariant:** no plugin is known here by name, nothing is read from a configuration, and nothing that a client sends
//! ends a worker. `unsafe` is in `udp_batch` and nowhere else.

#![deny(unsafe_code)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use crate::plugin::Router;
use answer::InFlight;
use running::{Common, Running};

mod answer;
mod connection;
mod holder;
mod listener;
mod phase;
mod running;
mod stats;
mod tcp;
mod udp;
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "recvmmsg, sendmmsg and their control messages have no safe form")]
mod udp_batch;
mod udp_plain;

pub use answer::Observer;
pub use listener::{BindError, BoundListener, Listener};
pub use stats::Stats;

/// How a server is set up; the same for all its listeners.
#[derive(Clone, Default)]
pub struct Options {
    /// What is bounded.
    pub limits: Limits,
    /// How UDP is received and sent.
    pub udp_io: UdpIo,
    /// Who counts the queries that no chain has answered.
    pub observer: Option<Arc<dyn Observer>>,
}

/// What is bounded, and by how much. The defaults are what the program runs with; the times are CoreDNS's.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Queries that wait, in the whole process, over either transport.
    pub in_flight_max: usize,
    /// TCP connections of one address of a listener.
    pub connections_max: usize,
    /// Queries that wait on one TCP connection; more are not read.
    pub pipelined_max: usize,
    /// From the connection to the end of its first query.
    pub first_query_timeout: Duration,
    /// From the last query or answer to the end of the next query.
    pub idle_timeout: Duration,
    /// From when a client takes no more of its answers to when it has taken them all.
    pub write_timeout: Duration,
}

/// How UDP is received and sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UdpIo {
    /// Many packets with one system call, where the system has it: Linux.
    #[default]
    Batch,
    /// One packet with one system call, anywhere.
    Plain,
}

/// The listeners being served. Dropping it stops them at once; [`Server::drain`] answers first what has come.
pub struct Server {
    common: Common,
    listeners: BTreeMap<u16, Running>,
    /// What listeners had counted that are closed.
    closed: Stats,
}

// === impl Server ===

impl Server {
    /// Opens all listeners, and serves them once all are open.
    ///
    /// # Errors
    /// The first that could not be opened; nothing is served then.
    pub fn start(listeners: Vec<Listener>, options: Options, runtime: Handle) -> Result<Self, BindError> {
        let bound: Result<Vec<_>, _> =
            listeners.into_iter().map(|listener| listener.bind(workers())).collect();
        let mut server = Self {
            common: Common {
                limits: options.limits,
                udp_io: options.udp_io,
                observer: options.observer,
                in_flight: InFlight::new(options.limits.in_flight_max),
                runtime,
            },
            listeners: BTreeMap::new(),
            closed: Stats::default(),
        };
        for listener in bound? {
            server.open(listener)?;
        }
        Ok(server)
    }

    /// Opens the sockets of one more listener, so that a reload can fail before it has changed anything.
    ///
    /// # Errors
    /// As [`Listener::bind`].
    pub fn bind(&self, listener: Listener) -> Result<BoundListener, BindError> {
        listener.bind(workers())
    }

    /// Serves one more listener. One that has its number stops.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn open(&mut self, bound: BoundListener) -> Result<(), BindError> {
        let number = bound.listener.number;
        let running = Running::start(bound, &self.common)?;
        if let Some(before) = self.listeners.insert(number, running) {
            self.closed += before.stats();
        }
        Ok(())
    }

    /// Gives a listener other server blocks: batches that begin from here on go to them. Its sockets stay, with what is
    /// in their queues. Gives whether there is such a listener.
    pub fn replace_router(&self, number: u16, router: Arc<Router>) -> bool {
        let Some(running) = self.listeners.get(&number) else { return false };
        running.router.store(router);
        true
    }

    /// Closes one listener, after it has answered what had come, for which it has `grace`. Gives whether there was such
    /// a listener.
    pub async fn close(&mut self, number: u16, grace: Duration) -> bool {
        let Some(running) = self.listeners.remove(&number) else { return false };
        self.closed += Self::finish(vec![running], grace).await;
        true
    }

    /// Takes nothing new, answers what has come, for which there is `grace`, and stops. Gives what was counted.
    pub async fn drain(mut self, grace: Duration) -> Stats {
        let running = std::mem::take(&mut self.listeners).into_values().collect();
        let mut stats = self.closed;
        stats += Self::finish(running, grace).await;
        let waiting = self.common.in_flight.count();
        if waiting > 0 {
            tracing::warn!("{waiting} queries still wait for an answer and get none");
        }
        stats
    }

    async fn finish(mut listeners: Vec<Running>, grace: Duration) -> Stats {
        let end = Instant::now() + grace;
        listeners.iter().for_each(Running::begin_drain);
        for running in &mut listeners {
            if timeout_at(end, running.drained()).await.is_err() {
                break;
            }
        }
        listeners.iter().map(Running::stats).sum()
    }

    /// What was counted since the start, by all listeners.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = self.closed;
        stats += self.listeners.values().map(Running::stats).sum();
        stats
    }

    /// How many queries wait for somebody now.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.common.in_flight.count()
    }

    /// What a listener is bound to: the first of its addresses, or the wildcard.
    #[must_use]
    pub fn local_address(&self, number: u16) -> Option<SocketAddr> {
        self.local_addresses(number).first().copied()
    }

    /// What a listener is bound to, over UDP and TCP alike.
    #[must_use]
    pub fn local_addresses(&self, number: u16) -> &[SocketAddr] {
        self.listeners.get(&number).map_or(&[], |running| &running.local_addresses)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight_max: 65_536,
            connections_max: 8_192,
            pipelined_max: 128,
            first_query_timeout: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(5),
        }
    }
}

/// One for each core that this process may use, a CPU quota included.
fn workers() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

#[cfg(test)]
mod tests;
