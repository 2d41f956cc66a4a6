//! Lines as JSON, a record each: `-log-format=json`. Fields and their order are those of CoreDNS, which has Go's `slog`
//! write them: `time`, `level`, `msg`, `plugin`, and then what the event has to say besides.

use std::fmt::{self, Write};

use jiff::Timestamp;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// `[LEVEL] plugin/NAME: text`
    #[default]
    Text,
    /// A JSON object.
    Json,
}

/// The level of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonLevel {
    /// DEBUG
    Debug,
    /// INFO
    Info,
    /// WARN
    Warn,
    /// ERROR
    Error,
    /// FATAL: the process ends.
    Fatal,
}

/// A record in the making: it begins with its time and is ended by being dropped.
pub struct JsonRecord<'r> {
    out: &'r mut String,
}

/// Escapes what is written through it.
struct Escaped<'e>(&'e mut String);

impl LogFormat {
    /// The format of this name: `text` or `json`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

impl<'r> JsonRecord<'r> {
    /// Begins a record of now.
    pub fn new(out: &'r mut String, level: JsonLevel, message: impl fmt::Display) -> Self {
        Self::at(Timestamp::now(), out, level, message)
    }

    fn at(now: Timestamp, out: &'r mut String, level: JsonLevel, message: impl fmt::Display) -> Self {
        let level = match level {
            JsonLevel::Debug => "DEBUG",
            JsonLevel::Info => "INFO",
            JsonLevel::Warn => "WARN",
            JsonLevel::Error => "ERROR",
            JsonLevel::Fatal => "FATAL",
        };
        // Writing to a String does not fail, here and below.
        let _ = write!(out, "{{\"time\":\"{now}\",\"level\":\"{level}\"");
        let mut record = Self { out };
        record.text("msg", message);
        record
    }

    /// Adds a string.
    pub fn text(&mut self, name: &str, value: impl fmt::Display) {
        self.name(name);
        self.out.push('"');
        let _ = write!(Escaped(self.out), "{value}");
        self.out.push('"');
    }

    /// Adds a number, `true`, `false` or `null`.
    pub fn literal(&mut self, name: &str, value: impl fmt::Display) {
        self.name(name);
        let _ = write!(self.out, "{value}");
    }

    fn name(&mut self, name: &str) {
        self.out.push_str(",\"");
        let _ = write!(Escaped(self.out), "{name}");
        self.out.push_str("\":");
    }
}

impl Drop for JsonRecord<'_> {
    fn drop(&mut self) {
        self.out.push('}');
    }
}

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            match char {
                '"' => self.0.push_str("\\\""),
                '\\' => self.0.push_str("\\\\"),
                '\n' => self.0.push_str("\\n"),
                '\r' => self.0.push_str("\\r"),
                '\t' => self.0.push_str("\\t"),
                // JSON asks for the first 32 alone; the others are where the ring and some viewers would break a line.
                char if char.is_control() || matches!(char, '\u{2028}' | '\u{2029}') => {
                    write!(self.0, "\\u{:04x}", u32::from(char))?;
                }
                char => self.0.push(char),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_record_is_that_of_slog() {
        let now: Timestamp = "2026-11-24T04:05:36.258826449Z".parse().unwrap();
        let mut out = String::new();
        let mut record = JsonRecord::at(now, &mut out, JsonLevel::Info, "a \"b\"\nc");
        record.text("plugin", "log");
        record.literal("id", 7);
        record.literal("rcode", "null");
        drop(record);
        assert_eq!(
            out,
            r#"{"time":"2026-11-24T04:05:36.258826449Z","level":"INFO","msg":"a \"b\"\nc","plugin":"log","id":7,"rcode":null}"#
        );
    }

    proptest! {
        #[test]
        fn any_text_reads_back_from_one_line(text in "(?s).*") {
            let mut out = String::new();
            drop(JsonRecord::new(&mut out, JsonLevel::Fatal, &text));
            prop_assert!(!out.contains(|char: char| char.is_control()));
            let read: Value = serde_json::from_str(&out).unwrap();
            prop_assert_eq!(&read["msg"], &Value::String(text));
            prop_assert_eq!(&read["level"], "FATAL");
        }
    }
}
