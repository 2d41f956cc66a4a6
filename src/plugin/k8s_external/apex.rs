//! What the zone says of itself: SOA, NS, its name server.

use std::net::IpAddr;

use super::{Ask, Found, State};
use crate::dns::{HEADER_LEN, NAME_LEN_MAX, Owner, Rdata, RecordType, Response, Section};
use crate::zone::{ServiceKind, Zone};

const REFRESH_S: u32 = 7200;
const RETRY_S: u32 = 1800;
const EXPIRE_S: u32 = 86400;

impl<'a> Ask<'a> {
    pub(super) fn apex(&self, response: &mut Response) -> Found<'a> {
        match self.query.qtype() {
            RecordType::SOA => self.write_soa(response, Section::Answer),
            RecordType::NS => self.write_ns(response),
            _ => return Found::NoData,
        }
        Found::Records
    }

    /// The SOA record (RFC 1035 §3.3.13).
    pub(super) fn write_soa(&self, response: &mut Response, section: Section) {
        let ttl = self.ttl_s();
        response.record(section, self.origin_owner(), RecordType::SOA, ttl, |rdata| {
            rdata.octets(b"\x03ns1");
            self.write_own(rdata);
            rdata.octets(b"\x0ahostmaster");
            self.write_own(rdata);
            rdata.octets(soa_numbers(self.state.serial(self.zone), ttl).as_flattened());
        });
    }

    /// `APEX.ZONE`, the end of a name.
    fn write_own(&self, rdata: &mut Rdata<'_>) {
        let apex = self.state.options.apex.as_wire();
        rdata.octets(&apex[..apex.len() - 1]);
        if self.is_spelled_alike() {
            rdata.pointer(HEADER_LEN + self.origin_at);
        } else {
            rdata.octets(&self.origin.wire);
        }
    }

    fn write_ns(&self, response: &mut Response) {
        let ttl = self.ttl_s();
        let apex = self.state.options.apex.as_wire();
        response.record(Section::Answer, self.origin_owner(), RecordType::NS, ttl, |rdata| {
            rdata.octets(b"\x03ns1");
            rdata.octets(&apex[..apex.len() - 1]);
            rdata.octets(&self.origin.wire);
        });
        // The name server in the client's letters, as in CoreDNS.
        let mut name = [0; NAME_LEN_MAX];
        let parts: [&[u8]; 3] = [b"\x03ns1", &apex[..apex.len() - 1], self.query.name_original()];
        let name = joined(&mut name, &parts);
        for address in self.state.name_servers(self.zone) {
            write_address(response, Section::Additional, Owner::Name(name), ttl, address);
        }
    }

    /// `ns1.APEX.ZONE`
    pub(super) fn name_server(&self, response: &mut Response) -> Found<'a> {
        let wanted = |address: &IpAddr| match self.query.qtype() {
            RecordType::A => address.is_ipv4(),
            RecordType::AAAA => address.is_ipv6(),
            _ => false,
        };
        let mut found = Found::NoData;
        for address in self.state.name_servers(self.zone).into_iter().filter(wanted) {
            write_address(response, Section::Answer, Owner::Question, self.ttl_s(), address);
            found = Found::Records;
        }
        found
    }
}

impl State {
    /// External addresses have a serial of their own. With `headless` endpoints show here too, which move the other one.
    pub(super) fn serial(&self, zone: &Zone) -> u32 {
        let external = zone.external_serial();
        if self.options.headless { external.max(zone.serial()) } else { external }
    }

    /// Where the Services are reached from outside that have one of our addresses in their slices, whatever
    /// `namespaces` exposes; with `headless` the endpoints of such a slice instead where the Service is headless. In no
    /// slice of the cluster, we are reached at our own addresses.
    pub(super) fn name_servers(&self, zone: &Zone) -> Vec<IpAddr> {
        let owners = || self.local.iter().flat_map(|local| zone.endpoint_owners(*local));
        if owners().next().is_none() {
            return self.local.clone();
        }
        let mut addresses = Vec::new();
        for entry in owners() {
            let Some(service) = zone.service(entry.service().as_wire()) else { continue };
            if self.options.headless && service.kind == ServiceKind::Headless {
                addresses.extend(entry.slice().endpoints().iter().map(|endpoint| endpoint.address));
            } else {
                addresses.extend(service.external_ips());
            }
        }
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }
}

/// The numbers of the SOA record.
pub(super) fn soa_numbers(serial: u32, ttl: u32) -> [[u8; 4]; 5] {
    [serial, REFRESH_S, RETRY_S, EXPIRE_S, ttl].map(u32::to_be_bytes)
}

pub(super) fn write_address(
    response: &mut Response,
    section: Section,
    owner: Owner<'_>,
    ttl: u32,
    address: IpAddr,
) {
    let rtype = if address.is_ipv4() { RecordType::A } else { RecordType::AAAA };
    response.record(section, owner, rtype, ttl, |rdata| match address {
        IpAddr::V4(address) => rdata.octets(&address.octets()),
        IpAddr::V6(address) => rdata.octets(&address.octets()),
    });
}

/// The parts of a name, one after the other.
pub(super) fn joined<'b>(buffer: &'b mut [u8], parts: &[&[u8]]) -> &'b [u8] {
    let mut length = 0;
    for part in parts {
        buffer[length..length + part.len()].copy_from_slice(part);
        length += part.len();
    }
    &buffer[..length]
}
