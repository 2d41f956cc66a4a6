//! `chaos [VERSION [AUTHORS…]]`.

use super::{Chaos, Text};
use crate::plugin::{Setup, SetupResult};
use crate::telemetry::host_name;

const VERSION: &str = concat!("kubezone-", env!("CARGO_PKG_VERSION"));
const AUTHORS: &str = "the kubezone authors";

/// Sets `chaos` up.
///
/// # Errors
/// When there is a block.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let directive = setup.once()?;
    directive.no_block()?;
    let mut words = directive.args.iter().map(|word| word.text.as_str());
    let version = Text::new(words.next().unwrap_or(VERSION));
    let mut authors: Vec<&str> = words.collect();
    authors.sort_unstable();
    authors.dedup();
    if authors.is_empty() {
        authors.push(AUTHORS);
    }
    let authors = authors.into_iter().map(Text::new).collect();
    setup.draft.any_class = true;
    setup.add(Chaos { version, host: Text::new(&host_name()), authors });
    Ok(())
}
