//! A zone of external addresses as a whole, for `transfer` (RFC 5936).
//!
//! What is sent is what is answered, each record once: a server that has taken the zone answers as this one does. Only
//! where a name has a CNAME record it has nothing else (RFC 1034 §3.6.2), as servers refuse a zone that says otherwise.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::State;
use super::apex::soa_numbers;
use crate::dns::{Failure, FailureKind, Name, Query, RecordBatch, RecordType, reverse_name};
use crate::plugin::endpoint_srv::weight_of;
use crate::plugin::{BATCH_LEN, ZoneRecords, ZoneTransfer};
use crate::zone::{External, ExternalTarget, LabelBuf, Port, Service, ServiceKey, ServiceKind, Slice};

/// The zone that the query names, if it names one and not something below it.
pub(super) fn transfer(state: &Arc<State>, query: &Query<'_>) -> Option<Result<ZoneTransfer, Failure>> {
    let (origin, 0) = state.origins.of(query)? else { return None };
    let zone = state.reader.snapshot();
    let unsynced = super::unsynced(&zone);
    if !unsynced.is_empty() {
        let missing: Vec<&str> = unsynced.iter().map(|kind| kind.plural()).collect();
        let detail = format!("the zone is not whole yet: no list of {} so far", missing.join(", "));
        return Some(Err(Failure::with_detail(FailureKind::Plugin, detail)));
    }
    let names = Names {
        origin: origin.wire.clone(),
        apex: state.options.apex.as_wire().split_last().map_or(&[][..], |(_, labels)| labels).into(),
        ttl_s: state.options.ttl_s,
        kubernetes_ttl_s: state.kubernetes.ttl_s,
    };
    let serial = state.serial(&zone);
    let mut soa = RecordBatch::new();
    names.push_soa(&mut soa, serial);
    let servers = Some(state.name_servers(&zone));
    let exposes = |key: &ServiceKey| state.kubernetes.exposes(key.namespace());
    let records: Box<dyn ZoneRecords> = match Name::from_wire(&origin.wire) {
        Some(name) if name.is_reverse() => {
            let within =
                zone.external_addresses().filter(|(address, _)| reverse_name(*address).is_within(&name));
            let owned = within.flat_map(|(address, keys)| keys.iter().map(move |key| (address, key)));
            let mut pointers: Vec<(IpAddr, ServiceKey)> =
                owned.filter(|(_, key)| exposes(key)).map(|(address, key)| (address, key.clone())).collect();
            pointers.sort_unstable();
            let target = state.options.primary_zone().as_wire().into();
            Box::new(ReverseRecords { names, servers, pointers: pointers.into_iter(), target })
        }
        _ => {
            let shows = |service: &&Arc<Service>| {
                let by_endpoints = state.options.headless && service.kind == ServiceKind::Headless;
                let has_names = service.external.is_some() || by_endpoints;
                has_names && exposes(&service.key) && zone.has_namespace(service.key.namespace())
            };
            let mut services: Vec<Arc<Service>> = zone.services().filter(shows).cloned().collect();
            services.sort_unstable_by(|a, b| {
                let (a, b) = (&a.key, &b.key);
                a.service().cmp(b.service()).then_with(|| a.namespace().cmp(b.namespace()))
            });
            Box::new(ForwardRecords {
                names,
                servers,
                services,
                next: Place::default(),
                seen: HashSet::new(),
            })
        }
    };
    Some(Ok(ZoneTransfer { serial, soa, records }))
}

/// The name of the zone, and what all of its records share.
struct Names {
    origin: Box<[u8]>,
    /// The labels between the zone's own names and the zone, without the root label.
    apex: Box<[u8]>,
    ttl_s: u32,
    kubernetes_ttl_s: u32,
}

/// The Services of one generation that have names. It keeps them alive and nothing else of the generation.
struct ForwardRecords {
    names: Names,
    servers: Option<Vec<IpAddr>>,
    /// By name, then by namespace.
    services: Vec<Arc<Service>>,
    next: Place,
    /// The records of the current Service, where endpoints of it share a name or an address.
    seen: HashSet<Vec<u8>>,
}

/// External addresses, back to the Services.
struct ReverseRecords {
    names: Names,
    servers: Option<Vec<IpAddr>>,
    pointers: std::vec::IntoIter<(IpAddr, ServiceKey)>,
    /// What the names of Services end in.
    target: Box<[u8]>,
}

