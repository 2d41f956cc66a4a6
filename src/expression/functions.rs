//! The functions of values alone.

use super::builtin::Function;
use super::evaluate::is_in_cidr;
use super::{EvaluationError, TEXT_LEN_MAX, Value, go_float};

/// Calls a function; the types of its arguments are those that it takes, as far as they were known.
pub(super) fn call(function: Function, values: &[Value]) -> Result<Value, EvaluationError> {
    let value = |at: usize| values.get(at).unwrap_or(&Value::Nil);
    let text = |at: usize| match value(at) {
        Value::Text(text) => Ok(&**text),
        other => fail(function, other),
    };
    let number = |at: usize| value(at).number().map_or_else(|| fail(function, value(at)), Ok);
    let list = |at: usize| match value(at) {
        Value::List(items) => Ok(&**items),
        other => fail(function, other),
    };
    let whole = |at: usize| match value(at) {
        Value::Int(value) => Ok(*value),
        other => fail(function, other),
    };
    Ok(match function {
        Function::Incidr => Value::Bool(is_in_cidr(text(0)?, text(1)?)?),
        Function::HasPrefix => Value::Bool(text(0)?.starts_with(text(1)?)),
        Function::HasSuffix => Value::Bool(text(0)?.ends_with(text(1)?)),
        Function::Lower => Value::text(&text(0)?.to_lowercase()),
        Function::Upper => Value::text(&text(0)?.to_uppercase()),
        Function::Trim => match values.len() {
            1 => Value::text(text(0)?.trim()),
            _ => {
                let letters: Vec<char> = text(1)?.chars().collect();
                Value::text(text(0)?.trim_matches(letters.as_slice()))
            }
        },
        // Without a second argument it is a blank.
        Function::TrimPrefix => {
            let prefix = if values.len() > 1 { text(1)? } else { " " };
            Value::text(text(0)?.strip_prefix(prefix).unwrap_or(text(0)?))
        }
        Function::TrimSuffix => {
            let suffix = if values.len() > 1 { text(1)? } else { " " };
            Value::text(text(0)?.strip_suffix(suffix).unwrap_or(text(0)?))
        }
        Function::Replace => {
            let count = if values.len() > 3 { whole(3)? } else { -1 };
            replace(text(0)?, text(1)?, text(2)?, count)?
        }
        Function::Repeat => {
            let count = usize::try_from(whole(1)?)
                .ok()
                .filter(|count| text(0).is_ok_and(|text| text.len().saturating_mul(*count) <= TEXT_LEN_MAX));
            let count =
                count.ok_or_else(|| EvaluationError("`repeat` makes a text that is too long".to_owned()))?;
            Value::text(&text(0)?.repeat(count))
        }
        Function::Split => split(text(0)?, text(1)?, if values.len() > 2 { whole(2)? } else { -1 }),
        Function::Join => {
            let glue = if values.len() > 1 { text(1)? } else { "" };
            let mut parts = Vec::new();
            for item in list(0)? {
                match item {
                    Value::Text(text) => parts.push(&**text),
                    other => return fail(function, other),
                }
            }
            let length = parts.iter().map(|part| part.len() + glue.len()).sum::<usize>();
            if length > 2 * TEXT_LEN_MAX {
                return Err(EvaluationError("`join` makes a text that is too long".to_owned()));
            }
            Value::text(&parts.join(glue))
        }
        Function::IndexOf => Value::Int(text(0)?.find(text(1)?).map_or(-1, |at| at as i64)),
        Function::LastIndexOf => Value::Int(text(0)?.rfind(text(1)?).map_or(-1, |at| at as i64)),
        Function::Len => Value::Int(match value(0) {
            Value::Text(text) => text.chars().count() as i64,
            _ => list(0)?.len() as i64,
        }),
        Function::First => list(0)?.first().cloned().unwrap_or(Value::Nil),
        Function::Last => list(0)?.last().cloned().unwrap_or(Value::Nil),
        Function::Reverse => Value::List(list(0)?.iter().rev().cloned().collect()),
        Function::Abs => match value(0) {
            Value::Int(value) => Value::Int(value.wrapping_abs()),
            _ => Value::Float(number(0)?.abs()),
        },
        Function::Ceil => Value::Float(number(0)?.ceil()),
        Function::Floor => Value::Float(number(0)?.floor()),
        Function::Round => Value::Float(number(0)?.round()),
        Function::Max => chosen(function, values, |one, other| one > other)?,
        Function::Min => chosen(function, values, |one, other| one < other)?,
        Function::Int => match value(0) {
            Value::Text(text) => {
                let value = text.parse::<i64>().ok();
                Value::Int(value.ok_or_else(|| {
                    EvaluationError(format!("{} is no whole number", crate::corefile::Shown(text)))
                })?)
            }
            Value::Int(value) => Value::Int(*value),
            _ => Value::Int(number(0)? as i64),
        },
        Function::Float => match value(0) {
            Value::Text(text) => {
                let value = text.parse::<f64>().ok();
                Value::Float(value.ok_or_else(|| {
                    EvaluationError(format!("{} is no number", crate::corefile::Shown(text)))
                })?)
            }
            _ => Value::Float(number(0)?),
        },
        Function::String => Value::text(&shown(value(0))),
        other => return Err(EvaluationError(format!("`{}` is of a query", other.name()))),
    })
}

fn fail<T>(function: Function, value: &Value) -> Result<T, EvaluationError> {
    Err(EvaluationError(format!("`{}` does not take {}", function.name(), value.type_name())))
}

fn chosen(
    function: Function,
    values: &[Value],
    is_better: fn(f64, f64) -> bool,
) -> Result<Value, EvaluationError> {
    let mut best: Option<(f64, &Value)> = None;
    for value in values {
        let Some(number) = value.number() else { return fail(function, value) };
        if best.is_none_or(|(held, _)| is_better(number, held)) {
            best = Some((number, value));
        }
    }
    Ok(best.map_or(Value::Nil, |(_, value)| value.clone()))
}

fn replace(text: &str, from: &str, to: &str, count: i64) -> Result<Value, EvaluationError> {
    let found = if from.is_empty() { text.chars().count() + 1 } else { text.matches(from).count() };
    if text.len().saturating_add(found.saturating_mul(to.len())) > 2 * TEXT_LEN_MAX {
        return Err(EvaluationError("`replace` makes a text that is too long".to_owned()));
    }
    Ok(Value::text(&match usize::try_from(count) {
        Ok(count) => text.replacen(from, to, count),
        Err(_) => text.replace(from, to),
    }))
}

/// Without a separator each letter is a part; so many parts at most, and all when the number is negative.
fn split(text: &str, separator: &str, count: i64) -> Value {
    let most = usize::try_from(count).unwrap_or(usize::MAX);
    let parts: Vec<Value> = if separator.is_empty() {
        text.chars().take(most).map(|letter| Value::text(letter.encode_utf8(&mut [0; 4]))).collect()
    } else if most == 0 {
        Vec::new()
    } else {
        text.splitn(most, separator).map(Value::text).collect()
    };
    Value::List(parts.into())
}

/// As Go's `%v`.
fn shown(value: &Value) -> String {
    match value {
        Value::Nil => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => go_float(*value),
        Value::Text(text) => text.to_string(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(shown).collect();
            format!("[{}]", items.join(" "))
        }
    }
}
