use hickory_proto::op::Message;

use super::*;
use crate::dns::test_origin;
use crate::plugin::testing::{Bench, Scripted, answer_a, packet};

fn ask(directive: &str, name: &str, rtype: RecordType, class: Class) -> Vec<String> {
    let bench = Bench::new(&["."]);
    let chain = bench.chain(setup, directive, Scripted::new(answer_a));
    let mut packet = packet(name, rtype, None);
    let class_at = packet.len() - 2;
    packet[class_at..].copy_from_slice(&class.0.to_be_bytes());
    let mut response = bench.ask(&chain, &packet, test_origin()).response;
    let message = Message::from_vec(response.finish()).unwrap();
    message.answers.iter().map(ToString::to_string).collect()
}

#[test]
fn the_server_tells_of_itself() {
    let ask = |directive, name| ask(directive, name, RecordType::TXT, Class::CH);
    let version = concat!("version.bind. 0 CH TXT kubezone-", env!("CARGO_PKG_VERSION"));
    assert_eq!(ask("chaos", "version.bind"), [version]);
    assert_eq!(ask("chaos v1", "Version.Server"), ["version.server. 0 CH TXT v1"]);
    let host = crate::telemetry::host_name();
    assert_eq!(ask("chaos", "hostname.bind"), [format!("hostname.bind. 0 CH TXT {host}")]);
    assert_eq!(ask("chaos", "id.server"), [format!("id.server. 0 CH TXT {host}")]);
    assert_eq!(
        ask("chaos v1 b a b", "authors.bind"),
        ["authors.bind. 0 CH TXT a", "authors.bind. 0 CH TXT b"]
    );
    assert_eq!(ask("chaos", "authors.bind").len(), 1);
}

#[test]
fn other_questions_are_left_alone() {
    for (name, rtype, class) in [
        ("version.bind", RecordType::TXT, Class::IN),
        ("version.bind", RecordType::A, Class::CH),
        ("versions.bind", RecordType::TXT, Class::CH),
    ] {
        assert!(ask("chaos", name, rtype, class)[0].ends_with("192.0.2.1"), "{name} {rtype} {class}");
    }
}

#[test]
fn long_text_is_cut_to_a_character_string() {
    let answers = ask(&format!("chaos {}", "x".repeat(300)), "version.bind", RecordType::TXT, Class::CH);
    assert!(answers[0].ends_with(&"x".repeat(255)) && !answers[0].ends_with(&"x".repeat(256)));
}

#[test]
fn the_block_takes_class_ch() {
    assert!(Bench::new(&["."]).set_up(setup, "chaos").unwrap().any_class);
}

#[test]
fn the_directive_is_checked() {
    let bench = Bench::new(&["."]);
    assert!(bench.refusal(setup, "chaos {\n}").starts_with("`chaos` takes no block"));
    assert!(bench.refusal(setup, "chaos\nchaos").starts_with("`chaos` is given twice"));
}
