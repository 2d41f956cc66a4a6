//! In which order upstreams are asked.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The most upstreams of one directive, as in CoreDNS.
pub(super) const UPSTREAMS_MAX: usize = 15;

/// The value of the `policy` property.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Any order, anew for each query.
    #[default]
    Random,
    /// The next one first, then the others as configured.
    RoundRobin,
    /// As configured.
    Sequential,
}

/// A policy, and what it has to remember from one query to the next.
#[derive(Debug, Default)]
pub(super) struct Chooser {
    policy: Policy,
    turn: AtomicUsize,
}

/// The upstreams in the order of one query, over and over.
#[derive(Debug)]
pub(super) struct Order {
    indices: [u8; UPSTREAMS_MAX],
    count: usize,
    at: usize,
}

impl Chooser {
    pub(super) fn new(policy: Policy) -> Self {
        Self { policy, turn: AtomicUsize::new(0) }
    }

    /// The order of `count` upstreams for one query. `random(n)` gives a number below `n`.
    pub(super) fn order(&self, count: usize, mut random: impl FnMut(u32) -> u32) -> Order {
        let count = count.min(UPSTREAMS_MAX);
        let mut indices = std::array::from_fn(|index| index as u8);
        match self.policy {
            Policy::Sequential => {}
            Policy::Random => {
                for last in (1..count).rev() {
                    indices.swap(last, random(last as u32 + 1) as usize);
                }
            }
            Policy::RoundRobin if count > 0 => {
                // CoreDNS counts before it takes, so that the second upstream is the first to be asked.
                let first = self.turn.fetch_add(1, Relaxed).wrapping_add(1) % count;
                indices[..=first].rotate_right(1);
            }
            Policy::RoundRobin => {}
        }
        Order { indices, count, at: 0 }
    }
}

impl Order {
    /// The next index for which `is_usable` holds; `None` when it holds for none.
    pub(super) fn next(&mut self, mut is_usable: impl FnMut(usize) -> bool) -> Option<usize> {
        for _ in 0..self.count {
            let index = usize::from(self.indices[self.at]);
            self.at = (self.at + 1) % self.count;
            if is_usable(index) {
                return Some(index);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(chooser: &Chooser, count: usize) -> Vec<usize> {
        let mut order = chooser.order(count, |n| n - 1);
        (0..count).map(|_| order.next(|_| true).unwrap()).collect()
    }

    #[test]
    fn sequential_is_the_order_of_the_corefile() {
        let chooser = Chooser::new(Policy::Sequential);
        assert_eq!(first(&chooser, 3), [0, 1, 2]);
        assert_eq!(first(&chooser, 3), [0, 1, 2]);
    }

    #[test]
    fn round_robin_starts_at_the_next_and_keeps_the_rest_in_order() {
        let chooser = Chooser::new(Policy::RoundRobin);
        assert_eq!(first(&chooser, 3), [1, 0, 2]);
        assert_eq!(first(&chooser, 3), [2, 0, 1]);
        assert_eq!(first(&chooser, 3), [0, 1, 2]);
    }

    #[test]
    fn random_is_a_permutation_that_the_numbers_decide() {
        let chooser = Chooser::new(Policy::Random);
        assert_eq!(first(&chooser, 4), [0, 1, 2, 3], "n - 1 exchanges nothing");
        let mut order = chooser.order(4, |_| 0);
        let mut found: Vec<usize> = (0..4).map(|_| order.next(|_| true).unwrap()).collect();
        assert_eq!(found, [1, 2, 3, 0]);
        found.sort_unstable();
        assert_eq!(found, [0, 1, 2, 3]);
    }

    #[test]
    fn the_order_goes_round_and_skips_what_is_down() {
        let mut order = Chooser::new(Policy::Sequential).order(3, |_| 0);
        let found: Vec<_> = (0..4).map(|_| order.next(|index| index != 1)).collect();
        assert_eq!(found, [Some(0), Some(2), Some(0), Some(2)]);
        assert_eq!(order.next(|_| false), None);
        assert_eq!(Chooser::new(Policy::RoundRobin).order(0, |_| 0).next(|_| true), None);
    }
}
