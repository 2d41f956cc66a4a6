#![doc = include_str!("README.md")]
//! # How it is built
//!
//! Hot path. A hit copies the kept bytes into the response and patches id, case, flags and TTLs: no allocation, no await,
//! no clock (the time is the query's), one shard lock for reading in each store. A name that a plugin below answers from
//! live data ([`Next::is_live`]) costs no look-up; an answer that is marked as live is not kept and not touched.

mod entry;
mod key;
mod metrics;
mod refresh;
mod setup;
mod store;
#[cfg(test)]
mod tests;
mod verdict;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use foldhash::quality::RandomState;

use self::entry::{Entry, hide_ad};
use self::key::KeyRef;
use self::metrics::Metrics;
use self::store::Store;
use self::verdict::{Bounds, Kind, Limits};
use super::per_server::PerServer;
use super::{Next, Outcome, Plugin, Reply};
use crate::dns::{FailureKind, InfoCode, Name, Query, Rcode, Response};
use crate::telemetry::metrics::{Collector, Registry};

pub use setup::setup;

/// The handler.
pub struct Cache {
    shared: Arc<Shared>,
    _gauges: Vec<Collector>,
}

/// What the directive says.
#[derive(Debug, Clone)]
struct Config {
    /// Only names below these are kept.
    zones: Vec<Name>,
    limits: Limits,
    /// The entries of each [`Kind`].
    capacities: [usize; 2],
    /// Below these nothing of each [`Kind`] is kept.
    disabled: [Vec<Name>; 2],
    /// Whether a hit has the TTL that the answer came with.
    keep_ttl: bool,
    prefetch: Option<Prefetch>,
    stale: Option<Stale>,
    /// `serve_stale_policy prefer_positive`
    prefers_positive: bool,
}

/// When an entry is fetched anew before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Prefetch {
    /// After this many uses,
    amount: u32,
    /// each no later than this after the one before,
    gap: Duration,
    /// and when this part of the TTL or less is left, in per cent.
    percentage: u32,
}

/// Whether and how an entry answers after its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stale {
    up_to: Duration,
    mode: StaleMode,
    /// The TTL of such answers, in seconds.
    ttl_s: u32,
    /// How long after a fetch that failed the next is tried.
    recheck: Duration,
}

/// What happens first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StaleMode {
    /// The client gets the old answer, and the new one is fetched meanwhile.
    Immediate,
    /// The new one is asked for, and the old one stands in when that fails or takes longer than this.
    Verify { timeout: Option<Duration> },
}

/// What the handler shares with work that goes on after it returned.
struct Shared {
    config: Config,
    stores: [Store; 2],
    hasher: RandomState,
    metrics: PerServer<Metrics>,
    runtime: tokio::runtime::Handle,
    /// How many entries are being fetched in the background.
    fetching: AtomicUsize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            zones: vec![Name::root()],
            limits: Limits {
                success: Bounds { min_s: 5, max_s: 3600 },
                denial: Bounds { min_s: 5, max_s: 1800 },
                servfail: Duration::from_secs(5),
            },
            capacities: [10_000; 2],
            disabled: [Vec::new(), Vec::new()],
            keep_ttl: false,
            prefetch: None,
            stale: None,
            prefers_positive: false,
        }
    }
}

impl Plugin for Cache {
    fn name(&self) -> &'static str {
        "cache"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        let shared = &self.shared;
        // NOTIFY has a question as well, and is for the plugins below alone.
        let is_query = query.flags().opcode() == 0;
        if !is_query || !covers(&shared.config.zones, query) || next.is_live(query) {
            return next.serve(query, response);
        }
        let now = query.origin().received;
        let Some((kind, entry)) = shared.find(query, now) else {
            return next.serve_then(query, response, shared, (), Shared::missed);
        };
        shared.count_hit(query, kind);
        let left_s = entry.left_s(now);
        match (u32::try_from(left_s), shared.config.stale) {
            (Ok(left_s @ 1..), _) => {
                if shared.is_due(&entry, left_s, now) {
                    shared.fetch(query, next, &entry, false);
                }
                let ttl_s = if shared.config.keep_ttl { entry.ttl_s() } else { left_s };
                entry.answer(query, response, ttl_s);
                Reply::answered()
            }
            (_, Some(stale)) => shared.serve_stale(stale, entry, query, next, response),
            // Not reached: without `serve_stale` no expired entry is found.
            (_, None) => next.serve_then(query, response, shared, (), Shared::missed),
        }
    }
}

impl Cache {
    /// The cache of these settings. `servers` are the listeners that the block is reached by, with their labels.
    fn new<'a>(
        config: Config,
        registry: &Registry,
        servers: impl Iterator<Item = (u16, &'a str)> + Clone,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        let zones: Vec<String> = config.zones.iter().map(Name::to_string).collect();
        let zones = zones.join(",");
        let counters = servers.clone().map(|(number, label)| (number, Metrics::new(registry, label, &zones)));
        let shared = Arc::new(Shared {
            stores: config.capacities.map(Store::new),
            hasher: RandomState::default(),
            metrics: PerServer::new(counters),
            runtime,
            fetching: AtomicUsize::new(0),
            config,
        });
        let gauges =
            servers.flat_map(|(_, label)| metrics::gauges(registry, label, &zones, &shared)).collect();
        Self { shared, _gauges: gauges }
    }
}

