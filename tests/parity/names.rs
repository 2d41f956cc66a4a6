//! The names that are asked for: every one that the objects imply, and every near miss of it.

use std::collections::HashSet;
use std::net::IpAddr;

use kubezone::dns::wire_from_text;

use crate::view::{Endpoint, Kind, Port, Slice, View};

/// A name in presentation format, with what it is: the summary groups by that.
#[derive(Clone)]
pub struct Name {
    pub text: String,
    pub what: &'static str,
    /// On the wire.
    pub wire: Vec<u8>,
}

/// Names, each once.
#[derive(Default)]
pub struct Names {
    pub all: Vec<Name>,
    seen: HashSet<String>,
}

/// Of long lists that many entries stand for all, from both ends.
const OF_MANY: usize = 5;

impl Names {
    /// Adds a name. What is no name at all (a label too long) is left out: it cannot be sent.
    pub fn add(&mut self, what: &'static str, text: String) {
        let text = text.trim_end_matches('.').to_owned() + ".";
        let Ok(wire) = wire_from_text(&text) else { return };
        if self.seen.insert(text.clone()) {
            self.all.push(Name { text, what, wire: wire.to_vec() });
        }
    }

    /// Services, their ports and endpoints below a zone.
    pub fn services(&mut self, view: &View, zone: &str) {
        for service in &view.services {
            let (name, namespace) = (&service.name, &service.namespace);
            let base = format!("{name}.{namespace}.svc.{zone}");
            self.add(label(service.kind, "service"), base.clone());
            self.ports(&some(&service.ports), service.kind, &base);
            self.around(service.kind, &base);
            self.add("service in another namespace", format!("{name}.empty.svc.{zone}"));
            self.add("service in no namespace", format!("{name}.missing.svc.{zone}"));
            self.add("service below pod", format!("{name}.{namespace}.pod.{zone}"));
            self.add("service without svc", format!("{name}.{namespace}.{zone}"));
            self.add("service with a letter more", format!("{name}x.{namespace}.svc.{zone}"));
        }
        for slice in view.slices.iter().filter(|slice| slice.cluster.is_none()) {
            self.slice(view, slice, zone);
        }
    }

    fn slice(&mut self, view: &View, slice: &Slice, zone: &str) {
        let service = slice.service.as_deref().unwrap_or("no-service");
        let kind = view.kind(&slice.namespace, service);
        let base = format!("{service}.{}.svc.{zone}", slice.namespace);
        if kind.is_none() {
            self.add("service of a slice alone", base.clone());
        }
        self.ports(&some(&slice.ports), kind.unwrap_or(Kind::Headless), &base);
        for endpoint in some(&slice.endpoints) {
            for own in endpoint_names(endpoint) {
                let what = match (kind, endpoint.is_ready) {
                    (Some(Kind::Headless), true) => "endpoint, headless",
                    (Some(Kind::Headless), false) => "endpoint, headless, unready",
                    (Some(_), _) => "endpoint, other service",
                    (None, _) => "endpoint, no service",
                };
                self.add(what, format!("{own}.{base}"));
                self.add("endpoint with a label before", format!("x.{own}.{base}"));
                self.add("endpoint with a port", format!("_http._tcp.{own}.{base}"));
            }
            for address in &endpoint.addresses {
                self.add("endpoint as pod", format!("{}.{}.pod.{zone}", dashed(address), slice.namespace));
            }
        }
    }

    /// The port names of a Service or slice, and what is nearly one of them.
    fn ports(&mut self, ports: &[&Port], kind: Kind, base: &str) {
        for port in ports {
            let Port { name, protocol } = port;
            if name.is_empty() {
                continue;
            }
            let other = if protocol == "tcp" { "udp" } else { "tcp" };
            self.add(label(kind, "port"), format!("_{name}._{protocol}.{base}"));
            self.add("port without underscores", format!("{name}.{protocol}.{base}"));
            self.add("port with one underscore", format!("_{name}.{protocol}.{base}"));
            self.add("port of another protocol", format!("_{name}._{other}.{base}"));
            self.add("port of any protocol", format!("_{name}._.{base}"));
            self.add("any port of a protocol", format!("_._{protocol}.{base}"));
        }
    }

