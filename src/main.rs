//! The binary: everything it does lives in the library, so that tests can reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubezone::cli::main(std::env::args())
}
