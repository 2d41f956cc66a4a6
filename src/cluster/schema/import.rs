//! What the multicluster DNS specification 1.0.0 makes of ServiceImports and of the slices that belong to them.

use std::net::IpAddr;
use std::sync::Arc;

use super::super::object::{self, Address};
use super::super::problem::Problem;
use super::{ServiceFacts, port_of, slice_of};
use crate::dns::LABEL_LEN_MAX;
use crate::zone::{Import, ImportedSlice, Kind, Port, Service, ServiceKey};

/// What a ServiceImport's object says: `None` when its name or namespace cannot be a label.
pub fn import_facts(
    object: &object::ServiceImport,
    problems: &mut Vec<Problem>,
) -> Option<(ServiceKey, ServiceFacts)> {
    let meta = &object.metadata;
    let mut problem = |what| problems.push(Problem::new(Kind::ServiceImport, meta, what));
    let Some(key) = ServiceKey::new(&meta.name, &meta.namespace) else {
        problem("name and namespace must be labels of 1 to 63 octets; the import is left out".to_owned());
        return None;
    };
    let facts = match &object.spec {
        Some(spec) if spec.is_headless() => ServiceFacts::Headless,
        Some(spec) => ServiceFacts::ClusterIp {
            addresses: addresses(spec, &mut problem),
            ports: ports(spec, &mut problem),
        },
        None => ServiceFacts::ClusterIp { addresses: Box::default(), ports: Arc::default() },
    };
    Some((key, facts))
}

/// The import as the zone keeps it.
#[must_use]
pub fn import(key: &ServiceKey, facts: &ServiceFacts, slices: Vec<ImportedSlice>) -> Import {
    Import::new(slices, |slices| match facts {
        ServiceFacts::ClusterIp { addresses, ports } => {
            Service::cluster_ip(key.clone(), addresses, Arc::clone(ports), slices)
        }
        // No import has another name than this.
        ServiceFacts::Headless | ServiceFacts::ExternalName(_) | ServiceFacts::Nameless => {
            Service::headless(key.clone(), slices)
        }
    })
}

/// The slice as an import has it: `None` when it belongs to none. It may belong to a Service as well.
pub fn imported_slice(
    object: &object::EndpointSlice,
    pod_names: bool,
    problems: &mut Vec<Problem>,
) -> Option<ImportedSlice> {
    let meta = &object.metadata;
    let import = ServiceKey::new(meta.imported_service()?, &meta.namespace)?;
    let cluster = meta.source_cluster();
    let is_label = |id: &&str| id.len() <= LABEL_LEN_MAX && !id.contains('.');
    let label = cluster.filter(is_label);
    if label.is_none() {
        problems.push(Problem::new(
            Kind::EndpointSlice,
            meta,
            match cluster {
                Some(id) => format!("cluster id `{id}` is no label; its endpoints are named without it"),
                None => "no label multicluster.kubernetes.io/source-cluster; its endpoints are named without a cluster"
                    .to_owned(),
            },
        ));
    }
    Some(ImportedSlice::new(slice_of(object, import, pod_names, problems), label))
}

/// Specification §2.3.1. The addresses come from the cluster set's own controller, later than the import itself.
fn addresses(spec: &object::ImportSpec, problem: &mut impl FnMut(String)) -> Box<[IpAddr]> {
    let mut addresses = Vec::new();
    for address in spec.ips.as_deref().unwrap_or_default() {
        match address {
            Address::Ip(ip) if addresses.contains(ip) => {}
            Address::Ip(ip) => addresses.push(*ip),
            Address::Text(text) => problem(format!("clusterset IP `{text}` is no IP address; it is skipped")),
        }
    }
    addresses.into()
}

