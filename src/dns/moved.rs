//! The names of one message on their way into another one, in which they stand elsewhere: behind another question
//! ([`Response::lead_to`](super::Response::lead_to)), or in another order (`reorder`).
//!
//! Names are copied label by label, and point to where their labels stand now. What the old message compressed stays
//! compressed; to write names out instead would make replies grow past what a datagram takes.

use super::HEADER_LEN;
use super::code::{RecordType, read_u16};
use super::message::{RecordSpan, skip_name};
use super::name::{LABEL_LEN_MAX, NAME_LEN_MAX, POINTER_MAX};

/// Names in the RDATA of a type: so many octets, then so many names, then anything.
pub(super) struct Layout {
    pub(super) before: Before,
    pub(super) names: usize,
    /// Whether the names may be compressed (RFC 3597 §4). Those of later types are read all the same, since some servers
    /// compress them, and written in full.
    pub(super) may_point: bool,
}

/// What stands before the first name.
#[derive(Clone, Copy)]
pub(super) enum Before {
    Octets(usize),
    /// NAPTR: order, preference, and three texts with their lengths (RFC 3403 §4.1).
    Texts,
}

/// The names of one message on their way into another.
pub(super) struct Moved<'m> {
    old: &'m [u8],
    /// Where the label at each offset of the old message stands in the new one; 0 is nowhere.
    places: Vec<u16>,
}

impl<'m> Moved<'m> {
    pub(super) fn new(old: &'m [u8]) -> Self {
        // No pointer leads further.
        Self { old, places: vec![0; old.len().min(POINTER_MAX + 1)] }
    }

    /// Says that what the old question ends with stands in the new one too, as far as it does, letter for letter.
    pub(super) fn share_suffix(&mut self, new_name: &[u8]) {
        let mut at = HEADER_LEN;
        while let Some(length) = self.old.get(at).copied().filter(|length| *length != 0) {
            let suffix = skip_name(self.old, at).and_then(|end| self.old.get(at..end)).unwrap_or_default();
            let mut rest = new_name;
            while rest.len() > suffix.len() {
                rest = rest.get(usize::from(rest[0]) + 1..).unwrap_or_default();
            }
            if !rest.is_empty() && rest == suffix {
                self.note(at, HEADER_LEN + new_name.len() - rest.len());
            }
            at += usize::from(length) + 1;
        }
    }

    fn note(&mut self, old_at: usize, new_at: usize) {
        if let (Some(place @ 0), true) = (self.places.get_mut(old_at), new_at <= POINTER_MAX) {
            *place = new_at as u16;
        }
    }

    /// Copies the record; `None` when it cannot be read.
    pub(super) fn record(&mut self, record: &RecordSpan, out: &mut Vec<u8>) -> Option<()> {
        self.name(record.start, true, out)?;
        out.extend_from_slice(self.old.get(record.fixed..record.fixed + 8)?);
        out.extend_from_slice(&[0, 0]);
        let rdata_at = out.len();
        let mut at = record.rdata_at();
        if let Some(layout) = Layout::of(record.rtype) {
            let first = layout.first_name(self.old, at)?;
            out.extend_from_slice(self.old.get(at..first)?);
            at = first;
            for _ in 0..layout.names {
                at = self.name(at, layout.may_point, out)?;
            }
        }
        out.extend_from_slice(self.old.get(at..record.end)?);
        let length = u16::try_from(out.len() - rdata_at).ok()?;
        out[rdata_at - 2..rdata_at].copy_from_slice(&length.to_be_bytes());
        Some(())
    }

    /// Copies the name at `at`, and gives where the old message goes on behind it. Pointers must lead backwards, so that
    /// no name is endless.
    pub(super) fn name(&mut self, mut at: usize, may_point: bool, out: &mut Vec<u8>) -> Option<usize> {
        let end = skip_name(self.old, at)?;
        let (mut before, mut jumps, mut length) = (at, 0, 0);
        loop {
            let octet = usize::from(*self.old.get(at)?);
            match octet {
                0 => {
                    out.push(0);
                    return Some(end);
                }
                1..=LABEL_LEN_MAX => {
                    if let Some(place @ 1..) = self.places.get(at).copied().filter(|_| may_point) {
                        out.extend_from_slice(&(0xc000 | place).to_be_bytes());
                        return Some(end);
                    }
                    length += octet + 1;
                    if length >= NAME_LEN_MAX {
                        return None;
                    }
                    self.note(at, out.len());
                    out.extend_from_slice(self.old.get(at..=at + octet)?);
                    at += octet + 1;
                }
                _ if octet & 0xc0 == 0xc0 => {
                    let target = usize::from(read_u16(self.old, at)? & 0x3fff);
                    jumps += 1;
                    if target >= before || jumps > 127 {
                        return None;
                    }
                    (before, at) = (target, target);
                }
                _ => return None,
            }
        }
    }
}

impl Layout {
    /// `None` for types without names in their RDATA, or with names that nobody may compress.
    pub(super) fn of(rtype: RecordType) -> Option<Self> {
        let (before, names, may_point) = match rtype.0 {
            // NS, MD, MF, CNAME, MB, MG, MR, PTR
            2..=5 | 7..=9 | 12 => (Before::Octets(0), 1, true),
            // SOA, MINFO
            6 | 14 => (Before::Octets(0), 2, true),
            // MX
            15 => (Before::Octets(2), 1, true),
            // RP
            17 => (Before::Octets(0), 2, false),
            // AFSDB, RT, KX
            18 | 21 | 36 => (Before::Octets(2), 1, false),
            // SIG, RRSIG
            24 | 46 => (Before::Octets(18), 1, false),
            // PX
            26 => (Before::Octets(2), 2, false),
            // NXT, DNAME, NSEC
            30 | 39 | 47 => (Before::Octets(0), 1, false),
            // SRV
            33 => (Before::Octets(6), 1, false),
            // NAPTR
            35 => (Before::Texts, 1, false),
            _ => return None,
        };
        Some(Self { before, names, may_point })
    }

    /// Where the first name stands in RDATA that begins at `at`.
    pub(super) fn first_name(&self, message: &[u8], at: usize) -> Option<usize> {
        self.before.end(message, at)
    }
}

impl Before {
    pub(super) fn end(self, message: &[u8], at: usize) -> Option<usize> {
        match self {
            Before::Octets(count) => Some(at + count),
            Before::Texts => (0..3).try_fold(at + 4, |at, _| Some(at + 1 + usize::from(*message.get(at)?))),
        }
    }
}
