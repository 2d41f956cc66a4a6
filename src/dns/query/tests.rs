use std::net::Ipv4Addr;

use hickory_proto::op::{Edns as OracleEdns, Message, MessageType, OpCode, Query as OracleQuestion};
use hickory_proto::rr::{Name as OracleName, RecordType as OracleType};
use proptest::prelude::*;

use super::*;

pub(crate) fn origin(transport: Transport) -> Origin {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 53));
    Origin { peer: address, local: address, transport, received: Instant::now(), server: 0, depth: 0 }
}

fn packet(name: &str, rtype: OracleType, edns: Option<u16>) -> Vec<u8> {
    let mut message = Message::new(7, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(OracleQuestion::query(OracleName::from_ascii(name).unwrap(), rtype));
    if let Some(size) = edns {
        let mut edns = OracleEdns::new();
        edns.set_max_payload(size).set_dnssec_ok(true);
        message.set_edns(edns);
    }
    message.to_vec().unwrap()
}

#[test]
fn reads_what_hickory_writes() {
    let packet = packet("Web.Demo.svc.cluster.local.", OracleType::SRV, Some(1232));
    let query = Query::parse(&packet, origin(Transport::Udp)).unwrap();
    assert_eq!(query.id(), 7);
    assert_eq!(query.qtype(), RecordType::SRV);
    assert_eq!(query.qclass(), Class::IN);
    assert_eq!(query.name(), b"\x03web\x04demo\x03svc\x07cluster\x05local\x00");
    assert_eq!(query.name_original(), b"\x03Web\x04Demo\x03svc\x07cluster\x05local\x00");
    assert_eq!(query.label_count(), 5);
    assert_eq!(query.label(1), b"demo");
    assert_eq!(query.zone_start(b"\x07cluster\x05local\x00"), Some(13));
    assert_eq!(query.zone_start(b"\x05local\x00"), Some(21));
    assert_eq!(query.zone_start(b"\x00"), Some(27));
    assert_eq!(query.zone_start(b"\x05other\x00"), None);
    assert_eq!(query.size_max(), 1232);
    assert!(query.edns().unwrap().dnssec_ok);
}

#[test]
fn rfc6891_6_2_3_sizes_below_512_count_as_512() {
    let small = packet("a.", OracleType::A, Some(100));
    assert_eq!(Query::parse(&small, origin(Transport::Udp)).unwrap().size_max(), 512);
    let none = packet("a.", OracleType::A, None);
    assert_eq!(Query::parse(&none, origin(Transport::Udp)).unwrap().size_max(), 512);
    assert_eq!(Query::parse(&none, origin(Transport::Tcp)).unwrap().size_max(), 65535);
}

#[test]
fn malformed_packets_get_what_coredns_gives() {
    let good = packet("a.", OracleType::A, Some(4096));
    let parse = |bytes: &[u8]| Query::parse(bytes, origin(Transport::Udp)).err();
    let changed = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        parse(&bytes)
    };
    let formerr = Some(Malformed::Header(Rcode::FORMERR));
    assert_eq!(parse(&good), None);
    assert_eq!(parse(&good[..11]), Some(Malformed::Ignore));
    assert_eq!(changed(2, 0x80), Some(Malformed::Ignore), "QR");
    assert_eq!(changed(2, 0x28), Some(Malformed::Header(Rcode::NOTIMP)), "UPDATE");
    assert_eq!(changed(2, 0x20), None, "NOTIFY");
    assert_eq!(changed(5, 0), formerr, "no question");
    assert_eq!(changed(5, 2), formerr, "two questions");
    assert_eq!(changed(7, 2), formerr, "two answers");
    assert_eq!(changed(11, 3), formerr, "three additionals");
    assert_eq!(changed(12, 0xc0), formerr, "compressed question");
    assert_eq!(changed(25, 1), Some(Malformed::BadVersion));
    assert_eq!(parse(&good[..good.len() - 1]), formerr, "cut record");
}

#[test]
fn a_zone_is_a_suffix_only_at_a_label() {
    // One label whose octets look like a whole zone.
    let mut bytes = packet("a.", OracleType::A, None);
    bytes.splice(12..15, b"\x07a\x05local\x00".iter().copied());
    let query = Query::parse(&bytes, origin(Transport::Udp)).unwrap();
    assert_eq!(query.zone_start(b"\x05local\x00"), None);
}

#[test]
fn the_owned_copy_is_made_once() {
    let packet = packet("a.b.", OracleType::A, None);
    let query = Query::parse(&packet, origin(Transport::Udp)).unwrap();
    let (one, two) = (query.to_shared(), query.to_shared());
    assert!(Arc::ptr_eq(&one, &two));
    assert!(Arc::ptr_eq(&one, &one.as_query().to_shared()));
    assert_eq!(one.as_query().name(), query.name());
}

proptest! {
    #[test]
    fn any_bytes_are_a_query_or_malformed(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(query) = Query::parse(&bytes, origin(Transport::Udp)) {
            prop_assert_eq!(query.name().len(), query.name_original().len());
            let labels: usize = (0..query.label_count()).map(|index| query.label(index).len() + 1).sum();
            prop_assert_eq!(labels + 1, query.name().len());
        }
    }

    #[test]
    fn any_damage_to_a_query_is_survived(at in 0_usize..60, value in any::<u8>(), length in 0_usize..60) {
        let mut bytes = packet("web.demo.svc.cluster.local.", OracleType::A, Some(1232));
        if let Some(octet) = bytes.get_mut(at) {
            *octet = value;
        }
        bytes.truncate(length);
        let _ = Query::parse(&bytes, origin(Transport::Udp));
    }
}
