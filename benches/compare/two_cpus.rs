//! What a second processor adds.
//!
//! With two processors in the machine the generator cannot have one of its own. So it shares: server and generator together on
//! one, then server and generator together on both. What the machine itself loses by a second processor counts against us.

use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::generator::{self, Expected, Load, Outcome};
use crate::measures::{Measures, Metric};
use crate::names::Questions;
use crate::servers::{Peer, Setting};

const ROUNDS: u64 = 5;
const TIME: Duration = Duration::from_secs(2);

/// Asks for the addresses of Services.
pub fn measure(row: &'static str, questions: &Questions, setting: &Setting, measures: &mut Measures) {
    let servers: Vec<_> =
        ["0", "0,1"].map(|cpus| setting.start_on(cpus, Peer::Kubezone, &setting.corefile("")).0).into();
    for round in 0..=ROUNDS {
        for (server, (cpus, metric)) in
            servers.iter().zip([(&["0"][..], Metric::RateOne), (&["0", "1"][..], Metric::RateTwo)])
        {
            let ask = |at: usize| {
                pin(cpus[at]);
                let first = (round << 24) + ((at as u64) << 20);
                generator::run(
                    server.dns,
                    questions,
                    first,
                    Load::Window(256),
                    TIME,
                    Expected { rcode: 0, answers: 1 },
                )
            };
            let outcomes: Vec<Outcome> = thread::scope(|scope| {
                let threads: Vec<_> = (0..cpus.len()).map(|at| scope.spawn(move || ask(at))).collect();
                threads.into_iter().map(|thread| thread.join().expect("a thread that asks")).collect()
            });
            let answered: u64 = outcomes.iter().map(|outcome| outcome.answered).sum();
            if round > 0 {
                measures.note(row, Peer::Kubezone, metric, answered as f64 / TIME.as_secs_f64());
            }
        }
    }
}

/// This thread alone.
fn pin(cpu: &str) {
    // "<process>/task/<thread>"
    let thread = std::fs::read_link("/proc/thread-self").expect("/proc is there");
    let id = thread.file_name().expect("a thread has a number").to_owned();
    let pinned = Command::new("taskset").args(["-pc", cpu]).arg(id).output();
    assert!(pinned.is_ok_and(|output| output.status.success()), "taskset -pc {cpu}");
}
