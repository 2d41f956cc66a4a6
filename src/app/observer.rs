//! The work of the watches as metrics.

use std::sync::Mutex;
use std::time::Duration;

use crate::cluster::{Observer, ServiceKindLabel};
use crate::telemetry::metrics::{Counter, Histogram, Registry, exponential};
use crate::zone::Kind;

/// At most this many series are made for answers of API servers: codes and verbs are few, hosts come from the Corefile.
const SERIES_MAX: usize = 500;
const REQUEST_BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Counts what the watches do, under the names of CoreDNS where it has one.
pub struct WatchMetrics {
    registry: Registry,
    programmed: Vec<(&'static str, Histogram)>,
    relists: Vec<(Kind, Counter)>,
    // Off the hot path: a handful of requests a minute.
    requests: Mutex<Vec<(String, Counter, Histogram)>>,
    throttled: Mutex<Vec<(String, Histogram)>>,
}

impl WatchMetrics {
    /// Makes the series.
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        let programmed = ["cluster_ip", "headless_with_selector"].map(|kind| {
            let histogram = registry.histogram(
                "coredns_kubernetes_dns_programming_duration_seconds",
                "Histogram of the time (in seconds) it took to program a dns instance.",
                &[("service_kind", kind)],
                &exponential(0.001, 2.0, 20),
            );
            (kind, histogram)
        });
        let relists = Kind::ALL.map(|kind| {
            let help = "Lists of a kind after its first one.";
            (kind, registry.counter("kubezone_kubernetes_relists_total", help, &[("kind", kind.plural())]))
        });
        let (programmed, relists) = (programmed.into(), relists.into());
        Self {
            registry: registry.clone(),
            programmed,
            relists,
            requests: Mutex::default(),
            throttled: Mutex::default(),
        }
    }
}

impl Observer for WatchMetrics {
    fn programmed(&self, kind: ServiceKindLabel, latency: Duration) {
        let label = kind.as_str();
        if let Some((_, histogram)) = self.programmed.iter().find(|(known, _)| *known == label) {
            histogram.observe(latency);
        }
    }

    fn api_request(&self, method: &str, verb: &str, host: &str, code: Option<u16>, took: Duration) {
        let code = code.map_or_else(|| "<error>".to_owned(), |code| code.to_string());
        let key = format!("{method} {verb} {host} {code}");
        // In the words of client-go, whose labels these are, `verb` is the method of HTTP.
        let mut requests = self.requests.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !requests.iter().any(|(known, ..)| *known == key) {
            if requests.len() == SERIES_MAX {
                return;
            }
            let counter = self.registry.counter(
                "coredns_kubernetes_rest_client_requests_total",
                "Number of HTTP requests, partitioned by status code, method, and host.",
                &[("code", &code), ("method", method), ("host", host)],
            );
            let histogram = self.registry.histogram(
                "coredns_kubernetes_rest_client_request_duration_seconds",
                "Request latency in seconds. Broken down by verb and host.",
                &[("verb", method), ("host", host)],
                &REQUEST_BOUNDS,
            );
            requests.push((key.clone(), counter, histogram));
        }
        if let Some((_, counter, histogram)) = requests.iter().find(|(known, ..)| *known == key) {
            counter.inc();
            histogram.observe(took);
        }
    }

    fn api_throttled(&self, _verb: &str, host: &str, waited: Duration) {
        // Lists and watches are both this in the words of client-go.
        let verb = "GET";
        let key = format!("{verb} {host}");
        let mut throttled = self.throttled.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !throttled.iter().any(|(known, _)| *known == key) {
            if throttled.len() == SERIES_MAX {
                return;
            }
            let histogram = self.registry.histogram(
                "coredns_kubernetes_rest_client_rate_limiter_duration_seconds",
                "Client side rate limiter latency in seconds. Broken down by verb and host.",
                &[("verb", verb), ("host", host)],
                &REQUEST_BOUNDS,
            );
            throttled.push((key.clone(), histogram));
        }
        if let Some((_, histogram)) = throttled.iter().find(|(known, _)| *known == key) {
            histogram.observe(waited);
        }
    }

    fn relisted(&self, kind: Kind) {
        if let Some((_, counter)) = self.relists.iter().find(|(known, _)| *known == kind) {
            counter.inc();
        }
    }
}
