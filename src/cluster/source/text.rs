//! The text of a manifest file: cut into documents, each read by itself, so that a broken one spoils no other.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeSeed;
use serde_saphyr::{Budget, Options, budget, options};

use super::super::object::AnyObject;
use super::document::{Locate, Place, Reading, Sink};

/// How long a file may be.
pub const FILE_LEN_MAX: usize = 64 << 20;

/// A mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 when it has no place.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
    /// What is wrong.
    pub what: String,
}

/// What a file holds.
#[derive(Debug, Default)]
pub struct Contents {
    /// The objects that DNS needs, with their labels.
    pub objects: Vec<(AnyObject, BTreeMap<String, String>)>,
    /// What could not be read.
    pub mistakes: Vec<Mistake>,
}

#[derive(Default)]
struct Collected {
    objects: Vec<(AnyObject, BTreeMap<String, String>)>,
    malformed: Vec<(Place, String)>,
}

impl Sink for Collected {
    fn object(&mut self, object: AnyObject, labels: BTreeMap<String, String>) {
        self.objects.push((object, labels));
    }

    fn malformed(&mut self, place: Place, what: String) {
        self.malformed.push((place, what));
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.what),
            line => write!(f, "{}:{line}:{}: {}", self.file, self.column, self.what),
        }
    }
}

/// Reads a file's text, JSON or YAML: what begins with a brace is tried as JSON first. `file` is its name in mistakes.
#[must_use]
pub fn read(file: &str, text: &str) -> Contents {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut contents = Contents::default();
    if text.trim_start().starts_with('{') {
        read_json(file, text, &mut contents);
        // YAML has braces, too; but what calls itself JSON is judged as that.
        if contents.mistakes.is_empty() || file.ends_with(".json") {
            return contents;
        }
        contents = Contents::default();
    }
    for (offset, document) in documents(text) {
        read_yaml(file, offset, document, &mut contents);
    }
    contents
}

fn read_json(file: &str, text: &str, contents: &mut Contents) {
    let mut rest = text;
    // Several documents may follow one another, as when two outputs of kubectl are joined.
    while !rest.trim_start().is_empty() {
        let mut collected = Collected::default();
        let mut deserializer = serde_json::Deserializer::from_str(rest);
        let result = Reading(&mut collected).deserialize(&mut deserializer);
        contents.objects.append(&mut collected.objects);
        let offset = text.len() - rest.len();
        for (place, what) in collected.malformed {
            let located = Locate(place).deserialize(&mut serde_json::Deserializer::from_str(rest));
            contents.mistakes.push(json_mistake(file, text, offset, located.err(), what));
        }
        if let Err(error) = result {
            let what = error.to_string();
            contents.mistakes.push(json_mistake(file, text, offset, Some(error), what));
            return;
        }
        rest = match consumed(rest) {
            Some(length) => &rest[length..],
            None => return,
        };
    }
}

/// How long the first JSON value is, known to be whole.
fn consumed(text: &str) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    values.next()?.ok()?;
    Some(values.byte_offset())
}

fn json_mistake(
    file: &str,
    text: &str,
    offset: usize,
    error: Option<serde_json::Error>,
    what: String,
) -> Mistake {
    let lines_before = text[..offset].bytes().filter(|octet| *octet == b'\n').count() as u64;
    let (line, column, what) = match error {
        Some(error) => {
            let what = error.to_string();
            let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what).to_owned();
            (error.line() as u64 + lines_before, error.column() as u64, what)
        }
        None => (lines_before + 1, 1, what),
    };
    Mistake { file: file.to_owned(), line, column, what }
}

fn read_yaml(file: &str, lines_before: u64, document: &str, contents: &mut Contents) {
    let mut collected = Collected::default();
    let result = with_yaml(document, Reading(&mut collected));
    contents.objects.append(&mut collected.objects);
    for (place, what) in collected.malformed {
        let located = with_yaml(document, Locate(place)).err();
        contents.mistakes.push(yaml_mistake(file, lines_before, located.as_ref(), what));
    }
    if let Err(error) = result {
        let what = error.without_snippet().to_string();
        contents.mistakes.push(yaml_mistake(file, lines_before, Some(&error), what));
    }
}

fn with_yaml<'de, S: DeserializeSeed<'de>>(
    document: &'de str,
    seed: S,
) -> Result<S::Value, serde_saphyr::Error> {
    // A file is as long as it is: nodes are not what to count, but what aliases make of them is.
    let budget: Option<Budget> = budget! {
        max_events: 64_000_000,
        max_nodes: 32_000_000,
        max_anchors: 10_000,
        max_aliases: 10_000,
    };
    let options: Options = options! {
        budget: budget,
        with_snippet: false,
    };
    serde_saphyr::with_deserializer_from_str_with_options(document, options, |deserializer| {
        seed.deserialize(deserializer)
    })
}

fn yaml_mistake(file: &str, lines_before: u64, error: Option<&serde_saphyr::Error>, what: String) -> Mistake {
    let location = error.and_then(serde_saphyr::Error::location);
    let (line, column) = location.map_or((1, 1), |location| (location.line(), location.column()));
    let what = match error {
        Some(error) => error.without_snippet().to_string(),
        None => what,
    };
    // The location stands in front; it is not repeated in words.
    let what = what.lines().next().unwrap_or_default();
    let what = what.rsplit_once(" at line ").map_or(what, |(what, _)| what).to_owned();
    Mistake { file: file.to_owned(), line: line + lines_before, column, what }
}

/// The documents of a YAML stream with the number of lines before each. A line that begins with `---` or `...` ends a
/// document wherever it stands, also within a block of text (YAML 1.2 §9.1.2): so cutting there is exact, and a mistake
/// in one document leaves the others readable.
fn documents(text: &str) -> impl Iterator<Item = (u64, &str)> {
    let mut documents = Vec::new();
    let (mut start, mut at, mut line, mut lines_before) = (0, 0, 0, 0);
    for piece in text.split_inclusive('\n') {
        let is_marker = ["---", "..."].iter().any(|marker| {
            piece
                .strip_prefix(marker)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
        });
        if is_marker && at > start {
            documents.push((lines_before, &text[start..at]));
            (start, lines_before) = (at, line);
        }
        if is_marker && piece.starts_with("...") {
            (start, lines_before) = (at + piece.len(), line + 1);
        }
        at += piece.len();
        line += 1;
    }
    documents.push((lines_before, &text[start..]));
    documents.into_iter().filter(|(_, document)| !document.trim().is_empty())
}

#[cfg(test)]
mod tests;
