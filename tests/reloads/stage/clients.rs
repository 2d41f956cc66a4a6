//! Clients that ask at a steady pace, and do not wait for one answer before they ask again.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::{Tally, Versions};

/// How long an answer may take before it counts as lost. A guard, far above what a resolver waits for (5 s).
const PATIENCE: Duration = Duration::from_secs(8);
const NAME: &[u8] = b"\x01a\x07example\x03org\x00";

/// How a client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Over UDP.
    Datagrams,
    /// Over TCP, all on one connection.
    OneConnection,
    /// Over TCP, each on a connection of its own.
    ManyConnections,
}

/// Id of a question, and the version that was in use when it was asked.
type Open = Arc<Mutex<HashMap<u16, (u16, Instant)>>>;

/// A client that runs.
type Client = (Kind, JoinHandle<Tally>);

impl Kind {
    pub(super) const ALL: [Kind; 3] = [Kind::Datagrams, Kind::OneConnection, Kind::ManyConnections];

    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Datagrams => "UDP",
            Kind::OneConnection => "TCP, connections that stay",
            Kind::ManyConnections => "TCP, a connection a query",
        }
    }

    /// Four tenths of the rate over UDP, four over connections that stay, and two over connections of their own.
    pub(super) fn start(
        self,
        server: SocketAddr,
        rate: u32,
        versions: &Arc<Versions>,
        stop: &Arc<AtomicBool>,
    ) -> Vec<Client> {
        let (clients, tenths) = match self {
            Kind::Datagrams => (2, 4),
            Kind::OneConnection => (4, 4),
            Kind::ManyConnections => (2, 2),
        };
        let pace = Duration::from_secs(1) * clients * 10 / (rate * tenths);
        let start = |_| {
            let (versions, stop) = (Arc::clone(versions), Arc::clone(stop));
            let run = move || match self {
                Kind::Datagrams => datagrams(server, pace, &versions, &stop),
                Kind::OneConnection => one_connection(server, pace, &versions, &stop),
                Kind::ManyConnections => many_connections(server, pace, &versions, &stop),
            };
            (self, std::thread::spawn(run))
        };
        (0..clients).map(start).collect()
    }
}

fn datagrams(server: SocketAddr, pace: Duration, versions: &Versions, stop: &AtomicBool) -> Tally {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    // What is lost is the server's doing, and not for want of room here.
    let _ = SockRef::from(&socket).set_recv_buffer_size(4 << 20);
    socket.connect(server).expect("connected");
    socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a time-out");
    let open = Open::default();
    let mut tally = Tally::default();
    let sent = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let answers = scope.spawn(|| {
            let mut tally = Tally::default();
            let mut reply = [0; 512];
            while !(sent.load(Ordering::SeqCst) && is_over(&open)) {
                if let Ok(length) = socket.recv(&mut reply) {
                    take(&open, &reply[..length], versions, &mut tally);
                }
            }
            tally
        });
        let mut pacer = Pacer::new(pace);
        while !stop.load(Ordering::SeqCst) {
            tally.asked += 1;
            let packet = question(&open, versions, tally.asked);
            if let Err(error) = socket.send(&packet) {
                tally.lost(|| format!("not sent: {error}"));
            }
            pacer.wait();
        }
        sent.store(true, Ordering::SeqCst);
        tally.add(answers.join().expect("the answers"));
    });
    finish(&open, &mut tally);
    tally
}

fn one_connection(server: SocketAddr, pace: Duration, versions: &Versions, stop: &AtomicBool) -> Tally {
    let mut tally = Tally::default();
    let mut pacer = Pacer::new(pace);
    while !stop.load(Ordering::SeqCst) {
        let stream = match TcpStream::connect(server) {
            Ok(stream) => stream,
            Err(error) => {
                tally.asked += 1;
                tally.lost(|| format!("no connection: {error}"));
                pacer.wait();
                continue;
            }
        };
        stream.set_nodelay(true).expect("an option");
        stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a time-out");
        let open = Open::default();
        let (sent, ended) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let answers = scope.spawn(|| {
                let mut tally = Tally::default();
                let mut frames = Frames::default();
                while !(sent.load(Ordering::SeqCst) && is_over(&open)) {
                    match frames.next(&mut &stream) {
                        Ok(Some(reply)) => take(&open, &reply, versions, &mut tally),
                        Ok(None) => {}
                        Err(_) => {
                            ended.store(true, Ordering::SeqCst);
                            break;
                        }
                    }
                }
                tally
            });
            while !stop.load(Ordering::SeqCst) && !ended.load(Ordering::SeqCst) {
                tally.asked += 1;
                let packet = question(&open, versions, tally.asked);
                if (&stream).write_all(&framed(&packet)).is_err() {
                    break;
                }
                pacer.wait();
            }
            sent.store(true, Ordering::SeqCst);
            tally.add(answers.join().expect("the answers"));
        });
        finish(&open, &mut tally);
    }
    tally
}

