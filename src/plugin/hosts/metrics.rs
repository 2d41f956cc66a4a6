//! What the operator sees of the file.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::map::HostsMap;
use crate::telemetry::metrics::{Gauge, Registry};

/// The gauges of one file.
#[derive(Clone)]
pub struct Metrics {
    entries: Gauge,
    reload_timestamp: Gauge,
}

impl Metrics {
    /// Registers them.
    #[must_use]
    pub fn new(registry: &Registry, path: &Path) -> Self {
        let path = path.to_string_lossy();
        Self {
            entries: registry.gauge(
                "coredns_hosts_entries",
                "Records of the hosts file and the Corefile, PTR records included.",
                &[("hostsfile", &path)],
            ),
            reload_timestamp: registry.gauge(
                "coredns_hosts_reload_timestamp_seconds",
                "When the hosts file that was last read had been written.",
                &[],
            ),
        }
    }

    /// Says what is in use now, and of what time the file is, if it was read.
    pub fn note(&self, map: &HostsMap, written: Option<SystemTime>) {
        self.entries.set(map.len() as f64);
        if let Some(since) = written.and_then(|written| written.duration_since(UNIX_EPOCH).ok()) {
            self.reload_timestamp.set(since.as_secs_f64());
        }
    }
}
