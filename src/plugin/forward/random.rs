//! Random numbers that an attacker cannot foretell: message ids, and which upstream is asked.

use std::cell::RefCell;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use ring::rand::{SecureRandom, SystemRandom};

/// Octets that one system call brings, so that a query costs a part of one.
const BATCH_LEN: usize = 256;

struct Batch {
    octets: [u8; BATCH_LEN],
    used: usize,
}

thread_local! {
    static BATCH: RefCell<Batch> = const { RefCell::new(Batch { octets: [0; BATCH_LEN], used: BATCH_LEN }) };
}

/// A random number (RFC 5452 §9.2 asks it to be unpredictable).
pub(super) fn random_u16() -> u16 {
    BATCH.with_borrow_mut(|batch| {
        if batch.used == BATCH_LEN {
            batch.fill();
        }
        let at = batch.used;
        batch.used += 2;
        u16::from_be_bytes([batch.octets[at], batch.octets[at + 1]])
    })
}

/// A random number below `n`, for choices among a few.
pub(super) fn random_below(n: u32) -> u32 {
    let number = u32::from(random_u16()) << 16 | u32::from(random_u16());
    // The bias of the remainder is n / 2^32.
    number % n.max(1)
}

impl Batch {
    fn fill(&mut self) {
        if SystemRandom::new().fill(&mut self.octets).is_err() {
            // A kernel that gives no random octets: what the standard library seeds its hash tables with is left.
            for chunk in self.octets.chunks_mut(8) {
                let number = RandomState::new().hash_one(chunk.len()).to_be_bytes();
                chunk.copy_from_slice(&number[..chunk.len()]);
            }
        }
        self.used = 0;
    }
}
