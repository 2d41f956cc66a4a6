//! Pods by address, for `pods verified`.

use std::net::IpAddr;
use std::sync::Arc;

use super::Keyed;

/// What the zone knows of a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its namespace: a folded label without length octet.
    pub namespace: Arc<[u8]>,
    /// Its name.
    pub name: Box<str>,
}

/// The Pods that have one address: several where they share the node's.
#[derive(Debug, Clone)]
pub struct PodsAt {
    pub(super) address: IpAddr,
    pub(super) pods: Vec<Arc<Pod>>,
}

impl PodsAt {
    /// The Pods; at least one.
    #[must_use]
    pub fn pods(&self) -> &[Arc<Pod>] {
        &self.pods
    }
}

impl Keyed for PodsAt {
    type Key = IpAddr;

    fn key(&self) -> &IpAddr {
        &self.address
    }
}
