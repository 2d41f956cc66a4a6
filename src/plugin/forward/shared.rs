//! A connection that many queries share: HTTP/2 and QUIC carry each on a stream of its own.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::pool::Keeping;

/// A connection that can be used by many at once; a clone is the same connection.
pub(super) trait Multiplexed: Clone + Send + 'static {
    /// Whether it can take another query.
    fn is_open(&self) -> bool;
}

/// The connection to one upstream, if there is one.
pub(super) struct Shared<C> {
    keeping: Keeping,
    /// Held while a connection is being opened, so that a burst opens one and not a hundred.
    state: Mutex<Option<Kept<C>>>,
}

struct Kept<C> {
    connection: C,
    opened: Instant,
    used: Instant,
}

/// A connection, and whether it was there before.
pub(super) struct Taken<C> {
    pub(super) connection: C,
    pub(super) is_kept: bool,
}

impl<C: Multiplexed> Shared<C> {
    pub(super) fn new(keeping: Keeping) -> Arc<Self> {
        Arc::new(Self { keeping, state: Mutex::new(None) })
    }

    /// The connection that is there, or the one that `dial` opens. `is_new` asks for one that nobody used before.
    pub(super) async fn take<E>(
        self: &Arc<Self>,
        is_new: bool,
        now: Instant,
        dial: impl Future<Output = Result<C, E>>,
    ) -> Result<Taken<C>, E> {
        let mut state = self.state.lock().await;
        if let Some(kept) = state.as_mut().filter(|kept| !is_new && self.is_fresh(kept, now)) {
            kept.used = now;
            return Ok(Taken { connection: kept.connection.clone(), is_kept: true });
        }
        let connection = dial.await?;
        let had_none =
            state.replace(Kept { connection: connection.clone(), opened: now, used: now }).is_none();
        if had_none {
            self.close_when_idle();
        }
        Ok(Taken { connection, is_kept: false })
    }

    /// Lets the connection go; queries that are on their way keep it.
    pub(super) async fn forget(&self) {
        *self.state.lock().await = None;
    }

    /// A task that lives for as long as there is a connection, and lets it go when it has been idle for `expire`. Queries
    /// that are on their way hold it themselves.
    fn close_when_idle(self: &Arc<Self>) {
        let shared = Arc::downgrade(self);
        let expire = self.keeping.expire.max(Duration::from_millis(100));
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(expire).await;
                let Some(shared) = shared.upgrade() else { return };
                let mut state = shared.state.lock().await;
                if state.as_ref().is_none_or(|kept| !shared.is_fresh(kept, Instant::now())) {
                    *state = None;
                    return;
                }
            }
        });
    }

    fn is_fresh(&self, kept: &Kept<C>, now: Instant) -> bool {
        let waited = now.saturating_duration_since(kept.used);
        let lived = now.saturating_duration_since(kept.opened);
        kept.connection.is_open()
            && waited <= self.keeping.expire
            && self.keeping.age_max.is_none_or(|max| lived <= max)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

    use super::*;

    #[derive(Clone)]
    struct Wire(Arc<AtomicBool>);

    impl Multiplexed for Wire {
        fn is_open(&self) -> bool {
            self.0.load(Relaxed)
        }
    }

    struct Bench {
        shared: Arc<Shared<Wire>>,
        start: Instant,
        dialed: AtomicUsize,
    }

    impl Bench {
        fn new(expire: Duration, age_max: Option<Duration>) -> Self {
            let keeping = Keeping { expire, age_max, idle_max: None };
            Self { shared: Shared::new(keeping), start: Instant::now(), dialed: AtomicUsize::new(0) }
        }

        async fn take(&self, is_new: bool, seconds: u64) -> Wire {
            let dial = async {
                self.dialed.fetch_add(1, Relaxed);
                tokio::task::yield_now().await;
                Ok::<_, ()>(Wire(Arc::new(AtomicBool::new(true))))
            };
            let now = self.start + Duration::from_secs(seconds);
            self.shared.take(is_new, now, dial).await.unwrap().connection
        }
    }

    #[tokio::test]
    async fn many_share_one_until_it_is_closed_idle_or_old() {
        let bench = Bench::new(Duration::from_secs(10), Some(Duration::from_secs(25)));
        tokio::join!(bench.take(false, 0), bench.take(false, 0), bench.take(false, 0));
        assert_eq!(bench.dialed.load(Relaxed), 1, "a burst opens one");
        let wire = bench.take(false, 9).await;
        assert_eq!(bench.dialed.load(Relaxed), 1, "idle for 9 s");
        wire.0.store(false, Relaxed);
        bench.take(false, 9).await;
        assert_eq!(bench.dialed.load(Relaxed), 2, "the peer has closed it");
        bench.take(true, 9).await;
        assert_eq!(bench.dialed.load(Relaxed), 3, "a new one was asked for");
        bench.take(false, 20).await;
        assert_eq!(bench.dialed.load(Relaxed), 4, "idle for 11 s");
        for seconds in [29, 38, 46] {
            bench.take(false, seconds).await;
        }
        assert_eq!(bench.dialed.load(Relaxed), 5, "open for 26 s");
        bench.shared.forget().await;
        bench.take(false, 46).await;
        assert_eq!(bench.dialed.load(Relaxed), 6, "forgotten");
    }

    #[tokio::test]
    async fn an_idle_connection_is_let_go() {
        let bench = Bench::new(Duration::from_millis(1), None);
        let wire = bench.take(false, 0).await;
        assert_eq!(Arc::strong_count(&wire.0), 2);
        while Arc::strong_count(&wire.0) > 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
