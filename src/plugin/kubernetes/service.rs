//! Services, their ports and their endpoints (DNS specification 1.1.0 §2.3, §2.4).
//!
//! Hot path. Everything is written straight from the generation's tables; only a headless Service whose endpoints share
//! a name or an address needs a list of what is written already.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Ask, Found, without_text};
use crate::dns::{NAME_LEN_MAX, Owner, RecordType, Response, Section};
use crate::zone::{Branch, Detail, Endpoint, LabelBuf, Port, Service, ServiceKind, ServicePath, Slice};

/// The weights of the SRV records of a set add up to about this.
const WEIGHT_SUM: usize = 100;
/// The octets of an SRV record of the question's name, but for its target: a pointer, type, class, TTL and length, then
/// priority, weight and port.
const SRV_OVERHEAD: usize = 2 + 10 + 6;

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
                    target = self.write_srv(response, weight, port, None, service.key.as_wire()).or(target);
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
                let endpoints = matching().flat_map(|slice| slice.endpoints());
                self.write_endpoint_addresses(response, endpoints, service.has_duplicates)
            }
            RecordType::SRV => {
                let endpoints = || {
                    let slices = service.slices.iter().enumerate().filter(|(_, slice)| matches(slice));
                    slices.flat_map(|(at, slice)| {
                        let parent = parent(at);
                        slice.endpoints().iter().map(move |endpoint| (&*slice.ports, parent, endpoint))
                    })
                };
                self.write_endpoint_srv(response, detail, endpoints, service.has_duplicates)
            }
            _ => Found::NoData,
        }
    }

    /// §2.4.1: one endpoint, by hostname or by its address with dashes.
    fn endpoint(&self, service: &Service, label: &[u8], response: &mut Response) -> Found {
        let named = || {
            let slices = service.slices.iter();
            let parent = service.key.as_wire();
            slices.flat_map(move |slice| {
                slice.endpoints_named(label).map(move |endpoint| (&*slice.ports, parent, endpoint))
            })
        };
        if named().next().is_none() {
            let mut fqdns = service.slices.iter().flat_map(|slice| &slice.fqdns);
            return self.fqdn(fqdns.find(|fqdn| *fqdn.label == *label));
        }
        match self.query.qtype() {
            RecordType::A | RecordType::AAAA => self.write_endpoint_addresses(
                response,
                named().map(|(_, _, endpoint)| endpoint),
                service.has_duplicates,
            ),
            RecordType::SRV => self.write_endpoint_srv(response, Detail::None, named, service.has_duplicates),
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
        endpoints: impl Iterator<Item = &'z Endpoint> + Clone,
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
        }
        found
    }

    /// An SRV record for each endpoint and matching port, then the addresses of the targets. `endpoints` gives each with
    /// the ports of its slice and the labels that its name ends in, down to the namespace. With `merge` a record that
    /// stands there already is left out; weights are computed before that, as in CoreDNS. A target longer than a name may
    /// be is left out too.
    pub(super) fn write_endpoint_srv<'z, I>(
        &self,
        response: &mut Response,
        detail: Detail<'_>,
        endpoints: impl Fn() -> I,
        merge: bool,
    ) -> Found
    where
        I: Iterator<Item = (&'z [Port], &'z [u8], &'z Endpoint)>,
    {
        let matching = |ports: &'z [Port]| ports.iter().filter(move |port| detail.matches_port(port));
        let weight = weight_of(endpoints().map(|(ports, _, _)| matching(ports).count()).sum());
        // Where the targets stand that were written, by name; and what has been written of them.
        let mut targets = HashMap::new();
        let (mut seen_records, mut seen_addresses) = (HashSet::new(), HashSet::new());
        let mut label = LabelBuf::new();
        let mut first_target = None;
        for (ports, parent, endpoint) in endpoints() {
            endpoint.write_label(&mut label);
            if self.target_len(&label, parent) > NAME_LEN_MAX {
                continue;
            }
            for port in matching(ports) {
                let Some(number) = port.number else { continue };
                if merge && !seen_records.insert((label.as_bytes().to_vec(), parent, number)) {
                    continue;
                }
                let target = self.write_srv(response, weight, port, Some(&label), parent);
                first_target = first_target.or(target);
                if let Some(target) = target.filter(|_| merge) {
                    targets.entry((label.as_bytes().to_vec(), parent)).or_insert(target);
                }
            }
        }
        let Some(mut target) = first_target else { return Found::NoData };
        if response.is_full() {
            // It will be cut within the answer.
            return Found::Records;
        }
        for (ports, parent, endpoint) in endpoints() {
            endpoint.write_label(&mut label);
            let name_len = self.target_len(&label, parent);
            let records = matching(ports).filter(|port| port.number.is_some()).count();
            if records == 0 || name_len > NAME_LEN_MAX {
                continue;
            }
            if merge {
                let name = (label.as_bytes().to_vec(), parent);
                let Some(target) = targets.get(&name) else { continue };
                if seen_addresses.insert((name, endpoint.address)) {
                    self.write_additional(response, *target, endpoint.address);
                }
                continue;
            }
            // With every record written, one after the other, it is known where each target stands.
            self.write_additional(response, target, endpoint.address);
            target += records * (SRV_OVERHEAD + name_len);
        }
        Found::Records
    }

    /// How long the name of an endpoint is: its label, what follows down to the namespace, `svc`, and the origin.
    fn target_len(&self, label: &LabelBuf, parent: &[u8]) -> usize {
        label.as_wire().len() + parent.len() + 4 + self.origin_original().len()
    }

    /// An SRV record (RFC 2782), its target uncompressed as that asks. Gives where the target stands.
    fn write_srv(
        &self,
        response: &mut Response,
        weight: u16,
        port: &Port,
        endpoint: Option<&LabelBuf>,
        key: &[u8],
    ) -> Option<usize> {
        let number = port.number?;
        let at =
            response.record(Section::Answer, Owner::Question, RecordType::SRV, self.ttl_s(), |rdata| {
                rdata.u16(0);
                rdata.u16(weight);
                rdata.u16(number);
                rdata.octets(endpoint.map_or(&[], LabelBuf::as_wire));
                rdata.octets(key);
                rdata.octets(b"\x03svc");
                rdata.octets(self.origin_original());
            })?;
        Some(at + 6)
    }

    /// The address of a target that stands at `target` in the message.
    pub(super) fn write_additional(&self, response: &mut Response, target: usize, address: IpAddr) {
        self.write_address(response, Owner::At(target), address);
    }

    fn write_address(&self, response: &mut Response, owner: Owner<'_>, address: IpAddr) {
        let (rtype, ttl) = match address {
            IpAddr::V4(_) => (RecordType::A, self.ttl_s()),
            IpAddr::V6(_) => (RecordType::AAAA, self.ttl_s()),
        };
        response.record(Section::Additional, owner, rtype, ttl, |rdata| match address {
            IpAddr::V4(address) => rdata.octets(&address.octets()),
            IpAddr::V6(address) => rdata.octets(&address.octets()),
        });
    }
}

fn weight_of(records: usize) -> u16 {
    (WEIGHT_SUM / records.max(1)).max(1) as u16
}
