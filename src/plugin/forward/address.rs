//! The TO words of a directive: addresses, and files that list them.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use super::policy::UPSTREAMS_MAX;
use super::resolv_conf::{interface_index, nameservers, scoped_address, with_port};
use super::target::{Protocol, Target};
use crate::corefile::{Diagnostic, Environment, Shown, Token, suggest};

const HELP: &str = "write an address, as `192.0.2.1`, `192.0.2.1:5353` or `[2001:db8::1]:53`, with `tls://`, `https://` or \
    `quic://` before it where it is encrypted, a host name, or the path of a resolv.conf";

/// What TO words are read with.
pub(super) struct Outside<'o> {
    /// Where relative paths begin.
    pub(super) root: &'o Path,
    pub(super) env: &'o dyn Environment,
    /// Finds the addresses of a host name.
    pub(super) lookup: &'o dyn Fn(&str) -> Result<Vec<IpAddr>, String>,
}

/// The upstreams that the words name, none twice.
///
/// # Errors
/// At a word that names none, or names more than there may be.
pub(super) fn upstreams(words: &[Token], outside: &Outside<'_>) -> Result<Vec<Target>, Diagnostic> {
    let mut found: Vec<Target> = Vec::new();
    for word in words {
        for target in one(word, outside)? {
            if !found.iter().any(|other| other.is_same(&target)) {
                found.push(target);
            }
        }
        if found.len() > UPSTREAMS_MAX {
            let error = Diagnostic::error(format!("more than {UPSTREAMS_MAX} upstreams")).at(word.span);
            return Err(error
                .label(format!("these make {}", found.len()))
                .help("leave some out, or spread them over several `forward`"));
        }
    }
    Ok(found)
}

fn one(word: &Token, outside: &Outside<'_>) -> Result<Vec<Target>, Diagnostic> {
    if let Some((scheme, rest)) = word.text.split_once("://") {
        return with_scheme(word, protocol(word, scheme)?, rest, outside);
    }
    if let Some(address) = address(&word.text, Protocol::Dns.port()) {
        return Ok(vec![Target::plain(address)]);
    }
    match outside.env.read(&outside.root.join(&word.text)) {
        Ok(text) => Ok(listed(word, &text)?.into_iter().map(Target::plain).collect()),
        Err(error) => match host_and_port(&word.text, Protocol::Dns) {
            Some((host, port)) => resolved(word, host, port, Protocol::Dns, outside),
            None if word.text.contains('/') => {
                let error = Diagnostic::error(format!("cannot read {}: {error}", Shown(&word.text)));
                Err(error.at(word.span).help(HELP))
            }
            None => Err(word.wrong("an upstream").help(HELP)),
        },
    }
}

/// What stands behind `tls://` and the like: an address or a host name, and the name of its certificate.
fn with_scheme(
    word: &Token,
    protocol: Protocol,
    rest: &str,
    outside: &Outside<'_>,
) -> Result<Vec<Target>, Diagnostic> {
    if protocol == Protocol::Https && rest.contains('/') {
        let error = Diagnostic::error(format!("{} has a path", Shown(&word.text))).at(word.span);
        return Err(error.help("leave it out: `/dns-query` is asked, and nothing else"));
    }
    let named = if protocol == Protocol::Dns { None } else { certificate_name(rest) };
    let (place, server_name) = match &named {
        Some((place, name)) => (place.as_str(), Some(name.clone())),
        None => (rest, None),
    };
    let mut targets = match address(place, protocol.port()) {
        Some(address) => vec![Target { protocol, ..Target::plain(address) }],
        None => match host_and_port(place, protocol) {
            Some((host, port)) => resolved(word, host, port, protocol, outside)?,
            None => return Err(word.wrong("an upstream").help(HELP)),
        },
    };
    for target in &mut targets {
        target.server_name.clone_from(&server_name);
    }
    Ok(targets)
}

