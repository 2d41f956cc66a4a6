//! kubezone: a cluster-internal DNS server.
//!
//! The modules stand in the order that data flows: a query comes off the wire
//! (`dns`), is looked up in the zone of one generation (`zone`) that the watch
//! keeps current (`cluster`), on the way that the configuration (`corefile`)
//! lays through the plugins (`plugin`), and goes back out (`server`).
//! `ARCHITECTURE.md` tells the same story at length.

pub mod app;
pub mod cli;
pub mod cluster;
pub mod corefile;
pub mod dns;
pub mod explain;
pub mod plugin;
pub mod server;
pub mod telemetry;
pub mod zone;
