//! From an address back to what has it.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Endpoint, Keyed, ServiceKey, Slice};

/// The Services whose cluster IP or external address an address is: one cluster IP has one, except in the moment in which
/// it passes on; one external address may have several, at different ports.
#[derive(Debug, Clone)]
pub struct AddressOwners {
    pub(super) address: IpAddr,
    pub(super) services: OneOrMore<ServiceKey>,
}

/// The ready endpoints that have an address: several when several Services select the same Pod.
#[derive(Debug, Clone)]
pub struct EndpointOwners {
    pub(super) address: IpAddr,
    pub(super) endpoints: OneOrMore<EndpointRef>,
}

/// One endpoint, by its place in its slice.
#[derive(Debug, Clone)]
pub struct EndpointRef {
    pub(super) slice: Arc<Slice>,
    pub(super) index: u32,
}

/// One value inline, since there is hardly ever a second.
#[derive(Debug, Clone)]
pub(super) enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl AddressOwners {
    /// The Services; at least one.
    #[must_use]
    pub fn services(&self) -> &[ServiceKey] {
        self.services.as_slice()
    }
}

impl EndpointOwners {
    /// The endpoints; at least one.
    #[must_use]
    pub fn endpoints(&self) -> &[EndpointRef] {
        self.endpoints.as_slice()
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
    pub fn endpoint(&self) -> &Endpoint {
        &self.slice.endpoints()[self.index as usize]
    }
}

impl<T> OneOrMore<T> {
    pub(super) fn as_slice(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::More(values) => values,
        }
    }

    pub(super) fn push(&mut self, value: T)
    where
        T: Clone,
    {
        *self = Self::More(self.as_slice().iter().cloned().chain([value]).collect());
    }

    /// Keeps what `keep` says; `None` when nothing is left.
    pub(super) fn retained(&self, keep: impl Fn(&T) -> bool) -> Option<Self>
    where
        T: Clone,
    {
        let mut kept: Vec<T> = self.as_slice().iter().filter(|value| keep(value)).cloned().collect();
        match kept.len() {
            0 => None,
            1 => kept.pop().map(Self::One),
            _ => Some(Self::More(kept)),
        }
    }
}

impl Keyed for AddressOwners {
    type Key = IpAddr;

    fn key(&self) -> &IpAddr {
        &self.address
    }
}

impl Keyed for EndpointOwners {
    type Key = IpAddr;

    fn key(&self) -> &IpAddr {
        &self.address
    }
}
