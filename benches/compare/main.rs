//! kubezone beside the servers that people choose otherwise, on one machine, in one run.
//!
//! `benches/compare/run` builds and starts all that this needs, and calls it. Started without that, it says so.

/// The echo and the upstream.
mod answerers;
/// The API server over plain HTTP, as tests/parity has it.
#[path = "../../tests/parity/api.rs"]
#[expect(dead_code, reason = "shared with tests/parity, which uses all of it")]
mod api;
/// Charts.
mod chart;
/// Batches of datagrams.
mod datagrams;
/// The API server's store.
mod etcd;
/// The objects of the cluster.
mod fill;
/// What a server takes without being asked.
mod footprint;
/// Load over UDP.
mod generator;
/// What is to hold.
mod goals;
/// More Services.
mod growth;
/// The control plane.
mod lab;
/// Samples.
mod measures;
/// Names and questions.
mod names;
/// Objects as JSON.
mod objects;
/// Ports for the servers.
#[path = "../../tests/ports/mod.rs"]
mod ports;
/// Servers as processes.
mod process;
/// How soon a new Service is there.
mod propagation;
/// What is written down.
mod report;
/// What is measured.
mod rows;
/// Who is compared.
mod servers;
/// Load over TCP.
mod streams;
/// More processors.
mod two_cpus;
/// Static zones.
mod zone_files;

use std::env;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;

use measures::{Measures, Metric};
use process::OTHER_CPU;
use report::{Machine, report, table};
use servers::Setting;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let port = || arguments.get(1).and_then(|port| port.parse().ok()).expect("a port");
    match arguments.first().map(String::as_str) {
        Some("echo") => answerers::echo(port()),
        Some("upstream") => answerers::upstream(port()),
        _ if env::var_os("KUBEZONE_COREDNS").is_none() => println!("start this with benches/compare/run"),
        _ => compare(&arguments),
    }
}

fn compare(rows: &[String]) {
    let machine = Machine::here();
    let services = lab::variable("KUBEZONE_COMPARE_SERVICES").parse().expect("a number of Services");
    println!("filling the cluster with {services} Services");
    fill::fill(services);
    // The generator and what it starts without saying otherwise.
    let own = std::process::id().to_string();
    let pinned = Command::new("taskset").args(["-apc", OTHER_CPU, &own]).output();
    assert!(pinned.is_ok_and(|output| output.status.success()), "taskset -apc {OTHER_CPU} {own}");
    let setting = Setting::new(services);
    let mut measures = Measures::default();
    if let Some(unknown) = rows.iter().find(|wanted| rows::names().all(|row| row != **wanted)) {
        panic!("no row `{unknown}`; there are {}", rows::names().collect::<Vec<_>>().join(", "));
    }
    let mut failed = Vec::new();
    for row in rows::names().filter(|row| rows.is_empty() || rows.iter().any(|wanted| wanted == row)) {
        println!("measuring {row}");
        let measured = catch_unwind(AssertUnwindSafe(|| rows::measure(row, &setting, &mut measures)));
        // The others may still be worth their time; the reason has been printed.
        failed.extend(measured.is_err().then_some(row));
        let mut text = String::new();
        rows::tables(row).into_iter().for_each(|row| table(&mut text, row, &measures));
        println!("{text}");
    }
    if rows.is_empty() {
        write(&report(&machine, services, &measures), &measures);
    }
    assert!(failed.is_empty(), "not measured: {}", failed.join(", "));
}

fn write(text: &str, measures: &Measures) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/benchmarks");
    let asked = ["clusterip", "nxdomain", "headless", "srv", "ptr", "nodata", "cached", "missed"];
    let files = [
        ("README.md", text.to_owned()),
        ("cpu.svg", chart::bars("Processor time for each reply", &asked, Metric::Cpu, 60.0, measures)),
        ("memory.svg", chart::bars("Resident memory", &["memory", "idle"], Metric::Rss, 240.0, measures)),
    ];
    fs::create_dir_all(&folder).expect("a folder");
    for (name, text) in files {
        fs::write(folder.join(name), text).expect("a file");
    }
    println!("written to {}", folder.display());
}
