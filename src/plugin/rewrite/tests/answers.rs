//! What comes back.

use hickory_proto::op::ResponseCode;

use super::*;
use crate::dns::{Flags, NAME_LEN_MAX};
use Section::{Additional, Answer, Authority};

const A: &[u8] = &[192, 0, 2, 1];

/// The sections of the reply to `asked`, below which these records are given.
fn sections(
    rules: &str,
    asked: &str,
    rtype: RecordType,
    lines: &'static [Line<'static>],
) -> [Vec<String>; 3] {
    let chain = Asked::of(rules);
    let (message, outcome) = chain.ask(&packet(asked, rtype, None), move |_, response| {
        write(response, lines);
        Reply::answered()
    });
    assert!(matches!(outcome, Outcome::Answered), "{outcome:?}");
    assert_eq!(question(&message), format!("{} IN {rtype}", asked.trim_end_matches('.').to_owned() + "."));
    shown(&message)
}

const LINES: &[Line<'static>] = &[
    (Answer, "@", RecordType::CNAME, 5, &[], "Pod.db.ns.svc.cluster.local"),
    (Answer, "pod.db.ns.svc.cluster.local", RecordType::A, 5, A, ""),
    (Answer, "@", RecordType::SRV, 5, &[0, 1, 0, 2, 0, 3], "db.ns.svc.cluster.local"),
    (Authority, "cluster.local", RecordType::SOA, 5, &[], "ns.svc.cluster.local"),
    (Additional, "other.example", RecordType::MX, 5, &[0, 9], "mail.db.ns.svc.cluster.local"),
];

#[test]
fn an_exact_name_and_what_is_below_it_are_led_back() {
    let found = sections(
        "rewrite name DB.example.com db.ns.svc.cluster.local",
        "Db.Example.com",
        RecordType::A,
        LINES,
    );
    assert_eq!(
        found[0],
        [
            "Db.Example.com. 5 CNAME Pod.Db.Example.com.",
            "pod.Db.Example.com. 5 A 192.0.2.1",
            "Db.Example.com. 5 SRV 1 2 3 Db.Example.com.",
        ]
    );
    let soa = "cluster.local. 5 SOA ns.svc.cluster.local. ns.svc.cluster.local. 0 0 0 0 0";
    assert_eq!(found[1], [soa]);
    assert_eq!(found[2], ["other.example. 5 MX 9 mail.Db.Example.com."]);
}

#[test]
fn without_an_answer_rule_only_the_question_is_led_back() {
    let found = sections(
        "rewrite name suffix .example.com .ns.svc.cluster.local",
        "db.Example.com",
        RecordType::A,
        const { &[LINES[1], (Answer, "@", RecordType::A, 5, A, "")] },
    );
    assert_eq!(
        found[0],
        ["pod.db.ns.svc.cluster.local. 5 A 192.0.2.1", "db.ns.svc.cluster.local. 5 A 192.0.2.1"]
    );
}

#[test]
fn a_suffix_is_led_back_for_every_name() {
    let found = sections(
        "rewrite name suffix .Example.com .svc.cluster.local answer auto",
        "db.NS.example.com",
        RecordType::A,
        LINES,
    );
    assert_eq!(
        found[0],
        [
            "db.NS.example.com. 5 CNAME Pod.db.NS.example.com.",
            "pod.db.NS.example.com. 5 A 192.0.2.1",
            "db.NS.example.com. 5 SRV 1 2 3 db.NS.example.com.",
        ]
    );
    // MNAME, and not RNAME.
    assert_eq!(found[1], ["cluster.local. 5 SOA ns.example.com. ns.svc.cluster.local. 0 0 0 0 0"]);
}

#[test]
fn auto_maps_the_name_that_was_asked_for() {
    for rules in [
        "rewrite name prefix db pod.db answer auto",
        "rewrite name substring db.x pod.db.x answer auto",
        "rewrite name regex ^(.*)$ pod.{1} answer auto",
    ] {
        let found = sections(
            rules,
            "DB.x",
            RecordType::A,
            &[
                (Answer, "@", RecordType::A, 5, A, ""),
                (Answer, "y.POD.db.x", RecordType::CNAME, 5, &[], "db.x"),
            ],
        );
        assert_eq!(found[0], ["DB.x. 5 A 192.0.2.1", "y.DB.x. 5 CNAME db.x."], "{rules}");
    }
}