fn many_connections(server: SocketAddr, pace: Duration, versions: &Versions, stop: &AtomicBool) -> Tally {
    let mut tally = Tally::default();
    let mut pacer = Pacer::new(pace);
    let open = Open::default();
    while !stop.load(Ordering::SeqCst) {
        tally.asked += 1;
        let packet = question(&open, versions, tally.asked);
        let ask = || -> io::Result<Vec<u8>> {
            let mut stream = TcpStream::connect(server)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(&framed(&packet))?;
            Frames::default().next(&mut stream)?.ok_or_else(|| io::ErrorKind::TimedOut.into())
        };
        match ask() {
            Ok(reply) => take(&open, &reply, versions, &mut tally),
            Err(error) => {
                open.lock().expect("no client panics").clear();
                tally.lost(|| format!("on a connection of its own: {error}"));
            }
        }
        pacer.wait();
    }
    tally
}

/// A question, noted as open.
fn question(open: &Open, versions: &Versions, number: usize) -> Vec<u8> {
    let id = (number % 65_521) as u16;
    let mut packet = Vec::with_capacity(31);
    for field in [id, 0x0100, 1, 0, 0, 0] {
        packet.extend(field.to_be_bytes());
    }
    packet.extend(NAME);
    packet.extend([0, 1, 0, 1]);
    let in_use = versions.in_use.load(Ordering::SeqCst);
    open.lock().expect("no client panics").insert(id, (in_use, Instant::now()));
    packet
}

/// Checks an answer against what was in use when it was asked, and what is written by now.
fn take(open: &Open, reply: &[u8], versions: &Versions, tally: &mut Tally) {
    let id = reply.first_chunk().map_or(0, |id| u16::from_be_bytes(*id));
    let Some((oldest, asked)) = open.lock().expect("no client panics").remove(&id) else {
        return tally.wrong(|| format!("an answer that nobody asked for: {reply:02x?}"));
    };
    let newest = versions.written.load(Ordering::SeqCst);
    // NOERROR, one record, the four octets of its address at the end.
    let version = match reply {
        [_, _, _, rcode, 0, 1, 0, 1, .., 10, 9, high, low] if *rcode & 15 == 0 => {
            Some(u16::from_be_bytes([*high, *low]))
        }
        _ => None,
    };
    match version {
        Some(version) if (oldest..=newest).contains(&version) => {}
        Some(version) => {
            tally.wrong(|| {
                format!("version {version}, where {oldest} to {newest} may be; {:?}", asked.elapsed())
            });
        }
        None => tally.wrong(|| format!("{reply:02x?}")),
    }
}

/// Whether nothing is waited for any more.
fn is_over(open: &Open) -> bool {
    open.lock().expect("no client panics").values().all(|(_, asked)| asked.elapsed() > PATIENCE)
}

fn finish(open: &Open, tally: &mut Tally) {
    for (oldest, asked) in open.lock().expect("no client panics").values() {
        tally.lost(|| format!("no answer to a question of version {oldest}, {:?} ago", asked.elapsed()));
    }
}

fn framed(packet: &[u8]) -> Vec<u8> {
    let mut framed = u16::try_from(packet.len()).expect("a short packet").to_be_bytes().to_vec();
    framed.extend(packet);
    framed
}

/// Messages off a stream.
#[derive(Default)]
struct Frames {
    bytes: Vec<u8>,
}

impl Frames {
    /// The next message; nothing when none comes in time.
    fn next(&mut self, stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some((length, rest)) = self.bytes.split_first_chunk() {
                let length = usize::from(u16::from_be_bytes(*length));
                if rest.len() >= length {
                    let message = rest[..length].to_vec();
                    self.bytes.drain(..2 + length);
                    return Ok(Some(message));
                }
            }
            let mut buffer = [0; 4096];
            match stream.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.bytes.extend(&buffer[..length]),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Waits so that something happens at a steady pace; what is late is caught up with.
struct Pacer {
    pace: Duration,
    next: Instant,
}

impl Pacer {
    fn new(pace: Duration) -> Self {
        Self { pace, next: Instant::now() }
    }

    #[expect(clippy::disallowed_methods, reason = "a test's thread serves nobody")]
    fn wait(&mut self) {
        self.next += self.pace;
        std::thread::sleep(self.next.saturating_duration_since(Instant::now()));
    }
}
