//! From an address back to a name (DNS specification 1.1.0 §2.3.3, §2.4.3).

use std::net::IpAddr;

use super::{Ask, Found, State, without_text};
use crate::dns::{Owner, RecordType, Response, Section, address_from_reverse_name};
use crate::zone::{EndpointRef, LabelBuf, Path, ServiceKey, Zone};

/// Behind this a key may be out of reach for a compression pointer, of 14 bits (RFC 1035 §4.1.4).
const POINTER_MAX: usize = 0x3fff - 256;

/// A target that was written, and where in the message its parts stand, or what stands for them.
#[derive(Clone)]
struct Target {
    key: ServiceKey,
    key_at: usize,
    namespace_at: usize,
    branch_at: usize,
}

impl Ask<'_> {
    /// A name below a reverse zone. A Service with that cluster IP comes first; endpoints are looked at only where
    /// there is none.
    pub(super) fn reverse(&self, response: &mut Response) -> Found {
        let qtype = self.query.qtype();
        if self.query.label_count() == self.origin.labels {
            return self.apex(response);
        }
        if qtype == RecordType::SOA {
            return Found::NoData;
        }
        match self.path() {
            Path::NameServer => return self.name_server(response),
            Path::DnsVersion => return self.dns_version(response),
            Path::Branch(_) => return without_text(qtype),
            _ => {}
        }
        let Some(address) = address_from_reverse_name(self.query.name()) else { return Found::NameError };
        // As in CoreDNS an IPv4 address that IPv6 embeds (RFC 4291 §2.5.5.2) is that IPv4 address.
        let address = address.to_canonical();
        if qtype != RecordType::PTR {
            return Found::NameError;
        }
        let mut before = None;
        self.state.each_owner(self.zone, address, |endpoint, key| {
            before = self.write_ptr(response, endpoint, key, before.as_ref()).or_else(|| before.take());
        });
        if before.is_some() { Found::Records } else { Found::NameError }
    }

    /// A PTR record, whose target ends in a pointer to as much as it shares with the target written before.
    fn write_ptr(
        &self,
        response: &mut Response,
        endpoint: Option<&LabelBuf>,
        key: &ServiceKey,
        before: Option<&Target>,
    ) -> Option<Target> {
        let mut target = Target { key: key.clone(), key_at: 0, namespace_at: 0, branch_at: 0 };
        let before = before.filter(|before| before.key_at < POINTER_MAX);
        response.record(Section::Answer, Owner::Question, RecordType::PTR, self.ttl_s(), |rdata| {
            rdata.octets(endpoint.map_or(&[], LabelBuf::as_wire));
            if let Some(before) = before.filter(|before| before.key == *key) {
                rdata.pointer(before.key_at);
                return target.clone_from(before);
            }
            let (service, namespace) = key.as_wire().split_at(key.service().len() + 1);
            target.key_at = rdata.position();
            rdata.octets(service);
            if let Some(before) = before.filter(|before| before.key.namespace() == key.namespace()) {
                rdata.pointer(before.namespace_at);
                (target.namespace_at, target.branch_at) = (before.namespace_at, before.branch_at);
                return;
            }
            target.namespace_at = rdata.position();
            rdata.octets(namespace);
            if let Some(before) = before {
                rdata.pointer(before.branch_at);
                target.branch_at = before.branch_at;
                return;
            }
            target.branch_at = rdata.position();
            rdata.octets(b"\x03svc");
            rdata.octets(self.state.options.primary_zone().as_wire());
        })?;
        Some(target)
    }
}

impl State {
    /// Who has the address: one Service, or each endpoint once, with the label that names it.
    pub(super) fn each_owner(
        &self,
        zone: &Zone,
        address: IpAddr,
        mut owner: impl FnMut(Option<&LabelBuf>, &ServiceKey),
    ) {
        let exposes = |namespace: &[u8]| self.options.exposes(namespace);
        // One of them, always the same: the alphabet decides while an address passes from one Service to another.
        let service = zone.cluster_ip_owners(address).iter().filter(|key| exposes(key.namespace())).min();
        if let Some(key) = service {
            return owner(None, key);
        }
        let mut label = LabelBuf::new();
        let owners = zone.endpoint_owners(address);
        for (at, entry) in owners.iter().enumerate() {
            let repeats = |other: &EndpointRef| {
                other.service() == entry.service() && other.endpoint().name == entry.endpoint().name
            };
            if !exposes(entry.service().namespace()) || owners[..at].iter().any(repeats) {
                continue;
            }
            entry.endpoint().write_label(&mut label);
            owner(Some(&label), entry.service());
        }
    }
}
