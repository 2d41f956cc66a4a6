//! Endpoints by topology zone (`topology.kubernetes.io/zone`): side tables that exist only where the option `zonal` is
//! set, so that everybody else pays one empty pointer a slice and a Service.
//!
//! A zone's name is kept as wire labels without the root label, folded: a name may hold dots, and a query's labels are
//! then compared with it as they stand.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::{Few, Slice, service::split_families};
use crate::dns::LABEL_LEN_MAX;

/// The endpoints of one slice by zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceZones {
    /// Sorted by name.
    zones: Box<[SliceZone]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct SliceZone {
    name: Box<[u8]>,
    /// Places in [`Slice::endpoints`], ascending.
    endpoints: Box<[u32]>,
}

/// The addresses of one Service by zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceZones {
    /// Sorted by name.
    zones: Box<[ServiceZone]>,
}

/// The ready endpoints of a Service that are in one zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceZone {
    /// The zone's name: folded wire labels without the root label.
    pub name: Box<[u8]>,
    /// Its IPv4 addresses, each once.
    pub v4: Few<Ipv4Addr>,
    /// Its IPv6 addresses, each once.
    pub v6: Box<[Ipv6Addr]>,
}

/// The name of a zone as folded wire labels without the root label; `None` when no query can ask for it.
#[must_use]
pub fn zone_name(text: &str) -> Option<Box<[u8]>> {
    let mut wire = Vec::with_capacity(text.len() + 1);
    for label in text.split('.') {
        if label.is_empty() || label.len() > LABEL_LEN_MAX {
            return None;
        }
        wire.push(label.len() as u8);
        wire.extend(label.bytes().map(|octet| octet.to_ascii_lowercase()));
    }
    Some(wire.into())
}

// === impl SliceZones ===

impl SliceZones {
    /// Takes zones with places of endpoints, in any order; `None` when there is none.
    #[must_use]
    pub fn new(members: impl Iterator<Item = (Box<[u8]>, u32)>) -> Option<Box<Self>> {
        let mut zones: BTreeMap<Box<[u8]>, BTreeSet<u32>> = BTreeMap::new();
        for (name, endpoint) in members {
            zones.entry(name).or_default().insert(endpoint);
        }
        let zones = zones
            .into_iter()
            .map(|(name, endpoints)| SliceZone { name, endpoints: endpoints.into_iter().collect() });
        let zones: Box<[_]> = zones.collect();
        (!zones.is_empty()).then(|| Box::new(Self { zones }))
    }

    /// The places of the endpoints in that zone, ascending.
    #[must_use]
    pub fn endpoints_in(&self, name: &[u8]) -> &[u32] {
        match self.zones.binary_search_by(|zone| (*zone.name).cmp(name)) {
            Ok(at) => &self.zones[at].endpoints,
            Err(_) => &[],
        }
    }
}

// === impl ServiceZones ===

impl ServiceZones {
    /// What the slices of a Service hold together; `None` when no endpoint has a zone.
    #[must_use]
    pub fn of(slices: &[Arc<Slice>]) -> Option<Box<Self>> {
        let mut addresses: BTreeMap<&[u8], Vec<IpAddr>> = BTreeMap::new();
        for slice in slices {
            for zone in slice.zones.iter().flat_map(|zones| &zones.zones) {
                let members = zone.endpoints.iter().map(|at| slice.endpoints().at(*at as usize).address);
                addresses.entry(&zone.name).or_default().extend(members);
            }
        }
        let zones = addresses.into_iter().map(|(name, addresses)| {
            let (v4, v6) = split_families(addresses.into_iter());
            ServiceZone { name: name.into(), v4, v6 }
        });
        let zones: Box<[_]> = zones.collect();
        (!zones.is_empty()).then(|| Box::new(Self { zones }))
    }

    /// The zone of that name.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<&ServiceZone> {
        let at = self.zones.binary_search_by(|zone| (*zone.name).cmp(name)).ok()?;
        Some(&self.zones[at])
    }

    /// All zones, in the order of their names.
    #[must_use]
    pub fn all(&self) -> &[ServiceZone] {
        &self.zones
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::{Endpoint, Service, ServiceKey};

    fn slice(endpoints: &[(&str, Option<&str>)]) -> Arc<Slice> {
        let endpoint = |address: &str| Endpoint { address: address.parse().unwrap(), name: None };
        let plain = endpoints.iter().map(|(address, _)| endpoint(address)).collect();
        let mut slice = Slice::new(ServiceKey::new("db", "data").unwrap(), vec![], plain, 0);
        let place = |address: &str| {
            slice.endpoints().iter().position(|held| held.address == address.parse::<IpAddr>().unwrap())
        };
        let members = endpoints
            .iter()
            .filter_map(|(address, zone)| Some((zone_name((*zone)?)?, place(address).unwrap() as u32)));
        slice.zones = SliceZones::new(members);
        Arc::new(slice)
    }

    #[test]
    fn a_zone_holds_what_is_in_it_and_nothing_else() {
        let slice = slice(&[
            ("192.0.2.3", Some("eu-1a")),
            ("192.0.2.1", Some("EU-1b")),
            ("192.0.2.2", Some("eu-1a")),
            ("192.0.2.4", None),
        ]);
        let zones = slice.zones.as_ref().unwrap();
        assert_eq!(zones.endpoints_in(b"\x05eu-1a"), [1, 2]);
        assert_eq!(zones.endpoints_in(b"\x05eu-1b"), [0]);
        assert!(zones.endpoints_in(b"\x05eu-1c").is_empty());
        assert!(zones.endpoints_in(b"\x05eu-1a\x01x").is_empty());
    }

    #[test]
    fn a_service_merges_the_zones_of_its_slices() {
        let slices = vec![
            slice(&[("192.0.2.1", Some("a")), ("192.0.2.2", Some("b"))]),
            slice(&[("192.0.2.1", Some("a")), ("2001:db8::1", Some("a"))]),
        ];
        let service = Service::headless(ServiceKey::new("db", "data").unwrap(), slices);
        let zone = service.zones.as_ref().unwrap().find(b"\x01a").unwrap();
        assert_eq!((zone.v4.len(), zone.v6.len()), (1, 1));
        assert!(service.zones.unwrap().find(b"\x01c").is_none());
    }

    #[test]
    fn without_zones_there_is_no_table() {
        let slice = slice(&[("192.0.2.1", None)]);
        assert!(slice.zones.is_none());
        assert!(ServiceZones::of(&[slice]).is_none());
    }

    #[test]
    fn names_of_several_labels() {
        assert_eq!(zone_name("Rack.1").as_deref(), Some(&b"\x04rack\x011"[..]));
        for text in ["", ".", "a..b", "a.", ".a", &"x".repeat(64)] {
            assert_eq!(zone_name(text), None, "{text}");
        }
    }
}
