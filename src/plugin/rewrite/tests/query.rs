//! What goes down.

use super::*;
use crate::dns::{Class, InfoCode};

#[test]
fn each_way_to_match_a_name() {
    for (rules, from, to) in [
        ("rewrite name example.net example.org", "Example.NET", "example.org."),
        ("rewrite name exact example.net. example.org", "example.net", "example.org."),
        ("rewrite name EXACT example.net example.org", "www.example.net", "www.example.net."),
        ("rewrite name prefix foo bar", "foo.example.com", "bar.example.com."),
        ("rewrite name prefix foo bar", "FOO.Example.com", "bar.example.com."),
        ("rewrite name prefix foo bar", "coredns.foo", "coredns.foo."),
        ("rewrite name suffix com org", "foo.example.com", "foo.example.org."),
        ("rewrite name suffix .com .org", "foo.example.com", "foo.example.org."),
        ("rewrite name suffix com org", "com.coredns", "com.coredns."),
        (
            "rewrite name suffix .ingress.coredns.rocks nginx.coredns.rocks",
            "coredns.ingress.coredns.rocks",
            "corednsnginx.coredns.rocks.",
        ),
        (
            "rewrite name substring service.us-west-1.example.org service.us-west-1.consul",
            "ftp.service.us-west-1.example.org",
            "ftp.service.us-west-1.consul.",
        ),
        ("rewrite name substring service svc", "com.coredns", "com.coredns."),
        ("rewrite name regex (core)\\.(dns)\\.(rocks) {2}.{1}.{3}", "CORE.dns.rocks", "dns.core.rocks."),
        ("rewrite name regex (CORE)\\.dns {1}.example", "core.dns", "core.example."),
        ("rewrite name regex ^x$ y", "x", "x."),
        // Whether a group has the final dot or not.
        ("rewrite name regex ^(.*)$ a.{1}", "x", "a.x."),
        ("rewrite name regex ^(.*)\\.$ a.{1}", "x", "a.x."),
        ("rewrite name regex ^(.*)\\.$ a.{1}.", "x", "a.x."),
        ("rewrite name suffix . .local", "www.example", "www.example.local."),
        ("rewrite stop {\nname suffix .a .b\n}", "x.a", "x.b."),
        ("rewrite {\nname\nsuffix\n.a .b\n}", "x.a", "x.b."),
    ] {
        assert_eq!(below(rules, from), to, "{rules}: {from}");
    }
}

#[test]
fn a_name_that_is_not_changed_keeps_its_letters() {
    assert_eq!(below("rewrite name a.example b.example", "WWW.Example.org"), "WWW.Example.org.");
    assert_eq!(below("rewrite name suffix .org .ORG", "WWW.Example.org"), "WWW.Example.org.");
    assert_eq!(below("rewrite type MX A", "WWW.Example.org"), "WWW.Example.org.");
    assert_eq!(below("rewrite name suffix .org .net", "WWW.Example.org"), "www.example.net.");
}

#[test]
fn rules_follow_one_another_until_one_stops() {
    let chain = "rewrite continue name suffix .a .b\nrewrite name suffix .b .c\nrewrite name suffix .c .d";
    assert_eq!(below(chain, "x.a"), "x.c.");
    assert_eq!(below(chain, "x.b"), "x.c.");
    assert_eq!(below(chain, "x.c"), "x.d.");
    let stop = "rewrite stop name suffix .a .b\nrewrite name suffix .b .c";
    assert_eq!(below(stop, "x.a"), "x.b.");
    assert_eq!(below("rewrite continue name x.a x.b\nrewrite continue name x.b x.c", "x.a"), "x.c.");
    // A rule that is not for the query does not stop.
    assert_eq!(below("rewrite ttl y.a 5\nrewrite name suffix .a .b", "x.a"), "x.b.");
    // One for the answer does.
    assert_eq!(below("rewrite ttl x.a 5\nrewrite name suffix .a .b", "x.a"), "x.a.");
    assert_eq!(below("rewrite continue ttl x.a 5\nrewrite name suffix .a .b", "x.a"), "x.b.");
    assert_eq!(below("rewrite cname a b\nrewrite name suffix .a .b", "x.a"), "x.a.");
}

#[test]
fn type_and_class() {
    let rules =
        "rewrite continue class HS CH\nrewrite class CH IN\nrewrite type ANY HINFO\nrewrite type TYPE65 A";
    let asked = Asked::of(rules);
    let of = |rtype: RecordType, class: u16| {
        let mut packet = packet("a.nl", rtype, None);
        let at = packet.len() - 1;
        packet[at] = class as u8;
        let (message, _) = asked.ask(&packet, |_, _| Reply::answered());
        assert_eq!(question(&message), format!("a.nl. {} {rtype}", Class(class)));
        asked.seen()[0].question.clone()
    };
    assert_eq!(of(RecordType::ANY, 1), "a.nl. IN HINFO");
    assert_eq!(of(RecordType::HTTPS, 1), "a.nl. IN A");
    assert_eq!(of(RecordType::A, 1), "a.nl. IN A");
    assert_eq!(of(RecordType::ANY, 3), "a.nl. IN ANY");
    assert_eq!(of(RecordType::ANY, 4), "a.nl. IN ANY");
}

