//! From an address back to a name (DNS specification 1.1.0 §2.3.3, §2.4.3).

use std::net::IpAddr;

use super::{Ask, Found, State, without_text};
use crate::dns::{Owner, RecordType, Response, Section, address_from_reverse_name};
use crate::zone::{EndpointRef, LabelBuf, Path, ServiceKey, Zone};

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
        if qtype != RecordType::PTR {
            return Found::NameError;
        }
        let mut found = Found::NameError;
        self.state.each_owner(self.zone, address, |endpoint, key| {
            self.write_ptr(response, endpoint, key.as_wire());
            found = Found::Records;
        });
        found
    }

    fn write_ptr(&self, response: &mut Response, endpoint: Option<&LabelBuf>, key: &[u8]) {
        let zone = self.state.options.primary_zone();
        response.record(Section::Answer, Owner::Question, RecordType::PTR, self.ttl_s(), |rdata| {
            rdata.octets(endpoint.map_or(&[], LabelBuf::as_wire));
            rdata.octets(key);
            rdata.octets(b"\x03svc");
            rdata.octets(zone.as_wire());
        });
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
