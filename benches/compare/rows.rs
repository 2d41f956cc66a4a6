//! The rows of the comparison: what is asked of whom, and how.

use std::time::Duration;

use kubezone::dns::RecordType;

use crate::generator::{self, Expected, Load, Outcome};
use crate::measures::{Measures, Metric};
use crate::names::{ENDPOINTS, LARGE, LARGE_ENDPOINTS, Questions, Service, packet};
use crate::servers::Peer::{self, CoreDns, Dnsmasq, Echo, Knot, Kubezone, KubezoneMusl, Nsd, Unbound};
use crate::servers::{Server, Setting};
use crate::streams::{self, Manner};
use crate::zone_files::reverse;
use crate::{footprint, growth, propagation, two_cpus};

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
    Connections(Manner),
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
        peers: &[Echo, Kubezone, CoreDns, Unbound, Dnsmasq],
        way: CLOSED,
        questions: |_| {
            Questions::of(1000, RecordType::A, |service| Some(format!("{}.example.org.", service.name())))
        },
        expected: ONE,
    },
    Row {
        name: "missed",
        peers: &[Kubezone, CoreDns, Unbound, Dnsmasq],
        way: CLOSED,
        questions: |_| Questions::unique("example.org."),
        expected: ONE,
    },
    Row {
        name: "tcp",
        peers: &[Kubezone, CoreDns, Knot],
        way: Way::Connections(Manner::Each),
        questions: cluster_ips,
        expected: ONE,
    },
    Row {
        name: "tcp-pipelined",
        peers: &[Kubezone, CoreDns, Knot],
        way: Way::Connections(Manner::Pipelined),
        questions: cluster_ips,
        expected: ONE,
    },
    Row {
        name: "headless-1000",
        peers: &[Kubezone, CoreDns, Knot],
        way: Way::Connections(Manner::Kept),
        questions: |_| Questions::fixed(std::iter::once(packet(&LARGE.domain(), RecordType::A))),
        expected: Expected { rcode: 0, answers: LARGE_ENDPOINTS as u16 },
    },
    Row {
        name: "open-loop",
        peers: &[Kubezone, CoreDns, Knot],
        way: Way::Datagrams(Load::Rate(5000.0)),
        questions: cluster_ips,
        expected: ONE,
    },
];

/// What is measured otherwise than by asking questions for a second, in the order that disturbs the least.
const OTHERS: &[&str] = &[
    "two-cpus",
    "memory",
    "ready",
    "idle",
    "binary",
    "propagation",
    "propagation-changes",
    "pods",
    "growth",
];

/// The names of all rows, in their order.
pub fn names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.name).chain(OTHERS.iter().copied())
}

/// The tables that a row has.
pub fn tables(name: &'static str) -> Vec<&'static str> {
    if name == "growth" { growth::ROWS.iter().map(|(row, _)| *row).collect() } else { vec![name] }
}

/// Measures a row.
pub fn measure(name: &'static str, setting: &Setting, measures: &mut Measures) {
    match name {
        "two-cpus" => two_cpus::measure(name, &cluster_ips(setting.services), setting, measures),
        "memory" => footprint::memory(setting, measures),
        "ready" => footprint::ready(setting, measures),
        "idle" => footprint::idle(setting, measures),
        "binary" => footprint::binary(measures),
        "propagation" => propagation::measure(name, false, setting, measures),
        "propagation-changes" => propagation::measure(name, true, setting, measures),
        "pods" => footprint::pods(setting, measures),
        "growth" => growth::measure(setting, measures),
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
        Way::Connections(manner) => streams::run(server.dns, questions, manner, TIME, row.expected),
    }
}
