//! What the zone says of itself: SOA, NS, its name servers, the version of its schema.

use std::net::IpAddr;

use super::{Ask, Found, State, without_text};
use crate::dns::{Owner, RecordType, Response, Section};
use crate::zone::{EndpointRef, LabelBuf, ServiceKind, Zone};

/// DNS specification 1.1.0 §2.2; its TTL does not follow `ttl`.
const DNS_VERSION: &[u8] = b"\x051.1.0";
const DNS_VERSION_TTL_S: u32 = 28800;
/// The SOA record is kept no longer than this, however long the others are.
const SOA_TTL_MAX_S: u32 = 300;
const REFRESH_S: u32 = 7200;
const RETRY_S: u32 = 1800;
const EXPIRE_S: u32 = 86400;

/// A name server: a Service that selects this process, or an endpoint of a headless one.
pub(super) struct NameServer {
    /// The labels before `svc.ZONE`; none stands for `ns.dns.ZONE`.
    labels: Option<Vec<u8>>,
    pub(super) addresses: Vec<IpAddr>,
}

impl Ask<'_> {
    pub(super) fn apex(&self, response: &mut Response) -> Found {
        match self.query.qtype() {
            RecordType::SOA => {
                self.write_soa(response, Section::Answer, Owner::Question);
                Found::Records
            }
            RecordType::NS => self.write_ns(response),
            qtype => without_text(qtype),
        }
    }

    /// The SOA record (RFC 1035 §3.3.13). Its names end in a pointer to the question, and so in the client's letters.
    pub(super) fn write_soa(&self, response: &mut Response, section: Section, owner: Owner<'_>) {
        let origin = self.origin_offset();
        let (ttl, numbers) = soa_numbers(self.serial(), self.ttl_s());
        response.record(section, owner, RecordType::SOA, ttl, |rdata| {
            rdata.octets(b"\x02ns\x03dns");
            rdata.pointer(origin);
            rdata.octets(b"\x0ahostmaster");
            rdata.pointer(origin);
            rdata.octets(numbers.as_flattened());
        });
    }

    /// `dns-version.ZONE` (DNS specification 1.1.0 §2.2).
    pub(super) fn dns_version(&self, response: &mut Response) -> Found {
        if self.query.qtype() != RecordType::TXT {
            return Found::NameError;
        }
        response.record(Section::Answer, Owner::Question, RecordType::TXT, DNS_VERSION_TTL_S, |rdata| {
            rdata.octets(DNS_VERSION);
        });
        Found::Records
    }

    /// `ns.dns.ZONE`: the addresses of all name servers.
    pub(super) fn name_server(&self, response: &mut Response) -> Found {
        let qtype = self.query.qtype();
        if matches!(qtype, RecordType::TXT | RecordType::PTR) {
            return Found::NameError;
        }
        let mut addresses: Vec<_> =
            self.state.name_servers(self.zone).into_iter().flat_map(|server| server.addresses).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let mut found = Found::NoData;
        for address in addresses {
            match (qtype, address) {
                (RecordType::A, IpAddr::V4(address)) => response.answer_a(self.ttl_s(), address),
                (RecordType::AAAA, IpAddr::V6(address)) => response.answer_aaaa(self.ttl_s(), address),
                _ => continue,
            }
            found = Found::Records;
        }
        found
    }

    fn write_ns(&self, response: &mut Response) -> Found {
        let servers = self.state.name_servers(self.zone);
        let mut owners = Vec::new();
        for server in &servers {
            let at =
                response.record(Section::Answer, Owner::Question, RecordType::NS, self.ttl_s(), |rdata| {
                    rdata.octets(server.labels());
                    rdata.octets(server.branch());
                    rdata.octets(self.origin_original());
                });
            owners.push(at);
        }
        for (server, at) in servers.iter().zip(owners) {
            let Some(at) = at else { continue };
            for address in &server.addresses {
                self.write_additional(response, at, *address);
            }
        }
        if servers.is_empty() { Found::NoData } else { Found::Records }
    }
}

impl NameServer {
    /// The labels of the Service and of the endpoint.
    pub(super) fn labels(&self) -> &[u8] {
        self.labels.as_deref().unwrap_or_default()
    }

    /// The labels between them and the zone.
    pub(super) fn branch(&self) -> &'static [u8] {
        if self.labels.is_some() { b"\x03svc" } else { b"\x02ns\x03dns" }
    }
}

impl State {
    /// The Services in whose slices one of our addresses is, whatever `namespaces` exposes; without one the addresses
    /// themselves, under the name `ns.dns`.
    pub(super) fn name_servers(&self, zone: &Zone) -> Vec<NameServer> {
        let mut servers: Vec<NameServer> = Vec::new();
        for local in &self.local {
            for entry in zone.endpoint_owners(*local) {
                add_name_server(&mut servers, zone, entry);
            }
        }
        if servers.is_empty() && !self.local.is_empty() {
            servers.push(NameServer { labels: None, addresses: self.local.clone() });
        }
        servers
    }
}

fn add_name_server(servers: &mut Vec<NameServer>, zone: &Zone, entry: &EndpointRef) {
    let key = entry.service();
    let Some(service) = zone.service(key.as_wire()) else { return };
    let mut add = |labels: Vec<u8>, address: IpAddr| {
        let at = servers.iter().position(|server| server.labels.as_deref() == Some(&labels));
        let at = at.unwrap_or_else(|| {
            servers.push(NameServer { labels: Some(labels), addresses: Vec::new() });
            servers.len() - 1
        });
        if !servers[at].addresses.contains(&address) {
            servers[at].addresses.push(address);
        }
    };
    match service.kind {
        ServiceKind::ClusterIp => {
            service.cluster_ips().for_each(|address| add(key.as_wire().to_vec(), address))
        }
        ServiceKind::Headless => {
            let mut label = LabelBuf::new();
            for endpoint in entry.slice().endpoints().iter() {
                endpoint.write_label(&mut label);
                add([label.as_wire(), key.as_wire()].concat(), endpoint.address);
            }
        }
        ServiceKind::ExternalName(_) => {}
    }
}

/// What stands behind the names of the SOA record: serial, refresh, retry, expire, minimum. And the TTL of the record,
/// where the others have `ttl`.
pub(super) fn soa_numbers(serial: u32, ttl_s: u32) -> (u32, [[u8; 4]; 5]) {
    let numbers = [serial, REFRESH_S, RETRY_S, EXPIRE_S, ttl_s];
    (ttl_s.min(SOA_TTL_MAX_S), numbers.map(u32::to_be_bytes))
}
