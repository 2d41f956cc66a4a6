//! Whether an upstream lives: asked only after it has failed a query, and until it answers again.

use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Relaxed, Release};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::exchange::Outgoing;
use super::upstream::Upstream;
use crate::dns::{HEADER_LEN, Name, RecordType, Transport};
use crate::plugin::lookup::question_packet;

/// How long a probe waits, as in CoreDNS.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// The shortest pause between two probes: `health_check 0s` shall not keep a core busy with a port that refuses.
const INTERVAL_MIN: Duration = Duration::from_millis(10);

/// The value of `health_check`.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    /// The pause between two probes.
    pub(super) interval: Duration,
    /// Whether RD is set.
    pub(super) recursion_desired: bool,
    /// The name whose NS records are asked for.
    pub(super) domain: Name,
    /// As the queries go.
    pub(super) transport: Transport,
}

impl Upstream {
    /// Starts to probe, unless that is going on or the upstream is never down. The task ends with the first reply, or
    /// with the upstream.
    pub(super) fn check_health(self: &Arc<Self>) {
        if self.options.fails_max == 0 || self.is_probed.swap(true, AcqRel) {
            return;
        }
        let upstream = Arc::downgrade(self);
        tokio::spawn(async move {
            // Holds the upstream only while it asks: a reload that drops it ends this within an interval.
            while let Some(upstream) = upstream.upgrade() {
                if upstream.probe().await {
                    break;
                }
                let interval = upstream.options.probe.interval.max(INTERVAL_MIN);
                drop(upstream);
                sleep(interval).await;
            }
        });
    }

    /// Asks once. Whatever is a response to the question will do, since a server that refuses lives.
    async fn probe(self: &Arc<Self>) -> bool {
        let Probe { recursion_desired, domain, transport, .. } = &self.options.probe;
        let mut packet = question_packet(0, domain.as_wire(), RecordType::NS, None);
        if !recursion_desired {
            packet[2] &= !1;
        }
        let Some(mut query) = Outgoing::new(&packet, packet.len() - HEADER_LEN) else { return true };
        match self.ask(&mut query, *transport, Instant::now() + PROBE_TIMEOUT).await {
            // Too many sockets of ours say nothing about the upstream.
            Err(error) if error.is_ours() => false,
            Err(error) if !error.is_answer() => {
                self.metrics.probe_failures.inc();
                // Stops short of wrapping round to healthy.
                let _ = self.fails.fetch_update(Relaxed, Relaxed, |fails| fails.checked_add(1));
                false
            }
            _ => {
                self.fails.store(0, Relaxed);
                self.is_probed.store(false, Release);
                true
            }
        }
    }
}
