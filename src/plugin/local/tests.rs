use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::serialize::binary::BinEncodable;

use super::*;
use crate::plugin::testing::{Bench, Scripted, answer_a, origin};
use crate::plugin::{Chain, question_packet};

const SOA: &str = "604800 IN SOA localhost. root.localhost. 1 0 0 0 604800";

/// The plugin of a directive, above one that counts its calls.
struct Fixture {
    bench: Bench,
    chain: Arc<Chain>,
    calls: Arc<AtomicUsize>,
}

impl Fixture {
    fn new(text: &str) -> Self {
        let bench = Bench::new(&["."]);
        let script = Scripted::new(answer_a);
        let calls = Arc::clone(&script.calls);
        Self { chain: bench.chain(setup, text, script), bench, calls }
    }

    /// What is said, as `RCODE / answers / authorities`; `next` when the next plugin is asked.
    fn ask(&self, name: &str, rtype: RecordType) -> String {
        // Not through a name of ours: that is folded.
        let name = hickory_proto::rr::Name::from_ascii(name).unwrap().to_bytes().unwrap();
        let packet = question_packet(7, &name, rtype, None);
        let mut response = self.bench.ask(&self.chain, &packet, origin()).response;
        if self.calls.swap(0, Relaxed) > 0 { "next".to_owned() } else { shown(response.finish()) }
    }
}

fn shown(message: &[u8]) -> String {
    let message = Message::from_vec(message).unwrap();
    assert!(!message.metadata.authoritative && message.metadata.recursion_desired, "{message}");
    assert!(message.additionals.is_empty());
    let code = match message.metadata.response_code {
        ResponseCode::NoError => "ok",
        ResponseCode::NXDomain => "none",
        other => panic!("{other}"),
    };
    let shown = |records: &[hickory_proto::rr::Record]| {
        records.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    format!("{code} / {} / {}", shown(&message.answers), shown(&message.authorities))
}

#[test]
fn the_zones_are_answered() {
    use RecordType as T;
    let fixture = Fixture::new("local");
    for (name, rtype, expected) in [
        ("localhost", T::A, "ok / localhost. 604800 IN A 127.0.0.1 / ".to_owned()),
        ("LocalHost", T::A, "ok / LocalHost. 604800 IN A 127.0.0.1 / ".to_owned()),
        ("localhost", T::AAAA, "ok / localhost. 604800 IN AAAA ::1 / ".to_owned()),
        ("localhost", T::NS, "ok / localhost. 604800 IN NS localhost. / ".to_owned()),
        ("localhost", T::SOA, format!("ok / localhost. {SOA} / ")),
        ("localhost", T::MX, format!("ok /  / localhost. {SOA}")),
        ("localhost", T::PTR, format!("ok /  / localhost. {SOA}")),
        ("a.LOCALHOST", T::A, "ok / a.LOCALHOST. 604800 IN A 127.0.0.1 / ".to_owned()),
        ("a.b.localhost", T::AAAA, "ok / a.b.localhost. 604800 IN AAAA ::1 / ".to_owned()),
        // Other types of names below have an SOA record that says the name itself is the zone, as in CoreDNS.
        ("a.localhost", T::MX, format!("ok /  / a.localhost. {SOA}")),
        ("a.localhost", T::NS, format!("ok /  / a.localhost. {SOA}")),
        ("localhost.example.org", T::A, "ok / localhost.example.org. 604800 IN A 127.0.0.1 / ".to_owned()),
        ("localhost.example.org", T::TXT, format!("ok /  / localhost.example.org. {SOA}")),
        (
            "localhost.127.in-addr.arpa",
            T::AAAA,
            "ok / localhost.127.in-addr.arpa. 604800 IN AAAA ::1 / ".to_owned(),
        ),
        ("0.in-addr.arpa", T::SOA, format!("ok / 0.in-addr.arpa. {SOA} / ")),
        ("127.IN-addr.arpa", T::NS, "ok / 127.IN-addr.arpa. 604800 IN NS localhost. / ".to_owned()),
        ("127.in-addr.arpa", T::A, format!("ok /  / 127.in-addr.arpa. {SOA}")),
        ("255.in-addr.arpa", T::AAAA, format!("ok /  / 255.in-addr.arpa. {SOA}")),
        ("255.in-addr.arpa", T::PTR, format!("ok /  / 255.in-addr.arpa. {SOA}")),
        (
            "1.0.0.127.in-addr.arpa",
            T::PTR,
            "ok / 1.0.0.127.in-addr.arpa. 604800 IN PTR localhost. / ".to_owned(),
        ),
        ("1.0.0.127.in-addr.arpa", T::SOA, format!("ok /  / 127.in-addr.arpa. {SOA}")),
        ("2.0.0.127.in-addr.ARPA", T::PTR, format!("none /  / 127.in-addr.ARPA. {SOA}")),
        ("0.0.127.in-addr.arpa", T::NS, format!("none /  / 127.in-addr.arpa. {SOA}")),
        ("255.255.255.255.in-addr.arpa", T::PTR, format!("none /  / 255.in-addr.arpa. {SOA}")),
        ("example.org", T::A, "next".to_owned()),
        ("mylocalhost", T::A, "next".to_owned()),
        ("a\\.localhost", T::A, "next".to_owned()),
        ("1.in-addr.arpa", T::PTR, "next".to_owned()),
        ("in-addr.arpa", T::NS, "next".to_owned()),
        (".", T::NS, "next".to_owned()),
    ] {
        assert_eq!(fixture.ask(name, rtype), expected, "{name} {rtype}");
    }
}

#[test]
fn without_the_prefix_names_elsewhere_go_on() {
    let fixture = Fixture::new("local {\n localhost_prefix off\n}");
    assert_eq!(fixture.ask("localhost.example.org", RecordType::A), "next");
    assert!(fixture.ask("localhost.localhost", RecordType::A).starts_with("ok / localhost.localhost."));
    assert!(fixture.ask("localhost.127.in-addr.arpa", RecordType::A).starts_with("none / "));
    let twice = Fixture::new("local {\n localhost_prefix off\n localhost_prefix on\n}");
    assert!(twice.ask("localhost.example.org", RecordType::A).starts_with("ok / localhost.example"));
}

#[test]
fn other_names_of_this_host_are_counted() {
    let fixture = Fixture::new("local");
    for name in ["localhost", "1.0.0.127.in-addr.arpa", "a.localhost", "localhost.example.org", "example.org"]
    {
        fixture.ask(name, RecordType::A);
    }
    let text = fixture.bench.process.metrics.text();
    assert!(text.contains("\ncoredns_local_localhost_requests_total 2\n"), "{text}");
}

#[test]
fn the_directive_is_checked() {
    let bench = Bench::new(&["."]);
    for (text, expected) in [
        ("local example.org", "`local` takes no arguments, not 1 | too many | write `local`"),
        ("local {\n prefix on\n}", "unknown property `prefix` of `local` | write `localhost_prefix`"),
        ("local {\n localhost_prefix maybe\n}", "unexpected `maybe` | it is one of `on` and `off`"),
        (
            "local {\n localhost_prefix\n}",
            "`localhost_prefix` takes 1 argument, not 0 | too few | write `localhost_prefix on|off`",
        ),
        ("local\nlocal", "`local` is given twice | keep one of them"),
    ] {
        assert_eq!(bench.refusal(setup, text), expected);
    }
}
