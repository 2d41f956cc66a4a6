//! One generation, the hand that writes the next, and the handle that reads the latest.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use super::import::Imports;
use super::{
    AddressOwners, Endpoint, EndpointOwners, EndpointRef, Few, Kind, KindSet, Namespace, Pod, PodsAt,
    SameName, Service, ServiceKey, Slice, Table,
};

/// Everything that one generation knows. Never changes once it is published.
#[derive(Clone, Default)]
pub struct Zone {
    generation: u64,
    serial: u32,
    external_serial: u32,
    unsynced: KindSet,
    live: KindSet,
    services: Table<Arc<Service>>,
    same_names: Table<SameName>,
    namespaces: Table<Namespace>,
    cluster_ips: Table<AddressOwners>,
    external_ips: Table<AddressOwners>,
    endpoint_ips: Table<EndpointOwners>,
    pods: Table<PodsAt>,
    /// `None` until the first one, and so for ever without `multicluster`.
    pub(super) imports: Option<Imports>,
}

/// The only one who changes a zone: it belongs to one task, and what it changed is seen after [`Writer::publish`].
pub struct Writer {
    pub(super) draft: Zone,
    published: Arc<ArcSwap<Zone>>,
}

/// The handle through which a zone is read. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    published: Arc<ArcSwap<Zone>>,
}

// === impl Zone ===

impl Zone {
    /// Counts up with every publish.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The serial of the SOA record: the Unix time of the last change that answers show, in seconds.
    #[must_use]
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// The Unix time of the last change of external addresses or of the ports they are reached at, in seconds: 0 when
    /// there never was any.
    #[must_use]
    pub fn external_serial(&self) -> u32 {
        self.external_serial
    }

    /// The kinds whose first list is not in yet: while there is one, a missing name may exist.
    #[must_use]
    pub fn unsynced(&self) -> KindSet {
        self.unsynced
    }

    /// Whether what is known of a kind is what the source says now: it is listed, and changes arrive. Not while the
    /// source is away, or when it may still have to tell what happened while it was.
    #[must_use]
    pub fn is_live(&self, kind: Kind) -> bool {
        self.live.contains(kind)
    }

    /// The Service of the two folded wire labels `key`.
    #[must_use]
    pub fn service(&self, key: &[u8]) -> Option<&Arc<Service>> {
        self.services.find(key)
    }

    /// The Services of that name in all namespaces.
    #[must_use]
    pub fn services_named(&self, label: &[u8]) -> &[ServiceKey] {
        self.same_names.find(label).map_or(&[], SameName::keys)
    }

    /// Whether the namespace exists and is selected.
    #[must_use]
    pub fn has_namespace(&self, label: &[u8]) -> bool {
        self.namespaces.find(label).is_some()
    }

    /// The Services whose cluster IP this is.
    #[must_use]
    pub fn cluster_ip_owners(&self, address: IpAddr) -> &[ServiceKey] {
        self.cluster_ips.find(&address).map_or(&[], AddressOwners::services)
    }

    /// The Services that are reached from outside at this address.
    #[must_use]
    pub fn external_ip_owners(&self, address: IpAddr) -> &[ServiceKey] {
        self.external_ips.find(&address).map_or(&[], AddressOwners::services)
    }

    /// The ready endpoints that have this address.
    #[must_use]
    pub fn endpoint_owners(&self, address: IpAddr) -> &[EndpointRef] {
        self.endpoint_ips.find(&address).map_or(&[], EndpointOwners::endpoints)
    }

    /// The Pods that have this address.
    #[must_use]
    pub fn pods_at(&self, address: IpAddr) -> &[Arc<Pod>] {
        self.pods.find(&address).map_or(&[], PodsAt::pods)
    }

    /// The Pod that a query from this address is of, when that is certain: Pods are live, and one alone has the address,
    /// for itself.
    #[must_use]
    pub fn client_at(&self, address: IpAddr) -> Option<&Pod> {
        if self.is_live(Kind::Pod) { self.pods.find(&address)?.client() } else { None }
    }

