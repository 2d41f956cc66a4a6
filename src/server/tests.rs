//! The server in this process, on a free port of the loopback, in front of a chain of one small plugin.

use std::net::{IpAddr, Ipv4Addr, UdpSocket as StdUdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use arc_swap::ArcSwap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::*;
use crate::dns::{
    Continuation, FailureKind, Name, OwnedQuery, Owner, Query, Rcode, RecordType, Records, Response, Section,
};
use crate::plugin::{Block, Chain, Finished, Next, Outcome, Plugin, Reply};

mod life;
mod streams;
mod tcp;
mod udp;

/// How long a test waits before it takes a thing for lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// Does what the first label of the name says.
struct Obey {
    /// The address that it answers with, unless the label says otherwise.
    address: Ipv4Addr,
    /// `wait` waits for one of these.
    gate: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: AtomicUsize,
    /// Answers of many messages that are held now, and messages that they have written.
    streams: AtomicUsize,
    streamed: AtomicUsize,
}

/// What follows a message: so many large ones, each with its number, counted down, as TTL.
struct Countdown {
    plugin: Arc<Obey>,
    query: Arc<OwnedQuery>,
    left: u32,
}

/// A server with one listener, and what it obeys.
struct Rig {
    server: Server,
    address: SocketAddr,
    plugin: Arc<Obey>,
}

struct Shared(Arc<Obey>);

// === impl Shared ===

impl Plugin for Shared {
    fn name(&self) -> &'static str {
        "obey"
    }

    fn serve(&self, query: &Query<'_>, _next: Next<'_>, response: &mut Response) -> Reply {
        let plugin = Arc::clone(&self.0);
        let address = plugin.address;
        match query.label(0) {
            b"panic" => panic!("as it was told"),
            b"drop" => return Reply::Done(Outcome::Dropped),
            b"local" => match query.origin().local.ip() {
                IpAddr::V4(local) => response.answer_a(1, local),
                IpAddr::V6(local) => response.answer_aaaa(1, local),
            },
            b"peer" => match query.origin().peer.ip() {
                IpAddr::V4(peer) => response.answer_a(1, peer),
                IpAddr::V6(peer) => response.answer_aaaa(1, peer),
            },
            b"big" => {
                while response
                    .record(Section::Answer, Owner::Question, RecordType::A, 1, |rdata| {
                        rdata.octets(&address.octets());
                    })
                    .is_some()
                {}
            }
            b"endless" => Countdown::begin(u32::MAX, plugin, query, response),
            b"twenty" => Countdown::begin(20, plugin, query, response),
            b"panic-later" => return Reply::later(async { panic!("as it was told, later") }),
            // Blocks the worker, and not only the query.
            b"block" => {
                while plugin.gate.try_acquire().map(tokio::sync::SemaphorePermit::forget).is_err() {
                    std::thread::park_timeout(Duration::from_millis(5));
                }
                response.answer_a(1, address);
            }
            b"wait" => {
                let query = query.to_shared();
                return Reply::later(async move {
                    let now = plugin.waiting.fetch_add(1, SeqCst) + 1;
                    plugin.waiting_max.fetch_max(now, SeqCst);
                    plugin.gate.acquire().await.unwrap().forget();
                    plugin.waiting.fetch_sub(1, SeqCst);
                    let mut response = Response::new();
                    response.begin(&query.as_query());
                    response.answer_a(1, address);
                    Finished { response, outcome: Outcome::Answered }
                });
            }
            b"fail" => return Reply::failed(crate::dns::Failure::new(FailureKind::Plugin)),
            _ => response.answer_a(1, address),
        }
        Reply::answered()
    }
}

// === impl Obey ===

