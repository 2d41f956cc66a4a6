use super::*;
use crate::dns::{Owner, test_origin};
use crate::plugin::testing::{Bench, Scripted, packet};

/// The counts of the three sections, of an answer with `answers` addresses and a record in each other section.
fn counts(answers: u8, rcode: Rcode, authority: RecordType) -> [u16; 3] {
    let bench = Bench::new(&["."]);
    let script = Scripted::new(move |_: &Query<'_>, response: &mut Response| {
        for last in 0..answers {
            response.answer_a(30, std::net::Ipv4Addr::new(192, 0, 2, last));
        }
        response.set_rcode(rcode);
        response.record(Section::Authority, Owner::Question, authority, 30, |rdata| rdata.octets(&[0]));
        response
            .record(Section::Additional, Owner::Question, RecordType::TXT, 30, |rdata| rdata.octets(&[0]));
        Reply::answered()
    });
    let chain = bench.chain(setup, "minimal", script);
    let response = bench
        .ask(&chain, &packet("web.example.org", RecordType::A, Some((1232, false))), test_origin())
        .response;
    let sections = [Section::Answer, Section::Authority, Section::Additional];
    let counts = sections.map(|section| response.count(section));
    assert!(response.takes_extended_error(), "EDNS stays");
    counts
}

#[test]
fn an_answer_keeps_its_first_section() {
    assert_eq!(counts(2, Rcode::NOERROR, RecordType::NS), [2, 0, 0]);
}

#[test]
fn denials_delegations_and_errors_stay_whole() {
    assert_eq!(counts(0, Rcode::NOERROR, RecordType::SOA), [0, 1, 1]);
    assert_eq!(counts(0, Rcode::NXDOMAIN, RecordType::SOA), [0, 1, 1]);
    assert_eq!(counts(1, Rcode::NXDOMAIN, RecordType::SOA), [1, 1, 1]);
    assert_eq!(counts(0, Rcode::NOERROR, RecordType::NS), [0, 1, 1]);
    assert_eq!(counts(0, Rcode::SERVFAIL, RecordType::NS), [0, 1, 1]);
}

#[test]
fn the_directive_is_checked() {
    let bench = Bench::new(&["."]);
    assert!(bench.refusal(setup, "minimal x").starts_with("`minimal` takes no arguments, not 1"));
    assert!(bench.refusal(setup, "minimal\nminimal").starts_with("`minimal` is given twice"));
}
