//! `bind ADDRESS|INTERFACE… { except ADDRESS|INTERFACE… }`.

use super::{Interface, Interfaces, addresses, find, is_link_local};
use crate::corefile::{Diagnostic, Directive, Shown};
use crate::plugin::{BindAddress, Setup, SetupResult};

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
    // An empty list would stand for all addresses.
    if setup.draft.bind.is_empty() && interfaces.is_some() {
        let error = Diagnostic::error("`bind` leaves no address to listen on").at(setup.directives[0].head());
        return Err(error.help("name an interface that has an address, or fewer addresses in `except`"));
    }
    Ok(())
}

/// The addresses of one directive.
pub(super) fn read(
    directive: &Directive,
    interfaces: Interfaces<'_>,
) -> Result<Vec<BindAddress>, Diagnostic> {
    let mut bound = Vec::new();
    for word in directive.at_least(1, USAGE)? {
        let found = addresses(word, interfaces)?;
        if let [BindAddress { ip, link: None }] = found.as_slice()
            && is_link_local(*ip)
        {
            let on = interfaces.and_then(|all| all.iter().find(|interface| interface.addresses.contains(ip)));
            let on = on.map_or("eth0", |interface| interface.name.as_str());
            let error =
                Diagnostic::error(format!("link-local address {} without its interface", Shown(&word.text)));
            return Err(error.at(word.span).help(format!("write `{ip}%{on}`")));
        }
        bound.extend(found);
    }
    for property in directive.properties() {
        if property.name.text != "except" {
            return Err(property.unknown_property("bind", &["except"]));
        }
        for word in property.at_least(1, "except ADDRESS|INTERFACE…")? {
            let excepted = addresses(word, interfaces)?;
            // Without its interface an address stands for itself on each.
            let is_excepted = |address: &BindAddress| {
                let mut all = excepted.iter();
                all.any(|other| {
                    other.ip == address.ip && (other.link.is_none() || other.link == address.link)
                })
            };
            bound.retain(|address| !is_excepted(address));
        }
    }
    Ok(bound)
}

/// The interfaces of this host, those without an address included.
fn interfaces() -> Result<Vec<Interface>, Diagnostic> {
    let found = if_addrs::get_if_addrs()
        .map_err(|error| Diagnostic::error(format!("cannot list the interfaces of this host: {error}")))?;
    let mut interfaces: Vec<Interface> = Vec::new();
    for address in found {
        let at = interfaces.iter().position(|interface| interface.name == address.name);
        let at = at.unwrap_or_else(|| {
            let (name, index) = (address.name.clone(), address.index.unwrap_or_default());
            interfaces.push(Interface { name, index, addresses: Vec::new() });
            interfaces.len() - 1
        });
        interfaces[at].addresses.push(address.ip());
    }
    // Where this cannot be read, such an interface is told to be none.
    for entry in std::fs::read_dir("/sys/class/net").into_iter().flatten().flatten() {
        if let Ok(name) = entry.file_name().into_string()
            && find(&interfaces, &name).is_none()
        {
            interfaces.push(Interface { name, index: 0, addresses: Vec::new() });
        }
    }
    Ok(interfaces)
}
