#![doc = include_str!("README.md")]
//!
//! # How an answer is found
//!
//! The name's place in the zone ([`ExternalPath`]) decides: `apex` answers what the zone says of itself, `service` what
//! Services are reached at from outside, `endpoint` what headless Services show with the option, `names` what a load
//! balancer's host name leads to. Each says what it `Found`, and this file turns that into a reply.
//!
//! Hot path. One load of the generation that `kubernetes` of the same block reads too, one or two probes of its tables,
//! and the records written in place. Only host names of load balancers wait for somebody.

mod apex;
mod endpoint;
mod names;
mod options;
mod service;
mod setup;
mod transfer;

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

pub use options::Options;
pub use setup::setup;

use super::origin::{Origin, Origins};
use super::{Lookup, Next, Plugin, Reply, ZoneTransfer, kubernetes};
use crate::cluster::Watch;
use crate::dns::{
    Failure, HEADER_LEN, Owner, Query, Rcode, RecordType, Response, Section, address_from_reverse_name,
};
use crate::explain::{self, Reason, Scope};
use crate::zone::{ExternalPath, ExternalTarget, Kind, KindSet, Reader, Zone};

/// The plugin: the zones of one directive, answered from the watch of the block's `kubernetes`.
pub struct K8sExternal {
    state: Arc<State>,
}

struct State {
    options: Options,
    /// What the block's `kubernetes` shows, and for how long.
    kubernetes: kubernetes::Options,
    /// The zones with what is asked of each query.
    origins: Origins,
    reader: Reader,
    local: Vec<IpAddr>,
    lookup: Arc<Lookup>,
    /// Keeps the watch going.
    _watch: Arc<Watch>,
}

/// A question, the generation that answers it, and where in it the zone begins.
struct Ask<'a> {
    query: &'a Query<'a>,
    zone: &'a Zone,
    state: &'a State,
    origin: &'a Origin,
    /// Where the origin begins in QNAME.
    origin_at: usize,
}

/// What a part of the zone has to say to a question.
enum Found<'a> {
    /// Records were written.
    Records,
    /// The name exists, without records of the type.
    NoData,
    /// The name does not exist.
    NameError,
    /// The name is another one's alias, which has to be followed.
    Alias(&'a [u8]),
    /// The Service is reached at host names, which have to be followed.
    Names {
        /// What it is reached at.
        targets: &'a [ExternalTarget],
        /// SRV records were written: where the Service's own name stands among them.
        srv_target: Option<usize>,
    },
}

impl K8sExternal {
    /// Answers from what `watch` sees; `local` are the addresses that the server's own Services are found by.
    #[must_use]
    pub fn new(
        options: Options,
        kubernetes: kubernetes::Options,
        watch: Arc<Watch>,
        local: Vec<IpAddr>,
        lookup: Arc<Lookup>,
    ) -> Self {
        let origins = Origins::new(&options.zones, &options.fallthrough, |_| ());
        let reader = watch.reader();
        let state = State { options, kubernetes, origins, reader, local, lookup, _watch: watch };
        Self { state: Arc::new(state) }
    }
}

impl Plugin for K8sExternal {
    fn name(&self) -> &'static str {
        "k8s_external"
    }

    fn is_live(&self, query: &Query<'_>) -> bool {
        self.state.origins.of(query).is_some_and(|(origin, _)| !origin.falls_through(query))
    }

    fn transfer(&self, query: &Query<'_>) -> Option<Result<ZoneTransfer, Failure>> {
        transfer::transfer(&self.state, query)
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        let state = &*self.state;
        let Some((origin, origin_at)) = state.origins.of(query) else { return next.serve(query, response) };
        let zone = state.reader.load();
        let ask = Ask { query, zone: &zone, state, origin, origin_at };
        // The zone is as fast as a cache, and what it says now must not be said later.
        response.set_uncacheable();
        let path = ask.path();
        match ask.answer(&path, response) {
            Found::Records => {
                response.set_authoritative();
                Reply::answered()
            }
            Found::Alias(target) => {
                names::follow(&ask, &[ExternalTarget::Name(target.into())], None, response)
            }
            Found::Names { targets, srv_target } => names::follow(&ask, targets, srv_target, response),
            Found::NameError if path != ExternalPath::BelowOwn && origin.falls_through(query) => {
                response.begin(query);
                next.serve(query, response)
            }
            found => {
                ask.negative(&path, response, matches!(found, Found::NoData));
                Reply::answered()
            }
        }
    }
}

// === impl State ===