#[test]
fn what_is_no_name_is_servfail_and_nobody_is_asked() {
    let asked = Asked::of("rewrite name prefix www bad.");
    let (message, _) = asked.ask(&packet("www.example", RecordType::A, None), |_, _| Reply::answered());
    assert_eq!(message.response_code, hickory_proto::op::ResponseCode::NoError);
    assert_eq!(asked.seen()[0].question, "bad.example. IN A");
    for rules in
        ["rewrite name prefix www .", "rewrite name substring www a..b", "rewrite name regex (w+)\\. {1}..x"]
    {
        let asked = Asked::of(rules);
        let (message, outcome) =
            asked.ask(&packet("WWW.example", RecordType::A, Some((1232, false))), |_, _| Reply::answered());
        assert_eq!(message.response_code, hickory_proto::op::ResponseCode::ServFail, "{rules}");
        assert_eq!(question(&message), "WWW.example. IN A");
        assert!(asked.seen().is_empty());
        let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
        assert!(failure.detail().unwrap().starts_with("invalid name after rewrite: "), "{failure}");
        assert_eq!(failure.extended_error().0, InfoCode::OTHER);
    }
    // Too long: 63 times `a` becomes twice as much.
    let label = "a".repeat(63);
    let rules = format!("rewrite name regex ^{label}\\.(.*)$ {label}a.{{1}}");
    let asked = Asked::of(&rules);
    let (message, _) =
        asked.ask(&packet(&format!("{label}.org"), RecordType::A, None), |_, _| Reply::answered());
    assert_eq!(message.response_code, hickory_proto::op::ResponseCode::ServFail);
}

/// What the plugin below sees of `packet`.
fn options(rules: &str, packet: &[u8]) -> Seen {
    let asked = Asked::of(rules);
    asked.ask(packet, |_, _| Reply::answered());
    asked.seen().remove(0)
}

/// A question with an OPT record that holds these options.
fn with_options(options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut packet = packet("Example.com", RecordType::A, Some((900, true)));
    let mut rdata = Vec::new();
    for (code, data) in options {
        rdata.extend_from_slice(&code.to_be_bytes());
        rdata.extend_from_slice(&(data.len() as u16).to_be_bytes());
        rdata.extend_from_slice(data);
    }
    let at = packet.len();
    packet[at - 2..].copy_from_slice(&(rdata.len() as u16).to_be_bytes());
    packet.extend_from_slice(&rdata);
    packet
}

#[test]
fn options_are_set_appended_replaced_and_removed() {
    let bare = packet("example.com", RecordType::A, None);
    let empty = with_options(&[]);
    let held = with_options(&[(65518, b"old"), (3, b"")]);
    let held_and = |data: &[u8]| vec![(3, vec![]), (65518, data.to_vec())];
    for (rules, packet, expected) in [
        ("local set 0xffee 0x6869", &bare, vec![(65518, b"hi".to_vec())]),
        ("local set 0xffee 0x6869", &empty, vec![(65518, b"hi".to_vec())]),
        ("local set 65518 hi", &held, held_and(b"hi")),
        ("local append 0xFFEE hi", &empty, vec![(65518, b"hi".to_vec())]),
        ("local append 0xffee hi", &held, held_and(b"old")),
        ("local replace 0xffee hi", &empty, vec![]),
        ("local replace 0xffee hi", &held, held_and(b"hi")),
        ("local unset 0xffee", &held, vec![(3, vec![])]),
        ("local unset 0xffee", &empty, vec![]),
        ("nsid set", &empty, vec![(3, vec![])]),
        ("nsid append", &bare, vec![(3, vec![])]),
        ("nsid replace", &empty, vec![]),
        ("nsid unset", &held, vec![(65518, b"old".to_vec())]),
        ("subnet set 24 56", &empty, vec![(8, vec![0, 1, 24, 0, 127, 0, 0])]),
        ("subnet set 0x1 56", &empty, vec![(8, vec![0, 1, 1, 0, 0])]),
        ("subnet set 0 56", &empty, vec![(8, vec![0, 1, 0, 0])]),
        ("subnet replace 24 56", &empty, vec![]),
        ("subnet unset", &with_options(&[(8, b"x")]), vec![]),
    ] {
        let seen = options(&format!("rewrite edns0 {rules}"), packet);
        let mut options = seen.options;
        options.sort();
        assert_eq!(options, expected, "{rules}");
        let is_added = packet == &bare && !expected.is_empty();
        let size = if is_added { Some(1232) } else { (packet != &bare).then_some(900) };
        assert_eq!(seen.udp_size, size, "{rules}");
    }
}

