//! `tls WEBCONFIGFILE`: the web configuration of Prometheus's exporters, a YAML file with TLS, users, headers and a rate.
//!
//! Its fields are those of the exporter toolkit 0.20, which CoreDNS 1.15.0 uses. What rustls does not offer, and what
//! would take any certificate for a proof, is refused by name.

mod config;
mod tls;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};

use self::config::WebConfig;
use crate::corefile::parse_duration;
use crate::telemetry::http::{Guard, Limiter, Policy, Users};

/// The headers that may be set, and the values of those that have few.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
    ("Content-Security-Policy", &[]),
];

/// The guard of this file, whose names of files begin at its folder. It reads the file anew at each connection; the rate
/// alone is that of the start.
///
/// # Errors
/// With what is wrong in the file, or in a file that it names.
pub(super) fn guard(file: PathBuf) -> Result<Arc<Guard>, String> {
    let config = WebConfig::read(&file)?;
    let limiter = limiter(&config)?;
    let load = move || {
        let folder = file.parent().unwrap_or(Path::new("."));
        policy(WebConfig::read(&file)?, folder)
    };
    Guard::new(limiter, load).map(Arc::new)
}

fn policy(config: WebConfig, folder: &Path) -> Result<Policy, String> {
    let users = Users::new(config.basic_auth_users)?;
    let headers = config.http_server_config.headers.into_iter().map(|(name, value)| header(&name, &value));
    let headers = headers.collect::<Result<_, _>>()?;
    let tls = config.tls_server_config.map(|tls| tls::server_config(&tls, folder)).transpose()?.flatten();
    Ok(Policy { tls, users, headers })
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let Some((_, values)) = HEADERS.iter().find(|(known, _)| *known == name) else {
        let known = HEADERS.map(|(name, _)| format!("`{name}`")).join(", ");
        return Err(format!("header `{name}` cannot be set: those that can are {known}"));
    };
    if !values.is_empty() && !values.contains(&value) {
        return Err(format!("header `{name}` cannot be `{value}`: write one of {values:?}"));
    }
    let parsed = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
    parsed.ok_or_else(|| format!("the value of header `{name}` has octets that a header may not have"))
}

fn limiter(config: &WebConfig) -> Result<Option<Limiter>, String> {
    let Some(rate) = &config.rate_limit else { return Ok(None) };
    let interval = parse_duration(&rate.interval)
        .map_err(|error| format!("rate_limit: interval: `{}` is not a duration: {error}", rate.interval))?;
    Ok((!interval.is_zero()).then(|| Limiter::new(interval, rate.burst)))
}

#[cfg(test)]
mod tests;
