//! The life of the process: start, signals, reloads, end.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, sleep, sleep_until};

use super::follow::Follow;
use super::life::{Asked, By, End, Signals};
use super::places::Places;
use super::{App, Defaults, Source, banner};
use crate::corefile::{Corefile, ParseFailure};
use crate::plugin::{Process, reload};
use crate::telemetry::metrics::{Counter, Gauge, Registry};

/// A changed Corefile is read again after this, until it reads the same twice: what is just being written is not taken.
const SETTLE: Duration = Duration::from_millis(100);
/// A Corefile that changes all the time is taken as it is in the end.
const SETTLE_TRIES: usize = 20;

/// Runs a Corefile until a signal ends it. `quiet` leaves the start lines out; `started` is called once all listens.
///
/// # Errors
/// What keeps it from starting, as text for a person.
pub async fn run(
    source: Source,
    process: Process,
    defaults: Defaults,
    quiet: bool,
    started: impl FnOnce(&App),
) -> Result<End, String> {
    let mut signals = Signals::new().map_err(|error| format!("take signals: {error}"))?;
    let (corefile, places) = source.load_for_start();
    let corefile = corefile.map_err(|failure| failure.to_string())?;
    warn(&corefile);
    let failures = process.metrics.counter(
        "coredns_reload_failed_total",
        "Counter of the number of failed reload attempts.",
        &[],
    );
    let metrics = process.metrics.clone();
    let app = App::start(&corefile, process, defaults).await.map_err(|error| error.to_string())?;
    let mut supervised = Supervised {
        source,
        app,
        metrics,
        running: corefile.fingerprint,
        refused: None,
        failures,
        version: None,
        follow: Follow::new(),
        look_at: None,
    };
    if !quiet {
        banner::keys(&supervised.app);
    }
    supervised.tell_version();
    if !quiet {
        banner::version();
    }
    started(&supervised.app);
    supervised.plan_looks(places);
    match supervised.watch(&mut signals).await {
        Asked::Stop(by) => Ok(supervised.stop(&mut signals, by).await),
        _ => Ok(End::Success),
    }
}

struct Supervised {
    source: Source,
    app: App,
    metrics: Registry,
    /// The fingerprint of what runs.
    running: Fingerprint,
    /// The fingerprint of the last Corefile that could not run: it is not tried again.
    refused: Option<Fingerprint>,
    failures: Counter,
    /// `coredns_reload_version_info` of what runs.
    version: Option<Gauge>,
    follow: Follow,
    /// When the Corefile is looked at next, with the `reload` plugin.
    look_at: Option<Instant>,
}

type Fingerprint = [u8; 64];

/// A Corefile that was read, or what is wrong in it.
struct Loaded {
    corefile: Result<Corefile, ParseFailure>,
    fingerprint: Fingerprint,
    places: Places,
}

/// Who wants a reload.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    Signal,
    Look,
}

// === impl Supervised ===

impl Supervised {
    /// Until a signal asks for the end.
    async fn watch(&mut self, signals: &mut Signals) -> Asked {
        loop {
            let asked = tokio::select! {
                asked = signals.next() => Some(asked),
                () = due(self.look_at) => None,
                () = self.follow.changed() => None,
            };
            let ended = match asked {
                None => self.look(signals).await,
                Some(Asked::Reload) => {
                    let loaded = self.load();
                    self.take(loaded, Why::Signal, signals).await
                }
                Some(Asked::Upgrade) => {
                    tracing::error!(
                        "SIGUSR2: upgrading: kubezone does not exchange its program while it runs, and goes on; start \
                         another process and end this one (in Kubernetes: `kubectl rollout restart`)"
                    );
                    None
                }
                Some(end) => Some(end),
            };
            if let Some(end) = ended {
                return end;
            }
        }
    }

    /// Reads the Corefile, and takes it into use when it differs from what runs and from what could not run. Gives the
    /// signal that came in between, if one asks for the end.
    async fn look(&mut self, signals: &mut Signals) -> Option<Asked> {
        let mut loaded = self.load();
        for _ in 0..SETTLE_TRIES {
            if !self.is_news(&loaded) {
                break;
            }
            tokio::select! {
                end = signals.end() => return Some(end),
                () = sleep(SETTLE) => {}
            }
            let again = self.load();
            let is_settled = again.fingerprint == loaded.fingerprint;
            loaded = again;
            if is_settled {
                break;
            }
        }
        if self.is_news(&loaded) {
            return self.take(loaded, Why::Look, signals).await;
        }
        if loaded.fingerprint == self.running {
            // Back to what runs: the mistake, made again, is told again.
            self.refused = None;
        }
        self.plan_looks(loaded.places);
        None
    }

