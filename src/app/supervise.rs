//! The life of the process: start, signals, reloads, end.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{App, AppError, Defaults, Source, banner};
use crate::corefile::ParseFailure;
use crate::plugin::{Process, reload};
use crate::telemetry::metrics::Counter;

/// How the process is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With exit code 0.
    Success,
    /// At once, with this exit code: a second SIGINT.
    AtOnce(u8),
}

/// The signals that mean something.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    reload: Signal,
    hang_up: Signal,
}

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
    let corefile = source.load().map_err(|failure| failure.to_string())?;
    for warning in &corefile.warnings {
        tracing::warn!("{}", corefile.sources.render(warning));
    }
    let failures = process.metrics.counter(
        "coredns_reload_failed_total",
        "Counter of the number of failed reload attempts.",
        &[],
    );
    let app = App::start(&corefile, process, defaults).await.map_err(|error| error.to_string())?;
    if !quiet {
        // A closed standard output is no reason not to serve.
        let _ = write!(std::io::stdout(), "{}", banner::text(&app));
    }
    if app.reload_every().is_some() {
        tracing::info!(target: "plugin/reload", "Running configuration SHA512 = {}", hex(&corefile.fingerprint));
    }
    started(&app);
    let mut supervised = Supervised { source, app, running: corefile.fingerprint, refused: None, failures };
    let end = supervised.watch(&mut signals).await;
    if end == Step::Stop {
        tokio::select! {
            () = supervised.app.stop() => {}
            _ = signals.interrupt.recv() => return Ok(End::AtOnce(2)),
        }
    }
    Ok(End::Success)
}

struct Supervised {
    source: Source,
    app: App,
    /// The fingerprint of what runs.
    running: [u8; 64],
    /// The fingerprint of the last Corefile that could not run: it is not tried again.
    refused: Option<[u8; 64]>,
    failures: Counter,
}

#[derive(PartialEq, Eq)]
enum Step {
    Stop,
    Quit,
}

impl Supervised {
    async fn watch(&mut self, signals: &mut Signals) -> Step {
        loop {
            let look = async {
                match self.app.reload_every() {
                    Some(every) => tokio::time::sleep(reload::next_look(every, random())).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = signals.terminate.recv() => {
                    tracing::info!("SIGTERM: Shutting down servers then terminating");
                    return Step::Stop;
                }
                _ = signals.interrupt.recv() => {
                    tracing::info!("SIGINT: Shutting down");
                    return Step::Stop;
                }
                _ = signals.quit.recv() => {
                    tracing::info!("SIGQUIT: Quitting process immediately");
                    return Step::Quit;
                }
                _ = signals.hang_up.recv() => {}
                _ = signals.reload.recv() => {
                    tracing::info!("SIGUSR1: Reloading");
                    self.reload(true).await;
                }
                () = look => self.reload(false).await,
            }
        }
    }

    /// Reads the Corefile, and takes it into use when it differs from what runs, or when `asked` to in any case. A
    /// Corefile that cannot run is reported once, counted, and left.
    async fn reload(&mut self, asked: bool) {
        let corefile = match self.source.load() {
            Ok(corefile) => corefile,
            Err(failure) => return self.report_parse(&failure, asked),
        };
        let fingerprint = corefile.fingerprint;
        if !asked && (fingerprint == self.running || self.refused == Some(fingerprint)) {
            return;
        }
        tracing::info!("Reloading");
        match self.app.reload(&corefile).await {
            Ok(()) => {
                self.running = fingerprint;
                self.refused = None;
                tracing::info!(target: "plugin/reload", "Running configuration SHA512 = {}", hex(&fingerprint));
                tracing::info!("Reloading complete");
            }
            Err(error) => self.report(&error, fingerprint),
        }
    }

    fn report_parse(&mut self, failure: &ParseFailure, asked: bool) {
        let digest = ring::digest::digest(&ring::digest::SHA512, failure.to_string().as_bytes());
        let mut fingerprint = [0; 64];
        fingerprint.copy_from_slice(digest.as_ref());
        if !asked && self.refused == Some(fingerprint) {
            return;
        }
        self.refused = Some(fingerprint);
        self.failures.inc();
        tracing::warn!(target: "plugin/reload", "Corefile parse failed, the old one stays: {failure}");
    }

    fn report(&mut self, error: &AppError, fingerprint: [u8; 64]) {
        self.refused = Some(fingerprint);
        self.failures.inc();
        tracing::error!(target: "plugin/reload", "Corefile changed but reload failed, the old one stays: {error}");
    }
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            reload: signal(SignalKind::user_defined1())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }
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
