//! The addresses of an RRset in another order, within the message that holds them.
//!
//! Hot path. TTL and RDATA change places and the owners stay, so that no compression pointer leads elsewhere afterwards,
//! and nothing is decoded or allocated.

use super::HEADER_LEN;
use super::code::{RecordType, read_u16};
use super::message::skip_name;

/// Shuffles the addresses within each A or AAAA RRset of `message`. `random(n)` gives a number below `n`.
pub(super) fn addresses(message: &mut [u8], mut random: impl FnMut(u32) -> u32) {
    let Some(name_end) = skip_name(message, HEADER_LEN) else { return };
    let mut at = name_end + 4;
    while let Some((set, end)) = AddressSet::at(message, at) {
        for index in (1..set.count).rev() {
            let other = random(index + 1);
            if other != index {
                set.swap(message, index, other);
            }
        }
        at = end;
    }
}

/// A run of A or AAAA records of one owner: what follows the first has one length, so that the place of each is known
/// without a list of them.
struct AddressSet {
    first_ttl_at: usize,
    second_ttl_at: usize,
    stride: usize,
    swap_len: usize,
    count: u32,
}

impl AddressSet {
    /// The set, or the single record of another type, that begins at `at`, and where the next begins.
    fn at(message: &[u8], at: usize) -> Option<(Self, usize)> {
        let first = Head::at(message, at)?;
        let rdata_len = first.end - first.fixed - 10;
        let mut set = Self {
            first_ttl_at: first.fixed + 4,
            second_ttl_at: 0,
            stride: 0,
            swap_len: 6 + rdata_len,
            count: 1,
        };
        let mut end = first.end;
        if !matches!((first.rtype, rdata_len), (RecordType::A, 4) | (RecordType::AAAA, 16)) {
            return Some((set, end));
        }
        while let Some(next) = Head::at(message, end) {
            let same = next.rtype == first.rtype
                && next.end - next.fixed == first.end - first.fixed
                && first.same_owner(&next, message);
            let length = next.end - next.start;
            if !same || (set.count > 1 && length != set.stride) {
                break;
            }
            if set.count == 1 {
                set.second_ttl_at = next.fixed + 4;
                set.stride = length;
            }
            set.count += 1;
            end = next.end;
        }
        Some((set, end))
    }

    fn ttl_at(&self, index: u32) -> usize {
        match index {
            0 => self.first_ttl_at,
            more => self.second_ttl_at + (more as usize - 1) * self.stride,
        }
    }

    fn swap(&self, message: &mut [u8], a: u32, b: u32) {
        let (low, high) = (self.ttl_at(a.min(b)), self.ttl_at(a.max(b)));
        let (front, back) = message.split_at_mut(high);
        front[low..low + self.swap_len].swap_with_slice(&mut back[..self.swap_len]);
    }
}

/// The place of one record, without its section.
struct Head {
    start: usize,
    fixed: usize,
    end: usize,
    rtype: RecordType,
}

impl Head {
    fn at(message: &[u8], start: usize) -> Option<Self> {
        if start >= message.len() {
            return None;
        }
        let fixed = skip_name(message, start)?;
        let end = fixed + 10 + usize::from(read_u16(message, fixed + 8)?);
        let rtype = RecordType(read_u16(message, fixed)?);
        (end <= message.len()).then_some(Self { start, fixed, end, rtype })
    }

    /// Whether `next`, which follows, has this owner: the same octets, or a pointer to here.
    fn same_owner(&self, next: &Self, message: &[u8]) -> bool {
        let (ours, theirs) = (&message[self.start..self.fixed], &message[next.start..next.fixed]);
        // A pointer has 14 bits: to what stands further back there is none.
        ours == theirs || (self.start < 0x4000 && theirs == (0xc000 | self.start as u16).to_be_bytes())
    }
}
