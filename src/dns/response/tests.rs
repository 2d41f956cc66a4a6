use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use hickory_proto::op::{
    Edns as OracleEdns, Message, MessageType, OpCode, Query as OracleQuestion, ResponseCode,
};
use hickory_proto::rr::rdata::{A, CNAME};
use hickory_proto::rr::{Name as OracleName, RData, Record, RecordType as OracleType};
use proptest::prelude::*;

use super::*;
use crate::dns::query::tests::origin;
use crate::dns::{InfoCode, Query, Transport};

fn packet(name: &str, edns: Option<u16>) -> Vec<u8> {
    let mut message = Message::new(9, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(OracleQuestion::query(OracleName::from_ascii(name).unwrap(), OracleType::A));
    if let Some(size) = edns {
        let mut edns = OracleEdns::new();
        edns.set_max_payload(size);
        message.set_edns(edns);
    }
    message.to_vec().unwrap()
}

fn answer(query: &Query<'_>, addresses: u32) -> Response {
    let mut response = Response::new();
    response.begin(query);
    for number in 0..addresses {
        response.answer_a(30, Ipv4Addr::from(0x0a00_0000 + number));
    }
    response
}

fn addresses(bytes: &[u8]) -> Vec<Ipv4Addr> {
    let message = Message::from_vec(bytes).unwrap();
    let address = |record: &Record| match record.data {
        RData::A(A(address)) => Some(address),
        _ => None,
    };
    message.answers.iter().filter_map(address).collect()
}

#[test]
fn hickory_reads_what_was_written() {
    let packet = packet("Web.demo.", Some(1232));
    let query = Query::parse(&packet, origin(Transport::Udp)).unwrap();
    let mut response = answer(&query, 2);
    response.set_authoritative();
    let message = Message::from_vec(response.finish()).unwrap();
    assert_eq!(message.metadata.id, 9);
    assert!(message.metadata.authoritative && message.metadata.recursion_desired);
    assert_eq!(message.queries[0].name().to_ascii(), "Web.demo.");
    assert_eq!(message.answers[0].name.to_ascii(), "Web.demo.");
    assert_eq!(message.answers[1].ttl, 30);
    assert_eq!(message.edns.unwrap().max_payload(), 1232);
}

#[test]
fn rfc6891_6_1_1_no_opt_in_query_no_opt_in_reply() {
    let packet = packet("a.", None);
    let query = Query::parse(&packet, origin(Transport::Udp)).unwrap();
    let mut response = answer(&query, 1);
    response.explain(InfoCode::OTHER, |text| text.push_str("unseen"));
    assert!(Message::from_vec(response.finish()).unwrap().edns.is_none());
}

#[test]
fn too_long_answers_are_cut_at_a_record_with_tc_and_keep_their_opt() {
    let packet = packet("a.", Some(512));
    let query = Query::parse(&packet, origin(Transport::Udp)).unwrap();
    let mut response = answer(&query, 100);
    let bytes = response.finish();
    assert!(bytes.len() <= 512);
    let message = Message::from_vec(bytes).unwrap();
    assert!(message.metadata.truncation);
    assert!(message.edns.is_some());
    assert_eq!(message.answers.len(), (512 - 11 - 19) / 16);
}

#[test]
fn sixty_five_thousand_octets_are_the_end_also_on_tcp() {
    let packet = packet("a.", None);
    let query = Query::parse(&packet, origin(Transport::Tcp)).unwrap();
    let mut response = answer(&query, 10_000);
    let message = Message::from_vec(response.finish()).unwrap();
    assert!(message.metadata.truncation);
    assert!(message.answers.len() > 4000);
}

#[test]
fn rfc8914_2_the_text_gives_way_before_records_do() {
    let text = |addresses: u32| {
        let packet = packet("a.", Some(512));
        let query = Query::parse(&packet, origin(Transport::Udp)).unwrap();
        let mut response = answer(&query, addresses);
        response.explain(InfoCode::OTHER, |text| text.push_str(&"x".repeat(300)));
        let bytes = response.finish().to_vec();
        assert!(bytes.len() <= 512);
        assert_eq!(self::addresses(&bytes).len(), addresses as usize);
        bytes.iter().filter(|octet| **octet == b'x').count()
    };
    assert_eq!(text(1), 255);
    assert_eq!(text(29), 0);
}

fn upstream_reply(query: &[u8]) -> Message {
    let mut message = Message::from_vec(query).unwrap();
    message.metadata.message_type = MessageType::Response;
    message.metadata.recursion_available = true;
    message
}

#[test]
fn an_upstream_reply_keeps_its_bytes_but_id_and_case() {
    let asked = packet("WWW.Example.org.", Some(1232));
    let query = Query::parse(&asked, origin(Transport::Udp)).unwrap();
    let mut reply = upstream_reply(&packet("www.example.org.", Some(1232)));
    let name = OracleName::from_ascii("www.example.org.").unwrap();
    let target = OracleName::from_ascii("cdn.example.org.").unwrap();
    reply.answers.push(Record::from_rdata(name, 60, RData::CNAME(CNAME(target.clone()))));
    reply.answers.push(Record::from_rdata(target, 60, RData::A(A::new(192, 0, 2, 1))));
    reply.metadata.response_code = ResponseCode::NoError;
    let mut response = Response::new();
    response.load(&query, &reply.to_vec().unwrap()).unwrap();
    assert_eq!(response.count(Section::Answer), 2);
    assert_eq!(response.count(Section::Additional), 0);
    let message = Message::from_vec(response.finish()).unwrap();
    assert_eq!(message.queries[0].name().to_ascii(), "WWW.Example.org.");
    assert_eq!(message.answers.len(), 2);
    assert!(message.metadata.recursion_available);
    assert!(message.edns.is_some());
}

#[test]
fn a_reply_to_another_question_is_refused() {
    let asked = packet("www.example.org.", None);
    let query = Query::parse(&asked, origin(Transport::Udp)).unwrap();
    let mut response = Response::new();
    let other = upstream_reply(&packet("www.example.com.", None)).to_vec().unwrap();
    assert_eq!(response.load(&query, &other), Err(BadMessage::OtherQuestion));
    assert_eq!(response.load(&query, &asked), Err(BadMessage::OtherQuestion), "a query is no response");
    let mut cut = upstream_reply(&asked).to_vec().unwrap();
    cut[7] = 1;
    assert_eq!(response.load(&query, &cut), Err(BadMessage::Broken));
}

#[test]
fn a_kept_message_answers_again_with_the_new_id_and_case() {
    let first = packet("a.example.", None);
    let query = Query::parse(&first, origin(Transport::Udp)).unwrap();
    let kept = answer(&query, 3).message().to_vec();
    let second = packet("A.Example.", Some(1232));
    let query = Query::parse(&second, origin(Transport::Udp)).unwrap();
    let mut response = Response::new();
    response.load_kept(&query, &kept, Rcode::NOERROR);
    response.set_ttls(|record| record.ttl - 10);
    let message = Message::from_vec(response.finish()).unwrap();
    assert_eq!(message.queries[0].name().to_ascii(), "A.Example.");
    assert_eq!(message.answers.len(), 3);
    assert!(message.answers.iter().all(|record| record.ttl == 20));
}

#[test]
fn the_mark_of_a_live_answer_lasts_until_the_next_query() {
    let packet = packet("a.", None);
    let query = Query::parse(&packet, origin(Transport::Udp)).unwrap();
    let mut response = answer(&query, 1);
    assert!(response.is_cacheable());
    response.set_uncacheable();
    response.clear_records();
    assert!(!response.is_cacheable(), "a failure of the same plugin is live too");
    response.begin(&query);
    assert!(response.is_cacheable());
}

#[test]
fn an_upstreams_options_give_way_to_the_clients_limit() {
    let asked = packet("a.example.", Some(512));
    let query = Query::parse(&asked, origin(Transport::Udp)).unwrap();
    let mut reply = upstream_reply(&asked).to_vec().unwrap();
    // The OPT record is last and empty: an option of 600 octets is put into it.
    let length_at = reply.len() - 2;
    reply[length_at..].copy_from_slice(&604_u16.to_be_bytes());
    reply.extend([0xff, 0xfe, 0x02, 0x58]);
    reply.extend([0; 600]);
    let mut response = Response::new();
    response.load(&query, &reply).unwrap();
    let bytes = response.finish();
    assert!(bytes.len() <= 512, "{}", bytes.len());
    assert!(Message::from_vec(bytes).unwrap().edns.is_some());
}

#[test]
fn a_name_of_pointers_to_pointers_is_none() {
    let mut message = vec![0; 12];
    message.push(0);
    for at in (12..400_u16).step_by(2) {
        let target = if at == 12 { 12 } else { at - 1 };
        message.extend_from_slice(&(0xc000 | target).to_be_bytes());
    }
    let mut out = [0; crate::dns::NAME_LEN_MAX];
    assert_eq!(crate::dns::expand_name(&message, 13, &mut out), Some(1), "one pointer");
    assert_eq!(crate::dns::expand_name(&message, message.len() - 2, &mut out), None);
}

#[test]
fn records_can_be_taken_back() {
    let packet = packet("a.", None);
    let query = Query::parse(&packet, origin(Transport::Udp)).unwrap();
    let mut response = answer(&query, 3);
    response.set_rcode(Rcode::NXDOMAIN);
    response.clear_records();
    assert_eq!(response.rcode(), Rcode::NOERROR);
    assert!(Message::from_vec(response.finish()).unwrap().answers.is_empty());
}

proptest! {
    /// Shuffling keeps the set, and leaves a chain before it alone.
    #[test]
    fn shuffle_is_a_permutation(count in 0_u32..40, seed in any::<u64>(), full_owner in any::<bool>()) {
        let packet = packet("a.example.", Some(4096));
        let query = Query::parse(&packet, origin(Transport::Udp)).unwrap();
        let mut response = Response::new();
        response.begin(&query);
        let target = b"\x01b\x07example\x00";
        let at = response
            .record(Section::Answer, Owner::Question, RecordType::CNAME, 5, |rdata| rdata.octets(target))
            .unwrap();
        for number in 0..count {
            let owner = if full_owner && number == 0 { Owner::Name(target) } else { Owner::At(at) };
            response.record(Section::Answer, owner, RecordType::A, 5, |rdata| rdata.u32(number));
        }
        let mut state = seed | 1;
        response.arrange_addresses(|set| {
            set.shuffle(|below| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) as u32 % below
            });
        });
        let found = addresses(response.finish());
        prop_assert_eq!(found.len(), count as usize);
        let expected: BTreeSet<_> = (0..count).map(Ipv4Addr::from).collect();
        prop_assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    }

    /// What is wanted comes first, and nothing else changes its order: as a stable sort does it.
    #[test]
    fn moving_forward_is_stable(numbers in prop::collection::vec(0_u32..8, 0..50), full_owner in any::<bool>()) {
        let packet = packet("a.example.", None);
        let query = Query::parse(&packet, origin(Transport::Tcp)).unwrap();
        let mut response = Response::new();
        response.begin(&query);
        for (index, number) in numbers.iter().enumerate() {
            let full = full_owner && index == 0;
            let owner = if full { Owner::Name(b"\x01a\x07example\x00") } else if full_owner { Owner::At(27) } else { Owner::Question };
            response.record(Section::Answer, owner, RecordType::A, 5, |rdata| rdata.u32(number << 16 | index as u32));
        }
        let kind = |address: IpAddr| match address {
            IpAddr::V4(address) => address.to_bits() >> 16,
            IpAddr::V6(_) => panic!("{address}"),
        };
        response.arrange_addresses(|set| {
            let from = set.move_forward(0, &|address| kind(address) == 3);
            assert_eq!(from, numbers.iter().filter(|number| **number == 3).count());
            assert_eq!(set.len(), numbers.len());
            let end = set.move_forward(from, &|address| kind(address) > 5);
            assert_eq!(end - from, numbers.iter().filter(|number| **number > 5).count());
        });
        let mut expected: Vec<Ipv4Addr> =
            numbers.iter().enumerate().map(|(index, number)| Ipv4Addr::from(number << 16 | index as u32)).collect();
        expected.sort_by_key(|address| match kind((*address).into()) { 3 => 0, 6.. => 1, _ => 2 });
        prop_assert_eq!(addresses(response.finish()), expected);
    }

    /// Garbage from an upstream is taken whole or refused.
    #[test]
    fn any_upstream_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300), records in 0_u8..4) {
        let asked = packet("a.example.", Some(1232));
        let query = Query::parse(&asked, origin(Transport::Udp)).unwrap();
        let mut reply = upstream_reply(&asked).to_vec().unwrap();
        reply[7] = records;
        reply.extend(bytes);
        let mut response = Response::new();
        if response.load(&query, &reply).is_ok() {
            response.arrange_addresses(|set| {
                set.shuffle(|_| 0);
                set.move_forward(0, &|address| address.is_ipv4());
            });
            let mut records: Vec<RecordSpan> = response.records().collect();
            records.sort_by_key(|record| (record.section, record.ttl));
            response.put_in_order(&records);
            let length = response.finish().len();
            prop_assert!(length <= 1232);
            prop_assert!(!response.records().any(|record| record.end > length));
        }
    }
}
