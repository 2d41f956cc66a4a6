//! The wire: a query is parsed into a fixed buffer, a response is written as bytes.
//!
//! ```text
//!   packet ──▶ Query (header, folded name, EDNS) ──▶ … plugins … ──▶ Response (header, sections, OPT) ──▶ packet
//! ```
//!
//! **Invariant:** no I/O, no clock, and no allocation for a query whose answer is in the zone. Words are those of
//! RFC 9499. hickory-proto is not used here: decoding to owned records costs more than everything else together, so
//! it stays the oracle of the tests and the tool of commands that print records.

mod addresses;
mod batch;
mod code;
mod edns;
mod failure;
mod logged;
mod message;
mod moved;
mod name;
mod pack;
pub mod presentation;
mod query;
mod reorder;
mod rephrase;
mod response;
mod reverse;
mod revision;
mod sound;

pub use addresses::AddressSet;
pub use batch::{BatchRecord, RecordBatch};
pub use code::{Class, Flags, Rcode, RecordType, read_u16, read_u32};
pub use edns::{Edns, InfoCode};
pub use failure::{Failure, FailureKind};
pub use logged::{LoggedName, LoggedRcode, LoggedType};
pub use message::{RecordSpan, Records, Section, answers_question, copy_name, expand_name, skip_name};
pub use name::{
    LABEL_LEN_MAX, NAME_LEN_MAX, Name, NameError, is_within, wire_from_text, wire_len, write_text,
};
pub use pack::Packer;
pub use query::{Malformed, Origin, OwnedQuery, Query, Transport};
pub use rephrase::Rephrased;
pub use response::{BadMessage, Continuation, NameRole, OPT_LEN, Owner, Rdata, Rename, Response, Said};
pub use reverse::{address_from_reverse_name, reverse_name, reverse_zones};
pub use revision::revised;

/// The octets of a header (RFC 1035 §4.1.1).
pub const HEADER_LEN: usize = 12;

/// An origin for tests: a client on loopback over UDP.
#[cfg(test)]
pub(crate) fn test_origin() -> Origin {
    query::tests::origin(Transport::Udp)
}
