//! Series.

use super::*;

#[tokio::test]
async fn series_have_the_names_and_labels_of_coredns() {
    let upstream = Scripted::start(code(Rcode::NXDOMAIN)).await;
    let fixture = Fixture::new(&format!("forward . {}", upstream.address));
    for transport in [Transport::Udp, Transport::Udp, Transport::Tcp] {
        fixture.ask(transport).await.rcode();
    }
    let text = fixture.metrics.text();
    let to = format!("to=\"{}\"", upstream.address);
    for line in [
        format!(
            "coredns_proxy_request_duration_seconds_count{{proxy_name=\"forward\",rcode=\"NXDOMAIN\",{to}}} 3"
        ),
        format!("coredns_proxy_conn_cache_hits_total{{proto=\"udp\",proxy_name=\"forward\",{to}}} 1"),
        format!("coredns_proxy_conn_cache_misses_total{{proto=\"udp\",proxy_name=\"forward\",{to}}} 1"),
        format!("coredns_proxy_conn_cache_misses_total{{proto=\"tcp\",proxy_name=\"forward\",{to}}} 1"),
        format!("coredns_proxy_healthcheck_failures_total{{proxy_name=\"forward\",{to}}} 0"),
        "coredns_forward_healthcheck_broken_total 0".to_owned(),
    ] {
        assert!(text.lines().any(|there| there == line), "{line}\nis not in\n{text}");
    }
    assert!(!text.contains("NOERROR"), "codes that never came have no series");
    assert_eq!(crate::telemetry::metrics::lint(&text), Vec::<String>::new());
}

#[tokio::test]
async fn a_reload_goes_on_counting() {
    let upstream = Scripted::start(code(Rcode::NXDOMAIN)).await;
    let directive = format!("forward . {}", upstream.address);
    let old = Fixture::new(&directive);
    old.ask(Transport::Udp).await.rcode();
    let new = Fixture::beside(&old, &directive);
    drop(old);
    let count = |text: &str| {
        let is_count = |line: &&str| line.starts_with("coredns_proxy_request_duration_seconds_count");
        text.lines().find(is_count).map(|line| line.rsplit(' ').next().unwrap_or_default().to_owned())
    };
    assert_eq!(count(&new.metrics.text()).as_deref(), Some("1"));
    new.ask(Transport::Udp).await.rcode();
    assert_eq!(count(&new.metrics.text()).as_deref(), Some("2"));
}
