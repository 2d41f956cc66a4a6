//! A zone of the cluster as a whole, for `transfer` (RFC 5936): what is sent, and in which order.
//!
//! The order is CoreDNS's: name servers, their addresses, then the Services by name, those of all namespaces mixed. Each
//! transfer holds the generation that it began with.

use std::sync::Arc;

use super::State;
use super::apex::{NameServer, soa_numbers};
use super::reverse_transfer::ReverseRecords;
use crate::dns::{Failure, FailureKind, Query, RecordBatch, RecordType};
use crate::plugin::{BATCH_LEN, ZoneRecords, ZoneTransfer};
use crate::zone::{Import, LabelBuf, Port, Service, ServiceKind, Slice};

/// The addresses of name servers are glue here: they stand for themselves as records of their Services too.
const GLUE_TTL_S: u32 = 0;
/// CoreDNS's weight where one record is all there is; endpoints of a slice share it.
const WEIGHT_SUM: usize = 100;

/// The zone that the query names, if it names one and not something below it.
pub(super) fn transfer(state: &Arc<State>, query: &Query<'_>) -> Option<Result<ZoneTransfer, Failure>> {
    let (origin, 0) = state.origins.of(query)? else { return None };
    let zone = state.reader.snapshot();
    let unsynced = zone.unsynced().without(origin.kind.waits_not_for());
    if !unsynced.is_empty() {
        let missing: Vec<&str> = unsynced.iter().map(|kind| kind.plural()).collect();
        let detail = format!("the zone is not whole yet: no list of {} so far", missing.join(", "));
        return Some(Err(Failure::with_detail(FailureKind::Plugin, detail)));
    }
    let apex = Apex { origin: origin.wire.clone(), ttl_s: state.options.ttl_s };
    let serial = if origin.kind.is_multicluster { zone.import_serial() } else { zone.serial() };
    let mut soa = RecordBatch::new();
    apex.push_soa(&mut soa, serial);
    let servers = state.name_servers(&zone);
    let records: Box<dyn ZoneRecords> = if origin.kind.is_reverse {
        Box::new(ReverseRecords::new(apex, servers, Arc::clone(state), zone))
    } else {
        let exposes = |namespace: &[u8]| state.options.exposes(namespace) && zone.has_namespace(namespace);
        let sources = match origin.kind.is_multicluster {
            true => zone.imports().cloned().map(Source::Import).collect(),
            false => zone.services().cloned().map(Source::Service).collect(),
        };
        Box::new(ForwardRecords::new(apex, servers, sources, exposes))
    };
    Some(Ok(ZoneTransfer { serial, soa, records }))
}

/// The name of the zone, and what all of its records share.
pub(super) struct Apex {
    pub(super) origin: Box<[u8]>,
    pub(super) ttl_s: u32,
}

/// The Services of one generation. It keeps them alive and nothing else of the generation.
struct ForwardRecords {
    apex: Apex,
    servers: Option<Vec<NameServer>>,
    /// By name, then by namespace.
    sources: Vec<Source>,
    next: Place,
}

/// What has the records of one name and of those below it.
enum Source {
    Service(Arc<Service>),
    Import(Arc<Import>),
}

/// What is written next: numbers of a Service, of its slice, of its endpoint.
#[derive(Default)]
struct Place {
    service: usize,
    slice: usize,
    endpoint: usize,
}

// === impl Apex ===

impl Apex {
    fn push_soa(&self, batch: &mut RecordBatch, serial: u32) {
        let origin = &*self.origin;
        let (ttl_s, numbers) = soa_numbers(serial, self.ttl_s);
        let rdata: &[&[u8]] = &[b"\x02ns\x03dns", origin, b"\x0ahostmaster", origin, numbers.as_flattened()];
        batch.push(&[origin], RecordType::SOA, ttl_s, rdata);
    }

    /// NS records, and the addresses of their targets.
    pub(super) fn push_servers(&self, batch: &mut RecordBatch, servers: &[NameServer]) {
        let origin = &*self.origin;
        for server in servers {
            batch.push(&[origin], RecordType::NS, self.ttl_s, &[server.labels(), server.branch(), origin]);
        }
        for server in servers {
            let owner: &[&[u8]] = &[server.labels(), server.branch(), origin];
            for address in &server.addresses {
                batch.push_address(owner, GLUE_TTL_S, *address);
            }
        }
    }

    /// An SRV record at `owner`, or none for a port that has no number.
    fn push_srv(&self, batch: &mut RecordBatch, owner: &[&[u8]], weight: u16, port: &Port, target: &[&[u8]]) {
        let Some(number) = port.number else { return };
        let (weight, number) = (weight.to_be_bytes(), number.to_be_bytes());
        let fixed = [0, 0, weight[0], weight[1], number[0], number[1]];
        let rdata: Vec<&[u8]> = std::iter::once(&fixed[..]).chain(target.iter().copied()).collect();
        batch.push(owner, RecordType::SRV, self.ttl_s, &rdata);
    }

