//! The wire: a query is parsed into a fixed buffer, a response is written as bytes.
//!
//! **Invariant:** no I/O, no clock, and no allocation for a query whose answer is in the zone. Words are those of
//! RFC 9499.

mod name;
mod reverse;

pub use name::{Name, NameError};
pub use reverse::{address_from_reverse_name, reverse_name, reverse_zones};
