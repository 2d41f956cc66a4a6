//! What Kubernetes' DNS specification 1.1.0 makes of objects, as pure functions: objects in, zone values out.

mod import;

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::object::{self, Address, SliceEndpoint};
use super::problem::Problem;
use crate::dns::{LABEL_LEN_MAX, Name};
use crate::zone::{
    self, Endpoint, External, ExternalTarget, Fqdn, Kind, Port, Protocol, ServiceKey, Slice, SliceZones,
    zone_name,
};

pub use import::{import, import_facts, imported_slice};

/// What a Service says by itself, before its slices are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceFacts {
    /// §2.3: the types ClusterIP, NodePort and LoadBalancer.
    ClusterIp {
        /// The addresses, in the order given.
        addresses: Box<[IpAddr]>,
        /// The ports.
        ports: Arc<[Port]>,
    },
    /// §2.4: `clusterIP: None`.
    Headless,
    /// §2.5: an unfolded wire name.
    ExternalName(Box<[u8]>),
    /// It exists and has no name: an ExternalName whose target can be none.
    Nameless,
}

/// What a Service's object says: `None` when its name or namespace cannot be a label.
pub fn service_facts(
    object: &object::Service,
    problems: &mut Vec<Problem>,
) -> Option<(ServiceKey, ServiceFacts)> {
    let meta = &object.metadata;
    let mut problem = |what| problems.push(Problem::new(Kind::Service, meta, what));
    let Some(key) = ServiceKey::new(&meta.name, &meta.namespace) else {
        problem("name and namespace must be labels of 1 to 63 octets; the Service is left out".to_owned());
        return None;
    };
    let facts = match &object.spec {
        Some(spec) if spec.kind.as_deref() == Some("ExternalName") => external_name(spec, &mut problem),
        Some(spec) if spec.is_headless() => ServiceFacts::Headless,
        Some(spec) => cluster_ip(spec, &mut problem),
        None => cluster_ip(&object::ServiceSpec::default(), &mut problem),
    };
    Some((key, facts))
}

/// The Service as the zone keeps it: `None` when it has no name.
#[must_use]
pub fn service(key: &ServiceKey, facts: &ServiceFacts, slices: Vec<Arc<Slice>>) -> Option<zone::Service> {
    let key = key.clone();
    match facts {
        ServiceFacts::ClusterIp { addresses, ports } => {
            Some(zone::Service::cluster_ip(key, addresses, Arc::clone(ports), slices))
        }
        ServiceFacts::Headless => Some(zone::Service::headless(key, slices)),
        ServiceFacts::ExternalName(target) => Some(zone::Service::external_name(key, target.clone())),
        ServiceFacts::Nameless => None,
    }
}

/// What a Service's object says of the outside: `None` for almost every one.
pub fn external(object: &object::Service, problems: &mut Vec<Problem>) -> Option<Arc<External>> {
    let mut problem = |what| problems.push(Problem::new(Kind::Service, &object.metadata, what));
    let (mut targets, mut seen, mut given) = (Vec::new(), HashSet::new(), 0);
    for address in object.external_addresses() {
        let target = match address {
            Address::Ip(ip) => ExternalTarget::Address(*ip),
            Address::Text(text) => match wire_name(text) {
                Some(name) => ExternalTarget::Name(name),
                None => {
                    problem(format!(
                        "external address `{text}` is no IP address or domain name; it is skipped"
                    ));
                    continue;
                }
            },
        };
        given += 1;
        if seen.insert(target.clone()) {
            targets.push(target);
        }
    }
    if targets.is_empty() {
        return None;
    }
    let ports = object.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    let ports = ports
        .filter_map(|port| port_of(port.port, port.name.as_deref(), port.protocol.as_deref(), &mut problem));
    Some(Arc::new(External { targets: targets.into(), given, ports: ports.collect() }))
}

/// The slice as the zone keeps it: `None` when it belongs to no Service. `pod_names` is the option
/// `endpoint_pod_names`.
pub fn slice(object: &object::EndpointSlice, pod_names: bool, problems: &mut Vec<Problem>) -> Option<Slice> {
    let meta = &object.metadata;
    // A slice of another mechanism (multicluster) has no such label: it is nobody's here.
    let service = ServiceKey::new(meta.service_name()?, &meta.namespace)?;
    Some(slice_of(object, service, pod_names, problems))
}

