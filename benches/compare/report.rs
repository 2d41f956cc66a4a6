//! The report: what the machine was, goal by goal, and every measure.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use crate::goals::GOALS;
use crate::measures::{Measures, Metric};
use crate::rows;
use crate::servers::Peer;

/// Where a run took place, told before it begins.
pub struct Machine(String);

impl Machine {
    pub fn here() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let cpus = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
        let kernel = said("uname", &["-sr"]);
        let mut text = format!(
            "{}; {cpus} CPUs ({}); {kernel}; load average before: {}\n\nThe servers had CPU 0, the generator, the upstream and the API server \
             CPU 1 (the API server both).\n\nVersions: ",
            said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
            model.map_or("unknown", |(_, model)| model),
            read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" "),
        );
        let versions = [
            (Peer::Kubezone, "-version"),
            (Peer::CoreDns, "-version"),
            (Peer::Knot, "-V"),
            (Peer::Nsd, "-v"),
            (Peer::Unbound, "-V"),
        ];
        let versions = versions.iter().filter_map(|(peer, flag)| {
            let program = peer.program()?;
            let said = said(program.to_str()?, &[flag]);
            let lines: Vec<&str> = said.lines().take(2).collect();
            Some(format!("{} (`{}`)", peer.name(), lines.join("; ")))
        });
        text.push_str(&versions.collect::<Vec<_>>().join(", "));
        text.push_str(".\n");
        Self(text)
    }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |_| "unknown".to_owned(),
        |output| {
            let both = [output.stdout, output.stderr].concat();
            String::from_utf8_lossy(&both).trim().to_owned()
        },
    )
}

/// The whole report in Markdown.
pub fn report(machine: &Machine, services: usize, measures: &Measures) -> String {
    let mut text = format!(
        "# Comparison with other servers\n\nWritten by `benches/compare/run`; quote ratios from one run, never a figure alone. \
         {services} Services, {} endpoints.\n\n{}\n## Goals\n\n| goal | measured | |\n|---|---|---|\n",
        services * crate::names::ENDPOINTS,
        machine.0
    );
    for goal in GOALS {
        let judged = goal.judge(measures);
        let mark = match judged.is_met {
            Some(true) => "met",
            Some(false) => "**not met**",
            None => "",
        };
        let _ = writeln!(text, "| {} | {} | {mark} |", goal.words, judged.found);
    }
    text.push_str("\n![CPU for each reply](cpu.svg)\n\n![Resident memory](memory.svg)\n\n## Measures\n\nMedians of the rounds, and in parentheses the smallest and the largest.\n");
    for row in rows::names().flat_map(rows::tables) {
        table(&mut text, row, measures);
    }
    text
}

/// All measures of a row.
pub fn table(text: &mut String, row: &str, measures: &Measures) {
    let of_row = || measures.0.iter().filter(|measure| measure.row == row);
    let (mut peers, mut metrics): (Vec<Peer>, Vec<Metric>) = (Vec::new(), Vec::new());
    for measure in of_row() {
        if !peers.contains(&measure.peer) {
            peers.push(measure.peer);
        }
        if !metrics.contains(&measure.metric) {
            metrics.push(measure.metric);
        }
    }
    if peers.is_empty() {
        return;
    }
    let units: Vec<_> = metrics.iter().map(|metric| metric.unit()).collect();
    let _ = writeln!(
        text,
        "\n### {row}\n\n| server | {} |\n|---|{}",
        units.join(" | "),
        "--:|".repeat(metrics.len())
    );
    for peer in peers {
        let cells = metrics.iter().map(|metric| match measures.find(row, peer, *metric) {
            Some(measure) => {
                let (least, most) = measure.spread();
                format!("{} ({}–{})", metric.shown(measure.median()), metric.shown(least), metric.shown(most))
            }
            None => String::new(),
        });
        let _ = writeln!(text, "| {} | {} |", peer.name(), cells.collect::<Vec<_>>().join(" | "));
    }
}
