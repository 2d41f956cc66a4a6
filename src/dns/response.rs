//! A response: the wire message itself, written section by section into one buffer that is used again.
//!
//! Hot path. The buffer grows to the largest message that it held and stays; writing an answer allocates nothing. Until
//! [`Response::finish`] the message stands without OPT record and untruncated, so that plugins on the way back see all
//! of it (`cache` keeps it, `loadbalance` shuffles it before it is cut).

mod graft;
mod opt;
mod record;
mod repeat;
mod turned;

use super::addresses;
use super::code::{Flags, Rcode, RecordType, read_u16};
use super::message::{Cursor, RecordSpan, Records, Section, skip_name};
use super::reorder;
use super::sound::is_sound;
use super::{AddressSet, HEADER_LEN, Query, answers_question};
use opt::Opt;

pub use opt::OPT_LEN;
pub use record::{Owner, Rdata};
pub use repeat::Said;
pub use turned::{NameRole, Rename};

const MESSAGE_LEN_MAX: usize = u16::MAX as usize;
/// The message that answers one query.
#[derive(Debug, Default)]
pub struct Response {
    author: Option<&'static str>,
    message: Vec<u8>,
    counts: [u16; 3],
    rcode_high: u8,
    size_max: usize,
    opt: Opt,
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
        self.opt.begin(None);
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
            self.opt.repeat(&upstream[opt.rdata_at()..opt.end]);
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
        self.opt.begin(Some(query));
        self.is_full = false;
        self.is_uncacheable = false;
        self.rest = None;
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
        self.message.len() + self.opt.len()
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

    /// Takes away all records behind the question, the RCODE and AA: to answer anew.
    pub fn clear_records(&mut self) {
        let Some(end) = skip_name(&self.message, HEADER_LEN) else { return };
        self.message.truncate(end + 4);
        for section in [Section::Answer, Section::Authority, Section::Additional] {
            self.set_count(section, 0);
        }
        self.set_flags(self.flags().0 & !(Flags::AA | Flags::TC));
        self.set_rcode(Rcode::NOERROR);
        self.opt.forget_error();
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
        let size_max = self.size_max.min(MESSAGE_LEN_MAX);
        self.opt.fit(self.message.len(), size_max);
        let room = size_max.saturating_sub(self.opt.len());
        if self.message.len() > room || self.is_full {
            self.cut(room);
        }
        if !self.opt.append(self.rcode_high, &mut self.message, size_max) {
            return &self.message;
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

#[cfg(test)]
mod tests;
