//! What `control-plane env` tells the tests, and waiting.

use std::env;
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before it counts as never.
const PATIENCE: Duration = Duration::from_secs(60);

/// A variable of `tests/cluster/control-plane env`, or of the script that started the tests.
pub fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set; start these tests with tests/cluster/run or tests/parity/run")
    })
}

/// Tries until `attempt` gives something. The only wait in these tests: an event can come at any time.
pub fn until<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's thread serves nobody")]
fn pause() {
    thread::sleep(Duration::from_millis(20));
}
