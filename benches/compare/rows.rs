//! The rows of the comparison: what is asked of whom, and how.

use std::process::Command;
use std::time::Duration;

use kubezone::dns::RecordType;

use crate::generator::{self, Expected, Load, Outcome};
use crate::lab::variable;
use crate::measures::{Measures, Metric};
use crate::names::{ENDPOINTS, Questions, Service};
use crate::process::pause;
use crate::servers::Peer::{self, CoreDns, Echo, Knot, Kubezone, KubezoneMusl, Nsd, Unbound};
use crate::servers::{Server, Setting, answers};
use crate::streams;
use crate::zone_files::reverse;

/// How many queries wait at once in a closed loop.
const WINDOW: usize = 256;
/// How long each server is asked in a round.
const TIME: Duration = Duration::from_secs(1);
const ROUNDS: u64 = 5;
/// The most replies, in percent, that may be other than they must be, or not come.
const WRONG_MAX: f64 = 1.0;

/// How a row asks.
#[derive(Clone, Copy)]
enum Way {
    Datagrams(Load),
    Connections { is_pipelined: bool },
}

/// A row that asks questions.
struct Row {
    name: &'static str,
    peers: &'static [Peer],
    way: Way,
    questions: fn(usize) -> Questions,
    expected: Expected,
}

const ALL: &[Peer] = &[Echo, Kubezone, KubezoneMusl, CoreDns, Knot, Nsd, Unbound];
const CLUSTER: &[Peer] = &[Kubezone, KubezoneMusl, CoreDns];
const CLOSED: Way = Way::Datagrams(Load::Window(WINDOW));
const ONE: Expected = Expected { rcode: 0, answers: 1 };

const ROWS: &[Row] = &[
    Row { name: "clusterip", peers: ALL, way: CLOSED, questions: cluster_ips, expected: ONE },
    Row {
        name: "nxdomain",
        peers: ALL,
        way: CLOSED,
        questions: |count| {
            Questions::of(count, RecordType::A, |service| {
                Some(format!("example.com.{}.svc.cluster.local.", service.namespace()))
            })
        },
        expected: Expected { rcode: 3, answers: 0 },
    },
    Row {
        name: "headless",
        peers: ALL,
        way: CLOSED,
        questions: |count| {
            Questions::of(count, RecordType::A, |service| service.is_headless().then(|| service.domain()))
        },
        expected: Expected { rcode: 0, answers: ENDPOINTS as u16 },
    },
    Row {
        name: "srv",
        peers: ALL,
        way: CLOSED,
        questions: |count| {
            Questions::of(count, RecordType::SRV, |service| {
                own(service).map(|name| format!("_http._tcp.{name}"))
            })
        },
        expected: ONE,
    },
    Row {
        name: "ptr",
        peers: ALL,
        way: CLOSED,
        questions: |count| {
            Questions::of(count, RecordType::PTR, |service| own(service).map(|_| reverse(service)))
        },
        expected: ONE,
    },
    Row {
        name: "nodata",
        peers: ALL,
        way: CLOSED,
        questions: |count| Questions::of(count, RecordType::AAAA, own),
        expected: Expected { rcode: 0, answers: 0 },
    },
    Row {
        name: "cached",
        peers: &[Echo, Kubezone, CoreDns, Unbound],
        way: CLOSED,
        questions: |_| {
            Questions::of(1000, RecordType::A, |service| Some(format!("{}.example.org.", service.name())))
        },
        expected: ONE,
    },
    Row {
        name: "missed",
        peers: &[Kubezone, CoreDns, Unbound],
        way: CLOSED,
        questions: |_| Questions::unique("example.org."),
        expected: ONE,
    },
    Row {
        name: "tcp",
        peers: &[Kubezone, CoreDns, Knot],
        way: Way::Connections { is_pipelined: false },
        questions: cluster_ips,
        expected: ONE,
    },
    Row {
        name: "tcp-pipelined",
        peers: &[Kubezone, CoreDns, Knot],
        way: Way::Connections { is_pipelined: true },
        questions: cluster_ips,
        expected: ONE,
    },
    Row {
        name: "open-loop",
        peers: &[Kubezone, CoreDns, Knot],
        way: Way::Datagrams(Load::Rate(5000.0)),
        questions: cluster_ips,
        expected: ONE,
    },
];

/// The names of all rows, in their order.
pub fn names() -> Vec<&'static str> {
    ROWS.iter().map(|row| row.name).chain(["memory", "ready", "idle", "binary"]).collect()
}

