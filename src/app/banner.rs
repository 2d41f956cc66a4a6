//! The lines of a start, on standard output: what CoreDNS prints, in its order.
//!
//! ```text
//! .:53                                                              a line for each key
//! [INFO] plugin/reload: Running configuration SHA512 = …            with `reload`
//! CoreDNS-1.15.0                                                    what scripts wait for
//! linux/amd64, kubezone-0.1.0                                       CoreDNS: system, compiler, commit
//! ```
//!
//! The third line is CoreDNS's to the octet: scripts look for `CoreDNS-`, for a version behind it, and some for the end of
//! the line behind that. What we are ourselves stands where CoreDNS names its compiler, which nobody reads. They go through
//! the log, as all lines do, so that their order is that of the process.

use super::{App, COREDNS_VERSION};
use crate::telemetry::log;

/// A line for each key of the Corefile.
pub(super) fn keys(app: &App) {
    for line in app.lines() {
        log::line(|to| to.push_str(line));
    }
}

/// The version and the platform.
pub(super) fn version() {
    for line in version_lines() {
        log::line(|to| to.push_str(&line));
    }
}

/// What `-version` prints, and the end of a start.
#[must_use]
pub fn version_lines() -> [String; 2] {
    let system = std::env::consts::OS;
    [
        format!("CoreDNS-{COREDNS_VERSION}"),
        format!("{system}/{}, kubezone-{}", arch(), env!("CARGO_PKG_VERSION")),
    ]
}

/// The architecture as Go names it.
fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
