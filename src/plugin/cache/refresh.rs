//! Entries fetched anew: before their end (`prefetch`), and after it (`serve_stale`).

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::entry::Entry;
use super::verdict::{Kind, is_decision};
use super::{Shared, Stale, StaleMode};
use crate::dns::{Query, Rcode, Response, Transport};
use crate::plugin::{Finished, Next, Outcome, Reply};

/// How many entries may be fetched in the background at a time. Past it an entry runs out, and the next query for it
/// waits: nothing is lost but time.
const FETCHING_MAX: usize = 1_000;

/// Somebody fetches this entry; dropping it says that the fetch is over, also when it panicked or was given up.
struct Fetch {
    entry: Arc<Entry>,
    now: Instant,
    pause: Duration,
    failed: bool,
}

impl Shared {
    /// Whether a hit at `now` makes the entry worth fetching before its end.
    pub(super) fn is_due(&self, entry: &Entry, left_s: u32, now: Instant) -> bool {
        let Some(prefetch) = self.config.prefetch else { return false };
        let uses = entry.count_use(now, prefetch.gap);
        let part_s = (u64::from(entry.ttl_s()) * u64::from(prefetch.percentage)).div_ceil(100);
        uses >= prefetch.amount && u64::from(left_s) <= part_s
    }

    /// Fetches the entry anew in the background, unless somebody does.
    pub(super) fn fetch(
        self: &Arc<Self>,
        query: &Query<'_>,
        next: Next<'_>,
        entry: &Arc<Entry>,
        is_stale: bool,
    ) {
        let pause = if is_stale { self.recheck() } else { Duration::ZERO };
        let now = query.origin().received;
        if self.fetching.load(Relaxed) >= FETCHING_MAX {
            return;
        }
        let Some(mut fetch) = Fetch::begin(entry, now, pause) else { return };
        if let Some(metrics) = self.metrics.of(query.origin().server) {
            metrics.prefetches.inc();
        }
        self.fetching.fetch_add(1, Relaxed);
        // Over TCP, whatever the client came over: an answer that is cut cannot be kept, and would be asked for again at
        // every query.
        let query = query.to_shared().over(Transport::Tcp);
        let (shared, next) = (Arc::clone(self), next.detach());
        self.runtime.spawn(async move {
            let _place = Place(&shared);
            let Finished { mut response, outcome } = next.serve(&query).await;
            // An entry after its end stays when there is no better one: what failed is no better.
            if is_stale && !shared.is_better(&fetch.entry, &query.as_query(), &response, &outcome) {
                return;
            }
            fetch.failed = false;
            if let Some(new) = shared.take_in(&query.as_query(), &mut response, &outcome) {
                new.inherit_use(&fetch.entry, now);
            }
        });
    }

    /// Answers with an entry after its end, or with a better one, as the mode says.
    pub(super) fn serve_stale(
        self: &Arc<Self>,
        stale: Stale,
        entry: Arc<Entry>,
        query: &Query<'_>,
        next: Next<'_>,
        response: &mut Response,
    ) -> Reply {
        let now = query.origin().received;
        match stale.mode {
            StaleMode::Immediate => {
                self.fetch(query, next, &entry, true);
                self.answer_stale(stale, &entry, query, response);
                Reply::answered()
            }
            StaleMode::Verify { timeout } => {
                // Without a bound on waiting or asking, every client's query goes up, as in CoreDNS.
                let is_alone = timeout.is_some() || !stale.recheck.is_zero();
                let fetch = if is_alone { Fetch::begin(&entry, now, stale.recheck) } else { None };
                if is_alone && fetch.is_none() {
                    self.answer_stale(stale, &entry, query, response);
                    return Reply::answered();
                }
                match timeout {
                    None => next.serve_then(query, response, self, (stale, entry, fetch), Self::verified),
                    Some(timeout) => self.race(timeout, (stale, entry, fetch), query, next, response),
                }
            }
        }
    }

    /// What came back goes to the client when it is better, or the old entry does.
    fn verified(
        &self,
        (stale, entry, fetch): (Stale, Arc<Entry>, Option<Fetch>),
        query: &Query<'_>,
        response: &mut Response,
        outcome: Outcome,
    ) -> Outcome {
        if !self.is_better(&entry, query, response, &outcome) {
            self.answer_stale(stale, &entry, query, response);
            return Outcome::Answered;
        }
        self.take_in(query, response, &outcome);
        if let Some(mut fetch) = fetch {
            fetch.failed = false;
        }
        outcome
    }

    /// As `verified`, but the old entry answers when the new one takes too long. That one is kept all the same when it
    /// comes.
    fn race(
        self: &Arc<Self>,
        timeout: Duration,
        (stale, entry, fetch): (Stale, Arc<Entry>, Option<Fetch>),
        query: &Query<'_>,
        next: Next<'_>,
        response: &mut Response,
    ) -> Reply {
        let future = match next.serve(query, response) {
            Reply::Done(outcome) => {
                return Reply::Done(self.verified((stale, entry, fetch), query, response, outcome));
            }
            Reply::Later(future) => future,
        };
        let (shared, asked, old) = (Arc::clone(self), query.to_shared(), Arc::clone(&entry));
        let mut new = self.runtime.spawn(async move {
            let Finished { mut response, outcome } = future.await;
            if !shared.is_better(&old, &asked.as_query(), &response, &outcome) {
                return None;
            }
            shared.take_in(&asked.as_query(), &mut response, &outcome);
            if let Some(mut fetch) = fetch {
                fetch.failed = false;
            }
            Some(Finished { response, outcome })
        });
        let (shared, asked) = (Arc::clone(self), query.to_shared());
        Reply::later(async move {
            if let Ok(Ok(Some(finished))) = tokio::time::timeout(timeout, &mut new).await {
                return finished;
            }
            let mut response = Response::new();
            shared.answer_stale(stale, &entry, &asked.as_query(), &mut response);
            Finished { response, outcome: Outcome::Answered }
        })
    }

    /// Whether this may stand in place of an entry after its end: NOERROR or NXDOMAIN; where positive answers are preferred
    /// and the entry is one, only another one.
    fn is_better(&self, entry: &Entry, query: &Query<'_>, response: &Response, outcome: &Outcome) -> bool {
        let is_positive = |kind| kind == Some(Kind::Success);
        let holds_on = self.prefers_positive() && entry.rcode() == Rcode::NOERROR && entry.has_answers();
        matches!(outcome, Outcome::Answered)
            && is_decision(response)
            && (!holds_on || is_positive(self.config.limits.judge(query, response).store))
    }

    fn recheck(&self) -> Duration {
        self.config.stale.map_or(Duration::ZERO, |stale| stale.recheck)
    }
}

impl Fetch {
    fn begin(entry: &Arc<Entry>, now: Instant, pause: Duration) -> Option<Self> {
        entry.begin_refresh(now).then(|| Self { entry: Arc::clone(entry), now, pause, failed: true })
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.entry.end_refresh(self.now, self.failed, self.pause);
    }
}

/// A place among [`FETCHING_MAX`].
struct Place<'s>(&'s Shared);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetching.fetch_sub(1, Relaxed);
    }
}
