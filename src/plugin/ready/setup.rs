//! `ready [ADDRESS] { monitor until-ready|continuously }`.

use crate::corefile::HostPort;
use crate::plugin::{Ready, Setup, SetupResult, endpoint};

const DEFAULT_ADDRESS: (&str, HostPort) = (":8181", HostPort { host: None, port: 8181 });

/// Sets `ready` up.
///
/// # Errors
/// When the address is none, or for a property other than `monitor`.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let directive = setup.once()?;
    let place = endpoint::place(directive, "ready", DEFAULT_ADDRESS)?;
    let mut continuously = false;
    for property in directive.properties() {
        if property.name.text != "monitor" {
            return Err(property.unknown_property("ready", &["monitor"]));
        }
        let [mode] = property.exactly("monitor until-ready|continuously")?;
        continuously = mode.one_of(&[("until-ready", false), ("continuously", true)])?;
    }
    setup.draft.ready = Some(Ready { place, continuously });
    Ok(())
}