#[test]
fn explicit_rules_for_names_and_values() {
    let found = sections(
        "rewrite stop {\nname regex (.*)-(us-west-1)\\.coredns\\.rocks {1}.service.{2}.consul\nanswer name \
         (.*)\\.service\\.(us-west-1)\\.consul {1}-{2}.coredns.rocks\n}",
        "ftp-us-west-1.coredns.rocks",
        RecordType::A,
        &[
            (Answer, "@", RecordType::A, 5, A, ""),
            (Answer, "FTP.service.us-west-1.Consul", RecordType::NS, 5, &[], "ftp.service.us-west-1.consul"),
        ],
    );
    assert_eq!(
        found[0],
        [
            "ftp-us-west-1.coredns.rocks. 5 A 192.0.2.1",
            "ftp-us-west-1.coredns.rocks. 5 NS ftp.service.us-west-1.consul.",
        ]
    );
    // As CoreDNS's README has it.
    let found = sections(
        "rewrite stop {\nname suffix .arpa .arpa\nanswer name auto\nanswer value (.*)\\.service\\.consul\\. \
         {1}.coredns.rocks.\n}",
        "30.30.30.10.in-addr.arpa",
        RecordType::PTR,
        &[(Answer, "@", RecordType::PTR, 60, &[], "ftp-us-west-1.service.consul")],
    );
    assert_eq!(found[0], ["30.30.30.10.in-addr.arpa. 60 PTR ftp-us-west-1.coredns.rocks."]);
}

#[test]
fn the_last_rule_is_undone_first() {
    let found = sections(
        "rewrite continue name suffix .domain.uk .domain.us answer auto\nrewrite name suffix .domain.us .cluster.local \
         answer auto",
        "my.domain.uk",
        RecordType::SRV,
        &[(Answer, "@", RecordType::SRV, 5, &[0; 6], "srv.cluster.local")],
    );
    assert_eq!(found[0], ["my.domain.uk. 5 SRV 0 0 0 srv.domain.uk."]);
    // Of one rule too: the value is that of the second, and then that of the first.
    let found = sections(
        "rewrite name exact a b answer value ^y\\.$ z value ^x\\.$ y",
        "a",
        RecordType::CNAME,
        &[(Answer, "@", RecordType::CNAME, 5, &[], "x")],
    );
    assert_eq!(found[0], ["a. 5 CNAME z."]);
}

#[test]
fn every_type_that_leads_on_and_no_other() {
    const TO: &str = "x.old";
    let found = sections(
        "rewrite name suffix .new .old answer auto",
        "a.new",
        RecordType::ANY,
        &[
            (Answer, "@", RecordType::NS, 1, &[], TO),
            (Answer, "@", RecordType::CNAME, 1, &[], TO),
            (Answer, "@", RecordType::SOA, 1, &[], TO),
            (Answer, "@", RecordType::PTR, 1, &[], TO),
            (Answer, "@", RecordType::MX, 1, &[0, 1], TO),
            (Answer, "@", RecordType::SRV, 1, &[0; 6], TO),
            (Answer, "@", RecordType::NAPTR, 1, &[0, 1, 0, 2, 1, b's', 0, 0], TO),
            (Answer, "@", RecordType::TXT, 1, &[5, b'x', b'.', b'o', b'l', b'd'], ""),
        ],
    );
    assert_eq!(
        found[0],
        [
            "a.new. 1 NS x.new.",
            "a.new. 1 CNAME x.new.",
            "a.new. 1 SOA x.new. x.old. 0 0 0 0 0",
            "a.new. 1 PTR x.new.",
            "a.new. 1 MX 1 x.new.",
            "a.new. 1 SRV 0 0 0 x.new.",
            "a.new. 1 NAPTR 1 2 \"s\" \"\" \"\" x.new.",
            "a.new. 1 TXT x.old",
        ]
    );
    let chain = Asked::of("rewrite name suffix .new .old answer auto");
    let mut response = Response::new();
    let packet = packet("a.new", RecordType::DNAME, None);
    let query = Query::parse(&packet, test_origin()).unwrap();
    response.begin(&query);
    let script = Scripted::new(|_: &Query<'_>, response: &mut Response| {
        write(response, &[(Answer, "@", RecordType::DNAME, 1, &[], TO)]);
        Reply::answered()
    });
    let chain = chain.bench.chain(setup, &chain.rules, script);
    assert!(matches!(chain.serve(&query, &mut response), Reply::Done(Outcome::Answered)));
    assert!(response.message().ends_with(b"\x01x\x03new\x00"), "DNAME is not compressed (RFC 6672 §2.5)");
}

