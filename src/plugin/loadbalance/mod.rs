#![doc = include_str!("README.md")]

mod setup;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::{Next, Outcome, Plugin, Reply};
use crate::dns::{Query, Rcode, RecordType, Response};

pub use setup::setup;

/// The handler.
#[derive(Default)]
pub struct Loadbalance {
    /// Nothing: the random numbers are each thread's own.
    state: Arc<()>,
}

impl Plugin for Loadbalance {
    fn name(&self) -> &'static str {
        "loadbalance"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        next.serve_then(query, response, &self.state, (), shuffle)
    }
}

fn shuffle(_: &(), (): (), query: &Query<'_>, response: &mut Response, outcome: Outcome) -> Outcome {
    let is_transfer = matches!(query.qtype(), RecordType::AXFR | RecordType::IXFR);
    if matches!(outcome, Outcome::Answered) && response.rcode() == Rcode::NOERROR && !is_transfer {
        response.shuffle_addresses(random_below);
    }
    outcome
}

/// A number below `bound`, from this thread's generator (xorshift64*, seeded once): no lock, no allocation. Spreading
/// load needs no secrecy, so that a cryptographic generator would be wasted here.
fn random_below(bound: u32) -> u32 {
    thread_local! {
        // A new `RandomState` has keys of its own; what it makes of a constant is the seed. Zero would stay zero.
        static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0_u8) | 1);
    }
    let mut state = STATE.get();
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    STATE.set(state);
    let number = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
    ((number * u64::from(bound)) >> 32) as u32
}
