//! What `tests/parity/run` tells the tests, and waiting.

use std::env;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before it counts as never.
const PATIENCE: Duration = Duration::from_secs(60);

/// The seed of a run when none is set: CI asks the same today and tomorrow.
const SEED: u64 = 1;

pub fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set; start these tests with tests/parity/run"))
}

/// `KUBEZONE_PARITY_SEED`: a number, or `random`.
pub fn seed() -> u64 {
    match env::var("KUBEZONE_PARITY_SEED").as_deref() {
        Err(_) | Ok("") => SEED,
        Ok("random") => {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.expect("it is after 1970").as_nanos() as u64
        }
        Ok(word) => word
            .parse()
            .unwrap_or_else(|_| panic!("KUBEZONE_PARITY_SEED=`{word}` is neither a number nor `random`")),
    }
}

/// The server under test: the release binary, or what `KUBEZONE_BIN` says.
pub fn kubezone() -> PathBuf {
    env::var_os("KUBEZONE_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_kubezone").into()).into()
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
    thread::sleep(Duration::from_millis(50));
}
