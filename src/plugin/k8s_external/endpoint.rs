//! What headless Services show with the option `headless`: their ready endpoints.
//!
//! Hot path. Only SRV records of a Service whose endpoints share a name or an address need a list of what is written.

use std::collections::HashSet;
use std::net::IpAddr;

use super::apex::{joined, write_address};
use super::service::weight_of;
use super::{Ask, Found};
use crate::dns::{NAME_LEN_MAX, Owner, RecordType, Response, Section};
use crate::zone::{Detail, Endpoint, LabelBuf, Port, Service, Slice};

/// The octets of an SRV record of the question's name, but for its target: a pointer, type, class, TTL and length, then
/// priority, weight and port.
const SRV_OVERHEAD: usize = 2 + 10 + 6;

impl<'a> Ask<'a> {
    /// A headless Service without external addresses. Without a ready endpoint its name does not exist.
    pub(super) fn headless(
        &self,
        service: &Service,
        detail: Detail<'_>,
        response: &mut Response,
    ) -> Found<'a> {
        let matches = |slice: &Slice| {
            !detail.asks_for_something() || slice.ports.iter().any(|port| detail.matches_port(port))
        };
        let endpoints = || {
            let slices = service.slices.iter().filter(|slice| matches(slice));
            slices.flat_map(|slice| slice.endpoints().iter().map(|endpoint| (&*slice.ports, endpoint)))
        };
        let is_whole = service.slices.iter().all(|slice| matches(slice));
        match self.query.qtype() {
            _ if endpoints().next().is_none() => Found::NameError,
            RecordType::A | RecordType::AAAA if is_whole => {
                let v4 = service.v4.iter().map(|address| IpAddr::V4(*address));
                self.write_addresses(
                    response,
                    v4.chain(service.v6.iter().map(|address| IpAddr::V6(*address))),
                )
            }
            RecordType::SRV => self.write_endpoint_srv(response, service, detail, endpoints),
            _ => self.write_endpoints(response, service, endpoints().map(|(_, endpoint)| endpoint)),
        }
    }

    /// One endpoint, by hostname or by its address with dashes, of a Service of any type without external addresses.
    pub(super) fn endpoint(&self, service: &Service, label: &[u8], response: &mut Response) -> Found<'a> {
        let endpoints = || {
            let slices = service.slices.iter();
            slices.flat_map(|slice| slice.endpoints_named(label).map(|endpoint| (&*slice.ports, endpoint)))
        };
        match self.query.qtype() {
            _ if endpoints().next().is_none() => Found::NameError,
            RecordType::SRV => self.write_endpoint_srv(response, service, Detail::None, endpoints),
            _ => self.write_endpoints(response, service, endpoints().map(|(_, endpoint)| endpoint)),
        }
    }

    /// The addresses that are of the family asked for.
    fn write_addresses(&self, response: &mut Response, addresses: impl Iterator<Item = IpAddr>) -> Found<'a> {
        let mut found = Found::NoData;
        for address in addresses.filter(|address| self.asks_for(*address)) {
            write_address(response, Section::Answer, Owner::Question, self.ttl_s(), address);
            found = Found::Records;
        }
        found
    }

    /// Few endpoints: those of one name, or of some of the slices. An address that they share is looked for among those
    /// before; a list of what is written would be an allocation.
    fn write_endpoints<'z>(
        &self,
        response: &mut Response,
        service: &Service,
        endpoints: impl Iterator<Item = &'z Endpoint> + Clone,
    ) -> Found<'a> {
        let repeats = |at: usize, endpoint: &Endpoint| {
            service.has_duplicates
                && endpoints.clone().take(at).any(|before| before.address == endpoint.address)
        };
        let once = endpoints.clone().enumerate().filter(|(at, endpoint)| !repeats(*at, endpoint));
        self.write_addresses(response, once.map(|(_, endpoint)| endpoint.address))
    }

    /// An SRV record for each endpoint and matching port, then the addresses of the targets. Records that stand there
    /// already are left out; weights are computed before that, as in CoreDNS.
    fn write_endpoint_srv<'z, I>(
        &self,
        response: &mut Response,
        service: &Service,
        detail: Detail<'_>,
        endpoints: impl Fn() -> I,
    ) -> Found<'a>
    where
        I: Iterator<Item = (&'z [Port], &'z Endpoint)>,
    {
        let matching = |ports: &'z [Port]| ports.iter().filter(move |port| detail.matches_port(port));
        let weight = weight_of(endpoints().map(|(ports, _)| matching(ports).count()).sum());
        let merge = service.has_duplicates;
        let (key, zone) = (service.key.as_wire(), &*self.origin.wire);
        let (mut seen_records, mut seen_addresses) = (HashSet::new(), HashSet::new());
        let mut label = LabelBuf::new();
        let mut first = None;
        for (ports, endpoint) in endpoints() {
            endpoint.write_label(&mut label);
            for port in matching(ports).filter(|port| port.number.is_some()) {
                if merge && !seen_records.insert((label.as_bytes().to_vec(), port.number)) {
                    continue;
                }
                first = first.or(self.write_srv(response, weight, port, [label.as_wire(), key, zone]));
            }
        }
        let Some(mut target) = first else { return Found::NoData };
        // With every record written, one after the other, it is known where each target stands.
        let is_regular = !merge && !response.is_full();
        for (ports, endpoint) in endpoints() {
            endpoint.write_label(&mut label);
            let records = matching(ports).filter(|port| port.number.is_some()).count();
            if records == 0
                || (merge && !seen_addresses.insert((label.as_bytes().to_vec(), endpoint.address)))
            {
                continue;
            }
            let mut name = [0; 64 + 128 + NAME_LEN_MAX];
            let parts = [label.as_wire(), key, zone];
            let name = joined(&mut name, &parts);
            let owner = if is_regular { Owner::At(target) } else { Owner::Name(name) };
            write_address(response, Section::Additional, owner, self.ttl_s(), endpoint.address);
            target += records * (SRV_OVERHEAD + name.len());
        }
        Found::Records
    }
}
