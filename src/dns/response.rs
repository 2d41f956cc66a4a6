//! A response: the wire message itself, written section by section into one buffer that is used again.
//!
//! Hot path. The buffer grows to the largest message that it held and stays; writing an answer allocates nothing. Until
//! [`Response::finish`] the message stands without OPT record and untruncated, so that plugins on the way back see all
//! of it (`cache` keeps it, `loadbalance` shuffles it before it is cut).

mod graft;
mod repeat;
mod turned;

use std::net::{Ipv4Addr, Ipv6Addr};

use super::addresses;
use super::code::{Class, Flags, Rcode, RecordType, read_u16};
use super::edns::option;
use super::message::{Cursor, RecordSpan, Records, Section, skip_name};
use super::name::{POINTER_MAX, wire_len};
use super::reorder;
use super::sound::is_sound;
use super::{AddressSet, HEADER_LEN, InfoCode, Query, answers_question};

pub use repeat::Said;
pub use turned::{NameRole, Rename};

const MESSAGE_LEN_MAX: usize = u16::MAX as usize;
/// The octets of an OPT record without options: root, type, size, flags, length (RFC 6891 §6.1.2).
pub const OPT_LEN: usize = 11;
/// The option that carries an extended error (RFC 8914 §2).
const OPTION_EDE: u16 = 15;
/// An option that speaks of one hop only (RFC 7828 §3.1), so that an upstream's is not ours to repeat.
const OPTION_KEEPALIVE: u16 = 11;

/// The message that answers one query.
#[derive(Debug, Default)]
pub struct Response {
    author: Option<&'static str>,
    message: Vec<u8>,
    counts: [u16; 3],
    rcode_high: u8,
    size_max: usize,
    edns: Option<ReplyEdns>,
    options: Vec<u8>,
    /// Whether the options are those of an upstream's OPT record, even if there are none.
    has_upstream_options: bool,
    error: Option<InfoCode>,
    error_text: String,
    is_full: bool,
    is_uncacheable: bool,
    rest: Option<Rest>,
}

/// The messages that follow the first one of a response (RFC 5936 §2.2). They go over a stream alone, and are asked for
/// one at a time as the client takes them.
pub trait Continuation: Send {
    /// Begins `response` anew and writes the next message, not yet finished. Gives `false`, and nothing to send, after
    /// the last.
    fn next(&mut self, response: &mut Response) -> bool;
}

struct Rest(Box<dyn Continuation>);

#[derive(Debug, Clone, Copy)]
struct ReplyEdns {
    udp_size: u16,
    dnssec_ok: bool,
}

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
    message: &'r mut Vec<u8>,
}

/// Bytes that are no response to the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadMessage {
    /// Not a response, or to another question.
    #[error("the message answers another question")]
    OtherQuestion,
    /// Records run past the end or have no whole form.
    #[error("the message ends within a record")]
    Broken,
    /// A name that does not come to an end.
    #[error("the message has a name that cannot be read")]
    BadName,
}

// === impl Response ===

