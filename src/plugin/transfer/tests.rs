use std::sync::Arc;

use hickory_proto::op::Message;

use super::*;
use crate::dns::{RecordBatch, test_origin};
use crate::plugin::testing::{Bench, name, packet};
use crate::plugin::{Chain, Finished, Outcome, ZoneRecords};

const SERIAL: u32 = 7;

/// A zone `cluster.local` with so many addresses.
struct Zone(u32);

struct Addresses {
    next: u32,
    end: u32,
}

impl Plugin for Zone {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn serve(&self, _: &Query<'_>, _: Next<'_>, _: &mut Response) -> Reply {
        Reply::failed(Failure::new(FailureKind::TransferRefused))
    }

    fn transfer(&self, query: &Query<'_>) -> Option<Result<ZoneTransfer, Failure>> {
        let origin = name("cluster.local");
        (query.name() == origin.as_wire()).then(|| {
            let mut soa = RecordBatch::new();
            let numbers = [SERIAL, 1, 2, 3, 4].map(u32::to_be_bytes);
            soa.push(&[origin.as_wire()], RecordType::SOA, 5, &[b"\0", b"\0", numbers.as_flattened()]);
            Ok(ZoneTransfer { serial: SERIAL, soa, records: Box::new(Addresses { next: 0, end: self.0 }) })
        })
    }
}

impl ZoneRecords for Addresses {
    fn write_some(&mut self, batch: &mut RecordBatch) -> bool {
        let address = IpAddr::from((0x0a00_0000 + self.next).to_be_bytes());
        batch.push_address(&[b"\x01a\x03svc", name("cluster.local").as_wire()], 5, address);
        self.next += 1;
        self.next < self.end
    }
}

fn chain(bench: &Bench, text: &str, records: u32) -> Arc<Chain> {
    let mut draft = bench.set_up(setup, text).unwrap();
    draft.plugins.push(Arc::new(Zone(records)));
    Chain::new(draft.plugins)
}

/// An IXFR query with a serial (RFC 1995 §3).
fn ixfr(serial: u32) -> Vec<u8> {
    let mut packet = packet("cluster.local", RecordType::IXFR, None);
    packet[9] = 1;
    packet.extend_from_slice(&[0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 0, 0, 22, 0, 0]);
    packet.extend_from_slice([serial, 0, 0, 0, 0].map(u32::to_be_bytes).as_flattened());
    packet
}

fn axfr() -> Vec<u8> {
    packet("cluster.local", RecordType::AXFR, None)
}

fn ask(bench: &Bench, chain: &Arc<Chain>, packet: &[u8], peer: &str, transport: Transport) -> Finished {
    let mut origin = test_origin();
    origin.peer.set_ip(peer.parse().unwrap());
    origin.transport = transport;
    bench.ask(chain, packet, origin)
}

/// All messages of a reply, as a connection would take them: header flags and types of the records.
fn messages(mut finished: Finished) -> Vec<Message> {
    finished.outcome.settle(&mut finished.response);
    let mut rest = finished.response.take_rest();
    let mut all = vec![Message::from_vec(finished.response.finish()).unwrap()];
    while let Some(rest) = &mut rest
        && rest.next(&mut finished.response)
    {
        let octets = finished.response.finish();
        assert!(octets.len() <= 65_535);
        all.push(Message::from_vec(octets).unwrap());
    }
    all
}

fn types(messages: &[Message]) -> Vec<String> {
    messages
        .iter()
        .flat_map(|message| &message.answers)
        .map(|record| record.record_type().to_string())
        .collect()
}

/// RFC 5936 §2.2
#[test]
fn a_zone_begins_and_ends_with_its_soa_record() {
    let bench = Bench::new(&["cluster.local"]);
    let chain = chain(&bench, "transfer {\nto *\n}", 3);
    let all = messages(ask(&bench, &chain, &axfr(), "192.0.2.1", Transport::Tcp));
    assert_eq!(types(&all), ["SOA", "A", "A", "A", "SOA"]);
    assert_eq!(all.len(), 1);
    assert!(all[0].metadata.authoritative);
    assert_eq!(all[0].metadata.id, 7);
}

/// RFC 5936 §2.2: "a sequence of one or more DNS messages"
#[test]
fn a_large_zone_takes_several_messages_and_no_record_is_lost() {
    let bench = Bench::new(&["cluster.local"]);
    let chain = chain(&bench, "transfer {\nto *\n}", 10_000);
    let all = messages(ask(&bench, &chain, &axfr(), "192.0.2.1", Transport::Tcp));
    assert!(all.len() > 1, "{} messages", all.len());
    let mut addresses: Vec<_> =
        all.iter().flat_map(|m| &m.answers).filter_map(|r| r.data.ip_addr()).collect();
    assert_eq!(addresses.len(), 10_000);
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 10_000);
    assert!(all.iter().all(|message| message.metadata.id == 7 && message.metadata.authoritative));
}

