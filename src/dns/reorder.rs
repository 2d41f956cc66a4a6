//! The records of a message in another order. A compression pointer leads to what stood before it, so that every name is
//! written anew. Not on the hot path: what is in order already is left alone by those who call this.

use super::HEADER_LEN;
use super::message::{RecordSpan, Records};
use super::moved::Moved;

/// `message` with its records in the order of `records`; `None` when a name or a record is broken.
pub(super) fn in_order(message: &[u8], records: &[RecordSpan]) -> Option<Vec<u8>> {
    let question_end = Records::of(message)?.position();
    let mut moved = Moved::new(message);
    let mut out = message.get(..HEADER_LEN)?.to_vec();
    // The question's name first: most owners are it.
    if question_end > HEADER_LEN {
        let fixed = moved.name(HEADER_LEN, true, &mut out)?;
        out.extend_from_slice(message.get(fixed..question_end)?);
    }
    for record in records {
        moved.record(record, &mut out)?;
    }
    Some(out)
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
