//! The TCP or TLS connections to one upstream, and which of them a query goes out on.
//!
//! One that is idle comes first, then a new one, and only when there are as many as may be, the one on which the fewest wait.
//! Not one for all, as HTTPS and QUIC have: many servers answer the queries of a TCP connection one after the other, and
//! there a slow name would hold up all behind it.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::pipe::Pipe;
use super::pool::Keeping;

/// The most connections to an upstream, over each of TCP and TLS. A query that finds all of them at work waits behind
/// others on one.
pub(super) const CONNECTIONS_MAX: usize = 32;

pub(super) struct Pipes {
    keeping: Keeping,
    /// One permit for each connection that may be.
    permits: Arc<Semaphore>,
    /// Told when a connection is there that was not.
    opened: Notify,
    lines: Mutex<Vec<Line>>,
}

/// A connection that queries may go out on.
struct Line {
    pipe: Arc<Pipe>,
    opened: Instant,
    /// When the last query left it.
    used: Instant,
    waiting: usize,
    _permit: Option<OwnedSemaphorePermit>,
}

/// A query's place on a connection.
pub(super) struct Seat {
    pub(super) pipe: Arc<Pipe>,
    /// Whether the connection was there before.
    pub(super) is_kept: bool,
    pipes: Arc<Pipes>,
}

/// What there is for a query.
enum Pick {
    Seat(Seat),
    /// A connection may be opened.
    Open(OwnedSemaphorePermit),
    /// As many as may be are being opened.
    Wait,
}

// === impl Pipes ===

impl Pipes {
    pub(super) fn new(keeping: Keeping, connections_max: usize) -> Arc<Self> {
        Arc::new(Self {
            keeping,
            permits: Arc::new(Semaphore::new(connections_max)),
            opened: Notify::new(),
            lines: Mutex::default(),
        })
    }

    /// A place on a connection that is there, or on the one that `dial` opens. `is_new` asks for one that nobody used
    /// before, even if there are as many as may be.
    pub(super) async fn take<E>(
        self: &Arc<Self>,
        is_new: bool,
        now: Instant,
        dial: impl Future<Output = Result<Pipe, E>>,
    ) -> Result<Seat, E> {
        let permit = loop {
            if is_new {
                break Arc::clone(&self.permits).try_acquire_owned().ok();
            }
            let mut opened = std::pin::pin!(self.opened.notified());
            // Before the look, so that none is missed between.
            opened.as_mut().enable();
            match self.pick(now) {
                Pick::Seat(seat) => return Ok(seat),
                Pick::Open(permit) => break Some(permit),
                Pick::Wait => tokio::select! {
                    () = opened => {}
                    // The semaphore is never closed.
                    permit = Arc::clone(&self.permits).acquire_owned() => break permit.ok(),
                },
            }
        };
        let pipe = Arc::new(dial.await?);
        Ok(self.add(pipe, permit, now))
    }

