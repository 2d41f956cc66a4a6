//! Identical questions that wait at the same time are asked once.
//!
//! ```text
//!   first  ──▶ Lead ── flies ──▶ upstream ──▶ lands ─┬▶ its own client
//!   second ──▶ Waiter ───────────────────────────────┼▶ each with its id, spelling and size
//!   third  ──▶ Waiter ───────────────────────────────┘
//! ```
//!
//! Hot path of what is forwarded. A query that nobody else asks costs one hash, a look into one of many small tables and
//! one more when it is answered; nothing is copied for it. Two questions are identical when all of their octets are, but
//! for the id and the case of QNAME: flags, DO, payload size, and every option (client subnet, cookie) with its value. So
//! nobody gets an answer that was made for another question, and a cookie goes to the client that it was sent to.
//!
//! It also keeps an attacker from making many outstanding queries for one name, whose answers are then easier to guess
//! (RFC 5452 §5).

use std::future::Future;
use std::hash::BuildHasher;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use tokio::sync::Notify;

use crate::dns::{Failure, FailureKind, HEADER_LEN, OwnedQuery, Query, Response, Said, Transport};
use crate::plugin::{DetachedNext, Finished, Outcome};

/// How many questions may wait for one flight. The next one flies itself, and takes those behind it along: a name that
/// everybody asks for takes one place in a thousand of those that `max_concurrent` gives.
const WAITERS_MAX: usize = 1024;
/// Tables, so that threads seldom meet at one.
const SHARDS: usize = 16;

/// The questions in flight of one directive.
pub(super) struct Flights {
    shards: [Mutex<HashTable<Arc<Flight>>>; SHARDS],
    hasher: RandomState,
    waiters_max: usize,
}

/// A question that is being asked.
pub(super) struct Flight {
    hash: u64,
    query: Arc<OwnedQuery>,
    transport: Transport,
    /// Only grows while the flight is in its table, under that one's lock.
    waiters: AtomicUsize,
    landed: OnceLock<Landed>,
    landing: Notify,
}

/// What a question becomes.
pub(super) enum Boarded<P> {
    /// It is to be asked, for which it has a place.
    Leads(Lead, P),
    /// Another one is, and it waits for that.
    Waits(Waiter),
}

/// Who asks. When it is dropped before there is an answer, those who wait are told.
pub(super) struct Lead {
    flights: Arc<Flights>,
    flight: Arc<Flight>,
    is_over: bool,
}

/// Who waits for the answer to another's question.
pub(super) struct Waiter(Arc<Flight>);

/// What came of asking.
pub(super) enum Landing {
    /// This is for the client.
    Done(Finished),
    /// The directive below may do better; this is for the client where there is none.
    HandedOn(Finished),
}

/// The same, to be taken by many.
enum Landed {
    Answered(Said),
    HandedOn,
    Failed(Failure),
}

/// The work of a [`Lead`]. When its client goes away it goes on by itself, if somebody waits.
struct Flying {
    /// Lead and work until it lands.
    flies: Option<(Lead, Work)>,
    /// Whether it goes on by itself already.
    is_adrift: bool,
}

type Work = Pin<Box<dyn Future<Output = Landing> + Send>>;

// === impl Flights ===

impl Flights {
    pub(super) fn new() -> Arc<Self> {
        Self::with_waiters_max(WAITERS_MAX)
    }

    pub(super) fn with_waiters_max(waiters_max: usize) -> Arc<Self> {
        let shards = std::array::from_fn(|_| Mutex::default());
        Arc::new(Self { shards, hasher: RandomState::default(), waiters_max })
    }

    /// Finds the flight that the query may wait for, or begins one where `enter` gives it a place. `transport` is over
    /// what it is asked.
    pub(super) fn board<P>(
        self: &Arc<Self>,
        query: &Query<'_>,
        transport: Transport,
        enter: impl FnOnce() -> Result<P, Failure>,
    ) -> Result<Boarded<P>, Failure> {
        let hash = self.hash(query, transport);
        let mut shard = self.shard(hash);
        // A NOTIFY is an event, and not a question with one answer for all.
        let known = match query.flags().opcode() {
            0 => shard.find_entry(hash, |flight| flight.asks(query, transport)).ok(),
            _ => None,
        };
        if let Some(known) = known {
            let flight = known.get();
            if flight.waiters.load(Relaxed) < self.waiters_max {
                flight.waiters.fetch_add(1, Relaxed);
                return Ok(Boarded::Waits(Waiter(Arc::clone(flight))));
            }
            // It flies on with those that it has.
            known.remove();
        }
        let place = enter()?;
        let flight = Arc::new(Flight {
            hash,
            query: query.to_shared(),
            transport,
            waiters: AtomicUsize::new(0),
            landed: OnceLock::new(),
            landing: Notify::new(),
        });
        shard.insert_unique(hash, Arc::clone(&flight), |flight| flight.hash);
        Ok(Boarded::Leads(Lead { flights: Arc::clone(self), flight, is_over: false }, place))
    }

    fn hash(&self, query: &Query<'_>, transport: Transport) -> u64 {
        let (packet, name) = (query.packet(), query.name());
        self.hasher.hash_one((name, &packet[2..4], &packet[HEADER_LEN + name.len()..], transport))
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, HashTable<Arc<Flight>>> {
        // The table takes its bits from both ends.
        let number = (hash >> 32) as usize % SHARDS;
        self.shards[number].lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().len()).sum()
    }
}

// === impl Flight ===

