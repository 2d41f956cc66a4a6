//! What a scenario does, one after the other.

use std::time::Duration;

use crate::client::Question;
use crate::expected::Expected;

/// A step, and what CoreDNS does otherwise.
#[derive(Debug)]
pub struct Step {
    /// Of the file, from 1.
    pub line: usize,
    /// As it stands there.
    pub text: String,
    pub act: Act,
    pub coredns: Option<Other>,
}

/// What is different for CoreDNS.
#[derive(Debug)]
pub struct Other {
    /// The first cell of a row in a table *Differences from CoreDNS*.
    pub title: String,
    /// `None`: the step is left out.
    pub act: Option<Act>,
}

/// What is done.
#[derive(Debug, PartialEq, Eq)]
pub enum Act {
    /// A question, and what may come back.
    Ask(Question, Vec<Expected>),
    Wait(Duration),
    /// How often an upstream was asked so far.
    Asked {
        upstream: char,
        name: Option<String>,
        rtype: Option<String>,
        count: Count,
    },
    /// What an upstream was asked last.
    Last {
        upstream: char,
        pattern: String,
    },
    /// An upstream takes another script.
    Plays(char, char),
    Dies(char),
    Lives(char),
    /// A file of the folder.
    File {
        name: String,
        text: String,
    },
    Link {
        name: String,
        target: String,
    },
    Corefile(String),
    /// Manifests.
    Apply(String),
    Signal(String),
    Exit(i32),
    Log {
        pattern: String,
        is_there: bool,
    },
    Get {
        url: String,
        status: u16,
        body: Option<String>,
    },
    Metric {
        url: String,
        sample: String,
        count: Count,
    },
}

/// `3`, `>=3`, `<=3`, `2-4`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Count {
    low: f64,
    high: f64,
}

impl Eq for Count {}

impl Act {
    /// From what stands behind `!`, and the lines behind `| ` that follow.
    pub fn parse(text: &str, body: &str) -> Result<Self, String> {
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        let words: Vec<&str> = rest.split_whitespace().collect();
        let rest = rest.trim().to_owned();
        let act = match (verb, words.as_slice()) {
            ("wait", [time]) => Self::Wait(duration(time)?),
            ("asked", [upstream, names @ .., count]) if names.len() <= 2 => Self::Asked {
                upstream: letter(upstream)?,
                name: names.first().map(|name| (*name).to_owned()),
                rtype: names.get(1).map(|rtype| (*rtype).to_owned()),
                count: Count::parse(count)?,
            },
            ("last", [upstream, _, ..]) => {
                let pattern = rest[upstream.len()..].trim().to_owned();
                Self::Last { upstream: letter(upstream)?, pattern }
            }
            ("plays", [upstream, script]) => Self::Plays(letter(upstream)?, letter(script)?),
            ("dies", [upstream]) => Self::Dies(letter(upstream)?),
            ("lives", [upstream]) => Self::Lives(letter(upstream)?),
            ("file", [name]) => Self::File { name: (*name).to_owned(), text: body.to_owned() },
            ("link", [name, target]) => Self::Link { name: (*name).to_owned(), target: (*target).to_owned() },
            ("corefile", []) => Self::Corefile(body.to_owned()),
            ("apply", []) => Self::Apply(body.to_owned()),
            ("signal", [name]) => Self::Signal((*name).to_owned()),
            ("exit", [code]) => Self::Exit(code.parse().map_err(|_| format!("`{code}` is no exit code"))?),
            ("log", [_, ..]) => Self::Log { pattern: rest, is_there: true },
            ("no", ["log", _, ..]) => {
                Self::Log { pattern: rest["log".len()..].trim().to_owned(), is_there: false }
            }
            ("get", [url, status, body @ ..]) => Self::Get {
                url: (*url).to_owned(),
                status: status.parse().map_err(|_| format!("`{status}` is no status"))?,
                body: (!body.is_empty()).then(|| body.join(" ")),
            },
            ("metric", [url, sample @ .., count]) if !sample.is_empty() => {
                Self::Metric { url: (*url).to_owned(), sample: sample.join(" "), count: Count::parse(count)? }
            }
            _ => return Err(format!("no step `! {text}`")),
        };
        let takes_body = matches!(act, Self::File { .. } | Self::Corefile(_) | Self::Apply(_));
        if takes_body || body.is_empty() { Ok(act) } else { Err(format!("`! {text}` takes no lines")) }
    }
}

impl Count {
    fn parse(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<f64>().map_err(|_| format!("`{text}` is no number"));
        Ok(match (text.strip_prefix(">="), text.strip_prefix("<="), text.split_once('-')) {
            (Some(low), _, _) => Self { low: number(low)?, high: f64::INFINITY },
            (_, Some(high), _) => Self { low: 0.0, high: number(high)? },
            (_, _, Some((low, high))) => Self { low: number(low)?, high: number(high)? },
            _ => Self { low: number(text)?, high: number(text)? },
        })
    }

    pub fn fits(self, number: f64) -> bool {
        (self.low..=self.high).contains(&number)
    }
}

fn letter(text: &str) -> Result<char, String> {
    match text.chars().collect::<Vec<_>>().as_slice() {
        [letter @ 'A'..='F'] => Ok(*letter),
        _ => Err(format!("`{text}` is no upstream: A to F")),
    }
}

/// `300ms`, `2s`
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time: `300ms`, `2s`");
    match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => number.parse().map(Duration::from_millis).map_err(|_| wrong()),
        (None, Some(number)) => number.parse().map(Duration::from_secs_f64).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}
