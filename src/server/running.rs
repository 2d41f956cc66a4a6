//! A listener that is being served: its threads and tasks, and how they end.

use std::convert::Infallible;
use std::net::{Shutdown, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::thread;

use arc_swap::ArcSwap;
use socket2::SockRef;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::answer::{Edge, InFlight, Observer};
use super::listener::{BindError, BoundListener};
use super::phase::{Alive, Phase, PhaseCell};
use super::stats::{Cells, Stats};
use super::tcp::{self, Site};
use super::udp::{Datagrams, Worker};
use super::udp_plain::Plain;
use super::{Limits, UdpIo};
use crate::plugin::Router;

/// The discard service (RFC 863), which sends nothing.
const DISCARD_PORT: u16 = 9;

/// What all listeners of a server share.
pub(super) struct Common {
    pub(super) limits: Limits,
    pub(super) udp_io: UdpIo,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) in_flight: Arc<InFlight>,
    pub(super) runtime: Handle,
}

/// The threads and tasks of one listener. Dropping it stops them at once.
pub(super) struct Running {
    pub(super) router: Arc<ArcSwap<Router>>,
    pub(super) local_addresses: Vec<SocketAddr>,
    phase: Arc<PhaseCell>,
    sockets: Vec<Arc<UdpSocket>>,
    accepting: Vec<AbortHandle>,
    cells: Vec<Arc<Cells>>,
    alive_rx: mpsc::Receiver<Infallible>,
}

// === impl Running ===

impl Running {
    /// Serves the sockets.
    pub(super) fn start(bound: BoundListener, common: &Common) -> Result<Self, BindError> {
        let local_addresses = bound.local_addresses().collect();
        let (alive_tx, alive_rx) = mpsc::channel(1);
        let mut running = Self {
            router: Arc::clone(&bound.listener.router),
            local_addresses,
            phase: PhaseCell::new(),
            sockets: Vec::new(),
            accepting: Vec::new(),
            cells: Vec::new(),
            alive_rx,
        };
        let (number, port) = (bound.listener.number, bound.listener.port);
        for (index, socket) in bound.udp.into_iter().flatten().enumerate() {
            let address = socket.local_addr().unwrap_or(SocketAddr::from(([0, 0, 0, 0], port)));
            running
                .start_udp(number, index, socket, alive_tx.clone(), common)
                .map_err(|error| BindError::thread(address, error))?;
        }
        for (index, listener) in bound.tcp.into_iter().enumerate() {
            let address =
                running.local_addresses.get(index).copied().unwrap_or(SocketAddr::from(([0, 0, 0, 0], port)));
            running
                .start_tcp(number, listener, alive_tx.clone(), common)
                .map_err(|error| BindError::thread(address, error))?;
        }
        Ok(running)
    }

    fn start_udp(
        &mut self,
        number: u16,
        index: usize,
        socket: UdpSocket,
        alive: Alive,
        common: &Common,
    ) -> std::io::Result<()> {
        let socket = Arc::new(socket);
        self.sockets.push(Arc::clone(&socket));
        let worker = Worker {
            number,
            socket: Arc::clone(&socket),
            router: Arc::clone(&self.router),
            edge: self.edge(common),
            phase: Arc::clone(&self.phase),
            runtime: common.runtime.clone(),
            alive,
        };
        match common.udp_io {
            #[cfg(target_os = "linux")]
            UdpIo::Batch => spawn(index, worker, super::udp_batch::Batch::new(socket)?),
            #[cfg(not(target_os = "linux"))]
            UdpIo::Batch => spawn(index, worker, Plain::new(socket)?),
            UdpIo::Plain => spawn(index, worker, Plain::new(socket)?),
        }
    }

    fn start_tcp(
        &mut self,
        number: u16,
        listener: TcpListener,
        alive: Alive,
        common: &Common,
    ) -> std::io::Result<()> {
        let site = Arc::new(Site {
            number,
            router: Arc::clone(&self.router),
            edge: self.edge(common),
            limits: common.limits,
        });
        let _guard = common.runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let task = common.runtime.spawn(tcp::accept(listener, site, self.phase.subscribe(), alive));
        self.accepting.push(task.abort_handle());
        Ok(())
    }

    /// What one worker needs to answer, with counters of its own.
    fn edge(&mut self, common: &Common) -> Arc<Edge> {
        let cells = Arc::new(Cells::default());
        self.cells.push(Arc::clone(&cells));
        Arc::new(Edge { in_flight: Arc::clone(&common.in_flight), observer: common.observer.clone(), cells })
    }

    pub(super) fn stats(&self) -> Stats {
        self.cells.iter().map(|cells| cells.read()).sum()
    }

    /// Takes nothing new from here on; what has come is answered.
    pub(super) fn begin_drain(&self) {
        self.sockets.iter().for_each(|socket| turn_away(socket));
        self.phase.advance(Phase::Draining);
        self.wake();
    }

    /// Waits until all that had come is answered.
    pub(super) async fn drained(&mut self) {
        // Nothing is ever sent: the channel ends with the last of those who hold the other end.
        while self.alive_rx.recv().await.is_some() {}
    }

    /// Ends the wait of the workers. Linux says that the sockets are not connected and wakes their readers all the same,
    /// who first get what is in the queue.
    fn wake(&self) {
        for socket in &self.sockets {
            let _ = SockRef::from(&**socket).shutdown(Shutdown::Read);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.phase.advance(Phase::Stopped);
        self.wake();
        for task in &self.accepting {
            task.abort();
        }
    }
}

/// Lets no more packets come into the queue, so that none does between the last look at it and its end: a socket with a peer
/// takes in what that one sends, and all others go to the sockets that share the port, as when a listener on one address
/// gives way to one on all, or hear at once that nobody is there. What is in the queue stays, and answers have addresses of
/// their own. A socket of all addresses would get a single one by this; it has no narrower one to give way to.
fn turn_away(socket: &UdpSocket) {
    if let Ok(own) = socket.local_addr()
        && !own.ip().is_unspecified()
    {
        let mut nobody = own;
        nobody.set_port(DISCARD_PORT);
        let _ = socket.connect(nobody);
    }
}

fn spawn<D: Datagrams + Send + 'static>(index: usize, worker: Worker, io: D) -> std::io::Result<()> {
    let name = format!("udp-{}-{index}", worker.number);
    thread::Builder::new().name(name).spawn(move || worker.run(io)).map(|_| ())
}
