//! `whoami`.

use super::Whoami;
use crate::plugin::{Setup, SetupResult};

/// Sets `whoami` up.
///
/// # Errors
/// For arguments and properties.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let directive = setup.once()?;
    directive.exactly::<0>("whoami")?;
    directive.no_block()?;
    setup.add(Whoami);
    Ok(())
}
