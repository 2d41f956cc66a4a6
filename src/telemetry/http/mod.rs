//! The small HTTP server for health, readiness and metrics: a few fixed paths, HTTP/1 only, with TLS and passwords where a
//! `Guard` asks for them. The method does not matter, but that HEAD gets no body: there is nothing to change here, and
//! CoreDNS's endpoints answer any.
//!
//! ```text
//!   plugins ── EndpointSet::add(address, path, handler)
//!                    │ Endpoints::swap
//!                    v
//!   Endpoints: address ──> listener task ──> connections, 64 at most
//!                              └─ routes: path ──> handler, exchanged by a reload
//! ```
//!
//! A connection carries one request. Probes and scrapes come seconds apart, and a connection that is not kept need not
//! be guarded against idling.

mod address;
mod endpoints;
mod guard;
mod serve;
mod users;

use std::{borrow::Cow, fmt, sync::Arc};

pub use address::ListenAddress;
pub use endpoints::{EndpointSet, Endpoints, HttpError};
pub use guard::{Guard, Limiter, Policy};
/// The head of a request: method, URI with its query, headers. Bodies are not read.
pub use hyper::http::request::Parts as Request;
pub use users::Users;

/// Answers a request. It is called on a worker of the async runtime: it may compute, not wait.
pub type Handler = Arc<dyn Fn(&Request) -> Response + Send + Sync>;

/// The answer to a request.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code, 200 to 599.
    pub status: u16,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// Left out of the answer to HEAD, though its length is told.
    pub body: Cow<'static, str>,
}

impl Response {
    /// Plain text.
    #[must_use]
    pub fn text(status: u16, body: impl Into<Cow<'static, str>>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} ({} bytes)", self.status, self.content_type, self.body.len())
    }
}

#[cfg(test)]
mod tests;
