//! What is known of the cluster, and the zone that follows from it.
//!
//! Only the publishing task writes here. An object leaves three things behind: the value that the zone shares with the
//! store (one `Arc`), the stamp of the list that last named it, and nothing else.
//!
//! **A relist never clears.** Each list of a kind counts its generation up, each object that it names is stamped with
//! it, and when the list is whole, what has an older stamp goes. Until then everything stays as it was: an object that
//! is in both lists is not missing at any moment. A list that breaks off sweeps nothing.

mod imports;
mod pods;
mod pool;

use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use super::object::{AnyObject, EndpointSlice, Meta, Namespace, Service};
use super::problem::{Problem, Problems};
use super::schema::{self, ServiceFacts};
use crate::zone::{self, External, Few, Kind, KindSet, Reader, ServiceKey, ServiceKind, Slice, Writer};
use imports::Imports;
use pods::{Effect, Pods};
use pool::PortLists;

/// Where an object stands: kind, namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectId {
    /// The kind.
    pub kind: Kind,
    /// `NAMESPACE/NAME`; `/NAME` for a Namespace.
    pub path: Arc<str>,
}

/// One thing that happened, as a source tells it.
#[derive(Debug)]
pub enum Change {
    /// A list of the kind begins.
    Begin(Kind),
    /// An object that the list names.
    Listed(AnyObject),
    /// An object that stays although the list cannot show it: its file is broken for now.
    Keep(ObjectId),
    /// The list is whole.
    End(Kind),
    /// An object is new or changed.
    Apply(AnyObject),
    /// An object is gone.
    Delete(AnyObject),
    /// All that was there is told, and what happens from now on is told as it does.
    Live(Kind),
    /// What happens is not told for now.
    Lost(Kind),
}

/// The kinds of Services in the metric of the programming latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceKindLabel {
    /// `cluster_ip`
    ClusterIp,
    /// `headless_with_selector`
    HeadlessWithSelector,
}

/// A change of endpoints that waits to be published: the Service's kind, and when the cause happened, as RFC 3339 text.
pub type Programmed = (ServiceKindLabel, Box<str>);

/// The objects, and the writer of their zone.
pub struct Store {
    writer: Writer,
    pod_names: bool,
    has_zones: bool,
    /// `None` for one that has no name. The very value that the zone has, once it is built.
    services: HashMap<ServiceKey, (u32, Option<Arc<zone::Service>>)>,
    /// What of the Services is reached from outside: of few, so that the others pay nothing for it.
    externals: HashMap<ServiceKey, Arc<External>>,
    slices: HashMap<Arc<str>, (u32, Arc<Slice>)>,
    slices_of: HashMap<ServiceKey, Few<Arc<str>>>,
    namespaces: HashMap<Box<str>, u32>,
    port_lists: PortLists,
    pods: Pods,
    /// `None` where nobody asked for them.
    imports: Option<Box<Imports>>,
    /// Whether slices belong to Services: no with `noendpoints`, where they are watched for imports only.
    has_slices_of_services: bool,
    generations: [u32; Kind::ALL.len()],
    /// Services whose zone value is to be built anew.
    touched: HashSet<ServiceKey>,
    /// Whether the draft differs from what is published.
    changed: bool,
    /// Whether answers differ, so that the SOA serial moves.
    visible: bool,
    /// The same for the answers about external addresses, which have a serial of their own.
    external_visible: bool,
    programmed: Vec<Programmed>,
    problems: Problems,
}

impl ObjectId {
    /// The place of an object.
    #[must_use]
    pub fn new(kind: Kind, meta: &Meta) -> Self {
        Self { kind, path: path_of(meta) }
    }
}

impl ServiceKindLabel {
    /// The label's value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIp => "cluster_ip",
            Self::HeadlessWithSelector => "headless_with_selector",
        }
    }
}

impl Store {
    /// An empty store whose zone needs the lists of `needed`. `pod_names` is the option `endpoint_pod_names`.
    #[must_use]
    pub fn new(needed: KindSet, pod_names: bool) -> Self {
        Self {
            writer: Writer::new(needed),
            pod_names,
            has_zones: false,
            services: HashMap::default(),
            externals: HashMap::default(),
            slices: HashMap::default(),
            slices_of: HashMap::default(),
            namespaces: HashMap::default(),
            port_lists: PortLists::default(),
            pods: Pods::default(),
            imports: needed.contains(Kind::ServiceImport).then(Box::default),
            has_slices_of_services: true,
            generations: [0; Kind::ALL.len()],
            touched: HashSet::default(),
            changed: false,
            visible: false,
            external_visible: false,
            programmed: Vec::new(),
            problems: Problems::default(),
        }
    }

