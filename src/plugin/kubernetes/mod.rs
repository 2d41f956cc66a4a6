#![doc = include_str!("README.md")]
//!
//! # How an answer is found
//!
//! The name's place in the zone ([`Path`]) decides: `service` answers Services, endpoints and ports, `pod` addresses of
//! Pods, `apex` what the zone says of itself, `reverse` addresses. Each says what it `Found`, and this file turns that
//! into a reply: SOA record, RCODE, fallthrough, reason.
//!
//! Hot path. One load of the generation, one or two probes of its tables, and the records written in place.

mod apex;
mod external;
mod fqdn;
mod limits;
mod multicluster;
mod options;
mod pod;
mod reverse;
mod reverse_transfer;
mod service;
mod setup;
mod transfer;
mod zonal;

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

pub use options::{Options, PodMode};
pub use setup::setup;

use super::origin::{self, Origins};
use super::{Lookup, Next, Plugin, Reply, ZoneTransfer};
use crate::cluster::Watch;
use crate::dns::{Failure, FailureKind, Owner, Query, Rcode, RecordType, Response, Section};
use crate::explain::{self, Reason, Scope};
use crate::zone::{Kind, KindSet, Path, Reader, Zone};

/// The plugin: the zones of one directive, answered from one watch.
pub struct Kubernetes {
    state: Arc<State>,
}

struct State {
    options: Options,
    /// The zones with what is asked of each query.
    origins: Origins<Sort>,
    reader: Reader,
    local: Vec<IpAddr>,
    lookup: Arc<Lookup>,
    /// Keeps the watch going.
    _watch: Arc<Watch>,
}

/// What the plugin knows of each of its zones.
struct Sort {
    is_reverse: bool,
    /// Whether imports answer, and not Services.
    is_multicluster: bool,
}

type Origin = origin::Origin<Sort>;

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
enum Found {
    /// Records were written.
    Records,
    /// The name exists, without records of the type.
    NoData,
    /// The name does not exist.
    NameError,
    /// The name is an alias of this one (unfolded wire form), which has to be followed.
    Cname(Box<[u8]>),
}

impl Kubernetes {
    /// Answers from what `watch` sees; `local` are the addresses that the server's own Services are found by.
    #[must_use]
    pub fn new(options: Options, watch: Arc<Watch>, local: Vec<IpAddr>, lookup: Arc<Lookup>) -> Self {
        let origins = Origins::new(&options.zones, &options.fallthrough, |zone| Sort {
            is_reverse: zone.is_reverse(),
            is_multicluster: options.is_multicluster(zone),
        });
        let reader = watch.reader();
        Self { state: Arc::new(State { options, origins, reader, local, lookup, _watch: watch }) }
    }
}

impl Plugin for Kubernetes {
    fn name(&self) -> &'static str {
        "kubernetes"
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
        if matches!(query.qtype(), RecordType::AXFR | RecordType::IXFR) {
            return Reply::failed(Failure::new(FailureKind::TransferRefused));
        }
        let zone = state.reader.load();
        let ask = Ask { query, zone: &zone, state, origin, origin_at };
        // The zone is as fast as a cache, and what it says now must not be said later.
        response.set_uncacheable();
        let found = if origin.kind.is_reverse { ask.reverse(response) } else { ask.forward(response) };
        match found {
            Found::Records => {
                response.set_authoritative();
                Reply::answered()
            }
            Found::Cname(target) => external::follow(&self.state, &ask, target, response),
            Found::NameError if origin.falls_through(query) => {
                response.begin(query);
                next.serve(query, response)
            }
            Found::NoData | Found::NameError => {
                ask.negative(response, matches!(found, Found::NoData));
                Reply::answered()
            }
        }
    }
}

// === impl State ===

impl State {
    fn scope(&self) -> Scope<'_> {
        Scope {
            namespaces: self.options.namespaces.as_deref(),
            pods: self.options.pods != PodMode::Disabled,
            endpoints: self.options.watch.endpoints,
        }
    }
}

// === impl Sort ===

impl Sort {
    /// The kind that no name of the zone waits for: a cluster without the CustomResourceDefinition of imports has names of
    /// its own all the same.
    fn waits_not_for(&self) -> Kind {
        if self.is_multicluster { Kind::Service } else { Kind::ServiceImport }
    }
}

