//! Health, readiness, metrics, signals, and the lines that scripts wait for.

use hickory_proto::rr::RecordType::A;

use crate::cluster::Cluster;
use crate::upstream;

#[test]
fn health_and_ready() {
    let server = Cluster::join("health").serve();
    assert_eq!(server.get(server.health, "/health"), Some((200, "OK".to_owned())));
    assert_eq!(server.get(server.ready, "/ready"), Some((200, "OK".to_owned())));
    assert_eq!(server.get(server.health, "/elsewhere").map(|(status, _)| status), Some(404));
}

/// The sum of the samples whose name and labels contain all of these words; `None` when there is none.
fn sample(metrics: &str, words: &[&str]) -> Option<f64> {
    let lines =
        metrics.lines().filter(|line| !line.starts_with('#') && words.iter().all(|word| line.contains(word)));
    let values: Vec<f64> = lines.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
    (!values.is_empty()).then(|| values.iter().sum())
}

#[test]
fn metrics_count_what_was_asked() {
    let server = Cluster::join("metrics").serve();
    // The one name outside was asked while the server started; these are A, over both transports, and a name error.
    server.ask("kubernetes.default.svc.cluster.local.", A);
    server.ask("no-such-service.default.svc.cluster.local.", A);
    server.ask(upstream::NAME, A);
    let (status, metrics) = server.get(server.metrics, "/metrics").expect("/metrics answers");
    assert_eq!(status, 200);
    let zone = "zone=\".\"";
    for (proto, count) in [("udp", 3.0), ("tcp", 3.0)] {
        let proto = format!("proto=\"{proto}\"");
        let words = ["coredns_dns_requests_total{", zone, &proto, "family=\"1\"", "type=\"A\""];
        let seen = sample(&metrics, &words);
        assert!(seen >= Some(count), "{words:?}: {seen:?}\n{metrics}");
    }
    let errors = ["coredns_dns_responses_total{", zone, "rcode=\"NXDOMAIN\""];
    // At least: the probe that `loop` sends through the server is answered with a name error too.
    assert!(sample(&metrics, &errors) >= Some(2.0), "{metrics}");
    for name in [
        "coredns_build_info{",
        "coredns_dns_request_duration_seconds_bucket{",
        "coredns_dns_request_size_bytes_count{",
        "coredns_dns_response_size_bytes_count{",
        "coredns_cache_entries{",
        "coredns_cache_misses_total{",
        "coredns_proxy_request_duration_seconds_count{",
        "coredns_panics_total",
        "coredns_plugin_enabled{",
        "coredns_kubernetes_rest_client_requests_total{",
    ] {
        assert!(sample(&metrics, &[name]).is_some(), "no {name} in\n{metrics}");
    }
    assert_eq!(sample(&metrics, &["coredns_panics_total"]), Some(0.0));
}

/// TERM: lame duck, in which the server still answers and is healthy, then an end that is no failure.
#[test]
fn terminate_drains() {
    let mut server = Cluster::join("term").serve();
    server.signal("TERM");
    assert_eq!(server.ask("kubernetes.default.svc.cluster.local.", A).answer.len(), 1);
    assert_eq!(server.get(server.health, "/health"), Some((200, "OK".to_owned())));
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn start_lines() {
    let server = Cluster::join("lines").serve();
    let log = server.log();
    assert!(log.lines().any(|line| line.starts_with("CoreDNS-")), "{log}");
    assert!(log.lines().any(|line| line == format!(".:{}", server.dns.port())), "{log}");
    assert!(!log.contains("Loop"), "the forwarder is no loop: {log}");
}
