//! Over TCP, and from UDP to TCP.

use super::*;

#[tokio::test]
async fn a_tcp_client_is_forwarded_over_one_tcp_connection() {
    let upstream = Scripted::start(answer).await;
    let fixture = Fixture::new(&format!("forward . {}", upstream.address));
    for _ in 0..3 {
        assert_eq!(fixture.ask(Transport::Tcp).await.addresses(), 1);
    }
    let seen = upstream.seen();
    assert!(seen.iter().all(|seen| seen.transport == Transport::Tcp));
    assert!(seen.windows(2).all(|pair| pair[0].peer == pair[1].peer), "one connection");
}

#[tokio::test]
async fn force_tcp_and_prefer_udp_choose_the_transport() {
    for (property, client, wanted) in [
        ("force_tcp", Transport::Udp, Transport::Tcp),
        ("prefer_udp", Transport::Tcp, Transport::Udp),
        ("prefer_udp\nforce_tcp", Transport::Udp, Transport::Tcp),
    ] {
        let upstream = Scripted::start(answer).await;
        let fixture = Fixture::new(&format!("forward . {} {{\n{property}\n}}", upstream.address));
        assert_eq!(fixture.ask(client).await.addresses(), 1);
        assert_eq!(upstream.seen()[0].transport, wanted, "{property}");
    }
}

#[tokio::test]
async fn a_truncated_reply_is_passed_on_or_with_prefer_udp_asked_for_again() {
    let upstream = Scripted::start(truncated).await;
    let asked = Fixture::new(&format!("forward . {}", upstream.address)).ask(Transport::Udp).await;
    assert!(asked.response.flags().has(Flags::TC));
    let fixture = Fixture::new(&format!("forward . {} {{\nprefer_udp\n}}", upstream.address));
    for client in [Transport::Udp, Transport::Tcp] {
        let asked = fixture.ask(client).await;
        assert_eq!(asked.addresses(), 1);
        assert!(!asked.response.flags().has(Flags::TC));
    }
}

#[tokio::test]
async fn without_tcp_a_truncated_reply_is_better_than_none() {
    let upstream = Scripted::start(|seen: &Seen| match seen.transport {
        Transport::Udp => truncated(seen),
        Transport::Tcp => vec![Act::Close],
    });
    let upstream = upstream.await;
    let fixture = Fixture::new(&format!("forward . {} {{\nprefer_udp\n}}", upstream.address));
    assert!(fixture.ask(Transport::Udp).await.response.flags().has(Flags::TC));
    assert_eq!(fixture.ask(Transport::Tcp).await.failure().0, FailureKind::UpstreamUnreachable);
}

#[tokio::test]
async fn a_kept_connection_that_the_upstream_closed_is_replaced_unnoticed() {
    let mut count = 0;
    let upstream = Scripted::start(move |seen: &Seen| {
        count += 1;
        match count {
            // Closed after the answer, and closed upon the next query.
            1 => vec![Act::Send(reply(&seen.packet, Rcode::NOERROR, 1)), Act::Close],
            3 => vec![Act::Close],
            _ => answer(seen),
        }
    });
    let upstream = upstream.await;
    let fixture = Fixture::new(&format!("forward . {} {{\nmax_connect_attempts 1\n}}", upstream.address));
    for _ in 0..4 {
        assert_eq!(fixture.ask(Transport::Tcp).await.addresses(), 1);
    }
    assert_eq!(fixture.upstream(0).fails.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[tokio::test]
async fn tcp_that_ends_midway_is_an_error_and_strays_are_skipped() {
    let upstream =
        Scripted::start(|seen: &Seen| vec![Act::Raw(vec![1, 0, seen.packet[0]]), Act::Close]).await;
    let fixture = Fixture::new(&format!("forward . {} {{\nmax_connect_attempts 1\n}}", upstream.address));
    let (kind, detail) = fixture.ask(Transport::Tcp).await.failure();
    assert_eq!(kind, FailureKind::UpstreamUnreachable);
    assert!(detail.starts_with("read tcp 127.0.0.1:") && detail.ends_with(": EOF"), "{detail}");

    let upstream = Scripted::start(|seen: &Seen| {
        let good = reply(&seen.packet, Rcode::NOERROR, 1);
        vec![Act::Send(with_other_id(good.clone())), Act::Send(Vec::new()), Act::Send(good)]
    });
    let upstream = upstream.await;
    let fixture = Fixture::new(&format!("forward . {}", upstream.address));
    assert_eq!(fixture.ask(Transport::Tcp).await.addresses(), 1);
}

#[tokio::test]
async fn a_tcp_reply_to_another_question_is_a_format_error() {
    let upstream = Scripted::start(|seen: &Seen| {
        vec![Act::Send(with_other_question(reply(&seen.packet, Rcode::NOERROR, 1)))]
    });
    let upstream = upstream.await;
    let fixture = Fixture::new(&format!("forward . {}", upstream.address));
    let asked = fixture.ask(Transport::Tcp).await;
    assert_eq!(asked.failure().0, FailureKind::UpstreamMismatch);
    assert_eq!(fixture.upstream(0).idle(Transport::Tcp), 0, "the connection is not used again");
}

#[tokio::test]
async fn a_reply_that_never_ends_is_given_up() {
    let upstream = Scripted::start(|_: &Seen| vec![Act::Raw(vec![0xff; 1000])]).await;
    let fixture = Fixture::new(&format!(
        "forward . {} {{\nread_timeout 30ms\nmax_connect_attempts 1\n}}",
        upstream.address
    ));
    let (_, detail) = fixture.ask(Transport::Tcp).await.failure();
    assert!(detail.ends_with(": i/o timeout"), "{detail}");
}

#[tokio::test]
async fn a_burst_shares_a_bounded_number_of_connections() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let upstream = Scripted::start(answer).await.gated(Arc::clone(&gate));
    let fixture = Fixture::new(&format!("forward . {}", upstream.address));
    let names: Vec<_> = (128..228).map(|octet| [1, octet, 2, b'x', b'y', 0]).collect();
    let asked =
        futures_util::future::join_all(names.iter().map(|name| fixture.ask_for(name, Transport::Tcp)));
    let released = async {
        until(|| upstream.seen().len() >= 32).await;
        gate.add_permits(100);
    };
    let (asked, ()) = tokio::join!(asked, released);
    assert!(asked.iter().all(|asked| asked.addresses() == 1));
    let peers: std::collections::BTreeSet<_> = upstream.seen().iter().map(|seen| seen.peer).collect();
    assert_eq!((upstream.seen().len(), peers.len()), (100, 32));
}
