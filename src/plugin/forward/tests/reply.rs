//! What goes out, and what is a reply to it.

use super::*;

#[tokio::test]
async fn the_query_goes_out_as_received_with_an_id_of_its_own() {
    let upstream = Scripted::start(answer).await;
    let fixture = Fixture::new(&format!("forward . {}", upstream.address));
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..8 {
        let mut asked = fixture.ask(Transport::Udp).await;
        assert_eq!(asked.addresses(), 1);
        assert!(asked.response.flags().has(Flags::RA), "flags are the upstream's");
        let message = asked.response.finish();
        assert_eq!(message[..2], [0, 7], "the client's id");
        assert_eq!(&message[12..12 + NAME.len()], NAME, "the client's spelling");
    }
    let packet = question_packet(7, NAME, RecordType::A, Some((1232, true)));
    for seen in upstream.seen() {
        assert_eq!(seen.packet[2..], packet[2..]);
        ids.insert(seen.packet[..2].to_vec());
    }
    assert!(ids.len() > 4, "eight random ids are not the same: {ids:?}");
}

#[tokio::test]
async fn a_reply_whose_case_differs_is_given_in_the_clients() {
    let upstream = Scripted::start(|seen: &Seen| {
        let mut message = reply(&seen.packet, Rcode::NOERROR, 1);
        message[12..12 + NAME.len()].make_ascii_lowercase();
        vec![Act::Send(message)]
    });
    let upstream = upstream.await;
    let mut asked = Fixture::new(&format!("forward . {}", upstream.address)).ask(Transport::Udp).await;
    assert_eq!(&asked.response.finish()[12..12 + NAME.len()], NAME);
}

#[tokio::test]
async fn rfc5452_strays_are_waited_out() {
    let upstream = Scripted::start(|seen: &Seen| {
        let good = reply(&seen.packet, Rcode::NOERROR, 2);
        let strays = [
            with_other_id(good.clone()),
            with_other_question(good.clone()),
            seen.packet.clone(),
            good[..11].to_vec(),
            Vec::new(),
            vec![0xff; 3000],
            good,
        ];
        strays.into_iter().map(Act::Send).collect()
    });
    let upstream = upstream.await;
    let fixture = Fixture::new(&format!("forward . {} {{\nmax_connect_attempts 1\n}}", upstream.address));
    assert_eq!(fixture.ask(Transport::Udp).await.addresses(), 2);
    assert_eq!(fixture.ask(Transport::Udp).await.addresses(), 2, "also on the socket that is used again");
    assert_eq!(upstream.seen().len(), 2);
}

#[tokio::test]
async fn a_liar_is_a_timeout_that_names_it() {
    let upstream = Scripted::start(|seen: &Seen| {
        vec![Act::Send(with_other_question(reply(&seen.packet, Rcode::NOERROR, 1)))]
    });
    let upstream = upstream.await;
    let fixture = Fixture::new(&format!(
        "forward . {} {{\nread_timeout 30ms\nmax_connect_attempts 1\n}}",
        upstream.address
    ));
    let (kind, detail) = fixture.ask(Transport::Udp).await.failure();
    assert_eq!(kind, FailureKind::UpstreamUnreachable);
    let local = upstream.seen()[0].peer;
    assert_eq!(detail, format!("read udp {local}->{}: i/o timeout", upstream.address));
}

#[tokio::test]
async fn a_large_datagram_arrives_whole_and_a_broken_one_as_truncated() {
    let large =
        Scripted::start(|seen: &Seen| vec![Act::Send(reply(&seen.packet, Rcode::NOERROR, 4000))]).await;
    let fixture = Fixture::new(&format!("forward . {}", large.address));
    assert_eq!(fixture.ask(Transport::Udp).await.addresses(), 4000);
    let broken = |seen: &Seen| {
        let mut message = reply(&seen.packet, Rcode::NOERROR, 9);
        message.truncate(message.len() - 5);
        vec![Act::Send(message)]
    };
    let broken = Scripted::start(broken).await;
    let asked = Fixture::new(&format!("forward . {}", broken.address)).ask(Transport::Udp).await;
    assert_eq!(asked.addresses(), 0);
    assert!(asked.response.flags().has(Flags::TC));
}

