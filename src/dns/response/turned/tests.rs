use hickory_proto::op::Message;

use super::*;
use crate::dns::{Owner, Rcode, test_origin, wire_from_text};
use crate::plugin::question_packet;

fn packet(text: &str, edns: Option<(u16, bool)>) -> Vec<u8> {
    question_packet(7, &wire_from_text(text).unwrap(), RecordType::A, edns)
}

/// A response to a question for `text` with a CNAME record and an address.
fn response(packet: &[u8]) -> Response {
    let query = Query::parse(packet, test_origin()).unwrap();
    let mut response = Response::new();
    response.begin(&query);
    let target = response.record(Section::Answer, Owner::Question, RecordType::CNAME, 5, |rdata| {
        rdata.octets(b"\x03www");
        rdata.pointer(HEADER_LEN);
    });
    response.record(Section::Answer, Owner::At(target.unwrap()), RecordType::A, 6, |rdata| {
        rdata.octets(&[192, 0, 2, 1]);
    });
    response
}

fn shown(response: &mut Response) -> Vec<String> {
    let message = Message::from_vec(response.finish()).unwrap();
    let question = std::iter::once(message.queries[0].name().to_string());
    let records = message.answers.iter().map(|record| format!("{} {}", record.name, record.data));
    question.chain(records).collect()
}

#[test]
fn names_stay_what_they_are_behind_another_question() {
    let (below, client) = (packet("b.example", None), packet("A.much.longer.EXAMPLE", Some((900, true))));
    let mut response = response(&below);
    let query = Query::parse(&client, test_origin()).unwrap();
    response.set_rcode(Rcode::NXDOMAIN);
    response.turn_to(&query, &mut |_, _, _| false).unwrap();
    assert!(response.takes_extended_error());
    assert_eq!(response.rcode(), Rcode::NXDOMAIN);
    let expected = ["A.much.longer.EXAMPLE.", "b.example. www.b.example.", "www.b.example. 192.0.2.1"];
    assert_eq!(shown(&mut response), expected);
}

#[test]
fn what_is_the_question_is_pointed_to() {
    let (below, client) = (packet("b.example", None), packet("A.Example", None));
    let mut response = response(&below);
    let query = Query::parse(&client, test_origin()).unwrap();
    let asked = query.name_original();
    let turned = response.turn_to(&query, &mut |role, name, out| {
        let kept = name.len() - b"\x01b\x07example\x00".len();
        out.extend_from_slice(&name[..kept]);
        out.extend_from_slice(asked);
        assert!(role == NameRole::Owner || kept == 4);
        true
    });
    turned.unwrap();
    // Both owners are pointers, and the target is a label and a pointer.
    assert_eq!(response.message().len(), client.len() + (12 + 6) + (12 + 4));
    assert_eq!(shown(&mut response), ["A.Example.", "A.Example. www.A.Example.", "www.A.Example. 192.0.2.1"]);
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let below = packet("b.example", None);
    let mut response = response(&below);
    let at = response.records().next().unwrap().rdata_at() + 4;
    // The target leads to itself.
    response.message[at..at + 2].copy_from_slice(&(0xc000 | at as u16).to_be_bytes());
    let query = Query::parse(&below, test_origin()).unwrap();
    assert_eq!(response.turn_to(&query, &mut |_, _, _| false), Err(BadMessage::Broken));
    // The next message is not harmed.
    response.begin(&query);
    response.turn_to(&query, &mut |_, _, _| false).unwrap();
    assert_eq!(shown(&mut response), ["b.example."]);
}

#[test]
fn in_place_only_type_and_class_change() {
    let (below, mut client) = (packet("b.example", None), packet("b.example", None));
    let at = client.len() - 3;
    client[at] = 15;
    let mut response = response(&below);
    let query = Query::parse(&client, test_origin()).unwrap();
    assert!(response.has_name_of(&query));
    response.turn_in_place(&query);
    assert_eq!(response.message()[HEADER_LEN..HEADER_LEN + 15], client[HEADER_LEN..]);
    assert_eq!(response.records().count(), 2);
    let other = packet("B.example", None);
    assert!(!response.has_name_of(&Query::parse(&other, test_origin()).unwrap()));
}

#[test]
fn a_cname_is_led_elsewhere() {
    let (below, target) = (packet("b.example", None), wire_from_text("other.example").unwrap());
    let mut answer = response(&below);
    answer.set_flags(answer.flags().0 | Flags::AD);
    answer
        .record(Section::Authority, Owner::Question, RecordType::NS, 5, |rdata| rdata.octets(b"\x02ns\x00"));
    let asked = packet("other.example", None);
    let mut found = response(&asked);
    found.set_flags(found.flags().0 | Flags::TC);
    found.set_uncacheable();
    let cname = answer.records().next().unwrap();
    answer.lead_elsewhere(&cname, &target, &found).unwrap();
    assert!(!answer.is_cacheable());
    let flags = answer.flags();
    assert!(flags.has(Flags::TC) && !flags.has(Flags::AD));
    assert_eq!(answer.count(Section::Authority), 1);
    assert_eq!(
        shown(&mut answer),
        [
            "b.example.",
            "b.example. other.example.",
            "other.example. www.other.example.",
            "www.other.example. 192.0.2.1",
        ]
    );
}
