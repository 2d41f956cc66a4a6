//! A bounded store of entries: by number and by octets.
//!
//! quick_cache holds them: an entry that is asked for once goes before one that is asked for often, so that a scan of
//! random names does not empty it, as random eviction (CoreDNS) does. moka was not taken: it keeps time and a
//! housekeeper for expiry, which here is a comparison at the look-up.

use std::sync::Arc;

use quick_cache::sync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};

use super::entry::Entry;
use super::key::{Key, KeyHash, KeyRef};

/// What an entry weighs at least, in octets. A store of n entries holds at most n times this: the mean answer is
/// smaller, so that usually the number binds, and one of large answers is bounded all the same.
const WEIGHT_MIN: u64 = 512;

/// The entries that a part of the store holds at least: few enough parts that a large answer still fits into one.
const SHARD_ENTRIES: usize = 256;

/// A store.
pub(super) struct Store {
    cache: Cache<Key, Arc<Entry>, Weight, KeyHash, Evictions>,
}

/// Octets, but no less than [`WEIGHT_MIN`].
#[derive(Debug, Clone)]
struct Weight;

/// Counts what has to give way.
#[derive(Debug, Clone)]
struct Evictions;

/// What gave way for one entry: freed once the store is unlocked.
#[derive(Debug, Default)]
struct Evicted {
    entries: Vec<(Key, Arc<Entry>)>,
}

impl Store {
    /// A store of up to `capacity` entries.
    pub(super) fn new(capacity: usize) -> Self {
        let shards = (capacity / SHARD_ENTRIES).clamp(1, 16);
        let options = OptionsBuilder::new()
            .shards(shards)
            .estimated_items_capacity(capacity)
            .weight_capacity(capacity as u64 * WEIGHT_MIN)
            .build();
        #[expect(clippy::unwrap_used, reason = "fails only where the two capacities are not set")]
        let cache = Cache::with_options(options.unwrap(), Weight, KeyHash::default(), Evictions);
        Self { cache }
    }

    /// The entry, expired or not.
    pub(super) fn find(&self, key: &KeyRef<'_>) -> Option<Arc<Entry>> {
        self.cache.get(key)
    }

    /// Keeps an entry in place of an earlier one; gives how many others had to go.
    pub(super) fn keep(&self, key: &KeyRef<'_>, entry: Arc<Entry>) -> usize {
        let mut evicted = Evicted::default();
        self.cache.insert_with_lifecycle(key.to_key(), entry, &mut evicted);
        evicted.entries.len()
    }

    /// Forgets an entry.
    pub(super) fn forget(&self, key: &KeyRef<'_>) {
        if self.cache.contains_key(key) {
            self.cache.remove(key);
        }
    }

    /// How many there are, expired ones included.
    pub(super) fn len(&self) -> usize {
        self.cache.len()
    }
}

impl Weighter<Key, Arc<Entry>> for Weight {
    fn weight(&self, key: &Key, entry: &Arc<Entry>) -> u64 {
        WEIGHT_MIN.max((key.heap_len() + entry.heap_len()) as u64)
    }
}

impl Lifecycle<Key, Arc<Entry>> for Evictions {
    type RequestState = Evicted;

    fn on_evict(&self, evicted: &mut Evicted, key: Key, entry: Arc<Entry>) {
        evicted.entries.push((key, entry));
    }
}
