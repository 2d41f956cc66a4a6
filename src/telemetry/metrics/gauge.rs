//! Gauges that are set. For one that can be asked for, `Registry::gauge_fn` is cheaper: it costs only at the scrape.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use super::{
    registry::Series,
    sample::{Kind, LabelSet, Value},
};

/// A handle to one gauge. Not striped: a gauge is set, and belongs off the hot path.
#[derive(Clone)]
pub struct Gauge {
    cell: Arc<GaugeCell>,
}

/// The bits of an `f64`.
#[derive(Default)]
pub(super) struct GaugeCell(AtomicU64);

impl Gauge {
    pub(super) fn new(cell: Arc<GaugeCell>) -> Self {
        Self { cell }
    }

    /// Puts the value in place of what was there.
    pub fn set(&self, value: f64) {
        self.cell.0.store(value.to_bits(), Relaxed);
    }

    /// Adds, or with a negative value takes away.
    pub fn add(&self, value: f64) {
        let cell = &self.cell.0;
        let mut bits = cell.load(Relaxed);
        while let Err(seen) =
            cell.compare_exchange_weak(bits, (f64::from_bits(bits) + value).to_bits(), Relaxed, Relaxed)
        {
            bits = seen;
        }
    }

    /// The present value.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.cell.value()
    }
}

impl GaugeCell {
    fn value(&self) -> f64 {
        f64::from_bits(self.0.load(Relaxed))
    }
}

impl Series for GaugeCell {
    fn kind(&self) -> Kind {
        Kind::Gauge
    }

    fn same_shape(&self, _other: &Self) -> bool {
        true
    }

    fn collect(&self, labels: &LabelSet, out: &mut dyn FnMut(LabelSet, Value)) {
        out(labels.clone(), Value::Number(self.value()));
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gauge").field(&self.value()).finish()
    }
}
