//! Text and actions, and the words of an action.

use std::ops::Range;

use super::Problem;

/// A piece of a template's text.
#[derive(Debug)]
pub(super) enum Piece {
    /// Goes out as it is.
    Text(String),
    /// What stands between `{{` and `}}`.
    Action(Vec<Word>, Range<usize>),
}

/// A word of an action.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    pub(super) kind: WordKind,
    pub(super) place: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WordKind {
    /// `.`
    Dot,
    /// `.Name`
    Field,
    /// `$` or `$name`
    Variable,
    /// A keyword, a function, `true`, `false` or `nil`
    Name,
    /// `"…"`, with its quotes
    Text,
    /// A text in backquotes, with them
    RawText,
    /// `'c'`
    Char,
    Number,
    Open,
    Close,
    Pipe,
    Declare,
    Assign,
    Comma,
}

/// Cuts a template into its pieces; comments are gone, and blanks that a `-` trims.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, Problem> {
    let mut pieces = Vec::new();
    let (mut at, mut trims) = (0, false);
    while let Some(found) = text.get(at..).and_then(|rest| rest.find("{{")) {
        let open = at + found;
        let mut inner = open + 2;
        // The mark is a minus with a blank behind it; without the blank it is the sign of a number.
        let trims_before = has_mark(text, inner);
        push_text(&mut pieces, text.get(at..open), trims, trims_before);
        if trims_before {
            inner += 1;
        }
        let comment_at =
            inner + text.get(inner..).map_or(0, |rest| rest.len() - rest.trim_start_matches(blank).len());
        let is_comment = text
            .get(if trims_before { comment_at } else { inner }..)
            .is_some_and(|rest| rest.starts_with("/*"));
        let mut lexer = Lexer { text, at: inner, words: Vec::new() };
        (at, trims) = if is_comment {
            comment(text, open)?
        } else {
            let end = lexer.action(open)?;
            pieces.push(Piece::Action(lexer.words, open..end.0));
            end
        };
    }
    push_text(&mut pieces, text.get(at..), trims, false);
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, text: Option<&str>, trims_start: bool, trims_end: bool) {
    let mut text = text.unwrap_or_default();
    if trims_start {
        text = text.trim_start_matches(blank);
    }
    if trims_end {
        text = text.trim_end_matches(blank);
    }
    if text.is_empty() {
        return;
    }
    // A comment between two texts leaves one.
    match pieces.last_mut() {
        Some(Piece::Text(before)) => before.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

/// Whether a `-` that trims stands here, with a blank behind it.
fn has_mark(text: &str, at: usize) -> bool {
    let mut rest = text.get(at..).unwrap_or_default().chars();
    rest.next() == Some('-') && rest.next().is_some_and(blank)
}

/// Where a comment ends that begins in this action, and whether it trims what follows.
fn comment(text: &str, open: usize) -> Result<(usize, bool), Problem> {
    let unclosed = || {
        Problem::at(open..open + 2, "this comment is not closed")
            .help("a comment ends with `*/}}`, or with `*/ -}}`")
    };
    let start = text.get(open..).and_then(|rest| rest.find("/*")).ok_or_else(unclosed)?;
    let inner = open + start + 2;
    let end = inner + text.get(inner..).and_then(|rest| rest.find("*/")).ok_or_else(unclosed)? + 2;
    let rest = text.get(end..).unwrap_or_default();
    if rest.starts_with("}}") {
        return Ok((end + 2, false));
    }
    let trimmed = rest.trim_start_matches(blank);
    if trimmed.len() < rest.len() && trimmed.starts_with("-}}") {
        return Ok((end + rest.len() - trimmed.len() + 3, true));
    }
    Err(unclosed())
}

fn blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\r' | '\n')
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    words: Vec<Word>,
}

impl Lexer<'_> {
    /// Reads the words up to `}}`; gives where the text goes on, and whether its start is trimmed.
    fn action(&mut self, open: usize) -> Result<(usize, bool), Problem> {
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            if rest.starts_with("}}") {
                return Ok((self.at + 2, false));
            }
            let trimmed = rest.trim_start_matches(blank);
            if trimmed.len() < rest.len() && trimmed.starts_with("-}}") {
                return Ok((self.at + rest.len() - trimmed.len() + 3, true));
            }
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("}}") {
                continue;
            }
            if trimmed.is_empty() {
                return Err(
                    Problem::at(open..open + 2, "this action is not closed").help("close it with `}}`")
                );
            }
            self.word(trimmed)?;
        }
    }

    fn word(&mut self, rest: &str) -> Result<(), Problem> {
        let start = self.at;
        let mut letters = rest.chars();
        let first = letters.next().unwrap_or_default();
        let second = letters.next().unwrap_or_default();
        let (kind, length) = match first {
            '(' => (WordKind::Open, 1),
            ')' => (WordKind::Close, 1),
            '|' => (WordKind::Pipe, 1),
            ',' => (WordKind::Comma, 1),
            '=' => (WordKind::Assign, 1),
            ':' if second == '=' => (WordKind::Declare, 2),
            '"' => (WordKind::Text, self.quoted(rest, '"')?),
            '`' => (WordKind::RawText, self.quoted(rest, '`')?),
            '\'' => (WordKind::Char, self.quoted(rest, '\'')?),
            '.' if second.is_ascii_digit() => (WordKind::Number, number_len(rest)),
            '.' => match name_len(&rest[1..]) {
                0 => (WordKind::Dot, 1),
                length => (WordKind::Field, 1 + length),
            },
            '$' => (WordKind::Variable, 1 + name_len(&rest[1..])),
            '0'..='9' => (WordKind::Number, number_len(rest)),
            '+' | '-' if second.is_ascii_digit() || second == '.' => (WordKind::Number, number_len(rest)),
            letter if is_name(letter) => (WordKind::Name, name_len(rest)),
            other => {
                let why = format!("`{}` has no meaning in an action", other.escape_debug());
                return Err(Problem::at(start..start + other.len_utf8(), why));
            }
        };
        self.at += length;
        self.words.push(Word { kind, place: start..self.at });
        Ok(())
    }

    fn quoted(&self, rest: &str, quote: char) -> Result<usize, Problem> {
        let mut letters = rest.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                letter if letter == quote => return Ok(at + 1),
                '\\' if quote != '`' => {
                    letters.next();
                }
                '\n' if quote != '`' => break,
                _ => {}
            }
        }
        Err(Problem::at(self.at..self.at + 1, format!("this {quote} is not closed")))
    }
}

fn is_name(letter: char) -> bool {
    letter == '_' || letter.is_alphanumeric()
}

fn name_len(rest: &str) -> usize {
    rest.find(|letter| !is_name(letter)).unwrap_or(rest.len())
}

/// As far as it looks like a number: what it is, is found out when it is read.
fn number_len(rest: &str) -> usize {
    let mut before = ' ';
    let is_part = |letter: char, before: char| {
        is_name(letter)
            || letter == '.'
            || (matches!(letter, '+' | '-') && matches!(before, ' ' | 'e' | 'E' | 'p' | 'P'))
    };
    for (at, letter) in rest.char_indices() {
        if !is_part(letter, before) {
            return at;
        }
        before = letter;
    }
    rest.len()
}
