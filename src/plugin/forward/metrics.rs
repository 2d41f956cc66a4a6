//! What `forward` counts, under the names of CoreDNS.

use std::borrow::Cow;
use std::sync::OnceLock;
use std::time::Duration;

use super::error::Over;
use crate::dns::Rcode;
use crate::telemetry::metrics::{Counter, Histogram, Registry, exponential};

/// Codes that have a series of their own; any other is counted as `other`, so that an upstream cannot make series.
const RCODES_KNOWN: usize = 24;
const DURATIONS: &str = "coredns_proxy_request_duration_seconds";

/// The counters of all `forward` directives together.
#[derive(Clone)]
pub(super) struct ForwardMetrics {
    pub(super) all_down: Counter,
    pub(super) rejected: Counter,
    pub(super) joined: Counter,
}

/// The counters of one upstream.
pub(super) struct UpstreamMetrics {
    registry: Registry,
    to: String,
    pub(super) probe_failures: Counter,
    /// By what the upstream is spoken to over.
    connections: Vec<(Over, ConnectionMetrics)>,
    /// By RCODE, each made when the upstream first gives it: an upstream gives two or three of them, and each takes
    /// nineteen lines of every scrape.
    durations: [OnceLock<Histogram>; RCODES_KNOWN + 1],
}

/// The counters of the connections to one upstream.
struct ConnectionMetrics {
    reused: Counter,
    opened: Counter,
}

impl ForwardMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            all_down: registry.counter(
                "coredns_forward_healthcheck_broken_total",
                "Counter of the number of complete failures of the healthchecks.",
                &[],
            ),
            rejected: registry.counter(
                "coredns_forward_max_concurrent_rejects_total",
                "Counter of the number of queries rejected because the concurrent queries were at maximum.",
                &[],
            ),
            joined: registry.counter(
                "kubezone_forward_joined_total",
                "Counter of the queries that waited for the answer to an identical one in flight.",
                &[],
            ),
        }
    }
}

impl UpstreamMetrics {
    /// The counters of the upstream `to`, which is spoken to in these ways.
    pub(super) fn new(registry: &Registry, to: String, ways: &[Over]) -> Self {
        let connections = ways.iter().map(|over| {
            let labels = [("proxy_name", "forward"), ("to", to.as_str()), ("proto", over.label())];
            let reused = registry.counter(
                "coredns_proxy_conn_cache_hits_total",
                "Counter of connection cache hits per upstream and protocol.",
                &labels,
            );
            let opened = registry.counter(
                "coredns_proxy_conn_cache_misses_total",
                "Counter of connection cache misses per upstream and protocol.",
                &labels,
            );
            (*over, ConnectionMetrics { reused, opened })
        });
        let connections = connections.collect();
        let metrics = Self {
            probe_failures: registry.counter(
                "coredns_proxy_healthcheck_failures_total",
                "Counter of the number of failed healthchecks.",
                &[("proxy_name", "forward"), ("to", &to)],
            ),
            connections,
            durations: [const { OnceLock::new() }; RCODES_KNOWN + 1],
            registry: registry.clone(),
            to,
        };
        metrics.take_over();
        metrics
    }

    /// Goes on with the histograms of the same upstream in the configuration before.
    fn take_over(&self) {
        for labels in self.registry.living(DURATIONS, &[("proxy_name", "forward"), ("to", &self.to)]) {
            let is_its =
                |index: &usize| labels.get("rcode").is_some_and(|label| *label == rcode_label(*index));
            if let Some(index) = (0..self.durations.len()).find(is_its) {
                let _ = self.durations[index].set(self.histogram(index));
            }
        }
    }

    /// A connection was there, or had to be opened.
    pub(super) fn connected(&self, over: Over, is_kept: bool) {
        if let Some((_, counters)) = self.connections.iter().find(|(way, _)| *way == over) {
            if is_kept { &counters.reused } else { &counters.opened }.inc();
        }
    }

    /// An answer came.
    pub(super) fn answered(&self, rcode: Rcode, time: Duration) {
        let index = usize::from(rcode.0).min(RCODES_KNOWN);
        self.durations[index].get_or_init(|| self.histogram(index)).observe(time);
    }

    fn histogram(&self, index: usize) -> Histogram {
        self.registry.histogram(
            DURATIONS,
            "Histogram of the time each request took.",
            &[("proxy_name", "forward"), ("to", &self.to), ("rcode", &rcode_label(index))],
            &exponential(0.00025, 2.0, 16),
        )
    }
}

/// The name of a code, or its number.
fn rcode_label(index: usize) -> Cow<'static, str> {
    if index >= RCODES_KNOWN {
        return "other".into();
    }
    let mnemonic = u16::try_from(index).ok().and_then(|number| Rcode(number).mnemonic());
    mnemonic.map_or_else(|| index.to_string().into(), Cow::Borrowed)
}