impl Shared {
    /// The entry to answer with: a denial first, but a failure yields to an answer that is still good.
    fn find(&self, query: &Query<'_>, now: Instant) -> Option<(Kind, Arc<Entry>)> {
        let key = KeyRef::of(query, &self.hasher);
        let find = |kind: Kind| {
            let entry = self.stores[kind as usize].find(&key)?;
            self.is_usable(&entry, now).then_some((kind, entry))
        };
        if self.prefers_positive()
            && let Some(success) = find(Kind::Success).filter(|(_, entry)| entry.has_answers())
        {
            return Some(success);
        }
        match find(Kind::Denial) {
            Some(denial) if denial.1.rcode() == Rcode::SERVFAIL => {
                Some(find(Kind::Success).unwrap_or(denial))
            }
            Some(denial) => Some(denial),
            None => find(Kind::Success),
        }
    }

    /// Whether an answer that is kept, also after its end, comes before any denial.
    fn prefers_positive(&self) -> bool {
        self.config.prefers_positive && self.config.stale.is_some_and(|stale| !stale.up_to.is_zero())
    }

    fn is_usable(&self, entry: &Entry, now: Instant) -> bool {
        let stale_s = self.config.stale.map_or(0, |stale| stale.up_to.as_secs().min(u32::MAX.into()) as i64);
        let left_s = entry.left_s(now);
        left_s > 0 || -left_s < stale_s
    }

    /// The answer to a query that was not in the cache, on its way back.
    fn missed(&self, (): (), query: &Query<'_>, response: &mut Response, outcome: Outcome) -> Outcome {
        if !response.is_cacheable() {
            return outcome;
        }
        if let Some(metrics) = self.metrics.of(query.origin().server) {
            metrics.requests.inc();
            metrics.misses.inc();
        }
        self.take_in(query, response, &outcome);
        outcome
    }

    /// Gives the answer the TTLs that it will have as an entry, and keeps it where it may be kept. The entry counts from
    /// when the query came: that is before the answer came, so that it ends early and never late.
    fn take_in(&self, query: &Query<'_>, response: &mut Response, outcome: &Outcome) -> Option<Arc<Entry>> {
        let now = query.origin().received;
        let (kind, entry) = match outcome {
            _ if !response.is_cacheable() => return None,
            Outcome::Answered => {
                let verdict = self.config.limits.judge(query, response);
                response.set_ttls(|_| verdict.ttl_s);
                if verdict.is_mismatch
                    && let Some(metrics) = self.metrics.of(query.origin().server)
                {
                    metrics.drops.inc();
                }
                let kept = verdict.store.filter(|kind| !covers(&self.config.disabled[*kind as usize], query));
                let entry = kept.and_then(|kind| Some((kind, Entry::of(response, now, verdict.ttl_s)?)));
                hide_ad(query, response);
                entry?
            }
            // Asking again costs as long as it took to fail. Other failures are found at once, and are not kept.
            Outcome::Failed(failure) if failure.kind() == FailureKind::UpstreamUnreachable => {
                let ttl_s = self.config.limits.failure_ttl_s();
                if ttl_s == 0 || covers(&self.config.disabled[Kind::Denial as usize], query) {
                    return None;
                }
                response.clear_records();
                response.set_rcode(failure.rcode());
                (Kind::Denial, Entry::of(response, now, ttl_s)?.explained(failure.extended_error()))
            }
            Outcome::Failed(_) | Outcome::Dropped => return None,
        };
        let entry = Arc::new(entry);
        let key = KeyRef::of(query, &self.hasher);
        let evicted = self.stores[kind as usize].keep(&key, Arc::clone(&entry));
        if kind == Kind::Success {
            // What came last counts, and a denial would be found first.
            self.stores[Kind::Denial as usize].forget(&key);
        } else if !matches!(entry.rcode(), Rcode::SERVFAIL | Rcode::NOTIMP) && !self.prefers_positive() {
            // Nor does an old answer come back when the denial has run out. A failure says nothing of the name.
            self.stores[Kind::Success as usize].forget(&key);
        }
        if evicted > 0
            && let Some(metrics) = self.metrics.of(query.origin().server)
        {
            metrics.evictions[kind as usize].add(evicted as u64);
        }
        Some(entry)
    }

    fn count_hit(&self, query: &Query<'_>, kind: Kind) {
        if let Some(metrics) = self.metrics.of(query.origin().server) {
            metrics.requests.inc();
            metrics.hits[kind as usize].inc();
        }
    }

    /// Answers with an entry after its end, and says so to a client that can be told.
    fn answer_stale(&self, stale: Stale, entry: &Entry, query: &Query<'_>, response: &mut Response) {
        let ttl_s = if self.config.keep_ttl && stale.ttl_s == 0 { entry.ttl_s() } else { stale.ttl_s };
        entry.answer(query, response, ttl_s);
        response.explain(InfoCode::STALE, |text| text.push_str("kept answer whose time is over"));
        if let Some(metrics) = self.metrics.of(query.origin().server) {
            metrics.served_stale.inc();
        }
    }
}

/// Whether QNAME is in one of the zones.
fn covers(zones: &[Name], query: &Query<'_>) -> bool {
    zones.iter().any(|zone| query.zone_start(zone.as_wire()).is_some())
}
