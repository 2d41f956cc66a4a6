//! From a tracing event to a line.

use std::{
    error::Error,
    fmt::{self, Write},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    subscriber::Interest,
};
use tracing_subscriber::layer::{Context, Layer};

use super::{JsonLevel, LogFormat, ring::LogRing};

/// Prints events as CoreDNS prints its lines: `[INFO] plugin/kubernetes: text key=value`, where the target of the event
/// is `plugin/kubernetes`, and without the middle part for any other target.
///
/// Events of libraries are printed from WARNING on, and only while DEBUG is: what goes wrong in a library comes back to us
/// as an error, and is told in our words, once; theirs would repeat it for every try.
#[derive(Debug)]
pub struct LogLayer {
    ring: LogRing,
}

/// Puts the message into the line and the other fields behind it.
struct LineVisitor<'a> {
    line: &'a mut String,
    fields: String,
}

/// Keeps the message, and the other fields with whether they are to be quoted.
#[derive(Default)]
struct RecordVisitor {
    message: String,
    fields: Vec<(&'static str, String, bool)>,
}

impl LogLayer {
    pub(super) fn new(ring: LogRing) -> Self {
        Self { ring }
    }

    /// Logs an event as JSON: the plugin and the fields are fields of their own.
    fn record(&self, event: &Event<'_>) {
        let mut visitor = RecordVisitor::default();
        event.record(&mut visitor);
        let RecordVisitor { message, fields } = visitor;
        let level = match *event.metadata().level() {
            Level::ERROR => JsonLevel::Error,
            Level::WARN => JsonLevel::Warn,
            Level::INFO => JsonLevel::Info,
            Level::DEBUG | Level::TRACE => JsonLevel::Debug,
        };
        self.ring.record(level, message, |record| {
            if let Some(plugin) = event.metadata().target().strip_prefix("plugin/") {
                record.text("plugin", plugin);
            }
            for (name, value, quoted) in fields {
                if quoted { record.text(name, value) } else { record.literal(name, value) }
            }
        });
    }
}

impl<S: Subscriber> Layer<S> for LogLayer {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Spans are not printed; TRACE has no name in this format. The rest is asked for each time, since the level
        // may change.
        if metadata.is_event() && *metadata.level() <= least_level(metadata.target()) {
            Interest::sometimes()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        metadata.is_event()
            && *metadata.level() <= least_level(metadata.target())
            && self.ring.is_enabled(if is_ours(metadata.target()) { *metadata.level() } else { Level::DEBUG })
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let metadata = event.metadata();
        if self.ring.format() == LogFormat::Json {
            return self.record(event);
        }
        self.ring.line(|line| {
            line.push_str(tag(*metadata.level()));
            if metadata.target().starts_with("plugin/") {
                line.push_str(metadata.target());
                line.push_str(": ");
            }
            let mut visitor = LineVisitor { line, fields: String::new() };
            event.record(&mut visitor);
            let LineVisitor { line, fields } = visitor;
            line.push_str(&fields);
        });
    }
}

impl LineVisitor<'_> {
    fn record(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        // Writing to a String does not fail.
        let _ = if field.name() == "message" {
            self.line.write_fmt(value)
        } else {
            write!(self.fields, " {}={value}", field.name())
        };
    }
}

impl Visit for LineVisitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let is_word = !value.is_empty() && !value.contains([' ', '"', '=']);
        if is_word || field.name() == "message" {
            self.record(field, format_args!("{value}"));
        } else {
            self.record(field, format_args!("{value:?}"));
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.record(field, format_args!("{value}"));
        let mut source = value.source();
        while let Some(error) = source {
            let _ = write!(self.fields, ": {error}");
            source = error.source();
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record(field, format_args!("{value:?}"));
    }
}

impl RecordVisitor {
    fn keep(&mut self, field: &Field, value: String, quoted: bool) {
        if field.name() == "message" {
            self.message = value;
        } else {
            self.fields.push((field.name(), value, quoted));
        }
    }
}

impl Visit for RecordVisitor {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, value.to_string(), false);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, value.to_string(), false);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, value.to_string(), false);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep(field, value.to_owned(), true);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(error) = source {
            let _ = write!(text, ": {error}");
            source = error.source();
        }
        self.keep(field, text, true);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.keep(field, format!("{value:?}"), true);
    }
}

/// The most talkative level that is ever printed for a target.
fn least_level(target: &str) -> Level {
    if is_ours(target) { Level::DEBUG } else { Level::WARN }
}

fn is_ours(target: &str) -> bool {
    target.starts_with("plugin/") || target.split("::").next() == Some("kubezone")
}

fn tag(level: Level) -> &'static str {
    match level {
        Level::ERROR => "[ERROR] ",
        Level::WARN => "[WARNING] ",
        Level::INFO => "[INFO] ",
        Level::DEBUG | Level::TRACE => "[DEBUG] ",
    }
}
