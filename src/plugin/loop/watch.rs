//! The task: probes until every zone is known to be free of loops, and those in a loop until it is gone.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

use super::probe::Verdict;
use super::{State, Zone};
use crate::plugin::{Lookup, ServerLabel};

/// Between two rounds while an upstream does not answer at all, as after a start.
const RETRY: Duration = Duration::from_secs(1);
/// How many rounds follow each other so fast.
const RETRIES: u32 = 30;
/// Between two rounds after that, and while there is a loop.
const INTERVAL: Duration = Duration::from_secs(30);

/// Probes for as long as it has to.
pub(super) async fn watch(state: Arc<State>, lookup: Arc<Lookup>) {
    let system = SystemRandom::new();
    let mut pending: Vec<&Zone> = state.zones.iter().collect();
    for round in 0_u32.. {
        pending = state.round(&lookup, pending, || random(&system)).await;
        if pending.is_empty() {
            return;
        }
        let waiting = pending.iter().any(|zone| !zone.is_looping.load(Relaxed));
        tokio::time::sleep(pause(round, waiting)).await;
    }
}

impl State {
    /// Probes each of `zones`, and gives those that are to be probed again. Without random numbers none is probed: a
    /// name that can be guessed is worse than no probe.
    pub(super) async fn round<'z>(
        &self,
        lookup: &Lookup,
        zones: Vec<&'z Zone>,
        mut random: impl FnMut() -> Option<[u64; 2]> + Send,
    ) -> Vec<&'z Zone> {
        let mut again = Vec::new();
        for zone in zones {
            let Some(random) = random() else {
                again.push(zone);
                continue;
            };
            match self.probe(lookup, zone, random).await {
                Verdict::Loop { remote, server, name } => {
                    if self.set_looping(zone, server, true) {
                        let (zone, address) = (&zone.name, listener(server));
                        tracing::error!(
                            target: "plugin/loop",
                            "Loop ({remote} -> {address}) detected for zone \"{zone}\", the upstream of that zone is \
                             taken out of use: it leads back to this server, so write another one in `forward`. \
                             Query: \"HINFO {name}\""
                        );
                    }
                    again.push(zone);
                }
                Verdict::Clear { server } => {
                    if self.set_looping(zone, server, false) {
                        tracing::info!(
                            target: "plugin/loop",
                            "Loop of zone \"{}\" is gone, the upstream is in use again",
                            zone.name
                        );
                    }
                }
                Verdict::Unknown => again.push(zone),
            }
        }
        again
    }
}

/// The time to the next round, the first being number 0. `waiting` says whether a zone has no verdict yet.
pub(super) fn pause(round: u32, waiting: bool) -> Duration {
    if waiting && round < RETRIES { RETRY } else { INTERVAL }
}

fn random(system: &SystemRandom) -> Option<[u64; 2]> {
    let mut octets = [0; 16];
    system.fill(&mut octets).ok()?;
    let whole = u128::from_ne_bytes(octets);
    Some([(whole >> 64) as u64, whole as u64])
}

/// The listener's address without scheme: `:53`, `127.0.0.1:53`.
fn listener(server: &ServerLabel) -> &str {
    server.label.split_once("://").map_or(&server.label, |(_, address)| address)
}
