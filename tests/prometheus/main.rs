//! A real Prometheus scrapes kubezone and CoreDNS under the same load and is asked what dashboards ask: `run` beside this
//! file starts it, and `queries.txt` has the queries. Each must have a result for both, with the same label sets.

#[path = "../fake_api/mod.rs"]
#[expect(dead_code, reason = "shared with tests/it, which uses all of it")]
mod fake_api;
/// Ports for the processes.
#[path = "../ports/mod.rs"]
mod ports;
/// What Prometheus is asked, and what it says.
mod queries;
/// The processes, and the load on them.
mod stage;

use std::fmt::Write;
use std::time::{Duration, Instant};

use queries::{Query, queries};
use stage::Stage;

/// A guard against hanging, not a measure.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn dashboards_of_coredns_are_answered() {
    let queries = queries();
    let stage = Stage::start();
    let end = Instant::now() + PATIENCE;
    let mut failures;
    loop {
        // Rates want two scrapes of a series, and the histograms of what happens seldom want a third.
        stage.load(Duration::from_secs(4));
        let (report, wrong) = ask(&stage, &queries);
        failures = wrong;
        if failures.is_empty() || Instant::now() > end {
            println!("{report}");
            break;
        }
    }
    assert!(failures.is_empty(), "{failures}\n{}", stage.logs());
    let told = stage.lint();
    assert!(told.is_empty(), "promtool check metrics: {told}");
}

/// A line for each query, and what is wrong.
fn ask(stage: &Stage, queries: &[Query]) -> (String, String) {
    let (mut report, mut wrong) = (String::new(), String::new());
    let _ = writeln!(report, "{:>8} {:>8}  query", "kubezone", "CoreDNS");
    for query in queries {
        let [ours, theirs] = ["kubezone", "coredns"].map(|server| query.ask(stage.prometheus(), server));
        let _ = writeln!(report, "{:>8} {:>8}  {}", ours.len(), theirs.len(), query.text);
        if let Some(row) = &query.row {
            let _ = writeln!(report, "{:>17}  {}: {row}", "", query.excuse());
        }
        let is_so = if query.more { ours.is_superset(&theirs) } else { ours == theirs };
        if ours.is_empty() || theirs.is_empty() || !is_so {
            let _ = writeln!(wrong, "{}", query.text);
            for (who, labels) in
                [("kubezone", ours.difference(&theirs)), ("CoreDNS", theirs.difference(&ours))]
            {
                for labels in labels {
                    let _ = writeln!(wrong, "  {who} alone: {labels}");
                }
            }
            if ours.is_empty() && theirs.is_empty() {
                let _ = writeln!(wrong, "  neither has a result");
            }
        }
    }
    let _ = writeln!(
        report,
        "{} queries, {} of them otherwise",
        queries.len(),
        wrong.lines().filter(|line| !line.starts_with(' ')).count()
    );
    (report, wrong)
}

/// The rows that excuse a label are there.
#[test]
fn rows_of_the_queries_are_in_the_readme() {
    let readme = include_str!("../../src/plugin/prometheus/README.md");
    for query in queries() {
        if let Some(row) = query.row {
            assert!(readme.contains(&format!("| {row} |")), "{row}");
        }
    }
}
