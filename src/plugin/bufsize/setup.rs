//! `bufsize [SIZE]`.

use super::Bufsize;
use crate::plugin::{Setup, SetupResult};

/// What the DNS flag day of 2020 agreed on, in octets: a datagram of this size is fragmented nowhere.
const SIZE_DEFAULT: u16 = 1232;

/// Sets `bufsize` up.
///
/// # Errors
/// When the size is not from 512 to 4096.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let directive = setup.once()?;
    directive.no_block()?;
    let size = match directive.at_most(1, "bufsize [SIZE]")? {
        [size] => size.integer(512..=4096)?,
        _ => SIZE_DEFAULT,
    };
    setup.add(Bufsize { size });
    Ok(())
}
