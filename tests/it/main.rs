//! All integration tests, in one binary: one link step.

#[path = "../fake_api/mod.rs"]
mod fake_api;

mod cli;
mod compare;
mod reload;
mod scenario;
mod watch;
