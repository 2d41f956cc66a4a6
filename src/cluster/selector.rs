//! Label selectors, for sources that do not evaluate them for us: manifests.

use std::collections::BTreeMap;

/// A parsed label selector: all requirements must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
}

impl Selector {
    /// Reads a selector as the API does: `a=b`, `a==b`, `a!=b`, `a in (b, c)`, `a notin (b, c)`, `a`, `!a`, joined by
    /// commas.
    ///
    /// # Errors
    /// What is wrong, with the part that is.
    pub fn parse(text: &str) -> Result<Self, String> {
        let requirements = split_outside_parentheses(text)?;
        let requirements = requirements.into_iter().filter(|part| !part.trim().is_empty());
        Ok(Self {
            requirements: requirements
                .map(|part| Requirement::parse(part.trim()))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Whether an object with these labels is selected.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Requirement::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
            Requirement::Exists(key) => labels.contains_key(key),
            Requirement::Missing(key) => !labels.contains_key(key),
        })
    }
}

impl Requirement {
    fn parse(part: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{part}` is no requirement; write `key=value`, `key in (a, b)`, `key` or `!key`");
        let key = |text: &str| -> Result<String, String> {
            let text = text.trim();
            let is_key =
                !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
            is_key.then(|| text.to_owned()).ok_or_else(wrong)
        };
        let value = |text: &str| -> Result<String, String> {
            let text = text.trim();
            let is_value = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
            is_value.then(|| text.to_owned()).ok_or_else(wrong)
        };
        if let Some(rest) = part.strip_prefix('!') {
            return Ok(Self::Missing(key(rest)?));
        }
        if let Some((head, list)) = part.split_once('(') {
            let list = list.trim().strip_suffix(')').ok_or_else(wrong)?;
            let values = list.split(',').map(value).collect::<Result<_, _>>()?;
            let (name, word) = head.trim().rsplit_once(char::is_whitespace).ok_or_else(wrong)?;
            return match word {
                "in" => Ok(Self::In(key(name)?, values)),
                "notin" => Ok(Self::NotIn(key(name)?, values)),
                _ => Err(wrong()),
            };
        }
        if let Some((name, text)) = part.split_once("!=") {
            return Ok(Self::NotIn(key(name)?, vec![value(text)?]));
        }
        if let Some((name, text)) = part.split_once("==").or_else(|| part.split_once('=')) {
            return Ok(Self::In(key(name)?, vec![value(text)?]));
        }
        Ok(Self::Exists(key(part)?))
    }
}

fn split_outside_parentheses(text: &str) -> Result<Vec<&str>, String> {
    let (mut parts, mut start, mut is_inside) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            '(' if !is_inside => is_inside = true,
            ')' if is_inside => is_inside = false,
            '(' | ')' => return Err(format!("unbalanced parenthesis in `{text}`")),
            ',' if !is_inside => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if is_inside {
        return Err(format!("unbalanced parenthesis in `{text}`"));
    }
    parts.push(&text[start..]);
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Selector::parse(selector).unwrap().matches(&labels)
    }

    #[test]
    fn requirements_of_every_form() {
        assert!(matches("app=web,tier in (front, back)", &[("app", "web"), ("tier", "back")]));
        assert!(!matches("app=web,tier in (front, back)", &[("app", "web"), ("tier", "data")]));
        assert!(matches("app==web", &[("app", "web")]));
        assert!(matches("app!=web", &[]));
        assert!(!matches("app!=web", &[("app", "web")]));
        assert!(matches("app notin (a,b)", &[("app", "c")]));
        assert!(matches("app", &[("app", "")]));
        assert!(!matches("!app", &[("app", "")]));
        assert!(matches("", &[]));
        assert!(matches("example.org/team = x", &[("example.org/team", "x")]));
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in ["a in b", "a in (b", "a)", "=b", "!", "a b", "a of (b)"] {
            assert!(Selector::parse(text).is_err(), "{text}");
        }
    }
}