fn slice_of(
    object: &object::EndpointSlice,
    service: ServiceKey,
    pod_names: bool,
    problems: &mut Vec<Problem>,
) -> Slice {
    let meta = &object.metadata;
    let mut problem = |what| problems.push(Problem::new(Kind::EndpointSlice, meta, what));
    let is_fqdn = object.address_type.as_deref() == Some("FQDN");
    let (mut ready, mut fqdns, mut unready) = (Vec::new(), Vec::new(), 0);
    for endpoint in object.endpoints.as_deref().unwrap_or_default() {
        let addresses = endpoint.addresses.as_deref().unwrap_or_default();
        if !endpoint.is_ready() {
            unready += addresses.len() as u32;
            continue;
        }
        for address in addresses {
            match address {
                // The API takes an IP address for a domain name, too.
                Address::Ip(ip) => ready.push((*ip, endpoint_label(endpoint, pod_names))),
                Address::Text(text) if is_fqdn => match fqdn(text, endpoint, pod_names) {
                    Some(fqdn) => fqdns.push(fqdn),
                    None => problem(format!("endpoint address `{text}` is no domain name; it is skipped")),
                },
                Address::Text(text) => {
                    problem(format!("endpoint address `{text}` is no IP address; it is skipped"));
                }
            }
        }
    }
    let ports = object.ports.as_deref().unwrap_or_default().iter();
    let ports = ports
        .filter_map(|port| port_of(port.port, port.name.as_deref(), port.protocol.as_deref(), &mut problem));
    let endpoints = ready.iter().map(|(address, name)| Endpoint { address: *address, name: name.as_deref() });
    let mut slice = Slice::new(service, ports.collect(), endpoints.collect(), unready);
    slice.fqdns = fqdns.into();
    slice
}

/// Puts the topology zones of the ready endpoints into `slice`, which was made of the same object.
pub fn keep_zones(object: &object::EndpointSlice, pod_names: bool, slice: &mut Slice) {
    let mut members = Vec::new();
    for endpoint in object.endpoints.iter().flatten().filter(|endpoint| endpoint.is_ready()) {
        let Some(zone) = endpoint.zone.as_deref().and_then(zone_name) else { continue };
        for address in endpoint.addresses.iter().flatten() {
            match address {
                Address::Ip(address) => {
                    let name = endpoint_label(endpoint, pod_names);
                    let held = Endpoint { address: *address, name: name.as_deref() };
                    let place = slice.endpoints().place_of(held);
                    members.extend(place.map(|place| (zone.clone(), place as u32)));
                }
                Address::Text(text) => {
                    let Some(made) = fqdn(text, endpoint, pod_names) else { continue };
                    let is_it = |held: &&mut Fqdn| held.target == made.target && held.label == made.label;
                    slice.fqdns.iter_mut().filter(is_it).for_each(|held| held.zone.clone_from(&zone));
                }
            }
        }
    }
    slice.zones = SliceZones::new(members.into_iter());
}

/// The addresses of a Pod, each once.
pub fn pod_addresses(object: &object::Pod, problems: &mut Vec<Problem>) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for address in object.addresses() {
        match address {
            Address::Ip(ip) if addresses.contains(ip) => {}
            Address::Ip(ip) => addresses.push(*ip),
            Address::Text(text) if text.is_empty() => {}
            Address::Text(text) => problems.push(Problem::new(
                Kind::Pod,
                &object.metadata,
                format!("address `{text}` is no IP address; it is skipped"),
            )),
        }
    }
    addresses
}

