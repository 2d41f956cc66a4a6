//! What differs between two replies to one question.
//!
//! Sections are compared RRset by RRset as multisets of records: their order does not matter, and how often a record is
//! there does ([`Field::Duplicates`]). Records are the same when they are but for letters, TTL and serial, which are
//! fields of their own; so an answer of other letters is told as that, and not as two records too many.

use std::collections::BTreeMap;
use std::fmt;

use super::answer::{Answer, FLAGS, OPTION_COOKIE, OPTION_EDE, Record, ReplyEdns};
use super::field::{Field, Ignore};
use super::question::Question;
use super::rdata::Word;
use super::reply::Reply;
use super::text::{hex, name_text};
use crate::dns::{Flags, RecordType, Section};

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it is about.
    pub field: Field,
    /// What differs in which direction, without names and addresses: the same text for all questions that fail alike.
    pub shape: String,
    /// What A has.
    pub a: String,
    /// What B has.
    pub b: String,
}

/// What differs between the replies of A and B, in the order of [`Field::ALL`] within each part of a message.
///
/// Two servers that are both silent do not differ.
#[must_use]
pub fn differences(question: &Question, a: &Reply, b: &Reply, ignore: &Ignore) -> Vec<Difference> {
    let mut found = Found { ignore, differences: Vec::new() };
    match (a, b) {
        (Reply::NoReply(_), Reply::NoReply(_)) => {}
        (Reply::NoReply(why), Reply::Message(answer)) => {
            let has = answer.rcode.to_string();
            found.add(Field::NoReply, format!("no reply from A: {why}"), why.to_string(), has);
        }
        (Reply::Message(answer), Reply::NoReply(why)) => {
            let has = answer.rcode.to_string();
            found.add(Field::NoReply, format!("no reply from B: {why}"), has, why.to_string());
        }
        (Reply::Message(a), Reply::Message(b)) => found.messages(question, a, b),
    }
    found.differences
}

/// How many records of a difference are written out.
const RECORDS_TOLD: usize = 8;

struct Found<'i> {
    ignore: &'i Ignore,
    differences: Vec<Difference>,
}

/// The records of one section that are the same but for letters, TTL and serial.
#[derive(Default)]
struct Alike<'r> {
    a: Vec<&'r Record>,
    b: Vec<&'r Record>,
}

/// What distinguishes records that are not alike: owner, class, type and RDATA, folded.
type Key = (String, u16, RecordType, Vec<Word>);

/// What differs in one way among the records of a section, by type.
#[derive(Default)]
struct Gathered<'r> {
    types: BTreeMap<RecordType, (usize, usize)>,
    a: Vec<&'r Record>,
    b: Vec<&'r Record>,
}

// === impl Found ===

