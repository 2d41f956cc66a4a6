//! Upstreams that are taken out and come back.

use super::*;

#[tokio::test]
async fn an_upstream_that_dies_is_skipped_and_comes_back() {
    let dying = Scripted::start(answer).await;
    let good = Scripted::start(answer).await;
    let fixture = Fixture::new(&format!(
        "forward . {} {} {{\npolicy sequential\nhealth_check 10ms no_rec domain Example.org\n}}",
        dying.address, good.address
    ));
    assert_eq!(fixture.ask(Transport::Udp).await.addresses(), 1);
    assert!(good.seen().is_empty());
    let address = dying.stop().await;
    assert_eq!(fixture.ask(Transport::Udp).await.addresses(), 1, "the other answers");
    until(|| fixture.upstream(0).is_down()).await;
    let back = Scripted::restart(address, answer).await;
    until(|| !fixture.upstream(0).is_down()).await;
    assert_eq!(fixture.ask(Transport::Udp).await.addresses(), 1);
    let seen = back.seen();
    let probe = question_packet(0, b"\x07example\x03org\x00", RecordType::NS, None);
    assert_eq!(seen[0].packet[4..], probe[4..]);
    assert_eq!(seen[0].packet[2] & 1, 0, "no_rec clears RD");
    assert_eq!(seen.last().unwrap().packet[12..12 + NAME.len()], *NAME);
    let text = fixture.metrics.text();
    let failures =
        format!("coredns_proxy_healthcheck_failures_total{{proxy_name=\"forward\",to=\"{address}\"}}");
    assert!(text.contains(&failures), "{text}");
}

#[tokio::test]
async fn a_probe_is_content_with_any_response() {
    let upstream = Scripted::start(code(Rcode::REFUSED)).await;
    let fixture = Fixture::new(&format!("forward . {} {{\nhealth_check 10ms\n}}", upstream.address));
    fixture.upstream(0).fails.store(9, std::sync::atomic::Ordering::Relaxed);
    fixture.upstream(0).check_health();
    until(|| !fixture.upstream(0).is_down()).await;
}

#[tokio::test]
async fn when_all_are_down_one_is_asked_all_the_same_unless_that_is_not_wanted() {
    let upstream = Scripted::start(answer).await;
    for (property, is_asked) in [("", true), ("failfast_all_unhealthy_upstreams", false)] {
        let fixture = Fixture::new(&format!("forward . {} {{\n{property}\n}}", upstream.address));
        fixture.upstream(0).fails.store(3, std::sync::atomic::Ordering::Relaxed);
        let asked = fixture.ask(Transport::Udp).await;
        if is_asked {
            assert_eq!(asked.addresses(), 1);
        } else {
            let no_healthy = "no healthy proxies".to_owned();
            assert_eq!(asked.failure(), (FailureKind::UpstreamUnreachable, no_healthy));
        }
        assert!(fixture.metrics.text().contains("coredns_forward_healthcheck_broken_total 1"));
    }
    assert_eq!(upstream.seen().len(), 1);
}
