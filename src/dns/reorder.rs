//! The records of a message in another order. A compression pointer leads to what stood before it, so that every name is
//! written anew. Not on the hot path: what is in order already is left alone by those who call this.

use std::collections::HashMap;

use super::code::RecordType;
use super::message::{RecordSpan, Records, copy_name};
use super::name::NAME_LEN_MAX;

/// A compression pointer has 14 bits (RFC 1035 §4.1.4).
const POINTER_MAX: usize = 0x3fff;
const NAPTR: RecordType = RecordType(35);

/// `message` with its records in the order of `records`; `None` when a name or a record is broken.
pub(super) fn in_order(message: &[u8], records: &[RecordSpan]) -> Option<Vec<u8>> {
    let question_end = Records::of(message)?.position();
    let mut writer = Writer { out: message.get(..super::HEADER_LEN)?.to_vec(), places: HashMap::new() };
    // The question's name first: most owners are it.
    if question_end > super::HEADER_LEN {
        let fixed = writer.name(message, super::HEADER_LEN, true)?;
        writer.out.extend_from_slice(message.get(fixed..question_end)?);
    }
    for record in records {
        writer.name(message, record.start, true)?;
        writer.out.extend_from_slice(message.get(record.fixed..record.rdata_at())?);
        let begin = writer.out.len();
        writer.rdata(message, record)?;
        let length = u16::try_from(writer.out.len() - begin).ok()?;
        writer.out[begin - 2..begin].copy_from_slice(&length.to_be_bytes());
    }
    Some(writer.out)
}

struct Writer {
    out: Vec<u8>,
    /// Where names and their ends stand already, in these letters.
    places: HashMap<Box<[u8]>, u16>,
}

/// How names stand in RDATA.
struct Layout {
    /// Octets before the first.
    before: usize,
    names: usize,
    /// Whether they may be compressed: in the types of RFC 1035 alone (RFC 3597 §4).
    compressed: bool,
}

impl Writer {
    /// Writes the name that begins at `at` in `message`, and gives where it ends there.
    fn name(&mut self, message: &[u8], at: usize, compressed: bool) -> Option<usize> {
        let mut name = [0; NAME_LEN_MAX];
        let length = copy_name(message, at, &mut name)?;
        let name = &name[..length];
        let mut start = 0;
        // The root label is shorter than a pointer to it.
        while name[start] != 0 {
            let here = self.out.len();
            match self.places.get(&name[start..]) {
                Some(place) if compressed => {
                    self.out.extend_from_slice(&(0xc000 | place).to_be_bytes());
                    return super::skip_name(message, at);
                }
                None if here <= POINTER_MAX => drop(self.places.insert(name[start..].into(), here as u16)),
                _ => {}
            }
            let end = start + 1 + usize::from(name[start]);
            self.out.extend_from_slice(&name[start..end]);
            start = end;
        }
        self.out.push(0);
        super::skip_name(message, at)
    }

    fn rdata(&mut self, message: &[u8], record: &RecordSpan) -> Option<()> {
        // No name of the RDATA may begin behind it; what it points at stands before.
        let message = message.get(..record.end)?;
        let mut at = record.rdata_at();
        if let Some(layout) = Layout::of(record, message) {
            let first = at + layout.before;
            self.out.extend_from_slice(message.get(at..first)?);
            at = first;
            for _ in 0..layout.names {
                at = self.name(message, at, layout.compressed)?;
            }
        }
        self.out.extend_from_slice(message.get(at..)?);
        Some(())
    }
}