/// §2.3.
fn cluster_ip(spec: &object::ServiceSpec, problem: &mut impl FnMut(String)) -> ServiceFacts {
    let mut addresses = Vec::new();
    for address in spec.addresses() {
        match address {
            Address::Ip(ip) if addresses.contains(ip) => {}
            Address::Ip(ip) => addresses.push(*ip),
            Address::Text(text) if text.is_empty() => {}
            Address::Text(text) => problem(format!("cluster IP `{text}` is no IP address; it is skipped")),
        }
    }
    if addresses.is_empty() {
        problem("no cluster IP is allocated; its name has no address".to_owned());
    }
    let ports = spec.ports.as_deref().unwrap_or_default().iter();
    let ports = ports
        .filter_map(|port| port_of(port.port, port.name.as_deref(), port.protocol.as_deref(), &mut *problem));
    ServiceFacts::ClusterIp { ports: ports.collect(), addresses: addresses.into() }
}

/// §2.5. An IP address is no CNAME target, although the API takes it.
fn external_name(spec: &object::ServiceSpec, problem: &mut impl FnMut(String)) -> ServiceFacts {
    let text = spec.external_name.as_deref().unwrap_or_default();
    match wire_name(text) {
        Some(target) if text.parse::<IpAddr>().is_err() => ServiceFacts::ExternalName(target),
        _ => {
            problem(format!("externalName `{text}` is no domain name; the Service has no DNS name"));
            ServiceFacts::Nameless
        }
    }
}

/// §2.4.1: the hostname, else the Pod's name where that is asked for, else nothing: the dashed address names it.
///
/// A name with a dot is not one label. CoreDNS makes an SRV target of it that resolves nowhere; the dashed address does.
fn endpoint_label(endpoint: &SliceEndpoint, pod_names: bool) -> Option<Cow<'_, [u8]>> {
    let hostname = endpoint.hostname.as_deref().filter(|name| !name.is_empty());
    let pod = || endpoint.target_ref.as_ref()?.name.as_deref().filter(|_| pod_names);
    let name = hostname.or_else(pod)?;
    let is_label = !name.is_empty() && name.len() <= LABEL_LEN_MAX && !name.contains('.');
    is_label.then(|| match name.bytes().any(|octet| octet.is_ascii_uppercase()) {
        true => name.to_ascii_lowercase().into_bytes().into(),
        false => name.as_bytes().into(),
    })
}

/// An address that is a domain name. Without hostname its dots become dashes in the endpoint's label, as those of an
/// IP address do; the final dot of an absolute name is none of them.
fn fqdn(text: &str, endpoint: &SliceEndpoint, pod_names: bool) -> Option<Fqdn> {
    let target = wire_name(text)?;
    let dashed = || {
        let text = text.strip_suffix('.').unwrap_or(text);
        let dashed = text.replace('.', "-").to_ascii_lowercase().into_bytes();
        // A single label has no dots to replace: CoreDNS gives it no name.
        if text.contains('.') && dashed.len() <= LABEL_LEN_MAX { dashed.into() } else { Box::default() }
    };
    let label = endpoint_label(endpoint, pod_names).map_or_else(dashed, |label| (*label).into());
    Some(Fqdn { target, label, zone: Box::default() })
}

fn port_of(
    number: Option<u16>,
    name: Option<&str>,
    protocol: Option<&str>,
    problem: &mut impl FnMut(String),
) -> Option<Port> {
    let protocol = match protocol {
        None | Some("" | "TCP") => Protocol::Tcp,
        Some("UDP") => Protocol::Udp,
        Some("SCTP") => Protocol::Sctp,
        Some(other) => {
            problem(format!("protocol `{other}` is none of TCP, UDP and SCTP; the port is skipped"));
            return None;
        }
    };
    let name = name.unwrap_or_default().to_ascii_lowercase().into_bytes().into();
    Some(Port { number, name, protocol })
}

/// Text as an unfolded wire name: a CNAME keeps the spelling that its owner chose. `None` when it is no domain name.
fn wire_name(text: &str) -> Option<Box<[u8]>> {
    let name = Name::from_text(text).ok()?;
    if name.is_root() || text.contains('\\') {
        return None;
    }
    let mut wire = Vec::with_capacity(name.as_wire().len());
    for label in text.strip_suffix('.').unwrap_or(text).split('.') {
        wire.push(label.len() as u8);
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
    Some(wire.into())
}

#[cfg(test)]
mod tests;
