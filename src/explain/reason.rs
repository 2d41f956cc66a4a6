//! The reasons for a negative answer, and how one is found.

use std::fmt;

use crate::dns::{InfoCode, RecordType};
use crate::zone::{
    Branch, Detail, Kind, KindSet, Path, Port, Service, ServiceKey, ServiceKind, ServicePath, Zone,
};

use super::nearest;

/// What the configuration lets a client see.
#[derive(Clone, Copy)]
pub struct Scope<'s> {
    /// The namespaces that are exposed; `None` for all.
    pub namespaces: Option<&'s [Box<[u8]>]>,
    /// Whether names of pods exist (`pods insecure` or `verified`).
    pub pods: bool,
    /// Whether endpoints are watched (no `noendpoints`).
    pub endpoints: bool,
}

/// Why there is no record of the type asked for, or no such name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason<'z> {
    /// The first list of these kinds is not in.
    NotSynced(KindSet),
    /// No namespace of that name.
    NoNamespace {
        /// The label that was asked for.
        namespace: &'z [u8],
        /// The one that was perhaps meant.
        nearest: Option<&'z [u8]>,
    },
    /// The Corefile does not expose the namespace.
    NotExposed {
        /// The label that was asked for.
        namespace: &'z [u8],
    },
    /// No Service of that name here, but elsewhere.
    OtherNamespace {
        /// The name that was asked for.
        path: ServicePath<'z>,
        /// The Services of that name.
        others: &'z [ServiceKey],
        /// The namespaces that may be named; `None` for all.
        scope: Option<&'z [Box<[u8]>]>,
    },
    /// No Service of that name anywhere.
    NoService {
        /// The name that was asked for.
        path: ServicePath<'z>,
    },
    /// None of the Service's endpoints is ready.
    NoneReady {
        /// How many addresses answer.
        ready: usize,
        /// How many there are.
        total: usize,
    },
    /// The Service has endpoints, but not of that name.
    NoEndpoint {
        /// The label that was asked for.
        label: &'z [u8],
        /// How many addresses answer.
        ready: usize,
        /// How many there are.
        total: usize,
    },
    /// The Service has no such port.
    NoPort {
        /// The port's name that was asked for.
        port: &'z [u8],
        /// The ports that there are; those without a name are not shown.
        ports: &'z [Port],
    },
    /// A name for a topology zone, of a Service that is not headless.
    ZoneOfClusterIp,
    /// None of the Service's ready endpoints is in the zone.
    EmptyZone {
        /// The zone that was asked for, as wire labels.
        zone: &'z [u8],
        /// The Service.
        service: &'z Service,
    },
    /// The word before `_zone` is none that names have there.
    NoZoneWord {
        /// The label that was asked for.
        word: &'z [u8],
    },
    /// A name for a topology zone, and the Corefile does not say `zonal`.
    ZonalNotSet,
    /// A name below an ExternalName Service.
    BelowExternalName,
    /// The ExternalName's target has no record of the type.
    ExternalTarget,
    /// The name exists and has no address of this family.
    NoFamily {
        /// The type that was asked for.
        asked: RecordType,
    },
    /// The name exists and has no record of this type.
    NoType {
        /// The type that was asked for.
        asked: RecordType,
    },
    /// The Corefile says `pods disabled`.
    PodsDisabled,
    /// The label is not an address, or no Pod has it.
    NoPod {
        /// The label that was asked for.
        label: &'z [u8],
    },
    /// The Corefile says `noendpoints`.
    EndpointsNotWatched,
    /// The name is not of a shape that the DNS specification has.
    NoShape,
    /// No Service and no endpoint has the address.
    NoOwner,
    /// In a multicluster zone: no import of that name here.
    NoImport {
        /// The name that was asked for.
        path: ServicePath<'z>,
    },
    /// The import has no slice of that cluster.
    NoCluster {
        /// The label that was asked for.
        cluster: &'z [u8],
    },
    /// An endpoint of an import without its cluster, or a cluster without endpoint.
    NoClusterLabel,
    /// An import of type ClusterSetIP that has no port.
    NoImportPorts,
    /// The name is not of a shape that a multicluster zone has.
    NoImportShape,
    /// The Service is not reached from outside of the cluster.
    NoExternalAddress,
    /// The name is not of a shape that a zone of external addresses has.
    NoExternalShape,
    /// No Service has the address to the outside.
    NoExternalOwner,
}

