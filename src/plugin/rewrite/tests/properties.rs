//! Any reply below, and any query: what comes out is a message that can be read, with the client's question.

use proptest::prelude::*;

use super::*;
use crate::dns::Records;

const RULES: [&str; 6] = [
    "rewrite name suffix .a .longer.b answer auto",
    "rewrite name exact x.a b.c answer name ^(.+)\\.c\\.$ {1}{1}.d value (.*) y.{1}",
    "rewrite name regex (.*) {1}b. answer auto value ^.*?(.)\\.$ {1}",
    "rewrite continue name x.a y.a\nrewrite continue ttl y.a 5\nrewrite type A MX",
    "rewrite rcode suffix a 0 23",
    "rewrite continue edns0 local set 0xffee {qname} revert\nrewrite edns0 subnet set 24 56",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_reply_goes_back_with_the_clients_question(
        rules in 0..RULES.len(),
        edns in any::<bool>(),
        records in prop::collection::vec(
            (prop::option::of(0..60_u16), 0..50_u16, prop::collection::vec(any::<u8>(), 0..40), 0..3_usize), 0..8),
    ) {
        let chain = Asked::of(RULES[rules]);
        let packet = packet("X.a", RecordType::A, edns.then_some((4096, true)));
        let question_octets = packet[12..12 + 9].to_vec();
        let script = Scripted::new(move |query: &Query<'_>, response: &mut Response| {
            let mut message = query.packet()[..12 + query.question().len()].to_vec();
            (message[2], message[11]) = (0x80, 0);
            let mut sorted = records.clone();
            sorted.sort_by_key(|record| record.3);
            for (owner, rtype, rdata, section) in sorted {
                message[7 + 2 * section] += 1;
                match owner {
                    Some(at) => message.extend_from_slice(&(0xc000 | at).to_be_bytes()),
                    None => message.extend_from_slice(b"\x01y\x06longer\x01b\x00"),
                }
                message.extend_from_slice(&rtype.to_be_bytes());
                message.extend_from_slice(&[0, 1, 0, 0, 0, 5, 0, rdata.len() as u8]);
                message.extend_from_slice(&rdata);
            }
            match response.load(query, &message) {
                Ok(()) => Reply::answered(),
                Err(_) => Reply::failed(Failure::new(FailureKind::UpstreamMismatch)),
            }
        });
        let chain = chain.bench.chain(setup, &chain.rules, script);
        let query = Query::parse(&packet, test_origin()).unwrap();
        let mut response = Response::new();
        response.begin(&query);
        let Reply::Done(outcome) = chain.serve(&query, &mut response) else { panic!("nobody waits") };
        prop_assert!(outcome.settle(&mut response));
        let octets = response.finish();
        prop_assert_eq!(&octets[12..21], &question_octets[..]);
        prop_assert!(octets.len() <= query.size_max());
        let mut records = Records::of(octets).unwrap();
        let has_opt = records.by_ref().any(|record| record.rtype == RecordType::OPT);
        prop_assert!(!records.is_broken());
        prop_assert!(has_opt || !edns);
        prop_assert_eq!(&octets[..2], &[0, 7]);
    }

    /// Of a name that a reply may hold, `auto` makes what can be read back.
    #[test]
    fn any_name_is_survived(labels in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..30), 0..6)) {
        let mut wire = Vec::new();
        for label in &labels {
            wire.push(label.len() as u8);
            wire.extend_from_slice(label);
        }
        wire.push(0);
        for rules in RULES {
            let chain = Asked::of(rules);
            let packet = question_packet(7, &wire, RecordType::A, None);
            let query = Query::parse(&packet, test_origin()).unwrap();
            let script = Scripted::new(|query: &Query<'_>, response: &mut Response| {
                let target = query.name().to_vec();
                response.record(Section::Answer, Owner::Question, RecordType::CNAME, 5, |rdata| rdata.octets(&target));
                Reply::answered()
            });
            let chain = chain.bench.chain(setup, &chain.rules, script);
            let mut response = Response::new();
            response.begin(&query);
            let Reply::Done(outcome) = chain.serve(&query, &mut response) else { panic!("nobody waits") };
            prop_assert!(outcome.settle(&mut response));
            let octets = response.finish();
            prop_assert_eq!(&octets[12..12 + wire.len()], &wire[..]);
            let mut records = Records::of(octets).unwrap();
            records.by_ref().for_each(drop);
            prop_assert!(!records.is_broken());
        }
    }
}
