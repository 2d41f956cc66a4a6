//! Connections that wait for the next query.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long and how many connections are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keeping {
    /// Closed when idle for longer.
    pub(super) expire: Duration,
    /// Closed when open for longer; `None` is no limit.
    pub(super) age_max: Option<Duration>,
    /// The most that are idle at once; `None` is no limit.
    pub(super) idle_max: Option<usize>,
}

/// The idle connections to one upstream over one transport. The one that waited longest goes first, so that source
/// ports keep changing.
pub(super) struct Pool<C> {
    keeping: Keeping,
    state: Mutex<State<C>>,
}

struct State<C> {
    idle: VecDeque<Idle<C>>,
    swept: bool,
}

/// A connection and its age.
pub(super) struct Idle<C> {
    pub(super) connection: C,
    pub(super) opened: Instant,
    used: Instant,
}

impl<C> Pool<C> {
    pub(super) fn new(keeping: Keeping) -> Self {
        Self { keeping, state: Mutex::new(State { idle: VecDeque::new(), swept: false }) }
    }

    /// A connection that may still be used.
    pub(super) fn take(&self, now: Instant) -> Option<Idle<C>> {
        let mut state = self.state();
        loop {
            let idle = state.idle.pop_front()?;
            if self.is_fresh(&idle, now) {
                return Some(idle);
            }
        }
    }

    /// Keeps a connection for the next query, or closes it. `true` asks the caller to see to it that [`Pool::sweep`] is
    /// called when `expire` has passed, and again for as long as that says `true`.
    #[must_use]
    pub(super) fn put(&self, connection: C, opened: Instant, now: Instant) -> bool {
        let idle = Idle { connection, opened, used: now };
        let mut state = self.state();
        let full = self.keeping.idle_max.is_some_and(|max| state.idle.len() >= max);
        if self.keeping.expire.is_zero() || full || !self.is_fresh(&idle, now) {
            return false;
        }
        state.idle.push_back(idle);
        !std::mem::replace(&mut state.swept, true)
    }

    /// Closes what has waited or lived too long; gives whether anything is left, and so another sweep is due.
    pub(super) fn sweep(&self, now: Instant) -> bool {
        let mut state = self.state();
        // All and not only the front: ages are not in order.
        state.idle.retain(|idle| self.is_fresh(idle, now));
        state.swept = !state.idle.is_empty();
        if !state.swept {
            // The memory of a burst goes with its connections.
            state.idle = VecDeque::new();
        }
        state.swept
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.state().idle.len()
    }

    fn is_fresh(&self, idle: &Idle<C>, now: Instant) -> bool {
        let waited = now.saturating_duration_since(idle.used);
        let lived = now.saturating_duration_since(idle.opened);
        waited <= self.keeping.expire && self.keeping.age_max.is_none_or(|max| lived <= max)
    }

    fn state(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pool(age_max: Option<Duration>, idle_max: Option<usize>) -> Pool<u8> {
        Pool::new(Keeping { expire: 10 * SECOND, age_max, idle_max })
    }

    fn taken(pool: &Pool<u8>, now: Instant) -> Option<u8> {
        pool.take(now).map(|idle| idle.connection)
    }

    #[test]
    fn first_in_first_out_until_expired() {
        let (pool, start) = (pool(None, None), Instant::now());
        assert!(pool.put(1, start, start), "the first asks for a sweep");
        assert!(!pool.put(2, start, start + SECOND), "the second has one coming");
        assert!(!pool.put(3, start, start + 2 * SECOND));
        assert_eq!(taken(&pool, start + 2 * SECOND), Some(1));
        assert_eq!(taken(&pool, start + 12 * SECOND), Some(3), "2 has waited for 11 s");
        assert_eq!(taken(&pool, start + 12 * SECOND), None);
    }

    #[test]
    fn a_sweep_closes_the_expired_and_ends_with_the_last() {
        let (pool, start) = (pool(None, None), Instant::now());
        assert!(pool.put(1, start, start));
        assert!(!pool.put(2, start, start + 5 * SECOND));
        assert!(pool.sweep(start + 11 * SECOND));
        assert_eq!(pool.len(), 1);
        assert!(!pool.sweep(start + 16 * SECOND));
        assert!(pool.put(3, start, start + 16 * SECOND), "a new sweep is asked for");
    }

    #[test]
    fn age_and_number_are_limited() {
        let (pool, start) = (pool(Some(15 * SECOND), Some(1)), Instant::now());
        assert!(pool.put(1, start, start + 14 * SECOND));
        assert!(!pool.put(2, start, start + 14 * SECOND));
        assert_eq!(pool.len(), 1, "one at most");
        assert_eq!(taken(&pool, start + 16 * SECOND), None, "open for 16 s");
        assert!(!pool.put(3, start, start + 16 * SECOND));
        assert_eq!(pool.len(), 0);
    }

    #[test]
    fn expire_0_keeps_nothing() {
        let start = Instant::now();
        let pool = Pool::new(Keeping { expire: Duration::ZERO, age_max: None, idle_max: None });
        assert!(!pool.put(1, start, start));
        assert_eq!(pool.len(), 0);
    }
}
