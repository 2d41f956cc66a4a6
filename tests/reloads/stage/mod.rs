//! Reloads under load: a server whose Corefile changes all the time, and clients that check every answer.
//!
//! Each version of the Corefile gives the same name another address. An answer is right when it is that of a version that
//! was in use between the question and it: not older than what was in use when it was asked, and not newer than what had
//! been written. A question without an answer, or whose connection ends under it, is lost: nothing is asked twice.

mod clients;
mod server;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use clients::Kind;
use server::Server;

/// How much, and how often.
pub struct Plan {
    /// The binary: kubezone's, or CoreDNS's.
    pub binary: PathBuf,
    /// Queries a second, over all clients.
    pub rate: u32,
    /// Half by SIGUSR1, half by a ConfigMap's swap alone.
    pub reloads: u16,
    /// Between two reloads.
    pub pause: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// By kind of client: asked, lost, wrong.
    pub clients: Vec<(&'static str, Tally)>,
    /// Reloads that were taken into use.
    pub taken: u16,
    /// Swaps that were not noticed within ten seconds, and taken by SIGUSR1 then.
    pub unnoticed: u16,
    /// The longest time from a swap to its use.
    pub slowest: Duration,
}

/// What a client counted.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    pub asked: usize,
    pub lost: usize,
    pub wrong: usize,
    /// The first few, in words.
    pub examples: Vec<String>,
}

/// Which versions an answer may show.
#[derive(Default)]
struct Versions {
    /// In use: nothing older may be answered to a question from now on.
    in_use: AtomicU16,
    /// Written: nothing newer can be.
    written: AtomicU16,
}

impl Outcome {
    pub fn asked(&self) -> usize {
        self.clients.iter().map(|(_, tally)| tally.asked).sum()
    }

    pub fn lost(&self) -> usize {
        self.clients.iter().map(|(_, tally)| tally.lost).sum()
    }

    pub fn wrong(&self) -> usize {
        self.clients.iter().map(|(_, tally)| tally.wrong).sum()
    }

    pub fn examples(&self) -> Vec<&String> {
        self.clients.iter().flat_map(|(_, tally)| &tally.examples).collect()
    }
}

impl Tally {
    fn lost(&mut self, why: impl FnOnce() -> String) {
        self.lost += 1;
        self.example(why);
    }

    fn wrong(&mut self, why: impl FnOnce() -> String) {
        self.wrong += 1;
        self.example(why);
    }

    fn example(&mut self, why: impl FnOnce() -> String) {
        if self.examples.len() < 4 {
            self.examples.push(why());
        }
    }

    fn add(&mut self, other: Tally) {
        self.asked += other.asked;
        self.lost += other.lost;
        self.wrong += other.wrong;
        self.examples.extend(other.examples);
    }
}

/// Runs it all.
pub fn run(plan: &Plan) -> Outcome {
    let versions = Arc::new(Versions::default());
    versions.written.store(1, Ordering::SeqCst);
    let mut server = Server::start(&plan.binary);
    versions.in_use.store(1, Ordering::SeqCst);
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> =
        Kind::ALL.iter().flat_map(|kind| kind.start(server.address(), plan.rate, &versions, &stop)).collect();

    let mut outcome = Outcome::default();
    for number in 0..plan.reloads {
        server.pause(plan.pause);
        let version = number + 2;
        versions.written.store(version, Ordering::SeqCst);
        let by_signal = number.is_multiple_of(2);
        let (took, unnoticed) = server.change(version, by_signal);
        versions.in_use.store(version, Ordering::SeqCst);
        outcome.taken += 1;
        outcome.unnoticed += u16::from(unnoticed);
        if !by_signal && !unnoticed {
            outcome.slowest = outcome.slowest.max(took);
        }
    }
    server.pause(plan.pause);
    stop.store(true, Ordering::SeqCst);
    for (kind, client) in clients {
        let tally = client.join().expect("a client");
        match outcome.clients.iter_mut().find(|(name, _)| *name == kind.name()) {
            Some((_, sum)) => sum.add(tally),
            None => outcome.clients.push((kind.name(), tally)),
        }
    }
    outcome
}
