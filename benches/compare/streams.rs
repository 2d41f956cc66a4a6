//! Load over TCP: a connection for each query, or connections with many queries each.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::generator::{Expected, Outcome, is_right};
use crate::names::Questions;

/// How many threads ask at once, each over a connection of its own.
const THREADS: u64 = 16;
/// How many queries are sent before the first reply is waited for.
const PIPELINE: usize = 32;

/// How connections are used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// A connection for each query.
    Each,
    /// One query after the other on a connection that stays.
    Kept,
    /// [`PIPELINE`] queries at once on a connection that stays.
    Pipelined,
}

/// Asks for that long.
pub fn run(
    to: SocketAddr,
    questions: &Questions,
    manner: Manner,
    time: Duration,
    expected: Expected,
) -> Outcome {
    let begin = Instant::now();
    let ask = |thread: u64| {
        let (mut outcome, mut first) = (Outcome::new(), thread << 20);
        let mut stream = None;
        while begin.elapsed() < time {
            let count = if manner == Manner::Pipelined { PIPELINE } else { 1 };
            let connection = stream.take().map_or_else(|| open(to), Ok);
            let asked = connection.and_then(|mut stream| {
                exchange(&mut stream, questions, first, count, expected, &mut outcome)?;
                Ok(stream)
            });
            outcome.sent += count as u64;
            first += count as u64;
            stream = asked.ok().filter(|_| manner != Manner::Each);
        }
        outcome
    };
    let mut all = Outcome::new();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || ask(thread))).collect();
        threads.into_iter().for_each(|thread| all.add(&thread.join().expect("a thread that asks")));
    });
    all.seconds = begin.elapsed().as_secs_f64();
    all
}

fn open(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    // Closed by a reset: the ports of one address would not last for a run, waiting for a minute each.
    SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    Ok(stream)
}

fn exchange(
    stream: &mut TcpStream,
    questions: &Questions,
    first: u64,
    count: usize,
    expected: Expected,
    outcome: &mut Outcome,
) -> io::Result<()> {
    let (mut packet, mut frames) = (Vec::new(), Vec::new());
    for at in 0..count {
        questions.write(first + at as u64, at as u16, &mut packet);
        frames.extend_from_slice(&(packet.len() as u16).to_be_bytes());
        frames.extend_from_slice(&packet);
    }
    let begin = Instant::now();
    stream.write_all(&frames)?;
    let (mut received, mut start) = (Vec::with_capacity(8192), 0);
    let mut buffer = [0; 65_536];
    for _ in 0..count {
        let end = loop {
            let rest = &received[start..];
            if let Some(length) = rest.first_chunk().map(|length| usize::from(u16::from_be_bytes(*length)))
                && rest.len() >= 2 + length
            {
                break start + 2 + length;
            }
            match stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => received.extend_from_slice(&buffer[..length]),
            }
        };
        outcome.note(begin.elapsed(), is_right(&received[start + 2..end], expected));
        start = end;
    }
    Ok(())
}
