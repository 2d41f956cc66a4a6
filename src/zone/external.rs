//! What of a Service is reached from outside of the cluster.

use std::net::IpAddr;

use super::Port;

/// The external addresses of a Service, with the ports that they are reached at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// `spec.externalIPs`, then what the load balancer has, in the order given and each once; at least one.
    pub targets: Box<[ExternalTarget]>,
    /// How many there were before those that repeat were left out: the weights of SRV records count them, as in CoreDNS.
    pub given: usize,
    /// The Service's ports. They stand here once more because a headless Service and an ExternalName have none else.
    pub ports: Box<[Port]>,
}

/// Where a Service is reached from outside.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ExternalTarget {
    /// An address of the Service's own.
    Address(IpAddr),
    /// A load balancer's host name: an unfolded wire name, root label included.
    Name(Box<[u8]>),
}

impl External {
    /// The addresses, host names left out.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.targets.iter().filter_map(|target| match target {
            ExternalTarget::Address(address) => Some(*address),
            ExternalTarget::Name(_) => None,
        })
    }

    /// The host names, addresses left out.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.targets.iter().filter_map(|target| match target {
            ExternalTarget::Address(_) => None,
            ExternalTarget::Name(name) => Some(&**name),
        })
    }
}