impl Obey {
    async fn until_no_streams(&self) {
        within(async {
            while self.streams.load(SeqCst) != 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
}

// === impl Countdown ===

impl Countdown {
    fn begin(left: u32, plugin: Arc<Obey>, query: &Query<'_>, response: &mut Response) {
        plugin.streams.fetch_add(1, SeqCst);
        response.answer_a(left, plugin.address);
        response.continue_with(Box::new(Self { plugin, query: query.to_shared(), left }));
    }
}

impl Continuation for Countdown {
    fn next(&mut self, response: &mut Response) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        self.plugin.streamed.fetch_add(1, SeqCst);
        response.begin(&self.query.as_query());
        response.answer_a(left, self.plugin.address);
        response.record(Section::Additional, Owner::Question, RecordType::TXT, 0, |rdata| {
            rdata.octets(&[0; 60_000]);
        });
        true
    }
}

impl Drop for Countdown {
    fn drop(&mut self) {
        self.plugin.streams.fetch_sub(1, SeqCst);
    }
}

// === impl Rig ===

impl Rig {
    fn start(addresses: &[IpAddr], options: Options) -> Self {
        let (router, plugin) = router(Ipv4Addr::new(192, 0, 2, 1));
        let server =
            Server::start(vec![listener(0, addresses, 0, router)], options, Handle::current()).unwrap();
        let port = server.local_address(0).unwrap().port();
        let ip = addresses.first().copied().unwrap_or(Ipv4Addr::LOCALHOST.into());
        Self { server, address: SocketAddr::new(ip, port), plugin }
    }

    fn loopback(options: Options) -> Self {
        Self::start(&[Ipv4Addr::LOCALHOST.into()], options)
    }

    async fn udp(&self) -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(self.address).await.unwrap();
        socket
    }

    async fn tcp(&self) -> TcpStream {
        within(TcpStream::connect(self.address)).await.unwrap()
    }

    /// Opens the gate for `n` of those who wait at it.
    fn release(&self, n: usize) {
        self.plugin.gate.add_permits(n);
    }

    /// Until no answer of many messages is held.
    async fn until_waiting(&self, n: usize) {
        within(async {
            while self.plugin.waiting.load(SeqCst) != n {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
}

fn router(address: Ipv4Addr) -> (Arc<Router>, Arc<Obey>) {
    let plugin = Arc::new(Obey {
        address,
        gate: Arc::new(Semaphore::new(0)),
        waiting: AtomicUsize::new(0),
        waiting_max: AtomicUsize::new(0),
        streams: AtomicUsize::new(0),
        streamed: AtomicUsize::new(0),
    });
    let zone = Name::from_wire(b"\x07example\x03org\x00").unwrap();
    let chain = Chain::new(vec![Arc::new(Shared(Arc::clone(&plugin)))]);
    (Arc::new(Router::new(vec![Block { zone, chain }], false, None)), plugin)
}

fn listener(number: u16, addresses: &[IpAddr], port: u16, router: Arc<Router>) -> Listener {
    let router = Arc::new(ArcSwap::new(router));
    let addresses = addresses.iter().map(|address| (*address).into()).collect();
    Listener { number, label: "dns://:53".into(), addresses, port, router }
}

/// An A question for `LABEL.example.org.`
fn question(id: u16, label: &str) -> Vec<u8> {
    let mut packet = vec![0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    packet[..2].copy_from_slice(&id.to_be_bytes());
    packet.push(label.len() as u8);
    packet.extend_from_slice(label.as_bytes());
    packet.extend_from_slice(b"\x07example\x03org\x00\x00\x01\x00\x01");
    packet
}

/// The same with an OPT record.
fn question_edns(id: u16, label: &str, size: u16, version: u8) -> Vec<u8> {
    let mut packet = question(id, label);
    packet[11] = 1;
    packet.extend_from_slice(&[0, 0, 41]);
    packet.extend_from_slice(&size.to_be_bytes());
    packet.extend_from_slice(&[0, version, 0, 0, 0, 0]);
    packet
}

fn framed(packet: &[u8]) -> Vec<u8> {
    [&(packet.len() as u16).to_be_bytes(), packet].concat()
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("nothing came")
}

async fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 65_536];
    let length = within(socket.recv(&mut buffer)).await.unwrap();
    buffer.truncate(length);
    buffer
}

/// The next message of a stream, or `None` at its end.
async fn read_frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let length = within(stream.read_u16()).await.ok()?;
    let mut message = vec![0; usize::from(length)];
    within(stream.read_exact(&mut message)).await.ok()?;
    Some(message)
}

async fn ask(socket: &UdpSocket, packet: &[u8]) -> Vec<u8> {
    socket.send(packet).await.unwrap();
    receive(socket).await
}

fn id(message: &[u8]) -> u16 {
    u16::from_be_bytes([message[0], message[1]])
}

fn rcode(message: &[u8]) -> Rcode {
    Rcode(u16::from(message[3] & 0xf))
}

/// The address at the end of a message without OPT record.
fn last_address(message: &[u8]) -> Ipv4Addr {
    let (_, octets) = message.split_last_chunk::<4>().unwrap();
    Ipv4Addr::from(*octets)
}
