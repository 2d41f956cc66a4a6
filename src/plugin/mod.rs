//! The chain: one trait, one ordered table, one folder a plugin.
//!
//! ```text
//!   Router ──▶ Block ──▶ Chain: errors ▸ log ▸ prometheus ▸ loadbalance ▸ cache ▸ hosts ▸ kubernetes ▸ forward
//!      (listener)   (longest zone)                     each calls the next, and may change what comes back
//! ```
//!
//! A plugin is synchronous until somebody must wait: an answer from the zone or from the cache comes back as
//! [`Reply::Done`] on the thread that asked, and only what has to wait comes back as [`Reply::Later`].
//! [`Next::serve_then`] is the one way to act on the way back, and it works for both.
//!
//! **Invariant:** a plugin does not know its neighbours; the order is the table's ([`table::PLUGINS`]) and the zone, the
//! watch and the other blocks reach it through [`Setup`] alone.

pub mod acl;
mod addresses;
pub mod any;
mod append;
pub mod autopath;
pub mod bind;
pub mod bufsize;
pub mod cache;
mod chain;
pub mod chaos;
pub mod debug;
mod endpoint;
mod endpoint_srv;
pub mod errors;
pub mod forward;
pub mod header;
pub mod health;
pub mod hosts;
pub mod k8s_external;
pub mod kubernetes;
pub mod loadbalance;
pub mod local;
pub mod log;
mod lookup;
pub mod r#loop;
pub mod minimal;
pub mod nsid;
mod origin;
mod outlet;
mod per_server;
pub mod prometheus;
pub mod ready;
pub mod reload;
pub mod rewrite;
mod router;
mod setup;
pub mod table;
pub mod template;
#[cfg(test)]
pub(crate) mod testing;
pub mod transfer;
pub mod whoami;
mod zone_transfer;

pub use chain::{Chain, DetachedNext, Finished, Next, Outcome, Plugin, Reply};
pub use lookup::{Lookup, question_packet};
pub use outlet::{Outlet, Outlets};
pub use router::{Block, Router};
pub use setup::{
    BindAddress, BlockDraft, Endpoint, Link, Place, Process, Readiness, Ready, Reload, ServerLabel, Setup,
    SetupResult, Site, Task,
};
pub use zone_transfer::{BATCH_LEN, ZoneRecords, ZoneTransfer};
