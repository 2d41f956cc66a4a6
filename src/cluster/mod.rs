//! Kubernetes objects, trimmed at the door, and what the DNS specification makes of them.
//!
//! ```text
//!   API server ──list, watch──┐
//!                             ├─▶ Change ──(bounded channel)──▶ Store ──▶ zone::Writer ──publish──▶ zone::Reader
//!   manifests ────────poll────┘          one task a kind       one task
//! ```
//!
//! A [`Watch`] is a source, a store and the task between them; equal configurations share one. Events do not touch the
//! zone one by one: the task drains what is queued, then publishes one generation; the channel is bounded, so that a
//! long list waits for the store instead of piling up. While the source is away, the last state stays.
//!
//! **Invariant:** nothing past this folder knows an object's metadata, and nothing here knows the wire format or a zone's
//! origin.

mod config;
mod object;
mod observer;
mod problem;
mod publish;
mod schema;
mod selector;
mod source;
mod store;
mod watch;

pub use config::{ClientTls, ManifestPath, RequestLimits, SourceConfig, Timing, WatchConfig, WatchError};
pub use observer::{NoObserver, Observer};
pub use publish::{KindStatus, SourceMode, WatchStatus};
pub use store::ServiceKindLabel;
pub use watch::{Clusters, Watch};

/// The target of every log line from here: the plugin that users configure.
const LOG_TARGET: &str = "plugin/kubernetes";
