//! The functions of templates: Go's own, and CoreDNS's `parseInt`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

use super::format::{self, FormatError};
use super::value::{Absent, Value};

/// A function by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    And,
    Or,
    Not,
    Len,
    Index,
    Slice,
    Print,
    Printf,
    Println,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    ParseInt,
}

/// All of them.
pub(super) const SUPPORTED: [Function; 16] = [
    Function::And,
    Function::Eq,
    Function::Ge,
    Function::Gt,
    Function::Index,
    Function::Le,
    Function::Len,
    Function::Lt,
    Function::Ne,
    Function::Not,
    Function::Or,
    Function::ParseInt,
    Function::Print,
    Function::Printf,
    Function::Println,
    Function::Slice,
];

impl Function {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::And => "and",
            Self::Or => "or",
            Self::Not => "not",
            Self::Len => "len",
            Self::Index => "index",
            Self::Slice => "slice",
            Self::Print => "print",
            Self::Printf => "printf",
            Self::Println => "println",
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Lt => "lt",
            Self::Le => "le",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::ParseInt => "parseInt",
        }
    }

    /// The least and the most arguments, with that of a pipeline.
    pub(super) fn arity(self) -> (usize, usize) {
        match self {
            Self::And | Self::Or | Self::Index | Self::Printf => (1, usize::MAX),
            Self::Slice => (1, 4),
            Self::Print | Self::Println => (0, usize::MAX),
            Self::Not | Self::Len => (1, 1),
            Self::Eq => (2, usize::MAX),
            Self::Ne | Self::Lt | Self::Le | Self::Gt | Self::Ge => (2, 2),
            Self::ParseInt => (3, 3),
        }
    }

    /// Calls the function. `and` and `or` are not called: they look at no more arguments than they need.
    pub(super) fn call<'d>(self, arguments: &[Value<'d>]) -> Result<Value<'d>, String> {
        let first = arguments.first().unwrap_or(&Value::Missing);
        let rest = arguments.get(1..).unwrap_or_default();
        let second = rest.first().unwrap_or(&Value::Missing);
        match self {
            Self::And | Self::Or => Ok(first.clone()),
            Self::Not => Ok(Value::Bool(!first.is_true())),
            Self::Len => len(first).map(|length| Value::Int(length as i64)),
            Self::Index => rest.iter().try_fold(first.clone(), |value, key| index(&value, key)),
            Self::Slice => slice(first, rest),
            Self::Print => printed(arguments, false),
            Self::Println => printed(arguments, true),
            Self::Printf => {
                let Value::Text(text) = first else { return Err(expected(first, "string")) };
                let text = format::printf(text, rest).map_err(|FormatError(why)| why)?;
                Ok(Value::Text(Cow::Owned(text)))
            }
            Self::Eq => equal(first, rest).map(Value::Bool),
            Self::Ne => equal(first, rest).map(|is_equal| Value::Bool(!is_equal)),
            Self::Lt => ordered(first, second).map(|order| Value::Bool(order == Some(Ordering::Less))),
            Self::Le => {
                let is_le = |order| matches!(order, Some(Ordering::Less | Ordering::Equal));
                ordered(first, second).map(|order| Value::Bool(is_le(order)))
            }
            Self::Gt => ordered(first, second).map(|order| Value::Bool(order == Some(Ordering::Greater))),
            Self::Ge => {
                let is_ge = |order| matches!(order, Some(Ordering::Greater | Ordering::Equal));
                ordered(first, second).map(|order| Value::Bool(is_ge(order)))
            }
            Self::ParseInt => parse_int(arguments).map(Value::Uint),
        }
    }
}

/// What Go says of a value of the wrong type.
fn expected(value: &Value<'_>, wanted: &str) -> String {
    match value {
        Value::Missing | Value::Nil => format!("invalid value; expected {wanted}"),
        other => format!("wrong type for value; expected {wanted}; got {}", other.type_name()),
    }
}