/// Measures a row.
pub fn measure(name: &str, setting: &Setting, measures: &mut Measures) {
    match name {
        "memory" => memory(setting, measures),
        "ready" => ready(setting, measures),
        "idle" => idle(setting, measures),
        "binary" => binary(measures),
        _ => {
            let row = ROWS.iter().find(|row| row.name == name);
            asked(row.unwrap_or_else(|| panic!("no row `{name}`")), setting, measures);
        }
    }
}

fn own(service: Service) -> Option<String> {
    (!service.is_headless()).then(|| service.domain())
}

fn cluster_ips(count: usize) -> Questions {
    Questions::of(count, RecordType::A, own)
}

/// All servers run at once, and are asked in turn: what the machine does besides meets all of them.
fn asked(row: &Row, setting: &Setting, measures: &mut Measures) {
    let questions = (row.questions)(setting.services);
    let present = row.peers.iter().filter(|peer| peer.program().is_some());
    let servers: Vec<Server> = present.map(|peer| setting.start(*peer).0).collect();
    for server in &servers {
        // Once, not counted: caches fill, and buffers grow.
        ask(row, server, &questions, 0);
    }
    for round in 1..=ROUNDS {
        for server in &servers {
            let before = server.process.cpu_ns();
            let outcome = ask(row, server, &questions, round << 24);
            let cpu_ns = server.process.cpu_ns() - before;
            let answered = outcome.answered.max(1) as f64;
            let lost =
                100.0 * (outcome.sent.saturating_sub(outcome.answered)) as f64 / outcome.sent.max(1) as f64;
            let wrong = 100.0 * outcome.wrong as f64 / answered;
            let is_bad = wrong > WRONG_MAX || lost > WRONG_MAX;
            assert!(
                !is_bad || server.peer == Echo,
                "{}, {}: {lost:.2} % lost, {wrong:.2} % wrong",
                row.name,
                server.peer.name()
            );
            let samples = [
                (Metric::Rate, outcome.answered as f64 / outcome.seconds),
                (Metric::Cpu, cpu_ns as f64 / 1000.0 / answered),
                (Metric::P50, outcome.percentile(0.5)),
                (Metric::P99, outcome.percentile(0.99)),
                (Metric::P999, outcome.percentile(0.999)),
                (Metric::Lost, lost),
            ];
            samples
                .into_iter()
                .for_each(|(metric, value)| measures.note(row.name, server.peer, metric, value));
        }
    }
}

fn ask(row: &Row, server: &Server, questions: &Questions, first: u64) -> Outcome {
    match row.way {
        Way::Datagrams(load) => generator::run(server.dns, questions, first, load, TIME, row.expected),
        Way::Connections { is_pipelined } => {
            streams::run(server.dns, questions, is_pipelined, TIME, row.expected)
        }
    }
}

fn memory(setting: &Setting, measures: &mut Measures) {
    let here = || CLUSTER.iter().copied().filter(|peer| peer.program().is_some());
    for _ in 0..3 {
        for peer in here() {
            let (server, _) = setting.start(peer);
            pause(Duration::from_secs(3));
            measures.note("memory", peer, Metric::Rss, server.process.mib("VmRSS"));
            measures.note("memory", peer, Metric::Peak, server.process.mib("VmHWM"));
        }
    }
    let servers: Vec<Server> = here().map(|peer| setting.start(peer).0).collect();
    for order in ["stop", "start"] {
        let done = Command::new(variable("KUBEZONE_CONTROL_PLANE")).arg(order).status();
        assert!(done.is_ok_and(|status| status.success()), "control-plane {order}");
        pause(Duration::from_secs(2));
    }
    // A watch that fails is begun again within seconds.
    pause(Duration::from_secs(30));
    for server in &servers {
        assert!(server.is_ready(), "{} is not ready after the API server came back", server.peer.name());
        measures.note("memory", server.peer, Metric::PeakRestart, server.process.mib("VmHWM"));
    }
}

fn ready(setting: &Setting, measures: &mut Measures) {
    for _ in 0..7 {
        for peer in CLUSTER.iter().copied().filter(|peer| peer.program().is_some()) {
            let (_server, took) = setting.start(peer);
            measures.note("ready", peer, Metric::Ready, took.as_secs_f64() * 1000.0);
        }
    }
}

fn idle(setting: &Setting, measures: &mut Measures) {
    for peer in CLUSTER.iter().copied().filter(|peer| peer.program().is_some()) {
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

fn binary(measures: &mut Measures) {
    for peer in CLUSTER {
        let Some(size) = peer.program().and_then(|path| path.metadata().ok()) else { continue };
        measures.note("binary", *peer, Metric::Size, size.len() as f64 / 1e6);
    }
}
