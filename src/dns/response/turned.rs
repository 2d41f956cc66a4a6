//! The response to one question turned into the response to another: `rewrite` on the way back.
//!
//! A compression pointer leads into the old question, so that a question of another length moves every name. All names
//! are read whole, given to who wants them otherwise, and written anew, compressed against what stands there already.
//! The work is bounded by the octets of the two messages: a name that is known costs one look, and one that is not takes
//! its octets.

use std::cell::RefCell;

use super::super::code::Flags;
use super::super::message::{RecordSpan, Records, Section, copy_name};
use super::super::moved::Layout;
use super::super::pack::Packer;
use super::super::{HEADER_LEN, NAME_LEN_MAX, Query, RecordType};
use super::{BadMessage, MESSAGE_LEN_MAX, OPT_LEN, Response};

/// What a name is in its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameRole {
    /// Whose record it is.
    Owner,
    /// What the record leads to: the target of CNAME, DNAME, SRV, MX, NS, PTR and NAPTR, MNAME of SOA.
    Value,
}

/// Gives a name another form: it is shown what the name is and its wire form, in the letters of the message, and writes
/// the other one, or gives `false` where the name stays.
pub type Rename<'r> = &'r mut dyn FnMut(NameRole, &[u8], &mut Vec<u8>) -> bool;

/// A message being written.
#[derive(Default)]
struct Scratch {
    out: Vec<u8>,
    packer: Packer,
    renamed: Vec<u8>,
}

thread_local! {
    static SPARE: RefCell<Scratch> = RefCell::default();
}

impl Response {
    /// Makes this the response to `query`: its question, and what it takes (size, OPT record). RCODE, flags, sections,
    /// options and the reason stay. Names become what `rename` says. What a message does not take is left out, and the
    /// message is [full](Response::is_full).
    ///
    /// # Errors
    /// When a name or record cannot be read, as an upstream may have sent it; the response is of no use then, until it is
    /// begun anew.
    pub fn turn_to(&mut self, query: &Query<'_>, rename: Rename<'_>) -> Result<(), BadMessage> {
        self.write_anew(query.question(), |scratch, old| {
            let mut records = Records::of(old)?;
            let mut counts = [0; 3];
            let mut is_full = false;
            for record in records.by_ref() {
                if !scratch.record(old, &record, rename)? {
                    is_full = true;
                    break;
                }
                counts[record.section as usize] += 1;
            }
            (!records.is_broken()).then_some((counts, is_full))
        })?;
        self.take_limits(query);
        Ok(())
    }

    /// The same for a query whose QNAME stands in this response already, letter for letter, and with all names as they
    /// are: nothing is written but type and class.
    pub fn turn_in_place(&mut self, query: &Query<'_>) {
        if let Some(question) = self.message.get_mut(HEADER_LEN..HEADER_LEN + query.question().len()) {
            question.copy_from_slice(query.question());
        }
        self.take_limits(query);
    }

    /// Whether the question's name is that of `query`, letter for letter.
    #[must_use]
    pub fn has_name_of(&self, query: &Query<'_>) -> bool {
        self.message.get(HEADER_LEN..).is_some_and(|question| question.starts_with(query.name_original()))
    }

    /// Leads the CNAME record at `cname` (one of [`Response::records`]) to `target`, and puts the answers of `found` behind
    /// it. Of what the answer section had, the CNAME records before it stay. Nobody has signed that: AD is cleared, and TC
    /// is that of `found`.
    ///
    /// # Errors
    /// As [`Response::turn_to`].
    pub fn lead_elsewhere(
        &mut self,
        cname: &RecordSpan,
        target: &[u8],
        found: &Response,
    ) -> Result<(), BadMessage> {
        let question_end = Records::of(&self.message).ok_or(BadMessage::Broken)?.position();
        let question = self.message.get(HEADER_LEN..question_end).unwrap_or_default().to_vec();
        self.write_anew(&question, |scratch, old| {
            let mut counts = [0; 3];
            let mut is_full = false;
            let mut stays = |_: NameRole, _: &[u8], _: &mut Vec<u8>| false;
            let mut leads = |role: NameRole, _: &[u8], out: &mut Vec<u8>| {
                out.extend_from_slice(target);
                role == NameRole::Value
            };
            let mut records = Records::of(old)?.peekable();
            while let Some(record) = records.next_if(|record| record.section == Section::Answer) {
                if record.rtype == RecordType::CNAME && record.start <= cname.start {
                    let rename: Rename<'_> =
                        if record.start == cname.start { &mut leads } else { &mut stays };
                    is_full |= !scratch.record(old, &record, rename)?;
                    counts[0] += u16::from(!is_full);
                }
            }
            let answers = found.records().take_while(|record| record.section == Section::Answer);
            let answers = answers.map(|record| (found.message(), record));
            for (message, record) in answers.chain(records.map(|record| (old, record))) {
                is_full = is_full || !scratch.record(message, &record, &mut stays)?;
                counts[record.section as usize] += u16::from(!is_full);
            }
            Some((counts, is_full))
        })?;
        let kept = self.flags().0 & !(Flags::TC | Flags::AD);
        self.set_flags(kept | found.flags().0 & Flags::TC);
        self.is_full |= found.is_full;
        self.is_uncacheable |= found.is_uncacheable;
        Ok(())
    }

