//! Bounded room for lines, and the thread that writes them.
//!
//! Two buffers of equal size: callers fill one while the writer empties the other, and they are exchanged under the
//! lock. The lock is held for the copy of one line or for the exchange, never for output. A channel of lines was not
//! taken: it costs an allocation a line and bounds the number of lines, not their bytes.

use std::{
    cell::Cell,
    fmt,
    io::{self, Write},
    mem,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use tracing::Level;

use super::{JsonLevel, JsonRecord, LogFormat};

/// Bytes that wait at most while the writer is busy: some 8,000 lines of the query log. Not touched, and so not
/// resident, until lines pile up.
pub(super) const CAPACITY: usize = 1 << 20;
/// A thread's buffer that a huge line made larger than this is not kept.
const LINE_CAPACITY_KEPT: usize = 16 << 10;
/// Octets given to the writer at once: a slow one is seen to move.
const CHUNK_LEN: usize = 64 << 10;
/// How long to leave a writer alone that would block instead of blocking: a pipe that its other end made so.
const WRITER_PAUSE: Duration = Duration::from_millis(5);

/// While one of these lives, lines of level DEBUG are printed: the process holds as many as there are reasons.
#[derive(Debug)]
#[must_use = "the level falls back when this is dropped"]
pub struct DebugHold {
    ring: LogRing,
}

/// Where lines go in. Clones are the same ring.
#[derive(Clone)]
pub struct LogRing {
    shared: Arc<Shared>,
}

struct Shared {
    format: LogFormat,
    state: Mutex<State>,
    /// Told when there is something to write, or nothing will come any more.
    filled: Condvar,
    /// Told when all is written.
    emptied: Condvar,
    dropped: AtomicU64,
    /// Octets that the writer took.
    written: AtomicU64,
    /// 0 only errors … 3 debug too; see `rank`.
    level: AtomicU8,
    /// How many hold the level at DEBUG, whatever `level` says.
    debug_holds: AtomicUsize,
}

struct State {
    /// Whole lines, each ended by a line feed.
    lines: Vec<u8>,
    /// Lines dropped since the last line that said so.
    dropped: u64,
    writer: WriterState,
    closed: bool,
}

#[derive(PartialEq)]
enum WriterState {
    /// Waits for `filled`; all that was taken is written.
    Waiting,
    /// Has been told, or is writing.
    Busy,
}

thread_local! {
    static LINE: Cell<String> = const { Cell::new(String::new()) };
}

impl LogRing {
    /// Starts the thread that writes to `writer`.
    pub(super) fn start(format: LogFormat, writer: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            format,
            state: Mutex::new(State {
                lines: Vec::with_capacity(CAPACITY),
                dropped: 0,
                writer: WriterState::Busy,
                closed: false,
            }),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            dropped: AtomicU64::new(0),
            written: AtomicU64::new(0),
            level: AtomicU8::new(rank(Level::INFO)),
            debug_holds: AtomicUsize::new(0),
        });
        let writes = shared.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || writes.write_to(writer))?;
        Ok(Self { shared })
    }

    /// Takes one line, without its line feed, or drops and counts it when there is no room. Never waits for output.
    ///
    /// Control characters are escaped, so that a line is one line whatever a name or a peer put into it.
    pub fn push(&self, line: &[u8]) {
        if line.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            self.push_clean(line);
        } else {
            self.push_escaped(line);
        }
    }

    /// Takes the line that `format` writes into an empty buffer of this thread. As JSON it is the message of a record.
    pub fn line(&self, format: impl FnOnce(&mut String)) {
        self.with_buffer(|buffer| {
            format(buffer);
            match self.shared.format {
                LogFormat::Text => self.push(buffer.as_bytes()),
                LogFormat::Json => {
                    self.record(JsonLevel::Info, buffer.as_str(), |_| {});
                }
            }
        });
    }

    /// Takes a JSON record; `fill` adds what it has besides its message.
    pub fn record(
        &self,
        level: JsonLevel,
        message: impl fmt::Display,
        fill: impl FnOnce(&mut JsonRecord<'_>),
    ) {
        self.with_buffer(|buffer| {
            fill(&mut JsonRecord::new(buffer, level, message));
            self.push(buffer.as_bytes());
        });
    }

    /// How lines are written.
    #[must_use]
    pub fn format(&self) -> LogFormat {
        self.shared.format
    }

    fn with_buffer(&self, work: impl FnOnce(&mut String)) {
        // Taken out and put back, and not borrowed: `work` may log. A thread at its end has no buffer any more.
        let mut buffer = LINE.try_with(Cell::take).unwrap_or_default();
        work(&mut buffer);
        buffer.clear();
        buffer.shrink_to(LINE_CAPACITY_KEPT);
        let _ = LINE.try_with(|kept| kept.set(buffer));
    }

    /// Lines dropped since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Relaxed)
    }

    /// Waits until all that was taken is written, but not longer than `timeout`. Says whether it is.
    pub fn flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = self.shared.state();
        while !state.is_idle() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self
                .shared
                .emptied
                .wait_timeout(state, left)
                .map_or_else(|error| error.into_inner().0, |(state, _)| state);
        }
        true
    }

    /// Octets that the writer took since the start.
    pub(super) fn written(&self) -> u64 {
        self.shared.written.load(Relaxed)
    }

    /// Takes no more lines; the writer ends once it has written the rest.
    pub(super) fn close(&self) {
        let mut state = self.shared.state();
        state.closed = true;
        self.shared.wake_writer(&mut state);
    }

    pub(super) fn set_level(&self, level: Level) {
        self.shared.level.store(rank(level), Relaxed);
    }

    pub(super) fn is_enabled(&self, level: Level) -> bool {
        let rank_max = match self.shared.debug_holds.load(Relaxed) {
            0 => self.shared.level.load(Relaxed),
            _ => rank(Level::DEBUG),
        };
        rank(level) <= rank_max
    }

    /// Prints lines of level DEBUG for as long as what this gives is kept.
    pub fn hold_debug(&self) -> DebugHold {
        self.shared.debug_holds.fetch_add(1, Relaxed);
        DebugHold { ring: self.clone() }
    }

    #[cold]
    fn push_escaped(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let mut clean = String::with_capacity(text.len() + 8);
        for char in text.chars() {
            // Besides what Unicode calls control, its two separators, which some viewers break lines at.
            if char.is_control() || matches!(char, '\u{2028}' | '\u{2029}') {
                clean.extend(char.escape_default());
            } else {
                clean.push(char);
            }
        }
        self.push_clean(clean.as_bytes());
    }

    fn push_clean(&self, line: &[u8]) {
        let mut state = self.shared.state();
        if state.closed || state.lines.len() + line.len() + 1 > CAPACITY {
            state.dropped += 1;
            drop(state);
            self.shared.dropped.fetch_add(1, Relaxed);
            return;
        }
        state.lines.extend_from_slice(line);
        state.lines.push(b'\n');
        self.shared.wake_writer(&mut state);
    }
}

