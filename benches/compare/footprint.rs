//! What a server takes without being asked anything: memory, time until it is ready, processor while idle, its file.

use std::process::Command;
use std::time::Duration;

use crate::etcd::{Etcd, stored};
use crate::lab::variable;
use crate::measures::{Measures, Metric};
use crate::names::services;
use crate::objects;
use crate::process::pause;
use crate::servers::{Peer, Server, Setting, answers};

const CLUSTER: &[Peer] = &[Peer::Kubezone, Peer::KubezoneMusl, Peer::CoreDns];
/// What a server that has just become ready does besides is over by then.
const SETTLED: Duration = Duration::from_secs(3);

/// Those of the servers that know a cluster, and are there.
pub fn cluster() -> impl Iterator<Item = Peer> {
    CLUSTER.iter().copied().filter(|peer| peer.program().is_some())
}

/// Resident memory, and the most that it is while the API server is away, and while everything is listed anew.
pub fn memory(setting: &Setting, measures: &mut Measures) {
    for _ in 0..3 {
        for peer in cluster() {
            let (server, _) = setting.start(peer);
            pause(SETTLED);
            measures.note("memory", peer, Metric::Rss, server.process.mib("VmRSS"));
            measures.note("memory", peer, Metric::Peak, server.process.mib("VmHWM"));
        }
    }
    let servers: Vec<Server> = cluster().map(|peer| setting.start(peer).0).collect();
    let lists = |server: &Server| server.metric("kubezone_kubernetes_relists_total");
    let before: Vec<f64> = servers.iter().map(lists).collect();
    restart_of_the_api_server(|| {});
    for server in &servers {
        assert!(server.is_ready(), "{} is not ready after the API server came back", server.peer.name());
        measures.note("memory", server.peer, Metric::PeakRestart, server.process.mib("VmHWM"));
    }
    // The API server begins its history where it starts. What is written while it is away lies before that: no watch can go on.
    restart_of_the_api_server(|| {
        Etcd::connect().put((0..1000).map(|at| (format!("/registry/compare/{at}"), serde_json::Value::Null)));
    });
    Etcd::connect().remove("/registry/compare/");
    for (server, before) in servers.iter().zip(before) {
        assert!(server.is_ready(), "{} is not ready after a relist", server.peer.name());
        let relists = lists(server) - before;
        assert!(server.peer == Peer::CoreDns || relists > 0.0, "{} has listed nothing", server.peer.name());
        measures.note("memory", server.peer, Metric::PeakRelist, server.process.mib("VmHWM"));
    }
}

fn restart_of_the_api_server(meanwhile: impl FnOnce()) {
    let order = |order| {
        let done = Command::new(variable("KUBEZONE_CONTROL_PLANE")).arg(order).status();
        assert!(done.is_ok_and(|status| status.success()), "control-plane {order}");
        pause(Duration::from_secs(2));
    };
    order("stop");
    meanwhile();
    order("start");
    // A watch that fails is begun again within seconds.
    pause(Duration::from_secs(30));
}

/// Resident memory with `pods verified`, and a Pod behind every endpoint.
pub fn pods(setting: &Setting, measures: &mut Measures) {
    let mut etcd = Etcd::connect();
    let pods = services(setting.services).flat_map(objects::pods).enumerate();
    etcd.put(pods.map(|(number, pod)| stored("pods", number, pod)));
    let corefile = setting.corefile("pods verified");
    for _ in 0..3 {
        for peer in cluster() {
            let (server, took) = setting.start_with(peer, &corefile);
            pause(SETTLED);
            measures.note("pods", peer, Metric::Ready, took.as_secs_f64() * 1000.0);
            measures.note("pods", peer, Metric::Rss, server.process.mib("VmRSS"));
            measures.note("pods", peer, Metric::Peak, server.process.mib("VmHWM"));
        }
    }
    etcd.remove("/registry/pods/");
}

/// From the start of the process until `/ready` says so.
pub fn ready(setting: &Setting, measures: &mut Measures) {
    for _ in 0..7 {
        for peer in cluster() {
            let (_server, took) = setting.start(peer);
            measures.note("ready", peer, Metric::Ready, took.as_secs_f64() * 1000.0);
        }
    }
}

/// Processor time with nothing to do; a sidecar's memory and first answer.
pub fn idle(setting: &Setting, measures: &mut Measures) {
    for peer in cluster() {
        let (server, _) = setting.start(peer);
        pause(Duration::from_secs(5));
        let before = server.process.cpu_ns();
        pause(Duration::from_secs(10));
        let used = (server.process.cpu_ns() - before) as f64 / 10e9 * 100.0;
        measures.note("idle", peer, Metric::Idle, used);
        for _ in 0..5 {
            let (server, took) = sidecar(setting, peer);
            measures.note("idle", peer, Metric::FirstAnswer, took.as_secs_f64() * 1000.0);
            measures.note("idle", peer, Metric::Rss, server.process.mib("VmRSS"));
        }
    }
}

fn sidecar(setting: &Setting, peer: Peer) -> (Server, Duration) {
    let (server, took) = setting.start_with(peer, &setting.sidecar());
    assert!(answers(server.dns), "{} answers once more", peer.name());
    (server, took)
}

/// The size of the program.
pub fn binary(measures: &mut Measures) {
    for peer in cluster() {
        let Some(size) = peer.program().and_then(|path| path.metadata().ok()) else { continue };
        measures.note("binary", peer, Metric::Size, size.len() as f64 / 1e6);
    }
}
