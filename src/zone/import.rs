//! Services of the cluster set: what the zones of `multicluster` show.
//!
//! An [`Import`] is a [`Service`] whose slices come from several clusters, so that its endpoints are told apart by one more
//! label: `ENDPOINT.CLUSTER.SERVICE.NAMESPACE`. Imports stand in a table of their own, which is there only when somebody
//! asked for it, and no index leads back to them: addresses belong to the Services of this cluster.

use std::collections::HashSet;
use std::sync::Arc;

use super::service::has_duplicates;
use super::{Keyed, Service, ServiceKey, Slice, Table, Writer, Zone};

/// One ServiceImport of the API and the slices that carry its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// What it answers, as a Service would: clusterset IPs, or endpoints when it is headless.
    pub service: Service,
    /// The labels at which the endpoints of each slice stand, in the order of the slices.
    parents: Box<[Arc<[u8]>]>,
}

/// A slice of an import, with the cluster that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedSlice {
    /// The endpoints. The Service that they are under is the import.
    pub slice: Arc<Slice>,
    /// The labels `CLUSTER.SERVICE.NAMESPACE`, or `SERVICE.NAMESPACE` when the cluster has no name that is a label.
    parent: Arc<[u8]>,
}

/// All imports of a generation.
#[derive(Clone, Default)]
pub(super) struct Imports {
    table: Table<Arc<Import>>,
    serial: u32,
}

// === impl Import ===

impl Import {
    /// An import of what `make` makes of the slices: the slices of a cluster follow one another.
    #[must_use]
    pub fn new(mut slices: Vec<ImportedSlice>, make: impl FnOnce(Vec<Arc<Slice>>) -> Service) -> Self {
        slices.sort_by(|a, b| a.parent.cmp(&b.parent));
        let mut service = make(slices.iter().map(|imported| Arc::clone(&imported.slice)).collect());
        // The pets of two clusters have the same names, and no record of one is the other's.
        let mut addresses = HashSet::new();
        service.has_duplicates = slices.chunk_by(|a, b| a.parent == b.parent).any(|of_cluster| {
            let slices: Vec<_> = of_cluster.iter().map(|imported| Arc::clone(&imported.slice)).collect();
            has_duplicates(&slices)
        }) || !slices
            .iter()
            .flat_map(|imported| imported.slice.endpoints().iter())
            .all(|endpoint| addresses.insert(endpoint.address));
        Self { service, parents: slices.into_iter().map(|imported| imported.parent).collect() }
    }

    /// The labels at which the endpoints of slice number `at` stand, in wire form: they end at the namespace.
    #[must_use]
    pub fn parent(&self, at: usize) -> &[u8] {
        &self.parents[at]
    }

    /// The slices of a cluster, each with its parent. The empty label stands for slices that name no cluster.
    pub fn slices_of<'i>(
        &'i self,
        cluster: &'i [u8],
    ) -> impl Iterator<Item = (&'i Slice, &'i [u8])> + Clone + use<'i> {
        let all = self.service.slices.iter().zip(&self.parents);
        all.filter(move |(_, parent)| self.cluster(parent) == cluster)
            .map(|(slice, parent)| (&**slice, &**parent))
    }

    fn cluster<'p>(&self, parent: &'p [u8]) -> &'p [u8] {
        match parent.len() - self.service.key.as_wire().len() {
            0 => &[],
            length => &parent[1..length],
        }
    }
}

impl ImportedSlice {
    /// `cluster` is the id of the cluster in any letters; `None` when it has none that is a label.
    #[must_use]
    pub fn new(slice: Slice, cluster: Option<&str>) -> Self {
        let label = cluster.unwrap_or_default().to_ascii_lowercase().into_bytes();
        let length: &[u8] = if label.is_empty() { &[] } else { &[label.len() as u8] };
        let parent = [length, &label, slice.service.as_wire()].concat();
        Self { slice: Arc::new(slice), parent: parent.into() }
    }

    /// Whether both come from the same cluster, as far as names tell.
    #[must_use]
    pub fn is_sibling(&self, other: &Self) -> bool {
        self.parent == other.parent
    }
}

impl Keyed for Arc<Import> {
    type Key = [u8];

    fn with_key<R>(&self, see: impl FnOnce(&[u8]) -> R) -> R {
        see(self.service.key.as_wire())
    }
}

// === impl Zone ===

impl Zone {
    /// The import of the two folded wire labels `key`.
    #[must_use]
    pub fn import(&self, key: &[u8]) -> Option<&Arc<Import>> {
        self.imports.as_ref()?.table.find(key)
    }

    /// All imports, in no order.
    pub fn imports(&self) -> impl Iterator<Item = &Arc<Import>> {
        self.imports.iter().flat_map(|imports| imports.table.iter())
    }

    /// The serial of the SOA record of a multicluster zone: the Unix time of the last change that its answers show.
    #[must_use]
    pub fn import_serial(&self) -> u32 {
        self.imports.as_ref().map_or(0, |imports| imports.serial)
    }
}

// === impl Writer ===

impl Writer {
    /// Adds an import or replaces the one of the same key.
    pub fn insert_import(&mut self, import: Import) {
        self.draft.imports.get_or_insert_default().table.insert(Arc::new(import));
    }

    /// Takes an import away.
    pub fn remove_import(&mut self, key: &ServiceKey) {
        if let Some(imports) = &mut self.draft.imports {
            imports.table.remove(key.as_wire());
        }
    }

    /// Sets the SOA serial of multicluster zones, as [`Writer::set_serial`] does that of all others.
    pub fn set_import_serial(&mut self, unix_s: u32) {
        let imports = self.draft.imports.get_or_insert_default();
        imports.serial = imports.serial.max(unix_s);
    }
}
