//! `v1/Service`, trimmed.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Address, AnyObject, Meta, Object};
use crate::zone::Kind;

/// A Service.
#[derive(Debug, Clone, Deserialize)]
pub struct Service {
    /// Name and namespace.
    #[serde(default)]
    pub metadata: Meta,
    /// What it asks for.
    #[serde(default)]
    pub spec: Option<ServiceSpec>,
}

/// What a Service asks for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceSpec {
    /// ClusterIP, NodePort, LoadBalancer or ExternalName; ClusterIP when there is none.
    #[serde(rename = "type")]
    pub kind: Option<Box<str>>,
    /// The first address, `None` for a headless Service, or nothing.
    #[serde(rename = "clusterIP")]
    pub cluster_ip: Option<Address>,
    /// All addresses; it is what counts when it is there.
    #[serde(rename = "clusterIPs")]
    pub cluster_ips: Option<Vec<Address>>,
    /// The target of an ExternalName.
    pub external_name: Option<Box<str>>,
    /// The ports.
    pub ports: Option<Vec<ServicePort>>,
    selector: Option<IgnoredAny>,
}

/// A port of a Service.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ServicePort {
    /// The name, where it has one.
    pub name: Option<Box<str>>,
    /// The number.
    pub port: Option<u16>,
    /// TCP when there is none.
    pub protocol: Option<Box<str>>,
}

impl ServiceSpec {
    /// The addresses as given: `clusterIPs`, else `clusterIP` alone.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        match &self.cluster_ips {
            Some(addresses) if !addresses.is_empty() => addresses,
            _ => self.cluster_ip.as_slice(),
        }
    }

    /// Whether it is headless: it has `None` for its cluster IP, whatever its type (DNS specification 1.1.0 §2.4).
    #[must_use]
    pub fn is_headless(&self) -> bool {
        matches!(self.addresses().first(), Some(Address::Text(text)) if &**text == "None")
    }

    /// Whether the Service selects Pods, so that a controller makes its EndpointSlices.
    #[must_use]
    pub fn has_selector(&self) -> bool {
        self.selector.is_some()
    }
}

impl Object for Service {
    const KIND: Kind = Kind::Service;
    const PATH: &'static str = "/api/v1/services";
    const GROUP: &'static str = "";

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn into_any(self) -> AnyObject {
        AnyObject::Service(self)
    }
}
