//! The series: names, labels and buckets are CoreDNS's, so that its dashboards and alerts go on working.

use std::time::Duration;

use super::labels::{self, AUTHORS, FAMILIES, PROTOS, RCODES, TYPES};
use crate::dns::{Query, Rcode};
use crate::telemetry::metrics::{
    Collector, Counter, CounterTable, Gauge, Histogram, Registry, exponential, register_process,
};

/// The `zone` of what the server replies without entering a chain: no block for the name, a class that is not served.
pub const DROPPED_ZONE: &str = "dropped";

const SIZES: [f64; 14] =
    [0.0, 100.0, 200.0, 300.0, 400.0, 511.0, 1023.0, 2047.0, 4095.0, 8291.0, 16e3, 32e3, 48e3, 64e3];

/// What is counted for one zone of one listener.
pub struct ZoneMetrics {
    requests: CounterTable<3>,
    responses: CounterTable<2>,
    durations: Histogram,
    request_sizes: [Histogram; 2],
    response_sizes: [Histogram; 2],
    dnssec_ok: CounterTable<0>,
}

/// What is there once a process: to be made at its start and kept.
pub struct ProcessMetrics {
    /// `coredns_panics_total`, for the routers.
    pub panics: Counter,
    _build: Gauge,
    _process: Collector,
}

impl ZoneMetrics {
    /// The series of this `server` label (`dns://:53`) and `zone` label (`cluster.local.`, or [`DROPPED_ZONE`]).
    #[must_use]
    pub fn new(registry: &Registry, server: &str, zone: &str) -> Self {
        let labels = [("server", server), ("zone", zone), ("view", "")];
        let sizes = |name, help| {
            PROTOS.map(|proto| {
                let labels = [("server", server), ("zone", zone), ("view", ""), ("proto", proto)];
                registry.rare_histogram(name, help, &labels, &SIZES)
            })
        };
        Self {
            requests: registry.counter_table(
                "coredns_dns_requests_total",
                "Counter of DNS requests made per zone, protocol and family.",
                &labels,
                [("proto", &PROTOS), ("family", &FAMILIES), ("type", &TYPES)],
            ),
            responses: registry.counter_table(
                "coredns_dns_responses_total",
                "Counter of response status codes, by the plugin that answered.",
                &labels,
                [("plugin", &AUTHORS), ("rcode", &RCODES)],
            ),
            durations: registry.rare_histogram(
                "coredns_dns_request_duration_seconds",
                "Histogram of the time from the arrival of a request to its answer, in seconds.",
                &labels,
                &exponential(0.00025, 2.0, 16),
            ),
            request_sizes: sizes("coredns_dns_request_size_bytes", "Size of requests in bytes."),
            response_sizes: sizes("coredns_dns_response_size_bytes", "Size of responses in bytes."),
            dnssec_ok: registry.counter_table(
                "coredns_dns_do_requests_total",
                "Counter of DNS requests with DO bit set per zone.",
                &labels,
                [],
            ),
        }
    }

    /// Counts a query and its reply: RCODE and octets, `None` when there is none. `author` is the plugin that answered,
    /// `None` for the server itself.
    pub fn count(
        &self,
        query: &Query<'_>,
        reply: Option<(Rcode, usize)>,
        author: Option<&str>,
        elapsed: Duration,
    ) {
        let origin = query.origin();
        let proto = labels::proto(origin);
        self.requests.inc([proto, labels::family(origin), labels::record_type(query.qtype())]);
        self.durations.observe(elapsed);
        self.request_sizes[proto].observe_value(query.packet().len() as f64);
        if query.edns().is_some_and(|edns| edns.dnssec_ok) {
            self.dnssec_ok.inc([]);
        }
        if let Some((rcode, size)) = reply {
            self.responses.inc([labels::author(author), labels::rcode(rcode)]);
            self.response_sizes[proto].observe_value(size as f64);
        }
    }
}

impl ProcessMetrics {
    /// Adds `coredns_panics_total`, `coredns_build_info` and `process_*` to the registry, for as long as this is kept.
    #[must_use]
    pub fn register(registry: &Registry) -> Self {
        let build = registry.gauge(
            "coredns_build_info",
            "A metric with a constant '1' value labeled by version, revision, and goversion from which this was built.",
            &[
                ("version", env!("CARGO_PKG_VERSION")),
                ("revision", option_env!("KUBEZONE_REVISION").unwrap_or("")),
                // Nothing here is Go; the label is there because queries select by it.
                ("goversion", ""),
            ],
        );
        build.set(1.0);
        Self {
            panics: registry.counter("coredns_panics_total", "Counter of the number of panics.", &[]),
            _build: build,
            _process: register_process(registry),
        }
    }
}

/// `coredns_plugin_enabled` for the handlers of a block's chain. `zone` is the block's first zone, as in CoreDNS. The
/// series last as long as the gauges: the composition root keeps them with the block.
#[must_use]
pub fn plugin_enabled<'a>(
    registry: &Registry,
    server: &str,
    zone: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Vec<Gauge> {
    let help = "A metric that indicates whether a plugin is enabled on per server and zone basis.";
    let gauge = |name| {
        let labels = [("server", server), ("zone", zone), ("view", ""), ("name", name)];
        let gauge = registry.gauge("coredns_plugin_enabled", help, &labels);
        gauge.set(1.0);
        gauge
    };
    names.into_iter().map(gauge).collect()
}