    /// The addresses, and for each port an SRV record at the Service's name and one at the port's, when that has one.
    fn push_cluster_ip(&self, batch: &mut RecordBatch, service: &Service) {
        let owner: &[&[u8]] = &[service.key.as_wire(), b"\x03svc", &self.origin];
        for address in service.cluster_ips() {
            batch.push_address(owner, self.ttl_s, address);
        }
        // As it is answered: an import that waits for its address has no record.
        let ports = if service.cluster_ips().next().is_some() { &*service.ports } else { &[] };
        for port in ports {
            self.push_srv(batch, owner, WEIGHT_SUM as u16, port, owner);
            self.push_named_port(batch, service, WEIGHT_SUM as u16, port, owner);
        }
    }

    /// The address at the Service's name and at the endpoint's, and an SRV record for each port that has a name. `parent`
    /// is what the names of the slice's endpoints go on with.
    fn push_endpoint(
        &self,
        batch: &mut RecordBatch,
        service: &Service,
        slice: &Slice,
        parent: &[u8],
        at: usize,
    ) {
        let endpoint = slice.endpoints().at(at);
        let mut label = LabelBuf::new();
        endpoint.write_label(&mut label);
        let owner: &[&[u8]] = &[service.key.as_wire(), b"\x03svc", &self.origin];
        let name: &[&[u8]] = &[label.as_wire(), parent, b"\x03svc", &self.origin];
        batch.push_address(owner, self.ttl_s, endpoint.address);
        batch.push_address(name, self.ttl_s, endpoint.address);
        let weight = (WEIGHT_SUM / slice.endpoints().len()).max(1) as u16;
        for port in slice.ports.iter() {
            self.push_named_port(batch, service, weight, port, name);
        }
    }

    /// The SRV record at `_port._protocol.SERVICE…`, of a port that has a name.
    fn push_named_port(
        &self,
        batch: &mut RecordBatch,
        service: &Service,
        weight: u16,
        port: &Port,
        target: &[&[u8]],
    ) {
        if port.name.is_empty() {
            return;
        }
        let protocol = port.protocol.as_bytes();
        // A label that is too long makes the name none, and the batch leaves the record out.
        let lengths = [port.name.len() as u8 + 1, protocol.len() as u8 + 1];
        let owner: &[&[u8]] = &[
            &[lengths[0], b'_'],
            &port.name,
            &[lengths[1], b'_'],
            protocol,
            service.key.as_wire(),
            b"\x03svc",
            &self.origin,
        ];
        self.push_srv(batch, owner, weight, port, target);
    }
}

// === impl Source ===

impl Source {
    fn service(&self) -> &Service {
        match self {
            Source::Service(service) => service,
            Source::Import(import) => &import.service,
        }
    }

    /// What the names of the endpoints of slice number `at` go on with.
    fn parent(&self, at: usize) -> &[u8] {
        match self {
            Source::Service(service) => service.key.as_wire(),
            Source::Import(import) => import.parent(at),
        }
    }

    /// An import with addresses and without ports has no name: as it is answered.
    fn has_name(&self) -> bool {
        match self {
            Source::Service(_) => true,
            Source::Import(import) => {
                import.service.kind == ServiceKind::Headless || !import.service.ports.is_empty()
            }
        }
    }
}

// === impl ForwardRecords ===

impl ForwardRecords {
    fn new(
        apex: Apex,
        servers: Vec<NameServer>,
        mut sources: Vec<Source>,
        exposes: impl Fn(&[u8]) -> bool,
    ) -> Self {
        sources.retain(|source| exposes(source.service().key.namespace()) && source.has_name());
        sources.sort_unstable_by(|a, b| {
            let (a, b) = (&a.service().key, &b.service().key);
            a.service().cmp(b.service()).then_with(|| a.namespace().cmp(b.namespace()))
        });
        Self { apex, servers: Some(servers), sources, next: Place::default() }
    }

    /// Writes what is next; `false` when there is no more.
    fn write_next(&mut self, batch: &mut RecordBatch) -> bool {
        let Some(source) = self.sources.get(self.next.service) else { return false };
        let service = source.service();
        match &service.kind {
            ServiceKind::ClusterIp => self.apex.push_cluster_ip(batch, service),
            ServiceKind::ExternalName(target) => {
                let owner: &[&[u8]] = &[service.key.as_wire(), b"\x03svc", &self.apex.origin];
                batch.push(owner, RecordType::CNAME, self.apex.ttl_s, &[target]);
            }
            // A headless Service may have any number of endpoints: they are written one by one.
            ServiceKind::Headless => {
                if let Some(slice) = service.slices.get(self.next.slice) {
                    if self.next.endpoint < slice.endpoints().len() {
                        let parent = source.parent(self.next.slice);
                        self.apex.push_endpoint(batch, service, slice, parent, self.next.endpoint);
                        self.next.endpoint += 1;
                    } else {
                        self.next = Place { slice: self.next.slice + 1, endpoint: 0, ..self.next };
                    }
                    return true;
                }
            }
        }
        self.next = Place { service: self.next.service + 1, ..Place::default() };
        true
    }
}

impl ZoneRecords for ForwardRecords {
    fn write_some(&mut self, batch: &mut RecordBatch) -> bool {
        if let Some(servers) = self.servers.take() {
            self.apex.push_servers(batch, &servers);
        }
        while batch.len() < BATCH_LEN {
            if !self.write_next(batch) {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests;
