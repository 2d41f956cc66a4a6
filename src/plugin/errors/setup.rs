//! `errors { stacktrace; consolidate DURATION REGEXP [LEVEL] [show_first] }`.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use regex::Regex;
use tracing::Level;

use super::Errors;
use super::consolidate::{Consolidation, Kind};
use crate::corefile::{Diagnostic, Directive, Token};
use crate::plugin::{Setup, SetupResult};

const PROPERTIES: [&str; 2] = ["stacktrace", "consolidate"];
const USAGE: &str = "consolidate DURATION REGEXP [LEVEL] [show_first]";
const LEVELS: [(&str, Level); 4] =
    [("warning", Level::WARN), ("error", Level::ERROR), ("info", Level::INFO), ("debug", Level::DEBUG)];
/// The longest pattern, in octets, as in CoreDNS.
const PATTERN_LEN_MAX: usize = 10_000;

/// Sets `errors` up.
///
/// # Errors
/// For arguments but `stdout`, a pattern that is none, and other properties.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let directive = setup.once()?;
    match directive.at_most(1, "errors")? {
        [word] if word.text != "stdout" => {
            return Err(word
                .wrong("a log file")
                .help("errors go to the standard output: leave the word out"));
        }
        _ => {}
    }
    let mut kinds = Vec::new();
    let mut stacktrace: Option<&Directive> = None;
    for property in directive.properties() {
        match property.name.text.as_str() {
            "consolidate" => kinds.push(kind(property)?),
            "stacktrace" => {
                let [] = property.exactly("stacktrace")?;
                property.no_block()?;
                if let Some(first) = stacktrace.replace(property) {
                    return Err(property.repeated(first));
                }
            }
            _ => return Err(property.unknown_property("errors", &PROPERTIES)),
        }
    }
    setup.draft.stacktrace = stacktrace.is_some();
    let consolidation = Consolidation::new(kinds, setup.process.runtime.clone());
    setup.add(Errors { consolidation: Arc::new(consolidation) });
    Ok(())
}

fn kind(property: &Directive) -> Result<Kind, Diagnostic> {
    property.no_block()?;
    let words = property.between(2, 4, USAGE)?;
    let (period, pattern) = (words[0].duration()?, pattern(&words[1])?);
    let (mut level, mut show_first) = (None, false);
    for word in &words[2..] {
        if word.text == "show_first" {
            show_first = true;
            continue;
        }
        let known = word.one_of(&LEVELS)?;
        if level.replace(known).is_some() || show_first {
            let error = Diagnostic::error("the level stands in the wrong place").at(word.span);
            return Err(error.help(format!("write `{USAGE}`, with one level")));
        }
    }
    let level = level.unwrap_or(Level::ERROR);
    Ok(Kind { pattern, period, level, show_first, count: AtomicU64::new(0) })
}

fn pattern(word: &Token) -> Result<Regex, Diagnostic> {
    if word.text.len() > PATTERN_LEN_MAX {
        let message = format!("the pattern has {} octets", word.text.len());
        let error = Diagnostic::error(message).at(word.span);
        return Err(error.help(format!("it may have {PATTERN_LEN_MAX}")));
    }
    word.regex()
}
