//! Services of type ExternalName: to outside, inside, themselves, in chains and loops, and to what is no name.
//!
//! Two that lead to each other over two zones are left out: CoreDNS's process ends of them.

use serde_json::json;

use crate::objects::{Object, Objects, at, http};

const ZONE: &str = "svc.cluster.local";
/// A second zone with the same objects, in Corefiles that have one.
const OTHER: &str = "svc.other.zone";

pub fn objects(all: &mut Objects) {
    let mut to = |name: &str, target: String| all.push(external("a", &format!("e-{name}"), &target));
    for (name, target) in [
        ("out", "www.example.org"),
        ("out1", "localhost"),
        ("outcname", "alias.example.org"),
        ("outmissing", "missing.example.org"),
        ("outbig", "big.example.org"),
        ("outfail", "fail.example.org"),
        ("outrefuse", "refused.example.org"),
        ("outempty", "empty.example.org"),
        ("outv6", "six.example.org"),
        ("dot", "www.example.org."),
        ("hosts", "registry.hosts.test"),
        ("single", "foo"),
        ("ip", "10.1.2.3"),
        ("ip6", "2001-db8--1"),
        ("apex", "cluster.local"),
        ("branch", ZONE),
        ("ver", "dns-version.cluster.local"),
        ("nsd", "ns.dns.cluster.local"),
        ("podn", "1-2-3-4.a.pod.cluster.local"),
        ("podx", "1-2-3.a.pod.cluster.local"),
        ("rev", "77.0.96.10.in-addr.arpa"),
        ("sub", "x.y.cluster.local"),
        ("cidr", "cip.a.svc.sub.cluster.local"),
        ("mcs", "ccsip.a.svc.clusterset.local"),
    ] {
        to(name, target.to_owned());
    }
    for (name, target) in [
        ("in", "cip.a"),
        ("inhead", "h2.a"),
        ("in6", "six.a"),
        ("indual", "dual.a"),
        ("inmiss", "nope.a"),
        ("inhidden", "cip.b"),
        ("self", "e-self.a"),
        ("l1", "e-l2.a"),
        ("l2", "e-l1.a"),
        ("l3", "e-l4.a"),
        ("l4", "e-l5.a"),
        ("l5", "e-l3.a"),
        ("nsn", "a"),
        ("ep", "web-0.h2.a"),
        ("epx", "nope.h2.a"),
        ("port", "http.tcp.h2.a"),
        ("unready", "hready.a"),
        ("empty", "empty.a"),
        ("toext", "e-out.a"),
        ("toother", "e-other.a"),
        ("toip", "e-ip.a"),
        ("big", "hbig.a"),
        ("tocname", "e-outcname.a"),
    ] {
        to(name, format!("{target}.{ZONE}"));
    }
    for (name, target) in [
        ("other", "cip.a"),
        ("otherhead", "h2.a"),
        ("othermiss", "nope.a"),
        ("otherin", "e-in.a"),
        ("otherbig", "hbig.a"),
    ] {
        to(name, format!("{target}.{OTHER}"));
    }
    // Longer than either server follows, within the zone and over another one.
    for step in 1..14 {
        let next = |zone: &str, letter: char| match step {
            13 => format!("cip.a.{zone}"),
            _ => format!("e-{letter}{}.a.{zone}", step + 1),
        };
        to(&format!("c{step}"), next(ZONE, 'c'));
        to(&format!("o{step}"), next(OTHER, 'o'));
    }
    all.push(external("a", "e-upper", "WWW.Example.ORG").may_be_refused());
    all.push(external("a", "e-underscore", "_x.example.org").may_be_refused());
    all.push(external("a", "e-ports", "www.example.org").spec("ports", json!([http()])));
    all.push(external("a", "e-slice", "www.example.org"));
    all.push(Object::slice("a", "e-slice-1", Some("e-slice"), "IPv4", vec![at("10.7.0.1")], json!([http()])));
    all.push(external("b", "e-b", &format!("cip.a.{ZONE}")));
    all.push(external("svc", "e-b", "www.example.org"));
}

fn external(namespace: &str, name: &str, target: &str) -> Object {
    Object::service(namespace, name, json!({"type": "ExternalName", "externalName": target}))
}
