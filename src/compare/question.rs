//! What is asked: one line of text, and the packet that it makes.

use std::fmt::{self, Write};
use std::str::FromStr;

use super::text::{class_from_word, hex, octets_from_hex};
use crate::dns::{Class, Flags, HEADER_LEN, NameError, RecordType, wire_from_text, write_text};

/// The UDP payload size of a bare `+edns`: what resolvers of today send (<https://www.dnsflagday.net/2020/>).
pub const EDNS_SIZE: u16 = 1232;

/// A question with everything of the packet that carries it, but for the id.
///
/// As text: `NAME [TYPE] [CLASS] [+OPTION…]`, much like dig's arguments. A is the type and IN the class where none is
/// given; a name is absolute with or without the last dot, and its letters and `\DDD` escapes (RFC 1035 §5.1) go onto the
/// wire as written. RD is set; there is no OPT record unless an option asks for one:
///
/// | option | meaning |
/// |---|---|
/// | `+tcp`, `+notcp` | over TCP; over UDP and not again over TCP after a truncated reply |
/// | `+edns`, `+edns=SIZE` | an OPT record, with this UDP payload size (dig: `+bufsize=SIZE`) |
/// | `+version=N` | EDNS version |
/// | `+do` | DNSSEC OK |
/// | `+option=CODE`, `+option=CODE:HEX` | an EDNS option (dig: `+ednsopt`) |
/// | `+norec`, `+rec` | RD clear; set |
/// | `+aa`, `+tc`, `+ra`, `+z`, `+ad`, `+cd` | the flag set |
/// | `+opcode=N` | another opcode than QUERY |
///
/// A type `IXFR=SERIAL` carries the serial in a SOA record in the authority section (RFC 1995 §3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// The name on the wire, in the letters as they were written.
    pub name: Box<[u8]>,
    /// QTYPE
    pub rtype: RecordType,
    /// QCLASS
    pub class: Class,
    /// The serial of an IXFR.
    pub serial: Option<u32>,
    /// Flags of the header: RD unless `+norec`, and what was added.
    pub flags: u16,
    /// Opcode of the header, 0 for QUERY.
    pub opcode: u8,
    /// The OPT record.
    pub edns: Option<QuestionEdns>,
    /// What carries the packet.
    pub carrier: Carrier,
}

/// The OPT record of a question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QuestionEdns {
    /// UDP payload size
    pub size: u16,
    /// EDNS version
    pub version: u8,
    /// DNSSEC OK
    pub dnssec_ok: bool,
    /// Options, each with its code.
    pub options: Vec<(u16, Vec<u8>)>,
}

/// What carries a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Carrier {
    /// UDP, and TCP after a truncated reply.
    #[default]
    Udp,
    /// UDP alone.
    UdpOnly,
    /// TCP.
    Tcp,
}

/// Why a line is no question. Each names the word that it is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// No word but perhaps a comment.
    #[error("no name: a question is `NAME [TYPE] [CLASS] [+OPTION…]`")]
    Empty,
    /// The name is none.
    #[error("`{word}` is no domain name: {error}")]
    Name {
        /// As written.
        word: String,
        /// What is wrong with it.
        error: NameError,
    },
    /// Neither type nor class.
    #[error(
        "`{0}` is neither a type nor a class: a type is a mnemonic (A, AAAA, SRV, ...) or `TYPE` with a number, a \
         class is IN, CH, HS, NONE, ANY or `CLASS` with a number, and an option begins with `+`"
    )]
    Word(String),
    /// A second type or class.
    #[error("`{0}` is a second type or class: a question has one of each")]
    Second(String),
    /// An option of another name.
    #[error(
        "`{0}` is no option: there are +tcp, +notcp, +edns[=SIZE], +version=N, +do, +option=CODE[:HEX], +rec, +norec, \
         +aa, +tc, +ra, +z, +ad, +cd and +opcode=N"
    )]
    Option(String),
    /// An option whose value is not as it has to be.
    #[error("`{word}`: {right}")]
    Value {
        /// As written.
        word: String,
        /// What would be right.
        right: &'static str,
    },
}

impl Question {
    /// RD set, class IN, no EDNS, over UDP.
    #[must_use]
    pub fn new(name: &[u8], rtype: RecordType) -> Self {
        Self {
            name: name.into(),
            rtype,
            class: Class::IN,
            serial: None,
            flags: Flags::RD,
            opcode: 0,
            edns: None,
            carrier: Carrier::Udp,
        }
    }

    /// Whether the answer is a zone: more than one message, over TCP.
    #[must_use]
    pub fn is_transfer(&self) -> bool {
        self.opcode == 0 && matches!(self.rtype, RecordType::AXFR | RecordType::IXFR)
    }