fn printed<'d>(values: &[Value<'d>], is_line: bool) -> Result<Value<'d>, String> {
    if values.iter().any(Value::is_unprintable) {
        return Err("can't print a value with fields".to_owned());
    }
    let mut text = String::new();
    for (at, value) in values.iter().enumerate() {
        let are_texts =
            at > 0 && [&values[at - 1], value].into_iter().any(|value| matches!(value, Value::Text(_)));
        if at > 0 && (is_line || !are_texts) {
            text.push(' ');
        }
        text += &format::argument(value);
    }
    if is_line {
        text.push('\n');
    }
    Ok(Value::Text(Cow::Owned(text)))
}

fn len(value: &Value<'_>) -> Result<usize, String> {
    match value {
        Value::Text(text) => Ok(text.len()),
        Value::List(values) => Ok(values.len()),
        Value::Map(map, _) => Ok(map.len()),
        Value::Missing | Value::Nil => Err("len of nil pointer".to_owned()),
        other => Err(format!("len of type {}", other.type_name())),
    }
}

fn index<'d>(value: &Value<'d>, key: &Value<'d>) -> Result<Value<'d>, String> {
    match value {
        Value::List(values) => {
            let at = position(key, values.len(), "index out of range")?;
            Ok(values.get(at).cloned().unwrap_or(Value::Missing))
        }
        Value::Text(text) => {
            let at = position(key, text.len(), "index out of range")?;
            Ok(Value::Uint(text.as_bytes().get(at).copied().unwrap_or_default().into()))
        }
        Value::Map(map, absent) => {
            let Value::Text(key) = key else { return Err(expected_key(key)) };
            Ok(map.get(key).cloned().unwrap_or(match absent {
                Absent::Empty => Value::text(""),
                Absent::Nil => Value::Nil,
            }))
        }
        Value::Missing | Value::Nil => Err("index of untyped nil".to_owned()),
        other => Err(format!("can't index item of type {}", other.type_name())),
    }
}

fn expected_key(key: &Value<'_>) -> String {
    match key {
        Value::Missing | Value::Nil => "value is nil; should be of type string".to_owned(),
        other => format!("value has type {}; should be string", other.type_name()),
    }
}

/// A place below `end`.
fn position(key: &Value<'_>, end: usize, wrong: &str) -> Result<usize, String> {
    let at = match key {
        Value::Int(at) => *at,
        Value::Uint(at) => i64::try_from(*at).unwrap_or(i64::MAX),
        Value::Missing | Value::Nil => return Err("cannot index slice/array with nil".to_owned()),
        other => return Err(format!("cannot index slice/array with type {}", other.type_name())),
    };
    usize::try_from(at).ok().filter(|at| *at < end).ok_or_else(|| format!("{wrong}: {at}"))
}

