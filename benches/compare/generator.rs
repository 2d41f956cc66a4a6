//! Load over UDP from one thread: a window of queries that wait, or a number of queries a second.
//!
//! At a rate, latency counts from when a query was to go out: a server that stalls is seen to (no coordinated omission).

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::datagrams::{BATCH, Inbox, send};
use crate::names::Questions;

const SOCKETS: usize = 8;
/// A query that is not answered by then is lost.
const LOST_AFTER: Duration = Duration::from_secs(1);
const BUFFER: usize = 4 << 20;
/// Latencies in microseconds, the last one for all that are longer.
const LATENCIES: usize = 1_000_000;

/// How much is asked.
#[derive(Clone, Copy)]
pub enum Load {
    /// So many queries wait at any time.
    Window(usize),
    /// So many a second.
    Rate(f64),
}

/// What a reply must be.
#[derive(Clone, Copy)]
pub struct Expected {
    pub rcode: u8,
    pub answers: u16,
}

/// What came of it.
pub struct Outcome {
    pub seconds: f64,
    pub sent: u64,
    pub answered: u64,
    /// Of those, other than they must be.
    pub wrong: u64,
    latencies: Vec<u32>,
}

struct Line {
    socket: UdpSocket,
    /// When the query of each id was to go out, in nanoseconds; 0 for none.
    due: Vec<u64>,
    next_id: u16,
    waiting: usize,
}

impl Outcome {
    pub fn new() -> Self {
        Self { seconds: 0.0, sent: 0, answered: 0, wrong: 0, latencies: vec![0; LATENCIES] }
    }

    pub fn note(&mut self, latency: Duration, is_right: bool) {
        self.answered += 1;
        self.wrong += u64::from(!is_right);
        self.latencies[(latency.as_micros() as usize).min(LATENCIES - 1)] += 1;
    }

    pub fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.answered += other.answered;
        self.wrong += other.wrong;
        self.latencies.iter_mut().zip(&other.latencies).for_each(|(to, from)| *to += from);
    }

    /// The latency that this share of the queries has at most, in microseconds; lost ones have the longest.
    pub fn percentile(&self, share: f64) -> f64 {
        let wanted = (self.answered as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (micros, count) in self.latencies.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return micros as f64;
            }
        }
        LATENCIES as f64
    }
}

/// Whether a reply is what it must be.
pub fn is_right(reply: &[u8], expected: Expected) -> bool {
    reply.len() >= 12
        && reply[3] & 0xf == expected.rcode
        && u16::from_be_bytes([reply[6], reply[7]]) == expected.answers
}

/// Asks for that long.
pub fn run(
    to: SocketAddr,
    questions: &Questions,
    first: u64,
    load: Load,
    time: Duration,
    expected: Expected,
) -> Outcome {
    let mut lines: Vec<Line> = (0..SOCKETS).map(|_| Line::to(to)).collect();
    let (mut outcome, mut inbox) = (Outcome::new(), Inbox::new());
    let mut packets = vec![Vec::new(); BATCH];
    let begin = Instant::now();
    let mut lost_seen = begin;
    loop {
        let now = begin.elapsed();
        let is_over = now >= time;
        if is_over && (lines.iter().all(|line| line.waiting == 0) || now >= time + LOST_AFTER) {
            break;
        }
        let mut has_moved = false;
        for line in &mut lines {
            let room = match load {
                _ if is_over => 0,
                Load::Window(window) => (window / SOCKETS).saturating_sub(line.waiting),
                Load::Rate(rate) => (now.as_secs_f64() * rate) as usize - outcome.sent as usize,
            };
            for (at, packet) in packets.iter_mut().take(room).enumerate() {
                let due = match load {
                    Load::Window(_) => now.as_nanos() as u64,
                    Load::Rate(rate) => ((outcome.sent + at as u64) as f64 / rate * 1e9) as u64,
                };
                let id = line.enter(due);
                questions.write(first + outcome.sent + at as u64, id, packet);
            }
            let messages: Vec<&[u8]> = packets[..room.min(BATCH)].iter().map(Vec::as_slice).collect();
            let sent = send(&line.socket, &messages);
            for packet in &packets[sent..room.min(BATCH)] {
                line.leave(u16::from_be_bytes([packet[0], packet[1]]));
            }
            outcome.sent += sent as u64;
            inbox.receive(&line.socket);
            let now = begin.elapsed().as_nanos() as u64;
            for at in 0..inbox.arrived.len() {
                let reply = inbox.message(at);
                let Some(id) = reply.first_chunk().map(|id| u16::from_be_bytes(*id)) else { continue };
                if let Some(due) = line.leave(id) {
                    outcome.note(Duration::from_nanos(now - due), is_right(reply, expected));
                }
            }
            has_moved |= sent > 0 || !inbox.arrived.is_empty();
        }
        if begin.elapsed() > time && lost_seen.elapsed() > LOST_AFTER || lost_seen.elapsed() > LOST_AFTER / 2
        {
            lost_seen = Instant::now();
            let before = begin.elapsed().saturating_sub(LOST_AFTER).as_nanos() as u64;
            lines.iter_mut().for_each(|line| line.forget(before));
        }
        if !has_moved {
            std::thread::yield_now();
        }
    }
    outcome.seconds = time.as_secs_f64();
    outcome
}

impl Line {
    fn to(to: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let _ = SockRef::from(&socket).set_recv_buffer_size(BUFFER);
        let _ = SockRef::from(&socket).set_send_buffer_size(BUFFER);
        socket.set_nonblocking(true).expect("a socket has options");
        socket.connect(to).expect("loopback is there");
        Self { socket, due: vec![0; 1 << 16], next_id: 0, waiting: 0 }
    }

    fn enter(&mut self, due: u64) -> u16 {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        self.leave(id);
        self.due[usize::from(id)] = due.max(1);
        self.waiting += 1;
        id
    }

    fn leave(&mut self, id: u16) -> Option<u64> {
        let due = std::mem::take(&mut self.due[usize::from(id)]);
        (due > 0).then(|| {
            self.waiting -= 1;
            due
        })
    }

    /// Those that were sent before are lost.
    fn forget(&mut self, before: u64) {
        for due in &mut self.due {
            if *due > 0 && *due < before {
                *due = 0;
                self.waiting -= 1;
            }
        }
    }
}
