#![doc = include_str!("README.md")]

mod setup;

pub use setup::setup;

use std::net::{IpAddr, Ipv6Addr};

use super::{BindAddress, Link};
use crate::corefile::{Diagnostic, Shown, Token, suggest};

/// The longest name that an interface can have on Linux (`IFNAMSIZ` less the final zero).
const INTERFACE_LEN_MAX: usize = 15;

/// An interface of this host.
#[derive(Debug, Clone)]
struct Interface {
    name: String,
    index: u32,
    addresses: Vec<IpAddr>,
}

/// The interfaces of this host; `None` where they are not to be looked at.
type Interfaces<'i> = Option<&'i [Interface]>;

/// The addresses that a word stands for: those of the interface of that name, or itself. Link-local IPv6 addresses are of
/// a link, and go with it.
///
/// # Errors
/// When it is neither.
fn addresses(word: &Token, interfaces: Interfaces<'_>) -> Result<Vec<BindAddress>, Diagnostic> {
    let text = word.text.as_str();
    if let Some(interface) = interfaces.and_then(|all| find(all, text)) {
        return Ok(interface.addresses.iter().map(|address| interface.bind_address(*address)).collect());
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(vec![BindAddress::from(address.to_canonical())]);
    }
    if let Some((address, link)) = text.split_once('%')
        && let Ok(address) = address.parse::<Ipv6Addr>()
    {
        return Ok(vec![linked(word, address, link, interfaces)?]);
    }
    if !is_name(text) {
        return Err(word
            .wrong("an address or an interface")
            .help("write an address without port, or an interface"));
    }
    match interfaces {
        Some(all) => Err(no_interface(word, text, all)),
        None => Ok(Vec::new()),
    }
}

/// `fe80::1%eth0`
fn linked(
    word: &Token,
    ip: Ipv6Addr,
    link: &str,
    interfaces: Interfaces<'_>,
) -> Result<BindAddress, Diagnostic> {
    if !ip.is_unicast_link_local() {
        let help = "only a link-local address (`fe80::…`) takes an interface behind it: leave the `%` out";
        return Err(word.wrong("an address to bind").help(help));
    }
    let index = match (interfaces, link.parse::<u32>()) {
        (Some(all), Err(_)) => find(all, link).ok_or_else(|| no_interface(word, link, all))?.index,
        (_, Ok(index)) => index,
        (None, Err(_)) if is_name(link) => 0,
        (None, Err(_)) => return Err(word.wrong("an address to bind").help("write an interface after `%`")),
    };
    Ok(BindAddress { ip: ip.into(), link: Some(Link { name: link.to_owned(), index }) })
}

impl Interface {
    fn bind_address(&self, ip: IpAddr) -> BindAddress {
        let link = || Link { name: self.name.clone(), index: self.index };
        BindAddress { ip, link: is_link_local(ip).then(link) }
    }
}

fn find<'i>(interfaces: &'i [Interface], name: &str) -> Option<&'i Interface> {
    interfaces.iter().find(|interface| interface.name == name)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= INTERFACE_LEN_MAX
        && !text.contains(['/', ':', '[', ']', '%'])
        && !text.chars().any(char::is_whitespace)
        && text.chars().any(|char| !char.is_ascii_digit() && char != '.')
}

fn no_interface(word: &Token, name: &str, interfaces: &[Interface]) -> Diagnostic {
    let mut names: Vec<&str> = interfaces.iter().map(|interface| interface.name.as_str()).collect();
    names.sort_unstable();
    let near = suggest(name, names.iter().copied());
    let help = near.map_or_else(
        || format!("write an address, or an interface of this host: {}", names.join(", ")),
        |near| format!("did you mean `{near}`?"),
    );
    Diagnostic::error(format!("no interface {}", Shown(name))).at(word.span).help(help)
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

#[cfg(test)]
mod tests;