#[test]
fn ttls_are_limited() {
    let ttls = |rule: &str| {
        let rules = format!("rewrite ttl {rule}");
        let sections = sections(
            &rules,
            "Srv.example.com",
            RecordType::A,
            &[
                (Answer, "@", RecordType::A, 5, A, ""),
                (Answer, "@", RecordType::A, 50, A, ""),
                (Authority, "@", RecordType::NS, 500, &[], "x"),
                (Additional, "x", RecordType::A, 0, A, ""),
            ],
        );
        let ttl = |line: &String| line.split(' ').nth(1).unwrap().parse().unwrap();
        sections.concat().iter().map(ttl).collect::<Vec<u32>>()
    };
    for rule in [
        "srv.example.com 30",
        "exact srv.example.com 30",
        "prefix srv 30",
        "suffix example.com 30",
        "substring ample.com 30",
        "regex srv\\.(.*) 30",
        "regex SRV 30-30",
    ] {
        assert_eq!(ttls(rule), [30; 4], "{rule}");
    }
    assert_eq!(ttls("srv.example.com 10-100"), [10, 50, 100, 10]);
    assert_eq!(ttls("srv.example.com 10-"), [10, 50, 500, 10]);
    assert_eq!(ttls("srv.example.com -10"), [5, 10, 10, 0]);
    assert_eq!(ttls("example.com 30"), [5, 50, 500, 0]);
    assert_eq!(ttls("srv.example.com 2147483647"), [2147483647; 4]);
}

fn rcode(rules: &str, edns: bool, given: Option<u16>) -> (ResponseCode, bool) {
    let chain = Asked::of(rules);
    let packet = packet("srv.example.com", RecordType::A, edns.then_some((1232, false)));
    let (message, outcome) = chain.ask(&packet, move |_, response| match given {
        Some(code) => {
            response.set_rcode(Rcode(code));
            Reply::answered()
        }
        None => Reply::failed(Failure::new(FailureKind::UpstreamUnreachable)),
    });
    (message.response_code, matches!(outcome, Outcome::Answered))
}

#[test]
fn response_codes() {
    for rule in [
        "srv.example.com 2 0",
        "exact srv.example.com SERVFAIL NOERROR",
        "prefix srv servfail noerror",
        "suffix example.com 2 NOERROR",
        "substring ample.com 2 0",
        "regex (.*)\\.example\\.com SERVFAIL 0",
    ] {
        let rules = format!("rewrite rcode {rule}");
        assert_eq!(rcode(&rules, true, Some(2)), (ResponseCode::NoError, true), "{rule}");
        assert_eq!(rcode(&rules, true, Some(3)), (ResponseCode::NXDomain, true), "{rule}");
        // Nobody has answered, and that is what the rule is about.
        assert_eq!(rcode(&rules, false, None), (ResponseCode::NoError, true), "{rule}");
    }
    assert_eq!(rcode("rewrite rcode other 2 0", true, None), (ResponseCode::ServFail, false));
    assert_eq!(rcode("rewrite rcode srv.example.com 3 0", true, None), (ResponseCode::ServFail, false));
    // The last rule first, each once.
    let two = "rewrite continue rcode srv.example.com 2 0\nrewrite rcode srv.example.com 0 3";
    assert_eq!(rcode(two, true, Some(2)), (ResponseCode::NoError, true));
    assert_eq!(rcode(two, true, Some(0)), (ResponseCode::NXDomain, true));
    let far = "rewrite rcode srv.example.com NXDOMAIN BADCOOKIE";
    assert_eq!(rcode(far, true, Some(3)), (ResponseCode::BADCOOKIE, true));
    assert_eq!(rcode(far, false, Some(3)), (ResponseCode::ServFail, true));
}

