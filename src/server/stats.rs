//! What the server counts itself: what happens before a chain is entered and after it is left.
//!
//! Hot path. Every worker has a line of its own, and adds to it once a batch.

use std::iter::Sum;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Sums since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages received over either transport.
    pub received: u64,
    /// Of these, left without a reply: shorter than a header, or responses.
    pub ignored: u64,
    /// Of these, no query: replied to with a header alone (FORMERR, NOTIMP) or with BADVERS.
    pub malformed: u64,
    /// Of these, answered by no chain: no server block has the name or the class, or a plugin panicked.
    pub refused: u64,
    /// Of these, refused because too many queries were waiting already.
    pub overloaded: u64,
    /// UDP replies that the kernel did not take.
    pub unsent: u64,
    /// TCP connections taken.
    pub connections: u64,
    /// TCP connections closed at once, because the listener had as many as it may.
    pub connections_refused: u64,
}

/// What is counted; the cell of each in [`Cells`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Count {
    Received,
    Ignored,
    Malformed,
    Refused,
    Overloaded,
    Unsent,
    Connections,
    ConnectionsRefused,
}

/// The cells of one worker: one cache line, that no other worker writes to.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Cells([AtomicU64; 8]);

// === impl Cells ===

impl Cells {
    /// A read-modify-write, since the futures that a worker has left to the runtime count here too.
    pub(super) fn add(&self, count: Count, n: u64) {
        self.0[count as usize].fetch_add(n, Relaxed);
    }

    pub(super) fn read(&self) -> Stats {
        let value = |count: Count| self.0[count as usize].load(Relaxed);
        Stats {
            received: value(Count::Received),
            ignored: value(Count::Ignored),
            malformed: value(Count::Malformed),
            refused: value(Count::Refused),
            overloaded: value(Count::Overloaded),
            unsent: value(Count::Unsent),
            connections: value(Count::Connections),
            connections_refused: value(Count::ConnectionsRefused),
        }
    }
}

// === impl Stats ===

impl AddAssign for Stats {
    fn add_assign(&mut self, other: Self) {
        self.received += other.received;
        self.ignored += other.ignored;
        self.malformed += other.malformed;
        self.refused += other.refused;
        self.overloaded += other.overloaded;
        self.unsent += other.unsent;
        self.connections += other.connections;
        self.connections_refused += other.connections_refused;
    }
}

impl Sum for Stats {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), |mut sum, item| {
            sum += item;
            sum
        })
    }
}
