use super::setup::read;
use super::*;
use crate::corefile::{self, Memory};
use crate::dns::{Failure, FailureKind, Flags, Name, Origin, Owner, Rcode, RecordType, Section, Transport};
use crate::plugin::testing::{Bench, Scripted, answer_a, origin, packet};

/// What a plugin below does.
type Answer<'a> = dyn Fn(&mut Response) -> Outcome + 'a;

/// What a query and its outcome are logged as by these directives; empty when they are not.
fn logged(
    directives: &str,
    packet: &[u8],
    origin: Origin,
    answer: impl Fn(&mut Response) -> Outcome,
) -> String {
    let corefile =
        corefile::parse("Corefile", &format!(". {{\n{directives}\n}}"), &Memory::default()).unwrap();
    let rules = corefile.blocks[0].directives.iter().flat_map(|directive| read(directive).unwrap()).collect();
    let query = Query::parse(packet, origin).unwrap();
    let mut response = Response::new();
    response.begin(&query);
    let outcome = answer(&mut response);
    let elapsed = Duration::from_nanos(121_023);
    let exchange = Exchange { query: &query, response: &response, outcome: &outcome, elapsed };
    let mut out = String::new();
    if let Some(rule) = Rules(rules).matching(&exchange) {
        rule.write(&exchange, &mut out);
    }
    out
}

fn client(peer: &str, transport: Transport) -> Origin {
    Origin { peer: peer.parse().unwrap(), transport, ..origin() }
}

fn address(response: &mut Response) -> Outcome {
    response.set_authoritative();
    response.answer_a(30, [192, 0, 2, 1].into());
    Outcome::Answered
}

fn rcode(rcode: Rcode) -> impl Fn(&mut Response) -> Outcome {
    move |response| {
        response.set_rcode(rcode);
        Outcome::Answered
    }
}

fn nodata(response: &mut Response) -> Outcome {
    let root = Name::root();
    response.record(Section::Authority, Owner::Name(root.as_wire()), RecordType::SOA, 5, |rdata| {
        rdata.octets(&[0; 22]);
    });
    Outcome::Answered
}

#[test]
fn the_common_format_is_that_of_coredns() {
    let asked = packet("Web.demo.svc.cluster.local", RecordType::A, Some((4096, false)));
    let expected = "[INFO] 10.244.0.7:42691 - 7 \"A IN web.demo.svc.cluster.local. udp 55 false 4096\" NOERROR \
                    qr,aa,rd 71 0.000121023s";
    let from = client("10.244.0.7:42691", Transport::Udp);
    assert_eq!(logged("log", &asked, from, address), expected);
    assert_eq!(logged("log . \"{combined}\"", &asked, from, address), format!("{expected} \"0\""));
    assert_eq!(logged("log \"{common}!\"", &asked, from, address), format!("{expected}!"));
    // The size is that of the message that is sent.
    let query = Query::parse(&asked, from).unwrap();
    let mut response = Response::new();
    response.begin(&query);
    address(&mut response);
    assert_eq!(response.finish().len(), 71);
}

#[test]
fn addresses_are_told_apart_from_ports() {
    let asked = packet("a", RecordType::AAAA, None);
    let format = "log \"{remote}:{port} {local} {proto} {>bufsize} {>do}\"";
    let ask = |from| logged(format, &asked, from, address);
    let six = client("[2001:db8::7]:40000", Transport::Tcp);
    assert_eq!(ask(six), "[INFO] [2001:db8::7]:40000 127.0.0.1 tcp 65535 false");
    let mapped = client("[::ffff:192.0.2.7]:40000", Transport::Udp);
    assert_eq!(ask(mapped), "[INFO] 192.0.2.7:40000 127.0.0.1 udp 512 false");
}

#[test]
fn what_is_no_field_stays() {
    let asked = packet("a", RecordType::A, None);
    let text = |format: &str| logged(&format!("log \"{format}\""), &asked, origin(), address);
    assert_eq!(text("{x} {name} {} {"), "[INFO] {x} a. {} {");
    assert_eq!(text("{{name}} {/forward/upstream}"), "[INFO] {a.} -");
    assert_eq!(text("{ {name} } {/x{type}"), "[INFO] { a. } {/xA");
    assert_eq!(text("} {Name} {name {type} {>ID}"), "[INFO] } {Name} {name A {>ID}");
}

#[test]
fn a_failure_shows_what_the_server_replies() {
    let asked = packet("a", RecordType::A, Some((1232, true)));
    let fields = "log \"{rcode} {>rflags} {rsize} {>do}\"";
    let failed = |response: &mut Response| {
        address(response);
        Outcome::Failed(Failure::new(FailureKind::Overloaded))
    };
    let size = asked.len();
    assert_eq!(logged(fields, &asked, origin(), failed), format!("[INFO] REFUSED qr,rd {size} true"));
    assert_eq!(logged(fields, &asked, origin(), |_| Outcome::Dropped), "[INFO] - - 0 true");
}

