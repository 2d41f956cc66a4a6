//! A source, a store, and the tasks between them, under one handle.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::config::{SourceConfig, Timing, WatchConfig, WatchError};
use super::observer::Observer;
use super::publish::{self, QUEUE_LEN, Shared, SourceMode, WatchStatus};
use super::selector::Selector;
use super::source::{api, manifests};
use super::store::Store;
use crate::zone::{Kind, Reader};

/// Gives out watches, and the same one for the same configuration while somebody holds it.
pub struct Clusters {
    runtime: Handle,
    observer: Arc<dyn Observer>,
    timing: Timing,
    watches: Mutex<HashMap<WatchConfig, Weak<Watch>>>,
}

/// A cluster's objects on their way into a zone. Dropping the last handle stops the tasks; the zone stays readable.
pub struct Watch {
    reader: Reader,
    shared: Arc<Shared>,
    tasks: Vec<AbortHandle>,
}

impl Clusters {
    /// `runtime` runs the tasks of all watches.
    #[must_use]
    pub fn new(runtime: Handle, observer: Arc<dyn Observer>) -> Self {
        Self::with_timing(runtime, observer, Timing::default())
    }

    /// The same with other times to wait.
    #[must_use]
    pub fn with_timing(runtime: Handle, observer: Arc<dyn Observer>, timing: Timing) -> Self {
        Self { runtime, observer, timing, watches: Mutex::default() }
    }

    /// Begins to watch, or joins the watch of the same configuration. Manifests are read before this returns, so that
    /// their zone is whole at once.
    ///
    /// # Errors
    /// When the configuration cannot lead to data: see [`WatchError`]. An API server that does not answer is no error.
    pub fn watch(&self, config: &WatchConfig) -> Result<Arc<Watch>, WatchError> {
        // Held while a watch begins: two that ask for the same at once must get the same.
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watch) = watches.get(config).and_then(Weak::upgrade) {
            return Ok(watch);
        }
        let watch = Arc::new(self.begin(config)?);
        watches.retain(|_, held| held.strong_count() > 0);
        watches.insert(config.clone(), Arc::downgrade(&watch));
        Ok(watch)
    }

    fn begin(&self, config: &WatchConfig) -> Result<Watch, WatchError> {
        for kind in [Kind::Service, Kind::Namespace] {
            let selector = config.selector(kind).unwrap_or_default();
            Selector::parse(&selector)
                .map_err(|cause| WatchError::Selector { selector: selector.into_owned(), cause })?;
        }
        let kinds = config.kinds();
        let mut store = Store::new(kinds, config.endpoint_pod_names);
        if config.zonal {
            store.keep_zones();
        }
        if !config.endpoints {
            store.ignore_slices_of_services();
        }
        let reader = store.reader();
        let (changes_tx, changes_rx) = mpsc::channel(QUEUE_LEN);
        let mut tasks = Vec::new();
        let shared = match &config.source {
            SourceConfig::Manifests(paths) => {
                let shared = Arc::new(Shared::new(kinds, SourceMode::Files));
                let mut source = manifests::Manifests::new(config, paths)?;
                for change in source.load()? {
                    store.take(change);
                }
                publish::publish(&mut store, &shared, &*self.observer);
                let poll = source.run(changes_tx, Arc::clone(&shared), self.timing.poll);
                tasks.push(self.runtime.spawn(poll).abort_handle());
                shared
            }
            _ => {
                let shared = Arc::new(Shared::new(kinds, SourceMode::Streaming));
                let runtime = self.runtime.enter();
                let client = api::Client::new(
                    &config.source,
                    config.limits,
                    &self.timing,
                    Arc::clone(&self.observer),
                )?;
                drop(runtime);
                let source = api::Source { config, client, timing: &self.timing, shared: &shared };
                tasks.extend(source.spawn(&self.runtime, &changes_tx, &self.observer));
                shared
            }
        };
        let publish = publish::run(
            store,
            changes_rx,
            Arc::clone(&shared),
            Arc::clone(&self.observer),
            self.timing.publish_while_listing,
        );
        tasks.push(self.runtime.spawn(publish).abort_handle());
        Ok(Watch { reader, shared, tasks })
    }
}

impl Watch {
    /// A handle to the zone.
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// Whether the first list of every kind is in, but for ServiceImports where the API server does not know that kind.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.shared.is_synced()
    }

    /// Waits until that is so.
    pub async fn synced(&self) {
        self.shared.synced().await;
    }

    /// How the watch of each kind is doing.
    #[must_use]
    pub fn status(&self) -> WatchStatus {
        self.shared.status()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
