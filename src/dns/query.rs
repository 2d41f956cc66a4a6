//! A query: parsed once from the wire, its name folded once.
//!
//! Hot path. Parsing copies the name into a fixed buffer and keeps a reference to the packet; it allocates nothing.
//! Only a plugin that has to wait makes an owned copy ([`Query::to_shared`]), and all of them share one.

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::code::{Class, Flags, RecordType, read_u16};
use super::edns::{Edns, option};
use super::message::skip_name;
use super::name::{LABEL_LEN_MAX, NAME_LEN_MAX};
use super::{HEADER_LEN, Rcode};

/// Over what a query came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// One datagram each way
    Udp,
    /// A stream of length-prefixed messages (RFC 7766)
    Tcp,
}

/// From where and when a query came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The client.
    pub peer: SocketAddr,
    /// The address that the client sent to.
    pub local: SocketAddr,
    /// The transport.
    pub transport: Transport,
    /// When its batch was received. One reading of the clock serves a batch.
    pub received: Instant,
    /// The number of the listener that it came to.
    pub server: u16,
    /// How many questions of our own led to this one: 0 for a client's.
    pub depth: u8,
}

/// One question with its header, its EDNS and its origin.
#[derive(Debug)]
pub struct Query<'p> {
    packet: &'p [u8],
    fields: Fields,
    shared: OnceCell<Arc<OwnedQuery>>,
}

/// A query that owns its packet, for work that outlives it.
#[derive(Debug)]
pub struct OwnedQuery {
    packet: Box<[u8]>,
    fields: Fields,
}

/// Everything that parsing finds; plain data.
#[derive(Debug, Clone)]
struct Fields {
    origin: Origin,
    id: u16,
    flags: Flags,
    qtype: RecordType,
    qclass: Class,
    question_end: u16,
    name_len: u8,
    label_count: u8,
    name: [u8; NAME_LEN_MAX],
    label_starts: [u8; 128],
    edns: Option<Edns>,
}

/// What a packet deserves that is not a query to be answered (`RFC 1035 §4.1`, `RFC 6891 §6.1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// No reply: shorter than a header, or itself a response. Replying could start a loop between two servers.
    Ignore,
    /// A header with this RCODE and nothing else.
    Header(Rcode),
    /// An EDNS version that nobody speaks: the question is fine and is repeated, with BADVERS in an OPT record.
    BadVersion,
}

// === impl Query ===

impl<'p> Query<'p> {
    /// Parses a packet.
    ///
    /// # Errors
    /// What to reply instead, by the checks that CoreDNS makes in this order: length, QR, opcode, counts, question,
    /// records, EDNS version.
    pub fn parse(packet: &'p [u8], origin: Origin) -> Result<Self, Malformed> {
        let fields = Fields::parse(packet, origin)?;
        if fields.edns.is_some_and(|edns| edns.version != 0) {
            return Err(Malformed::BadVersion);
        }
        Ok(Self { packet, fields, shared: OnceCell::new() })
    }

    /// Parses a packet whose EDNS version is not looked at: to repeat its question with BADVERS.
    ///
    /// # Errors
    /// As [`Query::parse`], but for the version.
    pub fn parse_any_version(packet: &'p [u8], origin: Origin) -> Result<Self, Malformed> {
        Ok(Self { packet, fields: Fields::parse(packet, origin)?, shared: OnceCell::new() })
    }

    /// The packet as it came.
    #[must_use]
    pub fn packet(&self) -> &'p [u8] {
        self.packet
    }

    /// From where and when it came.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.fields.origin
    }

    /// The message id.
    #[must_use]
    pub fn id(&self) -> u16 {
        self.fields.id
    }

    /// The header's flags.
    #[must_use]
    pub fn flags(&self) -> Flags {
        self.fields.flags
    }

    /// QTYPE.
    #[must_use]
    pub fn qtype(&self) -> RecordType {
        self.fields.qtype
    }

    /// QCLASS.
    #[must_use]
    pub fn qclass(&self) -> Class {
        self.fields.qclass
    }

    /// QNAME, folded: wire form with the root label.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.fields.name[..usize::from(self.fields.name_len)]
    }

    /// QNAME as the client spelled it: wire form with the root label.
    #[must_use]
    pub fn name_original(&self) -> &'p [u8] {
        &self.packet[HEADER_LEN..HEADER_LEN + usize::from(self.fields.name_len)]
    }

    /// How many labels QNAME has, the root label not counted.
    #[must_use]
    pub fn label_count(&self) -> usize {
        usize::from(self.fields.label_count)
    }

    /// Where the label number `index`, counted from the left, begins in [`Query::name`]: at its length octet. The
    /// index [`Query::label_count`] gives the root label.
    #[must_use]
    pub fn label_start(&self, index: usize) -> usize {
        usize::from(self.fields.label_starts[index])
    }

    /// The folded label number `index`, counted from the left, without its length octet.
    #[must_use]
    pub fn label(&self, index: usize) -> &[u8] {
        &self.fields.name[self.label_start(index) + 1..self.label_start(index + 1)]
    }

    /// The question section's octets: name in the client's spelling, type, class.
    #[must_use]
    pub fn question(&self) -> &'p [u8] {
        &self.packet[HEADER_LEN..usize::from(self.fields.question_end)]
    }

    /// Where QNAME has `zone` as its suffix, in octets from its start; `None` when it is not below it. The zone is a
    /// folded wire name.
    #[must_use]
    pub fn zone_start(&self, zone: &[u8]) -> Option<usize> {
        let start = self.name().len().checked_sub(zone.len())?;
        if &self.name()[start..] != zone {
            return None;
        }
        let labels = &self.fields.label_starts[..=self.label_count()];
        labels.binary_search(&(start as u8)).is_ok().then_some(start)
    }

    /// The client's EDNS, when it sent an OPT record.
    #[must_use]
    pub fn edns(&self) -> Option<&Edns> {
        self.fields.edns.as_ref()
    }

    /// The data of the first option of this code in the client's OPT record.
    #[must_use]
    pub fn option(&self, code: u16) -> Option<&'p [u8]> {
        let (start, end) = self.fields.edns?.options;
        option(self.packet.get(usize::from(start)..usize::from(end))?, code)
    }

    /// The largest message that the client takes, in octets: 512 on UDP unless EDNS says more (RFC 6891 §6.2.3), 65535
    /// on TCP.
    #[must_use]
    pub fn size_max(&self) -> usize {
        match self.fields.origin.transport {
            Transport::Tcp => usize::from(u16::MAX),
            Transport::Udp => self.fields.edns.map_or(512, |edns| usize::from(edns.udp_size.max(512))),
        }
    }

    /// An owned copy, made at the first call and shared by the later ones.
    #[must_use]
    pub fn to_shared(&self) -> Arc<OwnedQuery> {
        let shared = self
            .shared
            .get_or_init(|| Arc::new(OwnedQuery { packet: self.packet.into(), fields: self.fields.clone() }));
        Arc::clone(shared)
    }
}

