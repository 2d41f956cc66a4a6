//! Numbers and texts as Go's `fmt` prints them.

use std::borrow::Cow;
use std::fmt::Write;

use super::OUTPUT_LEN_MAX;
use super::value::Value;
use crate::expression::go_float;

/// The widest that a value is padded to, and the most digits behind the point.
const WIDTH_MAX: usize = 1000;

/// Why a format could not be followed at all. What is wrong with an argument goes into the text, as in Go.
#[derive(Debug)]
pub(super) struct FormatError(pub(super) String);

/// What stands between `%` and the verb.
#[derive(Debug, Default)]
struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// An argument that may be of any type, as `%v`: what a map does not have is nil here.
pub(super) fn argument<'v>(value: &'v Value<'_>) -> Cow<'v, str> {
    match value {
        Value::Missing => Cow::Borrowed("<nil>"),
        Value::Text(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// A text in quotes, as `%q`.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        let _ = match letter {
            '"' | '\\' => write!(out, "\\{letter}"),
            '\n' => write!(out, "\\n"),
            '\r' => write!(out, "\\r"),
            '\t' => write!(out, "\\t"),
            '\u{7}' => write!(out, "\\a"),
            '\u{8}' => write!(out, "\\b"),
            '\u{b}' => write!(out, "\\v"),
            '\u{c}' => write!(out, "\\f"),
            control if control.is_control() && u32::from(control) < 0x80 => {
                write!(out, "\\x{:02x}", u32::from(control))
            }
            control if control.is_control() => write!(out, "\\u{:04x}", u32::from(control)),
            other => write!(out, "{other}"),
        };
    }
    out.push('"');
    out
}

/// `fmt.Sprintf`, but for `*` and `[n]`.
pub(super) fn printf(format: &str, arguments: &[Value<'_>]) -> Result<String, FormatError> {
    let mut out = String::new();
    let mut rest = format;
    let mut arguments = arguments.iter();
    while let Some((text, behind)) = rest.split_once('%') {
        out.push_str(text);
        let (spec, behind) = spec(behind)?;
        let Some(verb) = behind.chars().next() else {
            out.push_str("%!(NOVERB)");
            rest = "";
            break;
        };
        rest = &behind[verb.len_utf8()..];
        if verb == '%' {
            out.push('%');
        } else if matches!(verb, '*' | '[') {
            return Err(FormatError("`*` and `[n]` are not supported in formats here".to_owned()));
        } else {
            match arguments.next() {
                Some(value) if value.is_unprintable() => {
                    return Err(FormatError("can't print a value with fields".to_owned()));
                }
                Some(value) => print(&mut out, &spec, verb, value),
                None => {
                    let _ = write!(out, "%!{verb}(MISSING)");
                }
            }
        }
        if out.len() > OUTPUT_LEN_MAX {
            return Err(FormatError(format!("the text is longer than {OUTPUT_LEN_MAX} octets")));
        }
    }
    out.push_str(rest);
    let mut extra = arguments.peekable();
    if extra.peek().is_some() {
        let extra: Vec<String> = extra
            .map(|value| match value {
                Value::Missing | Value::Nil => "<nil>".to_owned(),
                value => format!("{}={value}", value.type_name()),
            })
            .collect();
        let _ = write!(out, "%!(EXTRA {})", extra.join(", "));
    }
    Ok(out)
}

fn spec(text: &str) -> Result<(Spec, &str), FormatError> {
    let mut spec = Spec::default();
    let flags = text.len() - text.trim_start_matches(['-', '+', '#', ' ', '0']).len();
    let (flags, rest) = text.split_at(flags);
    for flag in flags.chars() {
        match flag {
            '-' => spec.minus = true,
            '+' => spec.plus = true,
            '#' => spec.sharp = true,
            ' ' => spec.space = true,
            _ => spec.zero = true,
        }
    }
    let (width, rest) = digits(rest)?;
    spec.width = width;
    let Some(behind) = rest.strip_prefix('.') else { return Ok((spec, rest)) };
    let (precision, rest) = digits(behind)?;
    spec.precision = Some(precision.unwrap_or(0));
    Ok((spec, rest))
}

fn digits(text: &str) -> Result<(Option<usize>, &str), FormatError> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() {
        return Ok((None, rest));
    }
    let value = digits.parse().ok().filter(|value| *value <= WIDTH_MAX);
    let value = value.ok_or_else(|| FormatError(format!("a width in a format is at most {WIDTH_MAX}")))?;
    Ok((Some(value), rest))
}

