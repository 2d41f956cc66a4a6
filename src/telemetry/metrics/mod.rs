//! Metrics: made once at setup, counted without locks, summed when Prometheus asks.
//!
//! ```text
//!   setup:   Registry ── counter(name, help, labels) ──> Counter (handle)
//!   query:   Counter::add ── one relaxed add ──> the stripe of this thread
//!   scrape:  Registry::text ── sum over stripes, closures ──> text format 0.0.4
//! ```
//!
//! The registry holds its series weakly: a series is printed for as long as somebody holds a handle to it, and a
//! removed server block takes its series along by being dropped. A reload that makes the new handles before it drops
//! the old ones is given the same cells and goes on counting; what makes its series when they are counted first asks for
//! the living ones (`Registry::living`). The alternative, an explicit unregister, was not taken:
//! it would have to be remembered on every way out.
//!
//! A crate would do for the handles, but none writes text format 0.0.4 byte for byte as the Go client does, and none
//! lets a table of counters share cache lines.

mod counter;
mod gauge;
mod histogram;
mod lint;
mod process;
mod registry;
mod sample;
mod stripe;
mod text;

pub use counter::{Counter, CounterTable};
pub use gauge::Gauge;
pub use histogram::{Histogram, exponential};
pub use lint::lint;
pub use process::register as register_process;
pub use registry::{Collector, Registry, SERIES_MAX};
pub use sample::{Kind, Scrape};
pub use text::CONTENT_TYPE;

#[cfg(test)]
mod tests;