impl Layout {
    /// Of types whose names an old server may have compressed (RFC 3597 §4 lists them); all others are octets.
    fn of(record: &RecordSpan, message: &[u8]) -> Option<Self> {
        let (before, names, compressed) = match record.rtype {
            RecordType::NS | RecordType::CNAME | RecordType::PTR => (0, 1, true),
            // MD, MF, MB, MG, MR
            RecordType(3 | 4 | 7 | 8 | 9) => (0, 1, true),
            // MINFO
            RecordType::SOA | RecordType(14) => (0, 2, true),
            RecordType::MX => (2, 1, true),
            RecordType::SRV => (6, 1, false),
            // RP
            RecordType(17) => (0, 2, false),
            // AFSDB, RT, KX
            RecordType(18 | 21 | 36) => (2, 1, false),
            // PX
            RecordType(26) => (2, 2, false),
            // DNAME
            RecordType(39) => (0, 1, false),
            NAPTR => {
                let mut before = 4;
                for _ in 0..3 {
                    before += 1 + usize::from(*message.get(record.rdata_at() + before)?);
                }
                (before, 1, false)
            }
            _ => return None,
        };
        Some(Self { before, names, compressed })
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use hickory_proto::op::{Message, MessageType, OpCode, Query as Question};
    use hickory_proto::rr::rdata::{A, CNAME, MX, NAPTR, NS, SOA, SRV, TXT};
    use hickory_proto::rr::{Name, RData, Record, RecordType as OracleType};
    use proptest::prelude::*;

    use super::*;
    use crate::dns::Section;

    fn name(text: &str) -> Name {
        Name::from_str(text).unwrap()
    }

    fn rdata(kind: u8, host: &str) -> RData {
        let host = name(host);
        match kind {
            0 => RData::A(A::new(192, 0, 2, 1)),
            1 => RData::CNAME(CNAME(host)),
            2 => RData::MX(MX::new(10, host)),
            3 => RData::SOA(SOA::new(host.clone(), host, 1, 2, 3, 4, 5)),
            4 => RData::SRV(SRV::new(1, 2, 3, host)),
            5 => RData::NAPTR(NAPTR::new(1, 2, (*b"s").into(), (*b"SIP").into(), (*b"").into(), host)),
            6 => RData::NS(NS(host)),
            _ => RData::TXT(TXT::new(vec!["a text".to_owned()])),
        }
    }

    const NAMES: [&str; 6] = [
        "example.org.",
        "Example.ORG.",
        "www.example.org.",
        "mail.Example.org.",
        "a.b.www.example.org.",
        ".",
    ];

    proptest! {
        /// Any order of any records is read back as that order of the same records.
        #[test]
        fn the_records_stay_what_they_are(
            records in prop::collection::vec((0_u8..8, 0_usize..6, 0_usize..6, 0_usize..3), 0..20),
            keys in prop::collection::vec(any::<u8>(), 20),
        ) {
            let mut message = Message::new(9, MessageType::Response, OpCode::Query);
            message.add_query(Question::query(name("www.EXAMPLE.org."), OracleType::A));
            for (kind, owner, host, section) in records {
                let record = Record::from_rdata(name(NAMES[owner]), 5, rdata(kind, NAMES[host]));
                match section {
                    0 => message.add_answer(record),
                    1 => message.add_authority(record),
                    _ => message.add_additional(record),
                };
            }
            let octets = message.to_vec().unwrap();
            let mut spans: Vec<RecordSpan> = Records::of(&octets).unwrap().collect();
            let mut order: Vec<usize> = (0..spans.len()).collect();
            order.sort_by_key(|at| (spans[*at].section, keys[*at]));
            spans = order.iter().map(|at| spans[*at]).collect();
            let found = in_order(&octets, &spans).unwrap();
            let found = Message::from_vec(&found).unwrap();
            let all = |message: &Message| -> Vec<String> {
                let sections = [&message.answers, &message.authorities, &message.additionals];
                sections.into_iter().flatten().map(ToString::to_string).collect()
            };
            let before = all(&message);
            let expected: Vec<String> = order.iter().map(|at| before[*at].clone()).collect();
            prop_assert_eq!(all(&found), expected);
            prop_assert_eq!(found.answers.len(), message.answers.len());
            prop_assert_eq!(&found.queries, &message.queries);
        }

        #[test]
        fn any_octets_are_survived(octets in prop::collection::vec(any::<u8>(), 12..200), counts in 0_u8..9) {
            let mut octets = octets;
            octets[4..12].copy_from_slice(&[0, 1, 0, counts, 0, counts, 0, 0]);
            if let Some(records) = Records::of(&octets) {
                let _ = in_order(&octets, &records.collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn names_are_compressed_again() {
        let mut message = Message::new(9, MessageType::Response, OpCode::Query);
        message.add_query(Question::query(name("example.org."), OracleType::MX));
        for host in ["mx1.example.org.", "mx2.example.org.", "mx3.mx1.example.org."] {
            message.add_answer(Record::from_rdata(name("example.org."), 5, rdata(2, host)));
        }
        let octets = message.to_vec().unwrap();
        let mut spans: Vec<RecordSpan> = Records::of(&octets).unwrap().collect();
        spans.reverse();
        assert!(spans.iter().all(|span| span.section == Section::Answer));
        assert!(in_order(&octets, &spans).unwrap().len() <= octets.len());
    }
}