fn ports(spec: &object::ImportSpec, problem: &mut impl FnMut(String)) -> Arc<[Port]> {
    let mut ports = Vec::new();
    for port in spec.ports.as_deref().unwrap_or_default() {
        let Ok(number) = u16::try_from(port.port) else {
            problem(format!("port {} is out of range; it is skipped", port.port));
            continue;
        };
        ports.extend(port_of(Some(number), port.name.as_deref(), port.protocol.as_deref(), &mut *problem));
    }
    ports.into()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::zone::ServiceKind;

    fn import_of(spec: Value) -> (Import, Vec<String>) {
        let object = json!({"metadata": {"name": "web", "namespace": "demo"}, "spec": spec});
        let mut problems = Vec::new();
        let (key, facts) = import_facts(&serde_json::from_value(object).unwrap(), &mut problems).unwrap();
        (import(&key, &facts, vec![]), problems.iter().map(ToString::to_string).collect())
    }

    fn slice_with(labels: Value) -> (Option<ImportedSlice>, Vec<String>) {
        let object = json!({
            "metadata": {"name": "web-a", "namespace": "demo", "labels": labels},
            "endpoints": [{"addresses": ["192.0.2.1"], "hostname": "web-0"}],
        });
        let mut problems = Vec::new();
        let slice = imported_slice(&serde_json::from_value(object).unwrap(), false, &mut problems);
        (slice, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn s2_3_1_clusterset_ips_of_both_families() {
        let (import, problems) = import_of(json!({
            "type": "ClusterSetIP", "ips": ["10.42.42.42", "2001:db8::1"], "ports": [{"name": "HTTP", "port": 80}]
        }));
        assert_eq!(import.service.kind, ServiceKind::ClusterIp);
        assert_eq!((import.service.v4.len(), import.service.v6.len()), (1, 1));
        assert_eq!(*import.service.ports[0].name, *b"http");
        assert!(problems.is_empty(), "{problems:?}");
    }

    #[test]
    fn what_a_loose_schema_let_through_is_told_and_the_rest_counts() {
        let (import, problems) = import_of(json!({
            "type": "ClusterSetIP", "ips": ["10.42.42.300", "10.42.42.42"],
            "ports": [{"name": "a", "port": 70000}, {"name": "b", "port": 80, "protocol": "ICMP"}, {"port": 443}]
        }));
        assert_eq!((import.service.v4.len(), import.service.ports.len()), (1, 1));
        assert_eq!(
            problems,
            [
                "serviceimports `demo/web`: clusterset IP `10.42.42.300` is no IP address; it is skipped",
                "serviceimports `demo/web`: port 70000 is out of range; it is skipped",
                "serviceimports `demo/web`: protocol `ICMP` is none of TCP, UDP and SCTP; the port is skipped",
            ]
        );
    }

    #[test]
    fn an_import_whose_address_is_not_allocated_yet_is_no_mistake() {
        let (import, problems) = import_of(json!({"type": "ClusterSetIP", "ports": [{"port": 80}]}));
        assert!(import.service.v4.is_empty() && problems.is_empty(), "{problems:?}");
    }

    #[test]
    fn s2_4_1_endpoints_stand_below_their_cluster() {
        let (slice, problems) = slice_with(json!({
            "multicluster.kubernetes.io/service-name": "web", "multicluster.kubernetes.io/source-cluster": "Cluster-A"
        }));
        let import = import(
            &slice.as_ref().unwrap().slice.service.clone(),
            &ServiceFacts::Headless,
            vec![slice.unwrap()],
        );
        assert_eq!(import.parent(0), b"\x09cluster-a\x03web\x04demo");
        assert_eq!(import.slices_of(b"cluster-a").count(), 1);
        assert_eq!(import.slices_of(b"").count(), 0);
        assert!(problems.is_empty(), "{problems:?}");
    }

    #[test]
    fn a_cluster_without_a_label_is_told_and_leaves_a_name_that_resolves() {
        for (id, told) in [(json!("eu.west"), "cluster id `eu.west` is no label"), (json!(null), "no label ")]
        {
            let (slice, problems) = slice_with(json!({
                "multicluster.kubernetes.io/service-name": "web", "multicluster.kubernetes.io/source-cluster": id
            }));
            let slice = slice.unwrap();
            let import = import(&slice.slice.service.clone(), &ServiceFacts::Headless, vec![slice]);
            assert_eq!(import.parent(0), b"\x03web\x04demo");
            assert_eq!(import.slices_of(b"").count(), 1);
            assert!(problems[0].contains(told), "{problems:?}");
        }
    }

    #[test]
    fn a_slice_of_a_service_is_no_import() {
        assert!(slice_with(json!({"kubernetes.io/service-name": "web"})).0.is_none());
    }
}
