//! `debug`.

use crate::plugin::{Setup, SetupResult};
use crate::telemetry::log;

/// Sets `debug` up: lines of level DEBUG are printed while the block runs.
///
/// # Errors
/// For arguments, and for a block.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    for directive in setup.directives {
        directive.exactly::<0>("debug")?;
        directive.no_block()?;
    }
    // Begun when the configuration is taken into use, and dropped with it: a reload that takes `debug` away ends it.
    setup.draft.tasks.push(Box::new(|_| Box::new(log::hold_debug())));
    Ok(())
}
