//! The reasons for a negative answer in a zone of external addresses.

use super::reason::{Reason, Scope, in_the_way, missing, no_data, of_endpoints};
use crate::dns::RecordType;
use crate::zone::{Detail, ExternalPath, Kind, ServiceKind, ServicePath, Zone};

/// Why `path` has no record of type `asked` in a zone of external addresses. `exists` says whether the name exists
/// (NODATA) or not (NXDOMAIN), `headless` whether headless Services show their endpoints there.
#[must_use]
pub fn negative_external<'z>(
    zone: &'z Zone,
    path: &ExternalPath<'z>,
    asked: RecordType,
    exists: bool,
    scope: Scope<'z>,
    headless: bool,
) -> Reason<'z> {
    if let Some(reason) = in_the_way(zone, Kind::ServiceImport, path.namespace(), exists, scope) {
        return reason;
    }
    match path {
        _ if exists => no_data(asked),
        ExternalPath::Service(service) => of_service(zone, service, scope, headless),
        _ => Reason::NoExternalShape,
    }
}

fn of_service<'z>(zone: &'z Zone, path: &ServicePath<'z>, scope: Scope<'z>, headless: bool) -> Reason<'z> {
    let Some(service) = zone.service(path.key) else { return missing(zone, path, scope) };
    match (&service.external, path.detail) {
        (Some(external), Detail::Port { port, .. }) => Reason::NoPort { port, ports: &external.ports },
        (None, detail)
            if headless
                && (service.kind == ServiceKind::Headless || matches!(detail, Detail::Endpoint(_))) =>
        {
            of_endpoints(service, detail, scope)
        }
        _ => Reason::NoExternalAddress,
    }
}
