//! Names of Pods (DNS specification 1.1.0 has none since 1.0; CoreDNS keeps them, b.10 of its behaviour).

use std::io::Write;
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
        if mode == PodMode::Verified && !(is_canonical(label, address) && self.is_pod(address, namespace)) {
            return Found::NameError;
        }
        let ttl = self.ttl_s();
        match (self.query.qtype(), address) {
            (RecordType::A, IpAddr::V4(address)) => response.answer_a(ttl, address),
            (RecordType::AAAA, IpAddr::V6(address)) => response.answer_aaaa(ttl, address),
            (RecordType::SRV, address) => {
                // The Pod's own name, without the labels that are ignored before it.
                let target =
                    response.record(Section::Answer, Owner::Question, RecordType::SRV, ttl, |rdata| {
                        rdata.octets(&[0, 0, 0, 100, 0, 0]);
                        for part in [label, namespace, b"pod"] {
                            rdata.octets(&[part.len() as u8]);
                            rdata.octets(part);
                        }
                        rdata.octets(self.origin_original());
                    });
                if let Some(target) = target {
                    self.write_additional(response, target + 6, address);
                }
            }
            _ => return Found::NoData,
        }
        Found::Records
    }

    fn is_pod(&self, address: IpAddr, namespace: &[u8]) -> bool {
        self.zone.pods_at(address).iter().any(|pod| *pod.namespace == *namespace)
    }
}

/// Whether the label spells the address as it is printed: CoreDNS compares the text with that of the Pod.
fn is_canonical(label: &[u8], address: IpAddr) -> bool {
    let mut text = [0; 45];
    let mut rest = &mut text[..];
    if write!(rest, "{address}").is_err() {
        return false;
    }
    let length = 45 - rest.len();
    let dashed = text[..length].iter().map(|octet| if matches!(octet, b'.' | b':') { b'-' } else { *octet });
    dashed.eq(label.iter().copied())
}

/// Three dashes and no two in a row are dots; otherwise dashes are colons. No octet has leading zeros (IPv4).
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
        text.parse::<Ipv6Addr>().ok().map(|address| IpAddr::V6(address).to_canonical())
    }
}