    /// What `query` takes: its size, and whether there is to be an OPT record.
    fn take_limits(&mut self, query: &Query<'_>) {
        self.size_max = query.size_max();
        self.opt.reply_to(Some(query));
    }

    /// Writes the message again: the header, this question, and the records that `write` puts there. It gives how many they
    /// are in each section, and whether one was left out.
    fn write_anew(
        &mut self,
        question: &[u8],
        write: impl FnOnce(&mut Scratch, &[u8]) -> Option<([u16; 3], bool)>,
    ) -> Result<(), BadMessage> {
        let mut scratch = SPARE.take();
        scratch.out.clear();
        scratch.out.extend_from_slice(self.message.get(..HEADER_LEN).unwrap_or(&[0; HEADER_LEN]));
        scratch.out[4..6].copy_from_slice(&[0, 1]);
        scratch.out.extend_from_slice(question);
        scratch.packer.begin_with(&scratch.out);
        let written = write(&mut scratch, &self.message);
        if let Some((counts, is_full)) = written {
            std::mem::swap(&mut self.message, &mut scratch.out);
            self.is_full |= is_full;
            for section in [Section::Answer, Section::Authority, Section::Additional] {
                self.set_count(section, counts[section as usize]);
            }
        }
        SPARE.set(scratch);
        written.map(drop).ok_or(BadMessage::Broken)
    }
}

impl Scratch {
    /// Copies a record of `old`. Gives whether there was room, and `None` when it cannot be read.
    fn record(&mut self, old: &[u8], record: &RecordSpan, rename: Rename<'_>) -> Option<bool> {
        let start = self.out.len();
        self.name(old, record.start, true, Some(NameRole::Owner), rename)?;
        self.out.extend_from_slice(old.get(record.fixed..record.fixed + 8)?);
        self.out.extend_from_slice(&[0, 0]);
        let rdata_at = self.out.len();
        let mut at = record.rdata_at();
        if let Some(layout) = Layout::of(record.rtype) {
            let first = layout.first_name(old, at)?;
            self.out.extend_from_slice(old.get(at..first)?);
            at = first;
            for number in 0..layout.names {
                let role = (number == 0 && leads_on(record.rtype)).then_some(NameRole::Value);
                at = self.name(old, at, layout.may_point, role, rename)?;
            }
        }
        self.out.extend_from_slice(old.get(at..record.end)?);
        if self.out.len() > MESSAGE_LEN_MAX - OPT_LEN {
            self.out.truncate(start);
            return Some(false);
        }
        let length = (self.out.len() - rdata_at) as u16;
        self.out[rdata_at - 2..rdata_at].copy_from_slice(&length.to_be_bytes());
        Some(true)
    }

    /// Copies the name at `at` of `old`; gives where `old` goes on behind it. A name without role is not shown to
    /// `rename`.
    fn name(
        &mut self,
        old: &[u8],
        at: usize,
        may_point: bool,
        role: Option<NameRole>,
        rename: Rename<'_>,
    ) -> Option<usize> {
        let mut whole = [0; NAME_LEN_MAX];
        let length = copy_name(old, at, &mut whole)?;
        self.renamed.clear();
        let is_renamed = role.is_some_and(|role| rename(role, &whole[..length], &mut self.renamed));
        let name = if is_renamed { &self.renamed[..] } else { &whole[..length] };
        self.packer.write(&mut self.out, name, may_point);
        super::skip_name(old, at)
    }
}

/// Whether the first name in the RDATA of the type is one that the record leads to.
fn leads_on(rtype: RecordType) -> bool {
    matches!(
        rtype,
        RecordType::NS
            | RecordType::CNAME
            | RecordType::SOA
            | RecordType::PTR
            | RecordType::MX
            | RecordType::SRV
            | RecordType::NAPTR
            | RecordType::DNAME
    )
}

#[cfg(test)]
mod tests;
