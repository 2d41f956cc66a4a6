//! `loop`.

use std::sync::Arc;

use super::watch::watch;
use super::{Loop, State};
use crate::plugin::{Setup, SetupResult};

/// Sets `loop` up.
///
/// # Errors
/// For arguments and properties.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let directive = setup.once()?;
    directive.exactly::<0>("loop")?;
    directive.no_block()?;
    let outlets = Arc::clone(&setup.draft.outlets);
    let state = Arc::new(State::new(setup.site, outlets, setup.process.metrics.clone()));
    setup.spawn(watch(Arc::clone(&state), Arc::clone(&setup.process.lookup)));
    setup.add(Loop { state });
    Ok(())
}
