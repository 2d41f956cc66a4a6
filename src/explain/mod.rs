//! Why a name resolves or not, as data.
//!
//! [`negative`] looks at the same generation of the zone that the answer came from and gives a [`Reason`]; its text goes
//! into an extended DNS error (RFC 8914), so that a plain `dig` shows it. It is asked only when there is nobody waiting
//! for records and the client sent EDNS.
//!
//! **Invariant:** pure functions of a zone and a path; no sockets, no clock, and nothing named that the configuration
//! hides.

mod external;
mod import;
mod nearest;
mod reason;

pub use external::negative_external;
pub use import::negative_import;
pub use nearest::nearest;
pub use reason::{Reason, Scope, negative};

#[cfg(test)]
mod tests;
