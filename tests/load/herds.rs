//! What changes: herds of objects, each with its own way to change and its own questions, so that they can be driven in
//! any order among each other. A step is one event of the API.

use hickory_proto::rr::RecordType::{A, AAAA, CNAME, PTR, SRV};
use serde_json::{Value, json};

use super::{Answer, Question, service_question};

/// One request to the API server.
#[derive(Debug, Clone)]
pub enum Op {
    Create(Value),
    Replace(Value),
    Delete(Value),
}

/// A request, and what the herd's questions are answered from then on.
#[derive(Debug)]
pub struct Step {
    pub op: Op,
    pub states: Vec<(Question, Answer)>,
}

/// Objects that change together.
pub struct Herd {
    namespace: String,
    kind: Kind,
    /// How many steps were made.
    step: u32,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A headless Service whose endpoints are all replaced by others in one event.
    Flock,
    /// A dual-stack headless Service: its two slices change in turns.
    Pair,
    /// A Service whose cluster IP changes: it is deleted and created again.
    Vip,
    /// A Service whose two ports change together.
    Ports,
    /// A headless Service whose endpoints never change, and are moved between two slices.
    Split,
    /// An ExternalName whose target changes.
    Alias,
    /// A Service that is renamed, to and fro: the new name is there before the old one goes.
    Mover,
    /// A Service that becomes an ExternalName and a Service again.
    Shape,
}

const KINDS: [Kind; 8] =
    [Kind::Flock, Kind::Pair, Kind::Vip, Kind::Ports, Kind::Split, Kind::Alias, Kind::Mover, Kind::Shape];

/// One herd of each kind.
pub fn herds(namespace: &str) -> Vec<Herd> {
    KINDS.iter().map(|kind| Herd { namespace: namespace.to_owned(), kind: *kind, step: 0 }).collect()
}

impl Herd {
    /// The objects that are there at first.
    pub fn first_objects(&self) -> Vec<Value> {
        let slices = |service: &str, names: &[&str]| -> Vec<Value> {
            let slices = names.iter().map(|name| self.slice(name, 0));
            [self.headless(service)].into_iter().chain(slices).collect()
        };
        match self.kind {
            Kind::Flock => slices("flock", &["flock-1"]),
            Kind::Pair => slices("pair", &["pair-4", "pair-6"]),
            Kind::Split => slices("split", &["split-1"]),
            Kind::Vip => vec![self.service("vip", 0)],
            Kind::Ports => vec![self.service("ports", 0)],
            Kind::Alias => vec![self.external("alias", &target(0))],
            Kind::Mover => vec![self.service("left", 0)],
            Kind::Shape => vec![self.service("still", 0), self.service("shape", 0)],
        }
    }

