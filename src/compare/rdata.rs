//! RDATA as the words that a zone file writes for it.
//!
//! A type is a row of parts. What does not fit its row, and every type without one, is written as RFC 3597 §5 writes
//! unknown types, `\# LENGTH HEX`: there is no RDATA that cannot be shown.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::text::{base64, hex, name_text, quoted};
use crate::dns::{NAME_LEN_MAX, RecordType, copy_name, read_u16, read_u32, skip_name};

/// One word of RDATA.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    /// A domain name, whose letters may be told apart or not.
    Name(String),
    /// The serial of a SOA record, which each server may count for itself.
    Serial(u32),
    /// Anything else.
    Other(String),
}

#[derive(Debug, Clone, Copy)]
enum Part {
    U8,
    U16,
    U32,
    Serial,
    Ipv4,
    Ipv6,
    Name,
    Type,
    /// One character-string.
    Text,
    /// Character-strings to the end.
    Texts,
    /// The octets to the end, as text.
    Rest,
    /// A length and a word of letters (CAA).
    Tag,
    Hex,
    Base64,
    /// The type bit maps of NSEC.
    Types,
}

/// The words of the RDATA at `start..end` of `message`.
pub(super) fn words(message: &[u8], rtype: RecordType, start: usize, end: usize) -> Vec<Word> {
    let known = layout(rtype).and_then(|parts| {
        let mut reader = Reader { message, at: start, end };
        let mut words = Vec::with_capacity(parts.len());
        for part in parts {
            reader.read(*part, &mut words)?;
        }
        (reader.at == end).then_some(words)
    });
    known.unwrap_or_else(|| {
        let octets = message.get(start..end).unwrap_or_default();
        let mut words = vec![Word::Other(r"\#".to_owned()), Word::Other(octets.len().to_string())];
        if !octets.is_empty() {
            words.push(Word::Other(hex(octets)));
        }
        words
    })
}

fn layout(rtype: RecordType) -> Option<&'static [Part]> {
    use Part::{Base64, Hex, Ipv4, Ipv6, Name, Rest, Serial, Tag, Text, Texts, Type, Types, U8, U16, U32};
    Some(match rtype {
        RecordType::A => &[Ipv4],
        RecordType::AAAA => &[Ipv6],
        RecordType::NS | RecordType::CNAME | RecordType::PTR | RecordType::DNAME => &[Name],
        RecordType::SOA => &[Name, Name, Serial, U32, U32, U32, U32],
        RecordType::MX | RecordType::AFSDB | RecordType::KX => &[U16, Name],
        RecordType::RP => &[Name, Name],
        RecordType::SRV => &[U16, U16, U16, Name],
        RecordType::TXT | RecordType::SPF => &[Text, Texts],
        RecordType::HINFO => &[Text, Text],
        RecordType::NAPTR => &[U16, U16, Text, Text, Text, Name],
        RecordType::CAA => &[U8, Tag, Rest],
        RecordType::URI => &[U16, U16, Rest],
        RecordType::DS | RecordType::CDS => &[U16, U8, U8, Hex],
        RecordType::DNSKEY | RecordType::CDNSKEY | RecordType::KEY => &[U16, U8, U8, Base64],
        RecordType::RRSIG => &[Type, U8, U8, U32, U32, U32, U16, Name, Base64],
        RecordType::NSEC => &[Name, Types],
        RecordType::TLSA | RecordType::SMIMEA => &[U8, U8, U8, Hex],
        RecordType::SSHFP => &[U8, U8, Hex],
        _ => return None,
    })
}

struct Reader<'m> {
    message: &'m [u8],
    at: usize,
    end: usize,
}

// === impl Reader ===

impl<'m> Reader<'m> {
    /// `None` when the RDATA ends before the part does.
    fn read(&mut self, part: Part, words: &mut Vec<Word>) -> Option<()> {
        let text = match part {
            Part::U8 => self.take(1)?[0].to_string(),
            Part::U16 => read_u16(self.take(2)?, 0)?.to_string(),
            Part::U32 => read_u32(self.take(4)?, 0)?.to_string(),
            Part::Serial => {
                words.push(Word::Serial(read_u32(self.take(4)?, 0)?));
                return Some(());
            }
            Part::Ipv4 => Ipv4Addr::from(*self.take(4)?.first_chunk::<4>()?).to_string(),
            Part::Ipv6 => Ipv6Addr::from(*self.take(16)?.first_chunk::<16>()?).to_string(),
            Part::Name => {
                words.push(Word::Name(self.name()?));
                return Some(());
            }
            Part::Type => RecordType(read_u16(self.take(2)?, 0)?).to_string(),
            Part::Text => quoted(self.string()?),
            Part::Texts => {
                while self.at < self.end {
                    words.push(Word::Other(quoted(self.string()?)));
                }
                return Some(());
            }
            Part::Rest => quoted(self.rest()),
            Part::Tag => {
                let tag = self.string()?;
                let tag = tag.iter().all(u8::is_ascii_alphanumeric).then_some(tag)?;
                String::from_utf8_lossy(tag).into_owned()
            }
            Part::Hex => hex(self.rest()),
            Part::Base64 => base64(self.rest()),
            Part::Types => {
                while self.at < self.end {
                    self.types(words)?;
                }
                return Some(());
            }
        };
        words.push(Word::Other(text));
        Some(())
    }

    fn take(&mut self, length: usize) -> Option<&'m [u8]> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.end)?;
        let octets = self.message.get(self.at..end)?;
        self.at = end;
        Some(octets)
    }

    fn rest(&mut self) -> &'m [u8] {
        let octets = self.message.get(self.at..self.end).unwrap_or_default();
        self.at = self.end;
        octets
    }

    fn string(&mut self) -> Option<&'m [u8]> {
        let length = self.take(1)?[0];
        self.take(usize::from(length))
    }

    fn name(&mut self) -> Option<String> {
        let after = skip_name(self.message, self.at).filter(|after| *after <= self.end)?;
        let mut wire = [0; NAME_LEN_MAX];
        let length = copy_name(self.message, self.at, &mut wire)?;
        self.at = after;
        Some(name_text(&wire[..length]))
    }

    /// One window block (RFC 4034 §4.1.2).
    fn types(&mut self, words: &mut Vec<Word>) -> Option<()> {
        let window = u16::from(self.take(1)?[0]) << 8;
        let bitmap = self.string()?;
        for (at, octet) in bitmap.iter().enumerate() {
            for bit in (0..8).filter(|bit| octet & 0x80 >> bit != 0) {
                // A bitmap has up to 255 octets where 32 are allowed: what lies beyond belongs to no type.
                let number = u16::try_from(at * 8 + bit).ok().filter(|number| *number < 256)?;
                words.push(Word::Other(RecordType(window | number).to_string()));
            }
        }
        Some(())
    }
}

// === impl Word ===

impl Word {
    /// The same word where letters do not count and serials are all one.
    pub(super) fn folded(&self) -> Word {
        match self {
            Word::Name(name) => Word::Name(name.to_ascii_lowercase()),
            Word::Serial(_) => Word::Serial(0),
            Word::Other(text) => Word::Other(text.clone()),
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Word::Name(text) | Word::Other(text) => f.write_str(text),
            Word::Serial(serial) => serial.fmt(f),
        }
    }
}
