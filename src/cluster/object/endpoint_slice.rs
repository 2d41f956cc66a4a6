//! `discovery.k8s.io/v1/EndpointSlice`, trimmed.

use serde::Deserialize;

use super::{Address, AnyObject, Meta, Object};
use crate::zone::Kind;

/// An EndpointSlice.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSlice {
    /// Name, namespace, and the label that names its Service.
    #[serde(default)]
    pub metadata: Meta,
    /// IPv4, IPv6 or FQDN.
    #[serde(default)]
    pub address_type: Option<Box<str>>,
    /// The endpoints.
    #[serde(default)]
    pub endpoints: Option<Vec<SliceEndpoint>>,
    /// The ports, the same for all endpoints.
    #[serde(default)]
    pub ports: Option<Vec<SlicePort>>,
}

/// An endpoint of a slice.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SliceEndpoint {
    /// Its addresses: one, as Kubernetes writes them.
    pub addresses: Option<Vec<Address>>,
    /// Its state.
    pub conditions: Option<Conditions>,
    /// The label that it asks for.
    pub hostname: Option<Box<str>>,
    /// The Pod behind it.
    pub target_ref: Option<TargetRef>,
    /// The topology zone that it is in.
    pub zone: Option<Box<str>>,
}

/// The state of an endpoint.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Conditions {
    /// Whether it takes traffic; nothing means yes.
    pub ready: Option<bool>,
}

/// What stands behind an endpoint.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TargetRef {
    /// The name of the Pod.
    pub name: Option<Box<str>>,
}

/// A port of a slice.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct SlicePort {
    /// The name, where it has one.
    pub name: Option<Box<str>>,
    /// The number; nothing means every port.
    pub port: Option<u16>,
    /// TCP when there is none.
    pub protocol: Option<Box<str>>,
}

impl SliceEndpoint {
    /// Whether it takes traffic: yes unless the slice says no.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true)
    }
}

impl Object for EndpointSlice {
    const KIND: Kind = Kind::EndpointSlice;
    const PATH: &'static str = "/apis/discovery.k8s.io/v1/endpointslices";
    const GROUP: &'static str = "discovery.k8s.io";

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn into_any(self) -> AnyObject {
        AnyObject::EndpointSlice(self)
    }
}
