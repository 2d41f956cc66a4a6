//! How long after the API's answer a new Service is answered, with nothing else going on and with 500 changes a second.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kubezone::dns::RecordType;
use serde_json::{Value, json};

use crate::api::Api;
use crate::etcd::{Etcd, Stored};
use crate::footprint::cluster;
use crate::measures::{Measures, Metric};
use crate::names::packet;
use crate::process::pause;
use crate::servers::{Peer, Setting};

const ROUNDS: usize = 3;
/// How many Services are made in a round.
const SERVICES: usize = 300;
/// Changes a second, in portions of [`PORTION`].
const CHANGES: u64 = 500;
const PORTION: usize = 10;
const NAMESPACE: &str = "propagation";

/// One server at a time: two that hear of the same change would wait for each other's processor.
pub fn measure(row: &'static str, has_changes: bool, setting: &Setting, measures: &mut Measures) {
    let mut api = Api::connect();
    let namespace = json!({"metadata": {"name": NAMESPACE}});
    if let Err(refused) = api.create("/api/v1/namespaces", &namespace) {
        assert!(refused.status == 409, "{refused:?}");
    }
    let slices = changeable(&mut api);
    for round in 0..ROUNDS {
        for peer in cluster() {
            let (server, _) = setting.start(peer);
            pause(Duration::from_secs(1));
            let is_over = AtomicBool::new(false);
            let before = (server.process.cpu_ns(), Instant::now());
            let mut latencies = thread::scope(|scope| {
                if has_changes {
                    scope.spawn(|| change(&slices, &is_over));
                }
                let name = |at| format!("{}-{round}-{at}", peer.key());
                let latencies = (0..SERVICES).map(|at| visible(&mut api, server.dns, &name(at)));
                let latencies: Vec<f64> = latencies.collect();
                is_over.store(true, Ordering::Relaxed);
                latencies
            });
            let used = (server.process.cpu_ns() - before.0) as f64 / before.1.elapsed().as_nanos() as f64;
            latencies.sort_by(f64::total_cmp);
            measures.note(row, peer, Metric::Lag50, latencies[SERVICES / 2]);
            measures.note(row, peer, Metric::Lag99, latencies[SERVICES * 99 / 100]);
            measures.note(row, peer, Metric::Used, used * 100.0);
        }
    }
}

/// Makes a Service and asks for it; the microseconds from the API's answer to the first one of DNS, negative where that came before.
fn visible(api: &mut Api, dns: SocketAddr, name: &str) -> f64 {
    let services = format!("/api/v1/namespaces/{NAMESPACE}/services");
    let object = json!({"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}});
    let (created, seen) = thread::scope(|scope| {
        let seen = scope.spawn(|| first_answer(dns, &format!("{name}.{NAMESPACE}.svc.cluster.local.")));
        api.create(&services, &object).expect("a Service is made");
        (Instant::now(), seen.join().expect("the thread that asks"))
    });
    api.delete(&format!("{services}/{name}")).expect("the Service is removed");
    let before = created.saturating_duration_since(seen);
    (seen.saturating_duration_since(created).as_secs_f64() - before.as_secs_f64()) * 1e6
}

/// Asks until the name is there; when it was.
fn first_answer(dns: SocketAddr, name: &str) -> Instant {
    let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    client.connect(dns).expect("loopback is there");
    client.set_read_timeout(Some(Duration::from_secs(1))).expect("a socket has options");
    let query = packet(name, RecordType::A);
    let patience = Instant::now() + Duration::from_secs(60);
    let mut reply = [0; 512];
    loop {
        client.send(&query).expect("a server listens");
        let length = client.recv(&mut reply).expect("the server answers");
        if length > 12 && reply[3] & 0xf == 0 {
            return Instant::now();
        }
        assert!(Instant::now() < patience, "{name} is not there after a minute");
        pause(Duration::from_micros(100));
    }
}

/// Slices as the API server has them, to be stored with another address.
fn changeable(api: &mut Api) -> Vec<Stored> {
    let slices = api.list("/apis/discovery.k8s.io/v1/namespaces/ns-0/endpointslices");
    let stored = slices.into_iter().map(|mut slice| {
        slice["apiVersion"] = json!("discovery.k8s.io/v1");
        slice["kind"] = json!("EndpointSlice");
        // The store keeps it beside the object.
        slice["metadata"]["resourceVersion"] = Value::Null;
        (
            format!("/registry/endpointslices/ns-0/{}", slice["metadata"]["name"].as_str().expect("a name")),
            slice,
        )
    });
    stored.collect()
}

/// Changes slices at [`CHANGES`] a second, and leaves them as they were.
fn change(slices: &[Stored], is_over: &AtomicBool) {
    let mut etcd = Etcd::connect();
    let begin = Instant::now();
    let mut done = 0;
    while !is_over.load(Ordering::Relaxed) {
        etcd.put((done..done + PORTION).map(|at| {
            let (key, mut slice) = slices[at % slices.len()].clone();
            let turn = at / slices.len();
            slice["endpoints"][0]["addresses"] =
                json!([format!("10.255.{}.{}", turn >> 8 & 255, turn & 255)]);
            (key, slice)
        }));
        done += PORTION;
        let due = Duration::from_millis(done as u64 * 1000 / CHANGES);
        pause(due.saturating_sub(begin.elapsed()));
    }
    let rate = done as f64 / begin.elapsed().as_secs_f64();
    assert!(rate > CHANGES as f64 * 0.9, "only {rate:.0} changes a second");
    etcd.put(slices.iter().cloned());
}

impl Peer {
    /// Its name as a DNS label.
    fn key(self) -> &'static str {
        match self {
            Self::Kubezone => "kubezone",
            Self::KubezoneMusl => "kubezone-musl",
            _ => "coredns",
        }
    }
}
