//! The task: probes until every upstream is known to lead elsewhere, and those that lead back until they do not.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

use super::probe::{Trial, Verdict};
use super::{Probe, Route, State};
use crate::plugin::Lookup;

/// Between two rounds while an upstream does not answer at all, as after a start.
const RETRY: Duration = Duration::from_secs(1);
/// How many rounds follow each other so fast.
const RETRIES: u32 = 30;
/// Between two rounds after that, and while there is a loop.
const INTERVAL: Duration = Duration::from_secs(30);

/// Probes for as long as it has to.
pub(super) async fn watch(state: Arc<State>, lookup: Arc<Lookup>) {
    let system = SystemRandom::new();
    let routes = state.routes();
    let mut pending: Vec<&Route> = routes.iter().collect();
    for round in 0_u32.. {
        pending = state.round(&lookup, pending, || random(&system)).await;
        if pending.is_empty() {
            return;
        }
        let waiting = pending.iter().any(|route| !route.is_looping.load(Relaxed));
        tokio::time::sleep(pause(round, waiting)).await;
    }
}

impl State {
    /// Probes each of `routes` at once, and gives those that are to be probed again. Without random numbers none is
    /// probed: a name that can be guessed is worse than no probe.
    pub(super) async fn round<'r>(
        &self,
        lookup: &Lookup,
        routes: Vec<&'r Route>,
        mut random: impl FnMut() -> Option<[u64; 2]> + Send,
    ) -> Vec<&'r Route> {
        let id = random().map_or(0, |[number, _]| number as u16);
        let mut again = Vec::new();
        let mut trials = Vec::new();
        for route in routes {
            match random().and_then(|random| Probe::new(&route.zone, random)) {
                Some(probe) => trials.push(Trial { route, probe }),
                None => again.push(route),
            }
        }
        let verdicts = self.probe(lookup, &trials, id).await;
        for (trial, verdict) in trials.iter().zip(verdicts) {
            if !self.act(trial, verdict) {
                again.push(trial.route);
            }
        }
        again
    }

    /// Does what a verdict asks for; gives whether it is the last word.
    fn act(&self, Trial { route, probe }: &Trial<'_>, verdict: Verdict) -> bool {
        let (zone, to) = (&route.zone, route.outlet.to());
        match verdict {
            Verdict::Unknown => return false,
            Verdict::Clear => {
                if self.set_looping(route, false) {
                    tracing::info!(
                        target: "plugin/loop",
                        "Loop for zone \"{zone}\" is gone, upstream {to} is in use again"
                    );
                }
            }
            Verdict::Loop { remote, server } => {
                if self.set_looping(route, true) {
                    let address = self.listener(server);
                    tracing::error!(
                        target: "plugin/loop",
                        "Loop ({remote} -> {address}) detected for zone \"{zone}\", upstream {to} is taken out of use \
                         until it is gone, see https://coredns.io/plugins/loop#troubleshooting. Query: \"HINFO {}\"",
                        probe.name
                    );
                }
                return false;
            }
        }
        true
    }

    /// The address of a listener without scheme: `:53`, `127.0.0.1:53`.
    fn listener(&self, number: u16) -> &str {
        let label =
            self.servers.iter().find(|server| server.number == number).map_or("", |server| &server.label);
        label.split_once("://").map_or(label, |(_, address)| address)
    }
}

/// The time to the next round, the first being number 0. `waiting` says whether an upstream has no verdict yet.
pub(super) fn pause(round: u32, waiting: bool) -> Duration {
    if waiting && round < RETRIES { RETRY } else { INTERVAL }
}

fn random(system: &SystemRandom) -> Option<[u64; 2]> {
    let mut octets = [0; 16];
    system.fill(&mut octets).ok()?;
    let whole = u128::from_ne_bytes(octets);
    Some([(whole >> 64) as u64, whole as u64])
}
