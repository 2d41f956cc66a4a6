//! Objects that the seed decides: combinations that nobody thought of. Each choice is drawn from a small pool, so that
//! names, addresses and ports meet again within and between Services.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use crate::objects::{Object, Objects};
use crate::random::Random;

const NAMESPACES: [&str; 4] = ["g", "a", "b", "svc"];
const HOSTNAMES: [&str; 8] = ["web-0", "web-1", "db", "svc", "pod", "10-20-0-1", "tcp", "x"];
const PORT_NAMES: [&str; 6] = ["", "http", "https", "dns", "dns-tcp", "metrics"];
const NUMBERS: [u16; 6] = [53, 80, 80, 443, 8080, 65535];
const PROTOCOLS: [&str; 4] = ["TCP", "TCP", "UDP", "SCTP"];
const ZONES: [&str; 4] = ["", "zone-a", "zone-b", "zone.c"];
const TARGETS: [&str; 8] = [
    "www.example.org",
    "alias.example.org",
    "missing.example.org",
    "gen-0.g.svc.cluster.local",
    "gen-1.a.svc.cluster.local",
    "gen-2.b.svc.cluster.local",
    "web-0.gen-3.svc.svc.cluster.local",
    "dual.a.svc.cluster.local",
];

/// So many Services with what stands behind them.
pub fn objects(all: &mut Objects, random: &mut Random, count: usize) {
    for number in 0..count {
        let name = format!("gen-{number}");
        let namespace = NAMESPACES[number % NAMESPACES.len()];
        match random.below(10) {
            0 => external(all, random, namespace, &name),
            1..5 => cluster_ip(all, random, namespace, &name, number),
            _ => headless(all, random, namespace, &name),
        }
    }
}

fn external(all: &mut Objects, random: &mut Random, namespace: &str, name: &str) {
    let spec = json!({"type": "ExternalName", "externalName": random.pick(&TARGETS)});
    all.push(Object::service(namespace, name, spec).labels(labels(random)));
}

fn cluster_ip(all: &mut Objects, random: &mut Random, namespace: &str, name: &str, number: usize) {
    let (policy, families) = families(random);
    let kind = *random.pick(&["ClusterIP", "ClusterIP", "NodePort", "LoadBalancer"]);
    // Given and not drawn by the API server, so that the same seed asks for the same addresses.
    let addresses: Vec<String> = families
        .iter()
        .map(|family| match *family {
            "IPv4" => format!("10.97.{}.{}", number / 200, number % 200 + 1),
            _ => format!("fd00:10:96::7:{number:x}"),
        })
        .collect();
    let mut spec = json!({
        "type": kind, "ports": ports(random, 1), "ipFamilyPolicy": policy, "ipFamilies": families,
        "clusterIP": addresses[0], "clusterIPs": addresses,
    });
    if random.one_in(6) {
        spec["externalIPs"] = json!([format!("203.0.113.{}", random.below(64) + 100)]);
    }
    let mut service = Object::service(namespace, name, spec).labels(labels(random));
    if kind == "LoadBalancer" && !random.one_in(3) {
        let address = format!("203.0.113.{}", random.below(32) + 200);
        service = service.status(json!({"loadBalancer": {"ingress": [{"ip": address}]}}));
    }
    all.push(service);
    slices(all, random, namespace, name, 3);
}

fn headless(all: &mut Objects, random: &mut Random, namespace: &str, name: &str) {
    let (policy, families) = families(random);
    let mut spec = json!({"clusterIP": "None", "ports": ports(random, 0), "ipFamilyPolicy": policy, "ipFamilies": families});
    if random.one_in(8) {
        spec["publishNotReadyAddresses"] = json!(true);
    }
    all.push(Object::service(namespace, name, spec).labels(labels(random)));
    slices(all, random, namespace, name, 4);
}

/// Up to so many slices, of both families whatever the Service says: nobody checks that they agree.
fn slices(all: &mut Objects, random: &mut Random, namespace: &str, service: &str, most: usize) {
    for at in 0..random.below(most) {
        let family = if random.one_in(3) { "IPv6" } else { "IPv4" };
        let mut addresses = Vec::new();
        let endpoints = (0..random.below(6)).map(|_| endpoint(random, family, &mut addresses)).collect();
        let ports = if random.one_in(10) { Value::Null } else { ports(random, 0) };
        let name = format!("{service}-{at}");
        all.push(
            Object::slice(namespace, &name, Some(service), family, endpoints, ports).labels(labels(random)),
        );
    }
}

fn endpoint(random: &mut Random, family: &str, used: &mut Vec<String>) -> Value {
    // One address may stand in many slices, and in one of them once.
    let address = loop {
        let address = match family {
            "IPv4" => Ipv4Addr::new(10, 20, 0, random.below(40) as u8 + 1).to_string(),
            _ => {
                let group = |random: &mut Random| *random.pick(&[0, 0, 1, 0xab]);
                let low = [group(random), group(random)];
                Ipv6Addr::new(0x2001, 0xdb8, 0x20, group(random), 0, 0, low[0], low[1]).to_string()
            }
        };
        if !used.contains(&address) {
            break address;
        }
    };
    used.push(address.clone());
    let mut endpoint = json!({"addresses": [address]});
    let conditions = match random.below(8) {
        0 => json!({"ready": false}),
        1 => json!({"ready": false, "serving": true, "terminating": true}),
        2 => json!({"ready": true, "serving": true, "terminating": true}),
        3 => Value::Null,
        4 => json!({"serving": false}),
        _ => json!({"ready": true}),
    };
    if !conditions.is_null() {
        endpoint["conditions"] = conditions;
    }
    if random.one_in(2) {
        endpoint["hostname"] = json!(random.pick(&HOSTNAMES));
    }
    if random.one_in(3) {
        let name = ["pod-a".to_owned(), "pod-b".to_owned(), "p".repeat(63 + random.below(2))];
        endpoint["targetRef"] = json!({"kind": "Pod", "name": random.pick(&name), "namespace": "g"});
    }
    match *random.pick(&ZONES) {
        "" => {}
        zone => endpoint["zone"] = json!(zone),
    }
    endpoint
}

/// Ports with names of their own: the API server wants that, and that number and protocol differ or names do.
fn ports(random: &mut Random, least: usize) -> Value {
    let mut taken: Vec<(&str, u16, &str)> = Vec::new();
    let count = least + random.below(4);
    while taken.len() < count {
        // Only a single port may go without a name.
        let name = if count == 1 { *random.pick(&PORT_NAMES) } else { *random.pick(&PORT_NAMES[1..]) };
        let (number, protocol) = (*random.pick(&NUMBERS), *random.pick(&PROTOCOLS));
        if taken.iter().all(|(other, n, p)| *other != name && (*n, *p) != (number, protocol)) {
            taken.push((name, number, protocol));
        }
    }
    taken.into_iter().map(|(name, number, protocol)| crate::objects::port(number, name, protocol)).collect()
}

fn families(random: &mut Random) -> (&'static str, &'static [&'static str]) {
    *random.pick(&[
        ("SingleStack", ["IPv4"].as_slice()),
        ("SingleStack", &["IPv4"]),
        ("SingleStack", &["IPv6"]),
        ("RequireDualStack", &["IPv4", "IPv6"]),
        ("RequireDualStack", &["IPv6", "IPv4"]),
    ])
}

fn labels(random: &mut Random) -> Value {
    if random.one_in(3) { json!({"app": "x"}) } else { json!({}) }
}
