//! Log lines, `[LEVEL] plugin/NAME: text` or a JSON record, that never make anybody wait.
//!
//! ```text
//!   tracing event ── LogLayer ──┐
//!                               ├──> LogRing ── writer thread ──> stdout
//!   query log ── line(), record() ┘  (bounded)
//! ```
//!
//! A pipe that nobody reads must not stop answers: whoever logs copies a line into the ring and goes on; when the ring
//! is full, the line is dropped and counted. Only the writer thread ever waits for the pipe.

mod json;
mod layer;
mod ring;

use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsFd,
    sync::OnceLock,
    time::{Duration, Instant},
};

use tracing::Level;
use tracing_subscriber::layer::SubscriberExt;

pub use json::{JsonLevel, JsonRecord, LogFormat};
pub use layer::LogLayer;
pub use ring::{DebugHold, LogRing};

/// How long the end of the process waits for a reader that takes nothing of the last lines, and how long for one that does.
const STALL_TIMEOUT: Duration = Duration::from_secs(1);
const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);

/// The ring of the process, set by [`init`].
static RING: OnceLock<LogRing> = OnceLock::new();

/// Keeps the log going. Dropping it writes what is left, and ends the log. It waits for as long as somebody reads, ten
/// seconds at most, and for one second when nobody does.
#[derive(Debug)]
#[must_use = "the log ends when its guard is dropped"]
pub struct LogGuard {
    ring: LogRing,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The system gave no thread.
    #[error("start the thread that writes the log")]
    Thread(#[source] io::Error),
    /// The process has a log already.
    #[error("there is a log already: call `init` once")]
    Twice,
}

/// Standard output without the buffer of the standard library, which would hold lines back and take a lock.
///
/// # Errors
/// When the process has none.
pub fn standard_output() -> io::Result<File> {
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

/// Starts the log of the process: tracing events up to `level`, [`line()`] and [`record()`], go to `writer`.
///
/// # Errors
/// When the process has a log already or no thread can be started.
pub fn init(
    level: Level,
    format: LogFormat,
    writer: impl Write + Send + 'static,
) -> Result<LogGuard, LogError> {
    let (layer, guard) = start(level, format, writer)?;
    RING.set(guard.ring()).map_err(|_| LogError::Twice)?;
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))
        .map_err(|_| LogError::Twice)?;
    Ok(guard)
}

/// Starts a log that is not the process's: the caller installs the layer. For tests, and for an embedding program.
///
/// # Errors
/// When no thread can be started.
pub fn start(
    level: Level,
    format: LogFormat,
    writer: impl Write + Send + 'static,
) -> Result<(LogLayer, LogGuard), LogError> {
    let ring = LogRing::start(format, writer).map_err(LogError::Thread)?;
    ring.set_level(level);
    Ok((LogLayer::new(ring.clone()), LogGuard { ring }))
}

/// Logs one line past tracing: `format` fills a buffer of the thread, which is reused. Does nothing before [`init`].
///
/// The text is printed as it is, level included (`[INFO] …`), but for control characters, which are escaped. As JSON it is
/// the message of a record of level INFO.
pub fn line(format: impl FnOnce(&mut String)) {
    if let Some(ring) = RING.get() {
        ring.line(format);
    }
}

/// Whether lines are JSON records: then whoever has more to say than a text uses [`record()`].
#[must_use]
pub fn is_json() -> bool {
    RING.get().is_some_and(|ring| ring.format() == LogFormat::Json)
}

/// Logs one JSON record past tracing. To be used where [`is_json`] says so.
pub fn record(level: JsonLevel, message: impl std::fmt::Display, fill: impl FnOnce(&mut JsonRecord<'_>)) {
    if let Some(ring) = RING.get() {
        ring.record(level, message, fill);
    }
}

/// Prints lines of level DEBUG for as long as what this gives is kept; `None` before [`init`].
#[must_use = "the level falls back when this is dropped"]
pub fn hold_debug() -> Option<DebugHold> {
    RING.get().map(LogRing::hold_debug)
}

/// Lines dropped by the log of the process since its start: the ring was full or the writer failed.
#[must_use]
pub fn dropped() -> u64 {
    RING.get().map_or(0, LogRing::dropped)
}

impl LogGuard {
    /// The ring, for a plugin that writes lines of its own.
    #[must_use]
    pub fn ring(&self) -> LogRing {
        self.ring.clone()
    }

    /// From now on, events up to `level` are printed, and to DEBUG while somebody holds it ([`LogRing::hold_debug`]).
    /// Nothing above DEBUG is ever printed.
    pub fn set_level(&self, level: Level) {
        self.ring.set_level(level);
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.ring.close();
        let end = Instant::now() + FLUSH_TIMEOUT;
        let mut written = self.ring.written();
        while !self.ring.flush(STALL_TIMEOUT) && Instant::now() < end {
            let before = std::mem::replace(&mut written, self.ring.written());
            if written == before {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
