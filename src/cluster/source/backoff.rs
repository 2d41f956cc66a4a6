//! Pauses between attempts.

use std::time::Duration;

/// Doubles from one pause to the next. A pause lies between half and all of its length, so that the servers of a cluster
/// do not come back in step.
#[derive(Debug, Clone)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    /// Begins at `min` and ends at `max`.
    #[must_use]
    pub fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, next: min }
    }

    /// The next pause; `random` is any number.
    pub fn pause(&mut self, random: u32) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(self.max);
        whole / 2 + (whole / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    /// Something worked.
    pub fn reset(&mut self) {
        self.next = self.min;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_the_longest_and_begin_anew() {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(30));
        let pauses: Vec<_> = (0..12).map(|_| backoff.pause(u32::MAX).as_millis()).collect();
        assert_eq!(pauses[..4], [50, 100, 200, 400]);
        assert_eq!(pauses[10..], [30_000, 30_000]);
        backoff.reset();
        assert_eq!(backoff.pause(0), Duration::from_millis(25));
    }
}