fn slice<'d>(value: &Value<'d>, bounds: &[Value<'d>]) -> Result<Value<'d>, String> {
    let length = len(value).map_err(|_| format!("can't slice item of type {}", value.type_name()))?;
    if bounds.len() == 3 && matches!(value, Value::Text(_)) {
        return Err("cannot 3-index slice a string".to_owned());
    }
    let bound = |at: usize, default: usize| match bounds.get(at) {
        Some(key) => position(key, length + 1, "index out of range"),
        None => Ok(default),
    };
    let (start, end) = (bound(0, 0)?, bound(1, length)?);
    bound(2, length)?;
    if start > end {
        return Err(format!("invalid slice index: {start} > {end}"));
    }
    match value {
        Value::Text(text) => {
            // Go cuts within a letter of several octets; the names and texts here are ASCII.
            let cut = text.get(start..end).ok_or("the text is cut within a letter")?;
            Ok(Value::Text(Cow::Owned(cut.to_owned())))
        }
        Value::List(values) => Ok(Value::List(Rc::new(values[start..end].to_vec()))),
        other => Err(format!("can't slice item of type {}", other.type_name())),
    }
}

fn incompatible(one: &Value<'_>, other: &Value<'_>) -> String {
    format!("incompatible types for comparison: {} and {}", one.type_name(), other.type_name())
}

fn equal(first: &Value<'_>, others: &[Value<'_>]) -> Result<bool, String> {
    for other in others {
        let is_equal = match (first, other) {
            (Value::Missing | Value::Nil, Value::Missing | Value::Nil) => true,
            (Value::Missing | Value::Nil, _) | (_, Value::Missing | Value::Nil) => false,
            (Value::Bool(one), Value::Bool(other)) => one == other,
            (Value::Text(one), Value::Text(other)) => one == other,
            (Value::Float(one), Value::Float(other)) => one == other,
            (Value::Int(_) | Value::Uint(_), Value::Int(_) | Value::Uint(_)) => whole(first) == whole(other),
            (Value::List(_) | Value::Map(..), Value::List(_) | Value::Map(..)) => {
                return Err(format!("non-comparable type {first}: {}", first.type_name()));
            }
            _ => return Err(incompatible(first, other)),
        };
        if is_equal {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `None` where there is no order, as beside a number that is none.
fn ordered(one: &Value<'_>, other: &Value<'_>) -> Result<Option<Ordering>, String> {
    match (one, other) {
        (Value::Text(one), Value::Text(other)) => Ok(Some(one.cmp(other))),
        (Value::Float(one), Value::Float(other)) => Ok(one.partial_cmp(other)),
        (Value::Int(_) | Value::Uint(_), Value::Int(_) | Value::Uint(_)) => {
            Ok(Some(whole(one).cmp(&whole(other))))
        }
        (Value::Bool(_), Value::Bool(_)) => Err("invalid type for comparison".to_owned()),
        (Value::List(_) | Value::Map(..) | Value::Object(_) | Value::Missing | Value::Nil, _) => {
            Err("invalid type for comparison".to_owned())
        }
        _ => Err(incompatible(one, other)),
    }
}

fn whole(value: &Value<'_>) -> i128 {
    match value {
        Value::Int(value) => i128::from(*value),
        Value::Uint(value) => i128::from(*value),
        _ => 0,
    }
}

/// `strconv.ParseUint`: text, base from 2 to 36 or 0, bits.
fn parse_int(arguments: &[Value<'_>]) -> Result<u64, String> {
    let [text, base, bits] = arguments else { return Err("wrong number of arguments".to_owned()) };
    let Value::Text(text) = text else { return Err(expected(text, "string")) };
    let number = |value: &Value<'_>| match value {
        Value::Int(value) => Ok(*value),
        Value::Float(value) if value.fract() == 0.0 => Ok(*value as i64),
        other => Err(expected(other, "int")),
    };
    let (base, bits) = (number(base)?, number(bits)?);
    let wrong = |why: &str| format!("strconv.ParseUint: parsing {}: {why}", format::quoted(text));
    let (digits, radix) = match base {
        2..=36 => (text.to_string(), base as u32),
        0 => {
            let plain = text.replace('_', "").to_ascii_lowercase();
            match plain.as_bytes() {
                [b'0', b'x', _, ..] => (plain[2..].to_owned(), 16),
                [b'0', b'b', _, ..] => (plain[2..].to_owned(), 2),
                [b'0', b'o', _, ..] => (plain[2..].to_owned(), 8),
                [b'0', _, ..] => (plain[1..].to_owned(), 8),
                _ => (plain, 10),
            }
        }
        base => return Err(wrong(&format!("invalid base {base}"))),
    };
    let limit = match bits {
        0 | 64 => u64::MAX,
        1..=63 => (1 << bits) - 1,
        bits => return Err(wrong(&format!("invalid bit size {bits}"))),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(wrong("invalid syntax"));
    }
    let value = u64::from_str_radix(&digits, radix).ok().filter(|value| *value <= limit);
    value.ok_or_else(|| wrong("value out of range"))
}