#[test]
fn a_failure_below_is_told_for_the_clients_question() {
    for later in [false, true] {
        let chain = Asked::of("rewrite name suffix .a .longer.b answer auto");
        let (message, outcome) =
            chain.ask(&packet("X.a", RecordType::A, Some((1232, false))), move |query, response| {
                let failure = || Outcome::Failed(Failure::new(FailureKind::UpstreamUnreachable));
                if !later {
                    return Reply::Done(failure());
                }
                let query = query.to_shared();
                response.answer_a(5, std::net::Ipv4Addr::LOCALHOST);
                Reply::later(async move {
                    let mut response = Response::new();
                    response.begin(&query.as_query());
                    Finished { response, outcome: failure() }
                })
            });
        assert!(matches!(outcome, Outcome::Failed(_)));
        assert_eq!(question(&message), "X.a. IN A");
        assert_eq!((message.response_code, message.answers.len()), (ResponseCode::ServFail, 0));
        assert!(message.edns.is_some());
    }
}

#[test]
fn an_answer_that_comes_later_is_led_back_as_well() {
    let chain = Asked::of("rewrite name suffix .a .longer.b answer auto");
    let (message, _) = chain.ask(&packet("X.a", RecordType::A, None), |query, _| {
        let query = query.to_shared();
        Reply::later(async move {
            let mut response = Response::new();
            response.begin(&query.as_query());
            write(
                &mut response,
                &[
                    (Answer, "@", RecordType::CNAME, 5, &[], "y.longer.b"),
                    (Answer, "y.longer.b", RecordType::A, 5, A, ""),
                ],
            );
            Finished { response, outcome: Outcome::Answered }
        })
    });
    assert_eq!(question(&message), "X.a. IN A");
    assert_eq!(shown(&message)[0], ["X.a. 5 CNAME y.a.", "y.a. 5 A 192.0.2.1"]);
}

#[test]
fn what_would_be_no_name_is_servfail() {
    let chain = Asked::of("rewrite name suffix .new .o answer auto");
    let long = format!("{0}.{0}.{0}.{1}.o", "a".repeat(63), "b".repeat(58));
    assert_eq!(wire_from_text(&long).unwrap().len(), NAME_LEN_MAX - 1);
    let (message, outcome) = chain.ask(&packet("A.new", RecordType::A, None), move |_, response| {
        write(response, &[(Answer, "@", RecordType::CNAME, 5, &[], &long)]);
        Reply::answered()
    });
    assert_eq!((message.response_code, message.answers.len()), (ResponseCode::ServFail, 0));
    assert_eq!(question(&message), "A.new. IN A");
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert!(
        failure.detail().unwrap().starts_with("invalid name after rewrite of the answer: aaa"),
        "{failure}"
    );
}

#[test]
fn size_limits_are_the_clients() {
    // An option makes the query larger than the client's: 512 octets are what it takes all the same.
    let chain = Asked::of("rewrite continue edns0 local set 0xffee a\nrewrite name suffix .a .b answer auto");
    let (message, _) = chain.ask(&packet("x.a", RecordType::A, None), |query, response| {
        assert_eq!(query.size_max(), 1232);
        for last in 0..100 {
            response.answer_a(5, std::net::Ipv4Addr::new(192, 0, 2, last));
        }
        Reply::answered()
    });
    assert!(message.edns.is_none());
    assert!(message.truncation);
    assert_eq!(message.answers.len(), (512 - 12 - 9) / 16);
}

