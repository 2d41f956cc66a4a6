//! The TO words of a directive: addresses, and files that list them.

use std::net::SocketAddr;
use std::path::Path;

use super::policy::UPSTREAMS_MAX;
use super::resolv_conf::{interface_index, nameservers, scoped_address, with_port};
use crate::corefile::{Diagnostic, Environment, Shown, Token, suggest};

const PORT: u16 = 53;
const HELP: &str = "write an address, as `192.0.2.1`, `192.0.2.1:5353` or `[2001:db8::1]:53`, or the path of a \
    resolv.conf";

/// The upstreams that the words name, none twice; files are relative to `root`.
///
/// # Errors
/// At a word that names none, or names more than there may be.
pub(super) fn upstreams(
    words: &[Token],
    root: &Path,
    env: &dyn Environment,
) -> Result<Vec<SocketAddr>, Diagnostic> {
    let mut found = Vec::new();
    for word in words {
        for address in one(word, root, env)? {
            if !found.contains(&address) {
                found.push(address);
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

fn one(word: &Token, root: &Path, env: &dyn Environment) -> Result<Vec<SocketAddr>, Diagnostic> {
    if let Some((scheme, rest)) = word.text.split_once("://") {
        check_scheme(word, scheme)?;
        return match address(rest) {
            Some(address) => Ok(vec![address]),
            None => Err(word
                .wrong("an upstream")
                .help("write `dns://192.0.2.1` or `dns://192.0.2.1:5353`; names are not looked up")),
        };
    }
    if let Some(address) = address(&word.text) {
        return Ok(vec![address]);
    }
    let path = root.join(&word.text);
    match env.read(&path) {
        Ok(text) => listed(word, &text),
        Err(_) if is_host_name(&word.text) => {
            let error = Diagnostic::error(format!("{} is neither an address nor a file", Shown(&word.text)));
            Err(error.at(word.span).label("host names as upstreams are not built yet").help(HELP))
        }
        Err(error) if word.text.contains('/') => {
            let error = Diagnostic::error(format!("cannot read {}: {error}", Shown(&word.text)));
            Err(error.at(word.span).help(HELP))
        }
        Err(_) => Err(word.wrong("an upstream").help(HELP)),
    }
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

fn check_scheme(word: &Token, scheme: &str) -> Result<(), Diagnostic> {
    let at = word.part(0, scheme.len());
    match scheme {
        "dns" => Ok(()),
        "tls" | "https" | "quic" => {
            let error = Diagnostic::error(format!("`{scheme}://` upstreams are not built yet")).at(at);
            Err(error.help("write the address alone: it is asked over UDP and TCP, unencrypted"))
        }
        other => {
            let error = Diagnostic::error(format!("{} is no protocol of `forward`", Shown(other))).at(at);
            let near = suggest(other, ["dns", "tls", "https", "quic"]);
            Err(error.help(near.map_or_else(|| HELP.to_owned(), |near| format!("did you mean `{near}://`?"))))
        }
    }
}

/// `192.0.2.1`, `192.0.2.1:53`, `2001:db8::1`, `[2001:db8::1]`, `[fe80::1%eth0]:53`; a port is 1 or more.
fn address(text: &str) -> Option<SocketAddr> {
    let scoped = |text: &str| scoped_address(text, interface_index);
    if let Some((inner, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        let port = if rest.is_empty() { PORT } else { port(rest.strip_prefix(':')?)? };
        return scoped(inner)
            .filter(|(address, _)| address.is_ipv6())
            .map(|address| with_port(address, port));
    }
    if let Some(address) = scoped(text) {
        return Some(with_port(address, PORT));
    }
    let (host, number) = text.rsplit_once(':')?;
    let address = scoped(host).filter(|(address, _)| address.is_ipv4())?;
    Some(with_port(address, port(number)?))
}

fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port > 0)
}

/// `dns.example.org`, `dns.example.org:53`: something with a letter, and nothing that no host name has.
fn is_host_name(text: &str) -> bool {
    let host =
        text.split_once(':').map_or(text, |(host, port)| if port.parse::<u16>().is_ok() { host } else { "" });
    host.contains(|char: char| char.is_ascii_alphabetic())
        && host.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '_'))
}
