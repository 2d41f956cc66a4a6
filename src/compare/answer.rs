//! What a server sent, decoded so that it can be compared and shown: every message there can be, also one that is broken.

use std::fmt;

use super::field::Field;
use super::rdata::{self, Word};
use super::text::{name_text, quoted};
use crate::dns::{
    Class, Flags, HEADER_LEN, NAME_LEN_MAX, Rcode, RecordSpan, RecordType, Records, Section, copy_name,
    read_u16, skip_name,
};

/// The last reserved bit of the header.
pub const Z: u16 = 0x0040;

/// The flags, with their names and fields.
pub(super) const FLAGS: [(Field, &str, u16); 7] = [
    (Field::Aa, "AA", Flags::AA),
    (Field::Tc, "TC", Flags::TC),
    (Field::Rd, "RD", Flags::RD),
    (Field::Ra, "RA", Flags::RA),
    (Field::Z, "Z", Z),
    (Field::Ad, "AD", Flags::AD),
    (Field::Cd, "CD", Flags::CD),
];

/// The OPT record of a reply (RFC 6891).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyEdns {
    /// UDP payload size
    pub size: u16,
    /// EDNS version
    pub version: u8,
    /// DNSSEC OK
    pub dnssec_ok: bool,
    /// Options in the order of the message, each with its code.
    pub options: Vec<(u16, Vec<u8>)>,
}

/// A record that can be compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// The owner in presentation format, in the letters of the message.
    pub owner: String,
    /// Its type.
    pub rtype: RecordType,
    /// The number of its class.
    pub class: u16,
    /// Its TTL in seconds.
    pub ttl: u32,
    /// Its RDATA.
    pub rdata: Vec<Word>,
}

/// A reply over UDP that was cut, in front of the one that TCP brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// How many records each section had.
    pub counts: [usize; 3],
    /// The octets of the message.
    pub size: usize,
}

/// Where a message ends to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// The octet at which reading ended.
    pub at: usize,
    /// What should be there.
    pub what: &'static str,
}

/// A message, or all messages of a transfer as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The flags, and the opcode. Those of the first message of a transfer.
    pub flags: Flags,
    /// The response code with the upper bits of the OPT record.
    pub rcode: Rcode,
    /// The questions, as text: `NAME CLASS TYPE`.
    pub questions: Vec<String>,
    /// Answer
    pub answer: Vec<Record>,
    /// Authority
    pub authority: Vec<Record>,
    /// Additional, without the OPT record.
    pub additional: Vec<Record>,
    /// The OPT record.
    pub edns: Option<ReplyEdns>,
    /// Octets, of all messages.
    pub size: usize,
    /// How many messages a transfer took.
    pub messages: usize,
    /// The reply over UDP, when TC in it asked for this one over TCP.
    pub cut: Option<Cut>,
    /// Set where the message could not be read to its end; what stood before is here.
    pub malformed: Option<Malformed>,
    /// The message as it came. Of a transfer the first.
    pub raw: Vec<u8>,
}

// === impl Answer ===

impl Answer {
    /// Decodes a message, as far as it is one.
    #[must_use]
    pub fn decode(message: &[u8]) -> Self {
        let flags = Flags(read_u16(message, 2).unwrap_or_default());
        let mut answer = Self {
            flags,
            rcode: Rcode(flags.rcode()),
            questions: Vec::new(),
            answer: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            edns: None,
            size: message.len(),
            messages: 1,
            cut: None,
            malformed: None,
            raw: message.to_vec(),
        };
        answer.malformed = answer.read(message).err();
        answer
    }

    /// The records of a section.
    #[must_use]
    pub fn section(&self, section: Section) -> &[Record] {
        match section {
            Section::Answer => &self.answer,
            Section::Authority => &self.authority,
            Section::Additional => &self.additional,
        }
    }

    /// How many records each section has.
    #[must_use]
    pub fn counts(&self) -> [usize; 3] {
        [self.answer.len(), self.authority.len(), self.additional.len()]
    }

