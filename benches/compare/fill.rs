//! The cluster's objects, made through the API server.

use std::collections::BTreeSet;
use std::thread;

use crate::api::Api;
use crate::names::{LARGE, Service, services};
use crate::objects;

const WRITERS: usize = 8;

/// Makes the namespaces, Services and slices of a cluster of that size; those that are there stay.
pub fn fill(count: usize) {
    let mut api = Api::connect();
    let namespaces: BTreeSet<_> = services(count).chain([LARGE]).map(Service::namespace).collect();
    for name in namespaces {
        create(&mut api, "/api/v1/namespaces", &objects::namespace(&name));
    }
    put(&mut api, LARGE);
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
    let namespace = service.namespace();
    create(api, &format!("/api/v1/namespaces/{namespace}/services"), &objects::service(service));
    let path = format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices");
    create(api, &path, &objects::slice(service));
}

fn create(api: &mut Api, path: &str, object: &serde_json::Value) {
    if let Err(refused) = api.create(path, object) {
        // Of a Service that is there, the address is refused before the name.
        let is_there = refused.status == 409 || refused.message.contains("already allocated");
        assert!(is_there, "{path}: {}", refused.message);
    }
}
