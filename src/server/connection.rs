//! One TCP connection: length-prefixed queries in, answers out as they are ready (RFC 7766 §6.2.1.1, §7).
//!
//! ```text
//!   socket ──▶ frames ──▶ answer ──▶ output ──▶ socket        at once
//!                            ├──▶ waiting ──▶─┤               when done, in whatever order
//!                            └──▶ streams ──▶─┘               a message at a time, while nothing else is to be done
//! ```
//!
//! Everything is one state machine in one task: nothing is spawned for a query, and what is ready together goes out in
//! one write. Buffers are lent by the thread while there is something to do, so that a connection that is idle holds
//! none.
//!
//! **Back-pressure:** nothing is read while answers wait to be taken, or while as many queries wait as may. An answer of
//! many messages (a zone transfer) is asked for the next one when the output is empty and nothing is to be read, so that
//! of a large zone no more than a message is ever here, and queries behind it are answered between its messages.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::mem;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

use super::answer::{Answer, QUERY_LEN_MAX, answer};
use super::phase::Phase;
use super::stats::Count;
use super::tcp::Site;
use crate::dns::{Continuation, Origin, Response, Transport};

/// What one read takes at most.
const READ_LEN_MAX: usize = 16 * 1024;
/// With more octets of answers than this waiting to be written, no more queries are answered.
const OUTPUT_LEN_MAX: usize = 64 * 1024;

/// After so many messages of streams the other connections of the thread have their turn.
const STREAMED_IN_A_ROW_MAX: usize = 4;

/// A larger output buffer is not kept for the next connection.
const OUTPUT_KEPT_MAX: usize = 256 * 1024;

/// A connection.
pub(super) struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
    site: Arc<Site>,
    /// What was read and not yet answered: a piece of a query, or queries for which there is no room.
    input: Vec<u8>,
    /// Octets to come that belong to a query of which enough was read.
    skip: usize,
    output: Vec<u8>,
    written: usize,
    waiting: FuturesUnordered<Pin<Box<dyn Future<Output = Option<Response>> + Send>>>,
    /// What is left of answers that have many messages. They take turns.
    streams: VecDeque<Box<dyn Continuation>>,
    /// Until when the next query is to be there whole.
    read_deadline: Instant,
    /// Until when the output is to be taken, while there is some.
    write_deadline: Option<Instant>,
    is_read_closed: bool,
    is_draining: bool,
}

/// What a thread lends to the connection that it is working on.
struct Scratch {
    read: Box<[u8]>,
    output: Vec<u8>,
    response: Response,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> =
        RefCell::new(Scratch {
        read: vec![0; READ_LEN_MAX].into(),
        output: Vec::new(),
        response: Response::new(),
    });
}

/// Whether there was anything to do.
enum Step {
    Progress,
    /// One more message of a stream stands in the output.
    Streamed,
    Blocked,
    Over,
}

// === impl Connection ===

impl Connection {
    pub(super) fn new(stream: TcpStream, peer: SocketAddr, local: SocketAddr, site: Arc<Site>) -> Self {
        let canonical = |address: SocketAddr| match address.ip().to_canonical() {
            ip if ip == address.ip() => address,
            ip => SocketAddr::new(ip, address.port()),
        };
        Self {
            stream,
            peer: canonical(peer),
            local: canonical(local),
            read_deadline: Instant::now() + site.limits.first_query_timeout,
            site,
            input: Vec::new(),
            skip: 0,
            output: Vec::new(),
            written: 0,
            waiting: FuturesUnordered::new(),
            streams: VecDeque::new(),
            write_deadline: None,
            is_read_closed: false,
            is_draining: false,
        }
    }