    /// Whether it goes over TCP from the beginning.
    #[must_use]
    pub fn is_over_tcp(&self) -> bool {
        self.carrier == Carrier::Tcp || self.is_transfer() && self.carrier != Carrier::UdpOnly
    }

    /// The packet, without the length that TCP puts before it.
    #[must_use]
    pub fn packet(&self, id: u16) -> Vec<u8> {
        let mut packet = Vec::with_capacity(HEADER_LEN + self.name.len() + 4 + 64);
        let flags = self.flags & !Flags::OPCODE | u16::from(self.opcode & 0xf) << 11;
        let counts = [1, 0, u16::from(self.serial.is_some()), u16::from(self.edns.is_some())];
        for number in [id, flags].into_iter().chain(counts) {
            packet.extend(number.to_be_bytes());
        }
        packet.extend(&self.name);
        packet.extend(self.rtype.0.to_be_bytes());
        packet.extend(self.class.0.to_be_bytes());
        if let Some(serial) = self.serial {
            // A pointer to the question's name, and a SOA of which the serial alone counts: two root names, five numbers.
            packet.extend([0xc0, HEADER_LEN as u8]);
            packet.extend(RecordType::SOA.0.to_be_bytes());
            packet.extend(self.class.0.to_be_bytes());
            packet.extend([0, 0, 0, 0, 0, 22, 0, 0]);
            packet.extend(serial.to_be_bytes());
            packet.extend([0; 16]);
        }
        if let Some(edns) = &self.edns {
            packet.push(0);
            packet.extend(RecordType::OPT.0.to_be_bytes());
            packet.extend(edns.size.to_be_bytes());
            packet.extend([0, edns.version, u8::from(edns.dnssec_ok) << 7, 0]);
            let rdata: Vec<u8> = edns.options.iter().flat_map(|(code, value)| option(*code, value)).collect();
            packet.extend((rdata.len() as u16).to_be_bytes());
            packet.extend(rdata);
        }
        packet
    }

    /// Type, class where it is not IN, and options: the line without the name.
    pub(super) fn manner(&self) -> String {
        let mut text = String::new();
        let _ = self.write_manner(&mut text);
        text
    }

    fn write_manner(&self, out: &mut impl Write) -> fmt::Result {
        write!(out, "{}", self.rtype)?;
        if let Some(serial) = self.serial {
            write!(out, "={serial}")?;
        }
        if self.class != Class::IN {
            write!(out, " {}", self.class)?;
        }
        match self.carrier {
            Carrier::Udp => {}
            Carrier::UdpOnly => out.write_str(" +notcp")?,
            Carrier::Tcp => out.write_str(" +tcp")?,
        }
        if let Some(edns) = &self.edns {
            write!(out, " +edns={}", edns.size)?;
            if edns.version != 0 {
                write!(out, " +version={}", edns.version)?;
            }
            if edns.dnssec_ok {
                out.write_str(" +do")?;
            }
            for (code, value) in &edns.options {
                write!(out, " +option={code}")?;
                if !value.is_empty() {
                    write!(out, ":{}", hex(value))?;
                }
            }
        }
        if self.flags & Flags::RD == 0 {
            out.write_str(" +norec")?;
        }
        for (word, flag) in FLAGS.iter().filter(|(_, flag)| self.flags & flag != 0) {
            debug_assert_ne!(*flag, Flags::RD, "{word}");
            write!(out, " +{word}")?;
        }
        if self.opcode != 0 {
            write!(out, " +opcode={}", self.opcode)?;
        }
        Ok(())
    }

