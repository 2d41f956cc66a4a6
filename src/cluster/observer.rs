//! What a watch tells about its own work, for metrics.

use std::time::Duration;

use super::ServiceKindLabel;
use crate::zone::Kind;

/// Hears of the work of a watch. All methods do nothing by default; they are called from the watch's tasks and must not
/// wait.
pub trait Observer: Send + Sync {
    /// A change of endpoints is visible to queries, this long after its cause.
    fn programmed(&self, kind: ServiceKindLabel, latency: Duration) {
        let _ = (kind, latency);
    }

    /// The API server answered a request, or did not: then `code` is `None`. `took` runs to the answer's headers.
    fn api_request(&self, method: &str, verb: &str, host: &str, code: Option<u16>, took: Duration) {
        let _ = (method, verb, host, code, took);
    }

    /// The limits of a watch ([`super::RequestLimits`]) held a request back so long; zero when they did not, or when
    /// there are none. `verb` is `list` or `watch`.
    fn api_throttled(&self, verb: &str, host: &str, waited: Duration) {
        let _ = (verb, host, waited);
    }

    /// A kind was listed again after its first list.
    fn relisted(&self, kind: Kind) {
        let _ = kind;
    }
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Observer for NoObserver {}