#[test]
fn variables() {
    let origin = test_origin();
    let of = |variable: &str| {
        let rules = format!("rewrite edns0 local set 0xffee {variable}");
        options(&rules, &with_options(&[])).options.remove(0).1
    };
    assert_eq!(of("{qname}"), b"Example.com.");
    assert_eq!(of("{qtype}"), [0, 1]);
    assert_eq!(of("{client_ip}"), [127, 0, 0, 1]);
    assert_eq!(of("{client_port}"), origin.peer.port().to_be_bytes());
    assert_eq!(of("{server_ip}"), [127, 0, 0, 1]);
    assert_eq!(of("{server_port}"), origin.local.port().to_be_bytes());
    assert_eq!(of("{protocol}"), b"udp");
    let after = options(
        "rewrite continue name Example.com b.org\nrewrite continue type A MX\nrewrite continue edns0 local set 0xffee \
         {qname}\nrewrite edns0 local set 0xffef {qtype}",
        &with_options(&[]),
    );
    assert_eq!(after.options, [(65518, b"b.org.".to_vec()), (65519, vec![0, 15])]);
}

#[test]
fn a_rule_for_options_that_does_nothing_does_not_stop() {
    let rules = "rewrite edns0 local replace 0xffee a\nrewrite edns0 local set 0xffee b";
    assert_eq!(options(rules, &with_options(&[])).options, [(65518, b"b".to_vec())]);
    assert_eq!(options(rules, &with_options(&[(65518, b"x")])).options, [(65518, b"a".to_vec())]);
    let rules = "rewrite edns0 local unset 0xffee\nrewrite edns0 local set 0xffee b";
    assert_eq!(options(rules, &with_options(&[])).options, []);
}

/// The option 65,518 of the reply, and whether there is an OPT record.
fn replied(
    rules: &str,
    packet: &[u8],
    upstream: Option<&'static [(u16, &'static [u8])]>,
) -> (bool, Option<Vec<u8>>) {
    let asked = Asked::of(rules);
    let (message, _) = asked.ask(packet, move |query, response| {
        if let Some(options) = upstream {
            // A response of an upstream, with an OPT record that holds these options.
            let mut message = query.packet()[..12 + query.question().len()].to_vec();
            let opt = with_options(options).split_off(12 + 17);
            message[2] |= 0x80;
            message[11] = 1;
            message.extend_from_slice(&opt);
            response.load(query, &message).unwrap();
        }
        Reply::answered()
    });
    let edns = message.edns.as_ref();
    let option = edns.and_then(|edns| edns.option(hickory_proto::rr::rdata::opt::EdnsCode::Unknown(65518)));
    (edns.is_some(), option.map(|option| Vec::<u8>::try_from(option).unwrap()))
}

#[test]
fn options_of_local_use_are_repeated_but_where_they_are_reverted() {
    let bare = packet("example.com", RecordType::A, None);
    let (empty, held) = (with_options(&[]), with_options(&[(65518, b"old")]));
    let yes = |data: &[u8]| (true, Some(data.to_vec()));
    assert_eq!(replied("rewrite edns0 local set 0xffee abcd", &empty, None), yes(b"abcd"));
    assert_eq!(replied("rewrite edns0 local set 0xffee abcd", &bare, None), (false, None));
    assert_eq!(replied("rewrite edns0 local set 0xffee abcd revert", &empty, None), (true, None));
    assert_eq!(replied("rewrite edns0 local set 0xffee abcd revert", &held, None), yes(b"old"));
    let two =
        "rewrite continue {\nedns0 local set 0xffee abcd\n}\nrewrite edns0 local replace 0xffee bcde revert";
    assert_eq!(replied(two, &empty, None), yes(b"abcd"));
    // An upstream's are what it said.
    let said: Option<&[(u16, &[u8])]> = Some(&[(65518, b"up")]);
    assert_eq!(replied("rewrite edns0 local set 0xffee abcd", &empty, Some(&[])), (true, None));
    assert_eq!(replied("rewrite edns0 local set 0xffee abcd", &empty, said), yes(b"up"));
    assert_eq!(replied("rewrite edns0 local set 0xffee abcd revert", &empty, said), (true, None));
    assert_eq!(replied("rewrite edns0 local set 0xffee abcd revert", &held, said), yes(b"old"));
    assert_eq!(replied("rewrite edns0 local set 0xffee abcd revert", &held, Some(&[])), (true, None));
}
