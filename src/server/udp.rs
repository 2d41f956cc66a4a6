//! A UDP worker: a thread of its own that blocks in the kernel until packets come, and answers them there and then.
//!
//! Hot path. A batch costs one reading of the clock, one load of the router, and two system calls; a query in it whose
//! answer is at hand allocates nothing, takes no lock and wakes nobody.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::runtime::Handle;

use super::answer::{Answer, Edge, Later, answer};
use super::listener::RECEIVE_BUFFER_LEN;
use super::phase::{Alive, Phase, PhaseCell};
use super::stats::Count;
use crate::dns::{Origin, Response, Transport};
use crate::plugin::Router;

/// More octets of replies than this are not kept for the end of the batch.
pub(super) const REPLIES_LEN_MAX: usize = 64 * 1024;
/// A worker that drains takes no more packets than this: more than the queue of a socket can hold, so that all that had
/// come before are among them. The kernel counts some 800 octets for a packet, and up to twice the length that was asked
/// for.
const DRAIN_PACKETS_MAX: usize = 2 * RECEIVE_BUFFER_LEN / 512;
/// How long a worker rests after an error that is not about one packet, so that it does not spin.
const ERROR_PAUSE: Duration = Duration::from_millis(20);

/// A way to receive and send datagrams. What was received stands in slots, which hold until the next receive.
pub(super) trait Datagrams {
    /// Where a reply goes that is sent later.
    type Route: Copy + Send + 'static;

    /// How many packets a receive gives when there are more; with one, a receive tells nothing about the queue.
    const BATCH_LEN: usize;

    /// Waits for packets.
    fn receive(&mut self) -> io::Result<Received>;

    /// The packet in a slot.
    fn packet(&self, slot: usize) -> &[u8];

    /// Who sent it, and to which of our addresses; IPv4 addresses as such.
    fn addresses(&self, slot: usize) -> (SocketAddr, SocketAddr);

    /// Takes a reply to the packet in this slot, to be sent by the next flush or before. Gives how many replies could
    /// not be sent.
    fn queue(&mut self, slot: usize, reply: &[u8]) -> usize;

    /// Sends what was taken. Gives how many replies could not be sent.
    fn flush(&mut self) -> usize;

    /// The way back to who sent the packet in this slot.
    fn route(&self, slot: usize) -> Self::Route;

    /// Sends a reply that had to wait. Does not block.
    fn send(socket: &UdpSocket, route: &Self::Route, reply: &[u8]) -> io::Result<()>;
}

/// What a receive gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Received {
    /// So many packets, in the first slots.
    Packets(usize),
    /// The queue is empty, and the wait for more was ended.
    End,
}

/// One thread's part of a listener.
pub(super) struct Worker {
    pub(super) number: u16,
    pub(super) socket: Arc<UdpSocket>,
    pub(super) router: Arc<ArcSwap<Router>>,
    pub(super) edge: Arc<Edge>,
    pub(super) phase: Arc<PhaseCell>,
    pub(super) runtime: Handle,
    pub(super) alive: Alive,
}

// === impl Worker ===

impl Worker {
    /// Serves until the listener's phase and the queue of the socket say that it is over.
    pub(super) fn run<D: Datagrams>(self, mut io: D) {
        let mut response = Response::new();
        // Plugins that panic are caught one by one, further in. This is for faults of our own: they cost a batch, and not
        // the worker and with it all queries that the kernel gives to its socket.
        while catch_unwind(AssertUnwindSafe(|| self.serve(&mut io, &mut response))).is_err() {
            tracing::error!("a UDP worker panicked and goes on; its batch is lost");
            response = Response::new();
        }
    }

    fn serve<D: Datagrams>(&self, io: &mut D, response: &mut Response) {
        let mut failing = false;
        let mut drained = 0;
        loop {
            // Before the receive: a batch that was taken while the listener ran tells nothing of what came behind it.
            let is_draining = self.phase.get() != Phase::Running;
            match io.receive() {
                Ok(Received::Packets(count)) => {
                    failing = false;
                    self.serve_batch(io, response, count);
                    if is_draining {
                        drained += count;
                    }
                    // A batch that is not full was all that there was. Clients that go on sending would keep the queue
                    // from ever being empty.
                    let was_all = count < D::BATCH_LEN || drained >= DRAIN_PACKETS_MAX;
                    if self.phase.get() == Phase::Stopped || (is_draining && was_all) {
                        return;
                    }
                }
                Ok(Received::End) => {
                    if self.phase.get() != Phase::Running {
                        return;
                    }
                }
                Err(error) => {
                    if self.phase.get() != Phase::Running {
                        return;
                    }
                    if !failing {
                        tracing::warn!("failed to receive over UDP, trying on: {error}");
                    }
                    failing = true;
                    thread::park_timeout(ERROR_PAUSE);
                }
            }
        }
    }

    fn serve_batch<D: Datagrams>(&self, io: &mut D, response: &mut Response, count: usize) {
        let received = Instant::now();
        self.edge.cells.add(Count::Received, count as u64);
        let router = self.router.load();
        let mut unsent = 0;
        for slot in 0..count {
            let (peer, local) = io.addresses(slot);
            let origin =
                Origin { peer, local, transport: Transport::Udp, received, server: self.number, depth: 0 };
            match answer(io.packet(slot), origin, &router, response, &self.edge) {
                Answer::Send => unsent += io.queue(slot, response.as_bytes()),
                Answer::Nothing => {}
                Answer::Later(later) => self.spawn::<D>(later, io.route(slot)),
            }
        }
        unsent += io.flush();
        if unsent > 0 {
            self.edge.cells.add(Count::Unsent, unsent as u64);
        }
    }

    fn spawn<D: Datagrams>(&self, later: Later, route: D::Route) {
        // A listener that is closed takes its sockets with it, whatever still waits: a socket that nobody reads would
        // go on taking its share of the port's packets.
        let socket = Arc::downgrade(&self.socket);
        let cells = Arc::clone(&self.edge.cells);
        let alive = self.alive.clone();
        self.runtime.spawn(async move {
            let response = later.finish().await;
            if let (Some(response), Some(socket)) = (response, socket.upgrade())
                && D::send(&socket, &route, response.as_bytes()).is_err()
            {
                cells.add(Count::Unsent, 1);
            }
            drop(alive);
        });
    }
}