#[tokio::test]
async fn an_error_without_question_section_is_told_at_once() {
    let bare = |seen: &Seen| {
        let mut message = reply(&seen.packet, Rcode::FORMERR, 0);
        message.truncate(12);
        message[5] = 0;
        vec![Act::Send(message)]
    };
    let upstream = Scripted::start(bare).await;
    let fixture = Fixture::new(&format!("forward . {}", upstream.address));
    for transport in [Transport::Udp, Transport::Tcp] {
        assert_eq!(fixture.ask(transport).await.failure().0, FailureKind::UpstreamMismatch);
    }
    assert_eq!(upstream.seen().len(), 2, "asked once each");
}

/// The reply with this as the RDATA of one record of `rtype`.
fn with_record(query: &[u8], rtype: u8, rdata: &[u8]) -> Vec<u8> {
    let mut message = reply(query, Rcode::NOERROR, 0);
    message[7] = 1;
    message.extend_from_slice(&[0xc0, 12, 0, rtype, 0, 1, 0, 0, 0, 60]);
    message.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
    message.extend_from_slice(rdata);
    message
}

#[tokio::test]
async fn names_that_never_end_do_not_reach_the_client() {
    let rdata_at = (HEADER_LEN + NAME.len() + 4 + 12) as u8;
    let bombs = [
        vec![0xc0, rdata_at],
        vec![1, b'x', 0xc0, rdata_at],
        // Thousands of pointers, each to the one before it.
        (0..3000_u16).flat_map(|link| (0xc000 | (u16::from(rdata_at) + 2 * link)).to_be_bytes()).collect(),
    ];
    for bomb in bombs {
        let upstream = Scripted::start(move |seen: &Seen| {
            vec![Act::Send(with_record(&seen.packet, RecordType::CNAME.0 as u8, &bomb))]
        });
        let upstream = upstream.await;
        let directive = format!("forward . {} {{\nmax_connect_attempts 1\n}}", upstream.address);
        for transport in [Transport::Udp, Transport::Tcp] {
            let (kind, detail) = Fixture::new(&directive).ask(transport).await.failure();
            assert_eq!(kind, FailureKind::UpstreamUnreachable);
            assert!(detail.ends_with("the message has a name that cannot be read"), "{detail}");
        }
    }
}

#[tokio::test]
async fn another_upstream_is_asked_when_one_sends_what_cannot_be_read() {
    let bad =
        Scripted::start(|seen: &Seen| vec![Act::Send(with_record(&seen.packet, 5, &[0xc0, 0xff]))]).await;
    let good = Scripted::start(answer).await;
    let fixture =
        Fixture::new(&format!("forward . {} {} {{\npolicy sequential\n}}", bad.address, good.address));
    assert_eq!(fixture.ask(Transport::Udp).await.addresses(), 1);
}

#[tokio::test]
async fn rfc7871_7_3_1_an_answer_for_a_subnet_is_not_kept_for_all() {
    // The reply repeats the query's OPT record, with this scope or without the option.
    let upstream = |scope: Option<u8>| {
        Scripted::start(move |seen: &Seen| {
            let mut message = reply(&seen.packet, Rcode::NOERROR, 1);
            let question_end = HEADER_LEN + NAME.len() + 4;
            let mut opt = seen.packet[question_end..].to_vec();
            match scope {
                Some(scope) if opt.len() > 11 => opt[18] = scope,
                Some(_) => {}
                None => {
                    opt.truncate(11);
                    opt[10] = 0;
                }
            }
            message[11] = 1;
            message.extend_from_slice(&opt);
            vec![Act::Send(message)]
        })
    };
    let subnet = [0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2];
    let mut packet = question_packet(7, NAME, RecordType::A, Some((1232, false)));
    let plain = packet.clone();
    let end = packet.len();
    packet[end - 1] = subnet.len() as u8;
    packet.extend_from_slice(&subnet);
    for (scope, query, is_cacheable) in [
        (Some(24), &packet, false),
        (Some(0), &packet, true),
        (None, &packet, true),
        (Some(24), &plain, true),
    ] {
        let upstream = upstream(scope).await;
        let fixture = Fixture::new(&format!("forward . {}", upstream.address));
        let asked = fixture.ask_packet(query, Transport::Udp).await;
        assert_eq!(asked.response.is_cacheable(), is_cacheable, "scope {scope:?}");
    }
}
