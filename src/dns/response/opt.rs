//! The OPT record of the reply (RFC 6891 §6.1.2): what a client that sent EDNS gets besides records.
//!
//! It is kept beside the message until that is finished, so that records can be added and cut before it.

use super::super::code::read_u16;
use super::super::edns::option;
use super::super::{InfoCode, Query};
use super::Response;

/// The octets of an OPT record without options: root, type, size, flags, length (RFC 6891 §6.1.2).
pub const OPT_LEN: usize = 11;
/// The option that carries an extended error (RFC 8914 §2).
const OPTION_EDE: u16 = 15;
/// An option that speaks of one hop only (RFC 7828 §3.1), so that an upstream's is not ours to repeat.
const OPTION_KEEPALIVE: u16 = 11;
/// Code and length of an option, and the code of an extended error.
const ERROR_LEN_MIN: usize = 6;
/// How many octets of text an extended error carries at most.
const ERROR_TEXT_MAX: usize = 255;

/// What will stand in the OPT record.
#[derive(Debug, Default, Clone)]
pub(super) struct Opt {
    /// What the query's said; without it there is none in the reply either.
    edns: Option<ReplyEdns>,
    /// In wire form.
    options: Vec<u8>,
    /// Whether the options are those of an upstream's OPT record, even if there are none.
    is_upstream: bool,
    error: Option<InfoCode>,
    error_text: String,
}

#[derive(Debug, Clone, Copy)]
struct ReplyEdns {
    udp_size: u16,
    dnssec_ok: bool,
}

// === impl Opt ===

impl Opt {
    /// Of the reply to this query; without one, to a packet that is none.
    pub(super) fn begin(&mut self, query: Option<&Query<'_>>) {
        self.reply_to(query);
        self.options.clear();
        self.is_upstream = false;
        self.error = None;
    }

    /// Is there where this query has EDNS, whatever stands in it.
    pub(super) fn reply_to(&mut self, query: Option<&Query<'_>>) {
        self.edns = query
            .and_then(Query::edns)
            .map(|edns| ReplyEdns { udp_size: edns.udp_size, dnssec_ok: edns.dnssec_ok });
    }

    /// Says what `other` says: its options too, and its error instead of one of ours.
    pub(super) fn take_over(&mut self, other: &Self) {
        self.options.extend_from_slice(&other.options);
        self.error = other.error.filter(|_| self.edns.is_some());
        self.error_text.clone_from(&other.error_text);
    }

    /// Repeats the options of an upstream.
    pub(super) fn repeat(&mut self, options: &[u8]) {
        self.is_upstream = true;
        let mut rest = options;
        while let (Some(code), Some(length)) = (read_u16(rest, 0), read_u16(rest, 2)) {
            let Some((option, tail)) = rest.split_at_checked(4 + usize::from(length)) else { return };
            if code != OPTION_KEEPALIVE {
                self.options.extend_from_slice(option);
            }
            rest = tail;
        }
    }

    pub(super) fn forget_error(&mut self) {
        self.error = None;
    }

    /// How many octets the record has without the extended error.
    pub(super) fn len(&self) -> usize {
        if self.edns.is_some() { OPT_LEN + self.options.len() } else { 0 }
    }

    /// Gives way, where the message with all options is longer than it may be: they are an upstream's, and the client's
    /// limit and the records come first.
    pub(super) fn fit(&mut self, message_len: usize, size_max: usize) {
        if self.edns.is_some() && message_len + self.len() > size_max {
            self.options.clear();
        }
    }

    /// Appends the record, with as much of the extended error as `size_max` octets leave room for: its text gives way
    /// first. Gives whether there is a record.
    pub(super) fn append(&self, rcode_high: u8, message: &mut Vec<u8>, size_max: usize) -> bool {
        let Some(edns) = self.edns else { return false };
        let room = size_max.saturating_sub(message.len() + self.len());
        let error = self.error.filter(|_| room >= ERROR_LEN_MIN);
        let text =
            if ERROR_LEN_MIN + self.error_text.len() <= room { self.error_text.as_bytes() } else { b"" };
        let error_len = error.map_or(0, |_| ERROR_LEN_MIN + text.len());
        let mut octets = [0, 0, 41, 0, 0, rcode_high, 0, 0, 0, 0, 0];
        // Payload size of the reply: CoreDNS repeats the client's, and so do we.
        octets[3..5].copy_from_slice(&edns.udp_size.to_be_bytes());
        octets[7] = if edns.dnssec_ok { 0x80 } else { 0 };
        octets[9..].copy_from_slice(&((self.options.len() + error_len) as u16).to_be_bytes());
        message.extend_from_slice(&octets);
        message.extend_from_slice(&self.options);
        if let Some(code) = error {
            message.extend_from_slice(&OPTION_EDE.to_be_bytes());
            message.extend_from_slice(&((2 + text.len()) as u16).to_be_bytes());
            message.extend_from_slice(&code.0.to_be_bytes());
            message.extend_from_slice(text);
        }
        true
    }
}

// === impl Response ===

impl Response {
    /// Whether the client sent EDNS, so that an extended error reaches it.
    #[must_use]
    pub fn takes_extended_error(&self) -> bool {
        self.opt.edns.is_some()
    }

    /// Says why, in an extended error (RFC 8914) that replaces an earlier one. `write` appends the text; more than 255
    /// octets are cut. Without EDNS in the query nothing happens.
    pub fn explain(&mut self, code: InfoCode, write: impl FnOnce(&mut String)) {
        let opt = &mut self.opt;
        if opt.edns.is_none() {
            return;
        }
        opt.error = Some(code);
        opt.error_text.clear();
        write(&mut opt.error_text);
        let length = opt.error_text.len().min(ERROR_TEXT_MAX);
        let cut = (0..=length).rev().find(|at| opt.error_text.is_char_boundary(*at)).unwrap_or(0);
        opt.error_text.truncate(cut);
    }

    /// The extended error that will be sent, for those who log it.
    #[must_use]
    pub fn extended_error(&self) -> Option<(InfoCode, &str)> {
        self.opt.error.map(|code| (code, self.opt.error_text.as_str()))
    }

    /// The data of the first option of this code in the OPT record of the reply, as an upstream sent it.
    #[must_use]
    pub fn option(&self, code: u16) -> Option<&[u8]> {
        option(&self.opt.options, code)
    }

    /// Puts an option into the OPT record of the reply, in place of one of the same code. Without EDNS in the query
    /// there is no OPT record, and nothing happens.
    pub fn set_option(&mut self, code: u16, data: &[u8]) {
        let Ok(length) = u16::try_from(data.len()) else { return };
        if self.opt.edns.is_none() {
            return;
        }
        self.remove_option(code);
        for part in [&code.to_be_bytes()[..], &length.to_be_bytes(), data] {
            self.opt.options.extend_from_slice(part);
        }
    }

    /// Takes the options of this code out of the OPT record of the reply. Gives whether there were any.
    pub fn remove_option(&mut self, code: u16) -> bool {
        let options = &mut self.opt.options;
        let (before, mut at) = (options.len(), 0);
        while let (Some(held), Some(held_len)) = (read_u16(options, at), read_u16(options, at + 2)) {
            let end = (at + 4 + usize::from(held_len)).min(options.len());
            if held == code {
                options.drain(at..end);
            } else {
                at = end;
            }
        }
        options.len() < before
    }

    /// Whether an upstream sent an OPT record with this response.
    #[must_use]
    pub fn has_upstream_options(&self) -> bool {
        self.opt.is_upstream
    }
}
