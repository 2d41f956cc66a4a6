//! The wire: a query is parsed into a fixed buffer, a response is written as bytes.
//!
//! **Invariant:** no I/O, no clock, and no allocation for a query whose answer is in the zone. Words are those of
//! RFC 9499.

mod name;
mod reverse;

pub use name::{LABEL_LEN_MAX, NAME_LEN_MAX, Name, NameError, is_within, wire_len, write_text};
pub use reverse::{address_from_reverse_name, reverse_name, reverse_zones};
