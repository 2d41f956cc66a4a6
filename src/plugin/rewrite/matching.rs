//! Which names a rule is for, and what becomes of them.

use regex::Regex;

use super::text::{self, Subject};
use crate::dns::{Name, NameError, wire_from_text};

/// What a name must look like. Names have no case, so that no match has (RFC 4343).
#[derive(Debug, Clone)]
pub(super) enum Match {
    Exact(Name),
    Prefix(Box<str>),
    Suffix(Box<str>),
    Substring(Box<str>),
    Regex(Regex),
}

/// A match, and what is written in place of what it found.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    pub(super) on: Match,
    pub(super) to: Template,
}

/// TO: text, and the groups of a regular expression, as in `{1}.example.org`.
#[derive(Debug, Clone)]
pub(super) struct Template(Box<[Part]>);

#[derive(Debug, Clone)]
enum Part {
    Text(Box<str>),
    Group(usize),
}

impl Match {
    pub(super) fn fits(&self, name: &Subject<'_>) -> bool {
        match self {
            Match::Exact(exact) => name.wire().eq_ignore_ascii_case(exact.as_wire()),
            Match::Prefix(prefix) => text::after(name.text(), prefix).is_some(),
            Match::Suffix(suffix) => text::before(name.text(), suffix).is_some(),
            Match::Substring(part) => text::find(name.text(), part).is_some(),
            Match::Regex(regex) => regex.is_match(name.text()),
        }
    }
}

impl Exchange {
    /// The wire name in place of `name`; `None` where that does not fit, and an error, with the text, where what comes out
    /// is no name.
    pub(super) fn of(&self, name: &Subject<'_>) -> Option<Result<Vec<u8>, (NameError, String)>> {
        if !self.on.fits(name) {
            return None;
        }
        let text = self.written(name);
        Some(wire_from_text(&text).map_err(|error| (error, text)))
    }

    fn written(&self, name: &Subject<'_>) -> String {
        // Room for a name of usual length, so that it grows once.
        let mut out = String::with_capacity(128);
        match &self.on {
            Match::Exact(_) => self.to.write(None, &mut out),
            Match::Prefix(prefix) => {
                self.to.write(None, &mut out);
                out.push_str(text::after(name.text(), prefix).unwrap_or_default());
            }
            Match::Suffix(suffix) => {
                out.push_str(text::before(name.text(), suffix).unwrap_or_default());
                self.to.write(None, &mut out);
            }
            Match::Substring(part) => {
                let mut rest = name.text();
                while let Some(at) = text::find(rest, part) {
                    out.push_str(&rest[..at]);
                    self.to.write(None, &mut out);
                    rest = &rest[at + part.len()..];
                }
                out.push_str(rest);
            }
            Match::Regex(regex) => self.to.write(regex.captures(name.text()).as_ref(), &mut out),
        }
        out
    }
}

impl Template {
    /// A text without groups.
    pub(super) fn text(text: impl Into<Box<str>>) -> Self {
        Self(Box::new([Part::Text(text.into())]))
    }

    /// A text in which `{N}` stands for a group of a regular expression that has `groups` of them, the whole match not
    /// counted.
    ///
    /// # Errors
    /// With where a group stands that there is not.
    pub(super) fn with_groups(text: &str, groups: usize) -> Result<Self, (usize, usize)> {
        let mut parts = Vec::new();
        let (mut text_at, mut at) = (0, 0);
        while let Some(found) = text[at..].find('{') {
            let open = at + found;
            let digits = text[open + 1..].bytes().take_while(u8::is_ascii_digit).count();
            let close = open + 1 + digits;
            at = open + 1;
            if digits == 0 || text.as_bytes().get(close) != Some(&b'}') {
                continue;
            }
            let number = text[open + 1..close].parse().ok().filter(|number| *number <= groups);
            let number = number.ok_or((open, close + 1))?;
            parts.push(Part::Text(text[text_at..open].into()));
            parts.push(Part::Group(number));
            (text_at, at) = (close + 1, close + 1);
        }
        parts.push(Part::Text(text[text_at..].into()));
        Ok(Self(parts.into()))
    }

    fn write(&self, captures: Option<&regex::Captures<'_>>, out: &mut String) {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                // What a group found is text, also when it looks like another group.
                Part::Group(number) => {
                    let found = captures.and_then(|captures| captures.get(*number));
                    out.push_str(found.map_or("", |found| found.as_str()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchanged(on: Match, to: Template, name: &str) -> Option<String> {
        let wire = wire_from_text(name).unwrap();
        let exchange = Exchange { on, to };
        exchange.of(&Subject::new(&wire[..])).map(|found| match found {
            Ok(wire) => Name::from_wire(&wire).unwrap().to_string(),
            Err((error, text)) => format!("{text}: {error}"),
        })
    }

    fn regex(pattern: &str, to: &str, name: &str) -> Option<String> {
        let regex = Regex::new(pattern).unwrap();
        let template = Template::with_groups(to, regex.captures_len() - 1).unwrap();
        exchanged(Match::Regex(regex), template, name)
    }

    #[test]
    fn pieces_are_text_and_know_no_labels() {
        let prefix = |to: &str, name| exchanged(Match::Prefix("foo.".into()), Template::text(to), name);
        assert_eq!(prefix("bar.", "Foo.example.org").as_deref(), Some("bar.example.org."));
        assert_eq!(prefix("bar.", "foo.").as_deref(), Some("bar."));
        assert_eq!(prefix("bar.", "foobar.org"), None);
        assert_eq!(prefix(".", "foo.org").as_deref(), Some(".org.: a name has no empty labels"));
        let suffix =
            |from: &str, to: &str, name| exchanged(Match::Suffix(from.into()), Template::text(to), name);
        assert_eq!(suffix(".com.", ".org.", "example.COM").as_deref(), Some("example.org."));
        assert_eq!(suffix("com.", "org.", "telecom").as_deref(), Some("teleorg."));
        assert_eq!(suffix(".com.", "org.", "a.b.com").as_deref(), Some("a.borg."));
        assert_eq!(suffix(".com.", ".org.", "com"), None);
        assert_eq!(suffix(".", ".local.", "www.example").as_deref(), Some("www.example.local."));
        let part = |to: &str, name| exchanged(Match::Substring("a.".into()), Template::text(to), name);
        assert_eq!(part("b.", "aa.a.org.A").as_deref(), Some("ab.b.org.b."));
        assert_eq!(part("b.", "b.org"), None);
    }

    #[test]
    fn groups_of_a_regex() {
        assert_eq!(
            regex(r"(.*)-(us-west-1)\.example\.org", "{1}.service.{2}.consul", "ftp-us-west-1.example.org"),
            Some("ftp.service.us-west-1.consul.".to_owned())
        );
        assert_eq!(
            regex("^(a)?(b?)", "x{1}{2}y.{0}.", "org"),
            Some("xy..: a name has no empty labels".to_owned())
        );
        assert_eq!(regex("^(.*)\\.(.*)\\.$", "{2}{}{x}{1}", "{2}.b").as_deref(), Some("b{}{x}{2}."));
        assert_eq!(regex("x", "y", "org"), None);
        assert_eq!(Template::with_groups("a{1}.{2}", 1).unwrap_err(), (5, 8));
        assert_eq!(Template::with_groups("{99999999999999999999}", 1).unwrap_err(), (0, 22));
    }
}