    /// What the herd's questions are answered after the steps so far.
    pub fn states(&self) -> Vec<(Question, Answer)> {
        let step = self.step;
        match self.kind {
            Kind::Flock => {
                let names: Vec<_> = (0..6).map(|at| self.name(&format!("f-{at}.flock"))).collect();
                let own = |at: u32| address(16 + at, step);
                let mut srv: Vec<_> =
                    names.iter().map(|name| self.srv("flock", 16, port(step), name)).collect();
                srv.extend(names.iter().zip(0..).map(|(name, at)| format!("+ {name} A {}", own(at))));
                vec![
                    self.state("flock", A, (0..6).map(|at| self.record("flock", "A", &own(at)))),
                    self.state("flock", SRV, srv),
                    self.state("f-2.flock", A, [self.record("f-2.flock", "A", &own(2))]),
                ]
            }
            Kind::Pair => {
                // Even steps have changed the second slice, odd ones the first.
                let (v4, v6) = (step.div_ceil(2), step / 2);
                let names: Vec<_> = (0..3).map(|at| self.name(&format!("p-{at}.pair"))).collect();
                let (own4, own6) = (|at: u32| address(24 + at, v4), |at: u32| address6(at, v6));
                let mut srv: Vec<_> = names
                    .iter()
                    .flat_map(|name| {
                        [port(v4), 30_000 + port(v6)].map(|port| self.srv("pair", 16, port, name))
                    })
                    .collect();
                for (name, at) in names.iter().zip(0..) {
                    srv.extend([format!("+ {name} A {}", own4(at)), format!("+ {name} AAAA {}", own6(at))]);
                }
                vec![
                    self.state("pair", A, (0..3).map(|at| self.record("pair", "A", &own4(at)))),
                    self.state("pair", AAAA, (0..3).map(|at| self.record("pair", "AAAA", &own6(at)))),
                    self.state("pair", SRV, srv),
                    self.state("p-1.pair", AAAA, [self.record("p-1.pair", "AAAA", &own6(1))]),
                ]
            }
            Kind::Vip if step % 2 == 1 => vec![self.gone("vip", A), self.gone("vip", SRV)],
            Kind::Vip => {
                let name = self.name("vip");
                let vip = self.cluster_ip("vip", step);
                let records = [
                    self.srv("vip", 50, port(step), &name),
                    self.srv("vip", 50, 30_000 + port(step), &name),
                    format!("+ {name} A {vip}"),
                ];
                vec![self.state("vip", A, [self.record("vip", "A", &vip)]), self.state("vip", SRV, records)]
            }
            Kind::Ports => {
                let name = self.name("ports");
                let vip = self.cluster_ip("ports", 0);
                let own = |labels: &str, weight, port| {
                    [self.srv(labels, weight, port, &name), format!("+ {name} A {vip}")]
                };
                let both = [
                    self.srv("ports", 50, port(step), &name),
                    self.srv("ports", 50, 30_000 + port(step), &name),
                    format!("+ {name} A {vip}"),
                ];
                vec![
                    self.state("ports", A, [self.record("ports", "A", &vip)]),
                    self.state("ports", SRV, both),
                    self.state("_a._tcp.ports", SRV, own("_a._tcp.ports", 100, port(step))),
                    self.state("_b._tcp.ports", SRV, own("_b._tcp.ports", 100, 30_000 + port(step))),
                ]
            }
            Kind::Split => {
                let addresses: Vec<_> = (0..8).map(|at| self.own_address(40, at)).collect();
                let label = |at: usize| format!("{}.split", addresses[at].replace('.', "-"));
                // What stands in both slices counts twice before it is merged.
                let weight = if step.is_multiple_of(2) { 12 } else { 8 };
                let mut srv: Vec<_> =
                    (0..8).map(|at| self.srv("split", weight, 80, &self.name(&label(at)))).collect();
                srv.extend((0..8).map(|at| format!("+ {} A {}", self.name(&label(at)), addresses[at])));
                let ptr = |at: usize| {
                    let octets: Vec<&str> = addresses[at].rsplit('.').collect();
                    let name = format!("{}.in-addr.arpa.", octets.join("."));
                    let record = format!("{name} PTR {}", self.name(&label(at)));
                    (Question { name, qtype: PTR.into() }, answer("No Error", [record]))
                };
                vec![
                    self.state("split", A, addresses.iter().map(|own| self.record("split", "A", own))),
                    self.state("split", SRV, srv),
                    self.state(&label(6), A, [self.record(&label(6), "A", &addresses[6])]),
                    ptr(1),
                    ptr(5),
                ]
            }
            Kind::Alias => {
                vec![self.state("alias", CNAME, [self.record("alias", "CNAME", &target(step))])]
            }
            Kind::Mover => {
                // left 0, both, right 1, both, left 2 …
                let here = |labels: &str, version: u32| {
                    let vip = self.cluster_ip(labels, version);
                    self.state(labels, A, [self.record(labels, "A", &vip)])
                };
                let version = step / 2;
                let (old, new) =
                    if version.is_multiple_of(2) { ("left", "right") } else { ("right", "left") };
                let other = match step % 2 {
                    0 => self.gone(new, A),
                    _ => here(new, version + 1),
                };
                vec![here(old, version), other]
            }
            Kind::Shape if step % 2 == 1 => {
                let record = self.record("shape", "CNAME", &self.name("still"));
                let still = self.record("still", "A", &self.cluster_ip("still", 0));
                vec![self.state("shape", A, [record.clone(), still]), self.state("shape", CNAME, [record])]
            }
            Kind::Shape => {
                let vip = self.cluster_ip("shape", step);
                vec![
                    self.state("shape", A, [self.record("shape", "A", &vip)]),
                    self.state("shape", CNAME, Vec::<String>::new()),
                ]
            }
        }
    }

    /// The next event.
    pub fn next_step(&mut self) -> Step {
        self.step += 1;
        let step = self.step;
        let op = match self.kind {
            Kind::Flock => Op::Replace(self.slice("flock-1", step)),
            Kind::Pair if step % 2 == 1 => Op::Replace(self.slice("pair-4", step.div_ceil(2))),
            Kind::Pair => Op::Replace(self.slice("pair-6", step / 2)),
            Kind::Vip if step % 2 == 1 => Op::Delete(self.service("vip", step)),
            Kind::Vip => Op::Create(self.service("vip", step)),
            Kind::Ports => Op::Replace(self.service("ports", step)),
            Kind::Split => match step % 4 {
                1 => Op::Create(self.slice("split-2", step)),
                2 => Op::Replace(self.slice("split-1", step)),
                3 => Op::Replace(self.slice("split-1", step)),
                _ => Op::Delete(self.slice("split-2", step)),
            },
            Kind::Alias => Op::Replace(self.external("alias", &target(step))),
            Kind::Mover => {
                let version = step / 2;
                match step % 4 {
                    1 => Op::Create(self.service("right", version + 1)),
                    2 => Op::Delete(self.service("left", version)),
                    3 => Op::Create(self.service("left", version + 1)),
                    _ => Op::Delete(self.service("right", version)),
                }
            }
            Kind::Shape if step % 2 == 1 => {
                Op::Replace(self.external("shape", self.name("still").trim_end_matches('.')))
            }
            Kind::Shape => Op::Replace(self.service("shape", step)),
        };
        Step { op, states: self.states() }
    }

