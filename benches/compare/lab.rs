//! What `run` says, and `kubectl proxy` as the tests have it.

#[path = "../../tests/lab/proxy.rs"]
mod proxy;

pub use proxy::Proxy;

/// A variable that `benches/compare/run` sets.
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; start this with benches/compare/run"))
}