    /// What any Service name can have before it.
    fn around(&mut self, kind: Kind, base: &str) {
        self.add(label(kind, "missing endpoint"), format!("nope.{base}"));
        for before in
            ["*", "*.*", "any", "_", "_._", "_._tcp", "_._sctp", "_tcp", "tcp", "__http._tcp", "_80._tcp"]
        {
            self.add("odd labels before a service", format!("{before}.{base}"));
        }
        for before in ["x._http._tcp", "_._.x", "x.y.z", "_http._tcp._x"] {
            self.add("three labels before a service", format!("{before}.{base}"));
        }
    }

    /// Names of Pods: of those that exist, in other namespaces, and every spelling of an address.
    pub fn pods(&mut self, view: &View, zone: &str) {
        for pod in &view.pods {
            for address in &pod.addresses {
                let (own, namespace) = (dashed(address), &pod.namespace);
                self.add("pod", format!("{own}.{namespace}.pod.{zone}"));
                self.add("pod in another namespace", format!("{own}.empty.pod.{zone}"));
                for before in ["x", "_x._y", "z.x.y"] {
                    self.add("pod with labels before", format!("{before}.{own}.{namespace}.pod.{zone}"));
                }
                self.add("pod by its name", format!("{}.{namespace}.pod.{zone}", pod.name));
            }
        }
        for spelling in POD_SPELLINGS {
            for namespace in ["a", "empty", "missing"] {
                self.add("address as pod", format!("{spelling}.{namespace}.pod.{zone}"));
            }
        }
    }

    /// Topology zones before Services: `zonal`.
    pub fn zonal(&mut self, view: &View, zone: &str) {
        for service in &view.services {
            let base = format!("{}.{}.svc.{zone}", service.name, service.namespace);
            let all: &[&str] = match service.kind {
                Kind::Headless => {
                    &["zone-a", "zone-b", "zone-c", "zone-d", "zone.c", "zone.with.dots", "nope"]
                }
                _ => &["zone-a"],
            };
            for topology in all {
                for how in ["pin", "prefer"] {
                    self.add("zonal", format!("{topology}.{how}._zone.{base}"));
                }
            }
        }
        for before in [
            "pin._zone",
            "_zone",
            "zone-a.nope._zone",
            "zone-a.pin.zone",
            "zone-a._zone",
            "a.b.c.d.pin._zone",
            "ZONE-A.Prefer._Zone",
            "zone-a.pin._zone.x",
            "._zone",
        ] {
            for service in ["hzones.a", "cipzones.a", "e-out.a", "nope.a", "hzones.b", "hzones.missing"] {
                self.add("nearly zonal", format!("{before}.{service}.svc.{zone}"));
            }
        }
    }

    /// Imports of a zone of the cluster set.
    pub fn imports(&mut self, view: &View, zone: &str) {
        for import in &view.imports {
            let base = format!("{}.{}.svc.{zone}", import.name, import.namespace);
            self.add("import", base.clone());
            self.ports(&some(&import.ports), Kind::ClusterIp, &base);
            self.around(Kind::ClusterIp, &base);
            for cluster in ["east", "west", "nope"] {
                self.add("import with a cluster", format!("{cluster}.{base}"));
                self.add("missing endpoint of a cluster", format!("nope.{cluster}.{base}"));
            }
        }
        for slice in &view.slices {
            let (Some(service), Some(cluster)) = (&slice.service, &slice.cluster) else { continue };
            let base = format!("{service}.{}.svc.{zone}", slice.namespace);
            for own in slice.endpoints.iter().flat_map(endpoint_names) {
                self.add("endpoint of a cluster", format!("{own}.{cluster}.{base}"));
                self.add("endpoint without cluster", format!("{own}.{base}"));
                self.add("endpoint of another cluster", format!("{own}.nope.{base}"));
                self.add("endpoint of a cluster, with a port", format!("_http._tcp.{own}.{cluster}.{base}"));
            }
        }
        self.services(view, zone);
        self.literal(zone);
    }

