//! An upstream that does what a test tells it, over UDP and TCP on one port of 127.0.0.1.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::dns::{Rcode, Transport, wire_len};

/// A query that came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) transport: Transport,
    pub(super) peer: SocketAddr,
    pub(super) packet: Vec<u8>,
}

/// What is done about a query; nothing is done for an empty list.
pub(super) enum Act {
    /// A message, with its length in front on TCP.
    Send(Vec<u8>),
    /// Octets as they are.
    Raw(Vec<u8>),
    /// The TCP connection is closed.
    Close,
}

type Script = Arc<Mutex<dyn FnMut(&Seen) -> Vec<Act> + Send>>;

pub(super) struct Scripted {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    gate: Gate,
    tasks: Vec<JoinHandle<()>>,
}

/// Holds replies back, each until there is a permit for it.
type Gate = Arc<Mutex<Option<Arc<Semaphore>>>>;

#[derive(Clone)]
struct Served {
    script: Script,
    seen: Arc<Mutex<Vec<Seen>>>,
    gate: Gate,
}

impl Scripted {
    pub(super) async fn start(script: impl FnMut(&Seen) -> Vec<Act> + Send + 'static) -> Self {
        let script: Script = Arc::new(Mutex::new(script));
        for _ in 0..100 {
            let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let listener = TcpListener::bind(any).await.unwrap();
            // The same number may be taken for UDP.
            if let Ok(socket) = UdpSocket::bind(listener.local_addr().unwrap()).await {
                return Self::on(listener, socket, script);
            }
        }
        panic!("no port is free for both UDP and TCP");
    }

    /// On UDP alone, at an address that was used before.
    pub(super) async fn restart(address: SocketAddr, script: fn(&Seen) -> Vec<Act>) -> Self {
        let socket = UdpSocket::bind(address).await.unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Self { address, ..Self::on(listener, socket, Arc::new(Mutex::new(script))) }
    }

    fn on(listener: TcpListener, socket: UdpSocket, script: Script) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let gate = Gate::default();
        let served = Served { script, seen: Arc::clone(&seen), gate: Arc::clone(&gate) };
        let address = listener.local_addr().unwrap();
        let tasks = vec![tokio::spawn(served.clone().udp(socket)), tokio::spawn(served.tcp(listener))];
        Self { address, seen, gate, tasks }
    }

    /// From now on each question waits for a permit before it is answered.
    pub(super) fn gated(self, permits: Arc<Semaphore>) -> Self {
        *self.gate.lock().unwrap() = Some(permits);
        self
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Closes the sockets.
    pub(super) async fn stop(self) -> SocketAddr {
        for task in self.tasks {
            task.abort();
            let _ = task.await;
        }
        self.address
    }
}

impl Served {
    fn react(&self, transport: Transport, peer: SocketAddr, packet: &[u8]) -> Vec<Act> {
        let seen = Seen { transport, peer, packet: packet.to_vec() };
        let acts = (*self.script.lock().unwrap())(&seen);
        self.seen.lock().unwrap().push(seen);
        acts
    }

    /// Waits for a permit, where one is needed.
    async fn pass(&self) {
        let gate = self.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
    }

    async fn udp(self, socket: UdpSocket) {
        let mut buffer = vec![0; 65_535];
        let socket = Arc::new(socket);
        let mut replies = tokio::task::JoinSet::new();
        loop {
            let Ok((length, peer)) = socket.recv_from(&mut buffer).await else { continue };
            let acts = self.react(Transport::Udp, peer, &buffer[..length]);
            let (served, socket) = (self.clone(), Arc::clone(&socket));
            replies.spawn(async move {
                served.pass().await;
                for act in acts {
                    if let Act::Send(bytes) | Act::Raw(bytes) = act {
                        // Whoever asked may have closed its socket.
                        let _ = socket.send_to(&bytes, peer).await;
                    }
                }
            });
        }
    }

    async fn tcp(self, listener: TcpListener) {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, peer)) = listener.accept().await {
            connections.spawn(self.clone().connection(stream, peer));
        }
    }

    async fn connection(self, mut stream: TcpStream, peer: SocketAddr) {
        while let Ok(length) = stream.read_u16().await {
            let mut packet = vec![0; usize::from(length)];
            if stream.read_exact(&mut packet).await.is_err() {
                return;
            }
            let acts = self.react(Transport::Tcp, peer, &packet);
            self.pass().await;
            for act in acts {
                let bytes = match act {
                    Act::Send(bytes) => [&(bytes.len() as u16).to_be_bytes()[..], &bytes].concat(),
                    Act::Raw(bytes) => bytes,
                    Act::Close => return,
                };
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        }
    }
}

// === Replies ===

/// A reply with this code and so many A records: 192.0.2.1, 192.0.2.2, …
pub(super) fn reply(query: &[u8], rcode: Rcode, addresses: u16) -> Vec<u8> {
    let question_end = 12 + wire_len(&query[12..]).unwrap() + 4;
    let mut message = query[..question_end].to_vec();
    message[2] |= 0x80;
    message[3] = 0x80 | rcode.0 as u8;
    message[6..8].copy_from_slice(&addresses.to_be_bytes());
    message[8..12].fill(0);
    for number in 1..=addresses {
        message.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, number as u8]);
    }
    message
}

/// Answers everything with one address.
pub(super) fn answer(seen: &Seen) -> Vec<Act> {
    vec![Act::Send(reply(&seen.packet, Rcode::NOERROR, 1))]
}

/// Answers nothing.
pub(super) fn silence(_: &Seen) -> Vec<Act> {
    Vec::new()
}

/// Answers everything with this code.
pub(super) fn code(rcode: Rcode) -> impl FnMut(&Seen) -> Vec<Act> + Send {
    move |seen| vec![Act::Send(reply(&seen.packet, rcode, 0))]
}

/// The message with another id.
pub(super) fn with_other_id(mut message: Vec<u8>) -> Vec<u8> {
    message[0] ^= 0xff;
    message
}

/// The message with another question of the same length.
pub(super) fn with_other_question(mut message: Vec<u8>) -> Vec<u8> {
    message[13] = if message[13] == b'x' { b'y' } else { b'x' };
    message
}
