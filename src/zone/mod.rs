//! The records of one generation, and the handle through which they are read.
//!
//! ```text
//!   cluster ──changes──▶ Writer ──publish──▶ ArcSwap<Zone> ◀──load── Reader ──▶ plugin `kubernetes`
//!           (one task)                                             (every worker)
//! ```
//!
//! A [`Zone`] never changes. The [`Writer`] keeps a draft that shares all untouched tables with what is published;
//! publishing swaps one pointer, so that a reader sees a whole generation or the one before, and never waits. The
//! alternatives measured before this was chosen: a concurrent map takes a lock a read and mixes generations, and
//! left-right stalls for milliseconds when a reader is preempted.
//!
//! **Invariant:** no async, no lock, no clock, and no Kubernetes types. A zone knows no origin either: names here end at
//! the namespace, and the `kubernetes` plugin adds `svc.cluster.local.`; so several server blocks share one zone.

mod chosen;
mod dump;
mod endpoints;
mod external;
mod external_path;
mod few;
mod fqdn;
mod import;
mod key;
mod namespaces;
mod path;
mod pod;
mod reverse;
mod service;
mod slice;
mod table;
mod topology;
mod writer;

pub use chosen::{Chosen, EndpointLabel};
pub use dump::Dump;
pub use endpoints::{Endpoint, Endpoints};
pub use external::{External, ExternalTarget};
pub use external_path::ExternalPath;
pub use few::Few;
pub use fqdn::Fqdn;
pub use import::{Import, ImportedSlice};
pub use key::ServiceKey;
pub use namespaces::{Namespace, SameName};
pub use path::{Branch, Detail, Path, ServicePath};
pub use pod::{Pod, PodsAt};
pub use reverse::{AddressOwners, EndpointOwners, EndpointRef};
pub use service::{Service, ServiceKind};
pub use slice::{LabelBuf, Port, Protocol, Slice, address_from_dashed};
pub use table::{Keyed, Table};
pub use topology::{ServiceZone, ServiceZones, SliceZones, zone_name};
pub use writer::{Reader, Writer, Zone};

/// The kinds of objects that a zone is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `v1/Service`
    Service,
    /// `discovery.k8s.io/v1/EndpointSlice`
    EndpointSlice,
    /// `v1/Namespace`
    Namespace,
    /// `v1/Pod`
    Pod,
    /// `multicluster.x-k8s.io/v1alpha1/ServiceImport`
    ServiceImport,
}

impl Kind {
    /// All kinds, in the order in which they are shown.
    pub const ALL: [Kind; 5] =
        [Kind::Service, Kind::EndpointSlice, Kind::Namespace, Kind::Pod, Kind::ServiceImport];

    /// The kind as Kubernetes writes its plural.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Kind::Service => "services",
            Kind::EndpointSlice => "endpointslices",
            Kind::Namespace => "namespaces",
            Kind::Pod => "pods",
            Kind::ServiceImport => "serviceimports",
        }
    }
}

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KindSet(u8);

impl KindSet {
    /// No kind.
    pub const EMPTY: KindSet = KindSet(0);

    /// This set with `kind` in it.
    #[must_use]
    pub fn with(self, kind: Kind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    /// This set without `kind`.
    #[must_use]
    pub fn without(self, kind: Kind) -> Self {
        Self(self.0 & !(1 << kind as u8))
    }

    /// This set without the kinds of another.
    #[must_use]
    pub fn minus(self, other: KindSet) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether `kind` is in the set.
    #[must_use]
    pub fn contains(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }

    /// Whether the set holds nothing.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kinds in the set.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

#[cfg(test)]
mod tests;
