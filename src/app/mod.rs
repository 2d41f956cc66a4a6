//! The composition root: a Corefile becomes running servers, and a reload swaps them.
//!
//! ```text
//!   Source ──load──▶ Corefile ──plan──▶ Plan ──start──▶ App { Server, Endpoints, tasks }
//!     file, stdin,      what was typed     what it means      what runs
//!     built in                                 ▲
//!                       a reload makes a new Plan, and puts it in the place of the old one when all of it stands
//! ```
//!
//! **Invariant:** here alone all parts are known. A plan that cannot run leaves what runs as it was.

mod banner;
mod conflicts;
mod follow;
mod life;
mod observer;
mod places;
mod plan;
mod refusals;
mod running;
mod source;
mod supervise;

pub use banner::version_lines;
pub use life::End;
pub use observer::WatchMetrics;
pub use plan::{Numbers, Plan};
pub use running::{App, AppError};
pub use source::{Defaults, Source};
pub use supervise::run;

/// The version of CoreDNS whose answers and options are the measure.
pub const COREDNS_VERSION: &str = "1.15.0";
