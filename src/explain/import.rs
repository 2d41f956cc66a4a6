//! The reasons for a negative answer in a multicluster zone.

use super::reason::{Reason, Scope, beside_services, in_the_way, ports_of};
use crate::dns::RecordType;
use crate::zone::{Detail, Kind, Path, ServiceKind, ServicePath, Zone};

/// What [`super::negative`] is for other zones: Services of this cluster are not looked at.
#[must_use]
pub fn negative_import<'z>(
    zone: &'z Zone,
    path: &Path<'z>,
    asked: RecordType,
    exists: bool,
    scope: Scope<'z>,
) -> Reason<'z> {
    if let Some(reason) = in_the_way(zone, Kind::Service, path.namespace(), exists, scope) {
        return reason;
    }
    match path {
        Path::Service(import) if !exists => of_import(zone, import),
        _ => beside_services(path, asked, exists, scope, Reason::NoImportShape),
    }
}

fn of_import<'z>(zone: &'z Zone, path: &ServicePath<'z>) -> Reason<'z> {
    let Some(import) = zone.import(path.key) else { return Reason::NoImport { path: *path } };
    let service = &import.service;
    let (ready, unready) = (service.endpoints_ready(), service.endpoints_unready());
    let total = ready + unready;
    match path.detail {
        Detail::Member { endpoint: label, cluster } => {
            let slices = || import.slices_of(cluster).map(|(slice, _)| slice);
            let ready = slices().map(|slice| slice.endpoints().len()).sum();
            let unready: usize = slices().map(|slice| slice.unready as usize).sum();
            match slices().next() {
                Some(_) => Reason::NoEndpoint { label, ready, total: ready + unready },
                None => Reason::NoCluster { cluster },
            }
        }
        Detail::Endpoint(_) => Reason::NoClusterLabel,
        _ if service.kind == ServiceKind::ClusterIp && service.ports.is_empty() => Reason::NoImportPorts,
        Detail::Port { port, .. } if ready > 0 || service.kind == ServiceKind::ClusterIp => {
            Reason::NoPort { port, ports: ports_of(service) }
        }
        _ => Reason::NoneReady { ready, total },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::dns::Query;
    use crate::plugin::question_packet;
    use crate::zone::{
        Endpoint, Import, ImportedSlice, KindSet, Port, Protocol, Service, ServiceKey, Slice, Writer,
    };

    const SCOPE: Scope<'static> = Scope { namespaces: None, pods: false, endpoints: true };

    fn writer() -> Writer {
        let mut writer = Writer::new(KindSet::EMPTY);
        writer.insert_namespace(b"demo");
        writer.insert_namespace(b"other");
        let key = |service: &str| ServiceKey::new(service, "demo").unwrap();
        let port = || vec![Port { number: Some(80), name: b"http"[..].into(), protocol: Protocol::Tcp }];
        let endpoint = Endpoint { address: "192.0.2.1".parse().unwrap(), name: Some(b"db-0") };
        let db = ImportedSlice::new(Slice::new(key("db"), port(), vec![endpoint], 1), Some("cluster-a"));
        writer.insert_import(Import::new(vec![db], |slices| Service::headless(key("db"), slices)));
        let idle = ImportedSlice::new(Slice::new(key("idle"), port(), vec![], 2), Some("cluster-a"));
        writer.insert_import(Import::new(vec![idle], |slices| Service::headless(key("idle"), slices)));
        let ip = ["10.42.42.42".parse().unwrap()];
        let web = |name, ports| move |slices| Service::cluster_ip(key(name), &ip, ports, slices);
        writer.insert_import(Import::new(vec![], web("web", port())));
        writer.insert_import(Import::new(vec![], web("portless", vec![])));
        let own = Service::cluster_ip(key("own"), &ip, port(), Vec::<Arc<Slice>>::new());
        writer.insert_service(own);
        writer
    }

    fn because(writer: &Writer, name: &str, scope: Scope<'_>) -> String {
        let name: crate::dns::Name = format!("{name}.clusterset.local").parse().unwrap();
        let packet = question_packet(1, name.as_wire(), RecordType::A, None);
        let query = Query::parse(&packet, crate::dns::test_origin()).unwrap();
        let path = Path::of_multicluster(&query, 2);
        negative_import(writer.draft(), &path, RecordType::A, false, scope).to_string()
    }

    #[test]
    fn each_reason_of_an_import_reads_as_a_sentence() {
        let writer = writer();
        for (name, reason) in [
            ("own.demo.svc", "no service 'own' is imported into namespace 'demo'"),
            ("web.dmo.svc", "namespace 'dmo' not found, did you mean 'demo'?"),
            ("idle.demo.svc", "no endpoint is ready (0 of 2)"),
            ("db-9.cluster-a.db.demo.svc", "no ready endpoint 'db-9' (1 of 2 are ready)"),
            ("db-0.cluster-b.db.demo.svc", "no endpoint of the import is in a cluster 'cluster-b'"),
            ("http.tcp.db.demo.svc", "no endpoint of the import is in a cluster 'tcp'"),
            ("db-0.db.demo.svc", "endpoints here are ENDPOINT.CLUSTER.SERVICE.NAMESPACE.svc"),
            ("_sql._tcp.db.demo.svc", "no port 'sql', it has: _http._tcp"),
            ("_sql._tcp.web.demo.svc", "no port 'sql', it has: _http._tcp"),
            ("portless.demo.svc", "the import has no port, and so no name"),
            ("10-0-0-1.demo.pod", "names of pods are disabled in the Corefile"),
            ("example", "names here are SERVICE.NAMESPACE.svc or ENDPOINT.CLUSTER.SERVICE.NAMESPACE.svc"),
        ] {
            assert_eq!(because(&writer, name, SCOPE), reason, "{name}");
        }
    }

    #[test]
    fn what_is_hidden_is_not_named() {
        let exposed = [Box::<[u8]>::from(&b"other"[..])];
        let scope = Scope { namespaces: Some(&exposed), ..SCOPE };
        assert_eq!(because(&writer(), "db.demo.svc", scope), "namespace 'demo' is not exposed here");
        assert_eq!(because(&writer(), "db.dem.svc", scope), "namespace 'dem' not found");
    }

    #[test]
    fn services_are_not_waited_for() {
        let writer = Writer::new(KindSet::EMPTY.with(Kind::Service).with(Kind::ServiceImport));
        assert_eq!(
            because(&writer, "web.demo.svc", SCOPE),
            "not synced with the API server yet: serviceimports"
        );
    }
}
