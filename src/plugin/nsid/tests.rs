use hickory_proto::op::Message;
use hickory_proto::rr::rdata::opt::EdnsCode;

use super::*;
use crate::dns::{Failure, FailureKind, RecordType, test_origin};
use crate::plugin::testing::{Bench, Scripted, answer_a, packet};

/// A question with an EDNS option of this code and no data.
fn packet_with(code: u16) -> Vec<u8> {
    let mut packet = packet("web.example.org", RecordType::A, Some((1232, false)));
    let length_at = packet.len() - 2;
    packet[length_at..].copy_from_slice(&4_u16.to_be_bytes());
    packet.extend_from_slice(&[code.to_be_bytes(), [0, 0]].concat());
    packet
}

fn ask(text: &str, packet: &[u8], script: fn(&Query<'_>, &mut Response) -> Reply) -> Option<String> {
    let bench = Bench::new(&["."]);
    let chain = bench.chain(setup, text, Scripted::new(script));
    let mut finished = bench.ask(&chain, packet, test_origin());
    finished.outcome.settle(&mut finished.response);
    let message = Message::from_vec(finished.response.finish()).unwrap();
    let option = message.edns.as_ref()?.option(EdnsCode::NSID).cloned()?;
    Some(String::from_utf8(Vec::<u8>::try_from(&option).unwrap()).unwrap())
}

/// RFC 5001 §2.2
#[test]
fn who_asks_is_told() {
    assert_eq!(ask("nsid node one", &packet_with(3), answer_a).as_deref(), Some("node one"));
    assert_eq!(ask("nsid", &packet_with(3), answer_a), Some(crate::telemetry::host_name()));
}

/// RFC 5001 §2.2: not otherwise
#[test]
fn who_does_not_ask_is_not() {
    assert_eq!(ask("nsid x", &packet_with(10), answer_a), None);
    assert_eq!(ask("nsid x", &packet("web.example.org", RecordType::A, None), answer_a), None);
}

#[test]
fn an_upstream_s_identity_gives_way_to_ours() {
    let upstream = |_: &Query<'_>, response: &mut Response| {
        response.set_option(OPTION_NSID, b"upstream");
        response.set_option(OPTION_NSID, b"upstream again");
        Reply::answered()
    };
    assert_eq!(ask("nsid x", &packet_with(3), upstream).as_deref(), Some("x"));
}

#[test]
fn a_failure_that_the_server_writes_has_none() {
    let fail = |_: &Query<'_>, _: &mut Response| Reply::failed(Failure::new(FailureKind::Plugin));
    assert_eq!(ask("nsid x", &packet_with(3), fail), None);
}

#[test]
fn the_directive_is_checked() {
    let bench = Bench::new(&["."]);
    assert!(
        bench.refusal(setup, &format!("nsid {}", "x".repeat(256))).starts_with("the data has 256 octets")
    );
    assert!(bench.refusal(setup, "nsid x {\n}").starts_with("`nsid` takes no block"));
    assert!(bench.refusal(setup, "nsid\nnsid").starts_with("`nsid` is given twice"));
}
