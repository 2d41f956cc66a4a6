//! `transfer [ZONES…] { to *|ADDRESS… }`, once or several times in a block.

use super::{Clients, Rule, Transfer};
use crate::corefile::{Diagnostic, Directive, Shown, Token};
use crate::plugin::{Setup, SetupResult};

const PROPERTIES: [&str; 2] = ["to", "source"];
/// Where a NOTIFY would go when no port is given. To write it changes nothing.
const PORT_DEFAULT: u16 = 53;

/// Sets `transfer` up.
///
/// # Errors
/// For the words of a directive.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let mut rules = Vec::with_capacity(setup.directives.len());
    for directive in setup.directives {
        let zones = setup.zones_or_block(&directive.args)?;
        rules.push(Rule { zones, clients: read(directive)? });
    }
    setup.add(Transfer::new(rules));
    Ok(())
}

fn read(directive: &Directive) -> Result<Clients, Diagnostic> {
    let mut clients = Clients::default();
    for property in directive.properties() {
        property.no_block()?;
        match property.name.text.as_str() {
            "to" => {
                for word in property.at_least(1, "to ADDRESS…")? {
                    add_client(word, &mut clients)?;
                }
            }
            "source" => {
                let [address] = property.exactly("source ADDRESS")?;
                address.ip()?;
                return Err(no_notify("`source` has no effect", property.head())
                    .label("the address that a NOTIFY would be sent from")
                    .help("leave the line out"));
            }
            _ => return Err(property.unknown_property("transfer", &PROPERTIES)),
        }
    }
    if clients == Clients::default() {
        let error = Diagnostic::error("`transfer` needs `to`").at(directive.head());
        return Err(error
            .label("nobody may have the zones")
            .help("write `to ADDRESS…`, or `to *` for everybody who is not kept out otherwise"));
    }
    Ok(clients)
}

/// `*`, or an address, as in CoreDNS with a port or without.
fn add_client(word: &Token, clients: &mut Clients) -> Result<(), Diagnostic> {
    if word.text == "*" {
        clients.anybody = true;
        return Ok(());
    }
    if word.text.contains('/') && word.cidr().is_ok() {
        let error = word.wrong("an IP address").label("a network");
        return Err(error.help("write each address, or `to *` and keep other networks out with `acl`"));
    }
    let address = word.socket_addr(Some(PORT_DEFAULT))?;
    if address.port() != PORT_DEFAULT {
        return Err(no_notify(&format!("the port of {} has no effect", Shown(&word.text)), word.span)
            .label("clients are told by their address alone; the port is where a NOTIFY would go")
            .help(format!("write `{}`", address.ip())));
    }
    clients.addresses.push(address.ip().to_canonical());
    Ok(())
}

/// CoreDNS sends no NOTIFY for these plugins either, and reads the words all the same.
fn no_notify(what: &str, span: crate::corefile::Span) -> Diagnostic {
    let why = "no plugin here sends NOTIFY, which tells a secondary that a zone has changed";
    Diagnostic::error(format!("{what}: {why}")).at(span)
}
