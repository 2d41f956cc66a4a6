//! What a template can say: the fields of CoreDNS's data.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::go_template::{Absent, Object, Shape, Value};
use super::matching::{Match, Rule};
use crate::dns::{Class, Flags, LoggedName, Query};
use crate::expression::{self, QueryFacts};

/// The shape of [`Data`].
pub(super) static SHAPE: Shape = Shape::Object(
    &[
        ("Zone", Shape::Text),
        ("Name", Shape::Text),
        ("Regex", Shape::Text),
        ("Match", Shape::List(&Shape::Text)),
        ("Group", Shape::Map(&Shape::Text)),
        ("Class", Shape::Text),
        ("Type", Shape::Text),
        ("Message", MESSAGE),
        ("Question", QUESTION),
        ("Remote", Shape::Text),
        ("Var", Shape::Map(&Shape::Any)),
    ],
    &["Meta"],
);
static QUESTION_SHAPE: Shape = QUESTION;
const QUESTION: Shape =
    Shape::Object(&[("Name", Shape::Text), ("Qtype", Shape::Plain), ("Qclass", Shape::Plain)], &[]);
const MESSAGE: Shape = Shape::Object(
    &[
        ("Id", Shape::Plain),
        ("Response", Shape::Plain),
        ("Opcode", Shape::Plain),
        ("Authoritative", Shape::Plain),
        ("Truncated", Shape::Plain),
        ("RecursionDesired", Shape::Plain),
        ("RecursionAvailable", Shape::Plain),
        ("Zero", Shape::Plain),
        ("AuthenticatedData", Shape::Plain),
        ("CheckingDisabled", Shape::Plain),
        ("Rcode", Shape::Plain),
        ("Question", Shape::List(&QUESTION_SHAPE)),
    ],
    &[],
);

/// The data of one query.
pub(super) struct Data<'q> {
    rule: &'q Rule,
    found: &'q Match,
    message: Message<'q>,
    remote: String,
    class: &'static str,
    rtype: &'static str,
}

struct Message<'q> {
    query: &'q Query<'q>,
    question: Question<'q>,
}

struct Question<'q> {
    query: &'q Query<'q>,
    /// QNAME as the client spelled it.
    name: String,
}

impl<'q> Data<'q> {
    pub(super) fn new(query: &'q Query<'q>, rule: &'q Rule, found: &'q Match) -> Self {
        let name = LoggedName(query.name_original()).to_string();
        Self {
            rule,
            found,
            message: Message { query, question: Question { query, name } },
            remote: QueryFacts(query).client_ip(),
            class: found.class.map_or("", class_text),
            rtype: found.rtype.and_then(|rtype| rtype.mnemonic()).unwrap_or(""),
        }
    }
}

/// The class as CoreDNS names it; empty for one without name.
pub(super) fn class_text(class: Class) -> &'static str {
    class.mnemonic().unwrap_or("")
}

impl Object for Data<'_> {
    fn field(&self, name: &str) -> Value<'_> {
        match name {
            "Zone" => Value::text(&self.rule.zone_texts[self.found.zone]),
            "Name" => Value::text(&self.found.name),
            "Regex" => {
                Value::text(self.rule.patterns.get(self.found.pattern).map_or(".*", |regex| regex.as_str()))
            }
            "Match" => {
                Value::List(Rc::new(self.found.matches.iter().map(|text| Value::text(text)).collect()))
            }
            "Group" => {
                let groups = self.found.groups.iter();
                let map: BTreeMap<_, _> =
                    groups.map(|(name, text)| (Cow::Borrowed(name.as_str()), Value::text(text))).collect();
                Value::Map(Rc::new(map), &Absent::Empty)
            }
            "Class" => Value::text(self.class),
            "Type" => Value::text(self.rtype),
            "Message" => Value::Object(&self.message),
            "Question" => Value::Object(&self.message.question),
            "Remote" => Value::text(&self.remote),
            "Var" => {
                let variables = self.rule.variables.iter().zip(&self.found.variables);
                let map: BTreeMap<_, _> = variables
                    .map(|((name, _), value)| (Cow::Borrowed(name.as_str()), value_of(value)))
                    .collect();
                Value::Map(Rc::new(map), &Absent::Nil)
            }
            _ => Value::Missing,
        }
    }

    fn call(&self, _name: &str, _argument: &str) -> Value<'_> {
        // `Meta`: nobody gives labels before there is a plugin `metadata`, as in CoreDNS without it.
        Value::text("")
    }
}

impl Object for Message<'_> {
    fn field(&self, name: &str) -> Value<'_> {
        let flags = self.query.flags();
        let flag = |bit: u16| Value::Bool(flags.0 & bit != 0);
        match name {
            "Id" => Value::Uint(self.query.id().into()),
            "Response" => flag(Flags::QR),
            "Opcode" => Value::Int(flags.opcode().into()),
            "Authoritative" => flag(Flags::AA),
            "Truncated" => flag(Flags::TC),
            "RecursionDesired" => flag(Flags::RD),
            "RecursionAvailable" => flag(Flags::RA),
            "Zero" => flag(0x40),
            "AuthenticatedData" => flag(Flags::AD),
            "CheckingDisabled" => flag(Flags::CD),
            "Rcode" => Value::Int(flags.rcode().into()),
            "Question" => Value::List(Rc::new(vec![Value::Object(&self.question)])),
            _ => Value::Missing,
        }
    }
}

impl Object for Question<'_> {
    fn field(&self, name: &str) -> Value<'_> {
        match name {
            "Name" => Value::text(&self.name),
            "Qtype" => Value::Uint(self.query.qtype().0.into()),
            "Qclass" => Value::Uint(self.query.qclass().0.into()),
            _ => Value::Missing,
        }
    }
}

/// A variable's value for a template.
fn value_of(value: &expression::Value) -> Value<'_> {
    match value {
        expression::Value::Nil => Value::Nil,
        expression::Value::Bool(value) => Value::Bool(*value),
        expression::Value::Int(value) => Value::Int(*value),
        expression::Value::Float(value) => Value::Float(*value),
        expression::Value::Text(text) => Value::text(text),
        expression::Value::List(items) => Value::List(Rc::new(items.iter().map(value_of).collect())),
    }
}
