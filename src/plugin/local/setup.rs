//! `local { localhost_prefix on|off }`.

use super::Local;
use crate::plugin::{Setup, SetupResult};

/// Sets `local` up.
///
/// # Errors
/// For arguments, an unknown property, or a word other than `on` and `off`.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let directive = setup.once()?;
    directive.exactly::<0>("local")?;
    let mut takes_prefix = true;
    for property in directive.properties() {
        property.no_block()?;
        if property.name.text != "localhost_prefix" {
            return Err(property.unknown_property("local", &["localhost_prefix"]));
        }
        let [word] = property.exactly("localhost_prefix on|off")?;
        takes_prefix = word.one_of(&[("on", true), ("off", false)])?;
    }
    let requests = setup.process.metrics.counter(
        "coredns_local_localhost_requests_total",
        "Queries for names of this host other than localhost itself.",
        &[],
    );
    setup.add(Local { takes_prefix, requests });
    Ok(())
}
