//! How much at once, and how long connections are kept.

use super::*;

#[tokio::test]
async fn queries_over_max_concurrent_are_refused() {
    let upstream = Scripted::start(silence).await;
    let fixture = Arc::new(Fixture::new(&format!(
        "forward . {} {{\nmax_concurrent 1\nread_timeout 1h\n}}",
        upstream.address
    )));
    let waiting = tokio::spawn({
        let fixture = Arc::clone(&fixture);
        async move { fixture.ask(Transport::Udp).await.failure() }
    });
    until(|| upstream.seen().len() == 1).await;
    let (kind, detail) = fixture.ask_for(b"\x05other\x00", Transport::Udp).await.failure();
    assert_eq!(kind, FailureKind::Overloaded);
    assert_eq!(detail, "concurrent queries exceeded maximum 1");
    assert!(fixture.metrics.text().contains("coredns_forward_max_concurrent_rejects_total 1"));
    waiting.abort();
    let _ = waiting.await;
    let again = tokio::spawn(async move { fixture.ask(Transport::Udp).await.failure() });
    until(|| upstream.seen().len() == 2).await;
    again.abort();
}

#[tokio::test]
async fn an_upstream_holds_no_more_sockets_than_it_may() {
    let upstream = Scripted::start(silence).await;
    let fixture = Arc::new(Fixture::changed(&format!("forward . {}", upstream.address), |options| {
        options.upstream.in_flight_max = 1;
        options.upstream.read_timeout = Duration::from_secs(3600);
    }));
    let first = Arc::clone(&fixture);
    let waiting = tokio::spawn(async move { first.ask(Transport::Udp).await.failure() });
    until(|| upstream.seen().len() == 1).await;
    assert_eq!(fixture.ask(Transport::Tcp).await.failure().0, FailureKind::Overloaded);
    assert!(!fixture.upstream(0).is_probed.load(std::sync::atomic::Ordering::Relaxed));
    waiting.abort();
}

#[tokio::test]
async fn sockets_are_used_again_until_they_expire() {
    let upstream = Scripted::start(answer).await;
    for (property, reused) in [("expire 1h", true), ("expire 0s", false)] {
        let fixture = Fixture::new(&format!("forward . {} {{\n{property}\n}}", upstream.address));
        for _ in 0..2 {
            assert_eq!(fixture.ask(Transport::Udp).await.addresses(), 1);
        }
        let peers: Vec<_> = upstream.seen().iter().rev().take(2).map(|seen| seen.peer).collect();
        assert_eq!(peers[0] == peers[1], reused, "{property}");
        assert_eq!(fixture.upstream(0).idle(Transport::Udp), usize::from(reused));
    }
    let fixture = Fixture::new(&format!("forward . {} {{\nexpire 5ms\n}}", upstream.address));
    for transport in [Transport::Udp, Transport::Tcp] {
        assert_eq!(fixture.ask(transport).await.addresses(), 1);
        until(|| fixture.upstream(0).idle(transport) == 0).await;
    }
}