impl State {
    fn scope(&self) -> Scope<'_> {
        Scope {
            namespaces: self.kubernetes.namespaces.as_deref(),
            pods: false,
            endpoints: self.kubernetes.watch.endpoints,
        }
    }
}

// === impl Ask ===

impl<'a> Ask<'a> {
    fn path(&self) -> ExternalPath<'a> {
        ExternalPath::of(self.query, self.origin.labels, &self.state.options.apex)
    }

    fn ttl_s(&self) -> u32 {
        self.state.options.ttl_s
    }

    /// The TTL of SRV and CNAME records: as in CoreDNS that of `kubernetes`.
    fn kubernetes_ttl_s(&self) -> u32 {
        self.state.kubernetes.ttl_s
    }

    /// The zone as the owner of a record. The zone's own letters count here and not the client's, as in CoreDNS: a
    /// pointer to the question will do where they are the same.
    fn origin_owner(&self) -> Owner<'a> {
        if self.is_spelled_alike() {
            Owner::At(HEADER_LEN + self.origin_at)
        } else {
            Owner::Name(&self.origin.wire)
        }
    }

    fn is_spelled_alike(&self) -> bool {
        self.query.name_original()[self.origin_at..] == *self.origin.wire
    }

    /// Whether names of the namespace exist: `kubernetes` exposes it, and the API has it.
    fn has_namespace(&self, namespace: &[u8]) -> bool {
        self.state.kubernetes.exposes(namespace) && self.zone.has_namespace(namespace)
    }

    fn answer(&self, path: &ExternalPath<'a>, response: &mut Response) -> Found<'a> {
        match path {
            ExternalPath::Apex => return self.apex(response),
            ExternalPath::Own => return Found::NoData,
            ExternalPath::NameServer => return self.name_server(response),
            ExternalPath::BelowOwn => return Found::NameError,
            _ => {}
        }
        if let Some(address) = self.reverse_address() {
            return self.reverse(address, response);
        }
        match path {
            ExternalPath::Namespace(namespace) if self.has_namespace(namespace) => Found::NoData,
            ExternalPath::Service(path) => self.service(path, response),
            _ => Found::NameError,
        }
    }

    /// The address that a PTR question asks about.
    fn reverse_address(&self) -> Option<IpAddr> {
        let asks = self.query.qtype() == RecordType::PTR;
        asks.then(|| address_from_reverse_name(self.query.name())).flatten()
    }

    /// From an external address back to the Services that are reached there.
    fn reverse(&self, address: IpAddr, response: &mut Response) -> Found<'a> {
        let target = self.state.options.primary_zone();
        let mut found = Found::NameError;
        for key in self.zone.external_ip_owners(address) {
            if !self.state.kubernetes.exposes(key.namespace()) {
                continue;
            }
            response.record(Section::Answer, Owner::Question, RecordType::PTR, self.ttl_s(), |rdata| {
                rdata.octets(key.as_wire());
                rdata.octets(target.as_wire());
            });
            found = Found::Records;
        }
        found
    }

    /// An answer without records: NOERROR or NXDOMAIN with the SOA record (RFC 2308 §2), SERVFAIL while a missing name
    /// may yet turn up, and the reason for who asked with EDNS.
    fn negative(&self, path: &ExternalPath<'_>, response: &mut Response, exists: bool) {
        // What stands below the zone's own names does not hang on the cluster.
        let may_turn_up = !unsynced(self.zone).is_empty() && *path != ExternalPath::BelowOwn;
        response.set_authoritative();
        response.set_rcode(match exists {
            true => Rcode::NOERROR,
            false if may_turn_up => Rcode::SERVFAIL,
            false => Rcode::NXDOMAIN,
        });
        self.write_soa(response, Section::Authority);
        if response.takes_extended_error() {
            let reason = self.reason(path, exists);
            response.explain(reason.info_code(), |text| {
                let _ = write!(text, "{reason}"); // A String takes everything.
            });
        }
    }

    fn reason<'r>(&'r self, path: &ExternalPath<'r>, exists: bool) -> Reason<'r> {
        let (qtype, headless) = (self.query.qtype(), self.state.options.headless);
        match path {
            ExternalPath::BelowOwn => Reason::NoExternalShape,
            _ if !exists && unsynced(self.zone).is_empty() && self.reverse_address().is_some() => {
                Reason::NoExternalOwner
            }
            _ => explain::negative_external(self.zone, path, qtype, exists, self.state.scope(), headless),
        }
    }
}

/// The kinds whose first list is missing for the zones here: ServiceImports have no names in them.
fn unsynced(zone: &Zone) -> KindSet {
    zone.unsynced().without(Kind::ServiceImport)
}

#[cfg(test)]
mod tests;
