//! A TCP or TLS connection that several queries wait on (RFC 7766 §6.2.1.1): replies come in any order, and their ids tell
//! whose they are.
//!
//! A task owns the connection. It writes and reads at once, so that an upstream that waits for us to read does not keep
//! us from reading; and a query that is given up in the middle of its octets leaves whole ones behind.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, oneshot};

use super::error::{Cause, Step};
use super::exchange::{self, Broken, LENGTH_LEN, Outgoing, Take, Verdict};
use super::random::random_u16;
use crate::dns::{BadMessage, read_u16};

/// What a reply is first given room for, and what is kept for the next; it grows with what arrives, not with what the
/// upstream announces.
const REPLY_LEN_USUAL: usize = 1024;

/// A connection. It is closed when this and all that wait on it are gone.
pub(super) struct Pipe {
    outbox: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Arc<Mutex<Waiting>>,
    local: Option<SocketAddr>,
}

/// Who waits on a connection, by the id of the query.
#[derive(Default)]
struct Waiting {
    replies: HashMap<u16, oneshot::Sender<Result<Vec<u8>, Broken>>>,
    is_closed: bool,
}

/// A query's place among those that wait, given up when it is dropped.
struct Ticket<'p> {
    pipe: &'p Pipe,
    id: u16,
}

// === impl Pipe ===

impl Pipe {
    /// Takes a connection that nobody has used yet. `local` is our end, for errors.
    pub(super) fn new<S>(stream: S, local: Option<SocketAddr>) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (outbox, orders) = mpsc::unbounded_channel();
        let waiting = Arc::<Mutex<Waiting>>::default();
        let (reader, writer) = tokio::io::split(stream);
        let held = Arc::clone(&waiting);
        tokio::spawn(async move {
            let broken = tokio::select! {
                written = write(writer, orders) => written,
                broken = read(reader, &held) => broken,
            };
            locked(&held).close(&broken);
        });
        Self { outbox, waiting, local }
    }

    /// Our end.
    pub(super) fn local(&self) -> Option<SocketAddr> {
        self.local
    }

    /// Whether another query may go out on it.
    pub(super) fn is_open(&self) -> bool {
        !locked(&self.waiting).is_closed
    }

    /// Sends the query under an id that nobody waits for here, and gives the reply to `take`. Does not end by itself.
    pub(super) async fn ask<T>(&self, query: &mut Outgoing, take: Take<'_, T>) -> Result<T, Broken> {
        let (sender, reply) = oneshot::channel();
        let closed = || Broken { step: Step::Write, cause: Cause::Closed, is_silent: true };
        let ticket = self.enter(sender).ok_or_else(closed)?;
        query.set_id(ticket.id);
        // Not bounded here: the queries that may wait for an upstream are.
        self.outbox.send(query.framed().to_vec()).map_err(|_| closed())?;
        let message = reply.await.map_err(|_| closed())??;
        let broken = |cause| Broken { step: Step::Read, cause, is_silent: false };
        match query.judge(&message) {
            Verdict::Reply => take(&message).map_err(|error| broken(Cause::Broken(error))),
            Verdict::Garbage => Err(broken(Cause::Broken(BadMessage::Broken))),
            _ => Err(broken(Cause::OtherQuestion)),
        }
    }

    fn enter(&self, sender: oneshot::Sender<Result<Vec<u8>, Broken>>) -> Option<Ticket<'_>> {
        let mut waiting = locked(&self.waiting);
        if waiting.is_closed {
            return None;
        }
        loop {
            let id = random_u16();
            if let Entry::Vacant(vacant) = waiting.replies.entry(id) {
                vacant.insert(sender);
                return Some(Ticket { pipe: self, id });
            }
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        locked(&self.pipe.waiting).replies.remove(&self.id);
    }
}

// === impl Waiting ===

fn locked(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Waiting {
    /// Gives a message to who waits for it. `false` when nobody waits at all: the upstream speaks unasked, and a next query
    /// must not take that for its reply.
    fn deliver(&mut self, message: &[u8]) -> bool {
        let is_reply = message.get(2).is_some_and(|flags| flags & 0x80 != 0);
        let id = read_u16(message, 0).filter(|_| is_reply);
        match id.and_then(|id| self.replies.remove(&id)) {
            // Who gave up meanwhile is gone.
            Some(sender) => sender.send(Ok(message.to_vec())).is_ok() || !self.replies.is_empty(),
            None => !self.replies.is_empty(),
        }
    }

    fn close(&mut self, broken: &Broken) {
        self.is_closed = true;
        for (_, sender) in self.replies.drain() {
            // Who gave up meanwhile is gone.
            let _ = sender.send(Err(again(broken)));
        }
    }
}

/// The same, for another query that waited.
fn again(broken: &Broken) -> Broken {
    let cause = match &broken.cause {
        Cause::Io(error) => Cause::Io(match error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(error.kind(), error.to_string()),
        }),
        _ => Cause::Closed,
    };
    Broken { step: broken.step, cause, is_silent: broken.is_silent }
}

// === The task ===

/// Writes what is handed in, for as long as anybody may.
async fn write<S: AsyncWrite>(
    mut writer: WriteHalf<S>,
    mut orders: mpsc::UnboundedReceiver<Vec<u8>>,
) -> Broken {
    let broken = |cause| Broken { step: Step::Write, cause, is_silent: true };
    while let Some(mut framed) = orders.recv().await {
        // Those that came meanwhile go in the same segment.
        while let Ok(more) = orders.try_recv() {
            framed.extend_from_slice(&more);
        }
        if let Err(error) = writer.write_all(&framed).await {
            return broken(Cause::Io(error));
        }
        // TLS may hold octets back.
        if let Err(error) = writer.flush().await {
            return broken(Cause::Io(error));
        }
    }
    broken(Cause::Closed)
}

