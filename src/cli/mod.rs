//! The command line: CoreDNS's own flags where there is no subcommand, and one file a subcommand.

mod arguments;
mod check;
mod compare;
mod dump;
mod plugins;
mod serve;

use std::process::ExitCode;

pub use arguments::{Arguments, parse};

/// Runs the process to its end. Data goes to standard output, everything else to standard error, but for the log, which
/// goes where CoreDNS's goes.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = String>) -> ExitCode {
    let arguments = match parse(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are asked for; everything else is a mistake.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { arguments::usage_code(&error) } else { 0 });
        }
    };
    match arguments {
        Arguments::Version => {
            println!("{}", crate::app::version_lines().join("\n"));
            ExitCode::SUCCESS
        }
        Arguments::Plugins(style) => plugins::run(style),
        Arguments::Serve(options) => serve::run(options),
        Arguments::Check(options) => check::run(&options),
        Arguments::Dump(options) => dump::run(options),
        Arguments::Compare(options) => compare::run(&options),
    }
}