impl Drop for DebugHold {
    fn drop(&mut self) {
        self.ring.shared.debug_holds.fetch_sub(1, Relaxed);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A wake-up is a system call, so only the first line after a pause makes one.
    fn wake_writer(&self, state: &mut State) {
        if mem::replace(&mut state.writer, WriterState::Busy) == WriterState::Waiting {
            self.filled.notify_one();
        }
    }

    /// The life of the writer thread.
    fn write_to(&self, mut writer: impl Write) {
        let mut lines = Vec::with_capacity(CAPACITY);
        while let Some(dropped) = self.take(&mut lines) {
            // The lines that were dropped came after those that filled the buffer, so this stands where they would.
            if dropped > 0 {
                lines.extend_from_slice(self.drop_notice(dropped).as_bytes());
            }
            let rest = self.write_lines(&mut writer, &lines);
            // There is nobody to tell but the counter. The next lines are tried again: the reader may come back.
            let lost = rest.iter().filter(|octet| **octet == b'\n').count();
            self.dropped.fetch_add(lost as u64, Relaxed);
            lines.clear();
        }
    }

    /// Writes lines, and gives the rest that the writer did not take.
    fn write_lines<'l>(&self, writer: &mut impl Write, lines: &'l [u8]) -> &'l [u8] {
        let mut rest = lines;
        while !rest.is_empty() {
            match writer.write(&rest[..rest.len().min(CHUNK_LEN)]) {
                Ok(0) => break,
                Ok(len) => {
                    rest = rest.get(len..).unwrap_or_default();
                    self.written.fetch_add(len as u64, Relaxed);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::park_timeout(WRITER_PAUSE),
                Err(_) => break,
            }
        }
        // What was taken and cannot be put out is lost in the writer; those here are files, which keep nothing back.
        let _ = writer.flush();
        rest
    }

    fn drop_notice(&self, dropped: u64) -> String {
        let text = format!("{dropped} log lines dropped");
        match self.format {
            LogFormat::Text => format!("[WARNING] {text}\n"),
            LogFormat::Json => {
                let mut line = String::new();
                JsonRecord::new(&mut line, JsonLevel::Warn, text).literal("dropped", dropped);
                line + "\n"
            }
        }
    }

    /// Waits for lines and exchanges them for the empty `lines`; gives the number dropped meanwhile. `None` when the
    /// ring is closed and empty.
    fn take(&self, lines: &mut Vec<u8>) -> Option<u64> {
        let mut state = self.state();
        while state.lines.is_empty() {
            state.writer = WriterState::Waiting;
            self.emptied.notify_all();
            if state.closed {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.writer = WriterState::Busy;
        mem::swap(&mut state.lines, lines);
        Some(mem::take(&mut state.dropped))
    }
}

impl State {
    fn is_idle(&self) -> bool {
        self.lines.is_empty() && self.writer == WriterState::Waiting
    }
}

fn rank(level: Level) -> u8 {
    match level {
        Level::ERROR => 0,
        Level::WARN => 1,
        Level::INFO => 2,
        Level::DEBUG => 3,
        Level::TRACE => 4,
    }
}

impl fmt::Debug for LogRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogRing").field("dropped", &self.dropped()).finish_non_exhaustive()
    }
}
