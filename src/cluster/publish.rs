//! The one task that owns the store: it drains what is queued, then publishes once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use k8s_openapi::jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::observer::Observer;
use super::store::{Change, Store};
use crate::zone::{Kind, KindSet};

/// How many changes wait for the task. Few, as one may be an EndpointSlice of 1000 addresses: a long list is to wait at
/// its reader, who holds one page, and not here.
pub const QUEUE_LEN: usize = 64;

/// How many changes go into one generation at most, so that a source that never pauses is seen all the same.
const BATCH_MAX: usize = 4096;

/// How a watch is doing.
#[derive(Debug, Clone)]
pub struct WatchStatus {
    /// One entry for each kind that is watched.
    pub kinds: Vec<KindStatus>,
}

/// How the watch of one kind is doing.
#[derive(Debug, Clone)]
pub struct KindStatus {
    /// The kind.
    pub kind: Kind,
    /// Whether its first list is in.
    pub synced: bool,
    /// How many objects are known.
    pub objects: usize,
    /// When the source was last heard of: an event, a bookmark, or a look at the files.
    pub last_event: Option<SystemTime>,
    /// When the last list was whole.
    pub last_list: Option<SystemTime>,
    /// What is wrong now; `None` while all is well.
    pub last_error: Option<String>,
    /// How the source gives its objects.
    pub mode: SourceMode,
}

/// How a source gives its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceMode {
    /// The list comes as watch events (KEP-3157).
    Streaming,
    /// The list comes in pages, and then a watch begins.
    Paged,
    /// Files are read.
    Files,
}

/// What the tasks of a watch and its holders share.
pub struct Shared {
    status: Mutex<Vec<KindStatus>>,
    lists: watch::Sender<Lists>,
}

/// The first lists that are not in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lists {
    unsynced: KindSet,
    /// Kinds that the API server does not have. Their list may come, or never: nobody waits for it.
    absent: KindSet,
}

impl Lists {
    fn are_in(&self) -> bool {
        self.unsynced.minus(self.absent).is_empty()
    }
}

impl Shared {
    /// The state before anything is known.
    pub fn new(kinds: KindSet, mode: SourceMode) -> Self {
        let status = kinds.iter().map(|kind| KindStatus {
            kind,
            synced: false,
            objects: 0,
            last_event: None,
            last_list: None,
            last_error: None,
            mode,
        });
        let lists = Lists { unsynced: kinds, absent: KindSet::EMPTY };
        Self { status: Mutex::new(status.collect()), lists: watch::Sender::new(lists) }
    }

    /// How the watch is doing.
    pub fn status(&self) -> WatchStatus {
        WatchStatus { kinds: self.lock().clone() }
    }

    /// Changes the status of one kind.
    pub fn update(&self, kind: Kind, change: impl FnOnce(&mut KindStatus)) {
        if let Some(status) = self.lock().iter_mut().find(|status| status.kind == kind) {
            change(status);
        }
    }

    /// Notes that the source was heard of.
    pub fn heard(&self, kind: Kind) {
        self.update(kind, |status| status.last_event = Some(SystemTime::now()));
    }

    /// The kinds whose first list is not in.
    pub fn unsynced(&self) -> KindSet {
        self.lists.borrow().unsynced
    }

    /// Whether all first lists are in that somebody waits for.
    pub fn is_synced(&self) -> bool {
        self.lists.borrow().are_in()
    }

    /// Notes that the API server does not have a kind.
    pub fn set_absent(&self, kind: Kind) {
        self.lists.send_if_modified(|lists| {
            let absent = lists.absent.with(kind);
            std::mem::replace(&mut lists.absent, absent) != absent
        });
    }

    /// Waits until all first lists are in that somebody waits for.
    pub async fn synced(&self) {
        // The sender lives as long as this borrow: no error can come.
        let _ = self.lists.subscribe().wait_for(Lists::are_in).await;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<KindStatus>> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Publishes what the store has taken in, and tells everybody.
pub fn publish(store: &mut Store, shared: &Shared, observer: &dyn Observer) {
    let now = SystemTime::now();
    let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    // RFC 1982 arithmetic makes a wrap in 2106 harmless.
    if !store.publish(since_epoch.as_secs() as u32) {
        return;
    }
    let unsynced = store.unsynced();
    for status in shared.lock().iter_mut() {
        status.objects = store.count(status.kind);
        status.synced = !unsynced.contains(status.kind);
    }
    shared.lists.send_if_modified(|lists| std::mem::replace(&mut lists.unsynced, unsynced) != unsynced);
    for (kind, trigger) in store.take_programmed() {
        if let Some(latency) = latency(&trigger, since_epoch) {
            observer.programmed(kind, latency);
        }
    }
}

/// Runs until every source is gone.
pub async fn run(
    mut store: Store,
    mut changes: mpsc::Receiver<Change>,
    shared: Arc<Shared>,
    observer: Arc<dyn Observer>,
    while_listing: Duration,
) {
    let mut published = Instant::now();
    while let Some(first) = changes.recv().await {
        store.take(first);
        let mut taken = 1;
        // A first list in its midst is worth a look now and then, and no more: each publish copies what changes next.
        let until = published + while_listing;
        loop {
            match changes.try_recv() {
                Ok(change) => store.take(change),
                Err(_) if shared.is_synced() || store.unsynced() != shared.unsynced() => break,
                Err(_) => match tokio::time::timeout_at(until, changes.recv()).await {
                    Ok(Some(change)) => store.take(change),
                    Ok(None) | Err(_) => break,
                },
            }
            taken += 1;
            if taken % BATCH_MAX == 0 {
                tokio::task::yield_now().await;
                if shared.is_synced() || Instant::now() >= until {
                    break;
                }
            }
        }
        publish(&mut store, &shared, &*observer);
        published = Instant::now();
    }
}

/// How long ago `trigger`, RFC 3339 text, was; `None` when it is no time or lies ahead.
fn latency(trigger: &str, since_epoch: Duration) -> Option<Duration> {
    let trigger: Timestamp = trigger.parse().ok()?;
    since_epoch.checked_sub(Duration::try_from(trigger.duration_since(Timestamp::UNIX_EPOCH)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_is_measured_from_the_annotation() {
        let now = Duration::from_millis(1_714_557_601_500);
        assert_eq!(latency("2024-05-01T10:00:00Z", now), Some(Duration::from_millis(1500)));
        assert_eq!(latency("2024-05-01T10:00:01.25Z", now), Some(Duration::from_millis(250)));
        assert_eq!(latency("2024-05-01T10:00:02Z", now), None);
        assert_eq!(latency("yesterday", now), None);
    }
}
