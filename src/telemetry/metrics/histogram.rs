//! Histograms with fixed buckets.
//!
//! Hot path. `Histogram::observe` looks through at most a few dozen bounds, then adds to two cells of this thread: no
//! allocation, no lock.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    registry::Series,
    sample::{Kind, LabelSet, Value},
    stripe::Stripes,
};

/// A handle to one histogram. Clones observe into the same series.
#[derive(Clone)]
pub struct Histogram {
    cells: Arc<HistogramCells>,
}

/// A cell for each bound, one for what is above the last, one for the sum. There is none for the count: it is the sum
/// of the buckets, and so never disagrees with them.
pub(super) struct HistogramCells {
    bounds: Box<[f64]>,
    stripes: Stripes,
    /// Whether it is printed before a value was observed.
    empty_too: bool,
}

/// `n` bounds, the first of them `start`, each `factor` times the one before.
#[must_use]
pub fn exponential(start: f64, factor: f64, n: usize) -> Vec<f64> {
    // Multiplied one by one as the Go client does: a power would differ in the last digit, and the digits are labels.
    std::iter::successors(Some(start), |bound| Some(bound * factor)).take(n).collect()
}

impl Histogram {
    pub(super) fn new(cells: Arc<HistogramCells>) -> Self {
        Self { cells }
    }

    /// Observes a time, in seconds.
    pub fn observe(&self, time: Duration) {
        self.observe_value(time.as_secs_f64());
    }

    /// Observes a value in the unit of the histogram; it falls into the first bucket whose bound is not below it.
    pub fn observe_value(&self, value: f64) {
        let HistogramCells { bounds, stripes, .. } = &*self.cells;
        // In order and not by halves: small values are the usual ones. NaN falls past the last bound.
        let bucket = bounds.iter().position(|bound| value <= *bound).unwrap_or(bounds.len());
        stripes.add(bucket, 1);
        stripes.add_f64(bounds.len() + 1, value);
    }

    /// How many values were observed.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.cells.counts().iter().sum()
    }
}

impl HistogramCells {
    pub(super) fn new(bounds: &[f64], empty_too: bool) -> Self {
        Self { bounds: bounds.into(), stripes: Stripes::new(bounds.len() + 2), empty_too }
    }

    fn counts(&self) -> Vec<u64> {
        (0..=self.bounds.len()).map(|bucket| self.stripes.sum(bucket)).collect()
    }
}

impl Series for HistogramCells {
    fn kind(&self) -> Kind {
        Kind::Histogram
    }

    /// A line for each bound, and `+Inf`, `_sum` and `_count`.
    fn size(&self) -> usize {
        self.bounds.len() + 3
    }

    fn same_shape(&self, other: &Self) -> bool {
        self.bounds == other.bounds && self.empty_too == other.empty_too
    }

    fn collect(&self, labels: &LabelSet, out: &mut dyn FnMut(LabelSet, Value)) {
        let (sum, counts) = (self.stripes.sum_f64(self.bounds.len() + 1), self.counts());
        if self.empty_too || counts.iter().any(|count| *count > 0) {
            out(labels.clone(), Value::Histogram { bounds: self.bounds.clone(), counts, sum });
        }
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram").field("count", &self.count()).finish_non_exhaustive()
    }
}