// === impl Ask ===

impl<'a> Ask<'a> {
    fn path(&self) -> Path<'a> {
        if self.origin.kind.is_multicluster {
            return Path::of_multicluster(self.query, self.origin.labels);
        }
        match Path::of(self.query, self.origin.labels) {
            Path::Unknown if self.state.options.watch.zonal => {
                Path::zonal(self.query, self.origin.labels).unwrap_or(Path::Unknown)
            }
            path => path,
        }
    }

    /// The kinds whose first list is missing for this zone to know that a name does not exist.
    fn unsynced(&self) -> KindSet {
        self.zone.unsynced().without(self.origin.kind.waits_not_for())
    }

    fn serial(&self) -> u32 {
        if self.origin.kind.is_multicluster { self.zone.import_serial() } else { self.zone.serial() }
    }

    fn ttl_s(&self) -> u32 {
        self.state.options.ttl_s
    }

    /// The origin as the client spelled it, which every name built from it keeps.
    fn origin_original(&self) -> &'a [u8] {
        &self.query.name_original()[self.origin_at..]
    }

    /// Where the origin stands in the message.
    fn origin_offset(&self) -> usize {
        crate::dns::HEADER_LEN + self.origin_at
    }

    /// Whether names of the namespace exist: it is exposed, and the API has it.
    fn has_namespace(&self, namespace: &[u8]) -> bool {
        self.state.options.exposes(namespace) && self.zone.has_namespace(namespace)
    }

    fn forward(&self, response: &mut Response) -> Found {
        let path = self.path();
        let qtype = self.query.qtype();
        // As CoreDNS: there is one SOA record, and no name below the apex is looked at for it.
        if qtype == RecordType::SOA && path != Path::Apex {
            return Found::NoData;
        }
        match path {
            Path::Service(path) if self.origin.kind.is_multicluster => self.import(&path, response),
            Path::Service(service) => self.service(&service, response),
            Path::Apex => self.apex(response),
            Path::DnsVersion => self.dns_version(response),
            Path::NameServer => self.name_server(response),
            Path::Pod { label, namespace } => self.pod(label, namespace, response),
            Path::Branch(_) => without_text(qtype),
            Path::Namespace(branch, namespace) => self.namespace(branch, namespace),
            Path::Unknown => Found::NameError,
        }
    }

    /// An answer without records: NOERROR or NXDOMAIN with the SOA record (RFC 2308 §2), SERVFAIL while a missing name
    /// may yet turn up, and the reason for who asked with EDNS.
    fn negative(&self, response: &mut Response, exists: bool) {
        response.set_authoritative();
        response.set_rcode(match exists {
            true => Rcode::NOERROR,
            false if self.unsynced().is_empty() => Rcode::NXDOMAIN,
            false => Rcode::SERVFAIL,
        });
        self.write_soa(response, Section::Authority, Owner::At(self.origin_offset()));
        if response.takes_extended_error() {
            let reason = self.reason(exists);
            response.explain(reason.info_code(), |text| {
                let _ = write!(text, "{reason}"); // A String takes everything.
            });
        }
    }

    fn reason(&self, exists: bool) -> Reason<'_> {
        let unsynced = self.unsynced();
        if !exists && !unsynced.is_empty() {
            return Reason::NotSynced(unsynced);
        }
        if self.origin.kind.is_reverse {
            return match exists {
                true => Reason::NoType { asked: self.query.qtype() },
                false => Reason::NoOwner,
            };
        }
        let (path, qtype, scope) = (self.path(), self.query.qtype(), self.state.scope());
        if self.origin.kind.is_multicluster {
            return explain::negative_import(self.zone, &path, qtype, exists, scope);
        }
        if !exists && let Some(word) = Path::zone_word(self.query, self.origin.labels) {
            match word {
                _ if !self.state.options.watch.zonal => return Reason::ZonalNotSet,
                b"pin" | b"prefer" => {}
                word => return Reason::NoZoneWord { word },
            }
        }
        explain::negative(self.zone, &path, qtype, exists, scope)
    }
}

/// An empty non-terminal: no data. For TXT CoreDNS says that there is no such name, and so do we.
fn without_text(qtype: RecordType) -> Found {
    if qtype == RecordType::TXT { Found::NameError } else { Found::NoData }
}