    /// Keeps the topology zones of endpoints from now on: the option `zonal`.
    pub fn keep_zones(&mut self) {
        self.has_zones = true;
    }

    /// Takes slices for imports alone (`noendpoints`).
    pub fn ignore_slices_of_services(&mut self) {
        self.has_slices_of_services = false;
    }

    /// A handle to the zone.
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.writer.reader()
    }

    /// The kinds whose first list is not whole yet.
    #[must_use]
    pub fn unsynced(&self) -> KindSet {
        self.writer.draft().unsynced()
    }

    /// How many objects of a kind are known.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        match kind {
            Kind::Service => self.services.len(),
            Kind::EndpointSlice => {
                let of_imports =
                    |imports: &Imports| imports.count_slices(|path| self.slices.contains_key(path));
                self.slices.len() + self.imports.as_deref().map_or(0, of_imports)
            }
            Kind::Namespace => self.namespaces.len(),
            Kind::Pod => self.pods.len(),
            Kind::ServiceImport => self.imports.as_deref().map_or(0, Imports::len),
        }
    }

    /// Takes one change in. Readers see nothing of it before [`Store::publish`].
    pub fn take(&mut self, change: Change) {
        match change {
            Change::Begin(kind) => self.generations[kind as usize] += 1,
            Change::Listed(object) => self.apply(&object, false),
            Change::Apply(object) => self.apply(&object, true),
            Change::Delete(object) => self.delete(&object),
            Change::Keep(id) => self.keep(&id),
            Change::End(kind) => self.sweep(kind),
            Change::Live(kind) => self.set_live(kind, true),
            Change::Lost(kind) => self.set_live(kind, false),
        }
    }

    /// Shows all changes at once; `unix_s` is the time now. Gives whether there were any.
    pub fn publish(&mut self, unix_s: u32) -> bool {
        for key in std::mem::take(&mut self.touched) {
            self.rebuild(&key);
        }
        if let Some(imports) = &mut self.imports {
            self.changed |= imports.write(&mut self.writer, unix_s);
        }
        if !self.changed {
            return false;
        }
        if self.visible {
            self.writer.set_serial(unix_s);
        }
        if self.external_visible {
            self.writer.set_external_serial(unix_s);
        }
        (self.changed, self.visible, self.external_visible) = (false, false, false);
        self.writer.publish();
        true
    }

    /// The endpoint changes published since the last call.
    pub fn take_programmed(&mut self) -> Vec<Programmed> {
        std::mem::take(&mut self.programmed)
    }

    fn apply(&mut self, object: &AnyObject, is_update: bool) {
        let mut problems = Vec::new();
        match object {
            AnyObject::Service(object) => self.apply_service(object, &mut problems),
            AnyObject::EndpointSlice(object) => self.apply_slice(object, is_update, &mut problems),
            AnyObject::Namespace(object) => self.apply_namespace(object),
            AnyObject::Pod(object) => {
                let generation = self.generations[Kind::Pod as usize];
                let effect = self.pods.apply(object, generation, &mut self.writer, &mut problems);
                self.changed |= effect != Effect::None;
                self.visible |= effect == Effect::Answers;
            }
            AnyObject::ServiceImport(object) => {
                if let Some(imports) = &mut self.imports {
                    imports.apply(object, self.generations[Kind::ServiceImport as usize], &mut problems);
                }
            }
        }
        if !problems.is_empty() {
            self.problems.tell(problems);
        }
    }

    fn apply_service(&mut self, object: &Service, problems: &mut Vec<Problem>) {
        let Some((mut key, mut facts)) = schema::service_facts(object, problems) else { return };
        if let ServiceFacts::ClusterIp { ports, .. } = &mut facts {
            self.port_lists.share(ports);
        }
        self.share_key(&mut key);
        let service = schema::service(&key, &facts, vec![]).map(Arc::new);
        self.apply_external(&key, schema::external(object, problems));
        let generation = self.generations[Kind::Service as usize];
        if let Some((stamp, old)) = self.services.get_mut(&key) {
            let is_same = match (&*old, &service) {
                (Some(old), Some(new)) => old.is_declared_as(new),
                (old, new) => old.is_none() && new.is_none(),
            };
            *stamp = generation;
            if is_same {
                return;
            }
        }
        self.services.insert(key.clone(), (generation, service));
        self.touched.insert(key);
        (self.changed, self.visible) = (true, true);
    }

    fn apply_external(&mut self, key: &ServiceKey, external: Option<Arc<External>>) {
        let old = match &external {
            Some(external) => self.externals.insert(key.clone(), Arc::clone(external)),
            None => self.externals.remove(key),
        };
        if old != external {
            self.touched.insert(key.clone());
            (self.changed, self.external_visible) = (true, true);
        }
    }

    fn apply_slice(&mut self, object: &EndpointSlice, is_update: bool, problems: &mut Vec<Problem>) {
        if let Some(imports) = &mut self.imports {
            let generation = self.generations[Kind::EndpointSlice as usize];
            imports.apply_slice(object, generation, self.pod_names, problems);
        }
        if !self.has_slices_of_services {
            return;
        }
        let path = path_of(&object.metadata);
        let Some(mut slice) = schema::slice(object, self.pod_names, problems) else {
            // It may have belonged to a Service before.
            self.delete_slice(&path);
            return;
        };
        if self.has_zones {
            schema::keep_zones(object, self.pod_names, &mut slice);
        }
        let generation = self.generations[Kind::EndpointSlice as usize];
        let old = match self.slices.get_mut(&path) {
            Some((stamp, old)) if **old == slice => {
                *stamp = generation;
                return;
            }
            Some((_, old)) => Some(Arc::clone(old)),
            None => None,
        };
        let is_visible = old.as_ref().is_none_or(|old| !answers_alike(old, &slice));
        if old.is_some() {
            self.delete_slice(&path);
        }
        self.port_lists.share(&mut slice.ports);
        self.share_key(&mut slice.service);
        let slice = Arc::new(slice);
        let key = slice.service.clone();
        self.writer.insert_slice(&slice);
        self.slices.insert(Arc::clone(&path), (generation, slice));
        let held = self.slices_of.entry(key.clone()).or_default();
        let mut paths = held.to_vec();
        // Sorted, so that the order of answers does not depend on the order of events.
        paths.insert(paths.partition_point(|held| *held < path), path);
        *held = paths.into();
        self.changed = true;
        self.visible |= is_visible;
        if is_update && let Some(trigger) = object.metadata.trigger_time() {
            self.note_programmed(&key, trigger);
        }
        self.touched.insert(key);
    }

    /// Puts the key in place that the Service or its slices have.
    fn share_key(&self, key: &mut ServiceKey) {
        let of_service = self.services.get_key_value(key).map(|(held, _)| held);
        let held = of_service.or_else(|| self.slices_of.get_key_value(key).map(|(held, _)| held));
        if let Some(held) = held {
            *key = held.clone();
        }
    }

    fn apply_namespace(&mut self, object: &Namespace) {
        let name = &object.metadata.name;
        let generation = self.generations[Kind::Namespace as usize];
        if self.namespaces.insert(name.clone(), generation).is_none() {
            self.writer.insert_namespace(name.to_ascii_lowercase().as_bytes());
            self.changed = true;
        }
    }

    fn delete(&mut self, object: &AnyObject) {
        let meta = object.meta();
        match object {
            AnyObject::Service(_) => {
                if let Some(key) = ServiceKey::new(&meta.name, &meta.namespace) {
                    self.delete_service(&key);
                }
            }
            AnyObject::EndpointSlice(_) => {
                if let Some(imports) = &mut self.imports {
                    imports.delete_slice(&path_of(meta));
                }
                if self.delete_slice(&path_of(meta)) {
                    self.visible = true;
                }
            }
            AnyObject::Namespace(_) => self.delete_namespace(&meta.name),
            AnyObject::Pod(_) => {
                if self.pods.delete(meta, &mut self.writer) {
                    (self.changed, self.visible) = (true, true);
                }
            }
            AnyObject::ServiceImport(_) => {
                if let (Some(imports), Some(key)) =
                    (&mut self.imports, ServiceKey::new(&meta.name, &meta.namespace))
                {
                    imports.delete(&key);
                }
            }
        }
    }

    fn delete_service(&mut self, key: &ServiceKey) {
        if self.services.remove(key).is_some() {
            self.apply_external(key, None);
            self.touched.insert(key.clone());
            (self.changed, self.visible) = (true, true);
        }
    }

    fn delete_slice(&mut self, path: &str) -> bool {
        let Some((_, slice)) = self.slices.remove(path) else { return false };
        self.writer.remove_slice(&slice);
        if let Some(paths) = self.slices_of.get_mut(&slice.service) {
            *paths = paths.retained(|held| **held != *path);
            if paths.is_empty() {
                self.slices_of.remove(&slice.service);
            }
        }
        self.touched.insert(slice.service.clone());
        self.changed = true;
        true
    }

    fn delete_namespace(&mut self, name: &str) {
        if self.namespaces.remove(name).is_some() {
            self.writer.remove_namespace(name.to_ascii_lowercase().as_bytes());
            self.changed = true;
        }
    }

    fn keep(&mut self, id: &ObjectId) {
        let generation = self.generations[id.kind as usize];
        let (namespace, name) = id.path.split_once('/').unwrap_or_default();
        match id.kind {
            Kind::Service => {
                let key = ServiceKey::new(name, namespace);
                if let Some((stamp, _)) = key.and_then(|key| self.services.get_mut(&key)) {
                    *stamp = generation;
                }
            }
            Kind::EndpointSlice => {
                if let Some((stamp, _)) = self.slices.get_mut(&id.path) {
                    *stamp = generation;
                }
                if let Some(imports) = &mut self.imports {
                    imports.keep_slice(&id.path, generation);
                }
            }
            Kind::Namespace => {
                if let Some(stamp) = self.namespaces.get_mut(name) {
                    *stamp = generation;
                }
            }
            Kind::Pod => self.pods.keep(namespace, name, generation),
            Kind::ServiceImport => {
                if let (Some(imports), Some(key)) = (&mut self.imports, ServiceKey::new(name, namespace)) {
                    imports.keep(&key, generation);
                }
            }
        }
    }

    fn sweep(&mut self, kind: Kind) {
        let generation = self.generations[kind as usize];
        match kind {
            Kind::Service => {
                let old = self.services.iter().filter(|(_, (stamp, _))| *stamp != generation);
                for key in old.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
                    self.delete_service(&key);
                }
            }
            Kind::EndpointSlice => {
                let old = self.slices.iter().filter(|(_, (stamp, _))| *stamp != generation);
                for path in old.map(|(path, _)| Arc::clone(path)).collect::<Vec<_>>() {
                    self.visible |= self.delete_slice(&path);
                }
                if let Some(imports) = &mut self.imports {
                    imports.sweep_slices(generation);
                }
            }
            Kind::Namespace => {
                let old = self.namespaces.iter().filter(|(_, stamp)| **stamp != generation);
                for name in old.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
                    self.delete_namespace(&name);
                }
            }
            Kind::Pod => {
                if self.pods.sweep(generation, &mut self.writer) {
                    (self.changed, self.visible) = (true, true);
                }
            }
            Kind::ServiceImport => {
                if let Some(imports) = &mut self.imports {
                    imports.sweep(generation);
                }
            }
        }
        if self.unsynced().contains(kind) {
            self.writer.set_synced(kind);
            self.changed = true;
        }
    }

    fn set_live(&mut self, kind: Kind, is_live: bool) {
        if self.writer.draft().is_live(kind) != is_live {
            self.writer.set_live(kind, is_live);
            self.changed = true;
        }
    }

    fn rebuild(&mut self, key: &ServiceKey) {
        let Some((_, Some(service))) = self.services.get_mut(key) else {
            self.writer.remove_service(key);
            return;
        };
        let paths = self.slices_of.get(key).map(|paths| &**paths).unwrap_or_default();
        let slices = paths.iter().filter_map(|path| self.slices.get(path));
        let built = service.with_slices(slices.map(|(_, slice)| Arc::clone(slice)).collect());
        *service = Arc::new(built.with_external(self.externals.get(key).cloned()));
        self.writer.insert_service(Arc::clone(service));
    }

    /// A Service must be known: a slice alone shows at no name.
    fn note_programmed(&mut self, key: &ServiceKey, trigger: &str) {
        let service = self.services.get(key).and_then(|(_, service)| service.as_ref());
        let label = match service.map(|service| &service.kind) {
            Some(ServiceKind::ClusterIp) => ServiceKindLabel::ClusterIp,
            // Only the endpoints of a selector carry the annotation, so that the label tells the truth.
            Some(ServiceKind::Headless) => ServiceKindLabel::HeadlessWithSelector,
            _ => return,
        };
        self.programmed.push((label, trigger.into()));
    }
}

fn path_of(meta: &Meta) -> Arc<str> {
    format!("{}/{}", meta.namespace, meta.name).into()
}

/// Whether the answers are the same: how many endpoints are not ready is for explanations only.
fn answers_alike(old: &Slice, new: &Slice) -> bool {
    old.service == new.service
        && old.ports == new.ports
        && old.endpoints() == new.endpoints()
        && old.fqdns == new.fqdns
        && old.zones == new.zones
}

#[cfg(test)]
mod tests;
