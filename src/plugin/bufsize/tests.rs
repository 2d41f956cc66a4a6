use hickory_proto::op::Message;

use super::*;
use crate::dns::{RecordType, test_origin};
use crate::plugin::testing::{Bench, Scripted, packet};

/// The size that the plugin below saw, the size that the reply says, and the reply's octets.
fn sizes(directive: &str, edns: Option<(u16, bool)>) -> (Option<u16>, Option<u16>, usize) {
    let bench = Bench::new(&["."]);
    let script = Scripted::new(|query: &Query<'_>, response: &mut Response| {
        // The size that was seen is told in the first address.
        let [high, low] = query.edns().map_or(0, |edns| edns.udp_size).to_be_bytes();
        for last in 0..200 {
            response.answer_a(30, std::net::Ipv4Addr::new(192, high, low, last));
        }
        Reply::answered()
    });
    let chain = bench.chain(setup, directive, script);
    let mut response =
        bench.ask(&chain, &packet("web.example.org", RecordType::A, edns), test_origin()).response;
    let octets = response.finish();
    let message = Message::from_vec(octets).unwrap();
    let Some(std::net::IpAddr::V4(first)) = message.answers[0].data.ip_addr() else { panic!("{message}") };
    let seen = u16::from_be_bytes([first.octets()[1], first.octets()[2]]);
    (Some(seen).filter(|size| *size > 0), message.edns.as_ref().map(|edns| edns.max_payload()), octets.len())
}

#[test]
fn a_larger_size_is_lowered_below_and_in_the_reply() {
    let (seen, said, length) = sizes("bufsize", Some((4096, true)));
    assert_eq!((seen, said), (Some(1232), Some(1232)));
    assert!((1200..=1232).contains(&length), "{length}");
    assert_eq!(sizes("bufsize 600", Some((1232, false))).0, Some(600));
}

#[test]
fn a_smaller_size_and_none_stay() {
    assert_eq!(sizes("bufsize", Some((700, false))).0, Some(700));
    let (seen, said, length) = sizes("bufsize", None);
    assert_eq!((seen, said), (None, None));
    assert!(length <= 512);
}

#[test]
fn the_directive_is_checked() {
    let bench = Bench::new(&["."]);
    for (text, expected) in [
        ("bufsize 511", "`511` is "),
        ("bufsize 4097", "`4097` is "),
        ("bufsize x", "`x` is "),
        ("bufsize 512 512", "`bufsize` takes at most 1 argument, not 2"),
        ("bufsize\nbufsize", "`bufsize` is given twice"),
    ] {
        let refusal = bench.refusal(setup, text);
        assert!(refusal.starts_with(expected), "{text}: {refusal}");
    }
}
