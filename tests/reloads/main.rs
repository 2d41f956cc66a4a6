//! 5,000 queries a second through 50 reloads: none lost, none wrong. `tests/reloads/run` starts it.
//!
//! `KUBEZONE_SERVER` names another binary than kubezone's: CoreDNS's, to see what its clients see.

#[path = "../ports/mod.rs"]
mod ports;
mod stage;

use std::path::PathBuf;
use std::time::Duration;

use stage::Plan;

#[test]
fn five_thousand_queries_a_second_through_fifty_reloads() {
    let number = |name: &str, default: u32| {
        std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
    };
    let other = std::env::var_os("KUBEZONE_SERVER").map(PathBuf::from);
    let plan = Plan {
        binary: other.clone().unwrap_or_else(|| env!("CARGO_BIN_EXE_kubezone").into()),
        rate: number("KUBEZONE_RATE", 5_000),
        reloads: number("KUBEZONE_RELOADS", 50) as u16,
        pause: Duration::from_millis(500),
    };
    println!("{}: {} queries a second, {} reloads", plan.binary.display(), plan.rate, plan.reloads);
    let outcome = stage::run(&plan);
    for (client, tally) in &outcome.clients {
        println!("{client:<28} {:>7} asked {:>6} lost {:>6} wrong", tally.asked, tally.lost, tally.wrong);
    }
    let (asked, lost, wrong) = (outcome.asked(), outcome.lost(), outcome.wrong());
    println!(
        "{asked} asked, {lost} lost, {wrong} wrong; {} reloads, {} swaps unnoticed for 10 s, the slowest noticed after {:.2?}",
        outcome.taken, outcome.unnoticed, outcome.slowest
    );
    for example in outcome.examples() {
        println!("  {example}");
    }
    if other.is_none() {
        assert_eq!((lost, wrong, outcome.unnoticed), (0, 0, 0));
    }
}
