//! Names, TTLs and RCODE on the way back: what the rules that fitted have left to do, the last one first.

use std::borrow::Cow;

use super::Rules;
use super::matching::Exchange;
use super::rule::{AnswerRule, Field, Step};
use super::text::Subject;
use crate::dns::{
    NAME_LEN_MAX, NameRole, Query, Rcode, RecordSpan, RecordType, Response, Section, copy_name,
};

/// Names become what the client asked for.
pub(super) struct Renaming<'r> {
    rules: &'r Rules,
    steps: &'r [Step],
    query: &'r Query<'r>,
    /// The last name of each role and what became of it: most records have the same owner.
    last: [Option<Renamed>; 2],
    /// What was no name any more.
    pub(super) invalid: Option<String>,
}

struct Renamed {
    from: Vec<u8>,
    to: Option<Vec<u8>>,
}

/// Whether the steps change names.
pub(super) fn renames(rules: &Rules, steps: &[Step]) -> bool {
    steps.iter().any(|step| match step {
        Step::Remap { .. } => true,
        Step::Rule(rule) => !rules.list[*rule].answers().is_empty(),
        Step::Undo(_) => false,
    })
}

/// The response code in place of `rcode`.
pub(super) fn rcode_of(rules: &Rules, steps: &[Step], mut rcode: Rcode) -> Rcode {
    for field in fields(rules, steps) {
        if let Field::Rcode { from, to, .. } = field
            && rcode == *from
        {
            rcode = *to;
        }
    }
    rcode
}

/// Brings TTLs within what the rules say.
pub(super) fn limit_ttls(rules: &Rules, steps: &[Step], response: &mut Response) {
    if !fields(rules, steps).any(|field| matches!(field, Field::Ttl { .. })) {
        return;
    }
    response.set_ttls(|record| {
        fields(rules, steps).fold(record.ttl, |ttl, field| match field {
            Field::Ttl { min, max, .. } => ttl.clamp(*min, *max),
            _ => ttl,
        })
    });
}

/// The first CNAME record of the answer that a rule leads elsewhere, and where.
pub(super) fn cname_of(
    rules: &Rules,
    steps: &[Step],
    response: &Response,
) -> Option<(RecordSpan, Result<Vec<u8>, String>)> {
    let exchanges = || {
        fields(rules, steps).filter_map(|field| match field {
            Field::Cname(exchange) => Some(exchange),
            _ => None,
        })
    };
    exchanges().next()?;
    let answers = response.records().take_while(|record| record.section == Section::Answer);
    for record in answers.filter(|record| record.rtype == RecordType::CNAME) {
        let mut target = [0; NAME_LEN_MAX];
        let length = copy_name(response.message(), record.rdata_at(), &mut target)?;
        let target = Subject::new(&target[..length]);
        if let Some(found) = exchanges().find_map(|exchange: &Exchange| exchange.of(&target)) {
            return Some((record, found.map_err(|(_, text)| text)));
        }
    }
    None
}

/// What the steps' rules change, the last one first.
fn fields<'r>(rules: &'r Rules, steps: &'r [Step]) -> impl Iterator<Item = &'r Field> {
    steps.iter().rev().filter_map(|step| match step {
        Step::Rule(rule) => Some(&rules.list[*rule].field),
        _ => None,
    })
}

impl<'r> Renaming<'r> {
    pub(super) fn new(rules: &'r Rules, steps: &'r [Step], query: &'r Query<'r>) -> Self {
        Self { rules, steps, query, last: [None, None], invalid: None }
    }

    /// Writes the other form of the name; gives `false` where it stays.
    pub(super) fn rename(&mut self, role: NameRole, name: &[u8], out: &mut Vec<u8>) -> bool {
        if self.invalid.is_some() {
            return false;
        }
        let last = &mut self.last[role as usize];
        if last.as_ref().is_none_or(|last| last.from != name) {
            match renamed(self.rules, self.steps, role, name) {
                Ok(to) => {
                    let to = to.map(|to| spelled_as_asked(to, self.query));
                    *last = Some(Renamed { from: name.to_vec(), to });
                }
                Err(text) => {
                    self.invalid = Some(text);
                    return false;
                }
            }
        }
        match last.as_ref().and_then(|last| last.to.as_ref()) {
            Some(to) => {
                out.extend_from_slice(to);
                true
            }
            None => false,
        }
    }
}

/// The name after all rules; `None` where none fits, and an error with the text of what is no name.
fn renamed(rules: &Rules, steps: &[Step], role: NameRole, name: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let mut name = Cow::Borrowed(name);
    for step in steps.iter().rev() {
        let (rule, map) = match step {
            Step::Rule(rule) => (*rule, None),
            Step::Remap { rule, from, to } => (*rule, Some((from, to))),
            Step::Undo(_) => continue,
        };
        let answers = rules.list[rule].answers().iter().rev();
        for AnswerRule { exchange, .. } in answers.filter(|answer| answer.role == role) {
            let found = exchange.of(&Subject::new(&*name));
            if let Some(found) = found {
                name = Cow::Owned(found.map_err(|(_, text)| text)?);
            }
        }
        if let Some((from, to)) = map
            && is_within_in_any_case(&name, from)
        {
            let kept = name.len() - from.len();
            let mapped = [&name[..kept], to].concat();
            if mapped.len() > NAME_LEN_MAX {
                return Err(super::rule::shown(&mapped));
            }
            name = Cow::Owned(mapped);
        }
    }
    Ok(match name {
        Cow::Borrowed(_) => None,
        Cow::Owned(name) => Some(name),
    })
}

/// The name of the client's question in the client's letters, also at the end of a longer name: so it can be pointed to.
fn spelled_as_asked(mut name: Vec<u8>, query: &Query<'_>) -> Vec<u8> {
    if is_within_in_any_case(&name, query.name()) {
        let kept = name.len() - query.name().len();
        name.truncate(kept);
        name.extend_from_slice(query.name_original());
    }
    name
}

/// Whether the wire name `name` is `zone` or below it, whatever letters it has.
fn is_within_in_any_case(name: &[u8], zone: &[u8]) -> bool {
    let mut rest = name;
    while rest.len() > zone.len() {
        rest = rest.get(usize::from(rest[0]) + 1..).unwrap_or_default();
    }
    rest.eq_ignore_ascii_case(zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_below_another_in_any_case_and_at_a_label() {
        let zone = b"\x01b\x01c\x00";
        assert!(is_within_in_any_case(b"\x01B\x01c\x00", zone));
        assert!(is_within_in_any_case(b"\x01a\x01b\x01C\x00", zone));
        assert!(!is_within_in_any_case(b"\x03a\x01b\x01c\x00", zone));
        assert!(!is_within_in_any_case(b"\x01c\x00", zone));
        assert!(is_within_in_any_case(b"\x01c\x00", b"\x00"));
    }
}
