//! `prometheus [ADDRESS] { runtime_metrics; tls WEBCONFIGFILE }`.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Prometheus, runtime, web};
use crate::corefile::{Diagnostic, Directive, HostPort, Shown};
use crate::plugin::{Endpoint, Setup, SetupResult, endpoint};
use crate::telemetry::http::{Guard, Request, Response};
use crate::telemetry::metrics::{CONTENT_TYPE, Registry};

const DEFAULT_ADDRESS: (&str, HostPort) =
    ("localhost:9153", HostPort { host: Some(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST)), port: 9153 });
const PROPERTIES: [&str; 2] = ["runtime_metrics", "tls"];

/// Sets `prometheus` up.
///
/// # Errors
/// When the address is none, for a web configuration that cannot be used, and for other properties.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let directive = setup.once()?;
    let place = endpoint::place(directive, "prometheus", DEFAULT_ADDRESS)?;
    let (mut runtime_metrics, mut tls) = (None, None);
    for property in directive.properties() {
        let (slot, usage) = match property.name.text.as_str() {
            "runtime_metrics" => (&mut runtime_metrics, "runtime_metrics"),
            "tls" => (&mut tls, "tls WEBCONFIGFILE"),
            _ => return Err(property.unknown_property("prometheus", &PROPERTIES)),
        };
        let arguments = usage.split(' ').count() - 1;
        property.between(arguments, arguments, usage)?;
        property.no_block()?;
        if let Some(first) = slot.replace(property) {
            return Err(property.repeated(first));
        }
    }
    let guard = tls.map(|tls| guard(setup, tls)).transpose()?;
    let registry = setup.process.metrics.clone();
    let runtime_metrics = runtime_metrics.map(|_| runtime::register(&registry, &setup.process.runtime));
    setup.add(Prometheus::new(&registry, setup.site).with(runtime_metrics));
    let handler = move |request: &Request| scrape(&registry, request);
    setup.draft.endpoints.push(Endpoint { place, path: "/metrics", handler: Arc::new(handler), guard });
    Ok(())
}

fn guard(setup: &Setup<'_>, tls: &Directive) -> Result<(PathBuf, Arc<Guard>), Diagnostic> {
    let [word] = tls.exactly("tls WEBCONFIGFILE")?;
    let file = setup.process.root.join(&word.text);
    let guard = web::guard(file.clone()).map_err(|error| {
        let message = format!("the web configuration {} cannot be used", Shown(&word.text));
        Diagnostic::error(message).at(word.span).label(error)
    })?;
    Ok((file, guard))
}

/// All metrics, or those that the query names: `/metrics?name[]=up&name[]=coredns_panics_total`.
fn scrape(registry: &Registry, request: &Request) -> Response {
    let query = request.uri.query().unwrap_or_default();
    let names: Vec<_> = form_urlencoded::parse(query.as_bytes())
        .filter_map(|(key, name)| (key == "name[]").then_some(name))
        .collect();
    let text = if names.is_empty() { registry.text() } else { registry.text_of(&names) };
    Response { status: 200, content_type: CONTENT_TYPE, body: text.into() }
}
