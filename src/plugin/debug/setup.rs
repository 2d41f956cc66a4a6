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
    // Held from here on, so that no query comes before it, and dropped with the configuration: a reload that takes `debug`
    // away ends it, and one that is refused lets it go at once.
    let held = log::hold_debug();
    setup.draft.tasks.push(Box::new(move |_| Box::new(held)));
    Ok(())
}
