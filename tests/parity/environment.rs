//! What `tests/parity/run` tells the tests.

use std::env;
use std::path::PathBuf;

/// The seed of a run when none is set: CI asks the same today and tomorrow.
const SEED: u64 = 1;

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