/// `192.0.2.1%dns.example.org:853` or `[2001:db8::1%dns.example.org]:853`, without the name, and the name. What stands
/// behind `%` is an interface only where there is one of that name.
fn certificate_name(text: &str) -> Option<(String, String)> {
    let (before, behind) = text.rsplit_once('%')?;
    let end = behind.find([']', ':']).unwrap_or(behind.len());
    let (name, after) = behind.split_at(end);
    let is_interface = before.contains("fe80:") && interface_index(name).is_some();
    (!name.is_empty() && !is_interface).then(|| (format!("{before}{after}"), name.to_owned()))
}

/// The addresses of a host name, each an upstream.
fn resolved(
    word: &Token,
    host: &str,
    port: u16,
    protocol: Protocol,
    outside: &Outside<'_>,
) -> Result<Vec<Target>, Diagnostic> {
    let found = (outside.lookup)(host).map_err(|why| {
        let error = Diagnostic::error(format!("no address for the upstream {}: {why}", Shown(host)));
        error.at(word.span).help(
            "write its address, or `resolver ADDRESS` in the block of `forward` to say who knows it; it is looked up once, \
             at the start",
        )
    })?;
    let target = |ip| Target { protocol, ..Target::plain(SocketAddr::new(ip, port)) };
    Ok(found.into_iter().map(target).collect())
}

/// The name servers of a resolv.conf.
fn listed(word: &Token, text: &str) -> Result<Vec<SocketAddr>, Diagnostic> {
    let found = nameservers(text, interface_index).map_err(|wrong| {
        let error = Diagnostic::error(format!("no name server in {}, {wrong}", Shown(&word.text)));
        error.at(word.span).help("correct the file, or write the addresses here")
    })?;
    if found.is_empty() {
        let error = Diagnostic::error(format!("no `nameserver` line in {}", Shown(&word.text)));
        return Err(error.at(word.span).help("add one to the file, or write the addresses here"));
    }
    Ok(found)
}

fn protocol(word: &Token, scheme: &str) -> Result<Protocol, Diagnostic> {
    Protocol::from_scheme(scheme).ok_or_else(|| {
        let error = Diagnostic::error(format!("{} is no protocol of `forward`", Shown(scheme)));
        let near = suggest(scheme, Protocol::SCHEMES);
        let help = near.map_or_else(|| HELP.to_owned(), |near| format!("did you mean `{near}://`?"));
        error.at(word.part(0, scheme.len())).help(help)
    })
}

/// `192.0.2.1`, `192.0.2.1:53`, `2001:db8::1`, `[2001:db8::1]`, `[fe80::1%eth0]:53`; a port is 1 or more.
fn address(text: &str, default_port: u16) -> Option<SocketAddr> {
    let scoped = |text: &str| scoped_address(text, interface_index);
    if let Some((inner, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        let port = if rest.is_empty() { default_port } else { port(rest.strip_prefix(':')?)? };
        return scoped(inner)
            .filter(|(address, _)| address.is_ipv6())
            .map(|address| with_port(address, port));
    }
    if let Some(address) = scoped(text) {
        return Some(with_port(address, default_port));
    }
    let (host, number) = text.rsplit_once(':')?;
    let address = scoped(host).filter(|(address, _)| address.is_ipv4())?;
    Some(with_port(address, port(number)?))
}

fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port > 0)
}

/// `192.0.2.1` or `192.0.2.1:5353`, of a `resolver`.
pub(super) fn resolver(word: &Token) -> Result<SocketAddr, Diagnostic> {
    let wrong = || word.wrong("the address of a resolver").help("write `192.0.2.1` or `192.0.2.1:5353`");
    address(&word.text, Protocol::Dns.port()).ok_or_else(wrong)
}

/// `dns.example.org`, `dns.example.org:53`: something with a letter, and nothing that no host name has.
fn host_and_port(text: &str, protocol: Protocol) -> Option<(&str, u16)> {
    let (host, port) = match text.split_once(':') {
        Some((host, number)) => (host, port(number)?),
        None => (text, protocol.port()),
    };
    let is_name = host.contains(|char: char| char.is_ascii_alphabetic())
        && host.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '_'))
        && crate::dns::wire_from_text(host).is_ok();
    is_name.then_some((host, port))
}
