#![doc = include_str!("README.md")]

mod setup;

pub use setup::setup;

use std::net::IpAddr;

use crate::corefile::{Diagnostic, Shown, Token, suggest};

/// The longest name that an interface can have on Linux (`IFNAMSIZ` less the final zero).
const INTERFACE_LEN_MAX: usize = 15;

/// The addresses of the host by interface name; `None` where they are not to be looked at.
type Interfaces<'i> = Option<&'i [(String, IpAddr)]>;

/// The addresses that a word stands for: itself, or all those of the interface of that name, but for link-local IPv6
/// ones, which an address without a zone id cannot express.
///
/// # Errors
/// When it is neither.
fn addresses(word: &Token, interfaces: Interfaces<'_>) -> Result<Vec<IpAddr>, Diagnostic> {
    let text = word.text.as_str();
    if let Ok(address) = text.parse() {
        return Ok(vec![address]);
    }
    if text.split_once('%').is_some_and(|(address, _)| address.parse::<IpAddr>().is_ok()) {
        let help = "bind another address of the interface, or its name";
        return Err(word.wrong("an address to bind").label("zone ids are not supported").help(help));
    }
    let is_name = !text.is_empty()
        && text.len() <= INTERFACE_LEN_MAX
        && !text.contains(['/', ':', '[', ']'])
        && !text.chars().any(char::is_whitespace)
        && text.chars().any(|char| !char.is_ascii_digit() && char != '.');
    if !is_name {
        return Err(word
            .wrong("an address or an interface")
            .help("write an address without port, or an interface"));
    }
    let Some(interfaces) = interfaces else { return Ok(Vec::new()) };
    let mut all = interfaces.iter().filter(|(name, _)| name == text).map(|(_, address)| *address).peekable();
    if all.peek().is_none() {
        let mut names: Vec<&str> = interfaces.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let near = suggest(text, names.iter().copied());
        let help = near.map_or_else(
            || format!("the interfaces with addresses are: {}", names.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(Diagnostic::error(format!("no interface {} with an address", Shown(text)))
            .at(word.span)
            .help(help));
    }
    Ok(all.filter(|address| !is_link_local(*address)).collect())
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

#[cfg(test)]
mod tests;
