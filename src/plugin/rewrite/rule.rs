//! A rule: what it is for, what it does to the query, and what it does to the answer.

use super::asked::Asked;
use super::edns::{EdnsRule, Undo};
use super::matching::{Exchange, Match};
use crate::dns::{Class, NameRole, Rcode, RecordType, write_text};

/// One directive.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) field: Field,
    /// Whether the rules behind it are looked at all the same, once it has fit.
    pub(super) goes_on: bool,
}

/// What a rule changes.
#[derive(Debug)]
pub(super) enum Field {
    Name(NameRule),
    Type { from: RecordType, to: RecordType },
    Class { from: Class, to: Class },
    Ttl { on: Match, min: u32, max: u32 },
    Rcode { on: Match, from: Rcode, to: Rcode },
    Cname(Exchange),
    Edns(EdnsRule),
}

/// Another QNAME, and other names in the answer.
#[derive(Debug)]
pub(super) struct NameRule {
    pub(super) exchange: Exchange,
    /// Whether the new name becomes the old one again wherever it stands in the answer.
    pub(super) is_remapped: bool,
    /// In the order of the Corefile.
    pub(super) answers: Box<[AnswerRule]>,
}

/// `answer name FROM TO` or `answer value FROM TO`.
#[derive(Debug, Clone)]
pub(super) struct AnswerRule {
    pub(super) role: NameRole,
    pub(super) exchange: Exchange,
}

/// What a rule that fitted leaves to be done on the way back, by the number of the rule.
#[derive(Debug)]
pub(super) enum Step {
    /// What the rule says of answers
    Rule(usize),
    /// The same of a rule with `answer auto`: what is `from`, or below it, is `to`, or below that.
    Remap { rule: usize, from: Box<[u8]>, to: Box<[u8]> },
    /// An EDNS option as it was
    Undo(Undo),
}

/// Whether a rule is for a query.
pub(super) enum Fit {
    No,
    Yes(Option<Step>),
    /// It is, and the name that comes out is none.
    Invalid(Box<str>),
}

impl Rule {
    /// Tries the rule, which is number `rule`, and changes what goes down.
    pub(super) fn apply(&self, rule: usize, asked: &mut Asked<'_>) -> Fit {
        let fits = match &self.field {
            Field::Name(name) => return name.apply(rule, asked),
            Field::Edns(edns) => {
                let Some(undo) = edns.apply(asked) else { return Fit::No };
                return Fit::Yes(undo.map(Step::Undo));
            }
            Field::Type { from, to } => {
                if asked.qtype != *from {
                    return Fit::No;
                }
                asked.qtype = *to;
                return Fit::Yes(None);
            }
            Field::Class { from, to } => {
                if asked.qclass != *from {
                    return Fit::No;
                }
                asked.qclass = *to;
                return Fit::Yes(None);
            }
            Field::Ttl { on, .. } | Field::Rcode { on, .. } => on.fits(&asked.name),
            Field::Cname(_) => true,
        };
        if fits { Fit::Yes(Some(Step::Rule(rule))) } else { Fit::No }
    }

    /// The rules for names in the answer, in the order of the Corefile.
    pub(super) fn answers(&self) -> &[AnswerRule] {
        match &self.field {
            Field::Name(name) => &name.answers,
            _ => &[],
        }
    }
}

impl NameRule {
    fn apply(&self, rule: usize, asked: &mut Asked<'_>) -> Fit {
        let wire = match self.exchange.of(&asked.name) {
            None => return Fit::No,
            Some(Ok(wire)) => wire,
            Some(Err((_, text))) => return Fit::Invalid(text.into()),
        };
        let before = asked.rename(wire);
        let step = if self.is_remapped {
            Some(Step::Remap { rule, from: asked.name.wire().into(), to: before.wire().into() })
        } else {
            (!self.answers.is_empty()).then_some(Step::Rule(rule))
        };
        Fit::Yes(step)
    }
}

/// A wire name as an error shows it.
pub(super) fn shown(wire: &[u8]) -> String {
    let mut text = String::new();
    let _ = write_text(wire, &mut text);
    text
}
