//! What more Services cost: a query, memory, and a change, from 100 to 100,000.
//!
//! The Services are others than those of the comparison. Each is labelled with the smallest cluster that it belongs to, and the
//! `labels` of the Corefile select one cluster of them.

use std::time::{Duration, Instant};

use kubezone::dns::RecordType;
use serde_json::json;

use crate::etcd::{Etcd, Stored, stored};
use crate::footprint::cluster;
use crate::generator::{self, Expected, Load};
use crate::measures::{Measures, Metric};
use crate::names::{Questions, Service, growth, packet};
use crate::objects::{self, TIER};
use crate::process::pause;
use crate::servers::{Peer, Setting};

/// The rows, and how many Services each has.
pub const ROWS: &[(&str, usize)] =
    &[("growth-100", 100), ("growth-1000", 1000), ("growth-10000", 10_000), ("growth-100000", 100_000)];
/// With fewer Services in the comparison (`--quick`) the largest are left out.
const QUICK_MAX: usize = 10_000;
const ROUNDS: u64 = 3;
const CHANGES: usize = 1000;
const CHANGES_A_SECOND: u32 = 250;

/// All rows, one after the other, with the objects that they need.
pub fn measure(setting: &Setting, measures: &mut Measures) {
    let most = if setting.services < QUICK_MAX { QUICK_MAX } else { usize::MAX };
    let rows: Vec<_> = ROWS.iter().filter(|(_, services)| *services <= most).copied().collect();
    let all = rows.last().expect("a row").1;
    let mut etcd = Etcd::connect();
    etcd.put(
        (0..all.div_ceil(100))
            .map(|at| stored("namespaces", at, objects::namespace(&format!("growth-{at}")))),
    );
    etcd.put(
        growth(all).enumerate().flat_map(|(at, service)| [service_of(at, service), slice_of(at, service, 0)]),
    );
    for (tier, (row, services)) in rows.iter().enumerate() {
        let tiers: Vec<String> = (0..=tier).map(|tier| tier.to_string()).collect();
        let selector = format!("labels \"{TIER} in ({})\"", tiers.join(","));
        for peer in cluster() {
            of_size(row, *services, &selector, peer, setting, &mut etcd, measures);
        }
    }
    for kind in ["services/specs", "endpointslices"] {
        (0..all.div_ceil(100)).for_each(|at| etcd.remove(&format!("/registry/{kind}/growth-{at}/")));
    }
}

fn of_size(
    row: &'static str,
    services: usize,
    selector: &str,
    peer: Peer,
    setting: &Setting,
    etcd: &mut Etcd,
    measures: &mut Measures,
) {
    let own = || growth(services).filter(|service| !service.is_headless());
    let questions = Questions::fixed(own().map(|service| packet(&service.domain(), RecordType::A)));
    let (server, took) = setting.start_with(peer, &setting.corefile(selector));
    measures.note(row, peer, Metric::Ready, took.as_secs_f64() * 1000.0);
    pause(Duration::from_secs(3));
    measures.note(row, peer, Metric::Rss, server.process.mib("VmRSS"));
    for round in 0..=ROUNDS {
        let before = server.process.cpu_ns();
        let expected = Expected { rcode: 0, answers: 1 };
        let time = Duration::from_secs(1);
        let outcome = generator::run(server.dns, &questions, round << 24, Load::Window(256), time, expected);
        assert!(
            outcome.wrong == 0 && outcome.answered > 0,
            "{row}, {}: {} wrong",
            peer.name(),
            outcome.wrong
        );
        let used = (server.process.cpu_ns() - before) as f64 / 1000.0 / outcome.answered as f64;
        // The first time caches fill.
        if round > 0 {
            measures.note(row, peer, Metric::Cpu, used);
        }
    }
    for turn in 1..=ROUNDS as usize {
        let before = server.process.cpu_ns();
        let begin = Instant::now();
        for at in 0..CHANGES {
            // Far from one another: what lies beside what has just been changed is cheaper.
            let number = (at * 7919 + turn) % services;
            let service = growth(services).nth(number).expect("a Service");
            etcd.put([slice_of(number, service, turn)]);
            let due = (at as u32 + 1) * (Duration::from_secs(1) / CHANGES_A_SECOND);
            pause(due.saturating_sub(begin.elapsed()));
        }
        pause(Duration::from_secs(1));
        let used = (server.process.cpu_ns() - before) as f64 / 1000.0 / CHANGES as f64;
        measures.note(row, peer, Metric::Change, used);
    }
}

fn service_of(number: usize, service: Service) -> Stored {
    let mut object = objects::service(service);
    object["metadata"]["labels"] = json!({TIER: tier(number)});
    stored("services/specs", number, object)
}

/// With another first address each turn.
fn slice_of(number: usize, service: Service, turn: usize) -> Stored {
    let mut object = objects::slice(service);
    object["metadata"]["labels"][TIER] = json!(tier(number));
    if turn > 0 {
        let address =
            format!("10.{}.{}.{}", 200 + turn + (number >> 16) * 10, number >> 8 & 255, number & 255);
        object["endpoints"][0]["addresses"] = json!([address]);
    }
    stored("endpointslices", number, object)
}

/// The first row that has this many Services and one more.
fn tier(number: usize) -> String {
    ROWS.iter()
        .position(|(_, services)| number < *services)
        .expect("no more than the last row has")
        .to_string()
}
