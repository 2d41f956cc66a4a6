use std::net::Ipv6Addr;
use std::sync::Mutex;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;

const WORKERS: [UdpIo; 2] = [UdpIo::Batch, UdpIo::Plain];

fn options(udp_io: UdpIo) -> Options {
    Options { udp_io, ..Options::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_at_once_and_later() {
    for udp_io in WORKERS {
        let rig = Rig::loopback(options(udp_io));
        let client = rig.udp().await;
        assert_eq!(last_address(&ask(&client, &question(7, "a")).await), Ipv4Addr::new(192, 0, 2, 1));
        rig.release(1);
        let later = ask(&client, &question(8, "wait")).await;
        assert_eq!((id(&later), rcode(&later)), (8, Rcode::NOERROR));
        assert_eq!(rcode(&ask(&client, &question(9, "fail")).await), Rcode::SERVFAIL);
        client.send(&question(10, "drop")).await.unwrap();
        assert_eq!(id(&ask(&client, &question(11, "a")).await), 11);
        assert_eq!(rig.server.drain(PATIENCE).await.received, 5);
    }
}

/// A connected socket takes packets only from the address that it sent to.
#[tokio::test(flavor = "multi_thread")]
async fn a_wildcard_bind_replies_from_the_address_that_was_asked() {
    let rig = Rig::start(&[], Options::default());
    for (local, remote) in [
        ("127.0.0.1:0", Ipv4Addr::LOCALHOST.into()),
        ("127.0.0.1:0", IpAddr::from([127, 0, 0, 2])),
        ("127.0.0.9:0", IpAddr::from([127, 0, 0, 3])),
        ("[::1]:0", IpAddr::V6(Ipv6Addr::LOCALHOST)),
    ] {
        if remote.is_ipv6() && rig.server.local_address(0).unwrap().is_ipv4() {
            continue; // A host without IPv6: the listener has fallen back to 0.0.0.0.
        }
        let client = UdpSocket::bind(local).await.unwrap();
        client.connect((remote, rig.address.port())).await.unwrap();
        rig.release(1);
        assert_eq!(id(&ask(&client, &question(2, "wait")).await), 2);
        let peer = client.local_addr().unwrap().ip();
        for (label, shown) in [("local", remote), ("peer", peer)] {
            let answer = ask(&client, &question(1, label)).await;
            match shown {
                IpAddr::V4(shown) => assert_eq!(last_address(&answer), shown),
                IpAddr::V6(shown) => assert!(answer.ends_with(&shown.octets())),
            }
        }
    }
}

/// What is no query gets from both what it deserves; a canary behind each shows what gets nothing.
#[tokio::test(flavor = "multi_thread")]
async fn batch_and_plain_give_the_same() {
    let rigs = WORKERS.map(|udp_io| Rig::loopback(options(udp_io)));
    let mut response = question(1, "a");
    response[2] |= 0x80;
    let mut update = question(2, "a");
    update[2] = 5 << 3;
    let mut two_questions = question(3, "a");
    two_questions[5] = 2;
    let mut chaos = question(4, "a");
    let class_at = chaos.len() - 1;
    chaos[class_at] = 3;
    let mut notify = question(5, "a");
    notify[2] = 4 << 3;
    let mut long = question_edns(6, "a", 4096, 0);
    // An option that runs past what is read of a packet.
    let length_at = long.len() - 2;
    long[length_at..].copy_from_slice(&5000_u16.to_be_bytes());
    long.extend_from_slice(&[0, 12]);
    long.extend_from_slice(&4996_u16.to_be_bytes());
    long.resize(long.len() + 4996, 0);
    let packets = [
        vec![],
        vec![1; 11],
        response,
        update,
        two_questions,
        chaos,
        notify,
        long,
        question(7, "a"),
        question(8, "panic"),
        question(9, "panic-later"),
        question(10, "big"),
        question_edns(11, "big", 65_535, 0),
        question_edns(12, "a", 1232, 1),
        question_edns(13, "fail", 1232, 0),
        b"\0\x0e\x01\0\0\x01\0\0\0\0\0\0\x05other\x03net\0\0\x01\0\x01".to_vec(),
    ];
    let mut given: Vec<Vec<Vec<Vec<u8>>>> = Vec::new();
    for rig in &rigs {
        let client = rig.udp().await;
        let mut replies = Vec::new();
        for packet in &packets {
            client.send(packet).await.unwrap();
            let mut of_packet = Vec::new();
            // A reply that comes later may overtake the canary, so that the canary waits for it where there is one.
            if packet.windows(11).any(|label| label == b"panic-later") {
                of_packet.push(receive(&client).await);
            }
            client.send(&question(999, "a")).await.unwrap();
            loop {
                let reply = receive(&client).await;
                if id(&reply) == 999 {
                    break;
                }
                of_packet.push(reply);
            }
            replies.push(of_packet);
        }
        given.push(replies);
    }
    assert_eq!(given[0], given[1]);
    let rcodes: Vec<_> = given[0].iter().map(|replies| replies.first().map(|reply| rcode(reply).0)).collect();
    let (formerr, servfail, notimp, refused) = (Some(1), Some(2), Some(4), Some(5));
    assert_eq!(
        rcodes,
        [
            None,
            None,
            None,
            notimp,
            formerr,
            refused,
            Some(0),
            formerr,
            Some(0),
            servfail,
            servfail,
            Some(0),
            Some(0),
            Some(0),
            servfail,
            refused
        ]
    );
    let lengths: Vec<_> =
        given[0].iter().map(|replies| replies.iter().map(Vec::len).sum::<usize>()).collect();
    assert_eq!((lengths[3], lengths[4]), (12, 12), "a header alone");
    assert!(lengths[11] <= 512 && given[0][11][0][2] & 2 != 0, "cut to 512 octets");
    assert!(lengths[12] < 512 && given[0][12][0][2] & 2 != 0, "no datagram holds it all");
    let badvers = &given[0][13][0];
    assert_eq!(badvers[badvers.len() - 11..], [0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0], "BADVERS, version 0");
    let stats = rigs[0].server.stats();
    assert_eq!((stats.ignored, stats.malformed, stats.refused), (3, 4, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn those_that_no_chain_answers_are_told_to_the_observer() {
    #[derive(Default)]
    struct Seen(Mutex<Vec<(u16, Rcode, usize)>>);
    impl Observer for Seen {
        fn refused(&self, query: &Query<'_>, response: &Response) {
            self.0.lock().unwrap().push((query.id(), response.rcode(), response.as_bytes().len()));
        }
    }
    let seen = Arc::new(Seen::default());
    let rig = Rig::loopback(Options { observer: Some(Arc::<Seen>::clone(&seen)), ..Options::default() });
    let client = rig.udp().await;
    let mut elsewhere = question(1, "a");
    elsewhere[15] = b'X';
    let reply = ask(&client, &elsewhere).await;
    ask(&client, &question(2, "a")).await;
    ask(&client, &question(3, "fail")).await;
    ask(&client, &question(4, "panic")).await;
    let told = seen.0.lock().unwrap().clone();
    assert_eq!(told, [(1, Rcode::REFUSED, reply.len()), (4, Rcode::SERVFAIL, 35)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_that_wait_than_may_are_refused() {
    let limits = Limits { in_flight_max: 2, ..Limits::default() };
    let rig = Rig::loopback(Options { limits, ..Options::default() });
    let client = rig.udp().await;
    client.send(&question(1, "wait")).await.unwrap();
    client.send(&question(2, "wait")).await.unwrap();
    rig.until_waiting(2).await;
    let third = ask(&client, &question(3, "wait")).await;
    assert_eq!((id(&third), rcode(&third)), (3, Rcode::REFUSED));
    assert_eq!(rig.server.stats().overloaded, 1);
    rig.release(2);
    let mut ids = [id(&receive(&client).await), id(&receive(&client).await)];
    ids.sort_unstable();
    assert_eq!(ids, [1, 2]);
    rig.release(1);
    assert_eq!(rcode(&ask(&client, &question(4, "wait")).await), Rcode::NOERROR);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_leaves_it_answering() {
    let rig = Rig::loopback(Options::default());
    let client = rig.udp().await;
    let storm = StdUdpSocket::bind("127.0.0.1:0").unwrap();
    storm.connect(rig.address).unwrap();
    let good = question_edns(1, "a", 1232, 0);
    let bytes = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..600),
        (0..good.len(), any::<u8>()).prop_map(move |(at, value)| {
            let mut packet = good.clone();
            packet[at] = value;
            packet
        }),
    ];
    let mut runner = TestRunner::default();
    runner
        .run(&bytes, |packet| {
            let _ = storm.send(&packet);
            Ok(())
        })
        .unwrap();
    assert_eq!(last_address(&ask(&client, &question(7, "a")).await), Ipv4Addr::new(192, 0, 2, 1));
}

#[cfg(target_os = "linux")]
#[test]
fn a_reply_that_cannot_be_sent_keeps_back_no_other() {
    use super::super::udp::{Datagrams, Received};
    use super::super::udp_batch::Batch;

    let server = Arc::new(StdUdpSocket::bind("127.0.0.1:0").unwrap());
    let address = server.local_addr().unwrap();
    let client = StdUdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.connect(address).unwrap();
    for octet in 0..5 {
        client.send(&[octet; 3]).unwrap();
    }
    let mut batch = Batch::new(server).unwrap();
    assert_eq!(batch.receive().unwrap(), Received::Packets(5));
    let mut unsent = 0;
    for slot in 0..5 {
        assert_eq!(batch.packet(slot), [slot as u8; 3]);
        assert_eq!(batch.addresses(slot), (client.local_addr().unwrap(), address));
        // EMSGSIZE for those of odd slots.
        let length = if slot % 2 == 1 { 65_530 } else { 100 };
        unsent += batch.queue(slot, &vec![slot as u8; length]);
    }
    unsent += batch.flush();
    assert_eq!(unsent, 2);
    let mut buffer = [0; 200];
    for octet in [0, 2, 4] {
        assert_eq!(client.recv(&mut buffer).unwrap(), 100);
        assert_eq!(buffer[..100], [octet; 100]);
    }
}
