//! The API server as a source: one task a kind.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::super::config::{Timing, WatchConfig};
use super::super::object::{EndpointSlice, Namespace, Object, Pod, Service, ServiceImport};
use super::super::observer::Observer;
use super::super::publish::Shared;
use super::super::store::Change;
use super::reflector::{Reflector, Selection};
use crate::zone::Kind;

pub use super::client::Client;

/// An API server whose objects are wanted.
pub struct Source<'a> {
    /// Which objects.
    pub config: &'a WatchConfig,
    /// The way to it.
    pub client: Client,
    /// How long to wait for what.
    pub timing: &'a Timing,
    /// Where the state is shown.
    pub shared: &'a Arc<Shared>,
}

impl Source<'_> {
    /// Starts a task for each kind that is wanted.
    pub fn spawn(
        &self,
        runtime: &Handle,
        changes_tx: &mpsc::Sender<Change>,
        observer: &Arc<dyn Observer>,
    ) -> Vec<AbortHandle> {
        let spawn = |kind| match kind {
            Kind::Service => self.spawn_kind::<Service>(runtime, changes_tx, observer, None),
            Kind::EndpointSlice => self.spawn_kind::<EndpointSlice>(runtime, changes_tx, observer, None),
            Kind::Namespace => self.spawn_kind::<Namespace>(runtime, changes_tx, observer, None),
            Kind::Pod => self.spawn_kind::<Pod>(runtime, changes_tx, observer, Some(Pod::FIELD_SELECTOR)),
            Kind::ServiceImport => self.spawn_kind::<ServiceImport>(runtime, changes_tx, observer, None),
        };
        self.config.kinds().iter().map(spawn).collect()
    }

    fn spawn_kind<K: Object>(
        &self,
        runtime: &Handle,
        changes_tx: &mpsc::Sender<Change>,
        observer: &Arc<dyn Observer>,
        fields: Option<&str>,
    ) -> AbortHandle {
        let reflector = Reflector::<K>::new(
            self.client.clone(),
            &Selection {
                labels: self.config.selector(K::KIND).as_deref(),
                fields,
                wire: K::fields(self.config.endpoint_pod_names),
            },
            self.timing.clone(),
            changes_tx.clone(),
            Arc::clone(self.shared),
            Arc::clone(observer),
        );
        runtime.spawn(reflector.run()).abort_handle()
    }
}