    /// A zone of `k8s_external`: no `svc`, and what is outside of the cluster.
    pub fn external(&mut self, view: &View, zone: &str) {
        for service in &view.services {
            let base = format!("{}.{}.{zone}", service.name, service.namespace);
            self.add(label(service.kind, "external service"), base.clone());
            self.ports(&some(&service.ports), service.kind, &base);
            self.around(service.kind, &base);
        }
        for slice in view.slices.iter().filter(|slice| slice.cluster.is_none()) {
            let base =
                format!("{}.{}.{zone}", slice.service.as_deref().unwrap_or("no-service"), slice.namespace);
            for own in some(&slice.endpoints).into_iter().flat_map(endpoint_names) {
                self.add("external endpoint", format!("{own}.{base}"));
            }
        }
        self.literal(zone);
        for before in [
            "dns",
            "ns1.dns",
            "ns.dns",
            "ns2.dns",
            "x.dns",
            "apex",
            "ns1.apex",
            "kubernetes.default",
            "a",
            "empty",
        ] {
            self.add("external literal", format!("{before}.{zone}"));
        }
    }

    /// Every address backwards, and near misses.
    pub fn reverse(&mut self, view: &View) {
        for service in &view.services {
            for address in &service.addresses {
                self.backwards("address of a service, backwards", address);
            }
            for address in &service.outside {
                self.backwards("outside address, backwards", address);
            }
        }
        for endpoint in view.slices.iter().flat_map(|slice| some(&slice.endpoints)) {
            for address in &endpoint.addresses {
                self.backwards("address of an endpoint, backwards", address);
            }
        }
        for address in view
            .pods
            .iter()
            .flat_map(|pod| &pod.addresses)
            .chain(view.imports.iter().flat_map(|import| &import.addresses))
        {
            self.backwards("other address, backwards", address);
        }
        for address in [
            "::1",
            "fd00:10:96::ffff",
            "2001:db8:2::",
            "::ffff:10.2.0.1",
            "::ffff:10.96.0.77",
            "10.2.200.1",
            "192.0.2.2",
        ] {
            let Some(name) = backwards(address) else { continue };
            for (cut, before) in [(2, ""), (0, "0."), (0, "x."), (2, "00."), (2, "g."), (2, "+1.")] {
                self.add("nearly an address, backwards", format!("{before}{}", &name[cut.min(name.len())..]));
            }
            self.add("nearly an address, backwards", name);
        }
        for name in REVERSE {
            self.add("part of an address, backwards", (*name).to_owned());
        }
    }

    fn backwards(&mut self, what: &'static str, address: &str) {
        if let Some(name) = backwards(address) {
            self.add("address with a label before, backwards", format!("0.{name}"));
            self.add(what, name);
        }
    }

    /// What is there or not there without any object, below a zone.
    pub fn literal(&mut self, zone: &str) {
        self.add("apex", zone.to_owned());
        for name in LITERAL {
            self.add("literal", format!("{name}.{zone}"));
        }
        for label in ["x".repeat(63), "1-".repeat(30)] {
            self.add("literal", format!("{label}.a.svc.{zone}"));
        }
    }

    /// Names of other zones: of the upstream, of `hosts`, of nobody.
    pub fn outside(&mut self) {
        for name in OUTSIDE {
            self.add("outside", (*name).to_owned());
        }
    }
}

/// The names that an endpoint might have.
fn endpoint_names(endpoint: &Endpoint) -> Vec<String> {
    let mut names: Vec<String> = endpoint.hostname.iter().chain(&endpoint.target).cloned().collect();
    for address in &endpoint.addresses {
        let own = dashed(address);
        if own.ends_with('-') {
            names.push(format!("{own}0"));
        }
        names.push(own);
    }
    names
}

fn dashed(address: &str) -> String {
    address.replace(['.', ':'], "-")
}

/// The name that a reverse lookup asks for; IPv6 in 32 nibbles.
fn backwards(address: &str) -> Option<String> {
    Some(match address.parse().ok()? {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let octets = v6.octets();
            let nibbles = octets.iter().rev().map(|octet| format!("{:x}.{:x}.", octet & 15, octet >> 4));
            nibbles.collect::<String>() + "ip6.arpa"
        }
    })
}

