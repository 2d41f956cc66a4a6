//! What an answer is kept under: the question and the two bits of the query that change the answer.

use std::hash::{BuildHasher, Hash, Hasher};

use quick_cache::Equivalent;

use crate::dns::{Flags, Query};

/// The key of a query, borrowed: looking up allocates nothing, and one hash serves both stores.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyRef<'q> {
    name: &'q [u8],
    rest: Rest,
    hash: u64,
}

/// The key of an entry.
#[derive(Debug)]
pub(super) struct Key {
    name: Box<[u8]>,
    rest: Rest,
    hash: u64,
}

/// QTYPE, QCLASS, DO and CD: with DO the answer may hold signatures, with CD it may be one that fails validation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rest(u64);

impl<'q> KeyRef<'q> {
    pub(super) fn of(query: &'q Query<'_>, hasher: &impl BuildHasher) -> Self {
        let bits = u64::from(wants_dnssec(query))
            | u64::from(query.flags().has(Flags::CD)) << 1
            // What an upstream says to a question without recursion is no answer for those with it.
            | u64::from(query.flags().has(Flags::RD)) << 2;
        let rest = Rest(u64::from(query.qtype().0) << 32 | u64::from(query.qclass().0) << 16 | bits);
        let hash = hasher.hash_one((query.name(), rest.0));
        Self { name: query.name(), rest, hash }
    }

    pub(super) fn to_key(self) -> Key {
        Key { name: self.name.into(), rest: self.rest, hash: self.hash }
    }
}

impl Key {
    /// The octets that it takes outside of itself.
    pub(super) fn heap_len(&self) -> usize {
        self.name.len()
    }
}

/// Whether the client set DO.
pub(super) fn wants_dnssec(query: &Query<'_>) -> bool {
    query.edns().is_some_and(|edns| edns.dnssec_ok)
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.rest == key.rest && *self.name == *key.name
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.rest == other.rest && self.name == other.name
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Hash for KeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Takes the hash that a key brings along.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct KeyHash(u64);

impl Hasher for KeyHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Not reached by the keys above, and right for any.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl BuildHasher for KeyHash {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}
