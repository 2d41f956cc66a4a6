//! The cluster's objects, made through the API server.

use std::thread;

use serde_json::json;

use crate::api::Api;
use crate::names::{Service, services};

const WRITERS: usize = 8;

/// Makes the namespaces, Services and slices of a cluster of that size; those that are there stay.
pub fn fill(count: usize) {
    let mut api = Api::connect();
    let namespaces: std::collections::BTreeSet<_> = services(count).map(Service::namespace).collect();
    for name in namespaces {
        create(&mut api, "/api/v1/namespaces", &json!({"metadata": {"name": name}}));
    }
    // The last ones are there only when all are.
    let last = services(count).last().expect("a Service");
    let path =
        format!("/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices/{}", last.namespace(), last.name());
    if api.get(&path).is_ok() {
        return;
    }
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                let mut api = Api::connect();
                services(count).skip(writer).step_by(WRITERS).for_each(|service| put(&mut api, service));
            });
        }
    });
}

fn put(api: &mut Api, service: Service) {
    let (name, namespace) = (service.name(), service.namespace());
    let address = if service.is_headless() { "None".to_owned() } else { service.cluster_ip() };
    let object = json!({
        "metadata": {"name": name},
        "spec": {"clusterIP": address, "ports": [{"name": "http", "port": 80}]},
    });
    create(api, &format!("/api/v1/namespaces/{namespace}/services"), &object);
    let endpoints = service.endpoints().enumerate().map(|(at, address)| {
        let hostname = service.is_headless().then(|| format!("{name}-{at}"));
        json!({
            "addresses": [address],
            "conditions": {"ready": true, "serving": true},
            "hostname": hostname,
            "nodeName": format!("node-{at}"),
            "targetRef": {"kind": "Pod", "namespace": namespace, "name": format!("{name}-5d8f9c7b6d-{at:05}"),
                "uid": format!("00000000-0000-4000-8000-{at:012}")},
        })
    });
    let object = json!({
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name,
            "endpointslice.kubernetes.io/managed-by": "compare"}},
        "addressType": "IPv4",
        "endpoints": endpoints.collect::<Vec<_>>(),
        "ports": [{"name": "http", "port": 8080}],
    });
    create(api, &format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"), &object);
}

fn create(api: &mut Api, path: &str, object: &serde_json::Value) {
    if let Err(refused) = api.create(path, object) {
        // Of a Service that is there, the address is refused before the name.
        let is_there = refused.status == 409 || refused.message.contains("already allocated");
        assert!(is_there, "{path}: {}", refused.message);
    }
}
