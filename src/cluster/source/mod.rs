//! Where objects come from: each source turns what it reads into changes for the store.

pub mod api;
pub mod manifests;

mod answer;
mod backoff;
mod client;
mod document;
mod event;
mod limiter;
mod reflector;
mod text;
