//! The release binary against a real kube-apiserver, over UDP and TCP.
//!
//! `tests/cluster/run` does everything that this needs and starts it; by hand:
//!
//! ```text
//! tests/cluster/control-plane up
//! eval "$(tests/cluster/control-plane env)"
//! cargo test --release --test cluster
//! ```
//!
//! Every test works in a namespace of its own and starts a server of its own, with the Corefile of `config/` and the
//! rights that `deploy/` grants. Only a test that takes the API server away runs alone.

/// What is asked and answered: the DNS specification, section by section, on objects that controllers made.
mod answers;
/// Objects that come, change and go; the API server that goes and comes back.
mod changes;
/// A tiny DNS client over UDP and TCP.
mod client;
/// The control plane, seen from a test: a namespace and `kubectl`.
mod cluster;
/// What these tests share with tests/parity.
#[path = "../lab/mod.rs"]
mod lab;
/// Objects that change 200 times a second, and what is asked meanwhile; with the same herds as the fake API server.
#[path = "../load/mod.rs"]
mod load;
/// What lies in `deploy/` and `config/demo/`, judged by the API server.
mod manifests;
/// Ports for the servers.
#[path = "../ports/mod.rs"]
mod ports;
/// Health, readiness, metrics, signals.
mod process;
/// The server under test, as a child process.
mod server;
/// Change under load.
mod under_load;
/// The world outside the cluster: a name server with one name.
mod upstream;
