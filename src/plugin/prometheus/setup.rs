//! `prometheus [ADDRESS]`.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::Prometheus;
use crate::corefile::{Diagnostic, HostPort, Shown};
use crate::plugin::{Endpoint, Setup, SetupResult, endpoint};
use crate::telemetry::http::{Request, Response};
use crate::telemetry::metrics::CONTENT_TYPE;

const DEFAULT_ADDRESS: (&str, HostPort) =
    ("localhost:9153", HostPort { host: Some(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST)), port: 9153 });

/// Sets `prometheus` up.
///
/// # Errors
/// When the address is none, or for a property.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let directive = setup.once()?;
    let (address, _) = endpoint::address(directive, DEFAULT_ADDRESS)?;
    if let Some(property) = directive.properties().first() {
        let name = property.name.text.as_str();
        if !["runtime_metrics", "tls"].contains(&name) {
            return Err(property.unknown_property("prometheus", &["runtime_metrics", "tls"]));
        }
        let help = match name {
            "tls" => "leave it out, and scrape over HTTP",
            _ => "leave it out: it is about the Go runtime, and `process_*` is always there",
        };
        let message = format!("property {} of `prometheus` is not built yet", Shown(name));
        return Err(Diagnostic::error(message).at(property.name.span).help(help));
    }
    let registry = setup.process.metrics.clone();
    setup.add(Prometheus::new(&registry, setup.site));
    let handler =
        move |_: &Request| Response { status: 200, content_type: CONTENT_TYPE, body: registry.text().into() };
    setup.draft.endpoints.push(Endpoint { address, path: "/metrics", handler: Arc::new(handler) });
    Ok(())
}
