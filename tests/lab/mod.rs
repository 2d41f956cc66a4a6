//! What the tests against a real control plane share: its variables, waiting, `kubectl proxy`, and a name server for the
//! world outside. `tests/cluster` and `tests/parity` have it as a module each.

mod environment;
mod name_server;
mod proxy;

pub use environment::{until, variable};
pub use name_server::name_server;
pub use proxy::Proxy;
