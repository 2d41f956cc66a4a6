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
    /// How many of them a query from the address does not tell of. Counted here, where it takes no room, and not noted
    /// in each Pod, where it would.
    pub(super) unclear: u32,
}

impl PodsAt {
    /// The Pods; at least one.
    #[must_use]
    pub fn pods(&self) -> &[Arc<Pod>] {
        &self.pods
    }

    /// The Pod that a query from this address is of: the only one here, if it is one that it tells of.
    #[must_use]
    pub fn client(&self) -> Option<&Pod> {
        match self.pods.as_slice() {
            [pod] if self.unclear == 0 => Some(pod),
            _ => None,
        }
    }
}

impl Keyed for PodsAt {
    type Key = IpAddr;

    fn with_key<R>(&self, see: impl FnOnce(&IpAddr) -> R) -> R {
        see(&self.address)
    }
}
