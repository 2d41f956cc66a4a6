//! Cells of which every thread has its own copy, so that counting threads share no cache line.
//!
//! Hot path. `Stripes::add` is one thread-local read and one relaxed add: no allocation, lock, hash or clock after the
//! first call of a thread.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

/// More stripes than this would cost memory (a line each, for every counter) and win nothing measurable.
const STRIPES_MAX: usize = 64;
/// Threads that count besides one per core: the two workers of the async runtime.
const THREADS_EXTRA: usize = 2;
/// 64-bit cells in a line.
const LINE_CELLS: usize = 8;

/// One cache line. 64 bytes and not the 128 that a prefetching pair of lines would ask for: a counter takes a line
/// for each stripe, and memory is what we promise to save.
#[repr(align(64))]
#[derive(Default)]
struct Line([AtomicU64; LINE_CELLS]);

/// A dense row of 64-bit cells, once per stripe; the cells of one stripe lie together.
pub(super) struct Stripes {
    lines: Box<[Line]>,
    lines_per_stripe: usize,
}

impl Stripes {
    pub(super) fn new(cells: usize) -> Self {
        let lines_per_stripe = cells.div_ceil(LINE_CELLS).max(1);
        let lines = (0..lines_per_stripe * stripes()).map(|_| Line::default()).collect();
        Self { lines, lines_per_stripe }
    }

    /// Adds to this thread's copy of `cell`. A read-modify-write and not a plain load and store, because threads may
    /// outnumber stripes and no count may be lost.
    pub(super) fn add(&self, cell: usize, n: u64) {
        if let Some(cell) = self.own(cell) {
            cell.fetch_add(n, Relaxed);
        }
    }

    /// Adds to a cell that holds the bits of an `f64`.
    pub(super) fn add_f64(&self, cell: usize, value: f64) {
        let Some(cell) = self.own(cell) else { return };
        let mut bits = cell.load(Relaxed);
        while let Err(seen) =
            cell.compare_exchange_weak(bits, (f64::from_bits(bits) + value).to_bits(), Relaxed, Relaxed)
        {
            bits = seen;
        }
    }

    pub(super) fn sum(&self, cell: usize) -> u64 {
        self.copies(cell).fold(0, |sum, bits| sum.wrapping_add(bits))
    }

    pub(super) fn sum_f64(&self, cell: usize) -> f64 {
        self.copies(cell).map(f64::from_bits).sum()
    }

    fn own(&self, cell: usize) -> Option<&AtomicU64> {
        let line = STRIPE.with(|stripe| *stripe) * self.lines_per_stripe + cell / LINE_CELLS;
        self.lines.get(line).map(|line| &line.0[cell % LINE_CELLS])
    }

    fn copies(&self, cell: usize) -> impl Iterator<Item = u64> {
        self.lines
            .chunks(self.lines_per_stripe)
            .filter_map(move |stripe| stripe.get(cell / LINE_CELLS))
            .map(move |line| line.0[cell % LINE_CELLS].load(Relaxed))
    }
}

thread_local! {
    /// Stripes are dealt in turn to the threads that count. A new thread may be dealt the stripe of a living one;
    /// that costs speed, never a count.
    static STRIPE: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Relaxed) % stripes()
    };
}

/// How many stripes every row has: a power of two that fits the threads that count.
fn stripes() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        (cores + THREADS_EXTRA).next_power_of_two().min(STRIPES_MAX)
    })
}