fn some<T>(all: &[T]) -> Vec<&T> {
    let is_kept = |at: usize| all.len() <= 2 * OF_MANY || at < OF_MANY || at >= all.len() - OF_MANY;
    all.iter().enumerate().filter(|(at, _)| is_kept(*at)).map(|(_, value)| value).collect()
}

fn label(kind: Kind, what: &str) -> &'static str {
    match (kind, what) {
        (Kind::ClusterIp, "service") => "service with cluster IP",
        (Kind::Headless, "service") => "headless service",
        (Kind::External, "service") => "ExternalName",
        (Kind::ClusterIp, "port") => "port of a service with cluster IP",
        (Kind::Headless, "port") => "port of a headless service",
        (Kind::External, "port") => "port of an ExternalName",
        (Kind::ClusterIp, "missing endpoint") => "missing endpoint of a service with cluster IP",
        (Kind::Headless, "missing endpoint") => "missing endpoint of a headless service",
        (Kind::External, "missing endpoint") => "label before an ExternalName",
        (Kind::ClusterIp, _) => "external name of a service with cluster IP",
        (Kind::Headless, _) => "external name of a headless service",
        (Kind::External, _) => "external name of an ExternalName",
    }
}

const POD_SPELLINGS: &[&str] = &[
    "1-2-3-4",
    "0-0-0-0",
    "255-255-255-255",
    "256-1-1-1",
    "01-2-3-4",
    "1-2-3",
    "1-2-3-4-5",
    "1--1",
    "--1",
    "--",
    "-",
    "1--",
    "2001-db8--",
    "2001-db8--0",
    "2001-DB8--1",
    "a-b-c-d",
    "1-2-3-4-5-6-7-8",
    "1-2-3-4-5-6-7--",
    "--2-3-4-5-6-7-8",
    "1-2-3--5-6-7-8",
    "1-2-3-4-5-6-7-8-9",
    "--ffff-102-304",
    "--ffff-0-0",
    "0-0-0-0-0-ffff-102-304",
    "12345--1",
    "00001--1",
    "fe80--1%eth0",
    "--ffff-1\\.2\\.3\\.4",
    "1\\.2\\.3\\.4",
    "\\:\\:1",
    "1-2-3-4-",
    "-1-2-3-4",
    "g--1",
    "1",
    "1-2--3",
    "1---2",
    "1--2--3",
    "64-ff9b--102-304",
    "2001-db8-6--9",
    "2001-db8-6-0--9",
    "2001-0db8-6--9",
    "10\\.6\\.0\\.1",
    "10-6-0-01",
    "+1-2-3-4",
    "1_2_3_4",
    "0x1-2-3-4",
    "\\0321-2-3-4",
    "1-2-3-4\\000",
    "\\255",
    "1-2-3-1e1",
    "2001-db8--1-2-3-4-5",
    "--ffff-10-6-0-1",
    "1-2-3-4-5-6-1\\.2\\.3\\.4",
    "10-6-0-1",
    "10-6-0-5",
    "10-6-0-3",
    "127-0-0-1",
];

