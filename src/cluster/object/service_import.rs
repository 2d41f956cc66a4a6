//! `multicluster.x-k8s.io/v1alpha1/ServiceImport`, trimmed: a Service of the cluster set, as this cluster sees it.
//!
//! The kind is a CustomResourceDefinition: it is there when a multicluster implementation has brought it along, and its
//! schema is as strict as that one's. What a built-in type makes impossible (a port of 70000) may stand in one, and must
//! not stop the others from being read.

use serde::Deserialize;

use super::wire::Fields;
use super::{Address, AnyObject, Meta, Object};
use crate::zone::Kind;

/// A ServiceImport.
#[derive(Debug, Clone, Deserialize)]
pub struct ServiceImport {
    /// Name and namespace: those of the Service in the clusters that export it.
    #[serde(default)]
    pub metadata: Meta,
    /// What it is.
    #[serde(default)]
    pub spec: Option<ImportSpec>,
}

/// What a ServiceImport is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ImportSpec {
    #[serde(rename = "type")]
    kind: Option<Box<str>>,
    /// The clusterset IPs.
    pub ips: Option<Vec<Address>>,
    /// The ports.
    pub ports: Option<Vec<ImportPort>>,
}

/// A port of a ServiceImport.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ImportPort {
    /// The name, where it has one.
    pub name: Option<Box<str>>,
    /// The number, whatever the schema let through.
    pub port: i64,
    /// TCP when there is none.
    pub protocol: Option<Box<str>>,
}

impl ImportSpec {
    /// Whether its endpoints answer and not its clusterset IPs. As in CoreDNS every other type has IPs.
    #[must_use]
    pub fn is_headless(&self) -> bool {
        self.kind.as_deref() == Some("Headless")
    }
}

impl Object for ServiceImport {
    const KIND: Kind = Kind::ServiceImport;
    const PATH: &'static str = "/apis/multicluster.x-k8s.io/v1alpha1/serviceimports";
    const GROUP: &'static str = "multicluster.x-k8s.io";
    const FIELDS: Option<&'static Fields> = None;

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn into_any(self) -> AnyObject {
        AnyObject::ServiceImport(self)
    }
}
