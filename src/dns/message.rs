//! A whole message on the wire, read without decoding: where each record begins, of what type it is, where its TTL
//! stands. What `forward` takes in, `cache` keeps and `loadbalance` shuffles.

use super::HEADER_LEN;
use super::code::{Class, Flags, RecordType, read_u16, read_u32};
use super::name::{LABEL_LEN_MAX, NAME_LEN_MAX};

/// The sections of a message that hold records (RFC 1035 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// Answer
    Answer,
    /// Authority
    Authority,
    /// Additional
    Additional,
}

/// Where one record stands in its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordSpan {
    /// The section it is in.
    pub section: Section,
    /// The first octet of the owner name.
    pub start: usize,
    /// The octet behind the owner name: type, class, TTL and length follow.
    pub fixed: usize,
    /// The first octet behind the record.
    pub end: usize,
    /// Its type.
    pub rtype: RecordType,
    /// Its class; of an OPT record, the payload size.
    pub class: Class,
    /// Its TTL in seconds; of an OPT record, flags.
    pub ttl: u32,
}

impl RecordSpan {
    /// Where the TTL's four octets stand.
    #[must_use]
    pub fn ttl_at(&self) -> usize {
        self.fixed + 4
    }

    /// Where the RDATA begins.
    #[must_use]
    pub fn rdata_at(&self) -> usize {
        self.fixed + 10
    }
}

/// The records of a message, in order. Ends early, with [`Records::is_broken`], where the message is not whole.
#[derive(Debug, Clone)]
pub struct Records<'m> {
    message: &'m [u8],
    cursor: Cursor,
}

/// A place among the records of a message that may be changed between two steps.
#[derive(Debug, Clone)]
pub(super) struct Cursor {
    at: usize,
    left: [u16; 3],
    broken: bool,
}

// === impl Records ===

impl<'m> Records<'m> {
    /// The records of `message`, whose question section is skipped; `None` when it has no whole header and question.
    #[must_use]
    pub fn of(message: &'m [u8]) -> Option<Self> {
        Some(Self { message, cursor: Cursor::of(message)? })
    }

    /// Where the next record begins.
    #[must_use]
    pub fn position(&self) -> usize {
        self.cursor.at
    }

    /// Whether the message ended before its records did.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.cursor.broken
    }
}

impl Iterator for Records<'_> {
    type Item = RecordSpan;

    fn next(&mut self) -> Option<RecordSpan> {
        self.cursor.next(self.message)
    }
}

// === impl Cursor ===

impl Cursor {
    pub(super) fn of(message: &[u8]) -> Option<Self> {
        let mut at = HEADER_LEN;
        for _ in 0..read_u16(message, 4)? {
            at = skip_name(message, at)? + 4;
        }
        if at > message.len() {
            return None;
        }
        let left = [read_u16(message, 6)?, read_u16(message, 8)?, read_u16(message, 10)?];
        Some(Self { at, left, broken: false })
    }

    pub(super) fn next(&mut self, message: &[u8]) -> Option<RecordSpan> {
        if self.broken {
            return None;
        }
        let at = self.left.iter().position(|count| *count > 0)?;
        self.left[at] -= 1;
        let record = self.read(message, [Section::Answer, Section::Authority, Section::Additional][at]);
        match &record {
            Some(record) => self.at = record.end,
            None => self.broken = true,
        }
        record
    }

    fn read(&self, message: &[u8], section: Section) -> Option<RecordSpan> {
        let fixed = skip_name(message, self.at)?;
        let end = fixed + 10 + usize::from(read_u16(message, fixed + 8)?);
        (end <= message.len()).then_some(RecordSpan {
            section,
            start: self.at,
            fixed,
            end,
            rtype: RecordType(read_u16(message, fixed)?),
            class: Class(read_u16(message, fixed + 2)?),
            ttl: read_u32(message, fixed + 4)?,
        })
    }
}

/// The octet behind the name that begins at `at`, whether it is compressed or not; `None` when it runs out.
#[must_use]
pub fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            length if usize::from(length) <= LABEL_LEN_MAX => at += usize::from(length) + 1,
            length if length & 0xc0 == 0xc0 => return (at + 2 <= message.len()).then_some(at + 2),
            _ => return None,
        }
    }
}

/// Writes the name that begins at `at`, decompressed and folded, to `out` and gives its length; `None` when it is not a
/// name. Pointers must lead backwards, so that no name is endless.
pub fn expand_name(message: &[u8], at: usize, out: &mut [u8; NAME_LEN_MAX]) -> Option<usize> {
    let length = copy_name(message, at, out)?;
    // Length octets are below every letter.
    out[..length].make_ascii_lowercase();
    Some(length)
}

/// The same in the letters that the message has.
pub fn copy_name(message: &[u8], mut at: usize, out: &mut [u8; NAME_LEN_MAX]) -> Option<usize> {
    let mut length = 0;
    let mut before = at;
    let mut jumps = 0;
    loop {
        let octet = usize::from(*message.get(at)?);
        match octet {
            0 => {
                *out.get_mut(length)? = 0;
                return Some(length + 1);
            }
            1..=LABEL_LEN_MAX => {
                let label = message.get(at..=at + octet)?;
                out.get_mut(length..length + octet + 1)?.copy_from_slice(label);
                length += octet + 1;
                at += octet + 1;
            }
            _ if octet & 0xc0 == 0xc0 => {
                let target = usize::from(read_u16(message, at)? & 0x3fff);
                jumps += 1;
                // A name has at most 127 labels: more pointers than that lead nowhere, at a cost.
                if target >= before || jumps > 127 {
                    return None;
                }
                before = target;
                at = target;
            }
            _ => return None,
        }
    }
}

/// Whether `response` is a response to the question that stands at the start of `question` (name in any case, type,
/// class; RFC 5452 §9.1), and gives its flags.
#[must_use]
pub fn answers_question(response: &[u8], question: &[u8]) -> Option<Flags> {
    let flags = Flags(read_u16(response, 2)?);
    let theirs = response.get(HEADER_LEN..HEADER_LEN + question.len())?;
    let whole = flags.has(Flags::QR) && read_u16(response, 4)? == 1 && theirs.eq_ignore_ascii_case(question);
    whole.then_some(flags)
}
