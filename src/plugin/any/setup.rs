//! `any`: no arguments, no block.

use super::Any;
use crate::plugin::{Setup, SetupResult};

/// Sets `any` up.
///
/// # Errors
/// When the directive has arguments or a block.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let directive = setup.once()?;
    directive.exactly::<0>("any")?;
    directive.no_block()?;
    setup.add(Any);
    Ok(())
}