impl Found<'_> {
    fn add(&mut self, field: Field, shape: String, a: String, b: String) {
        if !self.ignore.has(field) {
            self.differences.push(Difference { field, shape, a, b });
        }
    }

    /// A field with few values, each of which is a shape.
    fn value(&mut self, field: Field, name: &str, a: impl fmt::Display, b: impl fmt::Display) {
        let (a, b) = (a.to_string(), b.to_string());
        if a != b {
            self.add(field, format!("{name} {a} -> {b}"), a, b);
        }
    }

    fn messages(&mut self, question: &Question, a: &Answer, b: &Answer) {
        let is_broken = a.malformed.is_some() || b.malformed.is_some();
        if is_broken {
            // What cannot be read is compared as octets; the id is the question's.
            if a.raw.get(2..) == b.raw.get(2..) {
                return;
            }
            let state = |answer: &Answer| {
                answer.malformed.map_or_else(|| "well-formed".to_owned(), |malformed| malformed.to_string())
            };
            let word = |answer: &Answer| if answer.malformed.is_some() { "malformed" } else { "well-formed" };
            let shape = format!("message {} -> {}", word(a), word(b));
            self.add(Field::Malformed, shape, state(a), state(b));
        }
        self.value(Field::Rcode, "RCODE", a.rcode, b.rcode);
        self.value(Field::Opcode, "opcode", a.flags.opcode(), b.flags.opcode());
        self.flags(a, b);
        if is_broken {
            return;
        }
        self.cut(a, b);
        self.questions(question, a, b);
        for section in [Section::Answer, Section::Authority, Section::Additional] {
            if !self.ignore.has(Field::of_section(section)) {
                self.section(section, a.section(section), b.section(section));
            }
        }
        self.edns(a.edns.as_ref(), b.edns.as_ref());
        if a.size != b.size {
            let shape = format!("size {}", direction(a.size < b.size));
            self.add(Field::Size, shape, a.size.to_string(), b.size.to_string());
        }
    }

    fn flags(&mut self, a: &Answer, b: &Answer) {
        for (field, name, mask) in FLAGS {
            let state = |answer: &Answer| {
                let is_set = answer.flags.has(mask) || mask == Flags::TC && answer.is_cut();
                if is_set { "set" } else { "clear" }
            };
            self.value(field, name, state(a), state(b));
        }
    }

    /// Which records a truncated reply keeps depends on their order; how many does not.
    fn cut(&mut self, a: &Answer, b: &Answer) {
        let (Some(a), Some(b)) = (a.cut, b.cut) else { return };
        if a.counts != b.counts {
            let count = |cut: super::answer::Cut| {
                let [answer, authority, additional] = cut.counts;
                format!(
                    "{answer} answer, {authority} authority and {additional} additional records in {} octets",
                    cut.size
                )
            };
            let fewer = a.counts.iter().sum::<usize>() < b.counts.iter().sum::<usize>();
            let shape = format!("records kept in the truncated reply: {}", direction(fewer));
            self.add(Field::Cut, shape, count(a), count(b));
        }
    }

    fn questions(&mut self, question: &Question, a: &Answer, b: &Answer) {
        let asked = format!("{} {} {}", name_text(&question.name), question.class, question.rtype);
        let (a, b) = (a.questions.join(", "), b.questions.join(", "));
        if a == b {
            return;
        }
        let state = |questions: &str| match questions {
            "" => "absent",
            echo if echo == asked => "as asked",
            echo if echo.eq_ignore_ascii_case(&asked) => "in other letters",
            _ => "another",
        };
        let shape = format!("question {} -> {}", state(&a), state(&b));
        let field = if a.eq_ignore_ascii_case(&b) { Field::Letters } else { Field::Question };
        self.add(field, shape, a, b);
    }

    fn section(&mut self, section: Section, a: &[Record], b: &[Record]) {
        let mut all: BTreeMap<Key, Alike<'_>> = BTreeMap::new();
        for record in a {
            all.entry(record.key()).or_default().a.push(record);
        }
        for record in b {
            all.entry(record.key()).or_default().b.push(record);
        }
        let mut records = Gathered::default();
        let mut duplicates = Gathered::default();
        let mut ttls = [Gathered::default(), Gathered::default()];
        let mut serials = Gathered::default();
        let mut letters = Gathered::default();
        for alike in all.into_values() {
            if alike.a.is_empty() || alike.b.is_empty() {
                records.take(&alike);
                continue;
            }
            if alike.a.len() != alike.b.len() {
                duplicates.take(&alike);
            }
            let (ttl_a, ttl_b) = (alike.least(|record| record.ttl), alike.greatest(|record| record.ttl));
            if let Some(falls) = ttl_a.or(ttl_b) {
                ttls[usize::from(falls)].take(&alike);
            }
            if alike.differ(Record::serial) {
                serials.take(&alike);
            }
            if alike.differ(Record::names) {
                letters.take(&alike);
            }
        }
        let field = Field::of_section(section);
        self.gathered(field, field, "", &records);
        self.gathered(Field::Duplicates, field, "the same record more often", &duplicates);
        let [rises, falls] = &ttls;
        self.gathered(Field::Ttl, field, "TTL rises", rises);
        self.gathered(Field::Ttl, field, "TTL falls", falls);
        self.gathered(Field::Serial, field, "serial", &serials);
        self.gathered(Field::Letters, field, "letters of names", &letters);
    }

    /// `answer: -A +many SRV` for records, `answer: TTL rises of A, SRV` for what differs in records that both have.
    fn gathered(&mut self, field: Field, section: Field, what: &str, gathered: &Gathered<'_>) {
        if gathered.types.is_empty() {
            return;
        }
        let mut shape = format!("{section}:");
        if what.is_empty() {
            for (sign, side) in [('-', 0), ('+', 1)] {
                for (rtype, counts) in &gathered.types {
                    match [counts.0, counts.1][side] {
                        0 => {}
                        1 => shape += &format!(" {sign}{rtype}"),
                        _ => shape += &format!(" {sign}many {rtype}"),
                    }
                }
            }
        } else {
            let types: Vec<String> = gathered.types.keys().map(RecordType::to_string).collect();
            shape += &format!(" {what} of {}", types.join(", "));
        }
        self.add(field, shape, told(&gathered.a), told(&gathered.b));
    }

    fn edns(&mut self, a: Option<&ReplyEdns>, b: Option<&ReplyEdns>) {
        let (a, b) = match (a, b) {
            (None, None) => return,
            (Some(a), Some(b)) => (a, b),
            (a, b) => {
                let state = |edns: Option<&ReplyEdns>| if edns.is_some() { "present" } else { "absent" };
                self.value(Field::Edns, "OPT record", state(a), state(b));
                return;
            }
        };
        let set = |edns: &ReplyEdns| if edns.dnssec_ok { "set" } else { "clear" };
        self.value(Field::Edns, "EDNS version", a.version, b.version);
        self.value(Field::Edns, "EDNS size", a.size, b.size);
        self.value(Field::Edns, "DO", set(a), set(b));
        let mut codes: Vec<u16> = a.options.iter().chain(&b.options).map(|(code, _)| *code).collect();
        codes.sort_unstable();
        codes.dedup();
        for code in codes.into_iter().filter(|code| *code != OPTION_EDE) {
            let state = |edns: &ReplyEdns| {
                let values: Vec<String> = edns
                    .options
                    .iter()
                    .filter(|(other, _)| *other == code)
                    .map(|(_, value)| hex(value))
                    .collect();
                match values.is_empty() {
                    true => "absent".to_owned(),
                    // A server makes its own cookie.
                    false if code == OPTION_COOKIE => "present".to_owned(),
                    false => format!("present ({})", values.join(", ")),
                }
            };
            let (a, b) = (state(a), state(b));
            if a != b {
                let word = |state: &str| state.split(' ').next().unwrap_or_default().to_owned();
                let shape = match (word(&a), word(&b)) {
                    (a, b) if a == b => format!("EDNS option {code} has another value"),
                    (a, b) => format!("EDNS option {code} {a} -> {b}"),
                };
                self.add(Field::Option, shape, a, b);
            }
        }
        let (a, b) = (a.extended_errors(), b.extended_errors());
        if a != b {
            let codes = |errors: &[String]| match errors {
                [] => "none".to_owned(),
                _ => {
                    let codes = errors.iter().map(|error| error.split(' ').next().unwrap_or_default());
                    codes.collect::<Vec<_>>().join(", ")
                }
            };
            let shape = match (codes(&a), codes(&b)) {
                (a, b) if a == b => format!("extended error {a} has another text"),
                (a, b) => format!("extended error {a} -> {b}"),
            };
            self.add(Field::Ede, shape, a.join(", "), b.join(", "));
        }
    }
}

