use std::time::Duration;

use super::setup::reachable;
use super::*;
use crate::corefile::HostPort;
use crate::plugin::testing::Bench;
use crate::telemetry::http::{EndpointSet, Endpoints, Response};

#[test]
fn it_is_healthy_and_has_a_lameduck_time() {
    let bench = Bench::new(&["."]);
    let draft = bench.set_up(setup, "health {\n lameduck 5s\n}").unwrap();
    assert_eq!(draft.lameduck, Some(Duration::from_secs(5)));
    let [endpoint] = &draft.endpoints[..] else { panic!("one endpoint") };
    assert_eq!((endpoint.place.address.as_str(), endpoint.path), (":8080", "/health"));
    let (request, ()) = hyper::Request::new(()).into_parts();
    assert_eq!((endpoint.handler)(&request), Response::text(200, "OK"));
    assert_eq!(draft.tasks.len(), 1);
    let draft = bench.set_up(setup, "health 127.0.0.1:0").unwrap();
    assert_eq!((draft.lameduck, draft.tasks.len()), (None, 0));
}

#[test]
fn the_process_asks_itself() {
    let bench = Bench::new(&["."]);
    let metrics = metrics::Metrics::new(&bench.process.metrics);
    bench.runtime.block_on(async {
        let mut endpoints = Endpoints::new();
        let address = "127.0.0.1:0";
        let mut answers = EndpointSet::new();
        answers.add(address, "/health", |_| Response::text(200, "OK")).unwrap();
        endpoints.swap(answers).await.unwrap();
        let open = endpoints.local_addr(address).unwrap();
        poll::get(open).await.unwrap();

        let mut fails = EndpointSet::new();
        fails.add(address, "/health", |_| Response::text(500, "no")).unwrap();
        endpoints.swap(fails).await.unwrap();
        let error = poll::get(open).await.unwrap_err().to_string();
        assert_eq!(error, "unexpected answer `HTTP/1.1 500 Internal Server Error`");

        let polling = tokio::spawn(poll::poll(open, metrics.clone()));
        while metrics.failures.value() == 0 {
            tokio::task::yield_now().await;
        }
        polling.abort();
        assert_eq!(metrics.durations.count(), metrics.failures.value());
        endpoints.shutdown().await;
        assert!(poll::get(open).await.is_err());
    });
}

#[test]
fn all_addresses_are_asked_on_loopback() {
    let listen = |host: Option<&str>| HostPort { host: host.map(|host| host.parse().unwrap()), port: 8080 };
    for (host, expected) in [
        (None, "127.0.0.1:8080"),
        (Some("0.0.0.0"), "127.0.0.1:8080"),
        (Some("::"), "127.0.0.1:8080"),
        (Some("169.254.20.10"), "169.254.20.10:8080"),
        (Some("::1"), "[::1]:8080"),
    ] {
        assert_eq!(reachable(listen(host)).to_string(), expected);
    }
}

#[test]
fn the_directive_is_checked() {
    let bench = Bench::new(&["."]);
    for (text, refusal) in [
        ("health 8080", "`8080` is not an address to listen on"),
        ("health {\n lameduck\n}", "`lameduck` takes 1 argument, not 0"),
        (
            "health {\n lameduck 5\n}",
            "`5` is not a duration | the unit is missing | write the unit, as in `5s`",
        ),
        ("health {\n lameduk 5s\n}", "unknown property `lameduk` of `health` | did you mean `lameduck`?"),
        ("health\nhealth", "`health` is given twice"),
    ] {
        let told = bench.refusal(setup, text);
        assert!(told.starts_with(refusal), "{told}");
    }
}
