use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use super::*;
use crate::dns::{Origin, Section, Transport};
use crate::plugin::{Chain, question_packet};

/// Ten addresses under this RCODE.
struct Ten(Rcode);

impl Plugin for Ten {
    fn name(&self) -> &'static str {
        "ten"
    }

    fn serve(&self, _: &Query<'_>, _: Next<'_>, response: &mut Response) -> Reply {
        response.set_rcode(self.0);
        (0..10).for_each(|number: u32| response.answer_a(5, number.into()));
        Reply::answered()
    }
}

fn order(rcode: Rcode, rtype: RecordType) -> Vec<u8> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 53));
    let origin = Origin {
        peer: address,
        local: address,
        transport: Transport::Udp,
        received: Instant::now(),
        server: 0,
        depth: 0,
    };
    let packet = question_packet(1, b"\x01a\x00", rtype, None);
    let query = Query::parse(&packet, origin).unwrap();
    let mut response = Response::new();
    response.begin(&query);
    let chain = Chain::new(vec![Arc::new(Loadbalance::default()), Arc::new(Ten(rcode))]);
    assert!(matches!(chain.serve(&query, &mut response), Reply::Done(Outcome::Answered)));
    assert_eq!(response.count(Section::Answer), 10);
    response.records().map(|record| response.message()[record.end - 1]).collect()
}

#[test]
fn addresses_of_an_answer_are_shuffled() {
    // 200 orders of 10 addresses: that any address never comes first has a chance below 1 in 10^8.
    let firsts: HashSet<u8> = (0..200).map(|_| order(Rcode::NOERROR, RecordType::A)[0]).collect();
    assert_eq!(firsts.len(), 10);
}

#[test]
fn other_codes_and_transfers_stay_as_they_are() {
    let sorted: Vec<u8> = (0..10).collect();
    for _ in 0..5 {
        assert_eq!(order(Rcode::NXDOMAIN, RecordType::A), sorted);
        assert_eq!(order(Rcode::NOERROR, RecordType::AXFR), sorted);
    }
}

#[test]
fn every_number_below_the_bound_comes() {
    let numbers: HashSet<u32> = (0..1_000).map(|_| random_below(7)).collect();
    assert_eq!(numbers, (0..7).collect());
}
