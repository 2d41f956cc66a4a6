//! The trait of a plugin, and how a query goes down the chain and its answer up again.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::ZoneTransfer;
use crate::dns::{Failure, FailureKind, HEADER_LEN, OPT_LEN, OwnedQuery, Query, Rcode, Response};

/// One plugin of one server block.
pub trait Plugin: Send + Sync {
    /// Its name, as in the Corefile.
    fn name(&self) -> &'static str;

    /// Answers the query, or gives it to `next`. The response is begun when the chain is entered; a plugin that
    /// answers writes to it.
    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply;

    /// Whether this plugin alone decides about the name, from live data: then a cache above need not even look. It only
    /// saves time; what keeps an answer out of a cache is [`Response::set_uncacheable`].
    fn is_live(&self, _query: &Query<'_>) -> bool {
        false
    }

    /// The zone whose transfer is asked for: `None` when QNAME is not the apex of a zone of this plugin, and a failure
    /// when it is and the zone cannot be given whole. Who may have it is decided before (`transfer`).
    fn transfer(&self, _query: &Query<'_>) -> Option<Result<ZoneTransfer, Failure>> {
        None
    }
}

/// What becomes of a query, by type and not by a magic RCODE.
pub enum Reply {
    /// Decided on this thread; the response that was handed in is what it says.
    Done(Outcome),
    /// Somebody has to wait; the future brings its own response.
    Later(Pin<Box<dyn Future<Output = Finished> + Send + 'static>>),
}

/// A decision.
#[derive(Debug)]
pub enum Outcome {
    /// The response holds the answer, whatever its RCODE.
    Answered,
    /// Nobody wrote: the server replies with the failure's RCODE.
    Failed(Failure),
    /// There is to be no reply.
    Dropped,
}

/// What a future brings: the response, and what to do with it.
pub struct Finished {
    /// The response; begun for the query in any case.
    pub response: Response,
    /// The decision.
    pub outcome: Outcome,
}

/// The plugins of a server block, in the order of the table.
pub struct Chain {
    plugins: Vec<Arc<dyn Plugin>>,
}

/// What stands below a plugin.
#[derive(Clone, Copy)]
pub struct Next<'c> {
    chain: &'c Arc<Chain>,
    at: usize,
}

/// A [`Next`] to keep, for a plugin that goes on after it has waited.
#[derive(Clone)]
pub struct DetachedNext {
    chain: Arc<Chain>,
    at: usize,
}

// === impl Chain ===

impl Chain {
    /// The chain of these plugins, in this order.
    #[must_use]
    pub fn new(plugins: Vec<Arc<dyn Plugin>>) -> Arc<Self> {
        Arc::new(Self { plugins })
    }

    /// The names of the plugins, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.plugins.iter().map(|plugin| plugin.name())
    }

    /// Enters the chain at its top.
    pub fn serve(self: &Arc<Self>, query: &Query<'_>, response: &mut Response) -> Reply {
        Next { chain: self, at: 0 }.serve(query, response)
    }
}

// === impl Next ===

