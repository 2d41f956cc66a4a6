//! Objects as the API server takes and stores them.

use serde_json::{Value, json};

use crate::names::Service;

/// The label that tells how large a cluster an object is a part of (`growth`).
pub const TIER: &str = "growth-tier";

/// A namespace.
pub fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "status": {"phase": "Active"}})
}

/// A Service with one port.
pub fn service(service: Service) -> Value {
    let address = if service.is_headless() { "None".to_owned() } else { service.cluster_ip() };
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": service.name(), "namespace": service.namespace()},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": address,
            "clusterIPs": [address],
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "sessionAffinity": "None",
            "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080}],
        },
    })
}

/// The endpoints of a Service in one slice.
pub fn slice(service: Service) -> Value {
    let (name, namespace) = (service.name(), service.namespace());
    let endpoints = service.endpoints().enumerate().map(|(at, address)| {
        let hostname = service.is_headless().then(|| format!("{name}-{at}"));
        json!({
            "addresses": [address],
            "conditions": {"ready": true, "serving": true},
            "hostname": hostname,
            "nodeName": format!("node-{at}"),
            "targetRef": {"kind": "Pod", "namespace": namespace, "name": pod_name(service, at),
                "uid": format!("00000000-0000-4000-8000-{at:012}")},
        })
    });
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": namespace, "labels": {"kubernetes.io/service-name": name,
            "endpointslice.kubernetes.io/managed-by": "compare"}},
        "addressType": "IPv4",
        "endpoints": endpoints.collect::<Vec<_>>(),
        "ports": [{"name": "http", "protocol": "TCP", "port": 8080}],
    })
}

/// The Pods behind a Service, each with what a running one has: two kilobytes that a DNS server has no use for.
pub fn pods(service: Service) -> impl Iterator<Item = Value> {
    service.endpoints().enumerate().map(move |(at, address)| {
        let mounts = json!([{"name": "token", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true}]);
        let conditions = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
        let conditions = conditions.map(|kind| json!({"type": kind, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}));
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": pod_name(service, at), "namespace": service.namespace(), "generateName": format!("{}-5d8f9c7b6d-", service.name()),
                "labels": {"app": service.name(), "pod-template-hash": "5d8f9c7b6d"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{}-5d8f9c7b6d", service.name()),
                    "uid": "00000000-0000-4000-8000-000000000001", "controller": true, "blockOwnerDeletion": true}]},
            "spec": {
                "containers": [{"name": "app", "image": format!("registry.example.com/shop/{}:1.2.3", service.name()),
                    "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                    "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "POD_IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}}],
                    "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
                    "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10},
                    "volumeMounts": mounts, "imagePullPolicy": "IfNotPresent",
                    "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}],
                "volumes": [{"name": "token", "projected": {"defaultMode": 420, "sources": [{"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}]}}],
                "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "nodeName": format!("node-{at}"), "serviceAccountName": "default",
                "schedulerName": "default-scheduler", "terminationGracePeriodSeconds": 30, "securityContext": {}, "enableServiceLinks": true},
            "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "hostIP": "192.0.2.1", "hostIPs": [{"ip": "192.0.2.1"}],
                "startTime": "2026-01-01T00:00:00Z", "qosClass": "Burstable", "conditions": conditions,
                "containerStatuses": [{"name": "app", "ready": true, "started": true, "restartCount": 0,
                    "image": format!("registry.example.com/shop/{}:1.2.3", service.name()),
                    "imageID": format!("registry.example.com/shop/{}@sha256:{:064x}", service.name(), at),
                    "containerID": format!("containerd://{at:064x}"), "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]},
        })
    })
}

fn pod_name(service: Service, at: usize) -> String {
    format!("{}-5d8f9c7b6d-{at:05}", service.name())
}
