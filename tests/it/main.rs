//! All integration tests, in one binary: one link step.

#[path = "../fake_api/mod.rs"]
mod fake_api;

#[path = "../load/mod.rs"]
mod load;

mod bad_input;
mod cli;
mod compare;
#[path = "../documents/mod.rs"]
mod document_files;
mod documents;
mod log_pipe;
#[path = "../ports/mod.rs"]
mod ports;
mod process;
mod reload;
#[path = "../reloads/stage/mod.rs"]
mod reloads;
mod scenario;
mod under_load;
mod watch;
