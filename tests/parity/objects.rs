//! What is put into the cluster: the objects as they are sent, and how they get there.

use serde_json::{Value, json};

use crate::api::{Api, Refused};

/// An object on its way to the API server.
pub struct Object {
    pub path: String,
    pub body: Value,
    /// What a kubelet or a cloud would write into its status.
    pub status: Option<Value>,
    /// Deleted at once, and kept by a finalizer: a Pod that is terminating.
    pub is_deleted: bool,
    /// What no API server of today takes any more, or not every one: a refusal is counted and no mistake of ours.
    pub may_be_refused: bool,
}

/// The objects of a run in the order in which they are made.
#[derive(Default)]
pub struct Objects(pub Vec<Object>);

/// What became of them.
#[derive(Default)]
pub struct Made {
    pub count: usize,
    /// What the API server said about those that it did not take.
    pub refused: Vec<String>,
}

// === impl Object ===

impl Object {
    pub fn new(path: impl Into<String>, body: Value) -> Self {
        Self { path: path.into(), body, status: None, is_deleted: false, may_be_refused: false }
    }

    pub fn namespace(name: &str, labels: Value) -> Self {
        Self::new("/api/v1/namespaces", json!({"metadata": {"name": name, "labels": labels}}))
    }

    /// A Service of this spec.
    pub fn service(namespace: &str, name: &str, spec: Value) -> Self {
        Self::new(
            format!("/api/v1/namespaces/{namespace}/services"),
            json!({"metadata": {"name": name, "labels": {}}, "spec": spec}),
        )
    }

    /// An EndpointSlice of this Service, or of none. Ports that are null are left out.
    pub fn slice(
        namespace: &str,
        name: &str,
        service: Option<&str>,
        family: &str,
        endpoints: Vec<Value>,
        ports: Value,
    ) -> Self {
        let labels = service.map_or(json!({}), |service| json!({"kubernetes.io/service-name": service}));
        let mut body = json!({"metadata": {"name": name, "labels": labels}, "addressType": family, "endpoints": endpoints});
        if !ports.is_null() {
            body["ports"] = ports;
        }
        Self::new(format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"), body)
    }

    /// A Pod with these addresses, as its kubelet would report it.
    pub fn pod(namespace: &str, name: &str, addresses: &[&str], phase: &str, is_ready: bool) -> Self {
        let mut pod = Self::new(
            format!("/api/v1/namespaces/{namespace}/pods"),
            json!({"metadata": {"name": name, "labels": {}}, "spec": {
                "containers": [{"name": "c", "image": "registry.example.org/c:1"}],
                "nodeName": NODE, "terminationGracePeriodSeconds": 600,
            }}),
        );
        let all: Vec<Value> = addresses.iter().map(|address| json!({"ip": address})).collect();
        pod.status = Some(json!({
            "phase": phase, "podIP": addresses.first().copied().unwrap_or_default(), "podIPs": all,
            "conditions": [{"type": "Ready", "status": if is_ready { "True" } else { "False" }}],
        }));
        pod
    }

    pub fn labels(mut self, labels: Value) -> Self {
        for (key, value) in labels.as_object().into_iter().flatten() {
            self.body["metadata"]["labels"][key] = value.clone();
        }
        self
    }

    pub fn status(mut self, status: Value) -> Self {
        self.status = Some(status);
        self
    }

    pub fn spec(mut self, key: &str, value: Value) -> Self {
        self.body["spec"][key] = value;
        self
    }

    pub fn may_be_refused(mut self) -> Self {
        self.may_be_refused = true;
        self
    }

    pub fn deleted(mut self) -> Self {
        self.body["metadata"]["finalizers"] = json!(["parity.example.org/keep"]);
        self.is_deleted = true;
        self
    }

    fn name(&self) -> &str {
        self.body["metadata"]["name"].as_str().unwrap_or_default()
    }
}

/// The node of all Pods: the EndpointSlice controller leaves out those of a node that does not exist.
pub const NODE: &str = "node-a";

// === impl Objects ===

impl Objects {
    pub fn push(&mut self, object: Object) {
        self.0.push(object);
    }

    /// Makes all of them. What is refused and may not be ends the run.
    pub fn make(&self, api: &mut Api) -> Made {
        let mut made = Made::default();
        for object in &self.0 {
            match make(api, object) {
                Ok(()) => made.count += 1,
                Err(refused) if object.may_be_refused && refused.status == 422 => {
                    made.refused.push(refused.message)
                }
                Err(refused) => panic!("{}/{}: {refused:?}\n{}", object.path, object.name(), object.body),
            }
        }
        made
    }
}

fn make(api: &mut Api, object: &Object) -> Result<(), Refused> {
    api.create(&object.path, &object.body)?;
    let path = format!("{}/{}", object.path, object.name());
    if let Some(status) = &object.status {
        api.patch(&format!("{path}/status"), &json!({ "status": status }))?;
    }
    if object.is_deleted {
        api.delete(&path)?;
    }
    Ok(())
}

// === parts ===

/// A port without a name has `""`.
pub fn port(number: u16, name: &str, protocol: &str) -> Value {
    let mut port = json!({"port": number, "protocol": protocol});
    if !name.is_empty() {
        port["name"] = json!(name);
    }
    port
}

pub fn http() -> Value {
    port(80, "http", "TCP")
}

/// The two ports of every DNS Service: the same number.
pub fn dns() -> Value {
    json!([port(53, "dns", "UDP"), port(53, "dns-tcp", "TCP")])
}

/// A ready endpoint.
pub fn at(address: &str) -> Value {
    json!({"addresses": [address], "conditions": {"ready": true}})
}

/// A ready endpoint with a hostname.
pub fn host(address: &str, hostname: &str) -> Value {
    with(at(address), "hostname", json!(hostname))
}

/// An endpoint that is not ready.
pub fn unready(address: &str) -> Value {
    with(at(address), "conditions", json!({"ready": false}))
}

/// A ready endpoint of a Pod.
pub fn of_pod(address: &str, pod: &str) -> Value {
    with(at(address), "targetRef", json!({"kind": "Pod", "name": pod, "namespace": "a"}))
}

pub fn with(mut value: Value, key: &str, part: Value) -> Value {
    value[key] = part;
    value
}
