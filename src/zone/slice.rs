//! Endpoints as the zone keeps them: one [`Slice`] for each EndpointSlice, shared by the store, the Service and the
//! reverse table, so that an endpoint is in memory once.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Chosen, Endpoint, Endpoints, Fqdn, ServiceKey, SliceZones};

/// The ready endpoints of one EndpointSlice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// The Service that the label `kubernetes.io/service-name` names; it may not exist.
    pub service: ServiceKey,
    /// The ports, those without number or name included. Shared with others that have the same.
    pub ports: Arc<[Port]>,
    endpoints: Endpoints,
    /// Ready endpoints that are domain names, in the order of the slice: only one of addressType FQDN has them.
    pub fqdns: Box<[Fqdn]>,
    /// How many addresses were left out because their endpoint is not ready.
    pub unready: u32,
    /// Which endpoint is in which topology zone; only with the option `zonal`.
    pub zones: Option<Box<SliceZones>>,
}

/// A port of a Service or of a slice.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Port {
    /// The number; `None` in a slice means every port, which no SRV record can say.
    pub number: Option<u16>,
    /// The name in lower case; empty when it has none.
    pub name: Box<[u8]>,
    /// The transport.
    pub protocol: Protocol,
}

/// The transport protocols that Kubernetes knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// TCP, also where none is given
    Tcp,
    /// UDP
    Udp,
    /// SCTP
    Sctp,
}

// === impl Slice ===

impl Slice {
    /// Takes the ready endpoints in any order.
    #[must_use]
    pub fn new(service: ServiceKey, ports: Vec<Port>, endpoints: Vec<Endpoint<'_>>, unready: u32) -> Self {
        Self {
            service,
            ports: ports.into(),
            endpoints: Endpoints::new(endpoints),
            fqdns: Box::default(),
            unready,
            zones: None,
        }
    }

    /// The ready endpoints.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The places of the endpoints in the topology zone of that name ([`super::zone_name`]), ascending.
    #[must_use]
    pub fn places_in(&self, zone: &[u8]) -> &[u32] {
        self.zones.as_ref().map_or(&[], |zones| zones.endpoints_in(zone))
    }

    /// The endpoints of that name: several when pods share a hostname, and the one without hostname that the label is the
    /// dashed address of.
    pub fn endpoints_named<'z>(
        &'z self,
        label: &'z [u8],
    ) -> impl Iterator<Item = Endpoint<'z>> + Clone + use<'z> {
        self.places(Chosen::Named(label)).map(|place| self.endpoints.at(place))
    }
}

// === impl Protocol ===

impl Protocol {
    /// The protocol as it stands in a name, after the underscore.
    #[must_use]
    pub fn as_bytes(self) -> &'static [u8] {
        match self {
            Protocol::Tcp => b"tcp",
            Protocol::Udp => b"udp",
            Protocol::Sctp => b"sctp",
        }
    }
}

// === impl LabelBuf ===

/// Room for one label with its length octet, without allocation.
#[derive(Clone)]
pub struct LabelBuf {
    octets: [u8; 64],
}

impl LabelBuf {
    /// An empty label.
    #[must_use]
    pub fn new() -> Self {
        Self { octets: [0; 64] }
    }

    /// The label with its length octet.
    #[must_use]
    pub fn as_wire(&self) -> &[u8] {
        &self.octets[..=usize::from(self.octets[0])]
    }

    /// The label without its length octet.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.as_wire()[1..]
    }

    pub(super) fn set(&mut self, label: &[u8]) {
        let length = label.len().min(63);
        self.octets[0] = length as u8;
        self.octets[1..=length].copy_from_slice(&label[..length]);
    }

    pub(super) fn set_dashed(&mut self, address: IpAddr) {
        use std::io::Write;
        // 45 octets hold the longest address text and the `0` that keeps a label from ending in a dash.
        let mut rest = &mut self.octets[1..];
        let before = rest.len();
        if write!(rest, "{address}").is_err() {
            return;
        }
        let mut length = before - rest.len();
        for octet in &mut self.octets[1..=length] {
            if matches!(octet, b'.' | b':') {
                *octet = b'-';
            }
        }
        if self.octets[length] == b'-' {
            length += 1;
            self.octets[length] = b'0';
        }
        self.octets[0] = length as u8;
    }
}

impl Default for LabelBuf {
    fn default() -> Self {
        Self::new()
    }
}

/// The address that a dashed endpoint label stands for, exactly as [`Endpoint::write_label`] writes it; `None` for
/// every other label.
#[must_use]
pub fn address_from_dashed(label: &[u8]) -> Option<IpAddr> {
    let mut text = [0; 63];
    let text = text.get_mut(..label.len())?;
    let v4 = label.iter().filter(|octet| **octet == b'-').count() == 3
        && !label.windows(2).any(|pair| pair == b"--");
    for (to, from) in text.iter_mut().zip(label) {
        *to = match from {
            b'-' if v4 => b'.',
            b'-' => b':',
            b'.' | b':' => return None,
            other => *other,
        };
    }
    let address: IpAddr = std::str::from_utf8(text).ok()?.parse().ok()?;
    // One endpoint has one name: another spelling of the same address is not it.
    let mut dashed = LabelBuf::new();
    dashed.set_dashed(address);
    (dashed.as_bytes() == label).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dashed(address: &str) -> String {
        let mut label = LabelBuf::new();
        Endpoint { address: address.parse().unwrap(), name: None }.write_label(&mut label);
        String::from_utf8(label.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn s2_4_1_dashed_addresses() {
        assert_eq!(dashed("192.0.2.1"), "192-0-2-1");
        assert_eq!(dashed("2001:db8::1"), "2001-db8--1");
        assert_eq!(dashed("2001:db8::"), "2001-db8--0");
        assert_eq!(address_from_dashed(b"192-0-2-01"), None);
        assert_eq!(address_from_dashed(b"2001-db8-0--1"), None);
    }

    #[test]
    fn a_shared_hostname_finds_all_its_addresses() {
        let endpoint = |address: &str, name: Option<&'static str>| Endpoint {
            address: address.parse().unwrap(),
            name: name.map(str::as_bytes),
        };
        let slice = Slice::new(
            ServiceKey::new("db", "data").unwrap(),
            vec![],
            vec![
                endpoint("192.0.2.3", Some("db-0")),
                endpoint("192.0.2.2", None),
                endpoint("192.0.2.1", Some("db-0")),
                endpoint("192.0.2.4", Some("db-1")),
            ],
            0,
        );
        assert_eq!(slice.endpoints_named(b"db-0").count(), 2);
        assert_eq!(slice.endpoints_named(b"db-1").count(), 1);
        assert_eq!(slice.endpoints_named(b"192-0-2-2").count(), 1);
        // A hostname hides the dashed address.
        assert_eq!(slice.endpoints_named(b"192-0-2-3").count(), 0);
        assert_eq!(slice.endpoints_named(b"db").count(), 0);
    }

    proptest! {
        #[test]
        fn every_dashed_address_is_found_again(address in any::<IpAddr>()) {
            // `cluster` makes addresses canonical at the door: an IPv4-mapped one is IPv4.
            let address = address.to_canonical();
            let mut label = LabelBuf::new();
            Endpoint { address, name: None }.write_label(&mut label);
            prop_assert_eq!(address_from_dashed(label.as_bytes()), Some(address));
        }
    }
}
