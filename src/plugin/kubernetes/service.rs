//! Services, their ports and their endpoints (DNS specification 1.1.0 §2.3, §2.4).
//!
//! Hot path. Everything is written straight from the generation's tables.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Ask, Found, without_text};
use crate::dns::{RecordType, Response};
use crate::plugin::endpoint_srv::{Part, SrvSet, weight_of};
use crate::zone::{Branch, Chosen, Detail, Endpoint, Service, ServiceKind, ServicePath, Slice};

impl Ask<'_> {
    /// `NAMESPACE.svc.ZONE` and `NAMESPACE.pod.ZONE`: they exist without records of their own.
    pub(super) fn namespace(&self, branch: Branch, namespace: &[u8]) -> Found {
        let hidden = branch == Branch::Pod && self.state.options.pods == super::PodMode::Disabled;
        if hidden || !self.has_namespace(namespace) {
            return Found::NameError;
        }
        without_text(self.query.qtype())
    }

    pub(super) fn service(&self, path: &ServicePath<'_>, response: &mut Response) -> Found {
        if !self.has_namespace(path.namespace) {
            return Found::NameError;
        }
        let Some(service) = self.zone.service(path.key) else { return Found::NameError };
        match (&service.kind, path.detail) {
            (ServiceKind::ExternalName(target), detail) if !detail.asks_for_something() => {
                self.alias(Some(target))
            }
            (ServiceKind::ExternalName(_), _) => Found::NameError,
            // A cluster IP is in no zone: an answer with it would be as good as no answer to what was asked.
            (ServiceKind::ClusterIp, Detail::Zone { .. }) => Found::NameError,
            (ServiceKind::Headless, Detail::Zone { name, prefer }) => {
                self.zonal(service, name, prefer, response)
            }
            (_, Detail::Endpoint(label)) => self.endpoint(service, label, response),
            (ServiceKind::ClusterIp, detail) => self.cluster_ip(service, detail, response),
            (ServiceKind::Headless, detail) => {
                self.headless(service, |_| service.key.as_wire(), detail, response)
            }
        }
    }

    /// §2.3: the cluster IPs, whatever the endpoints are like.
    pub(super) fn cluster_ip(&self, service: &Service, detail: Detail<'_>, response: &mut Response) -> Found {
        if self.state.options.ignore_empty_service && service.endpoints_ready() == 0 {
            return Found::NameError;
        }
        let matching = || service.ports.iter().filter(|port| detail.matches_port(port));
        if detail != Detail::None && matching().next().is_none() {
            return Found::NameError;
        }
        let addresses = service.v4.len() + service.v6.len();
        if addresses == 0 {
            // An import waits for its address longer than a Service does. As in CoreDNS its SRV records wait with it.
            return without_text(self.query.qtype());
        }
        match self.query.qtype() {
            RecordType::A | RecordType::AAAA => self.write_addresses(&service.v4, &service.v6, response),
            RecordType::SRV => {
                let weight = weight_of(matching().count() * addresses);
                let mut target = None;
                for (at, port) in
                    service.ports.iter().enumerate().filter(|(_, port)| detail.matches_port(port))
                {
                    // Two protocols of one number are one record.
                    let before = &service.ports[..at];
                    if before.iter().any(|other| other.number == port.number && detail.matches_port(other)) {
                        continue;
                    }
                    target = self
                        .srv()
                        .write_record(response, weight, port, None, service.key.as_wire())
                        .or(target);
                }
                let Some(target) = target else { return Found::NoData };
                service.cluster_ips().for_each(|address| self.write_additional(response, target, address));
                Found::Records
            }
            _ => Found::NoData,
        }
    }

    /// §2.4: the ready endpoints. Without one the name does not exist. `parent` gives the labels at which the endpoints of
    /// slice number so-and-so stand.
    pub(super) fn headless<'z>(
        &self,
        service: &'z Service,
        parent: impl Fn(usize) -> &'z [u8],
        detail: Detail<'_>,
        response: &mut Response,
    ) -> Found {
        let matches = |slice: &Slice| {
            !detail.asks_for_something() || slice.ports.iter().any(|port| detail.matches_port(port))
        };
        let matching = || service.slices.iter().filter(|slice| matches(slice));
        if matching().all(|slice| slice.endpoints().is_empty()) {
            return self.fqdn(matching().flat_map(|slice| &slice.fqdns).next());
        }
        match self.query.qtype() {
            RecordType::A | RecordType::AAAA if service.slices.iter().all(|slice| matches(slice)) => {
                self.write_addresses(&service.v4, &service.v6, response)
            }
            RecordType::A | RecordType::AAAA => {
                let endpoints = matching().flat_map(|slice| slice.endpoints().iter());
                self.write_endpoint_addresses(response, endpoints, service.has_duplicates)
            }
            RecordType::SRV => {
                let parts = || {
                    let slices = service.slices.iter().enumerate().filter(|(_, slice)| matches(slice));
                    slices.map(|(at, slice)| Part { slice, parent: parent(at), chosen: Chosen::All })
                };
                self.write_endpoint_srv(response, detail, parts, service.has_duplicates)
            }
            _ => Found::NoData,
        }
    }

    /// §2.4.1: one endpoint, by hostname or by its address with dashes.
    fn endpoint(&self, service: &Service, label: &[u8], response: &mut Response) -> Found {
        let named = || service.slices.iter().flat_map(|slice| slice.endpoints_named(label));
        if named().next().is_none() {
            let mut fqdns = service.slices.iter().flat_map(|slice| &slice.fqdns);
            return self.fqdn(fqdns.find(|fqdn| *fqdn.label == *label));
        }
        match self.query.qtype() {
            RecordType::A | RecordType::AAAA => {
                self.write_endpoint_addresses(response, named(), service.has_duplicates)
            }
            RecordType::SRV => {
                let (parent, chosen) = (service.key.as_wire(), Chosen::Named(label));
                let parts = || service.slices.iter().map(|slice| Part { slice, parent, chosen });
                self.write_endpoint_srv(response, Detail::None, parts, service.has_duplicates)
            }
            _ => Found::NoData,
        }
    }

    pub(super) fn write_addresses(&self, v4: &[Ipv4Addr], v6: &[Ipv6Addr], response: &mut Response) -> Found {
        let ttl = self.ttl_s();
        let none = if self.query.qtype() == RecordType::A {
            v4.iter().for_each(|address| response.answer_a(ttl, *address));
            v4.is_empty()
        } else {
            v6.iter().for_each(|address| response.answer_aaaa(ttl, *address));
            v6.is_empty()
        };
        if none { Found::NoData } else { Found::Records }
    }

    /// Few endpoints: those of one name, or of some of the slices. An address that they share is looked for among those
    /// before; a list of what is written would be an allocation.
    pub(super) fn write_endpoint_addresses<'z>(
        &self,
        response: &mut Response,
        endpoints: impl Iterator<Item = Endpoint<'z>> + Clone,
        merge: bool,
    ) -> Found {
        let mut found = Found::NoData;
        for (at, endpoint) in endpoints.clone().enumerate() {
            match (self.query.qtype(), endpoint.address) {
                _ if merge && endpoints.clone().take(at).any(|before| before.address == endpoint.address) => {
                    continue;
                }
                (RecordType::A, IpAddr::V4(address)) => response.answer_a(self.ttl_s(), address),
                (RecordType::AAAA, IpAddr::V6(address)) => response.answer_aaaa(self.ttl_s(), address),
                _ => continue,
            }
            found = Found::Records;
            if response.is_full() {
                break;
            }
        }
        found
    }

    /// SRV records for endpoints, and their addresses.
    pub(super) fn write_endpoint_srv<'z, I>(
        &self,
        response: &mut Response,
        detail: Detail<'_>,
        parts: impl Fn() -> I,
        merge: bool,
    ) -> Found
    where
        I: Iterator<Item = Part<'z>>,
    {
        match self.srv().write_endpoints(response, detail, parts, merge) {
            true => Found::Records,
            false => Found::NoData,
        }
    }

    /// SRV records here lead to names in the client's letters.
    fn srv(&self) -> SrvSet<'_> {
        let ttl_s = self.ttl_s();
        SrvSet { tail: [b"\x03svc", self.origin_original()], ttl_s, address_ttl_s: ttl_s }
    }

    /// The address of a target that stands at `target` in the message.
    pub(super) fn write_additional(&self, response: &mut Response, target: usize, address: IpAddr) {
        self.srv().write_address(response, target, address);
    }
}
