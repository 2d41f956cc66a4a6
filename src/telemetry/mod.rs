//! What the process says about itself: numbers (`metrics`), lines (`log`), and the small HTTP server (`http`)
//! through which health, readiness and the numbers are asked for.
//!
//! The three do not know each other, and nothing here knows a plugin or DNS.

mod host;
/// The HTTP server: health, ready, metrics.
pub mod http;
/// Log lines, and the thread that writes them.
pub mod log;
/// Counters, gauges and histograms, and their text for Prometheus.
pub mod metrics;
/// Where a panic came from.
pub mod panics;

pub use host::host_name;
