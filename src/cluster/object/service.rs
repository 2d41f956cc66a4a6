//! `v1/Service`, trimmed.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::wire::{Field, Fields};
use super::{Address, AnyObject, META, Meta, Object};
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
    /// What it has got.
    #[serde(default)]
    pub status: Option<ServiceStatus>,
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
    /// Addresses from outside that somebody leads to the cluster's nodes.
    #[serde(rename = "externalIPs")]
    pub external_ips: Option<Vec<Address>>,
    /// The target of an ExternalName.
    pub external_name: Option<Box<str>>,
    /// The ports.
    pub ports: Option<Vec<ServicePort>>,
    selector: Option<IgnoredAny>,
}

/// What a Service has got.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceStatus {
    load_balancer: Option<LoadBalancer>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct LoadBalancer {
    ingress: Option<Vec<Ingress>>,
}

/// Where a load balancer is reached; with both, the address counts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Ingress {
    ip: Option<Address>,
    hostname: Option<Address>,
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

impl Service {
    /// Where it is reached from outside, whatever its type: `externalIPs`, then the load balancer's addresses and host
    /// names.
    pub fn external_addresses(&self) -> impl Iterator<Item = &Address> {
        let is_given = |address: &&Address| !matches!(address, Address::Text(text) if text.is_empty());
        let own = self.spec.iter().flat_map(|spec| spec.external_ips.iter().flatten());
        let balancer = self.status.as_ref().and_then(|status| status.load_balancer.as_ref());
        let ingress = balancer.and_then(|balancer| balancer.ingress.as_deref()).unwrap_or_default().iter();
        let ingress = ingress.filter_map(move |at| at.ip.as_ref().filter(is_given).or(at.hostname.as_ref()));
        own.chain(ingress).filter(is_given)
    }
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

/// `v1.Service` in protobuf.
static FIELDS: Fields = Fields(&[
    (1, "metadata", Field::Message(&META)),
    (2, "spec", Field::Message(&SPEC)),
    (3, "status", Field::Message(&STATUS)),
]);

static SPEC: Fields = Fields(&[
    (1, "ports", Field::Messages(&PORT)),
    (2, "selector", Field::Map),
    (3, "clusterIP", Field::Text),
    (4, "type", Field::Text),
    (5, "externalIPs", Field::Texts),
    (10, "externalName", Field::Text),
    (18, "clusterIPs", Field::Texts),
]);

static PORT: Fields =
    Fields(&[(1, "name", Field::Text), (2, "protocol", Field::Text), (3, "port", Field::Number)]);

static STATUS: Fields = Fields(&[(1, "loadBalancer", Field::Message(&LOAD_BALANCER))]);

static LOAD_BALANCER: Fields = Fields(&[(1, "ingress", Field::Messages(&INGRESS))]);

static INGRESS: Fields = Fields(&[(1, "ip", Field::Text), (2, "hostname", Field::Text)]);

impl Object for Service {
    const KIND: Kind = Kind::Service;
    const PATH: &'static str = "/api/v1/services";
    const GROUP: &'static str = "";
    const FIELDS: Option<&'static Fields> = Some(&FIELDS);

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn into_any(self) -> AnyObject {
        AnyObject::Service(self)
    }
}