// === impl Alike ===

impl<'r> Alike<'r> {
    /// Whether the lowest value falls from A to B, or `None` where it is the same.
    fn least(&self, value: impl Fn(&Record) -> u32) -> Option<bool> {
        let least = |records: &[&Record]| records.iter().map(|record| value(record)).min();
        let (a, b) = (least(&self.a), least(&self.b));
        (a != b).then_some(b < a)
    }

    fn greatest(&self, value: impl Fn(&Record) -> u32) -> Option<bool> {
        let greatest = |records: &[&Record]| records.iter().map(|record| value(record)).max();
        let (a, b) = (greatest(&self.a), greatest(&self.b));
        (a != b).then_some(b < a)
    }

    /// Whether the sets of values differ. How often each is there is a matter of duplicates.
    fn differ<V: Ord>(&self, value: impl Fn(&'r Record) -> V) -> bool {
        let set = |records: &[&'r Record]| {
            let mut values: Vec<V> = records.iter().map(|record| value(record)).collect();
            values.sort_unstable();
            values.dedup();
            values
        };
        set(&self.a) != set(&self.b)
    }
}

// === impl Gathered ===

impl<'r> Gathered<'r> {
    fn take(&mut self, alike: &Alike<'r>) {
        let Some(first) = alike.a.first().or(alike.b.first()) else { return };
        let counts = self.types.entry(first.rtype).or_default();
        counts.0 += alike.a.len();
        counts.1 += alike.b.len();
        self.a.extend(&alike.a);
        self.b.extend(&alike.b);
    }
}

// === impl Record ===

impl Record {
    fn key(&self) -> Key {
        let rdata = self.rdata.iter().map(Word::folded).collect();
        (self.owner.to_ascii_lowercase(), self.class, self.rtype, rdata)
    }

    fn serial(&self) -> Option<u32> {
        self.rdata.iter().find_map(|word| match word {
            Word::Serial(serial) => Some(*serial),
            _ => None,
        })
    }

    /// The owner and the names in RDATA.
    fn names(&self) -> Vec<&str> {
        let names = self.rdata.iter().filter_map(|word| match word {
            Word::Name(name) => Some(name.as_str()),
            _ => None,
        });
        std::iter::once(self.owner.as_str()).chain(names).collect()
    }

    /// What is compared of the record when it is shown: the line, in which what is ignored reads the same in all.
    pub(super) fn line(&self, ignore: &Ignore) -> String {
        let mut record = self.clone();
        if ignore.has(Field::Ttl) {
            record.ttl = 0;
        }
        for word in &mut record.rdata {
            match word {
                Word::Serial(serial) if ignore.has(Field::Serial) => *serial = 0,
                Word::Name(name) if ignore.has(Field::Letters) => name.make_ascii_lowercase(),
                _ => {}
            }
        }
        if ignore.has(Field::Letters) {
            record.owner.make_ascii_lowercase();
        }
        record.to_string()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shape)
    }
}

fn told(records: &[&Record]) -> String {
    let mut lines: Vec<String> = records.iter().take(RECORDS_TOLD).map(|record| record.to_string()).collect();
    if records.len() > RECORDS_TOLD {
        lines.push(format!("and {} more", records.len() - RECORDS_TOLD));
    }
    lines.join("; ")
}

fn direction(rises: bool) -> &'static str {
    if rises { "rises" } else { "falls" }
}