impl Flight {
    /// Whether it asks what this query asks.
    fn asks(&self, query: &Query<'_>, transport: Transport) -> bool {
        let (ours, theirs) = (self.query.packet(), query.packet());
        let name_end = HEADER_LEN + query.name().len();
        self.transport == transport
            && ours.len() == theirs.len()
            && ours[2..HEADER_LEN] == theirs[2..HEADER_LEN]
            // Length octets are below every letter.
            && ours[HEADER_LEN..name_end].eq_ignore_ascii_case(&theirs[HEADER_LEN..name_end])
            && ours[name_end..] == theirs[name_end..]
    }
}

// === impl Lead ===

impl Lead {
    /// The question.
    pub(super) fn query(&self) -> &Arc<OwnedQuery> {
        &self.flight.query
    }

    /// Does the work, and gives what comes of it to all. Whoever gets something handed on asks `next` itself.
    pub(super) fn fly(
        self,
        work: impl Future<Output = Landing> + Send + 'static,
        next: Option<DetachedNext>,
    ) -> impl Future<Output = Finished> + Send {
        let query = Arc::clone(&self.flight.query);
        // Made here and not when it is first polled, which may never be.
        let flying = Flying { flies: Some((self, Box::pin(work))), is_adrift: false };
        async move {
            match (flying.await, next) {
                (Landing::HandedOn(_), Some(next)) => next.serve(&query).await,
                (Landing::Done(finished) | Landing::HandedOn(finished), _) => finished,
            }
        }
    }

    fn land(mut self, landing: &Landing) {
        self.is_over = true;
        // From here on nobody joins: the number of those who wait is final.
        if self.leave() == 0 {
            return;
        }
        self.give(match landing {
            Landing::HandedOn(_) => Landed::HandedOn,
            Landing::Done(Finished { response, outcome: Outcome::Answered }) => {
                Landed::Answered(response.said(&self.flight.query.as_query()))
            }
            Landing::Done(Finished { outcome: Outcome::Failed(failure), .. }) => {
                Landed::Failed(failure.clone())
            }
            Landing::Done(Finished { outcome: Outcome::Dropped, .. }) => lost(),
        });
    }

    fn give(&self, landed: Landed) {
        let _ = self.flight.landed.set(landed);
        self.flight.landing.notify_waiters();
    }

    /// Takes the flight out of its table; gives how many wait for it.
    fn leave(&self) -> usize {
        let mut shard = self.flights.shard(self.flight.hash);
        let is_it = |flight: &Arc<Flight>| Arc::ptr_eq(flight, &self.flight);
        // It may have been full, and left already.
        if let Ok(entry) = shard.find_entry(self.flight.hash, is_it) {
            entry.remove();
        }
        self.flight.waiters.load(Relaxed)
    }

    /// Takes the flight out of its table unless somebody waits; gives whether nobody does.
    fn leave_if_alone(&self) -> bool {
        let mut shard = self.flights.shard(self.flight.hash);
        let is_alone = self.flight.waiters.load(Relaxed) == 0;
        let is_it = |flight: &Arc<Flight>| Arc::ptr_eq(flight, &self.flight);
        if is_alone && let Ok(entry) = shard.find_entry(self.flight.hash, is_it) {
            entry.remove();
        }
        is_alone
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if !self.is_over && self.leave() > 0 {
            self.give(lost());
        }
    }
}

fn lost() -> Landed {
    Landed::Failed(Failure::with_detail(FailureKind::Plugin, "the query that was waited for got lost"))
}

// === impl Flying ===

impl Future for Flying {
    type Output = Landing;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Landing> {
        let Some((_, work)) = &mut self.flies else { return Poll::Pending };
        let landing = ready!(work.as_mut().poll(context));
        if let Some((lead, _)) = self.flies.take() {
            lead.land(&landing);
        }
        Poll::Ready(landing)
    }
}

impl Drop for Flying {
    fn drop(&mut self) {
        let Some((mut lead, work)) = self.flies.take() else { return };
        if lead.leave_if_alone() {
            lead.is_over = true;
            return;
        }
        // The client has gone and others wait. Work that panicked cannot go on, nor can any when the runtime ends.
        if !self.is_adrift
            && !std::thread::panicking()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let flying = Flying { flies: Some((lead, work)), is_adrift: true };
            runtime.spawn(async { drop(flying.await) });
        }
    }
}

// === impl Waiter ===

impl Waiter {
    /// Waits for what the other query gets, and makes it this query's.
    pub(super) async fn finish(self, query: Arc<OwnedQuery>, next: Option<DetachedNext>) -> Finished {
        let mut response = Response::new();
        let outcome = match self.landed().await {
            Landed::Answered(said) => {
                response.say(&query.as_query(), said);
                Outcome::Answered
            }
            Landed::Failed(failure) => {
                response.begin(&query.as_query());
                Outcome::Failed(failure.clone())
            }
            Landed::HandedOn => match next {
                Some(next) => return next.serve(&query).await,
                None => {
                    response.begin(&query.as_query());
                    Outcome::Failed(Failure::new(FailureKind::Unhandled))
                }
            },
        };
        Finished { response, outcome }
    }

    async fn landed(&self) -> &Landed {
        loop {
            let mut landing = pin!(self.0.landing.notified());
            // Listens before it looks.
            landing.as_mut().enable();
            if let Some(landed) = self.0.landed.get() {
                return landed;
            }
            landing.await;
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.waiters.fetch_sub(1, Relaxed);
    }
}
