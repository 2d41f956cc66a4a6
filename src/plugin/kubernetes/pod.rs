//! Names of Pods (DNS specification 1.1.0 has none since 1.0; CoreDNS keeps them, b.10 of its behaviour).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Ask, Found, PodMode};
use crate::dns::{Owner, RecordType, Response, Section};

impl Ask<'_> {
    /// `ADDRESS.NAMESPACE.pod.ZONE`
    pub(super) fn pod(&self, label: &[u8], namespace: &[u8], response: &mut Response) -> Found {
        let mode = self.state.options.pods;
        if mode == PodMode::Disabled || !self.has_namespace(namespace) {
            return Found::NameError;
        }
        let Some(address) = address_of(label) else { return Found::NameError };
        if mode == PodMode::Verified && !self.is_pod(address, namespace) {
            return Found::NameError;
        }
        let ttl = self.ttl_s();
        match (self.query.qtype(), address) {
            (RecordType::A, IpAddr::V4(address)) => response.answer_a(ttl, address),
            (RecordType::AAAA, IpAddr::V6(address)) => response.answer_aaaa(ttl, address),
            (RecordType::SRV, address) => {
                // The whole name in the client's letters: CoreDNS gives the Pod's name as the target.
                let name = self.query.name_original();
                response.record(Section::Answer, Owner::Question, RecordType::SRV, ttl, |rdata| {
                    rdata.octets(&[0, 0, 0, 100, 0, 0]);
                    rdata.octets(name);
                });
                self.write_additional(response, crate::dns::HEADER_LEN, address);
            }
            _ => return Found::NoData,
        }
        Found::Records
    }

    fn is_pod(&self, address: IpAddr, namespace: &[u8]) -> bool {
        self.zone.pods_at(address).iter().any(|pod| *pod.namespace == *namespace)
    }
}

/// Three dashes and no two in a row are dots; otherwise dashes are colons. Addresses must be written as they are
/// printed: no leading zeros (IPv4), and for `verified` the canonical form, which a text comparison in CoreDNS asks for.
fn address_of(label: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(label).ok()?;
    let dashes = label.iter().filter(|octet| **octet == b'-').count();
    let mut buffer = [0; 63];
    let buffer = buffer.get_mut(..label.len())?;
    let v4 = dashes == 3 && !text.contains("--");
    for (to, from) in buffer.iter_mut().zip(label) {
        *to = match from {
            b'-' if v4 => b'.',
            b'-' => b':',
            b'.' | b':' => return None,
            other => *other,
        };
    }
    let text = std::str::from_utf8(buffer).ok()?;
    if v4 {
        text.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
    } else {
        text.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
    }
}
