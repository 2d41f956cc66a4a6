//! The addresses of an RRset in another order, within the message that holds them.
//!
//! Hot path. TTL and RDATA change places and the owners stay, so that no compression pointer leads elsewhere afterwards,
//! and nothing is decoded or allocated.

use std::net::{IpAddr, Ipv6Addr};

use super::code::{RecordType, read_u16};
use super::message::{Cursor, RecordSpan, Section, expand_name};
use super::name::NAME_LEN_MAX;

/// The A records, or the AAAA records, of one owner that stand together in a section of a message. Their order may be
/// changed; which of them it is that a place holds is all that changes.
#[derive(Debug)]
pub struct AddressSet<'m> {
    message: &'m mut [u8],
    section: Section,
    owner_at: usize,
    first_ttl_at: usize,
    second_ttl_at: usize,
    // What follows the first has one length, so that the place of each is known without a list of them.
    stride: usize,
    address_len: usize,
    len: usize,
}

/// Shows `arrange` each set of two or more addresses of `message`, in order.
pub(super) fn arrange(message: &mut [u8], mut arrange: impl FnMut(&mut AddressSet<'_>)) {
    let Some(mut cursor) = Cursor::of(message) else { return };
    let mut next = cursor.next(message);
    while let Some(first) = next {
        next = cursor.next(message);
        let Some(address_len) = address_len(&first) else { continue };
        let (mut len, mut stride, mut second_ttl_at) = (1, 0, 0);
        while let Some(more) = next.filter(|more| is_of_set(&first, more, message)) {
            let length = more.end - more.start;
            if len == 1 {
                (stride, second_ttl_at) = (length, more.ttl_at());
            } else if length != stride {
                break;
            }
            len += 1;
            next = cursor.next(message);
        }
        if len > 1 {
            arrange(&mut AddressSet {
                message: &mut *message,
                section: first.section,
                owner_at: first.start,
                first_ttl_at: first.ttl_at(),
                second_ttl_at,
                stride,
                address_len,
                len,
            });
        }
    }
}

fn address_len(record: &RecordSpan) -> Option<usize> {
    match (record.rtype, record.end - record.rdata_at()) {
        (RecordType::A, 4) => Some(4),
        (RecordType::AAAA, 16) => Some(16),
        _ => None,
    }
}

/// Whether `next`, which follows, has owner and form of `first`: the owner is the same octets, or a pointer to them.
fn is_of_set(first: &RecordSpan, next: &RecordSpan, message: &[u8]) -> bool {
    if (first.section, first.rtype, first.end - first.fixed)
        != (next.section, next.rtype, next.end - next.fixed)
    {
        return false;
    }
    let (ours, theirs) = (&message[first.start..first.fixed], &message[next.start..next.fixed]);
    // A pointer has 14 bits: to what stands further back there is none.
    ours == theirs || (first.start < 0x4000 && theirs == (0xc000 | first.start as u16).to_be_bytes())
}

impl AddressSet<'_> {
    /// The section that it stands in.
    #[must_use]
    pub fn section(&self) -> Section {
        self.section
    }

    /// How many addresses there are: two or more.
    #[expect(clippy::len_without_is_empty, reason = "one that is empty is not shown to anybody")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Writes the folded owner to `out` and gives its length; `None` when the message is broken there.
    pub fn owner(&self, out: &mut [u8; NAME_LEN_MAX]) -> Option<usize> {
        expand_name(self.message, self.owner_at, out)
    }

    /// The address number `index`; an IPv4 address that is written as AAAA is IPv4.
    #[must_use]
    pub fn address(&self, index: usize) -> IpAddr {
        let at = self.ttl_at(index) + 6;
        let octets = &self.message[at..at + self.address_len];
        match <[u8; 4]>::try_from(octets) {
            Ok(octets) => octets.into(),
            Err(_) => {
                let mut groups = [0; 8];
                for (group, number) in groups.iter_mut().enumerate() {
                    *number = read_u16(octets, 2 * group).unwrap_or(0);
                }
                Ipv6Addr::from(groups).to_canonical()
            }
        }
    }

    /// Exchanges two of them.
    pub fn swap(&mut self, a: usize, b: usize) {
        if a == b {
            return;
        }
        let (low, high) = (self.ttl_at(a.min(b)), self.ttl_at(a.max(b)));
        // TTL, length, address.
        let len = 6 + self.address_len;
        let (front, back) = self.message.split_at_mut(high);
        front[low..low + len].swap_with_slice(&mut back[..len]);
    }

    /// Brings all into a random order, each as likely. `random(n)` gives a number below `n`.
    pub fn shuffle(&mut self, mut random: impl FnMut(u32) -> u32) {
        for index in (1..self.len).rev() {
            self.swap(index, random(index as u32 + 1) as usize);
        }
    }

    /// Moves those from place `from` on for which `is_wanted` holds before the others; among each other both keep their
    /// order. Gives the place behind the last that is wanted.
    pub fn move_forward(&mut self, from: usize, is_wanted: &impl Fn(IpAddr) -> bool) -> usize {
        self.partition(from, self.len, is_wanted)
    }

    /// Halves first, then the unwanted of the left and the wanted of the right half change places: n log n, and no list.
    fn partition(&mut self, from: usize, to: usize, is_wanted: &impl Fn(IpAddr) -> bool) -> usize {
        match to.saturating_sub(from) {
            0 => from,
            1 => from + usize::from(is_wanted(self.address(from))),
            count => {
                let middle = from + count / 2;
                let left = self.partition(from, middle, is_wanted);
                let right = self.partition(middle, to, is_wanted);
                if left < middle && right > middle {
                    self.reverse(left, middle);
                    self.reverse(middle, right);
                    self.reverse(left, right);
                }
                left + (right - middle)
            }
        }
    }

    fn reverse(&mut self, from: usize, to: usize) {
        for step in 0..(to - from) / 2 {
            self.swap(from + step, to - 1 - step);
        }
    }

    fn ttl_at(&self, index: usize) -> usize {
        debug_assert!(index < self.len);
        match index {
            0 => self.first_ttl_at,
            more => self.second_ttl_at + (more - 1) * self.stride,
        }
    }
}
