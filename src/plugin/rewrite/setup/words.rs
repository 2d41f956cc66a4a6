//! The words of a rule, one after the other, wherever the lines of its block end.

use regex::{Regex, RegexBuilder};

use crate::corefile::{Diagnostic, Directive, Span, Token};
use crate::plugin::rewrite::matching::{Exchange, Match, Template};
use crate::plugin::rewrite::text::absolute;

/// The longest pattern, in octets, as in CoreDNS.
const PATTERN_LEN_MAX: usize = 10_000;

/// The ways in which a name is matched.
const KINDS: [(&str, ()); 5] =
    [("exact", ()), ("prefix", ()), ("suffix", ()), ("substring", ()), ("regex", ())];

/// Where Go's regular expressions and ours differ.
const REGEX_HELP: &str = "the syntax is RE2's, as in CoreDNS; but write `\\{` for a brace that counts nothing, `\\[` and \
    `\\&&` within a class, and no `\\Q…\\E`, `\\C` or octal `\\123`";

/// What is left of a rule.
pub(super) struct Words<'d> {
    words: Vec<&'d Token>,
    at: usize,
    head: Span,
}

impl<'d> Words<'d> {
    /// All words behind `rewrite`: those of its line, and where that has one at most, those of its block.
    pub(super) fn of(directive: &'d Directive) -> Result<Self, Diagnostic> {
        let mut words: Vec<&Token> = directive.args.iter().collect();
        if words.len() >= 2 {
            directive.no_block()?;
        }
        for line in directive.properties() {
            line.no_block()?;
            words.push(&line.name);
            words.extend(&line.args);
        }
        Ok(Self { words, at: 0, head: directive.head() })
    }

    pub(super) fn rest(&self) -> &[&'d Token] {
        &self.words[self.at.min(self.words.len())..]
    }

    pub(super) fn peek(&self) -> Option<&'d Token> {
        self.words.get(self.at).copied()
    }

    /// The next word.
    pub(super) fn next(&mut self, usage: &str) -> Result<&'d Token, Diagnostic> {
        let word = self.peek().ok_or_else(|| self.too_few(usage))?;
        self.at += 1;
        Ok(word)
    }

    /// The words that are left, which are as many as this.
    pub(super) fn exactly<const N: usize>(&mut self, usage: &str) -> Result<[&'d Token; N], Diagnostic> {
        let first = self.rest().get(..N).and_then(|words| <[&Token; N]>::try_from(words).ok());
        let words = first.ok_or_else(|| self.too_few(usage))?;
        self.at += N;
        self.end(usage)?;
        Ok(words)
    }

    /// Takes the last word away.
    pub(super) fn drop_last(&mut self) {
        self.words.pop();
    }

    /// That no word is left.
    pub(super) fn end(&self, usage: &str) -> Result<(), Diagnostic> {
        match self.rest() {
            [] => Ok(()),
            [first, .., last] => Err(too_many(first.span.to(last.span), usage)),
            [word] => Err(too_many(word.span, usage)),
        }
    }

    /// For a rule that ends too early.
    pub(super) fn too_few(&self, usage: &str) -> Diagnostic {
        let at = self.words.last().map_or(self.head, |last| last.span);
        let error = Diagnostic::error("a rule of `rewrite` ends too early").at(at);
        error.label("something is missing behind this").help(format!("write `{usage}`"))
    }
}

fn too_many(at: Span, usage: &str) -> Diagnostic {
    let error = Diagnostic::error("a rule of `rewrite` has too many words").at(at);
    error.label("too many").help(format!("write `{usage}`"))
}

/// `[TYPE] WORD…`: the way to match, `exact` where none is written, and the `N` words behind it.
pub(super) fn kind<'d, const N: usize>(
    words: &mut Words<'d>,
    usage: &str,
) -> Result<(String, [&'d Token; N]), Diagnostic> {
    if words.rest().len() <= N {
        return Ok(("exact".to_owned(), words.exactly(usage)?));
    }
    let kind = kind_word(words.next(usage)?)?;
    Ok((kind, words.exactly(usage)?))
}

/// The way to match that a word says.
pub(super) fn kind_word(word: &Token) -> Result<String, Diagnostic> {
    let kind = word.text.to_ascii_lowercase();
    if KINDS.iter().any(|(known, ())| *known == kind) {
        return Ok(kind);
    }
    let error = word.one_of(&KINDS).err();
    Err(error.unwrap_or_else(|| word.wrong("a way to match a name")))
}

/// `[TYPE] NAME WORD…`: which names a rule is for, and the `N` words behind that.
pub(super) fn matching<'d, const N: usize>(
    words: &mut Words<'d>,
    usage: &str,
) -> Result<(Match, [&'d Token; N]), Diagnostic> {
    let kind = if words.rest().len() > N + 1 { kind_word(words.next(usage)?)? } else { "exact".to_owned() };
    let on = of_kind(&kind, words.next(usage)?)?;
    Ok((on, words.exactly(usage)?))
}

/// The names that `from` matches in this way. Pieces end in a dot, as in CoreDNS.
pub(super) fn of_kind(kind: &str, from: &Token) -> Result<Match, Diagnostic> {
    let piece = || absolute(&from.text).into_boxed_str();
    Ok(match kind {
        "prefix" => Match::Prefix(piece()),
        "suffix" => Match::Suffix(piece()),
        "substring" => Match::Substring(piece()),
        "regex" => Match::Regex(regex(from)?),
        _ => Match::Exact(from.name()?),
    })
}

/// A regular expression for names, which have no case.
pub(super) fn regex(word: &Token) -> Result<Regex, Diagnostic> {
    if word.text.len() > PATTERN_LEN_MAX {
        let error = word.wrong("a regular expression that is taken");
        return Err(error
            .label(format!("it has {} octets", word.text.len()))
            .help(format!("a pattern has at most {PATTERN_LEN_MAX}")));
    }
    let checked = word.regex().map_err(|error| error.help(REGEX_HELP))?;
    let in_any_case = RegexBuilder::new(checked.as_str()).case_insensitive(true).build();
    in_any_case.map_err(|_| word.wrong("a regular expression").label("too large once compiled"))
}

/// A regular expression and what is written in place of a name that it matches.
pub(super) fn regex_exchange(from: &Token, to: &Token) -> Result<Exchange, Diagnostic> {
    let regex = regex(from)?;
    let groups = regex.captures_len() - 1;
    // The final dot may be written, come with a group, or be left out: the name is the same.
    let text = to.text.to_ascii_lowercase();
    let template = Template::with_groups(&text, groups).map_err(|(start, end)| {
        let group = text.get(start..end).unwrap_or_default();
        let error = Diagnostic::error(format!("there is no group `{group}`")).at(to.part(start, end));
        let error = error.related(from.span, format!("this has {groups}"));
        error.help("`{0}` is the whole match, `{1}` what is in the first parentheses of the pattern")
    })?;
    Ok(Exchange { on: Match::Regex(regex), to: template })
}
