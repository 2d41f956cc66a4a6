//! `bind ADDRESS|INTERFACE… { except ADDRESS|INTERFACE… }`.

use std::net::IpAddr;

use super::{Interfaces, addresses};
use crate::corefile::{Diagnostic, Directive};
use crate::plugin::{Setup, SetupResult};

const USAGE: &str = "bind ADDRESS|INTERFACE…";

/// Sets `bind` up.
///
/// # Errors
/// For a word that is neither address nor interface, and when nothing is left to listen on.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    // Another host's interfaces are not known where a Corefile is only checked.
    let interfaces = if setup.process.check_only { None } else { Some(interfaces()?) };
    let mut bound = Vec::new();
    for directive in setup.directives {
        bound.extend(read(directive, interfaces.as_deref())?);
    }
    for address in bound {
        if !setup.draft.bind.contains(&address) {
            setup.draft.bind.push(address);
        }
    }
    Ok(())
}

/// The addresses of one directive.
pub(super) fn read(directive: &Directive, interfaces: Interfaces<'_>) -> Result<Vec<IpAddr>, Diagnostic> {
    let mut bound = Vec::new();
    for word in directive.at_least(1, USAGE)? {
        bound.extend(addresses(word, interfaces)?);
    }
    for property in directive.properties() {
        if property.name.text != "except" {
            return Err(property.unknown_property("bind", &["except"]));
        }
        for word in property.at_least(1, "except ADDRESS|INTERFACE…")? {
            let excepted = addresses(word, interfaces)?;
            bound.retain(|address| !excepted.contains(address));
        }
    }
    // An empty list would stand for all addresses.
    if bound.is_empty() && interfaces.is_some() {
        let error = Diagnostic::error("`bind` leaves no address to listen on").at(directive.head());
        return Err(error.help("link-local IPv6 addresses of interfaces and those in `except` do not count"));
    }
    Ok(bound)
}

fn interfaces() -> Result<Vec<(String, IpAddr)>, Diagnostic> {
    let found = if_addrs::get_if_addrs()
        .map_err(|error| Diagnostic::error(format!("cannot list the interfaces of this host: {error}")))?;
    Ok(found.into_iter().map(|interface| (interface.name.clone(), interface.ip())).collect())
}
