//! One probe: a question under a name that nobody can guess, sent to one upstream.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::{Probe, Route, State};
use crate::dns::{FailureKind, NAME_LEN_MAX, Name, Origin, Query, RecordType, Transport};
use crate::plugin::{Lookup, Outcome, question_packet};

/// An upstream that has not answered by then has not led back here either.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What a probe says of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It came back, from here to the listener of this number.
    Loop { remote: SocketAddr, server: u16 },
    /// It was answered and did not come back, or nothing of the zone is forwarded.
    Clear,
    /// Nobody answered: the upstream may not be up yet.
    Unknown,
}

/// A probe of a route that is under way.
pub(super) struct Trial<'r> {
    pub(super) route: &'r Route,
    pub(super) probe: Arc<Probe>,
}

impl State {
    /// Sends all of these on their way, and gives what each says.
    pub(super) async fn probe(&self, lookup: &Lookup, trials: &[Trial<'_>], random: u16) -> Vec<Verdict> {
        // Forgotten in the end, also when the task is dropped on the way: a name that was seen by others must not be
        // good for anything later.
        let _forget = Forget(self);
        self.probes.store(Arc::new(trials.iter().map(|trial| Arc::clone(&trial.probe)).collect()));
        let asking = trials.iter().map(|trial| self.judge(lookup, trial, random));
        futures_util::future::join_all(asking).await
    }

    async fn judge(&self, lookup: &Lookup, Trial { route, probe }: &Trial<'_>, id: u16) -> Verdict {
        match self.is_forwarded(lookup, probe).await {
            None => return Verdict::Unknown,
            Some(false) => return Verdict::Clear,
            Some(true) => {}
        }
        let packet = question_packet(id, probe.name.as_wire(), RecordType::HINFO, None);
        let is_answered = tokio::time::timeout(TIMEOUT, route.outlet.ask(&packet)).await.unwrap_or(false);
        match (probe.seen.get(), is_answered) {
            (Some((remote, server)), _) => Verdict::Loop { remote: *remote, server: *server },
            (None, true) => Verdict::Clear,
            (None, false) => Verdict::Unknown,
        }
    }

    /// Whether names like this one come as far as `forward`: what another plugin answers is not sent anywhere, and an
    /// upstream that sends it here is right. `None` when no listener serves the zone yet.
    async fn is_forwarded(&self, lookup: &Lookup, probe: &Probe) -> Option<bool> {
        for server in &self.servers {
            let outcome = ask(lookup, server.number, &probe.name).await;
            if probe.is_forwarded.load(Relaxed) {
                return Some(true);
            }
            match outcome? {
                // Keys of a block may stand on different ports.
                Outcome::Failed(failure) if failure.kind() == FailureKind::NotServed => {}
                _ => return Some(false),
            }
        }
        None
    }
}

struct Forget<'s>(&'s State);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.probes.store(Arc::default());
    }
}

impl Probe {
    /// With 128 random bits in its name, which nobody guesses to have a healthy upstream taken out of use
    /// (CVE-2026-26018). `None` when the zone is so long that they do not fit in front.
    pub(super) fn new(zone: &Name, random: [u64; 2]) -> Option<Arc<Self>> {
        let name = probe_name(zone, random)?;
        Some(Arc::new(Self { name, is_forwarded: AtomicBool::new(false), seen: OnceLock::new() }))
    }
}

/// `<random>.<random>.<zone>`
pub(super) fn probe_name(zone: &Name, random: [u64; 2]) -> Option<Name> {
    let mut wire = Vec::with_capacity(NAME_LEN_MAX);
    for number in random {
        let label = number.to_string();
        wire.push(u8::try_from(label.len()).ok()?);
        wire.extend_from_slice(label.as_bytes());
    }
    wire.extend_from_slice(zone.as_wire());
    Name::from_wire(&wire)
}

/// Asks a listener from within; `None` when nothing came back in time.
async fn ask(lookup: &Lookup, server: u16, name: &Name) -> Option<Outcome> {
    let asking = {
        let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let origin = Origin {
            peer: nobody,
            local: nobody,
            transport: Transport::Udp,
            received: Instant::now(),
            server,
            depth: 0,
        };
        // The lookup makes a question of its own out of this one, with a depth that tells it from the network's.
        let packet = question_packet(0, name.as_wire(), RecordType::HINFO, None);
        let parent = Query::parse(&packet, origin).ok()?;
        lookup.ask(&parent, name.as_wire(), RecordType::HINFO)
    };
    let finished = tokio::time::timeout(TIMEOUT, asking).await.ok()?;
    Some(finished.outcome)
}
