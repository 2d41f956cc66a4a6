//! `minimal`: no arguments, no block.

use super::Minimal;
use crate::plugin::{Setup, SetupResult};

/// Sets `minimal` up.
///
/// # Errors
/// When the directive has arguments or a block.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let directive = setup.once()?;
    directive.exactly::<0>("minimal")?;
    directive.no_block()?;
    setup.add(Minimal::default());
    Ok(())
}
