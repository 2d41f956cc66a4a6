//! One probe: a question under a name that nobody can guess, sent into the chain from within.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::{Probe, State, Zone};
use crate::dns::{FailureKind, NAME_LEN_MAX, Name, Origin, Query, RecordType, Transport};
use crate::plugin::{Lookup, Outcome, ServerLabel, question_packet};

/// An upstream that has not answered by then has not led back here either.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What a probe says of a zone.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict<'s> {
    /// It came back, from here.
    Loop { remote: SocketAddr, server: &'s ServerLabel, name: Name },
    /// It was answered, and did not come back.
    Clear { server: &'s ServerLabel },
    /// Nobody answered: the upstream may not be up yet.
    Unknown,
}

impl State {
    /// Probes `zone` by the first listener that serves it.
    pub(super) async fn probe(&self, lookup: &Lookup, zone: &Zone, random: [u64; 2]) -> Verdict<'_> {
        let Some(name) = probe_name(&zone.name, random) else { return Verdict::Unknown };
        let probe = Arc::new(Probe { name, seen_from: OnceLock::new() });
        // Forgotten in the end, also when the task is dropped on the way: a name that was seen by others must not be
        // good for anything later.
        let _forget = Forget(self);
        self.probe.store(Some(Arc::clone(&probe)));
        for server in &self.servers {
            let outcome = ask(lookup, server.number, &probe.name).await;
            if let Some(remote) = probe.seen_from.get() {
                return Verdict::Loop { remote: *remote, server, name: probe.name.clone() };
            }
            let failure = match &outcome {
                Some(Outcome::Failed(failure)) => Some(failure.kind()),
                Some(Outcome::Answered | Outcome::Dropped) => None,
                None => return Verdict::Unknown,
            };
            match failure {
                // Keys of a block may stand on different ports.
                Some(FailureKind::NotServed) => {}
                // Without `forward` nothing leads anywhere.
                None | Some(FailureKind::Unhandled) => return Verdict::Clear { server },
                Some(_) => return Verdict::Unknown,
            }
        }
        Verdict::Unknown
    }
}

struct Forget<'s>(&'s State);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.probe.store(None);
    }
}

/// `<random>.<random>.<zone>`: 128 random bits, which nobody guesses to have a healthy zone taken out of use
/// (CVE-2026-26018). `None` when the zone is so long that they do not fit in front.
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