/// What is written next: numbers of a Service, of its slice, of its endpoint.
#[derive(Default)]
struct Place {
    service: usize,
    slice: usize,
    endpoint: usize,
}

// === impl Names ===

impl Names {
    fn push_soa(&self, batch: &mut RecordBatch, serial: u32) {
        let (origin, apex) = (&*self.origin, &*self.apex);
        let numbers = soa_numbers(serial, self.ttl_s);
        let rdata: &[&[u8]] =
            &[b"\x03ns1", apex, origin, b"\x0ahostmaster", apex, origin, numbers.as_flattened()];
        batch.push(&[origin], RecordType::SOA, self.ttl_s, rdata);
    }

    /// The NS record, and the addresses of its target.
    fn push_servers(&self, batch: &mut RecordBatch, servers: &[IpAddr]) {
        let name: &[&[u8]] = &[b"\x03ns1", &self.apex, &self.origin];
        batch.push(&[&self.origin], RecordType::NS, self.ttl_s, name);
        for address in servers {
            batch.push_address(name, self.ttl_s, *address);
        }
    }

    /// What a Service is reached at: one CNAME where there are host names alone, else the addresses and SRV records; and
    /// for each port that has a name the SRV records at its name.
    fn push_external(&self, batch: &mut RecordBatch, key: &ServiceKey, external: &External) {
        let name: &[&[u8]] = &[key.as_wire(), &self.origin];
        for address in external.addresses() {
            batch.push_address(name, self.ttl_s, address);
        }
        let has_addresses = external.addresses().next().is_some();
        if let (false, Some(target)) = (has_addresses, external.names().next()) {
            batch.push(name, RecordType::CNAME, self.kubernetes_ttl_s, &[target]);
        }
        let all = weight_of(external.ports.len() * external.given);
        for (at, port) in external.ports.iter().enumerate() {
            let before = &external.ports[..at];
            if has_addresses && !before.iter().any(|other| other.number == port.number) {
                self.push_targets(batch, name, all, port, external, name);
            }
            if !port.name.is_empty() && !before.contains(port) {
                let same = |other: &&Port| other.name == port.name && other.protocol == port.protocol;
                let weight = weight_of(external.ports.iter().filter(same).count() * external.given);
                let (labels, length) = port_labels(port);
                let owner: &[&[u8]] = &[&labels[..length], key.as_wire(), &self.origin];
                self.push_targets(batch, owner, weight, port, external, name);
            }
        }
    }

    /// An SRV record for each target: the Service's own name, where it has addresses, and each host name.
    fn push_targets(
        &self,
        batch: &mut RecordBatch,
        owner: &[&[u8]],
        weight: u16,
        port: &Port,
        external: &External,
        own: &[&[u8]],
    ) {
        let Some(fixed) = srv_numbers(weight, port) else { return };
        if external.targets.iter().any(|target| matches!(target, ExternalTarget::Address(_))) {
            let rdata: Vec<&[u8]> = [&fixed[..]].into_iter().chain(own.iter().copied()).collect();
            batch.push(owner, RecordType::SRV, self.kubernetes_ttl_s, &rdata);
        }
        for target in external.names() {
            batch.push(owner, RecordType::SRV, self.kubernetes_ttl_s, &[&fixed, target]);
        }
    }
}

// === impl ForwardRecords ===

impl ForwardRecords {
    /// Writes what is next; `false` when there is no more.
    fn write_next(&mut self, batch: &mut RecordBatch) -> bool {
        let Some(service) = self.services.get(self.next.service).cloned() else { return false };
        if let Some(external) = &service.external {
            self.names.push_external(batch, &service.key, external);
        } else if let Some(slice) = service.slices.get(self.next.slice) {
            // A headless Service may have any number of endpoints: they are written one by one.
            if self.next.endpoint < slice.endpoints().len() {
                self.push_endpoint(batch, &service, slice, self.next.endpoint);
                self.next.endpoint += 1;
            } else {
                self.next = Place { slice: self.next.slice + 1, endpoint: 0, ..self.next };
            }
            return true;
        }
        self.next = Place { service: self.next.service + 1, ..Place::default() };
        self.seen = HashSet::new();
        true
    }

