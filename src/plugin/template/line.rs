//! One record of a rule: constant, or made by a template for each query.

use super::go_template::{RunError, Template};
use crate::dns::presentation::{RecordError, TextRecord, first_record};

/// A record of a section.
pub(super) enum Line {
    /// The same for all queries.
    Fixed(TextRecord),
    /// Made for each.
    Made(Template),
}

/// Why there is no record.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    /// The template failed.
    #[error("{0}")]
    Run(#[from] RunError),
    /// What it made is no record: the text, and why.
    #[error("template: {text:?} is no resource record: {why}")]
    Record { text: String, why: RecordError },
}

impl LineError {
    /// Tells what was made, cut when it is long.
    pub(super) fn record(text: &str, why: RecordError) -> Self {
        Self::Record { text: text.chars().take(100).collect(), why }
    }
}

/// The record of a text that a template has made.
pub(super) fn made(text: &str) -> Result<TextRecord, LineError> {
    first_record(text).map_err(|why| LineError::record(text, why))
}