impl Response {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self { message: Vec::with_capacity(512), ..Self::default() }
    }

    /// Begins the answer to `query`: id, opcode, RD and CD as asked, no error, the question in the client's spelling.
    pub fn begin(&mut self, query: &Query<'_>) {
        // RD means something in a query alone; a NOTIFY's is not repeated, as CoreDNS does not.
        let recursion = if query.flags().opcode() == 0 { Flags::RD } else { 0 };
        let kept = query.flags().0 & (Flags::OPCODE | Flags::CD | recursion);
        self.author = None;
        self.message.clear();
        self.message.extend_from_slice(&query.id().to_be_bytes());
        self.message.extend_from_slice(&(kept | Flags::QR).to_be_bytes());
        self.message.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
        self.message.extend_from_slice(query.question());
        self.reset_state(query);
    }

    /// Replies to a packet that holds no query: its header turned around, with this RCODE and nothing behind it.
    pub fn begin_header_only(&mut self, packet: &[u8], rcode: Rcode) {
        let flags = read_u16(packet, 2).unwrap_or(0);
        // A packet that could not be read is not known to have an opcode; CoreDNS says QUERY then.
        let opcode = if rcode == Rcode::NOTIMP { flags & Flags::OPCODE } else { 0 };
        let kept = flags & (Flags::RD | Flags::CD | Flags::AD) | opcode;
        self.author = None;
        self.message.clear();
        self.message.extend_from_slice(&read_u16(packet, 0).unwrap_or(0).to_be_bytes());
        self.message.extend_from_slice(&(kept | Flags::QR | rcode.0 & 0xf).to_be_bytes());
        self.message.extend_from_slice(&[0; 8]);
        self.counts = [0; 3];
        self.rcode_high = 0;
        self.size_max = 512;
        self.edns = None;
        self.options.clear();
        self.has_upstream_options = false;
        self.error = None;
        self.is_full = false;
        self.is_uncacheable = false;
        self.rest = None;
    }

    /// Takes over an upstream's response to `query`: everything but id and question case stays as it came; its OPT
    /// record gives way to one of ours that repeats its options.
    ///
    /// # Errors
    /// When the message is not a whole response to the question; the response is then as after [`Response::begin`].
    pub fn load(&mut self, query: &Query<'_>, upstream: &[u8]) -> Result<(), BadMessage> {
        self.begin(query);
        let flags = answers_question(upstream, query.question()).ok_or(BadMessage::OtherQuestion)?;
        let mut records = Records::of(upstream).ok_or(BadMessage::Broken)?;
        let mut opt = None;
        let mut counts = [0; 3];
        let mut is_readable = true;
        for record in records.by_ref() {
            is_readable = is_readable && is_sound(upstream, &record);
            if record.rtype == RecordType::OPT && record.section == Section::Additional {
                if opt.replace(record).is_some() {
                    return Err(BadMessage::Broken);
                }
                continue;
            }
            // Pointers of a record behind the OPT record would lead astray once that is gone. Only TSIG and SIG(0) may
            // stand there, and both are for the hop that is over.
            if opt.is_none() {
                counts[record.section as usize] += 1;
            }
        }
        if records.is_broken() {
            return Err(BadMessage::Broken);
        }
        if !is_readable {
            return Err(BadMessage::BadName);
        }
        let end = opt.map_or(records.position(), |opt| opt.start);
        let question_end = HEADER_LEN + query.question().len();
        self.message.extend_from_slice(upstream.get(question_end..end).ok_or(BadMessage::Broken)?);
        self.message[2..4].copy_from_slice(&flags.0.to_be_bytes());
        for section in [Section::Answer, Section::Authority, Section::Additional] {
            self.set_count(section, counts[section as usize]);
        }
        if let Some(opt) = opt {
            self.rcode_high = (opt.ttl >> 24) as u8;
            self.has_upstream_options = true;
            self.keep_options(&upstream[opt.rdata_at()..opt.end]);
        }
        Ok(())
    }

    /// Takes over a message without OPT record that was kept from an earlier [`Response`] to the same question.
    pub fn load_kept(&mut self, query: &Query<'_>, kept: &[u8], rcode: Rcode) {
        self.begin(query);
        let question_end = self.message.len();
        let Some(records) = kept.get(question_end..) else { return };
        self.message.extend_from_slice(records);
        self.message[2..4].copy_from_slice(&kept[2..4]);
        for section in [Section::Answer, Section::Authority, Section::Additional] {
            let count = read_u16(kept, 6 + 2 * section as usize).unwrap_or(0);
            self.set_count(section, count);
        }
        self.set_rcode(rcode);
        let asked = query.flags().0 & (Flags::RD | Flags::CD);
        self.set_flags(self.flags().0 & !(Flags::RD | Flags::CD) | asked);
    }

    fn reset_state(&mut self, query: &Query<'_>) {
        self.counts = [0; 3];
        self.rcode_high = 0;
        self.size_max = query.size_max();
        self.edns = query.edns().map(|edns| ReplyEdns { udp_size: edns.udp_size, dnssec_ok: edns.dnssec_ok });
        self.options.clear();
        self.has_upstream_options = false;
        self.error = None;
        self.is_full = false;
        self.is_uncacheable = false;
        self.rest = None;
    }

    fn keep_options(&mut self, options: &[u8]) {
        let mut rest = options;
        while let (Some(code), Some(length)) = (read_u16(rest, 0), read_u16(rest, 2)) {
            let Some((option, tail)) = rest.split_at_checked(4 + usize::from(length)) else { return };
            if code != OPTION_KEEPALIVE {
                self.options.extend_from_slice(option);
            }
            rest = tail;
        }
    }

    /// The plugin that answered, once it has.
    #[must_use]
    pub fn author(&self) -> Option<&'static str> {
        self.author
    }

    /// Says which plugin answered; the first to say so since the response was begun is believed.
    pub fn note_author(&mut self, plugin: &'static str) {
        self.author.get_or_insert(plugin);
    }

    /// How many octets the message has with its OPT record, before it is cut to what the client takes and without an
    /// extended error: what metrics and logs call the size of the response.
    #[must_use]
    pub fn size(&self) -> usize {
        self.message.len() + if self.edns.is_some() { OPT_LEN + self.options.len() } else { 0 }
    }

    /// The message so far, without OPT record: a whole message at any time.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The header's flags.
    #[must_use]
    pub fn flags(&self) -> Flags {
        Flags(u16::from_be_bytes([self.message[2], self.message[3]]))
    }

    /// Sets all flags but the RCODE's bits.
    pub fn set_flags(&mut self, flags: u16) {
        let value = flags & !0xf | self.flags().rcode();
        self.message[2..4].copy_from_slice(&value.to_be_bytes());
    }

    /// Sets AA.
    pub fn set_authoritative(&mut self) {
        self.set_flags(self.flags().0 | Flags::AA);
    }

    /// The response code, its extended bits included.
    #[must_use]
    pub fn rcode(&self) -> Rcode {
        Rcode(u16::from(self.rcode_high) << 4 | self.flags().rcode())
    }

    /// Sets the response code.
    pub fn set_rcode(&mut self, rcode: Rcode) {
        self.rcode_high = (rcode.0 >> 4) as u8;
        let value = self.flags().0 & !0xf | rcode.0 & 0xf;
        self.message[2..4].copy_from_slice(&value.to_be_bytes());
    }

    /// How many records a section holds.
    #[must_use]
    pub fn count(&self, section: Section) -> u16 {
        self.counts[section as usize]
    }

    /// The records.
    #[must_use]
    pub fn records(&self) -> Records<'_> {
        // A message of ours is whole; an empty buffer has no records.
        Records::of(&self.message).unwrap_or_else(|| EMPTY_MESSAGE.clone())
    }

    /// Whether a record did not fit into 65,535 octets and was left out.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Says that this answer is not to be kept for later: the plugin that gave it has live data and answers as fast
    /// itself. Holds until the response is begun anew, for a failure too.
    pub fn set_uncacheable(&mut self) {
        self.is_uncacheable = true;
    }

    /// Whether the answer may be kept for later.
    #[must_use]
    pub fn is_cacheable(&self) -> bool {
        !self.is_uncacheable
    }

    /// Says that this message is the first of several: the transport asks `rest` for the others.
    pub fn continue_with(&mut self, rest: Box<dyn Continuation>) {
        self.rest = Some(Rest(rest));
    }

    /// Whether other messages follow this one.
    #[must_use]
    pub fn is_continued(&self) -> bool {
        self.rest.is_some()
    }

    /// What writes the messages that follow, for the transport to keep.
    pub fn take_rest(&mut self) -> Option<Box<dyn Continuation>> {
        self.rest.take().map(|rest| rest.0)
    }

    /// Whether the client sent EDNS, so that an extended error reaches it.
    #[must_use]
    pub fn takes_extended_error(&self) -> bool {
        self.edns.is_some()
    }

    /// Says why, in an extended error (RFC 8914) that replaces an earlier one. `write` appends the text; more than 255
    /// octets are cut. Without EDNS in the query nothing happens.
    pub fn explain(&mut self, code: InfoCode, write: impl FnOnce(&mut String)) {
        if self.edns.is_none() {
            return;
        }
        self.error = Some(code);
        self.error_text.clear();
        write(&mut self.error_text);
        if self.error_text.len() > 255 {
            let cut = (0..=255).rev().find(|at| self.error_text.is_char_boundary(*at)).unwrap_or(0);
            self.error_text.truncate(cut);
        }
    }

    /// The extended error that will be sent, for those who log it.
    #[must_use]
    pub fn extended_error(&self) -> Option<(InfoCode, &str)> {
        self.error.map(|code| (code, self.error_text.as_str()))
    }

    // === Records ===

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

    /// Takes away all records behind the question, the RCODE and AA: to answer anew.
    pub fn clear_records(&mut self) {
        let Some(end) = skip_name(&self.message, HEADER_LEN) else { return };
        self.message.truncate(end + 4);
        for section in [Section::Answer, Section::Authority, Section::Additional] {
            self.set_count(section, 0);
        }
        self.set_flags(self.flags().0 & !(Flags::AA | Flags::TC));
        self.set_rcode(Rcode::NOERROR);
        self.error = None;
        self.is_full = false;
        self.rest = None;
    }

    /// Takes away the authority and additional sections. Nothing in an answer points forward, so that it stays whole.
    pub fn keep_answers_only(&mut self) {
        let first = self.records().find(|record| record.section != Section::Answer);
        let Some(first) = first.map(|record| record.start) else { return };
        self.message.truncate(first);
        self.set_count(Section::Authority, 0);
        self.set_count(Section::Additional, 0);
    }

    /// The data of the first option of this code in the OPT record of the reply, as an upstream sent it.
    #[must_use]
    pub fn option(&self, code: u16) -> Option<&[u8]> {
        option(&self.options, code)
    }

    /// Puts an option into the OPT record of the reply, in place of one of the same code. Without EDNS in the query
    /// there is no OPT record, and nothing happens.
    pub fn set_option(&mut self, code: u16, data: &[u8]) {
        let Ok(length) = u16::try_from(data.len()) else { return };
        if self.edns.is_none() {
            return;
        }
        self.remove_option(code);
        for part in [&code.to_be_bytes()[..], &length.to_be_bytes(), data] {
            self.options.extend_from_slice(part);
        }
    }

    /// Takes the options of this code out of the OPT record of the reply. Gives whether there were any.
    pub fn remove_option(&mut self, code: u16) -> bool {
        let (before, mut at) = (self.options.len(), 0);
        while let (Some(held), Some(held_len)) =
            (read_u16(&self.options, at), read_u16(&self.options, at + 2))
        {
            let end = (at + 4 + usize::from(held_len)).min(self.options.len());
            if held == code {
                self.options.drain(at..end);
            } else {
                at = end;
            }
        }
        self.options.len() < before
    }

    /// Whether an upstream sent an OPT record with this response.
    #[must_use]
    pub fn has_upstream_options(&self) -> bool {
        self.has_upstream_options
    }

    /// Gives every record the TTL that `ttl` says, in seconds.
    pub fn set_ttls(&mut self, mut ttl: impl FnMut(&RecordSpan) -> u32) {
        let Some(mut cursor) = Cursor::of(&self.message) else { return };
        while let Some(record) = cursor.next(&self.message) {
            let ttl = ttl(&record);
            self.set_ttl_at(record.ttl_at(), ttl);
        }
    }

    /// Writes a TTL where it stands in the message ([`RecordSpan::ttl_at`]).
    pub fn set_ttl_at(&mut self, at: usize, ttl: u32) {
        if let Some(octets) = self.message.get_mut(at..at + 4) {
            octets.copy_from_slice(&ttl.to_be_bytes());
        }
    }

    /// Puts the records into this order: all that there are, those of a section before those of the next. Names are
    /// written anew, which allocates. A message that would not fit any more stays as it is.
    pub fn put_in_order(&mut self, records: &[RecordSpan]) {
        let message = reorder::in_order(&self.message, records);
        if let Some(message) = message.filter(|message| message.len() <= MESSAGE_LEN_MAX - OPT_LEN) {
            self.message = message;
        }
    }

    /// Shows `arrange` each A or AAAA RRset of two or more records, to bring its addresses into another order.
    pub fn arrange_addresses(&mut self, arrange: impl FnMut(&mut AddressSet<'_>)) {
        addresses::arrange(&mut self.message, arrange);
    }

    /// Ends the message: cuts it at a record boundary to what the client takes, sets TC when it did, and adds the OPT
    /// record with the extended error, whose text gives way first. Gives the bytes to send.
    pub fn finish(&mut self) -> &[u8] {
        let with_options = self.message.len() + OPT_LEN + self.options.len();
        if self.edns.is_some() && with_options > self.size_max.min(MESSAGE_LEN_MAX) {
            // They are an upstream's: the client's limit and the records come first.
            self.options.clear();
        }
        let opt_len = if self.edns.is_some() { OPT_LEN + self.options.len() } else { 0 };
        let room = self.size_max.min(MESSAGE_LEN_MAX).saturating_sub(opt_len);
        if self.message.len() > room || self.is_full {
            self.cut(room);
        }
        let Some(edns) = self.edns else { return &self.message };
        let text_room = room.saturating_sub(self.message.len());
        let error = self.error.filter(|_| text_room >= 6);
        let text_len = error
            .map_or(0, |_| if 6 + self.error_text.len() <= text_room { self.error_text.len() } else { 0 });
        let error_len = error.map_or(0, |_| 6 + text_len);
        let mut octets = [0, 0, 41, 0, 0, self.rcode_high, 0, 0, 0, 0, 0];
        // Payload size of the reply: CoreDNS repeats the client's, and so do we.
        octets[3..5].copy_from_slice(&edns.udp_size.to_be_bytes());
        octets[7] = if edns.dnssec_ok { 0x80 } else { 0 };
        octets[9..].copy_from_slice(&((self.options.len() + error_len) as u16).to_be_bytes());
        self.message.extend_from_slice(&octets);
        self.message.extend_from_slice(&self.options);
        if let Some(code) = error {
            self.message.extend_from_slice(&OPTION_EDE.to_be_bytes());
            self.message.extend_from_slice(&((2 + text_len) as u16).to_be_bytes());
            self.message.extend_from_slice(&code.0.to_be_bytes());
            self.message.extend_from_slice(&self.error_text.as_bytes()[..text_len]);
        }
        // The OPT record counts on the wire only: a response is finished once.
        let additionals = self.counts[Section::Additional as usize] + 1;
        self.message[10..12].copy_from_slice(&additionals.to_be_bytes());
        &self.message
    }

    /// The bytes to send, after [`Response::finish`].
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.message
    }

    fn cut(&mut self, room: usize) {
        let mut end = None;
        let mut kept = [0; 3];
        for record in self.records() {
            if end.is_none() {
                end = Some(record.start);
            }
            if record.end > room {
                break;
            }
            kept[record.section as usize] += 1;
            end = Some(record.end);
        }
        if let Some(end) = end {
            self.message.truncate(end);
        }
        for section in [Section::Answer, Section::Authority, Section::Additional] {
            self.set_count(section, kept[section as usize]);
        }
        self.set_flags(self.flags().0 | Flags::TC);
    }

    fn set_count(&mut self, section: Section, count: u16) {
        self.counts[section as usize] = count;
        let at = 6 + 2 * section as usize;
        self.message[at..at + 2].copy_from_slice(&count.to_be_bytes());
    }
}

static EMPTY_MESSAGE: std::sync::LazyLock<Records<'static>> = std::sync::LazyLock::new(|| {
    // A header that counts no records.
    #[expect(clippy::unwrap_used, reason = "a constant")]
    Records::of(&[0; HEADER_LEN]).unwrap()
});

// === impl Rest ===

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rest")
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
    pub(super) fn message(&self) -> &[u8] {
        self.message
    }

    /// Where the next octet goes in the message.
    #[must_use]
    pub fn position(&self) -> usize {
        self.message.len()
    }
}

#[cfg(test)]
mod tests;