/// Why `path` has no record of type `asked`. `exists` says whether the name exists (NODATA) or not (NXDOMAIN).
#[must_use]
pub fn negative<'z>(
    zone: &'z Zone,
    path: &Path<'z>,
    asked: RecordType,
    exists: bool,
    scope: Scope<'z>,
) -> Reason<'z> {
    // Imports are another zone's.
    if let Some(reason) = in_the_way(zone, Kind::ServiceImport, path.namespace(), exists, scope) {
        return reason;
    }
    match path {
        Path::Service(service) => of_service(zone, service, asked, exists, scope),
        _ => beside_services(path, asked, exists, scope, Reason::NoShape),
    }
}

/// What no name gets past: a list that is not in, but for that of `others`, and a namespace that is not shown.
pub(super) fn in_the_way<'z>(
    zone: &'z Zone,
    others: Kind,
    namespace: Option<&'z [u8]>,
    exists: bool,
    scope: Scope<'z>,
) -> Option<Reason<'z>> {
    let unsynced = zone.unsynced().without(others);
    if !exists && !unsynced.is_empty() {
        return Some(Reason::NotSynced(unsynced));
    }
    hidden_namespace(zone, namespace?, scope)
}

/// The reasons for names that are no Service's; `no_shape` is the zone's for one that is nothing.
pub(super) fn beside_services<'z>(
    path: &Path<'z>,
    asked: RecordType,
    exists: bool,
    scope: Scope<'z>,
    no_shape: Reason<'z>,
) -> Reason<'z> {
    match path {
        Path::Pod { .. } | Path::Namespace(Branch::Pod, _) if !scope.pods => Reason::PodsDisabled,
        Path::Pod { label, .. } if !exists => Reason::NoPod { label },
        Path::Unknown => no_shape,
        _ => no_data(asked),
    }
}

fn hidden_namespace<'z>(zone: &'z Zone, namespace: &'z [u8], scope: Scope<'z>) -> Option<Reason<'z>> {
    if zone.has_namespace(namespace) {
        return (!is_exposed(namespace, scope)).then_some(Reason::NotExposed { namespace });
    }
    let candidates =
        zone.namespaces().map(|candidate| &*candidate.label).filter(|label| is_exposed(label, scope));
    Some(Reason::NoNamespace { namespace, nearest: nearest(namespace, candidates) })
}

fn is_exposed(namespace: &[u8], scope: Scope<'_>) -> bool {
    scope.namespaces.is_none_or(|list| list.iter().any(|exposed| **exposed == *namespace))
}

fn of_service<'z>(
    zone: &'z Zone,
    path: &ServicePath<'z>,
    asked: RecordType,
    exists: bool,
    scope: Scope<'z>,
) -> Reason<'z> {
    let Some(service) = zone.service(path.key) else { return missing(zone, path, scope) };
    if matches!(service.kind, ServiceKind::ExternalName(_)) {
        return match path.detail {
            Detail::None if asked == RecordType::A || asked == RecordType::AAAA => Reason::ExternalTarget,
            Detail::None => no_data(asked),
            _ => Reason::BelowExternalName,
        };
    }
    if let Detail::Zone { name, prefer } = path.detail {
        let zone = service.zones.as_ref().and_then(|zones| zones.find(name));
        return match zone {
            _ if service.kind != ServiceKind::Headless => Reason::ZoneOfClusterIp,
            _ if service.endpoints_ready() == 0 => of_endpoints(service, Detail::None, scope),
            None if !prefer => Reason::EmptyZone { zone: name, service },
            _ => no_data(asked),
        };
    }
    if exists {
        return no_data(asked);
    }
    of_endpoints(service, path.detail, scope)
}

/// There is no such Service here.
pub(super) fn missing<'z>(zone: &'z Zone, path: &ServicePath<'z>, scope: Scope<'z>) -> Reason<'z> {
    let others = zone.services_named(path.service);
    if others.iter().any(|key| is_exposed(key.namespace(), scope)) {
        Reason::OtherNamespace { path: *path, others, scope: scope.namespaces }
    } else {
        Reason::NoService { path: *path }
    }
}

