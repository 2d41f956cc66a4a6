//! Kubernetes objects, trimmed at the door: one file a kind, each with the fields that DNS needs and no other.
//!
//! Everything else is skipped while the text is read, without being allocated. The types of `k8s-openapi` would hold
//! whole objects (a Pod is several KiB), and `kube`'s own metadata type is over 400 bytes when empty: a list of 100,000
//! Pods is what kills a DNS server at an API server's restart, not what it keeps afterwards.

mod endpoint_slice;
mod few;
mod namespace;
mod pod;
mod service;
mod service_import;
pub mod wire;

use std::fmt;
use std::hash::Hasher;
use std::net::IpAddr;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, Visitor};

use crate::zone::Kind;
use wire::{Field, Fields};

pub use endpoint_slice::{EndpointSlice, SliceEndpoint};
pub use namespace::Namespace;
pub use pod::Pod;
pub use service::{Service, ServiceSpec};
pub use service_import::{ImportSpec, ServiceImport};

/// A kind of trimmed object that can be listed and watched.
pub trait Object: DeserializeOwned + Send + 'static {
    /// Which kind it is.
    const KIND: Kind;
    /// Where the API serves all objects of the kind, of all namespaces.
    const PATH: &'static str;
    /// The API group as RBAC writes it.
    const GROUP: &'static str;
    /// Its fields in protobuf; `None` for a kind that the API server has in JSON alone, as those of
    /// CustomResourceDefinitions.
    const FIELDS: Option<&'static Fields>;

    /// Those of its fields that a watch needs: without the names of Pods behind endpoints, unless `pod_names` asks for them.
    fn fields(pod_names: bool) -> Option<&'static Fields> {
        let _ = pod_names;
        Self::FIELDS
    }

    /// Its metadata.
    fn meta(&self) -> &Meta;

    /// The object, its kind forgotten by the type.
    fn into_any(self) -> AnyObject;
}

/// An object of any kind.
#[derive(Debug, Clone)]
pub enum AnyObject {
    /// `v1/Service`
    Service(Service),
    /// `discovery.k8s.io/v1/EndpointSlice`
    EndpointSlice(EndpointSlice),
    /// `v1/Namespace`
    Namespace(Namespace),
    /// `v1/Pod`
    Pod(Pod),
    /// `multicluster.x-k8s.io/v1alpha1/ServiceImport`
    ServiceImport(ServiceImport),
}

/// What is kept of an object's metadata.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// The name; empty when the object has none, which the API never sends.
    pub name: Box<str>,
    /// The namespace; empty for a Namespace.
    pub namespace: Box<str>,
    /// A hash of the uid: tells an object from its successor of the same name. 0 without uid.
    #[serde(deserialize_with = "uid_hash")]
    pub uid: u64,
    /// Where a watch resumes after this object; empty in a manifest.
    pub resource_version: Box<str>,
    deletion_timestamp: Option<IgnoredAny>,
    labels: Option<Labels>,
    annotations: Option<Annotations>,
}

/// `meta/v1.ObjectMeta` in protobuf, and what of a bookmark's there is.
pub static META: Fields = Fields(&[
    (1, "name", Field::Text),
    (3, "namespace", Field::Text),
    (5, "uid", Field::Text),
    (6, "resourceVersion", Field::Text),
    (9, "deletionTimestamp", Field::Message(&Fields(&[]))),
    (11, "labels", Field::Map),
    (12, "annotations", Field::Map),
]);

#[derive(Debug, Clone, Default, Deserialize)]
struct Labels {
    #[serde(rename = "kubernetes.io/service-name", default)]
    service_name: Option<Box<str>>,
    #[serde(rename = "multicluster.kubernetes.io/service-name", default)]
    imported_service: Option<Box<str>>,
    #[serde(rename = "multicluster.kubernetes.io/source-cluster", default)]
    source_cluster: Option<Box<str>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Annotations {
    #[serde(rename = "endpoints.kubernetes.io/last-change-trigger-time", default)]
    trigger_time: Option<Box<str>>,
}

/// An address as an object gives it: parsed, or the text that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An IP address in canonical form: an IPv4-mapped IPv6 address has become IPv4.
    Ip(IpAddr),
    /// Anything else: `None`, nothing, a domain name, or a mistake.
    Text(Box<str>),
}

// === impl AnyObject ===

impl AnyObject {
    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Service(_) => Kind::Service,
            Self::EndpointSlice(_) => Kind::EndpointSlice,
            Self::Namespace(_) => Kind::Namespace,
            Self::Pod(_) => Kind::Pod,
            Self::ServiceImport(_) => Kind::ServiceImport,
        }
    }

    /// Its metadata.
    #[must_use]
    pub fn meta(&self) -> &Meta {
        match self {
            Self::Service(object) => &object.metadata,
            Self::EndpointSlice(object) => &object.metadata,
            Self::Namespace(object) => &object.metadata,
            Self::Pod(object) => &object.metadata,
            Self::ServiceImport(object) => &object.metadata,
        }
    }

    /// Its metadata, to change.
    pub fn meta_mut(&mut self) -> &mut Meta {
        match self {
            Self::Service(object) => &mut object.metadata,
            Self::EndpointSlice(object) => &mut object.metadata,
            Self::Namespace(object) => &mut object.metadata,
            Self::Pod(object) => &mut object.metadata,
            Self::ServiceImport(object) => &mut object.metadata,
        }
    }
}

// === impl Meta ===

impl Meta {
    /// Whether the object has a deletionTimestamp.
    #[must_use]
    pub fn is_deleting(&self) -> bool {
        self.deletion_timestamp.is_some()
    }

    /// The Service that an EndpointSlice belongs to, from its label.
    #[must_use]
    pub fn service_name(&self) -> Option<&str> {
        self.labels.as_ref()?.service_name.as_deref().filter(|name| !name.is_empty())
    }

    /// The ServiceImport that an EndpointSlice belongs to, from its label.
    #[must_use]
    pub fn imported_service(&self) -> Option<&str> {
        self.labels.as_ref()?.imported_service.as_deref().filter(|name| !name.is_empty())
    }

    /// The id of the cluster that an imported EndpointSlice comes from, from its label.
    #[must_use]
    pub fn source_cluster(&self) -> Option<&str> {
        self.labels.as_ref()?.source_cluster.as_deref().filter(|id| !id.is_empty())
    }

    /// When the change happened that led to this state of an EndpointSlice: its text, in RFC 3339.
    #[must_use]
    pub fn trigger_time(&self) -> Option<&str> {
        self.annotations.as_ref()?.trigger_time.as_deref()
    }
}

// === impl Address ===

impl Address {
    /// Reads an address; text that is none is kept.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        match text.parse::<IpAddr>() {
            Ok(address) => Self::Ip(address.to_canonical()),
            Err(_) => Self::Text(text.into()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AddressVisitor;

        impl Visitor<'_> for AddressVisitor {
            type Value = Address;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address as text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Address, E> {
                Ok(Address::from_text(text))
            }
        }

        deserializer.deserialize_str(AddressVisitor)
    }
}

fn uid_hash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct UidVisitor;

    impl Visitor<'_> for UidVisitor {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a uid as text")
        }

        fn visit_str<E>(self, text: &str) -> Result<u64, E> {
            // Fixed keys: only equality within one process matters, and uids are random already.
            let mut hasher = std::hash::DefaultHasher::new();
            hasher.write(text.as_bytes());
            Ok(hasher.finish() | 1)
        }
    }

    deserializer.deserialize_str(UidVisitor)
}

#[cfg(test)]
mod tests;
