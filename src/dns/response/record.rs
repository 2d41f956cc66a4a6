//! Records, written one by one into the message.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::HEADER_LEN;
use super::super::code::{Class, RecordType};
use super::super::message::Section;
use super::super::name::{POINTER_MAX, wire_len};
use super::{MESSAGE_LEN_MAX, OPT_LEN, Response};

/// Whose record it is.
#[derive(Debug, Clone, Copy)]
pub enum Owner<'n> {
    /// The name that was asked for.
    Question,
    /// What stands at this offset of the message, uncompressed: an earlier name, or a piece of the question.
    At(usize),
    /// This uncompressed wire name, root label included.
    Name(&'n [u8]),
    /// These labels, and then what stands at this offset of the message, which a pointer must reach.
    Below(&'n [u8], usize),
}

/// RDATA being written.
#[derive(Debug)]
pub struct Rdata<'r> {
    pub(super) message: &'r mut Vec<u8>,
}

// === impl Response ===

impl Response {
    /// Writes a record in class IN. Sections are written in order. Gives where its RDATA begins, or `None` when there
    /// is no room in 65,535 octets; what was written of it is gone then.
    pub fn record(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        rtype: RecordType,
        ttl: u32,
        write: impl FnOnce(&mut Rdata<'_>),
    ) -> Option<usize> {
        self.record_of_class(section, owner, rtype, Class::IN, ttl, write)
    }

    /// The same in another class.
    pub fn record_of_class(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        rtype: RecordType,
        class: Class,
        ttl: u32,
        write: impl FnOnce(&mut Rdata<'_>),
    ) -> Option<usize> {
        let start = self.message.len();
        match owner {
            Owner::Question => self.message.extend_from_slice(&[0xc0, HEADER_LEN as u8]),
            Owner::At(at) if at <= POINTER_MAX => {
                self.message.extend_from_slice(&(0xc000 | at as u16).to_be_bytes());
            }
            Owner::At(at) => {
                let length = wire_len(self.message.get(at..).unwrap_or(&[])).unwrap_or(0);
                self.message.extend_from_within(at..at + length);
            }
            Owner::Name(name) => self.message.extend_from_slice(name),
            Owner::Below(labels, at) => {
                debug_assert!(at <= POINTER_MAX);
                self.message.extend_from_slice(labels);
                self.message.extend_from_slice(&(0xc000 | at as u16).to_be_bytes());
            }
        }
        self.message.extend_from_slice(&rtype.0.to_be_bytes());
        self.message.extend_from_slice(&class.0.to_be_bytes());
        self.message.extend_from_slice(&ttl.to_be_bytes());
        self.message.extend_from_slice(&[0, 0]);
        let rdata_at = self.message.len();
        write(&mut Rdata { message: &mut self.message });
        let length = self.message.len() - rdata_at;
        if self.message.len() > MESSAGE_LEN_MAX - OPT_LEN {
            self.message.truncate(start);
            self.is_full = true;
            return None;
        }
        self.message[rdata_at - 2..rdata_at].copy_from_slice(&(length as u16).to_be_bytes());
        self.set_count(section, self.counts[section as usize] + 1);
        Some(rdata_at)
    }

    /// An A record of the question's name in the answer section.
    pub fn answer_a(&mut self, ttl: u32, address: Ipv4Addr) {
        self.record(Section::Answer, Owner::Question, RecordType::A, ttl, |rdata| {
            rdata.octets(&address.octets())
        });
    }

    /// An AAAA record of the question's name in the answer section.
    pub fn answer_aaaa(&mut self, ttl: u32, address: Ipv6Addr) {
        self.record(Section::Answer, Owner::Question, RecordType::AAAA, ttl, |rdata| {
            rdata.octets(&address.octets());
        });
    }
}

// === impl Rdata ===

impl Rdata<'_> {
    /// Appends octets.
    pub fn octets(&mut self, octets: &[u8]) {
        self.message.extend_from_slice(octets);
    }

    /// Appends a 16-bit number.
    pub fn u16(&mut self, value: u16) {
        self.octets(&value.to_be_bytes());
    }

    /// Appends a 32-bit number.
    pub fn u32(&mut self, value: u32) {
        self.octets(&value.to_be_bytes());
    }

    /// Ends a name with a pointer to what stands at this offset of the message. Only in types whose RDATA may be
    /// compressed (RFC 3597 §4), and only below 16,384.
    pub fn pointer(&mut self, at: usize) {
        debug_assert!(at <= POINTER_MAX);
        self.u16(0xc000 | at as u16);
    }

    /// The message so far.
    pub(in crate::dns) fn message(&self) -> &[u8] {
        self.message
    }

    /// Where the next octet goes in the message.
    #[must_use]
    pub fn position(&self) -> usize {
        self.message.len()
    }
}
