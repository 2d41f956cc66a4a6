//! ServiceImports of the Multi-Cluster Services API, with the EndpointSlices that two clusters export. No controller of
//! theirs runs here, so the objects stand as it would leave them.

use serde_json::{Value, json};

use crate::api::Api;
use crate::lab::until;
use crate::objects::{Object, Objects, at, dns, host, http, port, unready};

/// The definition of the kind: no more of it than the API server needs to keep one.
const DEFINITION: &str = include_str!("serviceimports.json");

const CLUSTERS: [&str; 2] = ["east", "west"];

/// Makes the kind known, and waits until it is served.
pub fn define(api: &mut Api) {
    let definition: Value = serde_json::from_str(DEFINITION).expect("the definition is JSON");
    match api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition) {
        Ok(_) => {}
        Err(refused) if refused.status == 409 => {}
        Err(refused) => panic!("the definition of ServiceImport: {refused:?}"),
    }
    until("the kind ServiceImport", || api.get("/apis/multicluster.x-k8s.io/v1alpha1/serviceimports").ok());
}

pub fn objects(all: &mut Objects) {
    let ports = json!([http()]);
    import(all, "a", "ccsip", json!({"type": "ClusterSetIP", "ips": ["10.90.0.1"], "ports": ports}));
    import(
        all,
        "a",
        "ccsdual",
        json!({"type": "ClusterSetIP", "ips": ["10.90.0.2", "fd00:90::2"], "ports": dns()}),
    );
    import(all, "a", "ccsnoports", json!({"type": "ClusterSetIP", "ips": ["10.90.0.3"], "ports": []}));
    import(all, "a", "ccsnoip", json!({"type": "ClusterSetIP", "ports": ports}));
    import(all, "a", "cch", json!({"type": "Headless", "ports": ports}));
    import(all, "a", "cchempty", json!({"type": "Headless", "ports": ports}));
    import(all, "a", "cchdual", json!({"type": "Headless", "ports": dns()}));
    import(all, "b", "ccsip", json!({"type": "ClusterSetIP", "ips": ["10.90.1.1"], "ports": ports}));
    // The same name as a Service of the cluster.
    import(
        all,
        "a",
        "cip",
        json!({"type": "ClusterSetIP", "ips": ["10.90.0.7"], "ports": [port(8, "eight", "TCP")]}),
    );
    for (number, cluster) in CLUSTERS.iter().enumerate() {
        let address = |last: usize| format!("10.91.{number}.{last}");
        let endpoints = vec![
            host(&address(1), "web-0"),
            at(&address(2)),
            unready(&address(3)),
            host(&format!("10.91.9.{number}"), "web-1"),
        ];
        export(all, "cch", cluster, "IPv4", endpoints, json!([http()]));
        export(
            all,
            "cchdual",
            cluster,
            "IPv4",
            vec![host(&address(11), "d"), host("10.91.9.9", "shared")],
            dns(),
        );
        export(
            all,
            "cchdual",
            cluster,
            "IPv6",
            vec![host(&format!("fd00:91:{}::", number + 1), "d"), at(&format!("fd00:91:{}::7", number + 1))],
            dns(),
        );
        export(all, "ccsip", cluster, "IPv4", vec![at(&address(21))], json!([http()]));
        export(all, "cchnoimport", cluster, "IPv4", vec![at(&address(31))], json!([http()]));
    }
}

fn import(all: &mut Objects, namespace: &str, name: &str, spec: Value) {
    let path = format!("/apis/multicluster.x-k8s.io/v1alpha1/namespaces/{namespace}/serviceimports");
    let body = json!({"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ServiceImport", "metadata": {"name": name, "labels": {}}, "spec": spec});
    all.push(Object::new(path, body));
}

fn export(
    all: &mut Objects,
    service: &str,
    cluster: &str,
    family: &str,
    endpoints: Vec<Value>,
    ports: Value,
) {
    let name = format!("mc-{service}-{cluster}-{}", family.to_ascii_lowercase());
    all.push(Object::slice("a", &name, None, family, endpoints, ports).labels(json!({
        "multicluster.kubernetes.io/service-name": service,
        "multicluster.kubernetes.io/source-cluster": cluster,
    })));
}
