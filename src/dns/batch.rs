//! Records on their way into messages: written by a plugin that has a zone, packed by the one that sends it.
//!
//! They stand one behind the other in one buffer that is used again, names uncompressed, so that whoever writes need not
//! know where a message ends.

use std::net::IpAddr;

use super::code::RecordType;
use super::name::{NAME_LEN_MAX, wire_len};

/// The octets of an SRV record before its target: priority, weight, port (RFC 2782).
const SRV_FIXED: usize = 6;

/// Some records of class IN, in order.
#[derive(Debug, Default)]
pub struct RecordBatch {
    octets: Vec<u8>,
}

/// One record of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchRecord<'b> {
    /// The owner: a wire name, uncompressed, in the spelling that was given.
    pub owner: &'b [u8],
    /// TYPE.
    pub rtype: RecordType,
    /// TTL, in seconds.
    pub ttl: u32,
    /// RDATA, names in it uncompressed.
    pub rdata: &'b [u8],
}

// === impl RecordBatch ===

impl RecordBatch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a record. Owner and RDATA are given in pieces that stand one behind the other, so that nobody has to put
    /// a name together: `&[label, key, b"\x03svc", origin]`. Gives whether it was taken: a name that is none, because it
    /// is over 255 octets, can be in no message, and its record is left out.
    pub fn push(&mut self, owner: &[&[u8]], rtype: RecordType, ttl: u32, rdata: &[&[u8]]) -> bool {
        let start = self.octets.len();
        self.octets.push(0);
        owner.iter().for_each(|piece| self.octets.extend_from_slice(piece));
        let owner_len = self.octets.len() - start - 1;
        self.octets.extend_from_slice(&rtype.0.to_be_bytes());
        self.octets.extend_from_slice(&ttl.to_be_bytes());
        self.octets.extend_from_slice(&[0, 0]);
        let rdata_at = self.octets.len();
        rdata.iter().for_each(|piece| self.octets.extend_from_slice(piece));
        let is_whole = wire_len(&self.octets[start + 1..]) == Some(owner_len)
            && has_whole_names(rtype, &self.octets[rdata_at..]);
        match (u8::try_from(owner_len), u16::try_from(self.octets.len() - rdata_at)) {
            (Ok(owner_len), Ok(rdata_len)) if is_whole => {
                self.octets[start] = owner_len;
                self.octets[rdata_at - 2..rdata_at].copy_from_slice(&rdata_len.to_be_bytes());
                true
            }
            _ => {
                self.octets.truncate(start);
                false
            }
        }
    }

    /// Appends an A or AAAA record, as [`RecordBatch::push`].
    pub fn push_address(&mut self, owner: &[&[u8]], ttl: u32, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.push(owner, RecordType::A, ttl, &[&address.octets()]),
            IpAddr::V6(address) => self.push(owner, RecordType::AAAA, ttl, &[&address.octets()]),
        }
    }

    /// The record that begins at `at`, and where the next one does; the first begins at 0. `None` at the end.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<(BatchRecord<'_>, usize)> {
        let (owner_len, rest) = self.octets.get(at..)?.split_first()?;
        let (owner, rest) = rest.split_at_checked(usize::from(*owner_len))?;
        let (fixed, rest) = rest.split_first_chunk::<8>()?;
        let rdata = rest.get(..usize::from(u16::from_be_bytes([fixed[6], fixed[7]])))?;
        let record = BatchRecord {
            owner,
            rtype: RecordType(u16::from_be_bytes([fixed[0], fixed[1]])),
            ttl: u32::from_be_bytes([fixed[2], fixed[3], fixed[4], fixed[5]]),
            rdata,
        };
        Some((record, at + 1 + owner.len() + fixed.len() + rdata.len()))
    }

    /// The records.
    pub fn iter(&self) -> impl Iterator<Item = BatchRecord<'_>> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let (record, next) = self.get(at)?;
            at = next;
            Some(record)
        })
    }

    /// How many octets the records take here: about what they take in messages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.octets.len()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// Takes all records out; the buffer stays.
    pub fn clear(&mut self) {
        self.octets.clear();
    }
}

// === impl BatchRecord ===

impl BatchRecord<'_> {
    /// How many octets the record takes in a message that compresses nothing.
    #[must_use]
    pub fn wire_len(&self) -> usize {
        self.owner.len() + 10 + self.rdata.len()
    }
}

/// Whether the names in RDATA are names, in the types that have some.
fn has_whole_names(rtype: RecordType, rdata: &[u8]) -> bool {
    let is_name = |octets: &[u8]| octets.len() <= NAME_LEN_MAX && wire_len(octets) == Some(octets.len());
    match rtype {
        RecordType::NS | RecordType::CNAME | RecordType::PTR => is_name(rdata),
        RecordType::SRV => rdata.get(SRV_FIXED..).is_some_and(is_name),
        RecordType::SOA => {
            let Some(rest) = wire_len(rdata).and_then(|length| rdata.get(length..)) else { return false };
            wire_len(rest).is_some_and(|length| rest.len() == length + 20)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_as_they_were_put_in() {
        let mut batch = RecordBatch::new();
        assert!(batch.push_address(&[b"\x01a", b"\x02bc\x00"], 5, "192.0.2.1".parse().unwrap()));
        assert!(batch.push(
            &[b"\x01a\x00"],
            RecordType::SRV,
            7,
            &[&[0, 0, 0, 100, 0, 53], b"\x01t", b"\x00"]
        ));
        let records: Vec<_> = batch.iter().collect();
        assert_eq!(records.len(), 2);
        assert_eq!((records[0].owner, records[0].rdata), (&b"\x01a\x02bc\x00"[..], &[192, 0, 2, 1][..]));
        assert_eq!((records[1].rtype, records[1].ttl), (RecordType::SRV, 7));
        assert_eq!(records[1].rdata, b"\0\0\0\x64\0\x35\x01t\0");
        assert_eq!(records[0].wire_len(), 6 + 10 + 4);
        batch.clear();
        assert!(batch.is_empty() && batch.get(0).is_none());
    }

    #[test]
    fn a_name_that_no_message_can_hold_takes_its_record_along() {
        let label = [&[63][..], &[b'x'; 63]].concat();
        let long: Vec<&[u8]> = vec![&label, &label, &label, &label, b"\0"];
        let mut batch = RecordBatch::new();
        assert!(!batch.push_address(&long, 5, "192.0.2.1".parse().unwrap()));
        assert!(!batch.push(&[b"\x01a\0"], RecordType::CNAME, 5, &long));
        assert!(!batch.push(&[b"\x01a\0"], RecordType::SRV, 5, &[&[0; 5]]));
        assert!(!batch.push(&[b"\x01a\0"], RecordType::SOA, 5, &[b"\x01m\0\x01r\0", &[0; 19]]));
        assert!(!batch.push(&[b"\x01a"], RecordType::A, 5, &[&[1, 2, 3, 4]]));
        assert!(batch.is_empty());
        assert!(batch.push(&[b"\x01a\0"], RecordType::SOA, 5, &[b"\x01m\0\x01r\0", &[0; 20]]));
    }
}
