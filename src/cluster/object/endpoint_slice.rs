//! `discovery.k8s.io/v1/EndpointSlice`, trimmed.

use serde::Deserialize;

use super::wire::{Field, Fields};
use super::{Address, AnyObject, META, Meta, Object};
use crate::zone::{Few, Kind};

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
    pub addresses: Option<Few<Address>>,
    /// Its state.
    pub conditions: Option<Conditions>,
    /// The label that it asks for.
    pub hostname: Option<Box<str>>,
    /// The Pod behind it. Not read from protobuf unless the names of Pods are asked for ([`Object::fields`]).
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

/// `discovery.k8s.io/v1.EndpointSlice` in protobuf.
static FIELDS: Fields = Fields(&[
    (1, "metadata", Field::Message(&META)),
    (2, "endpoints", Field::Messages(&ENDPOINT)),
    (3, "ports", Field::Messages(&PORT)),
    (4, "addressType", Field::Text),
]);

/// The same without the names of Pods, which each are an allocation that hardly any cluster asks for.
static FIELDS_WITHOUT_PODS: Fields = Fields(&[
    (1, "metadata", Field::Message(&META)),
    (2, "endpoints", Field::Messages(&ENDPOINT_WITHOUT_POD)),
    (3, "ports", Field::Messages(&PORT)),
    (4, "addressType", Field::Text),
]);

static ENDPOINT_WITHOUT_POD: Fields = Fields(&[
    (1, "addresses", Field::Texts),
    (2, "conditions", Field::Message(&CONDITIONS)),
    (3, "hostname", Field::Text),
    (7, "zone", Field::Text),
]);

static ENDPOINT: Fields = Fields(&[
    (1, "addresses", Field::Texts),
    (2, "conditions", Field::Message(&CONDITIONS)),
    (3, "hostname", Field::Text),
    (4, "targetRef", Field::Message(&TARGET_REF)),
    (7, "zone", Field::Text),
]);

static CONDITIONS: Fields = Fields(&[(1, "ready", Field::Flag)]);

static TARGET_REF: Fields = Fields(&[(3, "name", Field::Text)]);

static PORT: Fields =
    Fields(&[(1, "name", Field::Text), (2, "protocol", Field::Text), (3, "port", Field::Number)]);

impl Object for EndpointSlice {
    const KIND: Kind = Kind::EndpointSlice;
    const PATH: &'static str = "/apis/discovery.k8s.io/v1/endpointslices";
    const GROUP: &'static str = "discovery.k8s.io";
    const FIELDS: Option<&'static Fields> = Some(&FIELDS);

    fn fields(pod_names: bool) -> Option<&'static Fields> {
        Some(if pod_names { &FIELDS } else { &FIELDS_WITHOUT_PODS })
    }

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn into_any(self) -> AnyObject {
        AnyObject::EndpointSlice(self)
    }
}