    /// All external addresses with the Services that are reached there, in no order.
    pub fn external_addresses(&self) -> impl Iterator<Item = (IpAddr, &[ServiceKey])> {
        self.external_ips.iter().map(|at| (at.address, at.services()))
    }

    /// All Services, in no order.
    pub fn services(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.services.iter()
    }

    /// All namespaces, in no order.
    pub fn namespaces(&self) -> impl Iterator<Item = &Namespace> {
        self.namespaces.iter()
    }

    /// All addresses of Pods, in no order.
    pub fn pods(&self) -> impl Iterator<Item = (IpAddr, &[Arc<Pod>])> {
        self.pods.iter().map(|at| (at.address, at.pods()))
    }

    /// All addresses of endpoints, those of missing Services included, in no order.
    pub fn endpoint_addresses(&self) -> impl Iterator<Item = (IpAddr, &[EndpointRef])> {
        self.endpoint_ips.iter().map(|at| (at.address(), at.endpoints()))
    }

    /// How many Services, namespaces and endpoint addresses there are.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.services.len(), self.namespaces.len(), self.endpoint_ips.len())
    }
}

// === impl Reader ===

impl Reader {
    /// The latest generation. It stays alive while the guard does: hold one for a query, not for longer.
    #[must_use]
    pub fn load(&self) -> Guard<Arc<Zone>> {
        self.published.load()
    }

    /// The latest generation, to keep.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Zone> {
        self.published.load_full()
    }
}

// === impl Writer ===

impl Writer {
    /// An empty zone in which the kinds of `needed` are not synced.
    #[must_use]
    pub fn new(needed: KindSet) -> Self {
        let draft = Zone { unsynced: needed, ..Zone::default() };
        let published = Arc::new(ArcSwap::from_pointee(draft.clone()));
        Self { draft, published }
    }