    /// Serves until either side has had enough.
    pub(super) async fn run(mut self, mut phase: watch::Receiver<Phase>) {
        let mut timer = pin!(sleep_until(self.read_deadline));
        tokio::select! {
            biased;
            () = poll_fn(|cx| self.poll(cx, timer.as_mut())) => return,
            _ = phase.wait_for(|phase| *phase != Phase::Running) => {}
        }
        self.is_draining = true;
        poll_fn(|cx| self.poll(cx, timer.as_mut())).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<()> {
        let step = SCRATCH.with_borrow_mut(|scratch| {
            if self.output.is_empty() {
                self.output = mem::take(&mut scratch.output);
            }
            let mut streamed = 0;
            let step = loop {
                match self.step(cx, scratch) {
                    Step::Progress => {}
                    Step::Streamed if streamed < STREAMED_IN_A_ROW_MAX => streamed += 1,
                    Step::Streamed => {
                        cx.waker().wake_by_ref();
                        break Step::Blocked;
                    }
                    step => break step,
                }
            };
            if self.output.is_empty() && self.output.capacity() <= OUTPUT_KEPT_MAX {
                scratch.output = mem::take(&mut self.output);
            }
            step
        });
        if matches!(step, Step::Over) {
            return Poll::Ready(());
        }
        // While a query waits its plugins mind the time.
        while let Some(deadline) = self.deadline() {
            // Set only when it must ring earlier, or has rung: a query moves the deadline without touching the timer.
            if deadline < timer.deadline() {
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(cx).is_pending() {
                break;
            }
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    fn deadline(&self) -> Option<Instant> {
        self.write_deadline.or_else(|| self.is_idle().then_some(self.read_deadline))
    }

    /// Collects, answers, writes and reads, as far as each can go.
    fn step(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Step {
        while !self.waiting.is_empty() {
            let Poll::Ready(Some(response)) = self.waiting.poll_next_unpin(cx) else { break };
            if let Some(mut response) = response {
                self.put(&mut response);
            }
            self.read_deadline = Instant::now() + self.site.limits.idle_timeout;
        }
        let answered = self.answer_input(scratch);
        let was_busy = self.is_busy();
        if self.poll_write(cx).is_err() {
            return Step::Over;
        }
        if answered || (was_busy && !self.is_busy()) {
            return Step::Progress;
        }
        if !self.output.is_empty() {
            return Step::Blocked;
        }
        if self.is_read_closed || self.is_busy() {
            return match self.stream(&mut scratch.response) {
                Step::Blocked if self.is_idle() => Step::Over,
                step => step,
            };
        }
        let mut buffer = ReadBuf::new(&mut scratch.read);
        match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => {
                // The client has no more to ask, and may still be reading (RFC 7766 §6.2.4 leaves that open).
                self.is_read_closed = true;
                Step::Progress
            }
            Poll::Ready(Ok(())) => {
                let read = buffer.filled().len();
                self.take_read(read, scratch);
                Step::Progress
            }
            Poll::Ready(Err(_)) => Step::Over,
            Poll::Pending => match self.stream(&mut scratch.response) {
                Step::Blocked if self.is_draining && self.is_idle() => Step::Over,
                step => step,
            },
        }
    }

    /// Puts the next message of a stream into the output, which is empty. The stream that is next is asked after it.
    fn stream(&mut self, response: &mut Response) -> Step {
        let Some(mut stream) = self.streams.pop_front() else { return Step::Blocked };
        if stream.next(response) {
            response.finish();
            put(&mut self.output, response.as_bytes());
            self.streams.push_back(stream);
        } else {
            self.read_deadline = Instant::now() + self.site.limits.idle_timeout;
        }
        Step::Streamed
    }

    /// Whether no answer is under way.
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.streams.is_empty()
    }

    /// Whether no more may be taken on.
    fn is_busy(&self) -> bool {
        self.waiting.len() + self.streams.len() >= self.site.limits.pipelined_max
            || self.output.len() > OUTPUT_LEN_MAX
    }

    /// Answers what the first `read` octets of the scratch hold, behind what was left over before.
    fn take_read(&mut self, read: usize, scratch: &mut Scratch) {
        if self.input.is_empty() {
            let Scratch { read: octets, response, .. } = scratch;
            let used = self.answer_frames(&octets[..read], response);
            // Exactly what is left, and nothing for nothing.
            self.input = octets[used..read].to_vec();
        } else {
            self.input.extend_from_slice(&scratch.read[..read]);
            self.answer_input(scratch);
        }
    }

    /// Answers what was left over, as far as there is room. Gives whether there was anything.
    fn answer_input(&mut self, scratch: &mut Scratch) -> bool {
        if self.input.is_empty() {
            return false;
        }
        let mut input = mem::take(&mut self.input);
        let used = self.answer_frames(&input, &mut scratch.response);
        if used < input.len() {
            input.drain(..used);
            self.input = input;
        }
        used > 0
    }

    /// Answers the whole frames at the start of `octets`. Gives how many octets are done with.
    fn answer_frames(&mut self, octets: &[u8], response: &mut Response) -> usize {
        let mut received = None;
        let router = self.site.router.load();
        let mut at = 0;
        let mut count = 0;
        loop {
            let skipped = self.skip.min(octets.len() - at);
            self.skip -= skipped;
            at += skipped;
            if self.is_busy() {
                break;
            }
            let Some((length, rest)) = octets[at..].split_first_chunk::<2>() else { break };
            let length = usize::from(u16::from_be_bytes(*length));
            let kept = length.min(QUERY_LEN_MAX);
            let Some(packet) = rest.get(..kept) else { break };
            at += 2 + kept;
            self.skip = length - kept;
            count += 1;
            let received = *received.get_or_insert_with(std::time::Instant::now);
            let origin = Origin {
                peer: self.peer,
                local: self.local,
                transport: Transport::Tcp,
                received,
                server: self.site.number,
                depth: 0,
            };
            match answer(packet, origin, &router, response, &self.site.edge) {
                Answer::Send => self.put(response),
                Answer::Nothing => {}
                Answer::Later(later) => self.waiting.push(Box::pin(later.finish())),
            }
        }
        if let Some(received) = received {
            self.site.edge.cells.add(Count::Received, count);
            self.read_deadline = Instant::from_std(received) + self.site.limits.idle_timeout;
        }
        at
    }

    fn put(&mut self, response: &mut Response) {
        put(&mut self.output, response.as_bytes());
        self.streams.extend(response.take_rest());
    }

    /// Writes what there is. The buffer is given back once it is empty.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), ()> {
        while self.written < self.output.len() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.output[self.written..]) {
                Poll::Ready(Ok(written)) if written > 0 => self.written += written,
                Poll::Ready(_) => return Err(()),
                Poll::Pending => {
                    // Counted from when the client began to be slow and not from its last octet: one that takes an
                    // octet now and then is no better than one that takes none.
                    let timeout = self.site.limits.write_timeout;
                    self.write_deadline.get_or_insert_with(|| Instant::now() + timeout);
                    return Ok(());
                }
            }
        }
        self.write_deadline = None;
        self.written = 0;
        self.output.clear();
        Ok(())
    }
}

/// Appends a message with its length (RFC 1035 §4.2.2).
fn put(output: &mut Vec<u8>, answer: &[u8]) {
    // No response is longer than a message may be.
    let Ok(length) = u16::try_from(answer.len()) else { return };
    output.extend_from_slice(&length.to_be_bytes());
    output.extend_from_slice(answer);
}