    fn pick(self: &Arc<Self>, now: Instant) -> Pick {
        let mut lines = self.lines();
        lines.retain(|line| line.waiting > 0 && line.pipe.is_open() || self.is_fresh(line, now));
        // The one that was idle longest, so that source ports keep changing.
        let idle = lines.iter_mut().filter(|line| line.waiting == 0).min_by_key(|line| line.used);
        if let Some(line) = idle {
            return Pick::Seat(self.seat(line));
        }
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Pick::Open(permit);
        }
        let busy = lines.iter_mut().filter(|line| self.is_young(line, now)).min_by_key(|line| line.waiting);
        busy.map_or(Pick::Wait, |line| Pick::Seat(self.seat(line)))
    }

    fn seat(self: &Arc<Self>, line: &mut Line) -> Seat {
        line.waiting += 1;
        Seat { pipe: Arc::clone(&line.pipe), is_kept: true, pipes: Arc::clone(self) }
    }

    fn add(self: &Arc<Self>, pipe: Arc<Pipe>, permit: Option<OwnedSemaphorePermit>, now: Instant) -> Seat {
        let mut lines = self.lines();
        if lines.is_empty() {
            self.close_when_idle();
        }
        let line = Line { pipe: Arc::clone(&pipe), opened: now, used: now, waiting: 1, _permit: permit };
        lines.push(line);
        drop(lines);
        self.opened.notify_waiters();
        Seat { pipe, is_kept: false, pipes: Arc::clone(self) }
    }

    fn leave(&self, pipe: &Arc<Pipe>, now: Instant) {
        let mut lines = self.lines();
        let Some(at) = lines.iter().position(|line| Arc::ptr_eq(&line.pipe, pipe)) else { return };
        lines[at].waiting -= 1;
        lines[at].used = now;
        if lines[at].waiting > 0 {
            return;
        }
        let idle = lines.iter().filter(|line| line.waiting == 0).count();
        let is_one_too_many = self.keeping.idle_max.is_some_and(|max| idle > max);
        if self.keeping.expire.is_zero() || is_one_too_many || !self.is_fresh(&lines[at], now) {
            lines.swap_remove(at);
        }
    }

    /// A task that lives for as long as there are connections, and closes those that were idle for `expire`.
    fn close_when_idle(self: &Arc<Self>) {
        let pipes = Arc::downgrade(self);
        let expire = self.keeping.expire.max(Duration::from_millis(100));
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(expire).await;
                let Some(pipes) = pipes.upgrade() else { return };
                let mut lines = pipes.lines();
                let now = Instant::now();
                lines.retain(|line| line.waiting > 0 || pipes.is_fresh(line, now));
                if lines.is_empty() {
                    return;
                }
            }
        });
    }

    fn is_fresh(&self, line: &Line, now: Instant) -> bool {
        let idle = now.saturating_duration_since(line.used);
        line.pipe.is_open() && idle <= self.keeping.expire && self.is_young(line, now)
    }

    fn is_young(&self, line: &Line, now: Instant) -> bool {
        let lived = now.saturating_duration_since(line.opened);
        self.keeping.age_max.is_none_or(|max| lived <= max)
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many connections wait for a query.
    #[cfg(test)]
    pub(super) fn idle(&self) -> usize {
        self.lines().iter().filter(|line| line.waiting == 0 && line.pipe.is_open()).count()
    }
}

// === impl Seat ===