/// Reads until the connection ends or is of no more use.
async fn read<S: AsyncRead>(mut reader: ReadHalf<S>, waiting: &Mutex<Waiting>) -> Broken {
    let mut received = Vec::with_capacity(REPLY_LEN_USUAL);
    loop {
        let end = match exchange::read_message(&mut reader, &mut received).await {
            Ok(end) => end,
            Err(broken) => return broken,
        };
        if !locked(waiting).deliver(&received[LENGTH_LEN..end]) {
            return Broken { step: Step::Read, cause: Cause::Closed, is_silent: true };
        }
        received.drain(..end);
        if received.is_empty() {
            received.shrink_to(REPLY_LEN_USUAL);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, DuplexStream, duplex};
    use tokio::time::{Duration, timeout};

    use super::super::scripted::reply;
    use super::*;
    use crate::dns::{HEADER_LEN, Rcode, RecordType};
    use crate::plugin::lookup::question_packet;

    fn open() -> (Arc<Pipe>, DuplexStream) {
        let (ours, theirs) = duplex(1 << 20);
        (Arc::new(Pipe::new(ours, None)), theirs)
    }

    /// Asks for the name of one letter; gives the last octet of the reply.
    fn ask(pipe: &Arc<Pipe>, letter: u8) -> tokio::task::JoinHandle<Result<u8, Broken>> {
        let pipe = Arc::clone(pipe);
        tokio::spawn(async move {
            let packet = question_packet(7, &[1, letter, 0], RecordType::A, None);
            let mut query = Outgoing::new(&packet, packet.len() - HEADER_LEN).unwrap();
            pipe.ask(&mut query, &mut |message| Ok(message[message.len() - 1])).await
        })
    }

    async fn query(theirs: &mut DuplexStream) -> Vec<u8> {
        let read = async {
            let mut packet = vec![0; usize::from(theirs.read_u16().await.unwrap())];
            theirs.read_exact(&mut packet).await.unwrap();
            packet
        };
        timeout(Duration::from_secs(60), read).await.expect("a query comes")
    }

    async fn send(theirs: &mut DuplexStream, message: &[u8]) {
        theirs.write_u16(message.len() as u16).await.unwrap();
        theirs.write_all(message).await.unwrap();
    }

    fn addresses(query: &[u8]) -> Vec<u8> {
        // As many as the letter says.
        reply(query, Rcode::NOERROR, u16::from(query[HEADER_LEN + 1] - b'a' + 1))
    }

    #[tokio::test]
    async fn rfc7766_6_2_1_1_replies_in_another_order_find_their_queries() {
        let (pipe, mut theirs) = open();
        let asked: Vec<_> = (b'a'..=b'h').map(|letter| ask(&pipe, letter)).collect();
        let mut queries = Vec::new();
        for _ in &asked {
            queries.push(query(&mut theirs).await);
        }
        let mut ids: Vec<_> = queries.iter().map(|query| query[..2].to_vec()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 8, "each has an id of its own");
        for query in queries.iter().rev() {
            send(&mut theirs, &addresses(query)).await;
        }
        for (number, asked) in (1..).zip(asked) {
            assert!(matches!(asked.await.unwrap(), Ok(last) if last == number));
        }
        assert!(pipe.is_open());
    }

    #[tokio::test]
    async fn all_that_wait_hear_of_the_end() {
        let (pipe, mut theirs) = open();
        let asked = [ask(&pipe, b'a'), ask(&pipe, b'b')];
        for _ in &asked {
            query(&mut theirs).await;
        }
        drop(theirs);
        for asked in asked {
            let broken = asked.await.unwrap().unwrap_err();
            assert!(matches!(broken.cause, Cause::Closed) && broken.is_silent);
        }
        assert!(!pipe.is_open());
        let broken = ask(&pipe, b'c').await.unwrap().unwrap_err();
        assert!(broken.is_silent, "nothing went out");
    }

    #[tokio::test]
    async fn a_late_reply_is_nobodys() {
        let (pipe, mut theirs) = open();
        let (gone, waits) = (ask(&pipe, b'a'), ask(&pipe, b'b'));
        let mut queries = [query(&mut theirs).await, query(&mut theirs).await];
        queries.sort_by_key(|query| query[HEADER_LEN + 1]);
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        for query in &queries {
            send(&mut theirs, &addresses(query)).await;
        }
        assert!(matches!(waits.await.unwrap(), Ok(2)));
        assert!(pipe.is_open());
    }

    #[tokio::test]
    async fn who_speaks_unasked_is_not_listened_to() {
        let (pipe, mut theirs) = open();
        let asked = ask(&pipe, b'a');
        let first = query(&mut theirs).await;
        // Not a response, and therefore no reply to the query that waits.
        send(&mut theirs, &first).await;
        send(&mut theirs, &addresses(&first)).await;
        assert!(matches!(asked.await.unwrap(), Ok(1)));
        send(&mut theirs, &addresses(&first)).await;
        let closed = async {
            while pipe.is_open() {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(60), closed).await.expect("it is closed");
    }

    /// The connection goes when the last one who could use it does.
    #[tokio::test]
    async fn it_closes_with_its_last_user() {
        let (pipe, mut theirs) = open();
        drop(pipe);
        let end = timeout(Duration::from_secs(60), theirs.read_u8()).await.expect("it ends");
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