// === impl OwnedQuery ===

impl OwnedQuery {
    /// The packet as it came.
    #[must_use]
    pub fn packet(&self) -> &[u8] {
        &self.packet
    }

    /// The same query, as if it had come over `transport`: for work whose answer goes to no client.
    #[must_use]
    pub fn over(&self, transport: Transport) -> Arc<Self> {
        let origin = Origin { transport, ..self.fields.origin };
        Arc::new(Self { packet: self.packet.clone(), fields: Fields { origin, ..self.fields.clone() } })
    }

    /// The query, borrowed.
    #[must_use]
    pub fn as_query(self: &Arc<Self>) -> Query<'_> {
        Query { packet: &self.packet, fields: self.fields.clone(), shared: OnceCell::from(Arc::clone(self)) }
    }
}

// === impl Fields ===

impl Fields {
    fn parse(packet: &[u8], origin: Origin) -> Result<Self, Malformed> {
        let Some((header, _)) = packet.split_first_chunk::<HEADER_LEN>() else {
            return Err(Malformed::Ignore);
        };
        let word = |at: usize| u16::from_be_bytes([header[2 * at], header[2 * at + 1]]);
        let flags = Flags(word(1));
        if flags.has(Flags::QR) {
            return Err(Malformed::Ignore);
        }
        if !matches!(flags.opcode(), 0 | 4) {
            return Err(Malformed::Header(Rcode::NOTIMP));
        }
        let formerr = Malformed::Header(Rcode::FORMERR);
        let (questions, answers, authorities, additionals) = (word(2), word(3), word(4), word(5));
        if questions != 1 || answers > 1 || authorities > 1 || additionals > 2 {
            return Err(formerr);
        }
        let mut fields = Self {
            origin,
            id: word(0),
            flags,
            qtype: RecordType(0),
            qclass: Class(0),
            question_end: 0,
            name_len: 0,
            label_count: 0,
            name: [0; NAME_LEN_MAX],
            label_starts: [0; 128],
            edns: None,
        };
        let name_end = fields.fold_name(packet).ok_or(formerr)?;
        fields.qtype = RecordType(read_u16(packet, name_end).ok_or(formerr)?);
        fields.qclass = Class(read_u16(packet, name_end + 2).ok_or(formerr)?);
        fields.question_end = (name_end + 4) as u16;
        let records = answers + authorities + additionals;
        if records > 0 {
            fields.read_records(packet, records, answers + authorities).ok_or(formerr)?;
        }
        Ok(fields)
    }

    /// Folds the name label by label; gives where it ends in the packet. A compressed question is malformed: there is
    /// nothing before it to point to.
    fn fold_name(&mut self, packet: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            let length = usize::from(*packet.get(HEADER_LEN + at)?);
            self.label_starts[usize::from(self.label_count)] = at as u8;
            if length == 0 {
                break;
            }
            if length > LABEL_LEN_MAX || at + length + 2 > NAME_LEN_MAX {
                return None;
            }
            at += length + 1;
            self.label_count += 1;
        }
        self.name_len = (at + 1) as u8;
        let end = HEADER_LEN + at + 1;
        let folded = &mut self.name[..=at];
        folded.copy_from_slice(packet.get(HEADER_LEN..end)?);
        // Length octets are at most 63 and letters start at 65: the whole name folds without label logic.
        folded.make_ascii_lowercase();
        Some(end)
    }

    /// Walks the records behind the question and takes the OPT record, which stands in the additional section alone
    /// (RFC 6891 §6.1.1: a second one is a format error).
    fn read_records(&mut self, packet: &[u8], count: u16, before_additional: u16) -> Option<()> {
        let mut at = usize::from(self.question_end);
        for number in 0..count {
            let owner_is_root = *packet.get(at)? == 0;
            let fixed = skip_name(packet, at)?;
            let rtype = RecordType(read_u16(packet, fixed)?);
            let rdata = fixed + 10;
            let end = rdata + usize::from(read_u16(packet, fixed + 8)?);
            let octets = packet.get(rdata..end)?;
            if rtype == RecordType::OPT && number >= before_additional {
                if self.edns.is_some() || !owner_is_root {
                    return None;
                }
                self.edns = Some(Edns::read(packet, fixed, octets)?);
            }
            at = end;
        }
        Some(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