#[test]
fn only_those_who_may_have_a_zone_get_it() {
    let bench = Bench::new(&["cluster.local"]);
    let chain = chain(&bench, "transfer {\nto 192.0.2.1 2001:db8::1\nto 192.0.2.2:53\n}", 1);
    for (peer, expected) in [
        ("192.0.2.1", "NOERROR"),
        ("192.0.2.2", "NOERROR"),
        ("2001:db8::1", "NOERROR"),
        ("192.0.2.3", "REFUSED"),
    ] {
        let finished = ask(&bench, &chain, &axfr(), peer, Transport::Tcp);
        assert_eq!(finished.outcome.rcode(&finished.response).unwrap().to_string(), expected, "{peer}");
    }
}

#[test]
fn without_a_rule_for_the_zone_the_next_plugin_refuses() {
    let bench = Bench::new(&["cluster.local"]);
    let chain = chain(&bench, "transfer example.org {\nto *\n}", 1);
    let finished = ask(&bench, &chain, &axfr(), "192.0.2.1", Transport::Tcp);
    let Outcome::Failed(failure) = finished.outcome else { panic!("answered") };
    assert_eq!(failure.kind(), FailureKind::TransferRefused);
}

#[test]
fn udp_is_refused() {
    let bench = Bench::new(&["cluster.local"]);
    let chain = chain(&bench, "transfer {\nto *\n}", 1);
    for packet in [axfr(), ixfr(1)] {
        let finished = ask(&bench, &chain, &packet, "192.0.2.1", Transport::Udp);
        assert_eq!(finished.outcome.rcode(&finished.response), Some(Rcode::REFUSED));
    }
}

/// RFC 1995 §2, §4
#[test]
fn ixfr_gives_the_soa_record_to_who_has_the_zone_and_all_of_it_to_others() {
    let bench = Bench::new(&["cluster.local"]);
    let chain = chain(&bench, "transfer {\nto *\n}", 2);
    let of = |serial: u32| messages(ask(&bench, &chain, &ixfr(serial), "192.0.2.1", Transport::Tcp));
    assert_eq!(types(&of(SERIAL)), ["SOA"]);
    assert!(!of(SERIAL)[0].metadata.authoritative);
    for serial in [0, SERIAL - 1, SERIAL + 1] {
        assert_eq!(types(&of(serial)), ["SOA", "A", "A", "SOA"], "{serial}");
    }
    let without = packet("cluster.local", RecordType::IXFR, None);
    let finished = ask(&bench, &chain, &without, "192.0.2.1", Transport::Tcp);
    assert_eq!(finished.response.rcode(), Rcode::SERVFAIL);
}

#[test]
fn transfers_at_once_are_bounded_and_their_places_come_back() {
    let bench = Bench::new(&["cluster.local"]);
    let chain = chain(&bench, "transfer {\nto *\n}", 10_000);
    let start = || ask(&bench, &chain, &axfr(), "192.0.2.1", Transport::Tcp);
    let held: Vec<Finished> = (0..TRANSFERS_MAX).map(|_| start()).collect();
    assert!(held.iter().all(|finished| finished.response.is_continued()));
    assert_eq!(start().response.rcode(), Rcode::REFUSED);
    drop(held);
    assert_eq!(start().response.rcode(), Rcode::NOERROR);
}

#[test]
fn other_questions_pass() {
    let bench = Bench::new(&["cluster.local"]);
    let chain = chain(&bench, "transfer {\nto *\n}", 1);
    let question = packet("cluster.local", RecordType::A, None);
    assert!(matches!(
        ask(&bench, &chain, &question, "192.0.2.1", Transport::Udp).outcome,
        Outcome::Failed(_)
    ));
}

#[test]
fn the_directive_is_checked() {
    let bench = Bench::new(&["."]);
    for (text, expected) in [
        ("transfer", "`transfer` needs `to`"),
        ("transfer {\n}", "`transfer` needs `to`"),
        ("transfer {\nto\n}", "`to` takes at least 1 argument"),
        ("transfer {\nto 192.0.2.0/24\n}", "`192.0.2.0/24` is not an IP address | a network"),
        ("transfer {\nto host.example\n}", "`host.example` is not"),
        ("transfer {\nto 192.0.2.1:5353\n}", "the port of `192.0.2.1:5353` has no effect"),
        ("transfer {\nto *\nsource 192.0.2.1\n}", "`source` has no effect"),
        ("transfer {\nfrom *\n}", "unknown property `from` of `transfer`"),
        ("transfer a..b {\nto *\n}", "`a..b` is not"),
    ] {
        let refusal = bench.refusal(setup, text);
        assert!(refusal.starts_with(expected), "{text}: {refusal}");
    }
}