    /// Whether the reply over UDP had TC set.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut.is_some() || self.flags.has(Flags::TC)
    }

    /// Takes the next message of a transfer.
    pub(super) fn append(&mut self, next: Answer) {
        self.answer.extend(next.answer);
        self.authority.extend(next.authority);
        self.additional.extend(next.additional);
        self.size += next.size;
        self.messages += 1;
        if self.rcode == Rcode::NOERROR {
            self.rcode = next.rcode;
        }
        self.malformed = self.malformed.or(next.malformed);
    }

    fn read(&mut self, message: &[u8]) -> Result<(), Malformed> {
        let broken = |at: usize, what| Malformed { at: at.min(message.len()), what };
        if message.len() < HEADER_LEN {
            return Err(broken(message.len(), "a header of 12 octets"));
        }
        let mut at = HEADER_LEN;
        for _ in 0..read_u16(message, 4).unwrap_or_default() {
            let (name, after) = name_at(message, at).ok_or(broken(at, "a question"))?;
            let numbers = (read_u16(message, after), read_u16(message, after + 2));
            let (Some(rtype), Some(class)) = numbers else { return Err(broken(at, "a question")) };
            self.questions.push(format!("{name} {} {}", Class(class), RecordType(rtype)));
            at = after + 4;
        }
        let mut records = Records::of(message).ok_or(broken(at, "a question"))?;
        for span in records.by_ref() {
            self.take(message, &span).ok_or(broken(span.start, "a record"))?;
        }
        if records.is_broken() {
            return Err(broken(records.position(), "a record"));
        }
        if records.position() < message.len() {
            return Err(broken(records.position(), "the end of the message"));
        }
        Ok(())
    }

    fn take(&mut self, message: &[u8], span: &RecordSpan) -> Option<()> {
        let (owner, _) = name_at(message, span.start)?;
        if span.rtype == RecordType::OPT && span.section == Section::Additional && self.edns.is_none() {
            let [high, version, flags, _] = span.ttl.to_be_bytes();
            self.rcode = Rcode(self.rcode.0 | u16::from(high) << 4);
            self.edns = Some(ReplyEdns {
                size: span.class.0,
                version,
                dnssec_ok: flags & 0x80 != 0,
                options: options(message.get(span.rdata_at()..span.end)?)?,
            });
            return Some(());
        }
        let rdata = rdata::words(message, span.rtype, span.rdata_at(), span.end);
        let record = Record { owner, rtype: span.rtype, class: span.class.0, ttl: span.ttl, rdata };
        match span.section {
            Section::Answer => self.answer.push(record),
            Section::Authority => self.authority.push(record),
            Section::Additional => self.additional.push(record),
        }
        Some(())
    }
}

fn name_at(message: &[u8], at: usize) -> Option<(String, usize)> {
    let after = skip_name(message, at)?;
    let mut wire = [0; NAME_LEN_MAX];
    let length = copy_name(message, at, &mut wire)?;
    Some((name_text(&wire[..length]), after))
}

fn options(mut rdata: &[u8]) -> Option<Vec<(u16, Vec<u8>)>> {
    let mut options = Vec::new();
    while !rdata.is_empty() {
        let length = usize::from(read_u16(rdata, 2)?);
        options.push((read_u16(rdata, 0)?, rdata.get(4..4 + length)?.to_vec()));
        rdata = &rdata[4 + length..];
    }
    Some(options)
}

// === impl ReplyEdns ===

impl ReplyEdns {
    /// The extended errors, each as its code and text (RFC 8914 §2).
    #[must_use]
    pub fn extended_errors(&self) -> Vec<String> {
        let errors = self.options.iter().filter(|(code, _)| *code == OPTION_EDE);
        errors
            .map(|(_, value)| match (read_u16(value, 0), value.get(2..)) {
                (Some(code), Some(text)) if !text.is_empty() => format!("{code} {}", quoted(text)),
                (Some(code), _) => code.to_string(),
                (None, _) => "without a code".to_owned(),
            })
            .collect()
    }
}

/// The option of an extended DNS error.
pub(super) const OPTION_EDE: u16 = 15;
/// The option of a cookie (RFC 7873).
pub(super) const OPTION_COOKIE: u16 = 10;

// === impl Record ===

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.owner, self.ttl, Class(self.class), self.rtype)?;
        for word in &self.rdata {
            write!(f, " {word}")?;
        }
        Ok(())
    }
}

// === impl Malformed ===

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed: at octet {} there should be {}", self.at, self.what)
    }
}