    /// The address at the Service's name and at the endpoint's, and for each port the SRV records there and at the port's
    /// name. The weights are those of the answers.
    fn push_endpoint(&mut self, batch: &mut RecordBatch, service: &Service, slice: &Slice, at: usize) {
        let endpoint = slice.endpoints().at(at);
        let (ttl_s, merge) = (self.names.kubernetes_ttl_s, service.has_duplicates);
        let mut label = LabelBuf::new();
        endpoint.write_label(&mut label);
        let origin = self.names.origin.clone();
        let key = service.key.as_wire();
        let (own, name): ([&[u8]; 3], [&[u8]; 3]) = ([&[], key, &origin], [label.as_wire(), key, &origin]);
        for owner in [&own, &name] {
            if self.is_new(merge, owner, &address_octets(endpoint.address)) {
                batch.push_address(owner, self.names.ttl_s, endpoint.address);
            }
        }
        let records = |slice: &Arc<Slice>| slice.ports.len() * slice.endpoints().len();
        let all = weight_of(service.slices.iter().map(records).sum());
        let named = |slice: &Arc<Slice>| slice.ports.len() * slice.endpoints_named(label.as_bytes()).count();
        let of_name = weight_of(service.slices.iter().map(named).sum());
        for port in slice.ports.iter() {
            let same = |other: &&Port| other.name == port.name && other.protocol == port.protocol;
            let matching =
                |slice: &Arc<Slice>| slice.ports.iter().filter(same).count() * slice.endpoints().len();
            let of_port = weight_of(service.slices.iter().map(matching).sum());
            let (labels, length) = port_labels(port);
            let at_port: [&[u8]; 3] = [&labels[..length], key, &origin];
            let is_named = !port.name.is_empty();
            for (owner, weight) in [(&own, all), (&name, of_name), (&at_port, of_port)] {
                let Some(fixed) = srv_numbers(weight, port).filter(|_| is_named || owner != &at_port) else {
                    continue;
                };
                let rdata: [&[u8]; 4] = [&fixed, label.as_wire(), key, &origin];
                if self.is_new(merge, owner, &rdata.concat()) {
                    batch.push(owner, RecordType::SRV, ttl_s, &rdata);
                }
            }
        }
    }

    /// Whether the record has not been written yet; only asked where it may have been.
    fn is_new(&mut self, merge: bool, owner: &[&[u8]], rdata: &[u8]) -> bool {
        !merge || self.seen.insert([&owner.concat(), rdata].concat())
    }
}

impl ZoneRecords for ForwardRecords {
    fn write_some(&mut self, batch: &mut RecordBatch) -> bool {
        if let Some(servers) = self.servers.take() {
            self.names.push_servers(batch, &servers);
        }
        while batch.len() < BATCH_LEN {
            if !self.write_next(batch) {
                return false;
            }
        }
        true
    }
}

// === impl ReverseRecords ===

impl ZoneRecords for ReverseRecords {
    fn write_some(&mut self, batch: &mut RecordBatch) -> bool {
        if let Some(servers) = self.servers.take() {
            self.names.push_servers(batch, &servers);
        }
        while batch.len() < BATCH_LEN {
            let Some((address, key)) = self.pointers.next() else { return false };
            let owner = reverse_name(address);
            batch.push(&[owner.as_wire()], RecordType::PTR, self.names.ttl_s, &[key.as_wire(), &self.target]);
        }
        true
    }
}

/// `_port._protocol` as two labels, and how long they are. A port's name is at most 63 octets, so that with its
/// underscore it may be none: the batch leaves the record out then.
fn port_labels(port: &Port) -> ([u8; 80], usize) {
    let mut labels = [0; 80];
    let mut length = 0;
    for part in [&*port.name, port.protocol.as_bytes()] {
        let part = &part[..part.len().min(64)];
        labels[length] = part.len() as u8 + 1;
        labels[length + 1] = b'_';
        labels[length + 2..length + 2 + part.len()].copy_from_slice(part);
        length += part.len() + 2;
    }
    (labels, length)
}

/// Priority, weight and port; `None` for a port that has no number.
fn srv_numbers(weight: u16, port: &Port) -> Option<[u8; 6]> {
    let (weight, number) = (weight.to_be_bytes(), port.number?.to_be_bytes());
    Some([0, 0, weight[0], weight[1], number[0], number[1]])
}

fn address_octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
