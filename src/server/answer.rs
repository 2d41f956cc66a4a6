//! From a packet to what goes back: the one function that every transport calls.
//!
//! Hot path. A query whose answer is at hand costs no allocation, lock, await or clock here; what has to wait comes back
//! as [`Later`] and is the caller's to run.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use futures_util::FutureExt;

use super::stats::{Cells, Count};
use crate::dns::{
    Failure, FailureKind, Flags, Malformed, Origin, OwnedQuery, Query, Rcode, Response, Transport,
};
use crate::plugin::{Finished, Outcome, Reply, Router};

/// The longest query that is read, in octets; what is behind that is cut off, and mostly FORMERR then. CoreDNS reads 512
/// over UDP; queries with long options are known to be larger.
pub(super) const QUERY_LEN_MAX: usize = 4096;
/// What fits into one IPv4 datagram: 65,535 less the headers of IPv4 and UDP. IPv6 would take 20 more.
const UDP_REPLY_LEN_MAX: usize = 65_507;

/// Who wants to know of the queries that no chain has answered, so that they are counted as those of chains are
/// (CoreDNS: `zone="dropped"`).
pub trait Observer: Send + Sync {
    /// The query matched no server block, or its class none, or a plugin panicked. The response is as it is sent.
    fn refused(&self, query: &Query<'_>, response: &Response);
}

/// What becomes of a packet.
pub(super) enum Answer {
    /// The response holds the bytes to send.
    Send,
    /// There is to be no reply.
    Nothing,
    /// Somebody has to wait.
    Later(Later),
}

/// A query that waits, and everything that its end needs.
pub(super) struct Later {
    future: Pin<Box<dyn Future<Output = Finished> + Send>>,
    query: Arc<OwnedQuery>,
    router: Arc<Router>,
    edge: Arc<Edge>,
    _permit: Permit,
}

/// What all workers of one listener share with its TCP connections, but for the counters.
pub(super) struct Edge {
    pub(super) in_flight: Arc<InFlight>,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) cells: Arc<Cells>,
}

/// How many queries wait, in the whole process.
pub(super) struct InFlight {
    count: AtomicUsize,
    max: usize,
}

/// One of the queries that wait, until dropped.
struct Permit(Arc<InFlight>);

/// Answers one packet. After [`Answer::Send`] the bytes are in `response`.
pub(super) fn answer(
    packet: &[u8],
    origin: Origin,
    router: &Arc<Router>,
    response: &mut Response,
    edge: &Arc<Edge>,
) -> Answer {
    let query = match Query::parse(packet, origin) {
        Ok(query) => query,
        Err(malformed) => return answer_malformed(packet, origin, malformed, response, edge),
    };
    match router.serve(&query, response) {
        Reply::Done(outcome) => {
            if conclude(&query, &outcome, response, edge) {
                Answer::Send
            } else {
                Answer::Nothing
            }
        }
        Reply::Later(future) => match edge.in_flight.enter() {
            Some(permit) => Answer::Later(Later {
                future,
                query: query.to_shared(),
                router: Arc::clone(router),
                edge: Arc::clone(edge),
                _permit: permit,
            }),
            None => {
                edge.cells.add(Count::Overloaded, 1);
                let outcome = Outcome::Failed(Failure::new(FailureKind::Overloaded));
                let is_sent = conclude(&query, &outcome, response, edge);
                // The chain has been left with the future: nobody in it counts this.
                if let Some(observer) = &edge.observer {
                    observer.refused(&query, response);
                }
                if is_sent { Answer::Send } else { Answer::Nothing }
            }
        },
    }
}

/// Ends the response and gives whether it is to be sent.
fn conclude(query: &Query<'_>, outcome: &Outcome, response: &mut Response, edge: &Edge) -> bool {
    if !outcome.settle(response) {
        return false;
    }
    let length = response.finish().len();
    if length > UDP_REPLY_LEN_MAX && query.origin().transport == Transport::Udp {
        // The client takes more than a datagram holds. It asks again over TCP for all of it.
        let (rcode, flags) = (response.rcode(), response.flags().0);
        response.clear_records();
        response.set_rcode(rcode);
        response.set_flags(flags | Flags::TC);
        response.finish();
    }
    if let Outcome::Failed(failure) = outcome
        && matches!(
            failure.kind(),
            FailureKind::NotServed | FailureKind::ClassNotServed | FailureKind::Panicked
        )
    {
        edge.cells.add(Count::Refused, 1);
        if let Some(observer) = &edge.observer {
            observer.refused(query, response);
        }
    }
    true
}

#[cold]
fn answer_malformed(
    packet: &[u8],
    origin: Origin,
    malformed: Malformed,
    response: &mut Response,
    edge: &Edge,
) -> Answer {
    let count = match malformed {
        Malformed::Ignore => Count::Ignored,
        Malformed::Header(_) | Malformed::BadVersion => Count::Malformed,
    };
    edge.cells.add(count, 1);
    match malformed {
        Malformed::Ignore => return Answer::Nothing,
        Malformed::Header(rcode) => response.begin_header_only(packet, rcode),
        Malformed::BadVersion => match Query::parse_any_version(packet, origin) {
            Ok(query) => {
                response.begin(&query);
                response.set_rcode(Rcode::BADVERS);
            }
            Err(_) => response.begin_header_only(packet, Rcode::FORMERR),
        },
    }
    response.finish();
    Answer::Send
}

// === impl Later ===

impl Later {
    /// Waits, and gives the response to send, if there is one. A panic costs the query a SERVFAIL and nothing else.
    pub(super) async fn finish(self) -> Option<Response> {
        let Self { future, query, router, edge, _permit } = self;
        let finished = AssertUnwindSafe(future).catch_unwind().await;
        let query = query.as_query();
        let Finished { mut response, outcome } = finished.unwrap_or_else(|panic| {
            let mut response = Response::new();
            response.begin(&query);
            Finished { response, outcome: router.panicked(&query, &*panic) }
        });
        conclude(&query, &outcome, &mut response, &edge).then_some(response)
    }
}

// === impl InFlight ===

impl InFlight {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { count: AtomicUsize::new(0), max })
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Relaxed)
    }

    fn enter(self: &Arc<Self>) -> Option<Permit> {
        let permit = Permit(Arc::clone(self));
        (self.count.fetch_add(1, Relaxed) < self.max).then_some(permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Relaxed);
    }
}
