use std::time::Duration;

use super::*;
use crate::dns::{Failure, FailureKind, RecordType, Transport};
use crate::plugin::Finished;
use crate::plugin::testing::{Bench, Scripted, answer_a, origin, packet};
use crate::telemetry::metrics::lint;

fn lines(bench: &Bench, prefix: &str) -> Vec<String> {
    bench.process.metrics.text().lines().filter(|line| line.starts_with(prefix)).map(str::to_owned).collect()
}

#[test]
fn an_answer_is_counted_under_the_longest_zone() {
    let bench = Bench::new(&[".", "cluster.local", "local"]);
    let chain = bench.chain(setup, "prometheus", Scripted::new(answer_a));
    let packet = packet("web.Cluster.local", RecordType::A, Some((1232, true)));
    bench.ask(&chain, &packet, origin());
    assert_eq!(
        lines(&bench, "coredns_dns_requests_total"),
        [
            r#"coredns_dns_requests_total{family="1",proto="udp",server="dns://:53",type="A",view="",zone="cluster.local."} 1"#
        ]
    );
    assert_eq!(
        lines(&bench, "coredns_dns_responses_total"),
        [
            r#"coredns_dns_responses_total{plugin="forward",rcode="NOERROR",server="dns://:53",view="",zone="cluster.local."} 1"#
        ]
    );
    let one = |name: &str, more: &str| {
        let line = format!(r#"{name}{{{more}server="dns://:53",view="",zone="cluster.local."}} "#);
        let found = lines(&bench, &line);
        assert_eq!(found.len(), 1, "{line}");
        found[0][line.len()..].to_owned()
    };
    assert_eq!(one("coredns_dns_do_requests_total", ""), "1");
    assert_eq!(one("coredns_dns_request_duration_seconds_count", ""), "1");
    assert_eq!(one("coredns_dns_request_size_bytes_sum", r#"proto="udp","#), packet.len().to_string());
    // The answer adds a pointer, 10 octets and an address to the question, which has an OPT record too.
    assert_eq!(
        one("coredns_dns_response_size_bytes_sum", r#"proto="udp","#),
        (packet.len() + 16).to_string()
    );
    assert_eq!(lint(&bench.process.metrics.text()), Vec::<String>::new());
}

#[test]
fn a_failure_is_the_servers_reply_and_a_drop_is_none() {
    let bench = Bench::new(&["."]);
    let failing =
        |_: &Query<'_>, _: &mut Response| Reply::failed(Failure::new(FailureKind::UpstreamUnreachable));
    let chain = bench.chain(setup, "prometheus", Scripted::new(failing));
    let mut tcp = origin();
    tcp.transport = Transport::Tcp;
    tcp.peer = "[2001:db8::1]:4000".parse().unwrap();
    bench.ask(&chain, &packet("a", RecordType::HINFO, None), tcp);
    assert_eq!(
        lines(&bench, "coredns_dns_responses_total"),
        [r#"coredns_dns_responses_total{plugin="",rcode="SERVFAIL",server="dns://:53",view="",zone="."} 1"#]
    );
    assert_eq!(
        lines(&bench, "coredns_dns_requests_total"),
        [
            r#"coredns_dns_requests_total{family="2",proto="tcp",server="dns://:53",type="other",view="",zone="."} 1"#
        ]
    );
    let dropping = bench.chain(
        setup,
        "prometheus",
        Scripted::new(|_: &Query<'_>, _: &mut Response| Reply::Done(Outcome::Dropped)),
    );
    bench.ask(&dropping, &packet("a", RecordType::A, None), origin());
    assert_eq!(lines(&bench, "coredns_dns_requests_total").len(), 2);
    assert_eq!(lines(&bench, "coredns_dns_responses_total").len(), 1);
}

#[test]
fn who_answers_later_is_known_too() {
    let bench = Bench::new(&["."]);
    let later = |query: &Query<'_>, _: &mut Response| {
        let query = query.to_shared();
        Reply::later(async move {
            let mut response = Response::new();
            response.begin(&query.as_query());
            Finished { response, outcome: Outcome::Answered }
        })
    };
    let chain = bench.chain(setup, "prometheus", Scripted::new(later));
    bench.ask(&chain, &packet("a", RecordType::A, None), origin());
    assert!(lines(&bench, "coredns_dns_responses_total")[0].contains(r#"plugin="forward""#));
}

#[test]
fn time_counts_from_the_arrival_of_the_packet() {
    let bench = Bench::new(&["."]);
    let block = BlockMetrics::new(&bench.process.metrics, &bench.site);
    let packet = packet("a", RecordType::A, None);
    let query = Query::parse(&packet, origin()).unwrap();
    let mut response = Response::new();
    response.begin(&query);
    let now = query.origin().received + Duration::from_millis(3);
    block.count(&query, &response, &Outcome::Answered, now);
    let bucket = |le: &str| {
        let name = "coredns_dns_request_duration_seconds_bucket";
        lines(&bench, &format!(r#"{name}{{server="dns://:53",view="",zone=".",le="{le}"}} "#)).remove(0)
    };
    assert!(bucket("0.002").ends_with(" 0"));
    assert!(bucket("0.004").ends_with(" 1"));
    assert!(bucket("8.192").ends_with(" 1"));
}

#[test]
fn a_query_of_another_listener_is_not_counted() {
    let bench = Bench::new(&["."]);
    let chain = bench.chain(setup, "prometheus", Scripted::new(answer_a));
    let mut elsewhere = origin();
    elsewhere.server = 9;
    bench.ask(&chain, &packet("a", RecordType::A, None), elsewhere);
    assert_eq!(lines(&bench, "coredns_dns_requests_total"), [""; 0]);
}

#[test]
fn the_endpoint_gives_all_metrics_of_the_process() {
    let bench = Bench::new(&["."]);
    let draft = bench.set_up(setup, "prometheus :9153").unwrap();
    let process = ProcessMetrics::register(&bench.process.metrics);
    process.panics.add(2);
    let _enabled = plugin_enabled(&bench.process.metrics, "dns://:53", ".", ["errors", "forward"]);
    let [endpoint] = &draft.endpoints[..] else { panic!("one endpoint") };
    assert_eq!((endpoint.place.address.as_str(), endpoint.path), (":9153", "/metrics"));
    let (request, ()) = hyper::Request::new(()).into_parts();
    let response = (endpoint.handler)(&request);
    assert_eq!(response.status, 200);
    for line in [
        "coredns_panics_total 2".to_owned(),
        r#"coredns_plugin_enabled{name="forward",server="dns://:53",view="",zone="."} 1"#.to_owned(),
        format!(
            r#"coredns_build_info{{goversion="",revision="{}",version="{}"}} 1"#,
            option_env!("KUBEZONE_REVISION").unwrap_or(""),
            env!("CARGO_PKG_VERSION")
        ),
    ] {
        assert!(response.body.lines().any(|found| found == line), "{line} in\n{}", response.body);
    }
    assert_eq!(lint(&response.body), Vec::<String>::new());
}

#[test]
fn no_client_and_no_upstream_can_make_series() {
    let bench = Bench::new(&[".", "example.org"]);
    let answering = |query: &Query<'_>, response: &mut Response| {
        response.set_rcode(crate::dns::Rcode(query.qtype().0 % 4096));
        Reply::answered()
    };
    let chain = bench.chain(setup, "prometheus", Scripted::new(answering));
    for rtype in (0..=u16::MAX).step_by(7) {
        for name in ["a.example.org", "b.test"] {
            let mut from = origin();
            from.transport = if rtype % 2 == 0 { Transport::Tcp } else { Transport::Udp };
            bench.ask(&chain, &packet(name, RecordType(rtype), Some((4096, rtype % 3 == 0))), from);
        }
    }
    let series = lines(&bench, "coredns_dns_requests_total").len();
    // Two zones, two transports, twenty types.
    assert!(series <= 2 * 2 * labels::TYPES.len(), "{series}");
    let series = lines(&bench, "coredns_dns_responses_total").len();
    assert!(series <= 2 * labels::RCODES.len(), "{series}");
    assert_eq!(bench.process.metrics.refused(), 0);
}

#[test]
fn a_query_for_names_gets_these_alone() {
    let bench = Bench::new(&["."]);
    let draft = bench.set_up(setup, "prometheus").unwrap();
    let process = ProcessMetrics::register(&bench.process.metrics);
    let text = |query: &str| {
        let uri = format!("http://a/metrics?{query}");
        let (request, ()) = hyper::Request::builder().uri(uri).body(()).unwrap().into_parts();
        (draft.endpoints[0].handler)(&request).body.into_owned()
    };
    let panics = |text: &str| text.lines().filter(|line| line.starts_with("coredns_panics_total ")).count();
    for one in ["name[]=coredns_panics_total", "name%5B%5D=coredns_panics_total&name%5b%5d=none"] {
        assert_eq!((text(one).lines().count(), panics(&text(one))), (3, 1), "{one}");
    }
    assert_eq!(text("name[]=coredns_panics"), "");
    assert!(text("name=coredns_panics_total").lines().count() > 3);
    drop(process);
}

#[test]
fn what_the_runtime_does_is_shown_where_asked_for() {
    let bench = Bench::new(&["."]);
    let shown = || lines(&bench, "kubezone_runtime_").len();
    let draft = bench.set_up(setup, "prometheus {\n runtime_metrics\n}").unwrap();
    assert_eq!(shown(), 5);
    assert_eq!(lint(&bench.process.metrics.text()), Vec::<String>::new());
    drop(draft);
    let _draft = bench.set_up(setup, "prometheus").unwrap();
    assert_eq!(shown(), 0);
}

#[test]
fn the_directive_is_checked() {
    let bench = Bench::new(&["."]);
    assert_eq!(bench.set_up(setup, "prometheus").unwrap().endpoints[0].place.address, "localhost:9153");
    for (text, refusal) in [
        ("prometheus 9153", "`9153` is not an address to listen on | write `:8080` for all addresses, or"),
        (
            "prometheus :1 :2",
            "`prometheus` takes at most 1 argument, not 2 | too many | write `prometheus [ADDR",
        ),
        ("prometheus\nprometheus", "`prometheus` is given twice"),
        ("prometheus {\n tls\n}", "`tls` takes 1 argument, not 0"),
        ("prometheus {\n tls none.yml\n}", "the web configuration `none.yml` cannot be used | cannot read"),
        ("prometheus {\n runtime_metrics on\n}", "`runtime_metrics` takes no arguments, not 1"),
        ("prometheus {\n runtime_metrics\n runtime_metrics\n}", "`runtime_metrics` is given twice"),
        (
            "prometheus {\n runtime_metric\n}",
            "unknown property `runtime_metric` of `prometheus` | did you mean",
        ),
    ] {
        let told = bench.refusal(setup, text);
        assert!(told.starts_with(refusal), "{told}");
    }
}