    fn take_option(&mut self, word: &str) -> Result<(), QuestionError> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let wrong = |right| QuestionError::Value { word: word.to_owned(), right };
        match (name, value) {
            ("+tcp", None) => self.carrier = Carrier::Tcp,
            ("+notcp", None) => self.carrier = Carrier::UdpOnly,
            ("+edns", None) => drop(self.edns()),
            ("+edns" | "+bufsize", Some(size)) => {
                self.edns().size = number(size).ok_or_else(|| wrong("a size is 0 to 65535 octets"))?;
            }
            ("+version", Some(version)) => {
                self.edns().version = number(version).ok_or_else(|| wrong("a version is 0 to 255"))?;
            }
            ("+do" | "+dnssec", None) => self.edns().dnssec_ok = true,
            ("+option" | "+ednsopt", Some(option)) => {
                let right = "an option is its number, or number:value with the value in hexadecimal";
                let (code, value) = option.split_once(':').unwrap_or((option, ""));
                let code = number(code).ok_or_else(|| wrong(right))?;
                let value = octets_from_hex(value).ok_or_else(|| wrong(right))?;
                let edns = self.edns();
                if edns.options.iter().map(|(_, value)| value.len() + 4).sum::<usize>() + value.len() + 4
                    > 4096
                {
                    return Err(wrong("the options of a question are at most 4096 octets"));
                }
                edns.options.push((code, value));
            }
            ("+rec" | "+recurse" | "+rd", None) => self.flags |= Flags::RD,
            ("+norec" | "+norecurse" | "+nord", None) => self.flags &= !Flags::RD,
            ("+opcode", Some(opcode)) => {
                let opcode = number(opcode).filter(|opcode| *opcode < 16);
                self.opcode = opcode.ok_or_else(|| wrong("an opcode is 0 to 15"))?;
            }
            (name, None) => {
                let flag = FLAGS.iter().find(|(word, _)| name.strip_prefix('+') == Some(word));
                self.flags |= flag.ok_or_else(|| QuestionError::Option(word.to_owned()))?.1;
            }
            ("+tcp" | "+notcp" | "+do" | "+dnssec" | "+rec" | "+norec", Some(_)) => {
                return Err(wrong("this option takes no value"));
            }
            _ => return Err(QuestionError::Option(word.to_owned())),
        }
        Ok(())
    }

    fn edns(&mut self) -> &mut QuestionEdns {
        self.edns.get_or_insert(QuestionEdns {
            size: EDNS_SIZE,
            version: 0,
            dnssec_ok: false,
            options: Vec::new(),
        })
    }
}

/// The flags that an option of their name sets.
const FLAGS: [(&str, u16); 6] = [
    ("aa", Flags::AA),
    ("tc", Flags::TC),
    ("ra", Flags::RA),
    ("z", super::Z),
    ("ad", Flags::AD),
    ("cd", Flags::CD),
];

impl FromStr for Question {
    type Err = QuestionError;

    fn from_str(line: &str) -> Result<Self, QuestionError> {
        let mut words = words(line);
        let name = words.next().ok_or(QuestionError::Empty)?;
        let wire =
            wire_from_text(name).map_err(|error| QuestionError::Name { word: name.to_owned(), error })?;
        let mut question = Self::new(&wire, RecordType::A);
        let (mut has_type, mut has_class) = (false, false);
        for word in words {
            if word.starts_with('+') {
                question.take_option(word)?;
                continue;
            }
            // ANY is both: the first is the type.
            let (rtype, class) = (type_from_word(word), class_from_word(word));
            match (rtype, class) {
                (Some((rtype, serial)), _) if !has_type => {
                    (question.rtype, question.serial, has_type) = (rtype, serial, true);
                }
                (_, Some(class)) if !has_class => (question.class, has_class) = (class, true),
                (None, None) => return Err(QuestionError::Word(word.to_owned())),
                _ => return Err(QuestionError::Second(word.to_owned())),
            }
        }
        Ok(question)
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.get(1) == Some(&b'#') {
            f.write_char('\\')?; // or the line would be a comment
        }
        write_text(&self.name, f)?;
        f.write_char(' ')?;
        self.write_manner(f)
    }
}

/// The questions of a text, a line each; empty lines and what follows a word that begins with `#` or `;` are left out.
///
/// # Errors
/// All lines that are none, each with its number.
pub fn read_questions(text: &str) -> Result<Vec<Question>, Vec<(usize, QuestionError)>> {
    let mut questions = Vec::new();
    let mut errors = Vec::new();
    for (at, line) in text.lines().enumerate() {
        match line.parse() {
            Ok(question) => questions.push(question),
            Err(QuestionError::Empty) => {}
            Err(error) => errors.push((at + 1, error)),
        }
    }
    if errors.is_empty() { Ok(questions) } else { Err(errors) }
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split_ascii_whitespace().take_while(|word| !word.starts_with(['#', ';']))
}

fn type_from_word(word: &str) -> Option<(RecordType, Option<u32>)> {
    if let Some((name, serial)) = word.split_once('=') {
        let serial = name.eq_ignore_ascii_case("IXFR").then(|| number(serial))??;
        return Some((RecordType::IXFR, Some(serial)));
    }
    RecordType::from_mnemonic(word).map(|rtype| (rtype, None))
}

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let mut octets = code.to_be_bytes().to_vec();
    octets.extend((value.len() as u16).to_be_bytes());
    octets.extend(value);
    octets
}

/// Digits alone: Rust's own reading would take a sign.
fn number<N: FromStr>(text: &str) -> Option<N> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}
