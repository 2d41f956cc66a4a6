//! A Service with everything that its names answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::{External, Few, Keyed, Port, ServiceKey, ServiceZones, Slice, address_from_dashed};

/// One Service of the API and the slices that carry its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name and namespace.
    pub key: ServiceKey,
    /// What kind of answers it has.
    pub kind: ServiceKind,
    /// The IPv4 addresses at the Service's name, each once.
    pub v4: Few<Ipv4Addr>,
    /// The IPv6 addresses at the Service's name, each once.
    pub v6: Box<[Ipv6Addr]>,
    /// The Service's own ports; those of a headless Service stand in its slices. Shared with others that have the same.
    pub ports: Arc<[Port]>,
    /// Its slices, each with ready endpoints or with none.
    pub slices: Few<Arc<Slice>>,
    /// Where it is reached from outside of the cluster; hardly any is. Shared with the store.
    pub external: Option<Arc<External>>,
    /// Whether two endpoints share a name or an address, so that SRV records and their addresses need merging.
    pub has_duplicates: bool,
    /// A headless Service's addresses by topology zone; only with the option `zonal`.
    pub zones: Option<Box<ServiceZones>>,
}

/// The kinds of answers that a Service has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceKind {
    /// It has cluster IPs: the types ClusterIP, NodePort and LoadBalancer.
    ClusterIp,
    /// `clusterIP: None`: its endpoints answer.
    Headless,
    /// A CNAME to this name: unfolded wire form, root label included.
    ExternalName(Box<[u8]>),
}

impl Service {
    /// A Service with cluster IPs.
    #[must_use]
    pub fn cluster_ip(
        key: ServiceKey,
        addresses: &[IpAddr],
        ports: impl Into<Arc<[Port]>>,
        slices: Vec<Arc<Slice>>,
    ) -> Self {
        let (v4, v6) = split_families(addresses.iter().copied());
        Self {
            key,
            kind: ServiceKind::ClusterIp,
            v4,
            v6,
            ports: ports.into(),
            external: None,
            has_duplicates: has_duplicates(&slices),
            slices: slices.into(),
            zones: None,
        }
    }

    /// A headless Service: the addresses are those of its ready endpoints.
    #[must_use]
    pub fn headless(key: ServiceKey, slices: Vec<Arc<Slice>>) -> Self {
        let (v4, v6) = split_families(
            slices.iter().flat_map(|slice| slice.endpoints().iter().map(|endpoint| endpoint.address)),
        );
        Self {
            key,
            kind: ServiceKind::Headless,
            v4,
            v6,
            ports: Arc::default(),
            external: None,
            has_duplicates: has_duplicates(&slices),
            zones: ServiceZones::of(&slices),
            slices: slices.into(),
        }
    }

    /// A Service of type ExternalName; `target` is an unfolded wire name.
    #[must_use]
    pub fn external_name(key: ServiceKey, target: Box<[u8]>) -> Self {
        Self {
            key,
            kind: ServiceKind::ExternalName(target),
            v4: Few::default(),
            v6: Box::default(),
            ports: Arc::default(),
            slices: Few::default(),
            external: None,
            has_duplicates: false,
            zones: None,
        }
    }

    /// The Service with these slices in place of its own.
    #[must_use]
    pub fn with_slices(&self, slices: Vec<Arc<Slice>>) -> Self {
        match self.kind {
            ServiceKind::ClusterIp => {
                Self { has_duplicates: has_duplicates(&slices), slices: slices.into(), ..self.clone() }
            }
            ServiceKind::Headless => Self::headless(self.key.clone(), slices),
            ServiceKind::ExternalName(_) => self.clone(),
        }
    }

    /// Whether the objects say the same of both, whatever slices they have.
    #[must_use]
    pub fn is_declared_as(&self, other: &Self) -> bool {
        let has_own = self.kind == ServiceKind::ClusterIp;
        let is_alike = || (&self.v4, &self.v6, &self.ports) == (&other.v4, &other.v6, &other.ports);
        self.key == other.key && self.kind == other.kind && (!has_own || is_alike())
    }

    /// The Service with what of it is reached from outside.
    #[must_use]
    pub fn with_external(self, external: Option<Arc<External>>) -> Self {
        Self { external, ..self }
    }

    /// How many ready addresses the slices hold.
    #[must_use]
    pub fn endpoints_ready(&self) -> usize {
        self.slices.iter().map(|slice| slice.endpoints().len() + slice.fqdns.len()).sum()
    }

    /// How many addresses the slices hold whose endpoint is not ready.
    #[must_use]
    pub fn endpoints_unready(&self) -> usize {
        self.slices.iter().map(|slice| slice.unready as usize).sum()
    }

    /// The cluster IPs; none for a headless Service, whose addresses belong to its endpoints.
    pub fn cluster_ips(&self) -> impl Iterator<Item = IpAddr> {
        let own = self.kind == ServiceKind::ClusterIp;
        let v4 = self.v4.iter().copied().map(IpAddr::V4);
        v4.chain(self.v6.iter().copied().map(IpAddr::V6)).filter(move |_| own)
    }

    /// The external addresses; host names are none.
    pub fn external_ips(&self) -> impl Iterator<Item = IpAddr> {
        self.external.iter().flat_map(|external| external.addresses())
    }
}

impl Keyed for Arc<Service> {
    type Key = [u8];

    fn with_key<R>(&self, see: impl FnOnce(&[u8]) -> R) -> R {
        see(self.key.as_wire())
    }
}

pub(super) fn split_families(addresses: impl Iterator<Item = IpAddr>) -> (Few<Ipv4Addr>, Box<[Ipv6Addr]>) {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for address in addresses {
        match address {
            IpAddr::V4(address) => v4.push(address),
            IpAddr::V6(address) => v6.push(address),
        }
    }
    (unique(v4).into(), unique(v6).into())
}

/// Keeps the first of each value, in the order given: a Service's first address stays its first.
fn unique<T: Copy + Ord + std::hash::Hash>(mut values: Vec<T>) -> Vec<T> {
    if values.len() > 1 {
        let mut seen = std::collections::HashSet::with_capacity(values.len());
        values.retain(|value| seen.insert(*value));
    }
    values
}

pub(super) fn has_duplicates(slices: &[Arc<Slice>]) -> bool {
    has_duplicate_endpoints(slices)
        || slices.iter().any(|slice| {
            let before =
                |at: usize, port: &Port| slice.ports[..at].iter().any(|other| other.number == port.number);
            slice.ports.iter().enumerate().any(|(at, port)| before(at, port))
        })
}

fn has_duplicate_endpoints(slices: &[Arc<Slice>]) -> bool {
    if let [slice] = slices
        && !slice.endpoints().have_names()
    {
        // Nearly every Service: a slice has each address once.
        return false;
    }
    let endpoints = || slices.iter().flat_map(|slice| slice.endpoints().iter());
    let mut addresses = std::collections::HashSet::new();
    let mut names = std::collections::HashSet::new();
    endpoints().any(|endpoint| {
        // A hostname that is a dashed address may be another endpoint's.
        let name = endpoint.name;
        !addresses.insert(endpoint.address)
            || name.is_some_and(|name| !names.insert(name) || address_from_dashed(name).is_some())
    })
}
