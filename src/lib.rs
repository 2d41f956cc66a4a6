//! kubezone: a cluster-internal DNS server.
//!
//! The modules stand in the order that data flows: a query comes off the wire
//! (`dns`), is looked up in the zone of one generation (`zone`) that the watch
//! keeps current (`cluster`), on the way that the configuration (`corefile`)
//! lays through the plugins (`plugin`), and goes back out (`server`).
//! `ARCHITECTURE.md` tells the same story at length.

// Each module's own documentation begins where a reader of rustdoc looks; these lines are for a reader of this file.
// rustfmt would sort the list: the blank lines keep the order of the flow.

// The wire: queries parsed, responses written, names, EDNS. No I/O.
pub mod dns;

// The records of one generation, and the handle through which they are read. No async, no lock.
pub mod zone;

// Kubernetes objects, trimmed at the door, and what the DNS specification makes of them.
pub mod cluster;

// Text to tokens to server blocks, with diagnostics that point at the word. Knows no plugin.
pub mod corefile;

// The expressions of a Corefile: words to a tree, types before queries.
pub mod expression;

// Why a name resolves or not, as data.
pub mod explain;

// Metrics, log lines, and the small HTTP server for health, ready and metrics.
pub mod telemetry;

// The chain: one trait, one ordered table, one folder a plugin.
pub mod plugin;

// Sockets in, sockets out: UDP workers, TCP, drain. Knows no plugin by name.
pub mod server;

// Two servers asked the same, and what differs: a user's tool that knows a server from outside alone.
pub mod compare;

// The composition root: a Corefile becomes running servers; reload swaps it.
pub mod app;

// One file a subcommand.
pub mod cli;
