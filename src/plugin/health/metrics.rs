//! How the process does when it asks itself.

use crate::telemetry::metrics::{Counter, Histogram, Registry, exponential};

#[derive(Clone)]
pub(super) struct Metrics {
    pub(super) durations: Histogram,
    pub(super) failures: Counter,
}

impl Metrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            durations: registry.histogram(
                "coredns_health_request_duration_seconds",
                "Histogram of the time (in seconds) each request took.",
                &[],
                &exponential(0.00025, 10.0, 5),
            ),
            failures: registry.counter(
                "coredns_health_request_failures_total",
                "The number of times the health check failed.",
                &[],
            ),
        }
    }
}