#[test]
fn a_message_that_grows_too_long_is_cut() {
    let chain = Asked::of("rewrite name suffix .a-much-longer-name.example .b answer auto");
    let mut packet = packet("x.a-much-longer-name.example", RecordType::SRV, None);
    packet[2] |= 1;
    let query = Query::parse(&packet, test_origin()).unwrap();
    let script = Scripted::new(|_: &Query<'_>, response: &mut Response| {
        while !response.is_full() {
            write(response, &[(Answer, "@", RecordType::SRV, 5, &[0; 6], "host.b")]);
        }
        response.clear_records();
        for _ in 0..2500 {
            write(response, &[(Answer, "@", RecordType::SRV, 5, &[0; 6], "host.b")]);
        }
        assert!(!response.is_full());
        Reply::answered()
    });
    let chain = chain.bench.chain(setup, &chain.rules, script);
    let mut response = Response::new();
    response.begin(&query);
    assert!(matches!(chain.serve(&query, &mut response), Reply::Done(Outcome::Answered)));
    assert!(response.is_full());
    assert!(response.records().count() > 1000);
    assert!(Message::from_vec(response.finish()).unwrap().truncation);
}

#[test]
fn ad_is_cleared_where_names_change() {
    let ad = |rules: &str| {
        let chain = Asked::of(rules);
        let (message, _) = chain.ask(&packet("x.a", RecordType::A, None), |_, response| {
            response.set_flags(response.flags().0 | Flags::AD);
            Reply::answered()
        });
        message.authentic_data
    };
    assert!(!ad("rewrite name suffix .a .b answer auto"));
    assert!(ad("rewrite ttl x.a 5"));
}

#[test]
fn what_is_said_of_an_answer_stays() {
    let chain = Asked::of("rewrite name suffix .a .b answer auto");
    let packet = packet("x.a", RecordType::A, Some((1232, false)));
    let query = Query::parse(&packet, test_origin()).unwrap();
    let script = Scripted::new(|_: &Query<'_>, response: &mut Response| {
        response.set_uncacheable();
        response.set_authoritative();
        response.set_rcode(Rcode::NXDOMAIN);
        response.explain(crate::dns::InfoCode::OTHER, |text| text.push_str("x.b. is not there"));
        Reply::answered()
    });
    let chain = chain.bench.chain(setup, &chain.rules, script);
    let mut response = Response::new();
    response.begin(&query);
    assert!(matches!(chain.serve(&query, &mut response), Reply::Done(Outcome::Answered)));
    assert!(!response.is_cacheable());
    assert_eq!(response.author(), Some("forward"));
    assert_eq!((response.rcode(), response.flags().has(Flags::AA)), (Rcode::NXDOMAIN, true));
    assert_eq!(response.extended_error(), Some((crate::dns::InfoCode::OTHER, "x.b. is not there")));
}

/// Two messages of a transfer, each with one record.
struct Two {
    query: Arc<OwnedQuery>,
    left: usize,
}

impl Continuation for Two {
    fn next(&mut self, response: &mut Response) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        response.begin(&self.query.as_query());
        write(response, &[(Answer, "www.b", RecordType::CNAME, 5, &[], "x.b")]);
        true
    }
}

#[test]
fn every_message_of_a_transfer_is_led_back() {
    let chain = Asked::of("rewrite name exact a b");
    let packet = packet("A", RecordType::AXFR, None);
    let query = Query::parse(&packet, test_origin()).unwrap();
    let script = Scripted::new(|query: &Query<'_>, response: &mut Response| {
        write(response, &[(Answer, "@", RecordType::CNAME, 5, &[], "x.b")]);
        response.continue_with(Box::new(Two { query: query.to_shared(), left: 2 }));
        Reply::answered()
    });
    let chain = chain.bench.chain(setup, &chain.rules, script);
    let mut response = Response::new();
    response.begin(&query);
    assert!(matches!(chain.serve(&query, &mut response), Reply::Done(Outcome::Answered)));
    let mut rest = response.take_rest().unwrap();
    let mut messages = vec![response];
    loop {
        let mut response = Response::new();
        if !rest.next(&mut response) {
            break;
        }
        messages.push(response);
    }
    let shown: Vec<(String, String)> = messages
        .iter_mut()
        .map(|response| Message::from_vec(response.finish()).unwrap())
        .map(|message| (question(&message), shown(&message)[0].join(", ")))
        .collect();
    let line = |owner: &str| ("A. IN AXFR".to_owned(), format!("{owner} 5 CNAME x.A."));
    assert_eq!(shown, [line("A."), line("www.A."), line("www.A.")]);
}
