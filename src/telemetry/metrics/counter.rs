//! Counters, single and in tables.
//!
//! Hot path. `Counter::add` and `CounterTable::add` allocate nothing, lock nothing and hash nothing; see `stripe`.

use std::{fmt, sync::Arc};

use super::{
    registry::Series,
    sample::{Kind, LabelSet, Value},
    stripe::Stripes,
};

/// A handle to one counter. Clones count into the same series.
#[derive(Clone)]
pub struct Counter {
    cell: Arc<CounterCell>,
}

/// A handle to a dense block of counters, addressed by the index of a value in each of its `N` dimensions.
#[derive(Clone)]
pub struct CounterTable<const N: usize> {
    table: Arc<Table>,
    lengths: [usize; N],
}

pub(super) struct CounterCell(Stripes);

pub(super) struct Table {
    dimensions: Vec<Dimension>,
    stripes: Stripes,
}

#[derive(PartialEq, Eq)]
struct Dimension {
    label: Box<str>,
    values: Vec<Box<str>>,
}

impl Counter {
    pub(super) fn new(cell: Arc<CounterCell>) -> Self {
        Self { cell }
    }

    /// Counts one.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Counts `n`.
    pub fn add(&self, n: u64) {
        self.cell.0.add(0, n);
    }

    /// The sum over all threads. What other threads count at the same moment may be missing.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.cell.0.sum(0)
    }
}

impl<const N: usize> CounterTable<N> {
    pub(super) fn new(table: Arc<Table>, lengths: [usize; N]) -> Self {
        Self { table, lengths }
    }

    /// Counts one at `index`, one number for each dimension in the order they were given. An index outside of its
    /// dimension is not counted.
    pub fn inc(&self, index: [usize; N]) {
        self.add(index, 1);
    }

    /// Counts `n` at `index`; see [`inc`](Self::inc).
    pub fn add(&self, index: [usize; N], n: u64) {
        if let Some(cell) = self.cell(index) {
            self.table.stripes.add(cell, n);
        }
    }

    /// The sum over all threads at `index`; 0 outside of the table.
    #[must_use]
    pub fn value(&self, index: [usize; N]) -> u64 {
        self.cell(index).map_or(0, |cell| self.table.stripes.sum(cell))
    }

    fn cell(&self, index: [usize; N]) -> Option<usize> {
        let mut cell = 0;
        for (index, length) in index.into_iter().zip(self.lengths) {
            if index >= length {
                return None;
            }
            cell = cell * length + index;
        }
        Some(cell)
    }
}

impl Table {
    pub(super) fn new(dimensions: &[(&str, &[&str])]) -> Self {
        let dimensions: Vec<Dimension> = dimensions
            .iter()
            .map(|(label, values)| Dimension {
                label: (*label).into(),
                values: values.iter().map(|value| (*value).into()).collect(),
            })
            .collect();
        let stripes = Stripes::new(cells(&dimensions));
        Self { dimensions, stripes }
    }
}

impl Default for CounterCell {
    fn default() -> Self {
        Self(Stripes::new(1))
    }
}

impl Series for CounterCell {
    fn kind(&self) -> Kind {
        Kind::Counter
    }

    fn same_shape(&self, _other: &Self) -> bool {
        true
    }

    fn collect(&self, labels: &LabelSet, out: &mut dyn FnMut(LabelSet, Value)) {
        out(labels.clone(), Value::Number(self.0.sum(0) as f64));
    }
}

impl Series for Table {
    fn kind(&self) -> Kind {
        Kind::Counter
    }

    fn size(&self) -> usize {
        cells(&self.dimensions)
    }

    fn label_names(&self) -> Vec<&str> {
        self.dimensions.iter().map(|dimension| &*dimension.label).collect()
    }

    fn same_shape(&self, other: &Self) -> bool {
        self.dimensions == other.dimensions
    }

    fn collect(&self, labels: &LabelSet, out: &mut dyn FnMut(LabelSet, Value)) {
        for cell in 0..self.size() {
            let count = self.stripes.sum(cell);
            if count == 0 {
                continue;
            }
            // The last dimension varies fastest; see `CounterTable::cell`.
            let mut rest = cell;
            let more = self.dimensions.iter().rev().filter_map(|dimension| {
                let index = rest % dimension.values.len();
                rest /= dimension.values.len();
                dimension.values.get(index).map(|value| (&*dimension.label, &**value))
            });
            out(labels.with(more), Value::Number(count as f64));
        }
    }
}

fn cells(dimensions: &[Dimension]) -> usize {
    dimensions.iter().map(|dimension| dimension.values.len()).product()
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Counter").field(&self.value()).finish()
    }
}

impl<const N: usize> fmt::Debug for CounterTable<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CounterTable").field("lengths", &self.lengths).finish_non_exhaustive()
    }
}