    fn is_news(&self, loaded: &Loaded) -> bool {
        loaded.fingerprint != self.running && self.refused != Some(loaded.fingerprint)
    }

    fn load(&self) -> Loaded {
        let (corefile, places) = self.source.load_again();
        let fingerprint = match &corefile {
            Ok(corefile) => corefile.fingerprint,
            Err(failure) => digest(&failure.to_string()),
        };
        Loaded { corefile, fingerprint, places }
    }

    /// Takes a Corefile into use, or says why it cannot run: what ran goes on then.
    async fn take(&mut self, loaded: Loaded, why: Why, signals: &mut Signals) -> Option<Asked> {
        let Loaded { corefile, fingerprint, places } = loaded;
        let taken = match corefile {
            Ok(corefile) => {
                tracing::info!("Reloading");
                warn(&corefile);
                // The first lists of a cluster may take seconds; a signal does not wait for them.
                let plan = tokio::select! {
                    end = signals.end() => return Some(end),
                    plan = self.app.prepare(&corefile) => plan,
                };
                let swapped = match plan {
                    Ok(plan) => self.app.swap(plan).await,
                    Err(error) => Err(error),
                };
                swapped.map_err(|error| (error.line(), true))
            }
            Err(failure) => Err((failure.line(), false)),
        };
        match taken {
            Ok(()) => {
                (self.running, self.refused) = (fingerprint, None);
                self.tell_version();
                tracing::info!("Reloading complete");
            }
            Err((reason, is_parsed)) => {
                self.refused = Some(fingerprint);
                self.failures.inc();
                tell_failure(why, &reason, is_parsed);
            }
        }
        self.plan_looks(places);
        None
    }

    /// The configuration that runs, in the log and as a metric, with the `reload` plugin.
    fn tell_version(&mut self) {
        if self.app.reload_every().is_none() {
            self.version = None;
            return;
        }
        let hash = hex(&self.running);
        tracing::info!(target: "plugin/reload", "Running configuration SHA512 = {hash}");
        let gauge = self.metrics.gauge(
            "coredns_reload_version_info",
            "A metric with a constant '1' value labeled by hash, and value which type of hash generated.",
            &[("hash", "sha512"), ("value", &hash)],
        );
        gauge.set(1.0);
        self.version = Some(gauge);
    }

    /// When and where the Corefile is looked at next.
    fn plan_looks(&mut self, places: Places) {
        match self.app.reload_every().filter(|_| self.source.path().is_some()) {
            // What was not watched until now may have changed since it was read.
            Some(_) if self.follow.follow(places) => self.look_at = Some(Instant::now()),
            Some(every) => self.look_at = Some(Instant::now() + reload::next_look(every, random())),
            None => {
                self.look_at = None;
                self.follow.end();
            }
        }
    }

    async fn stop(self, signals: &mut Signals, by: By) -> End {
        tokio::select! {
            () = self.app.stop() => End::Success,
            end = signals.end_now(by) => end,
        }
    }
}

async fn due(look_at: Option<Instant>) {
    match look_at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn warn(corefile: &Corefile) {
    for warning in &corefile.warnings {
        tracing::warn!("{}", corefile.sources.line(warning));
    }
}

/// CoreDNS's words, then ours.
fn tell_failure(why: Why, reason: &str, is_parsed: bool) {
    match (why, is_parsed) {
        (Why::Signal, _) => tracing::error!("SIGUSR1: {reason}; what ran goes on"),
        (Why::Look, true) => {
            tracing::error!(target: "plugin/reload", "Corefile changed but reload failed: {reason}; what ran goes on");
        }
        (Why::Look, false) => {
            tracing::warn!(target: "plugin/reload", "Corefile parse failed: {reason}; what ran goes on");
        }
    }
}

fn digest(text: &str) -> Fingerprint {
    let mut fingerprint = [0; 64];
    let digest = ring::digest::digest(&ring::digest::SHA512, text.as_bytes());
    fingerprint.copy_from_slice(digest.as_ref());
    fingerprint
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// For jitter alone: replicas that started together are not to look together.
fn random() -> u64 {
    use std::hash::BuildHasher;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    foldhash::fast::RandomState::default().hash_one((now.as_nanos(), std::process::id()))
}
