//! `v1/Pod`, trimmed.

use serde::Deserialize;

use super::{Address, AnyObject, Meta, Object};
use crate::zone::Kind;

/// A Pod.
#[derive(Debug, Clone, Deserialize)]
pub struct Pod {
    /// Name, namespace, uid and whether it is going.
    #[serde(default)]
    pub metadata: Meta,
    /// Where it runs.
    #[serde(default)]
    pub status: Option<PodStatus>,
}

/// Where a Pod runs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct PodStatus {
    phase: Option<Box<str>>,
    #[serde(rename = "podIP")]
    pod_ip: Option<Address>,
    #[serde(rename = "podIPs")]
    pod_ips: Option<Vec<PodIp>>,
}

#[derive(Debug, Clone, Deserialize)]
struct PodIp {
    ip: Address,
}

impl Pod {
    /// What the API is asked to leave out: Pods that will not run any more.
    pub const FIELD_SELECTOR: &'static str =
        "status.phase!=Succeeded,status.phase!=Failed,status.phase!=Unknown";

    /// Whether it has run to its end, or nobody knows: the same rule as [`Pod::FIELD_SELECTOR`], for manifests.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let phase = self.status.as_ref().and_then(|status| status.phase.as_deref());
        matches!(phase, Some("Succeeded" | "Failed" | "Unknown"))
    }

    /// Its addresses as given: `podIPs`, else `podIP` alone.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        let status = self.status.as_ref();
        let all = status.and_then(|status| status.pod_ips.as_deref()).unwrap_or_default();
        let first = status.and_then(|status| status.pod_ip.as_ref()).filter(|_| all.is_empty());
        all.iter().map(|entry| &entry.ip).chain(first)
    }
}

impl Object for Pod {
    const KIND: Kind = Kind::Pod;
    const PATH: &'static str = "/api/v1/pods";
    const GROUP: &'static str = "";

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn into_any(self) -> AnyObject {
        AnyObject::Pod(self)
    }
}
