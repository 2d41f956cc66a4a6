//! Resource records as text, one line of a zone file (RFC 1035 §5.1), into the octets of the wire.
//!
//! ```text
//!   text ─ Words (blanks, quotes, parentheses, comments) ─▶ owner, TTL, class, type ─ layout of the type ─▶ RDATA
//! ```
//!
//! Written for text that is made while a query waits: bounded by the text's length, and without a panic on any text.
//! hickory-proto's parser was looked at and not taken: it has no DNAME, CDS, CDNSKEY, RP, URI or `\#`, needs a feature with
//! cryptography for DS, DNSKEY and RRSIG, gives no places for its errors, and decodes into owned types what would be encoded
//! again at once. It is the oracle of the tests.

mod field;
mod layout;
mod record;
mod svcb;
mod words;

pub use record::{TTL_DEFAULT_S, TextRecord, first_record, is_blank};

use std::fmt;
use std::ops::Range;

/// What is wrong with a text, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordError {
    /// The octets of the text that are wrong.
    pub place: Range<usize>,
    /// Why, as a lower-case fragment.
    pub why: String,
}

impl RecordError {
    fn at(place: Range<usize>, why: impl Into<String>) -> Self {
        Self { place, why: why.into() }
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for RecordError {}

#[cfg(test)]
mod tests;
