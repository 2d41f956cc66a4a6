use super::*;
use crate::dns::{RecordType, test_origin};
use crate::plugin::testing::{Bench, Scripted, answer_a, packet};

/// The reply in short: the RCODE with the number of answers, and the code of the extended error; `-` for none.
fn ask(bench: &Bench, rules: &str, name: &str, rtype: RecordType, client: &str) -> String {
    let chain = bench.chain(setup, rules, Scripted::new(answer_a));
    let mut origin = test_origin();
    origin.peer.set_ip(client.parse().unwrap());
    let finished = bench.ask(&chain, &packet(name, rtype, Some((1232, false))), origin);
    match finished.outcome {
        Outcome::Dropped => "dropped".to_owned(),
        _ => {
            let response = finished.response;
            let error = response.extended_error().map_or("-".to_owned(), |(code, _)| code.0.to_string());
            format!("{} {} {error}", response.rcode(), response.count(crate::dns::Section::Answer))
        }
    }
}

#[test]
fn each_action_does_what_it_says() {
    let bench = Bench::new(&["."]);
    for (action, expected) in
        [("allow", "NOERROR 1 -"), ("block", "REFUSED 0 15"), ("filter", "NOERROR 0 17"), ("drop", "dropped")]
    {
        let rules = format!("acl {{\n{action} net 192.0.2.0/24\n}}");
        assert_eq!(ask(&bench, &rules, "a.example", RecordType::A, "192.0.2.9"), expected);
        assert_eq!(
            ask(&bench, &rules, "a.example", RecordType::A, "198.51.100.1"),
            "NOERROR 1 -",
            "{action}"
        );
    }
}

#[test]
fn types_and_networks_must_both_match() {
    let bench = Bench::new(&["."]);
    let rules = "acl {\nblock type AAAA type65280 net 192.0.2.1 2001:db8::/32\n}";
    for (rtype, client, expected) in [
        (RecordType::AAAA, "192.0.2.1", "REFUSED 0 15"),
        (RecordType(65280), "2001:db8::7", "REFUSED 0 15"),
        (RecordType::A, "192.0.2.1", "NOERROR 1 -"),
        (RecordType::AAAA, "192.0.2.2", "NOERROR 1 -"),
        // A dual-stack socket shows an IPv4 client as an IPv6 address.
        (RecordType::AAAA, "::ffff:192.0.2.1", "REFUSED 0 15"),
    ] {
        assert_eq!(ask(&bench, rules, "a.example", rtype, client), expected, "{rtype} {client}");
    }
}

#[test]
fn a_star_is_all_wherever_it_stands() {
    let bench = Bench::new(&["."]);
    for line in
        ["block type * A", "block type A type *", "block type * type A", "block net * net 198.51.100.0/24"]
    {
        let rules = format!("acl {{\n{line}\n}}");
        assert_eq!(ask(&bench, &rules, "a.example", RecordType::MX, "192.0.2.1"), "REFUSED 0 15", "{line}");
    }
}

#[test]
fn the_first_policy_decides_and_allow_ends_the_rules() {
    let bench = Bench::new(&["."]);
    let rules = "acl {\nallow net 192.0.2.1\nblock\n}\nacl {\ndrop\n}";
    assert_eq!(ask(&bench, rules, "a.example", RecordType::A, "192.0.2.1"), "NOERROR 1 -");
    assert_eq!(ask(&bench, rules, "a.example", RecordType::A, "192.0.2.2"), "REFUSED 0 15");
    let through = "acl {\nblock type MX\n}\nacl {\nfilter type * net *\n}";
    assert_eq!(ask(&bench, through, "a.example", RecordType::A, "192.0.2.1"), "NOERROR 0 17");
}

#[test]
fn a_rule_is_for_its_zones() {
    let bench = Bench::new(&["example", "test"]);
    let rules = "acl a.example {\nblock\n}\nacl {\nfilter type TXT\n}";
    assert_eq!(ask(&bench, rules, "x.A.example", RecordType::A, "192.0.2.1"), "REFUSED 0 15");
    assert_eq!(ask(&bench, rules, "xa.example", RecordType::A, "192.0.2.1"), "NOERROR 1 -");
    assert_eq!(ask(&bench, rules, "b.test", RecordType::TXT, "192.0.2.1"), "NOERROR 0 17");
}

#[test]
fn what_was_decided_is_counted() {
    let bench = Bench::new(&["example", "a.example"]);
    let rules = "acl {\nblock type A\nfilter type MX\ndrop type TXT\n}";
    let chain = bench.chain(setup, rules, Scripted::new(answer_a));
    for rtype in [RecordType::A, RecordType::A, RecordType::MX, RecordType::TXT, RecordType::SRV] {
        bench.ask(&chain, &packet("x.a.example", rtype, None), test_origin());
    }
    let text = bench.process.metrics.text();
    for line in [
        r#"coredns_acl_blocked_requests_total{server="dns://:53",view="",zone="a.example."} 2"#,
        r#"coredns_acl_filtered_requests_total{server="dns://:53",view="",zone="a.example."} 1"#,
        r#"coredns_acl_dropped_requests_total{server="dns://:53",view="",zone="a.example."} 1"#,
        r#"coredns_acl_blocked_requests_total{server="dns://:53",view="",zone="example."} 0"#,
        r#"coredns_acl_allowed_requests_total{server="dns://:53",view=""} 1"#,
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
}

#[test]
fn the_directive_is_checked() {
    let bench = Bench::new(&["."]);
    for (text, expected) in [
        ("acl {\nblok\n}", "unknown property `blok` of `acl`"),
        ("acl {\nblock typ A\n}", "`typ` is not `type` or `net`"),
        ("acl {\nblock type\n}", "`type` has no words"),
        ("acl {\nblock type net 192.0.2.1\n}", "`type` has no words"),
        ("acl {\nblock type AAAAA\n}", "`AAAAA` is not a record type"),
        ("acl {\nblock net 192.0.2.0/33\n}", "`192.0.2.0/33` is not"),
        ("acl ex..ample {\n}", "`ex..ample` is not"),
    ] {
        let refusal = bench.refusal(setup, text);
        assert!(refusal.starts_with(expected), "{text}: {refusal}");
    }
}
