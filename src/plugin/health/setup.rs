//! `health [ADDRESS] { lameduck DURATION }`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::metrics::Metrics;
use super::poll::poll;
use crate::corefile::HostPort;
use crate::plugin::{Endpoint, Setup, SetupResult, endpoint};
use crate::telemetry::http::{Request, Response};

const DEFAULT_ADDRESS: (&str, HostPort) = (":8080", HostPort { host: None, port: 8080 });

/// Sets `health` up.
///
/// # Errors
/// When the address or the duration is none, or for a property other than `lameduck`.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let directive = setup.once()?;
    let place = endpoint::place(directive, "health", DEFAULT_ADDRESS)?;
    let listen = place.listen;
    let mut lameduck = None;
    for property in directive.properties() {
        if property.name.text != "lameduck" {
            return Err(property.unknown_property("health", &["lameduck"]));
        }
        let [duration] = property.exactly("lameduck DURATION")?;
        lameduck = Some(duration.duration()?);
    }
    setup.draft.lameduck = lameduck;
    let handler = |_: &Request| Response::text(200, "OK");
    setup.draft.endpoints.push(Endpoint { place, path: "/health", handler: Arc::new(handler), guard: None });
    // Which port the system chose for port 0 is not known here; only tests listen so.
    if listen.port != 0 {
        let metrics = Metrics::new(&setup.process.metrics);
        setup.spawn(poll(reachable(listen), metrics));
    }
    Ok(())
}

/// Where to ask what listens on `listen`: on all addresses it is on loopback too.
pub(super) fn reachable(listen: HostPort) -> SocketAddr {
    let host = listen.host.filter(|host| !host.is_unspecified());
    SocketAddr::new(host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), listen.port)
}
