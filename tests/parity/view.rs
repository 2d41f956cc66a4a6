//! What the API server has, as far as questions are made of it. Read back and not taken from what was sent: addresses
//! are given and slices made on the way.

use serde_json::Value;

use crate::api::Api;

pub struct View {
    pub services: Vec<Service>,
    pub slices: Vec<Slice>,
    pub pods: Vec<Pod>,
    pub imports: Vec<Import>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    ClusterIp,
    Headless,
    External,
}

pub struct Service {
    pub namespace: String,
    pub name: String,
    pub kind: Kind,
    pub addresses: Vec<String>,
    /// Those of load balancers, and external ones.
    pub outside: Vec<String>,
    pub ports: Vec<Port>,
}

pub struct Port {
    pub name: String,
    pub protocol: String,
}

pub struct Slice {
    pub namespace: String,
    pub service: Option<String>,
    /// The cluster that exports it.
    pub cluster: Option<String>,
    pub endpoints: Vec<Endpoint>,
    pub ports: Vec<Port>,
}

pub struct Endpoint {
    pub addresses: Vec<String>,
    pub hostname: Option<String>,
    pub is_ready: bool,
    pub target: Option<String>,
}

pub struct Pod {
    pub namespace: String,
    pub name: String,
    pub addresses: Vec<String>,
}

pub struct Import {
    pub namespace: String,
    pub name: String,
    pub addresses: Vec<String>,
    pub ports: Vec<Port>,
}

impl View {
    pub fn read(api: &mut Api) -> Self {
        let services = api.list("/api/v1/services");
        let slices = api.list("/apis/discovery.k8s.io/v1/endpointslices");
        let pods = api.list("/api/v1/pods");
        let imports = api.list("/apis/multicluster.x-k8s.io/v1alpha1/serviceimports");
        let mut slices: Vec<Slice> = slices.iter().map(slice).collect();
        // Names that a controller drew must not decide about the order.
        slices.sort_by_cached_key(|slice| {
            let first = slice.endpoints.first().and_then(|endpoint| endpoint.addresses.first().cloned());
            (slice.namespace.clone(), slice.service.clone(), slice.cluster.clone(), first)
        });
        Self {
            services: services.iter().map(service).collect(),
            slices,
            pods: pods.iter().map(pod).collect(),
            imports: imports.iter().map(import).collect(),
        }
    }

    pub fn kind(&self, namespace: &str, service: &str) -> Option<Kind> {
        let is = |of: &&Service| of.namespace == namespace && of.name == service;
        self.services.iter().find(is).map(|service| service.kind)
    }
}

fn service(value: &Value) -> Service {
    let spec = &value["spec"];
    let kind = match (spec["type"].as_str(), spec["clusterIP"].as_str()) {
        (Some("ExternalName"), _) => Kind::External,
        (_, Some("None")) => Kind::Headless,
        _ => Kind::ClusterIp,
    };
    let ingress = value["status"]["loadBalancer"]["ingress"].as_array().into_iter().flatten();
    let balanced = ingress.filter_map(|ingress| ingress["ip"].as_str().map(str::to_owned));
    Service {
        namespace: text(&value["metadata"]["namespace"]),
        name: text(&value["metadata"]["name"]),
        kind,
        addresses: texts(&spec["clusterIPs"]).into_iter().filter(|address| address != "None").collect(),
        outside: balanced.chain(texts(&spec["externalIPs"])).collect(),
        ports: ports(&spec["ports"]),
    }
}

fn slice(value: &Value) -> Slice {
    let labels = &value["metadata"]["labels"];
    let label = |name: &str| labels[name].as_str().map(str::to_owned);
    Slice {
        namespace: text(&value["metadata"]["namespace"]),
        service: label("kubernetes.io/service-name")
            .or_else(|| label("multicluster.kubernetes.io/service-name")),
        cluster: label("multicluster.kubernetes.io/source-cluster"),
        endpoints: value["endpoints"].as_array().into_iter().flatten().map(endpoint).collect(),
        ports: ports(&value["ports"]),
    }
}

fn endpoint(value: &Value) -> Endpoint {
    Endpoint {
        addresses: texts(&value["addresses"]),
        hostname: value["hostname"].as_str().map(str::to_owned),
        is_ready: value["conditions"]["ready"] != Value::Bool(false),
        target: value["targetRef"]["name"].as_str().map(str::to_owned),
    }
}

fn pod(value: &Value) -> Pod {
    let addresses = value["status"]["podIPs"].as_array().into_iter().flatten();
    Pod {
        namespace: text(&value["metadata"]["namespace"]),
        name: text(&value["metadata"]["name"]),
        addresses: addresses.map(|address| text(&address["ip"])).collect(),
    }
}

fn import(value: &Value) -> Import {
    Import {
        namespace: text(&value["metadata"]["namespace"]),
        name: text(&value["metadata"]["name"]),
        addresses: texts(&value["spec"]["ips"]),
        ports: ports(&value["spec"]["ports"]),
    }
}

fn ports(value: &Value) -> Vec<Port> {
    let ports = value.as_array().into_iter().flatten();
    ports
        .map(|port| Port { name: text(&port["name"]), protocol: text(&port["protocol"]).to_lowercase() })
        .collect()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
