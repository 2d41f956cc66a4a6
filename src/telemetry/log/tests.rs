use std::{
    io::{self, Write},
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use proptest::prelude::*;
use tracing::{Level, debug, error, info, trace, warn};
use tracing_subscriber::layer::SubscriberExt;

use super::{LogFormat, LogGuard, LogRing, ring::CAPACITY, start};

/// A guard against hanging, not a measurement.
const LONG: Duration = Duration::from_secs(60);

/// What was written, for all clones.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

/// Each write waits until it is allowed, then goes to the sink.
struct Gate {
    sink: Sink,
    entered_tx: mpsc::Sender<()>,
    open_rx: mpsc::Receiver<()>,
}

struct Broken;

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.entered_tx.send(());
        // The gate opens for good when the other end is dropped.
        let _ = self.open_rx.recv();
        self.sink.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Broken {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `log` has written by the time that all events are flushed.
fn logged(level: Level, log: impl FnOnce(&LogGuard)) -> String {
    logged_as(LogFormat::Text, level, log)
}

fn logged_as(format: LogFormat, level: Level, log: impl FnOnce(&LogGuard)) -> String {
    let sink = Sink::default();
    let (layer, guard) = start(level, format, sink.clone()).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || log(&guard));
    assert!(guard.ring().flush(LONG));
    sink.text()
}

#[test]
fn lines_look_like_coredns_s() {
    let text = logged(Level::INFO, |_| {
        info!(target: "plugin/kubernetes", "waiting for {}", "the API");
        info!("Reloading");
        warn!(target: "plugin/health", took_ms = 1001_u64, path = "/health", "slow");
        error!(target: "plugin/errors", why = "no route = lost", ok = false, at = ?Some(1), empty = "", "2 name");
        error!(
            error = &io::Error::from(io::ErrorKind::NotFound) as &(dyn std::error::Error + 'static),
            "cannot read"
        );
        debug!(target: "plugin/kubernetes", "not printed");
    });
    assert_eq!(
        text,
        "[INFO] plugin/kubernetes: waiting for the API\n\
         [INFO] Reloading\n\
         [WARNING] plugin/health: slow took_ms=1001 path=/health\n\
         [ERROR] plugin/errors: 2 name why=\"no route = lost\" ok=false at=Some(1) empty=\"\"\n\
         [ERROR] cannot read error=entity not found\n"
    );
}

/// The lines without their times.
fn without_times(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| {
            let (before, rest) = line.split_once("\"time\":\"").unwrap();
            let (time, rest) = rest.split_once("\",").unwrap();
            assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
            format!("{before}{rest}")
        })
        .collect()
}

#[test]
fn as_json_an_event_is_a_record_with_typed_fields() {
    let text = logged_as(LogFormat::Json, Level::INFO, |guard| {
        info!(target: "plugin/kubernetes", "waiting for {}", "the \"API\"");
        warn!(target: "plugin/health", took_ms = 1001_u64, path = "/health", ok = false, at = ?Some(1), "slow");
        error!(
            error = &io::Error::from(io::ErrorKind::NotFound) as &(dyn std::error::Error + 'static),
            "cannot\nread"
        );
        guard.ring().line(|line| line.push_str(".:53"));
    });
    assert_eq!(
        without_times(&text),
        [
            r#"{"level":"INFO","msg":"waiting for the \"API\"","plugin":"kubernetes"}"#,
            r#"{"level":"WARN","msg":"slow","plugin":"health","took_ms":1001,"path":"/health","ok":false,"at":"Some(1)"}"#,
            r#"{"level":"ERROR","msg":"cannot\nread","error":"entity not found"}"#,
            r#"{"level":"INFO","msg":".:53"}"#,
        ]
    );
}

#[test]
fn as_json_drops_are_told_too() {
    let sink = Sink::default();
    let (entered_tx, entered_rx) = mpsc::channel();
    let (open_tx, open_rx) = mpsc::channel();
    let ring = LogRing::start(LogFormat::Json, Gate { sink: sink.clone(), entered_tx, open_rx }).unwrap();
    ring.line(|line| line.push_str("first"));
    entered_rx.recv_timeout(LONG).unwrap();
    while ring.dropped() < 3 {
        ring.line(|line| line.push_str(&"x".repeat(10_000)));
    }
    drop(open_tx);
    assert!(ring.flush(LONG));
    let lines = without_times(&sink.text());
    assert_eq!(lines.last().unwrap(), r#"{"level":"WARN","msg":"3 log lines dropped","dropped":3}"#);
}

/// Says that it would block every other time, takes a few octets the others, and breaks after so many of them.
struct Reluctant {
    sink: Sink,
    willing: bool,
    left: usize,
}

impl Write for Reluctant {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.willing = !self.willing;
        if self.left == 0 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if !self.willing {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let len = bytes.len().min(7).min(self.left);
        self.left -= len;
        self.sink.write(&bytes[..len])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_pipe_that_would_block_is_tried_again() {
    let sink = Sink::default();
    let ring =
        LogRing::start(LogFormat::Text, Reluctant { sink: sink.clone(), willing: false, left: 25 }).unwrap();
    for line in ["0123456789", "abcdefghij", "lost, but for its beginning", "lost"] {
        ring.push(line.as_bytes());
    }
    assert!(ring.flush(LONG));
    assert_eq!(sink.text(), "0123456789\nabcdefghij\nlos");
    assert_eq!((ring.dropped(), ring.written()), (2, 25));
}

#[test]
fn debug_comes_and_goes_with_the_level() {
    let say = |text: &str| debug!(target: "plugin/cache", "{text}");
    let text = logged(Level::INFO, |guard| {
        say("before");
        guard.set_level(Level::DEBUG);
        say("during");
        trace!(target: "plugin/cache", "never");
        guard.set_level(Level::INFO);
        say("after");
    });
    assert_eq!(text, "[DEBUG] plugin/cache: during\n");
}

#[test]
fn debug_lasts_as_long_as_somebody_holds_it() {
    let say = |text: &str| debug!(target: "plugin/cache", "{text}");
    let text = logged(Level::INFO, |guard| {
        let first = guard.ring().hold_debug();
        let second = guard.ring().hold_debug();
        drop(first);
        say("held by the second");
        drop(second);
        say("after");
    });
    assert_eq!(text, "[DEBUG] plugin/cache: held by the second\n");
}

#[test]
fn libraries_are_heard_from_warning_on_and_only_with_debug() {
    let text = logged(Level::INFO, |guard| {
        warn!(target: "kube_client::client", "each try");
        guard.set_level(Level::DEBUG);
        info!(target: "kube_runtime::watcher", "chatter");
        warn!(target: "kube_runtime::watcher", "watch failed");
        info!(target: "kubezonelike::module", "chatter");
        info!(target: "kubezone::app", "ours");
    });
    assert_eq!(text, "[WARNING] watch failed\n[INFO] ours\n");
}

#[test]
fn a_line_is_one_line() {
    let text = logged(Level::INFO, |guard| {
        info!("a\nb\r\t\u{1b}[31m\u{85}\u{2028}é\\");
        guard.ring().push(b"raw \n \xff");
        guard.ring().line(|line| line.push_str("[INFO] formatted"));
    });
    assert_eq!(
        text,
        "[INFO] a\\nb\\r\\t\\u{1b}[31m\\u{85}\\u{2028}é\\\n\
         raw \\n \u{fffd}\n\
         [INFO] formatted\n"
    );
}

#[test]
fn logging_while_formatting_a_line_is_harmless() {
    let text = logged(Level::INFO, |guard| {
        let ring = guard.ring();
        ring.line(|outer| {
            outer.push_str("outer");
            ring.line(|inner| inner.push_str("inner"));
        });
    });
    assert_eq!(text, "inner\nouter\n");
}

#[test]
fn a_blocked_writer_blocks_nobody_and_drops_are_counted() {
    let sink = Sink::default();
    let (entered_tx, entered_rx) = mpsc::channel();
    let (open_tx, open_rx) = mpsc::channel();
    let ring = LogRing::start(LogFormat::Text, Gate { sink: sink.clone(), entered_tx, open_rx }).unwrap();

    ring.push(b"first");
    entered_rx.recv_timeout(LONG).unwrap();
    // The writer hangs in its write. Were a push to wait for it, this would never end.
    let line = [b'x'; 99];
    let fit = CAPACITY / (line.len() + 1);
    for _ in 0..fit + 7 {
        ring.push(&line);
    }
    assert_eq!(ring.dropped(), 7);
    assert!(!ring.flush(Duration::ZERO));

    drop(open_tx);
    assert!(ring.flush(LONG));
    ring.push(b"after");
    assert!(ring.flush(LONG));
    let text = sink.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1 + fit + 2);
    assert_eq!((lines[0], lines[fit].len()), ("first", 99));
    assert_eq!(lines[fit + 1..], ["[WARNING] 7 log lines dropped", "after"]);
}

#[test]
fn the_last_lines_are_written_before_the_guard_is_gone() {
    let sink = Sink::default();
    let (_layer, guard) = start(Level::INFO, LogFormat::Text, sink.clone()).unwrap();
    let ring = guard.ring();
    for _ in 0..1000 {
        ring.push(b"last words");
    }
    drop(guard);
    assert_eq!(sink.text().lines().count(), 1000);
    ring.push(b"too late");
    assert_eq!(ring.dropped(), 1);
}

#[test]
fn the_guard_does_not_wait_for_ever() {
    let (entered_tx, entered_rx) = mpsc::channel();
    let (_open_tx, open_rx) = mpsc::channel();
    let (_layer, guard) =
        start(Level::INFO, LogFormat::Text, Gate { sink: Sink::default(), entered_tx, open_rx }).unwrap();
    guard.ring().push(b"stuck");
    entered_rx.recv_timeout(LONG).unwrap();
    drop(guard);
}

#[test]
fn lines_that_cannot_be_written_are_counted() {
    let ring = LogRing::start(LogFormat::Text, Broken).unwrap();
    ring.push(b"one");
    ring.push(b"two");
    assert!(ring.flush(LONG));
    assert_eq!(ring.dropped(), 2);
}

proptest! {
    #[test]
    fn any_bytes_are_one_line_of_text(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let sink = Sink::default();
        let ring = LogRing::start(LogFormat::Text, sink.clone()).unwrap();
        ring.push(&bytes);
        ring.close();
        prop_assert!(ring.flush(LONG));
        let text = sink.text();
        let line = text.strip_suffix('\n').unwrap();
        prop_assert!(!line.contains(char::is_control));
    }
}
