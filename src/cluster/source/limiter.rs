//! How hard an API server is asked: a token bucket spaces requests, and slots cap those in flight.
//!
//! A request takes a token, then a slot, and gives the slot back when its response begins: so does CoreDNS's round
//! tripper. A watch is a response that does not end for minutes; if it held its slot, three kinds with two slots would
//! never all be watched. For the same reason nobody waits for a token while holding a slot.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::config::RequestLimits;

/// The limits of one watch, which all its kinds share.
pub struct Limiter {
    /// When times of the bucket begin.
    begun: Instant,
    bucket: Option<Mutex<Bucket>>,
    slots: Option<Arc<Semaphore>>,
}

/// The right to send one request. To be dropped when its response begins.
pub struct Admission {
    _slot: Option<OwnedSemaphorePermit>,
    /// How long the bucket had nothing for it; what it waited for a slot is not in it, as in client-go.
    pub throttled: Duration,
}

/// A token bucket, as the moment at which it will be full again (the generic cell rate algorithm). It is full at first.
#[derive(Debug)]
struct Bucket {
    /// In this time one token comes.
    interval: Duration,
    /// So many it holds.
    burst: u32,
    full_at: Duration,
}

impl Limiter {
    /// A full bucket and free slots.
    #[must_use]
    pub fn new(limits: RequestLimits) -> Self {
        let bucket = limits
            .rate()
            .map(|(interval, burst)| Mutex::new(Bucket { interval, burst, full_at: Duration::ZERO }));
        let slots = limits.in_flight.map(|count| Arc::new(Semaphore::new(count.get() as usize)));
        Self { begun: Instant::now(), bucket, slots }
    }

    /// Waits until a request may be sent; who asks first goes first.
    pub async fn admit(&self) -> Admission {
        self.admit_at(self.begun.elapsed(), tokio::time::sleep).await
    }

    /// The same with a clock of the caller: `now` since the limiter began, and how to let time pass.
    async fn admit_at<S: Future<Output = ()>>(
        &self,
        now: Duration,
        sleep: impl FnOnce(Duration) -> S,
    ) -> Admission {
        let throttled = self
            .bucket
            .as_ref()
            .map_or(Duration::ZERO, |bucket| bucket.lock().unwrap_or_else(PoisonError::into_inner).take(now));
        if !throttled.is_zero() {
            sleep(throttled).await;
        }
        let slot = match &self.slots {
            // It is never closed.
            Some(slots) => Arc::clone(slots).acquire_owned().await.ok(),
            None => None,
        };
        Admission { _slot: slot, throttled }
    }
}

impl Bucket {
    /// Takes a token, and says how long after `now` it will have come. Tokens are given out in the order of the calls.
    fn take(&mut self, now: Duration) -> Duration {
        self.full_at = self.full_at.max(now).saturating_add(self.interval);
        let is_there_at = self.full_at.saturating_sub(self.interval.saturating_mul(self.burst));
        is_there_at.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use futures_util::FutureExt;

    use super::*;

    fn waits(interval_ms: u64, burst: u32, at_ms: &[u64]) -> Vec<u64> {
        let mut bucket =
            Bucket { interval: Duration::from_millis(interval_ms), burst, full_at: Duration::ZERO };
        at_ms.iter().map(|at| bucket.take(Duration::from_millis(*at)).as_millis() as u64).collect()
    }

    #[test]
    fn a_bucket_gives_a_burst_and_then_one_an_interval() {
        assert_eq!(waits(100, 3, &[0, 0, 0, 0, 0]), [0, 0, 0, 100, 200]);
        // One came since; the one after it is owed by those who wait.
        assert_eq!(waits(100, 3, &[0, 0, 0, 100, 100, 110]), [0, 0, 0, 0, 100, 190]);
        // It never holds more than the burst.
        assert_eq!(waits(100, 2, &[0, 60_000, 60_000, 60_000]), [0, 0, 0, 100]);
        assert_eq!(waits(1_000_000, 1, &[0, 0, 0]), [0, 1_000_000, 2_000_000]);
        assert_eq!(waits(u64::MAX, u32::MAX, &[0, u64::MAX, 0]), [0, 0, 0]);
    }

    #[test]
    fn what_is_not_said_is_client_gos_default() {
        let limits = |interval_ms: Option<u64>, burst: Option<u32>| RequestLimits {
            interval: interval_ms.map(Duration::from_millis),
            burst: burst.and_then(NonZeroU32::new),
            in_flight: None,
        };
        assert_eq!(limits(None, None).rate(), None);
        assert_eq!(limits(Some(20), None).rate(), Some((Duration::from_millis(20), 10)));
        assert_eq!(limits(None, Some(3)).rate(), Some((Duration::from_millis(200), 3)));
        assert_eq!(limits(Some(20), Some(3)).rate(), Some((Duration::from_millis(20), 3)));
    }

    #[test]
    fn requests_are_spaced() {
        let limiter = Limiter::new(RequestLimits {
            interval: Some(Duration::from_secs(10)),
            burst: NonZeroU32::new(2),
            in_flight: None,
        });
        let mut slept = Vec::new();
        for now in [0, 0, 0, 5, 60] {
            let sleep = |time: Duration| {
                slept.push(time.as_secs());
                std::future::ready(())
            };
            let admission = limiter.admit_at(Duration::from_secs(now), sleep).now_or_never().unwrap();
            assert!(admission.throttled.is_zero() || slept.last() == Some(&admission.throttled.as_secs()));
        }
        // Who is not held back does not sleep at all.
        assert_eq!(slept, [10, 15]);
        // And who is goes on when the time is over, not before.
        let ask = || limiter.admit_at(Duration::from_secs(60), |_| std::future::pending()).now_or_never();
        assert!(ask().is_some() && ask().is_none());
    }

    #[tokio::test]
    async fn a_slot_is_free_when_the_response_begins() {
        let limiter =
            Limiter::new(RequestLimits { in_flight: NonZeroU32::new(2), ..RequestLimits::default() });
        let first = limiter.admit().await;
        let _second = limiter.admit().await;
        let third = limiter.admit();
        tokio::pin!(third);
        assert!((&mut third).now_or_never().is_none());
        // Who gives up waiting holds nothing.
        assert!(limiter.admit().now_or_never().is_none());
        drop(first);
        let third = third.await;
        assert_eq!(third.throttled, Duration::ZERO);
        assert!(limiter.admit().now_or_never().is_none());
        drop(third);
        assert!(limiter.admit().now_or_never().is_some());
    }

    #[tokio::test]
    async fn without_limits_nobody_waits() {
        let limiter = Limiter::new(RequestLimits::default());
        let held: Vec<_> = (0..1_000).map(|_| limiter.admit().now_or_never().unwrap()).collect();
        assert!(held.iter().all(|admission| admission.throttled.is_zero()));
    }
}
