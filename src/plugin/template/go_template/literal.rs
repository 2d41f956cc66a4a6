//! Texts, characters and numbers as Go writes them.

use std::str::Chars;

use super::tree::Number;

/// The text of a word in double quotes, its quotes included; `None` when an escape is none.
pub(super) fn text(word: &str) -> Option<String> {
    let inner = word.strip_prefix('"')?.strip_suffix('"')?;
    let mut octets = Vec::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => escape(&mut letters, '"', &mut octets)?,
            other => octets.extend(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    // `\xff` can make what is no text; a record is text.
    String::from_utf8(octets).ok()
}

/// The number of a word in single quotes.
pub(super) fn character(word: &str) -> Option<Number> {
    let inner = word.strip_prefix('\'')?.strip_suffix('\'')?;
    let mut letters = inner.chars();
    let value = match letters.next()? {
        '\\' => {
            let mut octets = Vec::new();
            escape(&mut letters, '\'', &mut octets)?;
            match octets.as_slice() {
                [octet] => u32::from(*octet),
                octets => std::str::from_utf8(octets).ok()?.chars().next()?.into(),
            }
        }
        other => other.into(),
    };
    letters.next().is_none().then(|| Number {
        typed: word.to_owned(),
        int: Some(i64::from(value)),
        float: f64::from(value),
        is_float: false,
    })
}

/// What stands behind a backslash.
fn escape(letters: &mut Chars<'_>, quote: char, octets: &mut Vec<u8>) -> Option<()> {
    let octet = match letters.next()? {
        letter if letter == quote => quote as u8,
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        'x' => u8::try_from(digits(letters, 2, 16, 0)?).ok()?,
        first @ '0'..='7' => u8::try_from(digits(letters, 2, 8, first.to_digit(8)?)?).ok()?,
        letter @ ('u' | 'U') => {
            let count = if letter == 'u' { 4 } else { 8 };
            let char = char::from_u32(digits(letters, count, 16, 0)?)?;
            octets.extend(char.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(());
        }
        _ => return None,
    };
    octets.push(octet);
    Some(())
}

fn digits(letters: &mut Chars<'_>, count: usize, radix: u32, first: u32) -> Option<u32> {
    (0..count)
        .try_fold(first, |value, _| value.checked_mul(radix)?.checked_add(letters.next()?.to_digit(radix)?))
}

/// A number, with a sign or without; `None` for what is none, or an imaginary one.
pub(super) fn number(word: &str) -> Option<Number> {
    let (sign, digits) = match word.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, word.strip_prefix('+').unwrap_or(word)),
    };
    let plain: String = digits.chars().filter(|letter| *letter != '_').collect();
    let lower = plain.to_ascii_lowercase();
    let radix = match lower.as_bytes() {
        [b'0', b'x', ..] => Some((2, 16)),
        [b'0', b'o', ..] => Some((2, 8)),
        [b'0', b'b', ..] => Some((2, 2)),
        [b'0', _, ..] if lower.bytes().all(|byte| byte.is_ascii_digit()) => Some((1, 8)),
        _ => None,
    };
    let int = match radix {
        Some((skip, radix)) => i64::from_str_radix(lower.get(skip..)?, radix).ok().filter(|int| *int >= 0),
        None => lower.parse::<i64>().ok(),
    };
    if let Some(int) = int {
        return Some(Number {
            typed: word.to_owned(),
            int: Some(sign * int),
            float: (sign * int) as f64,
            is_float: false,
        });
    }
    let is_decimal = lower.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'+' | b'-'));
    let float: f64 = lower.parse().ok().filter(|float: &f64| is_decimal && float.is_finite())?;
    let float = float * sign as f64;
    // A number like `1e3` is taken where a whole one is wanted.
    let int = (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64);
    let is_float = lower.contains(['.', 'e']);
    is_float.then(|| Number { typed: word.to_owned(), int, float, is_float })
}
