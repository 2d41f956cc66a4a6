//! What was found for one name as the answer to another that stands for it: a CNAME record in front, and all records of
//! the other message behind it.

use super::super::code::{Flags, RecordType};
use super::super::message::Section;
use super::super::moved::Moved;
use super::super::{HEADER_LEN, Query};
use super::{BadMessage, MESSAGE_LEN_MAX, OPT_LEN, Owner, Response};

impl Response {
    /// Answers `query` with what `found` says of the name that it was asked for: where it has answers, a CNAME record leads
    /// from QNAME there, with the TTL of the first. RCODE, flags and the rest are those of `found`, but for AD: nobody has
    /// signed that CNAME.
    ///
    /// # Errors
    /// When a name in `found` cannot be read, as an upstream may have sent it; the response is of no use then, until it is
    /// begun anew.
    pub fn lead_to(&mut self, query: &Query<'_>, found: &Response) -> Result<(), BadMessage> {
        self.begin(query);
        self.set_flags(found.flags().0 & !Flags::AD);
        self.set_rcode(found.rcode());
        self.opt.take_over(&found.opt);
        self.is_uncacheable = found.is_uncacheable;
        self.is_full = found.is_full;
        let mut moved = Moved::new(&found.message);
        moved.share_suffix(query.name_original());
        if let Some(first) = found.records().next().filter(|first| first.section == Section::Answer) {
            let mut written = None;
            self.record(Section::Answer, Owner::Question, RecordType::CNAME, first.ttl, |rdata| {
                written = moved.name(HEADER_LEN, true, rdata.message);
            });
            written.ok_or(BadMessage::Broken)?;
        }
        for record in found.records() {
            let start = self.message.len();
            moved.record(&record, &mut self.message).ok_or(BadMessage::Broken)?;
            if self.message.len() > MESSAGE_LEN_MAX - OPT_LEN {
                self.message.truncate(start);
                self.is_full = true;
                break;
            }
            self.set_count(record.section, self.counts[record.section as usize] + 1);
        }
        if let Some(author) = found.author {
            self.note_author(author);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{Message, MessageType, OpCode, Query as OracleQuestion, ResponseCode};
    use hickory_proto::rr::rdata::{A, CNAME, MX, NAPTR, SOA, SRV, TXT};
    use hickory_proto::rr::{Name as OracleName, RData, Record, RecordType as OracleType};
    use proptest::prelude::*;

    use super::*;
    use crate::dns::query::tests::origin;
    use crate::dns::{Name, Transport};
    use crate::plugin::question_packet;

    const ASKED: &str = "Web.prod.default.svc.cluster.local.";
    const FOUND: &str = "Web.prod.svc.cluster.local.";

    fn oracle(text: &str) -> OracleName {
        OracleName::from_ascii(text).unwrap()
    }

    /// A question in the spelling of `text`.
    fn packet(text: &str) -> Vec<u8> {
        let mut message = Message::new(7, MessageType::Query, OpCode::Query);
        message.add_query(OracleQuestion::query(oracle(text), OracleType::A));
        message.to_vec().unwrap()
    }

    /// What an upstream says, as hickory writes it: with every name compressed that may be.
    fn upstream(name: &str, answers: Vec<Record>, authorities: Vec<Record>) -> Vec<u8> {
        let mut message = Message::new(7, MessageType::Response, OpCode::Query);
        message.add_query(OracleQuestion::query(oracle(name), OracleType::A));
        message.metadata.authentic_data = true;
        message.metadata.recursion_available = true;
        message.answers = answers;
        message.authorities = authorities;
        message.to_vec().unwrap()
    }

    fn graft(asked: &str, found: &str, message: &[u8]) -> Result<Message, BadMessage> {
        let (asked, found) = (packet(asked), packet(found));
        let query = Query::parse(&found, origin(Transport::Tcp)).unwrap();
        let mut inner = Response::new();
        inner.load(&query, message)?;
        let query = Query::parse(&asked, origin(Transport::Tcp)).unwrap();
        let mut response = Response::new();
        response.lead_to(&query, &inner)?;
        assert!(!response.records().any(|record| record.end > response.message().len()));
        Ok(Message::from_vec(response.finish()).expect("hickory reads it"))
    }

    fn record(owner: &str, ttl: u32, data: RData) -> Record {
        Record::from_rdata(oracle(owner), ttl, data)
    }

    fn soa(zone: &str) -> Record {
        let names = (oracle(&format!("ns.dns.{zone}")), oracle(&format!("hostmaster.{zone}")));
        record(zone, 30, RData::SOA(SOA::new(names.0, names.1, 1, 2, 3, 4, 5)))
    }

    #[test]
    fn a_cname_leads_to_what_was_found_and_every_name_stays_what_it_was() {
        let answers = vec![
            record(FOUND, 17, RData::CNAME(CNAME(oracle("other.example.")))),
            record("other.example.", 30, RData::A(A::new(192, 0, 2, 1))),
            record("other.example.", 30, RData::MX(MX::new(7, oracle("mx.other.example.")))),
            record("mx.other.example.", 30, RData::SRV(SRV::new(1, 2, 3, oracle(FOUND)))),
            record("svc.cluster.local.", 30, RData::TXT(TXT::new(vec!["text".to_owned()]))),
            record(
                "x.example.",
                30,
                RData::NAPTR(NAPTR::new(
                    1,
                    2,
                    b"s"[..].into(),
                    b"SIP"[..].into(),
                    b""[..].into(),
                    oracle(FOUND),
                )),
            ),
        ];
        let authorities = vec![soa("cluster.local."), soa("example.")];
        let message = graft(ASKED, FOUND, &upstream(FOUND, answers.clone(), authorities.clone())).unwrap();
        let cname = record(ASKED, 17, RData::CNAME(CNAME(oracle(FOUND))));
        let expected: Vec<Record> = std::iter::once(cname).chain(answers).collect();
        assert_eq!(message.answers, expected);
        assert_eq!(message.authorities, authorities);
        assert_eq!(message.queries[0].name().to_ascii(), ASKED);
        assert_eq!(message.answers[0].data.to_string(), FOUND, "in the client's letters");
        assert!(message.metadata.recursion_available);
        assert!(!message.metadata.authentic_data, "nobody has signed the CNAME");
    }

    #[test]
    fn no_data_has_no_cname_and_its_soa_stays_also_where_the_question_held_its_name() {
        for (found, zone) in [(FOUND, "cluster.local."), ("www.example.", "example.")] {
            let asked = "www.example.default.svc.cluster.local.";
            let message = graft(asked, found, &upstream(found, vec![], vec![soa(zone), soa(zone)])).unwrap();
            assert!(message.answers.is_empty());
            assert_eq!(message.authorities, [soa(zone), soa(zone)]);
            assert_eq!(message.metadata.response_code, ResponseCode::NoError);
        }
    }

    #[test]
    fn a_suffix_that_the_question_has_too_is_not_written_again() {
        let found = upstream(FOUND, vec![record(FOUND, 5, RData::A(A::new(192, 0, 2, 1)))], vec![]);
        let message = graft(ASKED, FOUND, &found).unwrap();
        assert_eq!(message.answers.len(), 2);
        let (asked, inner) = (packet(ASKED), packet(FOUND));
        let query = Query::parse(&inner, origin(Transport::Udp)).unwrap();
        let mut found_response = Response::new();
        found_response.load(&query, &found).unwrap();
        let query = Query::parse(&asked, origin(Transport::Udp)).unwrap();
        let mut response = Response::new();
        response.lead_to(&query, &found_response).unwrap();
        // `Web.prod` and a pointer, behind a pointer and ten octets; then the address behind a pointer to the CNAME's.
        assert_eq!(response.message().len(), asked.len() + 12 + 9 + 2 + 12 + 4);
    }

    #[test]
    fn more_than_a_message_takes_is_left_out() {
        let text = || RData::TXT(TXT::new(vec!["x".repeat(255); 16]));
        let answers: Vec<Record> = (0..15).map(|_| record(FOUND, 5, text())).collect();
        let fits = graft(ASKED, FOUND, &upstream(FOUND, answers, vec![])).unwrap();
        assert_eq!((fits.answers.len(), fits.metadata.truncation), (16, false));
        let mut found = Response::new();
        let inner = packet(FOUND);
        found.begin(&Query::parse(&inner, origin(Transport::Tcp)).unwrap());
        while !found.is_full() {
            found.record(Section::Answer, Owner::Question, RecordType::TXT, 5, |rdata| {
                rdata.octets(&[0; 997]);
            });
        }
        let kept = found.count(Section::Answer);
        // It fills what is left, so that the CNAME record is too much.
        found.is_full = false;
        let room = MESSAGE_LEN_MAX - OPT_LEN - found.message().len() - 12;
        found.record(Section::Answer, Owner::Question, RecordType::TXT, 5, |rdata| {
            rdata.octets(&vec![0; room]);
        });
        assert_eq!(found.count(Section::Answer), kept + 1);
        let asked = packet(ASKED);
        let mut response = Response::new();
        response.lead_to(&Query::parse(&asked, origin(Transport::Tcp)).unwrap(), &found).unwrap();
        assert!(response.is_full());
        assert!(Message::from_vec(response.finish()).unwrap().metadata.truncation);
    }

    #[test]
    fn pointers_that_lead_nowhere_are_an_error() {
        let mut message = upstream(FOUND, vec![record(FOUND, 5, RData::CNAME(CNAME(oracle("a."))))], vec![]);
        let target = message.len() - 3;
        for pointer in [target as u16, 0x3fff, target as u16 + 2] {
            message.truncate(target);
            message.extend_from_slice(&(0xc000 | pointer).to_be_bytes());
            message[target - 1] = 2;
            assert_eq!(graft(ASKED, FOUND, &message).unwrap_err(), BadMessage::BadName, "{pointer}");
        }
    }

    proptest! {
        #[test]
        fn any_records_of_an_upstream_are_survived(
            records in prop::collection::vec((prop::option::of(0..40u16), 0..50u16, prop::collection::vec(any::<u8>(), 0..40)), 1..6),
        ) {
            let name = Name::from_text(FOUND).unwrap();
            let question = question_packet(7, name.as_wire(), RecordType::A, None);
            let query = Query::parse(&question, origin(Transport::Udp)).unwrap();
            let mut message = question.clone();
            (message[2], message[7]) = (0x80, records.len() as u8);
            for (owner, rtype, rdata) in records {
                match owner {
                    Some(at) => message.extend_from_slice(&(0xc000 | at).to_be_bytes()),
                    None => message.extend_from_slice(b"\x01a\x00"),
                }
                message.extend_from_slice(&rtype.to_be_bytes());
                message.extend_from_slice(&[0, 1, 0, 0, 0, 5, 0, rdata.len() as u8]);
                message.extend_from_slice(&rdata);
            }
            let mut found = Response::new();
            // Most do not come this far.
            if found.load(&query, &message).is_err() {
                return Ok(());
            }
            let asked = packet(ASKED);
            let asked = Query::parse(&asked, origin(Transport::Udp)).unwrap();
            let mut response = Response::new();
            if response.lead_to(&asked, &found).is_ok() {
                let mut records = response.records();
                prop_assert_eq!(records.by_ref().count(), 1 + usize::from(found.count(Section::Answer)));
                prop_assert!(!records.is_broken());
            }
        }
    }
}
