//! Whether the names of a message can be read at all: what an upstream sends goes on to clients whose resolvers may take
//! less care than ours.

use super::code::read_u16;
use super::message::{RecordSpan, skip_name};
use super::moved::Layout;
use super::name::{LABEL_LEN_MAX, NAME_LEN_MAX};

/// A name has at most 127 labels: more pointers than that lead nowhere, at a cost.
const JUMPS_MAX: usize = 127;

/// Whether the owner name of the record, and the names in its RDATA where its type has some, come to an end within the
/// message, in no more octets than a name may have. Pointers may lead anywhere, as resolvers accept that; a circle has no
/// end.
pub(super) fn is_sound(message: &[u8], record: &RecordSpan) -> bool {
    is_name(message, record.start) && (record.rtype.0 > 47 || are_names_sound(message, record).is_some())
}

fn are_names_sound(message: &[u8], record: &RecordSpan) -> Option<()> {
    // Empty RDATA stands in UPDATE messages, and for a few types in the replies of old servers.
    let Some(layout) = Layout::of(record.rtype).filter(|_| record.rdata_at() < record.end) else {
        return Some(());
    };
    let mut at = layout.before.end(message, record.rdata_at())?;
    for _ in 0..layout.names {
        if !is_name(message, at) {
            return None;
        }
        at = skip_name(message, at)?;
        if at > record.end {
            return None;
        }
    }
    Some(())
}

/// Whether a whole name begins at `at`.
fn is_name(message: &[u8], mut at: usize) -> bool {
    let (mut length, mut jumps) = (1, 0);
    loop {
        match message.get(at) {
            Some(0) => return true,
            Some(&label) if usize::from(label) <= LABEL_LEN_MAX => {
                at += usize::from(label) + 1;
                length += usize::from(label) + 1;
            }
            Some(&octet) if octet & 0xc0 == 0xc0 => {
                let Some(target) = read_u16(message, at) else { return false };
                at = usize::from(target & 0x3fff);
                jumps += 1;
            }
            _ => return false,
        }
        if length > NAME_LEN_MAX || jumps > JUMPS_MAX {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dns::{HEADER_LEN, Records};

    /// A response to `a.` with these records.
    fn message(records: &[&[u8]]) -> Vec<u8> {
        let mut message = vec![0, 7, 0x80, 0, 0, 1, 0, records.len() as u8, 0, 0, 0, 0];
        message.extend_from_slice(b"\x01a\x00\x00\x01\x00\x01");
        message.extend(records.concat());
        message
    }

    fn record(owner: &[u8], rtype: u8, rdata: &[u8]) -> Vec<u8> {
        [owner, &[0, rtype, 0, 1, 0, 0, 0, 5, 0, rdata.len() as u8], rdata].concat()
    }

    fn are_sound(message: &[u8]) -> bool {
        Records::of(message).unwrap().all(|record| is_sound(message, &record))
    }

    const QUESTION: &[u8] = &[0xc0, HEADER_LEN as u8];
    /// Where the first record begins.
    const FIRST: u8 = HEADER_LEN as u8 + 7;

    #[test]
    fn ordinary_records_are_sound() {
        let soa = [b"\x02ns\xc0\x0c\x01h\xc0\x0c", &[0; 20][..]].concat();
        let naptr = b"\x00\x01\x00\x02\x01s\x03SIP\x00\x01b\x00";
        let records: &[(u8, &[u8])] = &[
            (1, &[192, 0, 2, 1]),
            (5, b"\x01b\xc0\x0c"),
            (6, &soa),
            (15, b"\x00\x07\x02mx\x00"),
            (16, b"\x3fnot a name"),
            (33, b"\x00\x00\x00\x00\x00\x35\x01b\x00"),
            (35, naptr),
            (5, b""),
        ];
        for (rtype, rdata) in records {
            assert!(are_sound(&message(&[&record(QUESTION, *rtype, rdata)])), "type {rtype}");
        }
        // A pointer that leads forward, to the owner of the second record.
        let first = record(&[0xc0, FIRST + 2 + 10 + 4], 1, &[192, 0, 2, 1]);
        assert!(are_sound(&message(&[&first, &record(b"\x01b\x00", 1, &[192, 0, 2, 1])])));
    }

    #[test]
    fn names_without_end_are_found() {
        let itself = record(&[0xc0, FIRST], 1, &[192, 0, 2, 1]);
        assert!(!are_sound(&message(&[&itself])), "an owner that points to itself");
        let rdata_at = FIRST + 12;
        for rdata in
            [&[0xc0, rdata_at][..], &[1, b'b', 0xc0, rdata_at], &[0xff, 0xff], &[0x40, 0], &[3, b'b']]
        {
            assert!(!are_sound(&message(&[&record(QUESTION, 5, rdata)])), "{rdata:?}");
        }
        let short = record(QUESTION, 15, &[0]);
        assert!(!are_sound(&message(&[&short])), "the name begins behind the record");
        let long = [&[63; 1][..], &[b'x'; 63]].concat().repeat(4);
        assert!(!are_sound(&message(&[&record(&[&long[..], &[0]].concat(), 1, &[192, 0, 2, 1])])));
    }

    #[test]
    fn a_chain_of_pointers_is_followed_for_as_long_as_a_name_may_have_labels() {
        let chain = |links: usize| {
            let mut rdata = vec![0];
            let at = usize::from(FIRST) + 12;
            for link in 0..links {
                let target = if link == 0 { at } else { at + 1 + 2 * (link - 1) };
                rdata.extend_from_slice(&(0xc000 | target as u16).to_be_bytes());
            }
            let last = (0xc000 | (at + 1 + 2 * (links - 1)) as u16).to_be_bytes();
            message(&[&record(QUESTION, 16, &rdata), &record(&last, 1, &[192, 0, 2, 1])])
        };
        assert!(are_sound(&chain(100)));
        assert!(!are_sound(&chain(127)));
    }

    proptest! {
        #[test]
        fn any_octets_are_survived(octets in prop::collection::vec(any::<u8>(), 0..200), rtype in 0..50_u8) {
            let rdata = &octets[..octets.len() / 2];
            let message = message(&[&record(&octets[octets.len() / 2..], rtype, rdata), &record(QUESTION, rtype, rdata)]);
            for record in Records::of(&message).unwrap() {
                is_sound(&message, &record);
            }
        }
    }
}
