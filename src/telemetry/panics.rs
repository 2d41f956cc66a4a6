//! Where a panic came from, for who recovers from it: the place in the source, and on request the stack.
//!
//! A panic's payload is its text alone; the place is known to the hook only, which runs on the thread that panics,
//! before it unwinds.

use std::{
    backtrace::Backtrace,
    cell::Cell,
    panic,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

/// Whether stacks are taken: it costs milliseconds, and who panics once may panic with every query.
static STACKS: AtomicBool = AtomicBool::new(false);

thread_local! {
    static LAST: Cell<Option<Panic>> = const { Cell::new(None) };
}

/// A panic that somebody recovers from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panic {
    /// File, line and column.
    pub place: String,
    /// The calls that led there, a line for each; empty when stacks are not taken, or when the build has no symbols.
    pub stack: Vec<String>,
}

/// Notes panics from now on. What the process did with them before is done still.
pub fn install() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let place = info.location().map_or_else(String::new, ToString::to_string);
        let stack = if STACKS.load(Relaxed) { stack() } else { Vec::new() };
        // A thread at its end has no memory any more, and nobody on it recovers.
        let _ = LAST.try_with(|last| last.set(Some(Panic { place, stack })));
        before(info);
    }));
}

/// Whether stacks are to be taken (`errors { stacktrace }`).
pub fn take_stacks(wanted: bool) {
    STACKS.store(wanted, Relaxed);
}

/// The last panic of this thread, once; `None` when nothing noted it.
#[must_use]
pub fn last() -> Option<Panic> {
    LAST.try_with(Cell::take).ok().flatten()
}

fn stack() -> Vec<String> {
    let text = Backtrace::force_capture().to_string();
    // Without symbols every line is this, and says nothing.
    text.lines().filter(|line| !line.contains("<unknown>")).map(|line| line.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_recovers_learns_the_place() {
        install();
        let recovered = || panic::catch_unwind(|| panic!("on purpose")).map_err(|_| last()).unwrap_err();
        let first = recovered().unwrap();
        assert!(first.place.contains("src/telemetry/panics.rs:"), "{first:?}");
        assert_eq!(last(), None);
        assert!(stack().iter().any(|line| line.contains("who_recovers_learns")));
    }
}