/// The Service is there, and nothing of it is what was asked for.
pub(super) fn of_endpoints<'z>(service: &'z Service, detail: Detail<'z>, scope: Scope<'z>) -> Reason<'z> {
    let (ready, unready) = (service.endpoints_ready(), service.endpoints_unready());
    let total = ready + unready;
    if !scope.endpoints && (service.kind == ServiceKind::Headless || matches!(detail, Detail::Endpoint(_))) {
        return Reason::EndpointsNotWatched;
    }
    match detail {
        Detail::Endpoint(label) if ready > 0 => Reason::NoEndpoint { label, ready, total },
        Detail::Port { port, .. } if ready > 0 || service.kind == ServiceKind::ClusterIp => {
            Reason::NoPort { port, ports: ports_of(service) }
        }
        _ => Reason::NoneReady { ready, total },
    }
}

/// The ports that names of a Service may speak of: its own, or those of its first slice where it is headless.
pub(super) fn ports_of(service: &Service) -> &[Port] {
    match service.slices.first() {
        Some(slice) if service.kind == ServiceKind::Headless => &slice.ports,
        _ => &service.ports,
    }
}

pub(super) fn no_data<'z>(asked: RecordType) -> Reason<'z> {
    match asked {
        RecordType::A | RecordType::AAAA => Reason::NoFamily { asked },
        _ => Reason::NoType { asked },
    }
}

// === impl Reason ===

impl Reason<'_> {
    /// The INFO-CODE that goes with the reason.
    #[must_use]
    pub fn info_code(&self) -> InfoCode {
        match self {
            Reason::NotSynced(_) => InfoCode::NOT_READY,
            _ => InfoCode::OTHER,
        }
    }
}

impl fmt::Display for Reason<'_> {
    /// A sentence for the person at the `dig`: what is the case, then what is there instead.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NotSynced(kinds) => {
                f.write_str("not synced with the API server yet:")?;
                kinds.iter().try_for_each(|kind| write!(f, " {}", kind.plural()))
            }
            Reason::NoNamespace { namespace, nearest } => {
                write!(f, "namespace '{}' not found", Label(namespace))?;
                nearest.map_or(Ok(()), |nearest| write!(f, ", did you mean '{}'?", Label(nearest)))
            }
            Reason::NotExposed { namespace } => {
                write!(f, "namespace '{}' is not exposed here", Label(namespace))
            }
            Reason::OtherNamespace { path, others, scope } => {
                write!(
                    f,
                    "no service '{}' in namespace '{}', but in:",
                    Label(path.service),
                    Label(path.namespace)
                )?;
                write_namespaces(f, others, *scope)
            }
            Reason::NoService { path } => {
                write!(f, "no service '{}' in namespace '{}'", Label(path.service), Label(path.namespace))
            }
            Reason::NoneReady { ready: _, total: 0 } => f.write_str("the service has no endpoints"),
            Reason::NoneReady { ready, total } => write!(f, "no endpoint is ready ({ready} of {total})"),
            Reason::NoEndpoint { label, ready, total } => {
                write!(f, "no ready endpoint '{}' ({ready} of {total} are ready)", Label(label))
            }
            Reason::NoPort { port, ports } => {
                write!(f, "no port '{}', it has:", Label(port))?;
                write_ports(f, ports)
            }
            Reason::ZoneOfClusterIp => f.write_str("only a headless service has names for a topology zone"),
            Reason::EmptyZone { zone, service } => {
                write!(f, "no ready endpoint in the topology zone '{}', but in:", ZoneName(zone))?;
                write_zones(f, service)
            }
            Reason::NoZoneWord { word } => {
                write!(f, "the word before '_zone' is 'pin' or 'prefer', not '{}'", Label(word))
            }
            Reason::ZonalNotSet => f.write_str("names for a topology zone need the option 'zonal'"),
            Reason::BelowExternalName => f.write_str("an ExternalName service has no names below it"),
            Reason::ExternalTarget => f.write_str("the target of the ExternalName has no such record"),
            Reason::NoFamily { asked } => {
                write!(
                    f,
                    "the name exists, without an IPv{} address",
                    if *asked == RecordType::A { 4 } else { 6 }
                )
            }
            Reason::NoType { asked } => write!(f, "the name exists, without a record of type {asked}"),
            Reason::PodsDisabled => f.write_str("names of pods are disabled in the Corefile"),
            Reason::NoPod { label } => write!(f, "no pod has the address '{}'", Label(label)),
            Reason::EndpointsNotWatched => f.write_str("endpoints are not watched (noendpoints)"),
            Reason::NoShape => f.write_str("names here are SERVICE.NAMESPACE.svc or ADDRESS.NAMESPACE.pod"),
            Reason::NoExternalAddress => f.write_str("the service has no external address"),
            Reason::NoExternalShape => {
                f.write_str("names here are SERVICE.NAMESPACE or _PORT._PROTOCOL.SERVICE.NAMESPACE")
            }
            Reason::NoExternalOwner => f.write_str("no service has this external address"),
            Reason::NoOwner => f.write_str("no service and no ready endpoint has this address"),
            Reason::NoImport { path } => write!(
                f,
                "no service '{}' is imported into namespace '{}'",
                Label(path.service),
                Label(path.namespace)
            ),
            Reason::NoCluster { cluster } => {
                write!(f, "no endpoint of the import is in a cluster '{}'", Label(cluster))
            }
            Reason::NoClusterLabel => {
                f.write_str("endpoints here are ENDPOINT.CLUSTER.SERVICE.NAMESPACE.svc")
            }
            Reason::NoImportPorts => f.write_str("the import has no port, and so no name"),
            Reason::NoImportShape => {
                f.write_str("names here are SERVICE.NAMESPACE.svc or ENDPOINT.CLUSTER.SERVICE.NAMESPACE.svc")
            }
        }
    }
}

