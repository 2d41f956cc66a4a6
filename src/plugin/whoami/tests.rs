use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData};

use super::*;
use crate::plugin::Chain;
use crate::plugin::testing::{Bench, origin, packet};

fn ask(name: &str, peer: &str, transport: Transport) -> Message {
    let bench = Bench::new(&["."]);
    let chain = Chain::new(bench.set_up(setup, "whoami").unwrap().plugins);
    let mut origin = origin();
    origin.peer = peer.parse().unwrap();
    origin.transport = transport;
    let mut response = bench.ask(&chain, &packet(name, RecordType::A, None), origin).response;
    Message::from_vec(response.finish()).unwrap()
}

#[test]
fn address_and_port_stand_in_the_additional_section() {
    for (peer, transport, address, label) in [
        ("192.0.2.7:40212", Transport::Udp, "192.0.2.7", "_udp"),
        ("[2001:db8::7]:40212", Transport::Tcp, "2001:db8::7", "_tcp"),
        ("[::ffff:192.0.2.7]:40212", Transport::Udp, "192.0.2.7", "_udp"),
    ] {
        let message = ask("web.example.org", peer, transport);
        assert_eq!(message.metadata.response_code, ResponseCode::NoError);
        assert!(message.metadata.authoritative);
        assert!(message.answers.is_empty() && message.authorities.is_empty());
        let [first, second] = &message.additionals[..] else { panic!("{message}") };
        assert_eq!(first.name, Name::from_ascii("web.example.org.").unwrap());
        assert_eq!(first.data.ip_addr(), Some(address.parse().unwrap()));
        assert_eq!((first.ttl, second.ttl), (0, 0));
        assert_eq!(second.name, Name::from_ascii(format!("{label}.web.example.org.")).unwrap());
        let RData::SRV(srv) = &second.data else { panic!("{second}") };
        assert_eq!((srv.priority, srv.weight, srv.port), (0, 0, 40212));
        assert!(srv.target.is_root());
    }
}

#[test]
fn the_longest_name_has_no_port() {
    let label = "a".repeat(63);
    let long = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(ask(&long, "192.0.2.7:1", Transport::Udp).additionals.len(), 1);
    assert_eq!(ask(".", "192.0.2.7:1", Transport::Udp).additionals.len(), 2);
}

#[test]
fn the_directive_is_checked() {
    let bench = Bench::new(&["."]);
    assert!(bench.refusal(setup, "whoami x").starts_with("`whoami` takes no arguments, not 1"));
    assert!(bench.refusal(setup, "whoami {\n}").starts_with("`whoami` takes no block"));
    assert!(bench.refusal(setup, "whoami\nwhoami").starts_with("`whoami` is given twice"));
}
