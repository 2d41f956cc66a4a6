use hickory_proto::op::Message;

use super::*;
use crate::dns::test_origin;
use crate::plugin::testing::{Bench, Scripted, answer_a, packet};

fn ask(rtype: RecordType) -> Message {
    let bench = Bench::new(&["."]);
    let chain = bench.chain(setup, "any", Scripted::new(answer_a));
    let mut response = bench.ask(&chain, &packet("web.example.org", rtype, None), test_origin()).response;
    Message::from_vec(response.finish()).unwrap()
}

/// RFC 8482 §4.2
#[test]
fn any_is_answered_with_one_record_that_says_why() {
    let message = ask(RecordType::ANY);
    let [record] = &message.answers[..] else { panic!("{message}") };
    assert_eq!(record.to_string(), "web.example.org. 8482 IN HINFO ANY obsoleted See RFC 8482");
    assert!(!message.metadata.authoritative);
}

#[test]
fn other_types_are_left_alone() {
    assert_eq!(ask(RecordType::A).answers.len(), 1);
    assert_eq!(ask(RecordType::A).answers[0].ttl, 30);
}

#[test]
fn the_directive_is_checked() {
    let bench = Bench::new(&["."]);
    assert!(bench.refusal(setup, "any x").starts_with("`any` takes no arguments, not 1"));
    assert!(bench.refusal(setup, "any\nany").starts_with("`any` is given twice"));
}
