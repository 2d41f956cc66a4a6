//! The lines of a start, on standard output.

use std::fmt::Write;

use super::{App, COREDNS_VERSION};

/// What CoreDNS prints when it starts, which scripts wait for: a line for each key, the version, the platform.
pub(super) fn text(app: &App) -> String {
    let mut text = String::new();
    for line in app.lines() {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(text, "CoreDNS-{COREDNS_VERSION} (kubezone-{})", env!("CARGO_PKG_VERSION"));
    let _ = writeln!(text, "{}/{}, kubezone", std::env::consts::OS, arch());
    text
}

/// The architecture as Go names it.
fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
