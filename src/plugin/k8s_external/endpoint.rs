//! What headless Services show with the option `headless`: their ready endpoints.
//!
//! Hot path. Everything is written straight from the generation's tables.

use std::net::IpAddr;

use super::apex::write_address;
use super::{Ask, Found};
use crate::dns::{Owner, RecordType, Response, Section};
use crate::plugin::endpoint_srv::{Part, SrvSet};
use crate::zone::{Chosen, Detail, Endpoint, Fqdn, Service, Slice};

impl<'a> Ask<'a> {
    /// A headless Service without external addresses. Without a ready endpoint its name does not exist.
    pub(super) fn headless(
        &self,
        service: &'a Service,
        detail: Detail<'_>,
        response: &mut Response,
    ) -> Found<'a> {
        let matches = |slice: &Slice| {
            !detail.asks_for_something() || slice.ports.iter().any(|port| detail.matches_port(port))
        };
        let matching = || service.slices.iter().filter(|slice| matches(slice));
        let endpoints = || matching().flat_map(|slice| slice.endpoints().iter());
        let is_whole = service.slices.iter().all(|slice| matches(slice));
        match self.query.qtype() {
            _ if endpoints().next().is_none() => self.alias(matching().flat_map(|slice| &slice.fqdns).next()),
            RecordType::A | RecordType::AAAA if is_whole => {
                let v4 = service.v4.iter().map(|address| IpAddr::V4(*address));
                let v6 = service.v6.iter().map(|address| IpAddr::V6(*address));
                self.write_addresses(response, v4.chain(v6))
            }
            RecordType::SRV => {
                let parent = service.key.as_wire();
                let parts = || matching().map(|slice| Part { slice, parent, chosen: Chosen::All });
                self.write_endpoint_srv(response, detail, parts, service.has_duplicates)
            }
            _ => self.write_endpoints(response, service, endpoints()),
        }
    }

    /// One endpoint, by hostname or by its address with dashes, of a Service of any type without external addresses.
    pub(super) fn endpoint(&self, service: &'a Service, label: &[u8], response: &mut Response) -> Found<'a> {
        let endpoints = || service.slices.iter().flat_map(|slice| slice.endpoints_named(label));
        match self.query.qtype() {
            _ if endpoints().next().is_none() => {
                let mut fqdns = service.slices.iter().flat_map(|slice| &slice.fqdns);
                self.alias(fqdns.find(|fqdn| *fqdn.label == *label))
            }
            RecordType::SRV => {
                let (parent, chosen) = (service.key.as_wire(), Chosen::Named(label));
                let parts = || service.slices.iter().map(|slice| Part { slice, parent, chosen });
                self.write_endpoint_srv(response, Detail::None, parts, service.has_duplicates)
            }
            _ => self.write_endpoints(response, service, endpoints()),
        }
    }

    /// An endpoint that is a domain name, where none is an address: one CNAME and nothing beside it, as in `kubernetes`.
    fn alias(&self, first: Option<&'a Fqdn>) -> Found<'a> {
        let Some(fqdn) = first else { return Found::NameError };
        match self.query.qtype() {
            RecordType::A | RecordType::AAAA => Found::Alias(&fqdn.target),
            _ => Found::NoData,
        }
    }

    fn write_endpoint_srv<'z, I>(
        &self,
        response: &mut Response,
        detail: Detail<'_>,
        parts: impl Fn() -> I,
        merge: bool,
    ) -> Found<'a>
    where
        I: Iterator<Item = Part<'z>>,
    {
        // Targets are in the zone's own letters.
        let tail: [&[u8]; 2] = [&[], &self.origin.wire];
        let srv = SrvSet { tail, ttl_s: self.kubernetes_ttl_s(), address_ttl_s: self.ttl_s() };
        if srv.write_endpoints(response, detail, parts, merge) { Found::Records } else { Found::NoData }
    }

    /// The addresses that are of the family asked for.
    fn write_addresses(&self, response: &mut Response, addresses: impl Iterator<Item = IpAddr>) -> Found<'a> {
        let mut found = Found::NoData;
        for address in addresses.filter(|address| self.asks_for(*address)) {
            write_address(response, Section::Answer, Owner::Question, self.ttl_s(), address);
            found = Found::Records;
            if response.is_full() {
                break;
            }
        }
        found
    }

    /// Few endpoints: those of one name, or of some of the slices. An address that they share is looked for among those
    /// before; a list of what is written would be an allocation.
    fn write_endpoints<'z>(
        &self,
        response: &mut Response,
        service: &Service,
        endpoints: impl Iterator<Item = Endpoint<'z>> + Clone,
    ) -> Found<'a> {
        let repeats = |at: usize, endpoint: &Endpoint<'_>| {
            service.has_duplicates
                && endpoints.clone().take(at).any(|before| before.address == endpoint.address)
        };
        let once = endpoints.clone().enumerate().filter(|(at, endpoint)| !repeats(*at, endpoint));
        self.write_addresses(response, once.map(|(_, endpoint)| endpoint.address))
    }
}
