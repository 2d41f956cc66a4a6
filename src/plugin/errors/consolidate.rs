//! Errors of one kind told once in a while, with their number: `consolidate`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use regex::Regex;
use tokio::runtime::Handle;
use tracing::Level;

use crate::corefile::show_duration;

/// The kinds, in file order: an error belongs to the first that it is like.
pub(super) struct Consolidation {
    kinds: Vec<Arc<Kind>>,
    runtime: Handle,
}

/// Errors whose text is like a pattern.
pub(super) struct Kind {
    pub(super) pattern: Regex,
    pub(super) period: Duration,
    pub(super) level: Level,
    pub(super) show_first: bool,
    /// The errors since the period began; none has begun at zero.
    pub(super) count: AtomicU64,
}

impl Consolidation {
    pub(super) fn new(kinds: Vec<Kind>, runtime: Handle) -> Self {
        Self { kinds: kinds.into_iter().map(Arc::new).collect(), runtime }
    }

    /// At which level an error with this text is to be logged now; `None` when it is only counted. The first of its
    /// kind begins a period, at whose end the number is told.
    pub(super) fn level_of(&self, text: &str) -> Option<Level> {
        let Some(kind) = self.kinds.iter().find(|kind| kind.pattern.is_match(text)) else {
            return Some(Level::ERROR);
        };
        if kind.count.fetch_add(1, Relaxed) > 0 {
            return None;
        }
        let told = Arc::clone(kind);
        self.runtime.spawn(async move {
            tokio::time::sleep(told.period).await;
            told.tell();
        });
        kind.show_first.then_some(kind.level)
    }
}

impl Kind {
    /// Logs how many there were, and ends the period.
    fn tell(&self) {
        let count = self.count.swap(0, Relaxed);
        if count > u64::from(self.show_first) {
            let (pattern, period) = (self.pattern.as_str(), show_duration(self.period));
            log(self.level, format_args!("{count} errors like '{pattern}' occurred in last {period}"));
        }
    }
}

/// What was counted when the server block goes is told then, and not lost. A period that ends later finds nothing.
impl Drop for Consolidation {
    fn drop(&mut self) {
        self.kinds.iter().for_each(|kind| kind.tell());
    }
}

/// Logs a line at a level that is known only now.
pub(super) fn log(level: Level, line: std::fmt::Arguments<'_>) {
    match level {
        Level::ERROR => tracing::error!(target: "plugin/errors", "{line}"),
        Level::WARN => tracing::warn!(target: "plugin/errors", "{line}"),
        Level::INFO => tracing::info!(target: "plugin/errors", "{line}"),
        _ => tracing::debug!(target: "plugin/errors", "{line}"),
    }
}
