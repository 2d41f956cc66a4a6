//! `nsid [DATA…]`.

use std::sync::Arc;

use super::{Identity, Nsid};
use crate::corefile::Diagnostic;
use crate::plugin::{Setup, SetupResult};
use crate::telemetry::host_name;

/// The longest data, in octets: it must leave room for the answer in the smallest message.
const DATA_LEN_MAX: usize = 255;

/// Sets `nsid` up.
///
/// # Errors
/// When the data is longer than 255 octets, or there is a block.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let directive = setup.once()?;
    directive.no_block()?;
    let words: Vec<&str> = directive.args.iter().map(|word| word.text.as_str()).collect();
    let data = if words.is_empty() { host_name() } else { words.join(" ") };
    if data.len() > DATA_LEN_MAX {
        let error = Diagnostic::error(format!("the data has {} octets", data.len())).at(directive.head());
        return Err(error.help(format!("it may have {DATA_LEN_MAX}")));
    }
    setup.add(Nsid { identity: Arc::new(Identity(data.into_bytes().into())) });
    Ok(())
}