impl Next<'_> {
    /// Asks the plugins below. Where the chain ends nobody has answered.
    pub fn serve(self, query: &Query<'_>, response: &mut Response) -> Reply {
        match self.chain.plugins.get(self.at) {
            Some(plugin) => {
                let reply = plugin.serve(query, Next { chain: self.chain, at: self.at + 1 }, response);
                if matches!(reply, Reply::Done(Outcome::Answered) | Reply::Later(_)) {
                    // The lowest comes back first: those above it find that somebody has answered.
                    response.note_author(plugin.name());
                }
                reply
            }
            None => Reply::Done(Outcome::Failed(self.unanswered())),
        }
    }

    /// Asks the plugins below, and gives what comes back to `back`, now or later. `back` gets the plugin's own `state`,
    /// what it noted on the way down (`noted`), and the query as it went down. Where nobody waits this costs a call.
    pub fn serve_then<S, N>(
        self,
        query: &Query<'_>,
        response: &mut Response,
        state: &Arc<S>,
        noted: N,
        back: fn(&S, N, &Query<'_>, &mut Response, Outcome) -> Outcome,
    ) -> Reply
    where
        S: Send + Sync + 'static,
        N: Send + 'static,
    {
        match self.serve(query, response) {
            Reply::Done(outcome) => Reply::Done(back(state, noted, query, response, outcome)),
            Reply::Later(future) => {
                let (state, query, author) = (Arc::clone(state), query.to_shared(), response.author());
                Reply::later(async move {
                    let mut finished = future.await;
                    finished.note_author(author);
                    let Finished { mut response, outcome } = finished;
                    let outcome = back(&state, noted, &query.as_query(), &mut response, outcome);
                    Finished { response, outcome }
                })
            }
        }
    }

    /// The end of the chain, in CoreDNS's words for the log: whose `next` there was none.
    #[cold]
    fn unanswered(self) -> Failure {
        match self.chain.plugins.last() {
            Some(last) => {
                let detail = format!("plugin/{}: no next plugin found", last.name());
                Failure::with_detail(FailureKind::Unhandled, detail)
            }
            None => Failure::new(FailureKind::Unhandled),
        }
    }

    /// Whether a plugin below decides about the name from live data ([`Plugin::is_live`]).
    #[must_use]
    pub fn is_live(self, query: &Query<'_>) -> bool {
        self.chain.plugins.iter().skip(self.at).any(|plugin| plugin.is_live(query))
    }

    /// The zone whose transfer is asked for, of the first plugin below that has it ([`Plugin::transfer`]).
    #[must_use]
    pub fn transfer(self, query: &Query<'_>) -> Option<Result<ZoneTransfer, Failure>> {
        self.chain.plugins.iter().skip(self.at).find_map(|plugin| plugin.transfer(query))
    }

    /// To go on from here after waiting.
    #[must_use]
    pub fn detach(self) -> DetachedNext {
        DetachedNext { chain: Arc::clone(self.chain), at: self.at }
    }
}

// === impl DetachedNext ===

impl DetachedNext {
    /// Asks the plugins below and waits for what they say.
    pub async fn serve(&self, query: &Arc<OwnedQuery>) -> Finished {
        let mut response = Response::new();
        let reply = {
            let query = query.as_query();
            response.begin(&query);
            Next { chain: &self.chain, at: self.at }.serve(&query, &mut response)
        };
        let author = response.author();
        let mut finished = reply.wait(response).await;
        finished.note_author(author);
        finished
    }
}

// === impl Finished ===

impl Finished {
    /// Says who made the future, as the response that went down heard it: that of the future is another one.
    pub fn note_author(&mut self, author: Option<&'static str>) {
        if let (Some(author), Outcome::Answered) = (author, &self.outcome) {
            self.response.note_author(author);
        }
    }
}

// === impl Reply ===

impl Reply {
    /// The response holds the answer.
    #[must_use]
    pub fn answered() -> Self {
        Reply::Done(Outcome::Answered)
    }

    /// Nobody can answer, for this reason.
    #[must_use]
    pub fn failed(failure: Failure) -> Self {
        Reply::Done(Outcome::Failed(failure))
    }

    /// The answer comes when `future` is done.
    pub fn later(future: impl Future<Output = Finished> + Send + 'static) -> Self {
        Reply::Later(Box::pin(future))
    }

    /// Waits where there is something to wait for; `response` is the one that was handed down.
    pub async fn wait(self, response: Response) -> Finished {
        match self {
            Reply::Done(outcome) => Finished { response, outcome },
            Reply::Later(future) => future.await,
        }
    }
}

// === impl Outcome ===

impl Outcome {
    /// The RCODE of the reply; `None` when there is to be none.
    #[must_use]
    pub fn rcode(&self, response: &Response) -> Option<Rcode> {
        match self {
            Outcome::Answered => Some(response.rcode()),
            Outcome::Failed(failure) => Some(failure.rcode()),
            Outcome::Dropped => None,
        }
    }

    /// How many octets the reply has before it is cut to what the client takes ([`Response::size`]): of a failure, those
    /// of header, question and OPT record.
    #[must_use]
    pub fn size(&self, query: &Query<'_>, response: &Response) -> usize {
        match self {
            Outcome::Answered => response.size(),
            Outcome::Failed(_) => {
                HEADER_LEN + query.question().len() + if query.edns().is_some() { OPT_LEN } else { 0 }
            }
            Outcome::Dropped => 0,
        }
    }

    /// Makes the response what goes on the wire: a failure replaces what was written by its RCODE and extended error.
    /// Gives whether there is to be a reply.
    pub fn settle(&self, response: &mut Response) -> bool {
        match self {
            Outcome::Answered => true,
            Outcome::Failed(failure) => {
                response.clear_records();
                response.set_rcode(failure.rcode());
                let (code, text) = failure.extended_error();
                response.explain(code, |out| out.push_str(text));
                true
            }
            Outcome::Dropped => false,
        }
    }
}
