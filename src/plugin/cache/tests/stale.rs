//! `prefetch` and `serve_stale`.

use super::*;

const IMMEDIATE: Stale =
    Stale { up_to: Duration::from_secs(3600), mode: StaleMode::Immediate, ttl_s: 0, recheck: Duration::ZERO };

fn stale(stale: Stale) -> Bench {
    Bench::new(Config { stale: Some(stale), ..Config::default() })
}

fn verify(timeout: Option<Duration>) -> Bench {
    stale(Stale { mode: StaleMode::Verify { timeout }, ..IMMEDIATE })
}

fn fails(_: &Query<'_>, _: &mut Response) -> Outcome {
    Outcome::Failed(Failure::new(FailureKind::UpstreamUnreachable))
}

#[test]
fn prefetch_fetches_a_popular_entry_before_its_end() {
    let prefetch = Prefetch { amount: 2, gap: Duration::from_secs(60), percentage: 10 };
    let bench = Bench::new(Config { prefetch: Some(prefetch), ..Config::default() });
    bench.ask_name(0.0, "a.example");
    bench.ask_name(1.0, "a.example");
    bench.ask_name(26.0, "a.example");
    assert_eq!(bench.asked(), 1, "4 of 30 seconds are more than a tenth");
    assert_eq!(ttls(&bench.ask_name(27.0, "a.example")), [3], "this client does not wait");
    bench.wait_until("the new entry", || ttls(&bench.ask_name(27.5, "a.example")) == [30]);
    assert_eq!(bench.asked(), 2);
    assert_eq!(ttls(&bench.ask_name(40.0, "a.example")), [17]);
}

#[test]
fn prefetch_leaves_an_entry_alone_that_few_ask_for() {
    let prefetch = Prefetch { amount: 2, gap: Duration::from_secs(5), percentage: 10 };
    let bench = Bench::new(Config { prefetch: Some(prefetch), ..Config::default() });
    for at_s in [0.0, 1.0, 10.0, 20.0, 29.0] {
        bench.ask_name(at_s, "a.example");
    }
    assert_eq!(bench.asked(), 1, "each use came too long after the one before");
}

#[test]
fn immediate_gives_the_old_answer_with_ttl_0_and_fetches_the_new_one() {
    let bench = stale(IMMEDIATE);
    bench.ask_name(0.0, "a.example");
    bench.answer_with(|_, response| addresses(response, 60, 2));
    assert_eq!(ttls(&bench.ask_name(100.0, "a.example")), [0]);
    bench.wait_until("the new entry", || bench.ask_name(100.0, "a.example").answers.len() == 2);
    assert_eq!(bench.asked(), 2);
    let line = r#"coredns_cache_served_stale_total{server="dns://:53",view="",zones="."}"#;
    assert_ne!(bench.sample(line).as_deref(), Some("0"));
}

#[test]
fn a_stale_answer_has_the_ttl_of_the_option_and_ends_with_its_duration() {
    let bench = stale(Stale { ttl_s: 30, up_to: Duration::from_secs(60), ..IMMEDIATE });
    bench.ask_name(0.0, "a.example");
    bench.answer_with(fails);
    assert_eq!(ttls(&bench.ask_name(89.0, "a.example")), [30]);
    let reply = bench.ask_name(90.0, "a.example");
    assert_eq!(reply.metadata.response_code, ResponseCode::ServFail);
}

#[test]
fn a_failure_does_not_replace_a_stale_answer() {
    let bench = stale(IMMEDIATE);
    bench.ask_name(0.0, "a.example");
    bench.answer_with(fails);
    for step in 0..3 {
        let asked = bench.asked();
        assert_eq!(ttls(&bench.ask_name(40.0 + f64::from(step), "a.example")), [0]);
        bench.wait_until("the attempt", || bench.asked() > asked);
        let cell = Arc::clone(&bench.script);
        bench.wait_until("its end", || Arc::strong_count(&cell) <= 3);
    }
}

#[test]
fn verify_asks_first_and_falls_back() {
    let bench = verify(None);
    bench.ask_name(0.0, "a.example");
    bench.answer_with(fails);
    assert_eq!(ttls(&bench.ask_name(40.0, "a.example")), [0]);
    bench.answer_with(|_, response| denial(response, Rcode::NXDOMAIN, 60, 60));
    let reply = bench.ask_name(41.0, "a.example");
    assert_eq!(reply.metadata.response_code, ResponseCode::NXDomain, "a denial is an answer");
    assert_eq!(bench.asked(), 3);
}

#[test]
fn verify_with_a_timeout_does_not_wait_longer_and_keeps_what_comes_after() {
    let bench = verify(Some(Duration::from_millis(20)));
    bench.ask_name(0.0, "a.example");
    bench.script.is_later.store(true, Ordering::SeqCst);
    bench.answer_with(|_, response| addresses(response, 60, 2));
    bench.hold(true);
    let reply = bench.ask_name(40.0, "a.example");
    assert_eq!((ttls(&reply), reply.answers.len()), (vec![0], 1));
    assert_eq!(ttls(&bench.ask_name(40.0, "a.example")), [0], "one asks, the others get the old answer");
    bench.hold(false);
    bench.wait_until("the new entry", || bench.ask_name(41.0, "a.example").answers.len() == 2);
    assert_eq!(bench.asked(), 2);
}

#[test]
fn recheck_pauses_after_a_failure() {
    let bench = stale(Stale {
        mode: StaleMode::Verify { timeout: None },
        recheck: Duration::from_secs(10),
        ..IMMEDIATE
    });
    bench.ask_name(0.0, "a.example");
    bench.answer_with(fails);
    for (at_s, asked) in [(40.0, 2), (45.0, 2), (50.0, 3)] {
        assert_eq!(ttls(&bench.ask_name(at_s, "a.example")), [0]);
        assert_eq!(bench.asked(), asked, "{at_s}");
    }
}

#[test]
fn a_stale_answer_says_so_to_a_client_with_edns() {
    let bench = stale(IMMEDIATE);
    bench.ask_name(0.0, "a.example");
    bench.answer_with(fails);
    let name = Name::from_text("a.example").unwrap();
    let packet = question_packet(7, name.as_wire(), RecordType::A, Some((1232, false)));
    let reply = bench.send(40.0, &packet).0;
    assert!(reply.windows(8).any(|octets| octets == b"\x00\x03kept a"), "extended error 3");
}
