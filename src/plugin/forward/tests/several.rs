//! More than one upstream, and more than one directive.

use super::*;

#[tokio::test]
async fn the_next_upstream_is_asked_when_one_is_silent_or_refuses() {
    let (silent, closed) = (Scripted::start(silence).await, closed_port().await);
    let good = Scripted::start(answer).await;
    let fixture = Fixture::new(&format!(
        "forward . {} {closed} {} {{\npolicy sequential\nread_timeout 30ms\n}}",
        silent.address, good.address
    ));
    for transport in [Transport::Udp, Transport::Tcp] {
        assert_eq!(fixture.ask(transport).await.addresses(), 1);
    }
}

#[tokio::test]
async fn a_refused_query_says_so() {
    let closed = closed_port().await;
    let fixture = Fixture::new(&format!("forward . {closed} {{\nmax_fails 0\n}}"));
    let (kind, detail) = fixture.ask(Transport::Tcp).await.failure();
    assert_eq!(kind, FailureKind::UpstreamUnreachable);
    assert_eq!(detail, format!("dial tcp {closed}: connect: connection refused"));
    let (_, detail) = fixture.ask(Transport::Udp).await.failure();
    assert!(detail.ends_with(&format!("->{closed}: read: connection refused")), "{detail}");
}

#[tokio::test]
async fn the_budget_ends_a_query_whose_attempts_do_not() {
    let closed = closed_port().await;
    let directive = format!("forward . {closed} {{\nmax_connect_attempts 0\nmax_fails 0\n}}");
    let fixture = Fixture::changed(&directive, |options| options.budget = Duration::from_millis(60));
    assert_eq!(fixture.ask(Transport::Udp).await.failure().0, FailureKind::UpstreamUnreachable);
}

#[tokio::test]
async fn failover_asks_another_and_the_last_answer_stands() {
    let bad = Scripted::start(code(Rcode::SERVFAIL)).await;
    let worse = Scripted::start(code(Rcode::REFUSED)).await;
    let good = Scripted::start(answer).await;
    let forward = |to: &[SocketAddr]| {
        let to: Vec<_> = to.iter().map(ToString::to_string).collect();
        Fixture::new(&format!(
            "forward . {} {{\npolicy sequential\nfailover SERVFAIL refused\n}}",
            to.join(" ")
        ))
    };
    let asked = forward(&[bad.address, good.address]).ask(Transport::Udp).await;
    assert_eq!(asked.addresses(), 1);
    let asked = forward(&[bad.address, worse.address]).ask(Transport::Udp).await;
    assert_eq!(asked.rcode(), Rcode::REFUSED);
    assert_eq!(worse.seen().len(), 1, "each is asked once");
    let asked = forward(&[bad.address, closed_port().await]).ask(Transport::Udp).await;
    assert_eq!(asked.rcode(), Rcode::SERVFAIL, "an error does not take back an answer");
}

#[tokio::test]
async fn next_hands_a_reply_to_the_directive_below() {
    let first = Scripted::start(code(Rcode::NXDOMAIN)).await;
    let second = Scripted::start(answer).await;
    let both = |property: &str| {
        Fixture::new(&format!(
            "forward . {} {{\n{property}\n}}\nforward . {} {{\nnext NXDOMAIN\n}}",
            first.address, second.address
        ))
    };
    assert_eq!(both("next SERVFAIL NXDOMAIN").ask(Transport::Udp).await.addresses(), 1);
    assert_eq!(both("next SERVFAIL").ask(Transport::Udp).await.rcode(), Rcode::NXDOMAIN);
    let alone = Fixture::new(&format!("forward . {} {{\nnext NXDOMAIN\n}}", first.address));
    assert_eq!(alone.ask(Transport::Udp).await.rcode(), Rcode::NXDOMAIN, "there is none below");

    let empty = Scripted::start(code(Rcode::NOERROR)).await;
    let nodata = Fixture::new(&format!(
        "forward . {} {{\nnext_on_nodata\n}}\nforward . {}",
        empty.address, second.address
    ));
    assert_eq!(nodata.ask(Transport::Udp).await.addresses(), 1);
}

#[tokio::test]
async fn names_outside_of_from_and_within_except_pass() {
    let upstream = Scripted::start(answer).await;
    let fixture = Fixture::new(&format!(
        "forward example.org {} {{\nexcept a.example.org example.org\n}}",
        upstream.address
    ));
    let pass = |name: &'static [u8]| async { fixture.ask_for(name, Transport::Udp).await.failure().0 };
    assert_eq!(pass(b"\x07example\x03com\x00").await, FailureKind::Unhandled);
    assert_eq!(pass(b"\x01b\x01A\x07example\x03org\x00").await, FailureKind::Unhandled);
    let apex = fixture.ask_for(b"\x07Example\x03org\x00", Transport::Udp).await;
    assert_eq!(apex.addresses(), 1, "FROM itself is forwarded");
}