    fn service(&self, name: &str, step: u32) -> Value {
        // The name and the ports that follow the version; where only the ports change the address stays.
        let version = if matches!(name, "ports" | "still") { 0 } else { step };
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "type": "ClusterIP", "clusterIP": self.cluster_ip(name, version),
                "ports": [
                    {"name": "a", "port": port(step), "protocol": "TCP"},
                    {"name": "b", "port": 30_000 + port(step), "protocol": "TCP"},
                ],
            },
        })
    }

    fn headless(&self, name: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"type": "ClusterIP", "clusterIP": "None"},
        })
    }

    fn external(&self, name: &str, target: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"type": "ExternalName", "externalName": target.trim_end_matches('.')},
        })
    }

    fn slice(&self, name: &str, version: u32) -> Value {
        let (service, which) = name.split_once('-').expect("SERVICE-WHICH");
        let named = |address: String, hostname: String| json!({"addresses": [address], "hostname": hostname, "conditions": {"ready": true}});
        let plain = |at: u32| json!({"addresses": [self.own_address(40, at)], "conditions": {"ready": true}});
        let endpoints: Vec<Value> = match (service, which) {
            ("flock", _) => (0..6).map(|at| named(address(16 + at, version), format!("f-{at}"))).collect(),
            ("pair", "4") => (0..3).map(|at| named(address(24 + at, version), format!("p-{at}"))).collect(),
            ("pair", _) => (0..3).map(|at| named(address6(at, version), format!("p-{at}"))).collect(),
            // The second slice has one half; while it is there the first may do without it.
            (_, "2") => (4..8).map(plain).collect(),
            _ if version % 4 == 2 => (0..4).map(plain).collect(),
            _ => (0..8).map(plain).collect(),
        };
        let number = match (service, which) {
            ("split", _) => 80,
            ("pair", "6") => 30_000 + port(version),
            _ => port(version),
        };
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "name": name, "namespace": self.namespace, "labels": {
                    "kubernetes.io/service-name": service, "endpointslice.kubernetes.io/managed-by": "kubezone-tests",
                },
            },
            "addressType": if (service, which) == ("pair", "6") { "IPv6" } else { "IPv4" },
            "endpoints": endpoints,
            "ports": [{"name": "a", "port": number, "protocol": "TCP"}],
        })
    }

    /// Of the range of `tests/cluster`'s API server, 10.96.0.0/12.
    fn cluster_ip(&self, service: &str, version: u32) -> String {
        let second = match service {
            "vip" => 101,
            "ports" => 102,
            "left" => 103,
            "right" => 104,
            "still" => 105,
            _ => 106,
        };
        self.own_address(second, version)
    }

    /// An address with an octet that is the namespace's, for versions below 256: what an earlier run has left in the
    /// cluster keeps its own.
    fn own_address(&self, second: u32, version: u32) -> String {
        let seat = self.namespace.bytes().fold(0, |sum: u32, octet| (sum * 31 + u32::from(octet)) % 255);
        address(second, (seat + 1) * 256 + version)
    }

    fn name(&self, labels: &str) -> String {
        self.question(labels, A).name
    }

    fn question(&self, labels: &str, qtype: hickory_proto::rr::RecordType) -> Question {
        service_question(&format!("{labels}.{}", self.namespace), qtype)
    }

    fn record(&self, labels: &str, rtype: &str, data: &str) -> String {
        format!("{} {rtype} {data}", self.name(labels))
    }

    fn srv(&self, labels: &str, weight: u32, port: u32, target: &str) -> String {
        self.record(labels, "SRV", &format!("0 {weight} {port} {target}"))
    }

    fn state(
        &self,
        labels: &str,
        qtype: hickory_proto::rr::RecordType,
        records: impl IntoIterator<Item = String>,
    ) -> (Question, Answer) {
        (self.question(labels, qtype), answer("No Error", records))
    }

    fn gone(&self, labels: &str, qtype: hickory_proto::rr::RecordType) -> (Question, Answer) {
        (self.question(labels, qtype), answer("Non-Existent Domain", []))
    }
}

fn answer(rcode: &str, records: impl IntoIterator<Item = String>) -> Answer {
    let mut lines: Answer = records.into_iter().collect();
    lines.sort();
    lines.insert(0, rcode.to_owned());
    lines
}

fn address(second: u32, version: u32) -> String {
    format!("10.{second}.{}.{}", version >> 8, version & 255)
}

fn address6(at: u32, version: u32) -> String {
    format!("2001:db8:{:x}::{:x}", version + 1, at + 1)
}

fn port(version: u32) -> u32 {
    1000 + version
}

fn target(version: u32) -> String {
    format!("v{version}.example.org.")
}
