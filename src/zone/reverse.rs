//! From an address back to what has it.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Endpoint, Few, Keyed, ServiceKey, Slice};

/// The Services whose cluster IP or external address an address is: one cluster IP has one, except in the moment in which
/// it passes on; one external address may have several, at different ports.
#[derive(Debug, Clone)]
pub struct AddressOwners {
    pub(super) address: IpAddr,
    pub(super) services: Few<ServiceKey>,
}

/// The ready endpoints that have an address: several when several Services select the same Pod.
/// The address stands in the slice alone: there are more of these than of anything else.
#[derive(Debug, Clone)]
pub struct EndpointOwners {
    pub(super) endpoints: Few<EndpointRef>,
}

/// One endpoint, by its place in its slice.
#[derive(Debug, Clone)]
pub struct EndpointRef {
    pub(super) slice: Arc<Slice>,
    pub(super) index: u32,
}

impl AddressOwners {
    /// The Services; at least one.
    #[must_use]
    pub fn services(&self) -> &[ServiceKey] {
        &self.services
    }
}

impl EndpointOwners {
    /// The address that all of them have.
    pub(super) fn address(&self) -> IpAddr {
        self.endpoints()[0].endpoint().address
    }

    /// The endpoints; at least one.
    #[must_use]
    pub fn endpoints(&self) -> &[EndpointRef] {
        &self.endpoints
    }
}

impl EndpointRef {
    /// The Service that the endpoint stands under.
    #[must_use]
    pub fn service(&self) -> &ServiceKey {
        &self.slice.service
    }

    /// The slice that the endpoint is in.
    #[must_use]
    pub fn slice(&self) -> &Slice {
        &self.slice
    }

    /// The endpoint.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint<'_> {
        self.slice.endpoints().at(self.index as usize)
    }
}

impl Keyed for AddressOwners {
    type Key = IpAddr;

    fn with_key<R>(&self, see: impl FnOnce(&IpAddr) -> R) -> R {
        see(&self.address)
    }
}

impl Keyed for EndpointOwners {
    type Key = IpAddr;

    fn with_key<R>(&self, see: impl FnOnce(&IpAddr) -> R) -> R {
        see(&self.address())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_takes_two_words() {
        assert_eq!(size_of::<EndpointOwners>(), 16);
    }
}