    /// A handle to what this writer publishes.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader { published: Arc::clone(&self.published) }
    }

    /// The draft: what the next publish will show.
    #[must_use]
    pub fn draft(&self) -> &Zone {
        &self.draft
    }

    /// Says that the first list of a kind is in.
    pub fn set_synced(&mut self, kind: Kind) {
        self.draft.unsynced = self.draft.unsynced.without(kind);
    }

    /// Says whether what is known of a kind is what the source says now.
    pub fn set_live(&mut self, kind: Kind, is_live: bool) {
        let live = self.draft.live;
        self.draft.live = if is_live { live.with(kind) } else { live.without(kind) };
    }

    /// Sets the SOA serial: Unix time in seconds. It never goes back, also when the clock does.
    pub fn set_serial(&mut self, unix_s: u32) {
        self.draft.serial = self.draft.serial.max(unix_s);
    }

    /// Sets the time of the last external change, as [`Writer::set_serial`] does that of the others.
    pub fn set_external_serial(&mut self, unix_s: u32) {
        self.draft.external_serial = self.draft.external_serial.max(unix_s);
    }

    /// Shows the draft to all readers, at once and whole.
    pub fn publish(&mut self) {
        self.draft.generation += 1;
        self.published.store(Arc::new(self.draft.clone()));
    }

    /// Adds a namespace.
    pub fn insert_namespace(&mut self, label: &[u8]) {
        if !self.draft.has_namespace(label) {
            self.draft.namespaces.insert(Namespace { label: label.into() });
        }
    }

    /// Takes a namespace away.
    pub fn remove_namespace(&mut self, label: &[u8]) {
        self.draft.namespaces.remove(label);
    }

    /// Adds a Service or replaces the one of the same key, and keeps the reverse and name indexes in step.
    pub fn insert_service(&mut self, service: impl Into<Arc<Service>>) {
        let service = service.into();
        let key = service.key.clone();
        let old = self.draft.services.insert(Arc::clone(&service));
        match &old {
            Some(old) => self.forget_addresses(old),
            None => {
                let same = self.draft.same_names.find(key.service()).map(|same| same.with(&key));
                self.draft.same_names.insert(same.unwrap_or_else(|| SameName::new(key.clone())));
            }
        }
        for address in service.cluster_ips() {
            add_owner(&mut self.draft.cluster_ips, address, &key);
        }
        for address in service.external_ips() {
            add_owner(&mut self.draft.external_ips, address, &key);
        }
    }

    /// Takes a Service away.
    pub fn remove_service(&mut self, key: &ServiceKey) {
        let Some(old) = self.draft.services.remove(key.as_wire()) else { return };
        self.forget_addresses(&old);
        let Some(same) = self.draft.same_names.find(key.service()) else { return };
        match same.without(key) {
            Some(rest) => drop(self.draft.same_names.insert(rest)),
            None => drop(self.draft.same_names.remove(key.service())),
        }
    }

    /// Puts the endpoints of a slice into the reverse index.
    pub fn insert_slice(&mut self, slice: &Arc<Slice>) {
        for (index, Endpoint { address, .. }) in slice.endpoints().iter().enumerate() {
            let entry = EndpointRef { slice: Arc::clone(slice), index: index as u32 };
            let endpoints = match self.draft.endpoint_ips.find(&address) {
                Some(owners) => owners.endpoints.with(entry),
                None => Few::one(entry),
            };
            self.draft.endpoint_ips.insert(EndpointOwners { endpoints });
        }
    }

    /// Takes the endpoints of a slice, the very value that was inserted, out of the reverse index.
    pub fn remove_slice(&mut self, slice: &Arc<Slice>) {
        for Endpoint { address, .. } in slice.endpoints().iter() {
            let Some(owners) = self.draft.endpoint_ips.find(&address) else { continue };
            let endpoints = owners.endpoints.retained(|entry| !Arc::ptr_eq(&entry.slice, slice));
            if endpoints.is_empty() {
                self.draft.endpoint_ips.remove(&address);
            } else {
                self.draft.endpoint_ips.insert(EndpointOwners { endpoints });
            }
        }
    }

    /// Adds a Pod at one of its addresses. `is_client` says whether a query from there would be its own
    /// ([`Zone::client_at`]).
    pub fn insert_pod(&mut self, address: IpAddr, pod: Arc<Pod>, is_client: bool) {
        let held = self.draft.pods.find(&address);
        let unclear = held.map_or(0, |at| at.unclear) + u32::from(!is_client);
        let mut pods = held.map_or(&[][..], PodsAt::pods).to_vec();
        pods.push(pod);
        self.draft.pods.insert(PodsAt { address, pods, unclear });
    }

    /// Takes a Pod, the very value that was inserted with the same `is_client`, away from one of its addresses.
    pub fn remove_pod(&mut self, address: IpAddr, pod: &Arc<Pod>, is_client: bool) {
        let Some(held) = self.draft.pods.find(&address) else { return };
        let Some(index) = held.pods.iter().position(|held| Arc::ptr_eq(held, pod)) else { return };
        let unclear = held.unclear.saturating_sub(u32::from(!is_client));
        let mut pods = held.pods.clone();
        pods.remove(index);
        if pods.is_empty() {
            self.draft.pods.remove(&address);
        } else {
            self.draft.pods.insert(PodsAt { address, pods, unclear });
        }
    }

    fn forget_addresses(&mut self, service: &Service) {
        for address in service.cluster_ips() {
            remove_owner(&mut self.draft.cluster_ips, address, &service.key);
        }
        for address in service.external_ips() {
            remove_owner(&mut self.draft.external_ips, address, &service.key);
        }
    }
}

fn add_owner(table: &mut Table<AddressOwners>, address: IpAddr, key: &ServiceKey) {
    let services = match table.find(&address) {
        Some(owners) => owners.services.with(key.clone()),
        None => Few::one(key.clone()),
    };
    table.insert(AddressOwners { address, services });
}

fn remove_owner(table: &mut Table<AddressOwners>, address: IpAddr, key: &ServiceKey) {
    let Some(owners) = table.find(&address) else { return };
    let services = owners.services.retained(|held| held != key);
    if services.is_empty() {
        table.remove(&address);
    } else {
        table.insert(AddressOwners { address, services });
    }
}