#[test]
fn flags_have_the_order_of_the_header() {
    let asked = packet("a", RecordType::A, None);
    let all = |response: &mut Response| {
        response.set_flags(!Flags::OPCODE);
        Outcome::Answered
    };
    assert_eq!(logged("log \"{>rflags}\"", &asked, origin(), all), "[INFO] qr,aa,tc,rd,ra,z,ad,cd");
}

#[test]
fn classes() {
    let asked = packet("a", RecordType::A, None);
    let is_logged = |class: &str, answer: &Answer<'_>| {
        !logged(&format!("log {{\n class {class}\n}}"), &asked, origin(), answer).is_empty()
    };
    let failed = |_: &mut Response| Outcome::Failed(Failure::new(FailureKind::Loop));
    let outcomes: [(&str, &Answer<'_>); 7] = [
        ("success", &address),
        ("success", &rcode(Rcode::NOERROR)),
        ("denial", &rcode(Rcode::NXDOMAIN)),
        ("denial", &nodata),
        ("error", &rcode(Rcode::SERVFAIL)),
        ("error", &failed),
        ("error", &|_| Outcome::Dropped),
    ];
    for (at, (class, answer)) in outcomes.iter().enumerate() {
        for other in ["success", "denial", "error"] {
            assert_eq!(is_logged(other, answer), other == *class, "{at} {class} {other}");
        }
        assert!(is_logged("all", answer));
        assert!(is_logged(&format!("{class} denial"), answer));
    }
}

#[test]
fn the_first_rule_that_holds_the_name_decides() {
    let rules = "log example.org \"one {name}\" {\n class denial\n}\nlog org net \"two {name}\"";
    let ask = |name: &str| logged(rules, &packet(name, RecordType::A, None), origin(), address);
    assert_eq!(ask("www.example.org"), "", "a success, and the first rule is for denials");
    assert_eq!(ask("www.org"), "[INFO] two www.org.");
    assert_eq!(ask("net"), "[INFO] two net.");
    assert_eq!(ask("example.com"), "");
}

#[test]
fn as_json_a_query_has_coredns_s_fields() {
    let record = |packet: &[u8], from: Origin, answer: &Answer<'_>| {
        let query = Query::parse(packet, from).unwrap();
        let mut response = Response::new();
        response.begin(&query);
        let outcome = answer(&mut response);
        let elapsed = Duration::from_nanos(157_707);
        let exchange = Exchange { query: &query, response: &response, outcome: &outcome, elapsed };
        let mut line = String::new();
        fields::fill(&exchange, &mut log::JsonRecord::new(&mut line, JsonLevel::Info, ""));
        let _: serde_json::Value = serde_json::from_str(&line).unwrap();
        line.split_once(r#""msg":"","#).unwrap().1.to_owned()
    };
    let asked = packet("Www.test", RecordType::A, Some((4096, true)));
    assert_eq!(
        record(&asked, client("192.0.2.7:48098", Transport::Udp), &address),
        r#""plugin":"log","client_ip":"192.0.2.7","client_port":48098,"qname":"www.test.","qtype":"A","qclass":"IN","protocol":"udp","id":7,"opcode":0,"request_size":37,"dnssec_ok":true,"bufsize":4096,"rcode":"NOERROR","response_size":53,"duration_seconds":0.000157707}"#
    );
    let dropped = record(&asked, client("[2001:db8::7]:1", Transport::Tcp), &|_| Outcome::Dropped);
    assert!(dropped.contains(r#""client_ip":"2001:db8::7","client_port":1"#), "{dropped}");
    assert!(dropped.contains(r#""protocol":"tcp""#) && dropped.contains(r#""bufsize":65535"#), "{dropped}");
    assert!(dropped.contains(r#""rcode":null,"response_size":0,"#), "{dropped}");
}

#[test]
fn the_answer_is_passed_on() {
    let bench = Bench::new(&["."]);
    let chain = bench.chain(setup, "log", Scripted::new(answer_a));
    let finished = bench.ask(&chain, &packet("a", RecordType::A, None), origin());
    assert!(matches!(finished.outcome, Outcome::Answered));
    assert_eq!(finished.response.count(Section::Answer), 1);
}

#[test]
fn the_directive_is_checked() {
    let bench = Bench::new(&["."]);
    for (text, refusal) in [
        ("log a..b", "`a..b` is not a zone"),
        ("log {\n class\n}", "`class` takes at least 1 argument, not 0"),
        (
            "log {\n class failure\n}",
            "unexpected `failure` | it is one of `success`, `denial`, `error` and `all`",
        ),
        ("log {\n clas all\n}", "unknown property `clas` of `log` | did you mean `class`?"),
    ] {
        let told = bench.refusal(setup, text);
        assert!(told.starts_with(refusal), "{told}");
    }
}
