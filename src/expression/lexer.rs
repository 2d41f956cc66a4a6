//! Text to words.

use std::ops::Range;

use super::{Problem, Value};

/// A word of an expression.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) kind: WordKind,
    pub(super) place: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum WordKind {
    /// A name or a keyword.
    Name(String),
    /// A number or a text.
    Constant(Value),
    /// An operator or a bracket.
    Sign(&'static str),
}

/// The longer of two that begin alike comes first.
const SIGNS: [&str; 34] = [
    "**", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "..", "?", ":", "(", ")", "[", "]", "{", "}", ",",
    ";", "|", "!", "<", ">", "+", "-", "*", "/", "%", "^", "#", ".", "=", "&",
];

/// Cuts an expression into words; blanks and comments (`//`, `/* */`) are gone.
pub(super) fn words(text: &str) -> Result<Vec<Word>, Problem> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let trimmed = rest.trim_start();
        if trimmed.len() < rest.len() {
            at += rest.len() - trimmed.len();
            continue;
        }
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        if rest.starts_with("/*") {
            let end = rest.find("*/").ok_or_else(|| Problem::at(at..at + 2, "this comment is not closed"))?;
            at += end + 2;
            continue;
        }
        let (kind, length) = word(rest, at)?;
        words.push(Word { kind, place: at..at + length });
        at += length;
    }
    Ok(words)
}

fn word(rest: &str, at: usize) -> Result<(WordKind, usize), Problem> {
    let first = rest.chars().next().unwrap_or_default();
    let is_fraction = first == '.' && rest[1..].starts_with(|next: char| next.is_ascii_digit());
    if first.is_ascii_digit() || is_fraction {
        return number(rest, at);
    }
    if matches!(first, '"' | '\'' | '`') {
        return quoted(rest, at, first);
    }
    if is_name(first) || first == '$' {
        let length = rest.find(|letter| !is_name(letter) && letter != '$').unwrap_or(rest.len());
        return Ok((WordKind::Name(rest[..length].to_owned()), length));
    }
    let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
    let sign = sign.ok_or_else(|| {
        let why = format!("`{}` has no meaning in an expression", first.escape_debug());
        Problem::at(at..at + first.len_utf8(), why)
    })?;
    Ok((WordKind::Sign(sign), sign.len()))
}

fn is_name(letter: char) -> bool {
    letter == '_' || letter.is_alphanumeric()
}

fn number(rest: &str, at: usize) -> Result<(WordKind, usize), Problem> {
    let mut before = '0';
    let mut length = 0;
    for (place, letter) in rest.char_indices() {
        // `1..3` is a range, and no number with two points.
        let is_range = letter == '.' && rest[place..].starts_with("..");
        let is_exponent =
            matches!(letter, '+' | '-') && matches!(before, 'e' | 'E') && !rest.starts_with("0x");
        if is_range || !(is_name(letter) || letter == '.' || is_exponent) {
            break;
        }
        before = letter;
        length = place + letter.len_utf8();
    }
    let typed = &rest[..length];
    let plain = typed.replace('_', "").to_ascii_lowercase();
    let radix = match plain.as_bytes() {
        [b'0', b'x', ..] => 16,
        [b'0', b'o', ..] => 8,
        [b'0', b'b', ..] => 2,
        _ => 10,
    };
    let value = if radix != 10 {
        plain.get(2..).and_then(|digits| i64::from_str_radix(digits, radix).ok()).map(Value::Int)
    } else if plain.contains(['.', 'e']) {
        let is_plain = plain.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'+' | b'-'));
        plain.parse().ok().filter(|value: &f64| is_plain && value.is_finite()).map(Value::Float)
    } else {
        plain.parse().ok().map(Value::Int)
    };
    let value =
        value.ok_or_else(|| Problem::at(at..at + length, format!("`{typed}` is no number of 64 bits")))?;
    Ok((WordKind::Constant(value), length))
}

fn quoted(rest: &str, at: usize, quote: char) -> Result<(WordKind, usize), Problem> {
    let unclosed = || Problem::at(at..at + 1, format!("this {quote} is not closed"));
    let mut text = String::new();
    let mut letters = rest.char_indices().skip(1);
    while let Some((place, letter)) = letters.next() {
        if letter == quote {
            return Ok((WordKind::Constant(Value::text(&text)), place + 1));
        }
        if letter != '\\' || quote == '`' {
            text.push(letter);
            continue;
        }
        let (_, escaped) = letters.next().ok_or_else(unclosed)?;
        let mut code = |count: usize, radix: u32| {
            let digits = (0..count).try_fold(0u32, |value, _| {
                value.checked_mul(radix)?.checked_add(letters.next()?.1.to_digit(radix)?)
            });
            digits.and_then(char::from_u32)
        };
        let letter = match escaped {
            'a' => Some('\u{7}'),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\u{b}'),
            '\\' | '"' | '\'' | '`' => Some(escaped),
            'x' => code(2, 16),
            'u' => code(4, 16),
            'U' => code(8, 16),
            _ => None,
        };
        let end = at + place + 1 + escaped.len_utf8();
        text.push(letter.ok_or_else(|| {
            let problem = Problem::at(at + place..end, format!("`\\{escaped}` is no escape in a text"));
            problem.help("a backslash itself is written `\\\\`, or the text in backquotes")
        })?);
    }
    Err(unclosed())
}