fn print(out: &mut String, spec: &Spec, verb: char, value: &Value<'_>) {
    let text = match (value, verb) {
        (_, 'T') => Some(value.type_name().to_owned()),
        (Value::List(values), verb) if !matches!(verb, 'p' | 't' | 'f' | 'e' | 'g' | 'c' | 'U') => {
            let mut inner = String::from("[");
            for (at, value) in values.iter().enumerate() {
                inner += if at > 0 { " " } else { "" };
                print(&mut inner, spec, verb, value);
            }
            out.push_str(&inner);
            out.push(']');
            return;
        }
        (Value::Missing | Value::Nil, 'v') => Some("<nil>".to_owned()),
        (Value::Map(..), 'v' | 's') => Some(value.to_string()),
        (Value::Bool(value), 't' | 'v') => Some(value.to_string()),
        (Value::Text(text), 'v' | 's') => Some(cut(text, spec.precision)),
        (Value::Text(text), 'q') => Some(quoted(&cut(text, spec.precision))),
        (Value::Text(text), 'x') => Some(hex(text, spec, false)),
        (Value::Text(text), 'X') => Some(hex(text, spec, true)),
        (Value::Int(value), verb) => whole(i128::from(*value), spec, verb),
        (Value::Uint(value), verb) => whole(i128::from(*value), spec, verb),
        (Value::Float(value), verb) => fraction(*value, spec, verb),
        _ => None,
    };
    match text {
        Some(text) => {
            let is_number = matches!(value, Value::Int(_) | Value::Uint(_) | Value::Float(_));
            let is_whole = is_number && !matches!(value, Value::Float(_));
            let pads_zeros = match value {
                // The precision of a whole number is its least digits, and says all about zeros.
                _ if is_whole => spec.precision.is_none(),
                value => is_number || matches!(value, Value::Text(_)),
            };
            pad(out, &text, spec, pads_zeros && spec.zero && !spec.minus);
        }
        None => {
            let _ = match value {
                Value::Missing | Value::Nil => write!(out, "%!{verb}(<nil>)"),
                value => write!(out, "%!{verb}({}={value})", value.type_name()),
            };
        }
    }
}

fn pad(out: &mut String, text: &str, spec: &Spec, zeros: bool) {
    let missing = spec.width.unwrap_or(0).saturating_sub(text.chars().count());
    if spec.minus {
        out.push_str(text);
        out.extend(std::iter::repeat_n(' ', missing));
    } else if zeros {
        let (sign, digits) = match text.chars().next() {
            Some('+' | '-' | ' ') if !text.is_empty() => text.split_at(1),
            _ => ("", text),
        };
        out.push_str(sign);
        out.extend(std::iter::repeat_n('0', missing));
        out.push_str(digits);
    } else {
        out.extend(std::iter::repeat_n(' ', missing));
        out.push_str(text);
    }
}

fn cut(text: &str, precision: Option<usize>) -> String {
    text.chars().take(precision.unwrap_or(usize::MAX)).collect()
}

fn hex(text: &str, spec: &Spec, upper: bool) -> String {
    let mut out = String::new();
    for (at, byte) in text.bytes().take(spec.precision.unwrap_or(usize::MAX)).enumerate() {
        if spec.space && at > 0 {
            out.push(' ');
        }
        if spec.sharp && (spec.space || at == 0) {
            out.push_str(if upper { "0X" } else { "0x" });
        }
        let _ = if upper { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") };
    }
    out
}

fn signed(is_negative: bool, spec: &Spec, digits: &str) -> String {
    let sign = match is_negative {
        true => "-",
        false if spec.plus => "+",
        false if spec.space => " ",
        false => "",
    };
    format!("{sign}{digits}")
}

fn whole(value: i128, spec: &Spec, verb: char) -> Option<String> {
    let size = value.unsigned_abs();
    let sharp = |prefix: &str, digits: String| if spec.sharp { format!("{prefix}{digits}") } else { digits };
    let letter = || u32::try_from(value).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
    let digits = match verb {
        'd' | 'v' => size.to_string(),
        'b' => sharp("0b", format!("{size:b}")),
        'o' => sharp("0", format!("{size:o}")),
        'O' => format!("0o{size:o}"),
        'x' => sharp("0x", format!("{size:x}")),
        'X' => sharp("0X", format!("{size:X}")),
        'c' => return Some(letter().to_string()),
        'q' => return Some(format!("'{}'", letter())),
        'U' => return Some(format!("U+{size:04X}")),
        _ => return None,
    };
    let missing = spec.precision.unwrap_or(0).saturating_sub(digits.len());
    Some(signed(value < 0, spec, &format!("{}{digits}", "0".repeat(missing))))
}

fn fraction(value: f64, spec: &Spec, verb: char) -> Option<String> {
    let size = value.abs();
    let digits = match verb {
        _ if !value.is_finite() => go_float(size).trim_start_matches('+').to_owned(),
        'f' | 'F' => format!("{size:.*}", spec.precision.unwrap_or(6)),
        'e' | 'E' => with_exponent(&format!("{size:.*e}", spec.precision.unwrap_or(6)), verb),
        'v' | 'g' | 'G' => match spec.precision {
            None => go_float(size),
            Some(precision) => general(size, precision.max(1), if verb == 'G' { 'E' } else { 'e' }),
        },
        _ => return None,
    };
    Some(signed(value.is_sign_negative(), spec, &digits))
}

/// So many digits, without the zeros at the end.
fn general(value: f64, precision: usize, letter: char) -> String {
    let rounded = format!("{value:.*e}", precision - 1);
    let exponent: i32 = rounded.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    let without_zeros = |text: &str| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text.to_owned()
        }
    };
    if exponent < -4 || exponent >= precision as i32 {
        let (digits, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
        return with_exponent(&format!("{}e{exponent}", without_zeros(digits)), letter);
    }
    without_zeros(&format!("{value:.*}", (precision as i32 - 1 - exponent).max(0) as usize))
}

/// Rust's `1e5` as Go writes it: `1e+05`.
fn with_exponent(text: &str, letter: char) -> String {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let letter = if letter.is_uppercase() { 'E' } else { 'e' };
    format!("{digits}{letter}{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}