/// At most this many names are listed; the rest is counted.
const LISTED_MAX: usize = 5;

fn write_namespaces(
    f: &mut fmt::Formatter<'_>,
    keys: &[ServiceKey],
    scope: Option<&[Box<[u8]>]>,
) -> fmt::Result {
    let is_exposed =
        |key: &&ServiceKey| scope.is_none_or(|list| list.iter().any(|label| **label == *key.namespace()));
    for key in keys.iter().filter(is_exposed).take(LISTED_MAX) {
        write!(f, " {}", Label(key.namespace()))?;
    }
    match keys.iter().filter(is_exposed).count().saturating_sub(LISTED_MAX) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

fn write_ports(f: &mut fmt::Formatter<'_>, ports: &[Port]) -> fmt::Result {
    let mut none = true;
    for port in ports.iter().filter(|port| !port.name.is_empty()).take(LISTED_MAX) {
        none = false;
        write!(f, " _{}._{}", Label(&port.name), Label(port.protocol.as_bytes()))?;
    }
    if none { f.write_str(" no named port") } else { Ok(()) }
}

fn write_zones(f: &mut fmt::Formatter<'_>, service: &Service) -> fmt::Result {
    let zones = service.zones.as_ref().map_or(&[][..], |zones| zones.all());
    for zone in zones.iter().take(LISTED_MAX) {
        write!(f, " {}", ZoneName(&zone.name))?;
    }
    match zones.len() {
        0 => f.write_str(" no zone"),
        1..=LISTED_MAX => Ok(()),
        many => write!(f, " and {} more", many - LISTED_MAX),
    }
}

/// The wire labels of a topology zone as text, with dots between them.
struct ZoneName<'l>(&'l [u8]);

impl fmt::Display for ZoneName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some((length, tail)) = rest.split_first()
            && let Some((label, tail)) = tail.split_at_checked(usize::from(*length))
        {
            Label(label).fmt(f)?;
            if !tail.is_empty() {
                f.write_str(".")?;
            }
            rest = tail;
        }
        Ok(())
    }
}

/// A label as text, whatever a client put into it.
struct Label<'l>(&'l [u8]);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for octet in self.0 {
            match octet {
                0x21..=0x7e => fmt::Write::write_char(f, char::from(*octet))?,
                other => write!(f, "\\{other:03}")?,
            }
        }
        Ok(())
    }
}
