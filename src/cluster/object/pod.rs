//! `v1/Pod`, trimmed.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, Visitor};

use super::wire::{Field, Fields};
use super::{Address, AnyObject, META, Meta, Object};
use crate::zone::Kind;

/// A Pod.
#[derive(Debug, Clone, Deserialize)]
pub struct Pod {
    /// Name, namespace, uid and whether it is going.
    #[serde(default)]
    pub metadata: Meta,
    /// How it resolves names.
    #[serde(default)]
    pub spec: Option<PodSpec>,
    /// Where it runs.
    #[serde(default)]
    pub status: Option<PodStatus>,
}

/// What decides which names a Pod asks for: nothing of it is kept past the door.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    host_network: Option<bool>,
    dns_policy: DnsPolicy,
    dns_config: Option<DnsConfig>,
}

/// Whether the search list is the cluster's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum DnsPolicy {
    /// `ClusterFirst`, which it is when nothing is said.
    #[default]
    ClusterFirst,
    Other,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct DnsConfig {
    searches: Option<Vec<IgnoredAny>>,
}

/// Where a Pod runs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct PodStatus {
    phase: Option<Box<str>>,
    #[serde(rename = "podIP")]
    pod_ip: Option<Address>,
    #[serde(rename = "hostIP")]
    host_ip: Option<Address>,
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

    /// Whether a query from its address is its own, and made with the search list that a Pod of its namespace has.
    ///
    /// With the host's network the address is the node's, and so that of everything else there. With another `dnsPolicy`
    /// the cluster's names are not searched, and with `dnsConfig.searches` others are searched too. `ndots` changes
    /// when the list is walked, and not in which order.
    #[must_use]
    pub fn has_cluster_search_list(&self) -> bool {
        let spec = self.spec.as_ref();
        let host = self.status.as_ref().and_then(|status| status.host_ip.as_ref());
        let is_on_host = spec.is_some_and(|spec| spec.host_network == Some(true))
            || host.is_some_and(|host| self.addresses().any(|address| address == host));
        let is_changed = spec.is_some_and(|spec| {
            let searches = spec.dns_config.as_ref().and_then(|config| config.searches.as_ref());
            spec.dns_policy != DnsPolicy::ClusterFirst
                || searches.is_some_and(|searches| !searches.is_empty())
        });
        !is_on_host && !is_changed
    }
}

impl<'de> Deserialize<'de> for DnsPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PolicyVisitor;

        impl Visitor<'_> for PolicyVisitor {
            type Value = DnsPolicy;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a dnsPolicy as text")
            }

            fn visit_str<E>(self, text: &str) -> Result<DnsPolicy, E> {
                Ok(if matches!(text, "" | "ClusterFirst") {
                    DnsPolicy::ClusterFirst
                } else {
                    DnsPolicy::Other
                })
            }

            fn visit_unit<E>(self) -> Result<DnsPolicy, E> {
                Ok(DnsPolicy::ClusterFirst)
            }
        }

        deserializer.deserialize_any(PolicyVisitor)
    }
}

/// `v1.Pod` in protobuf.
static FIELDS: Fields = Fields(&[
    (1, "metadata", Field::Message(&META)),
    (2, "spec", Field::Message(&SPEC)),
    (3, "status", Field::Message(&STATUS)),
]);

static SPEC: Fields = Fields(&[
    (6, "dnsPolicy", Field::Text),
    (11, "hostNetwork", Field::Flag),
    (26, "dnsConfig", Field::Message(&DNS_CONFIG)),
]);

static DNS_CONFIG: Fields = Fields(&[(2, "searches", Field::Texts)]);

static STATUS: Fields = Fields(&[
    (1, "phase", Field::Text),
    (5, "hostIP", Field::Text),
    (6, "podIP", Field::Text),
    (12, "podIPs", Field::Messages(&POD_IP)),
]);

static POD_IP: Fields = Fields(&[(1, "ip", Field::Text)]);

impl Object for Pod {
    const KIND: Kind = Kind::Pod;
    const PATH: &'static str = "/api/v1/pods";
    const GROUP: &'static str = "";
    const FIELDS: Option<&'static Fields> = Some(&FIELDS);

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn into_any(self) -> AnyObject {
        AnyObject::Pod(self)
    }
}
