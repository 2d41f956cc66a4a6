//! Where a listener is in its life, told to threads and to tasks.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::{mpsc, watch};

/// Only ever goes on to a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Phase {
    Running,
    /// Takes nothing new, answers what is there.
    Draining,
    Stopped,
}

/// Held by whatever still has work to do for a listener.
pub(super) type Alive = mpsc::Sender<Infallible>;

/// A phase that a thread reads without a lock and a task can wait for.
#[derive(Debug)]
pub(super) struct PhaseCell {
    now: AtomicU8,
    changes_tx: watch::Sender<Phase>,
}

// === impl PhaseCell ===

impl PhaseCell {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            now: AtomicU8::new(Phase::Running as u8),
            changes_tx: watch::Sender::new(Phase::Running),
        })
    }

    pub(super) fn get(&self) -> Phase {
        match self.now.load(Ordering::Acquire) {
            0 => Phase::Running,
            1 => Phase::Draining,
            _ => Phase::Stopped,
        }
    }

    pub(super) fn advance(&self, phase: Phase) {
        self.now.fetch_max(phase as u8, Ordering::AcqRel);
        self.changes_tx.send_replace(self.get());
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Phase> {
        self.changes_tx.subscribe()
    }
}