impl Seat {
    /// No more queries go out on this connection; those that wait on it may still be answered.
    pub(super) fn retire(&self) {
        self.pipes.lines().retain(|line| !Arc::ptr_eq(&line.pipe, &self.pipe));
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.pipes.leave(&self.pipe, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use futures_util::FutureExt;
    use tokio::io::{DuplexStream, duplex};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    struct Bench {
        pipes: Arc<Pipes>,
        dialed: AtomicUsize,
        /// The upstream's ends.
        theirs: Mutex<Vec<DuplexStream>>,
    }

    impl Bench {
        fn new(keeping: Keeping, connections_max: usize) -> Self {
            let pipes = Pipes::new(keeping, connections_max);
            Self { pipes, dialed: AtomicUsize::new(0), theirs: Mutex::default() }
        }

        async fn take(&self) -> Seat {
            self.take_after(Duration::ZERO).await
        }

        async fn take_after(&self, time: Duration) -> Seat {
            self.take_one(false, time).await
        }

        async fn take_one(&self, is_new: bool, time: Duration) -> Seat {
            let dial = async {
                tokio::task::yield_now().await;
                self.dialed.fetch_add(1, Relaxed);
                let (ours, theirs) = duplex(64);
                self.theirs.lock().unwrap().push(theirs);
                Ok::<_, ()>(Pipe::new(ours, None))
            };
            self.pipes.take(is_new, Instant::now() + time, dial).await.unwrap()
        }

        fn dialed(&self) -> usize {
            self.dialed.load(Relaxed)
        }
    }

    fn keeping() -> Keeping {
        Keeping { expire: 10 * SECOND, age_max: None, idle_max: None }
    }

    fn is_one(left: &Seat, right: &Seat) -> bool {
        Arc::ptr_eq(&left.pipe, &right.pipe)
    }

    #[tokio::test]
    async fn idle_then_new_then_the_one_with_the_fewest() {
        let bench = Bench::new(keeping(), 2);
        drop(bench.take().await);
        let first = bench.take().await;
        assert_eq!((bench.dialed(), first.is_kept), (1, true));
        let second = bench.take().await;
        assert_eq!((bench.dialed(), second.is_kept), (2, false));
        let (third, fourth) = (bench.take().await, bench.take().await);
        assert_eq!(bench.dialed(), 2, "as many as may be");
        assert!(!is_one(&third, &fourth), "two wait on each");
        let alone = if is_one(&third, &first) { fourth } else { third };
        drop((alone, second));
        assert_eq!(bench.pipes.idle(), 1);
        assert!(!is_one(&bench.take().await, &first), "the idle one");
    }

    #[tokio::test]
    async fn the_one_that_was_idle_longest_comes_first() {
        let bench = Bench::new(keeping(), 8);
        let (first, second) = (bench.take().await, bench.take().await);
        let pipe = Arc::clone(&second.pipe);
        drop(second);
        drop(first);
        assert!(Arc::ptr_eq(&bench.take().await.pipe, &pipe));
    }

    #[tokio::test]
    async fn who_finds_all_being_opened_waits_for_one() {
        let bench = Bench::new(keeping(), 1);
        let seats = tokio::join!(bench.take(), bench.take(), bench.take());
        assert_eq!(bench.dialed(), 1);
        assert!(is_one(&seats.0, &seats.1) && is_one(&seats.0, &seats.2));
        let new = bench.take_one(true, Duration::ZERO).await;
        assert_eq!((bench.dialed(), new.is_kept), (2, false), "who needs a new one gets it");
    }

    #[tokio::test]
    async fn a_failed_dial_leaves_its_place_to_the_next() {
        let bench = Bench::new(keeping(), 1);
        let failed = bench.pipes.take(false, Instant::now(), async {
            tokio::task::yield_now().await;
            Err(())
        });
        let (failed, seat) = tokio::join!(failed, bench.take());
        assert!(failed.is_err() && !seat.is_kept);
    }

    #[tokio::test]
    async fn surplus_and_idle_ones_are_closed() {
        let bench = Bench::new(Keeping { idle_max: Some(1), ..keeping() }, 8);
        let seats = (bench.take().await, bench.take().await);
        drop(seats);
        assert_eq!(bench.pipes.idle(), 1, "one may be idle");
        drop(bench.take_after(9 * SECOND).await);
        assert_eq!(bench.dialed(), 2);
        drop(bench.take_after(11 * SECOND).await);
        assert_eq!(bench.dialed(), 3, "idle for 11 s");
    }

    #[tokio::test]
    async fn an_old_one_takes_no_more_and_is_closed_when_nobody_waits() {
        let keeping = Keeping { expire: 60 * SECOND, age_max: Some(15 * SECOND), idle_max: None };
        let bench = Bench::new(keeping, 1);
        let busy = bench.take().await;
        drop(bench.take_after(14 * SECOND).await);
        assert_eq!(bench.dialed(), 1);
        let mut late = std::pin::pin!(bench.take_after(16 * SECOND));
        assert!(late.as_mut().now_or_never().is_none(), "it is old, and there may be one");
        assert!(busy.pipe.is_open(), "and somebody waits on it");
        busy.retire();
        late.await;
        assert_eq!(bench.dialed(), 2);
    }

    #[tokio::test]
    async fn an_idle_connection_is_closed_with_nobody_asking() {
        let bench = Bench::new(Keeping { expire: Duration::from_millis(1), ..keeping() }, 8);
        let busy = bench.take().await;
        drop(bench.take().await);
        while bench.pipes.permits.available_permits() < 7 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(bench.pipes.lines().len(), 1);
        drop(busy);
        while bench.pipes.permits.available_permits() < 8 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn expire_0_keeps_nothing() {
        let bench = Bench::new(Keeping { expire: Duration::ZERO, ..keeping() }, 8);
        drop(bench.take().await);
        assert_eq!(bench.pipes.lines().len(), 0);
    }

    #[tokio::test]
    async fn a_retired_or_closed_connection_takes_no_more() {
        let bench = Bench::new(keeping(), 8);
        let seat = bench.take().await;
        seat.retire();
        drop(seat);
        drop(bench.take().await);
        assert_eq!(bench.dialed(), 2);
        bench.theirs.lock().unwrap().clear();
        while bench.pipes.idle() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(!bench.take().await.is_kept);
    }
}