const LITERAL: &[&str] = &[
    "svc",
    "pod",
    "dns",
    "ns",
    "ns.dns",
    "x.ns.dns",
    "dns-version",
    "x.dns-version",
    "nsx.dns",
    "a.svc",
    "a.pod",
    "missing.svc",
    "missing.pod",
    "empty.svc",
    "empty.pod",
    "b.svc",
    "b.pod",
    "svc.svc",
    "pod.svc",
    "pod.pod",
    "svc.pod",
    "svc.svc.svc",
    "foo",
    "a",
    "_svc",
    "*.svc",
    "*",
    "*.a.svc",
    "any.a.svc",
    "any",
    "www.example.org",
    "kubernetes",
    "dns.svc",
    "ns.dns.svc",
    "_a.svc",
    "_cip.a.svc",
    "cip._a.svc",
    "cip.a._svc",
    "cip\\.a.svc",
    "cip.a\\.svc",
    "a\\.b",
    "cip\\032.a.svc",
    "\\000.a.svc",
    "cip.a.svc\\000",
    "_http\\._tcp.cip.a.svc",
    "web\\-0.h2.a.svc",
    "web-0\\.h2.a.svc",
    "\\255\\254.a.svc",
    "c\\195\\137p.a.svc",
    "\\226\\132\\170ubernetes.default.svc",
    "tcp.cip.a.svc",
    "_._._.cip.a.svc",
    "a.b.c.d.e.f.g",
    "mcs",
    "clusterset",
    "_dns._udp.ns.dns",
    "_kube._tcp",
    "svc.a.svc",
    "pod.a.svc",
    "cip.svc",
    "cip.a",
    "pin._zone.h2.a.svc",
    "_zone.h2.a.svc",
    "zone-a.nope._zone.h2.a.svc",
    "zone-a.prefer._zone.h2.a.svc",
    "localhost",
];

const REVERSE: &[&str] = &[
    "in-addr.arpa",
    "ip6.arpa",
    "arpa",
    "10.in-addr.arpa",
    "96.10.in-addr.arpa",
    "0.96.10.in-addr.arpa",
    "1.0.96.10.in-addr.arpa",
    "0.1.0.96.10.in-addr.arpa",
    "01.0.96.10.in-addr.arpa",
    "256.0.96.10.in-addr.arpa",
    "001.0.96.10.in-addr.arpa",
    "1.0.0.127.in-addr.arpa",
    "a.0.96.10.in-addr.arpa",
    "8.b.d.0.1.0.0.2.ip6.arpa",
    "ns.dns.in-addr.arpa",
    "ns.dns.ip6.arpa",
    "dns-version.in-addr.arpa",
    "svc.in-addr.arpa",
    "a.svc.in-addr.arpa",
    "cip.a.svc.in-addr.arpa",
    "cip.a.svc.ip6.arpa",
    "pod.in-addr.arpa",
    "1-2-3-4.a.pod.in-addr.arpa",
    "_http._tcp.cip.a.svc.in-addr.arpa",
    "0/25.0.2.10.in-addr.arpa",
    "2.192.in-addr.arpa",
    "2.2.0.192.in-addr.arpa",
    "1\\.0.96.10.in-addr.arpa",
    "-1.0.96.10.in-addr.arpa",
    "+1.0.96.10.in-addr.arpa",
    "2.10.in-addr.arpa",
    "1.200.2.10.in-addr.arpa",
    "77.0.96.10.in-addr.arpa",
    "0.in-addr.arpa",
    "127.in-addr.arpa",
    "255.in-addr.arpa",
    "1.255.255.255.in-addr.arpa",
    "1.2.3.0.in-addr.arpa",
    "10.2.0.192.in-addr.arpa",
    "dns.in-addr.arpa",
];

const OUTSIDE: &[&str] = &[
    ".",
    "local",
    "org",
    "example.org",
    "www.example.org",
    "alias.example.org",
    "missing.example.org",
    "empty.example.org",
    "big.example.org",
    "fail.example.org",
    "refused.example.org",
    "six.example.org",
    "txt.example.org",
    "WWW.example.ORG",
    "foo.svc",
    "xcluster.local",
    "cluster.local.x",
    "other.zone",
    "cip.a.svc.other.zone",
    "nope.a.svc.other.zone",
    "sub.cluster.local",
    "cip.a.svc.sub.cluster.local",
    "h2.a.svc.sub.cluster.local",
    "registry.hosts.test",
    "apps.hosts.test",
    "x.apps.hosts.test",
    "nope.hosts.test",
    "hosts.test",
    "localhost",
    "localhost.localdomain",
    "foo.localhost",
    "localhost.example.org",
    "localhost.cluster.local",
    "www.example.org.a.svc.cluster.local",
    "www.example.org.svc.cluster.local",
    "www.example.org.cluster.local",
    "cip.a.svc.cluster.local.a.svc.cluster.local",
    "cip.a.svc.cluster.local.svc.cluster.local",
    "version.bind",
    "e-out.a.svc.other.zone",
];
