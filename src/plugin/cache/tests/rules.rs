//! One test for each rule: what is kept, under what, for how long.

use super::*;

fn config() -> Config {
    Config::default()
}

fn seconds(max_s: u32) -> Config {
    let mut config = config();
    config.limits.success.max_s = max_s;
    config.limits.denial.max_s = max_s;
    config
}

#[test]
fn a_second_query_is_a_hit_with_the_seconds_that_are_left() {
    let bench = Bench::new(config());
    assert_eq!(ttls(&bench.ask_name(0.0, "a.example")), [30]);
    assert_eq!(ttls(&bench.ask_name(10.9, "a.example")), [20]);
    assert_eq!(bench.asked(), 1);
}

#[test]
fn an_entry_is_never_served_past_its_ttl() {
    let bench = Bench::new(config());
    bench.ask_name(0.0, "a.example");
    assert_eq!(ttls(&bench.ask_name(29.999, "a.example")), [1]);
    bench.ask_name(30.0, "a.example");
    assert_eq!(bench.asked(), 2);
}

#[test]
fn all_ttls_become_the_smallest_in_the_first_reply_too() {
    let bench = Bench::new(config());
    bench.answer_with(|_, response| {
        cname(response, 600, "b.example");
        let owner = Name::from_text("b.example").unwrap();
        response
            .record(Section::Answer, Owner::Name(owner.as_wire()), RecordType::A, 60, |rdata| rdata.u32(1));
        Outcome::Answered
    });
    assert_eq!(ttls(&bench.ask_name(0.0, "a.example")), [60, 60]);
    assert_eq!(ttls(&bench.ask_name(1.0, "a.example")), [59, 59]);
}

#[test]
fn ttls_are_raised_to_5_and_cut_to_the_argument() {
    let bench = Bench::new(seconds(30));
    bench.answer_with(|_, response| addresses(response, 1, 1));
    assert_eq!(ttls(&bench.ask_name(0.0, "short.example")), [5]);
    bench.answer_with(|_, response| addresses(response, 600, 1));
    assert_eq!(ttls(&bench.ask_name(0.0, "long.example")), [30]);
}

#[test]
fn the_cap_wins_over_the_minimum() {
    let bench = Bench::new(seconds(2));
    assert_eq!(ttls(&bench.ask_name(0.0, "a.example")), [2]);
}

#[test]
fn rfc2308_5_a_denial_lasts_for_the_smaller_of_the_soas_ttl_and_minimum() {
    for rcode in [Rcode::NXDOMAIN, Rcode::NOERROR] {
        let bench = Bench::new(config());
        bench.answer_with(move |_, response| denial(response, rcode, 900, 40));
        assert_eq!(ttls(&bench.ask_name(0.0, "no.example")), [40]);
        let hit = bench.ask_name(39.0, "no.example");
        assert_eq!((ttls(&hit), hit.metadata.response_code.low()), (vec![1], rcode.0 as u8));
        assert_eq!(bench.asked(), 1);
    }
}

#[test]
fn rfc2308_5_nxdomain_without_soa_is_not_kept() {
    let bench = Bench::new(config());
    bench.answer_with(|_, response| {
        response.set_rcode(Rcode::NXDOMAIN);
        Outcome::Answered
    });
    bench.ask_name(0.0, "no.example");
    bench.ask_name(0.0, "no.example");
    assert_eq!(bench.asked(), 2);
}

#[test]
fn a_chain_that_does_not_reach_the_type_is_kept_as_a_denial_or_not_at_all() {
    for has_soa in [false, true] {
        let bench = Bench::new(config());
        bench.answer_with(move |_, response| {
            cname(response, 60, "b.example");
            if has_soa {
                soa(response, 60, 60);
            }
            Outcome::Answered
        });
        bench.ask_name(0.0, "a.example");
        bench.ask_name(1.0, "a.example");
        assert_eq!(bench.asked(), if has_soa { 1 } else { 2 });
        let denials =
            bench.sample(r#"coredns_cache_entries{server="dns://:53",type="denial",view="",zones="."}"#);
        assert_eq!(denials.as_deref(), Some(if has_soa { "1" } else { "0" }));
    }
}

#[test]
fn a_chain_that_turns_in_a_circle_or_forks_is_not_kept() {
    for targets in [["a.example", "a.example"], ["b.example", "c.example"]] {
        let bench = Bench::new(config());
        bench.answer_with(move |_, response| {
            targets.iter().for_each(|target| cname(response, 60, target));
            Outcome::Answered
        });
        bench.ask_name(0.0, "a.example");
        bench.ask_name(1.0, "a.example");
        assert_eq!(bench.asked(), 2);
    }
}

#[test]
fn a_truncated_answer_is_not_kept() {
    let bench = Bench::new(config());
    bench.answer_with(|_, response| {
        let outcome = addresses(response, 60, 1);
        response.set_flags(response.flags().0 | Flags::TC);
        outcome
    });
    bench.ask_name(0.0, "a.example");
    bench.ask_name(1.0, "a.example");
    assert_eq!(bench.asked(), 2);
}

#[test]
fn an_answer_that_lost_records_is_not_kept() {
    let bench = Bench::new(config());
    bench.answer_with(|_, response| addresses(response, 60, 5_000));
    bench.ask_name(0.0, "a.example");
    bench.ask_name(1.0, "a.example");
    assert_eq!(bench.asked(), 2);
}

#[test]
fn refused_and_extended_codes_are_not_kept() {
    for rcode in [Rcode::REFUSED, Rcode::FORMERR, Rcode::BADVERS] {
        let bench = Bench::new(config());
        bench.answer_with(move |_, response| {
            response.set_rcode(rcode);
            Outcome::Answered
        });
        bench.ask_name(0.0, "a.example");
        bench.ask_name(1.0, "a.example");
        assert_eq!(bench.asked(), 2, "{rcode}");
    }
}

#[test]
fn servfail_and_notimp_are_kept_for_5_seconds() {
    for rcode in [Rcode::SERVFAIL, Rcode::NOTIMP] {
        let bench = Bench::new(config());
        bench.answer_with(move |_, response| {
            response.set_rcode(rcode);
            Outcome::Answered
        });
        bench.ask_name(0.0, "a.example");
        let hit = bench.ask_name(4.9, "a.example");
        assert_eq!((bench.asked(), hit.metadata.response_code.low()), (1, rcode.0 as u8));
        bench.ask_name(5.0, "a.example");
        assert_eq!(bench.asked(), 2);
    }
}

#[test]
fn an_unreachable_upstream_is_kept_as_servfail_with_its_reason() {
    let bench = Bench::new(config());
    bench.answer_with(|_, _| Outcome::Failed(Failure::new(FailureKind::UpstreamUnreachable)));
    let packet = question_packet(
        7,
        Name::from_text("a.example").unwrap().as_wire(),
        RecordType::A,
        Some((1232, false)),
    );
    let (first, outcome) = bench.send(0.0, &packet);
    assert!(matches!(outcome, Outcome::Failed(_)), "the first is logged");
    let (second, outcome) = bench.send(4.0, &packet);
    assert!(matches!(outcome, Outcome::Answered));
    assert_eq!(first, second, "the extended error is in both");
    assert_eq!(bench.asked(), 1);
}

#[test]
fn other_failures_and_servfail_0_are_not_kept() {
    let mut off = config();
    off.limits.servfail = Duration::ZERO;
    for (config, kind) in [
        (config(), FailureKind::Overloaded),
        (config(), FailureKind::Unhandled),
        (off, FailureKind::UpstreamUnreachable),
    ] {
        let bench = Bench::new(config);
        bench.answer_with(move |_, _| Outcome::Failed(Failure::new(kind)));
        bench.ask_name(0.0, "a.example");
        bench.ask_name(1.0, "a.example");
        assert_eq!(bench.asked(), 2, "{kind:?}");
    }
}

#[test]
fn a_kept_servfail_yields_to_a_good_answer() {
    let packet = packet("a.example", RecordType::A);
    let query = Query::parse(&packet, origin(Transport::Udp)).unwrap();
    let received = query.origin().received;
    // As when two queries miss at once, and the second one's upstream fails.
    let cache = Cache::new(config(), &Registry::new(), [].into_iter(), RUNTIME.handle().clone()).shared;
    let mut response = Response::new();
    for rcode in [Rcode::NOERROR, Rcode::SERVFAIL] {
        response.begin(&query);
        response.set_rcode(rcode);
        if rcode == Rcode::NOERROR {
            addresses(&mut response, 60, 1);
        }
        assert!(cache.take_in(&query, &mut response, &Outcome::Answered).is_some());
    }
    let (kind, entry) = cache.find(&query, received + Duration::from_secs(1)).unwrap();
    assert_eq!((kind, entry.rcode()), (Kind::Success, Rcode::NOERROR));
}

#[test]
fn a_denial_is_found_before_an_answer_and_the_last_to_come_counts() {
    let cache = Cache::new(config(), &Registry::new(), [].into_iter(), RUNTIME.handle().clone()).shared;
    let packet = packet("a.example", RecordType::A);
    let query = Query::parse(&packet, origin(Transport::Udp)).unwrap();
    let mut response = Response::new();
    let mut found = Vec::new();
    for is_denial in [false, true, false] {
        response.begin(&query);
        if is_denial {
            denial(&mut response, Rcode::NXDOMAIN, 60, 60);
        } else {
            addresses(&mut response, 60, 1);
        }
        cache.take_in(&query, &mut response, &Outcome::Answered).unwrap();
        found.push(cache.find(&query, query.origin().received).unwrap().0);
    }
    assert_eq!(found, [Kind::Success, Kind::Denial, Kind::Success]);
}

#[test]
fn the_key_is_name_type_class_do_and_cd() {
    let bench = Bench::new(config());
    bench.answer_with(|_, response| denial(response, Rcode::NXDOMAIN, 60, 60));
    let name = Name::from_text("a.example").unwrap();
    let plain = packet("a.example", RecordType::A);
    let mut chaos = plain.clone();
    *chaos.last_mut().unwrap() = 3;
    let different = [
        plain.clone(),
        packet("b.example", RecordType::A),
        packet("a.example", RecordType::AAAA),
        chaos,
        question_packet(7, name.as_wire(), RecordType::A, Some((1232, true))),
        with_flags(plain.clone(), Flags::CD),
    ];
    for (index, packet) in different.iter().enumerate() {
        bench.ask(0.0, packet);
        assert_eq!(bench.asked(), index + 1);
    }
    let mut upper = plain.clone();
    upper[12..].make_ascii_uppercase();
    for same in [
        upper,
        question_packet(9, name.as_wire(), RecordType::A, Some((4096, false))),
        with_flags(plain, Flags::AD),
    ] {
        let packet = &same;
        let reply = bench.send(1.0, packet).0;
        assert_eq!(bench.asked(), different.len());
        assert_eq!(reply[..2], packet[..2], "id");
        assert_eq!(reply[12..21], packet[12..21], "the client's spelling");
    }
}

#[test]
fn a_hit_has_aa_ra_as_kept_and_rd_cd_of_the_client() {
    let bench = Bench::new(config());
    bench.answer_with(|_, response| {
        response.set_flags(response.flags().0 | Flags::AA | Flags::RA);
        addresses(response, 60, 1)
    });
    let plain = packet("a.example", RecordType::A);
    bench.ask(0.0, &plain);
    let mut no_rd = plain;
    no_rd[2] = 0;
    let hit = bench.ask(1.0, &no_rd).metadata;
    assert!(hit.authoritative && hit.recursion_available && !hit.recursion_desired);
}

#[test]
fn rfc6840_5_7_ad_goes_to_those_who_set_do_or_ad() {
    let bench = Bench::new(config());
    bench.answer_with(|_, response| {
        response.set_flags(response.flags().0 | Flags::AD);
        addresses(response, 60, 1)
    });
    let plain = packet("a.example", RecordType::A);
    let asking = with_flags(plain.clone(), Flags::AD);
    for at_s in [0.0, 1.0] {
        assert!(!bench.ask(at_s, &plain).metadata.authentic_data);
        assert!(bench.ask(at_s, &asking).metadata.authentic_data);
    }
    assert_eq!(bench.asked(), 1);
}

#[test]
fn only_names_of_the_zones_are_kept() {
    let bench = Bench::new(Config { zones: vec![Name::from_text("example").unwrap()], ..config() });
    for name in ["a.example", "a.example", "a.test", "a.test"] {
        bench.ask_name(0.0, name);
    }
    assert_eq!(bench.asked(), 3);
}

#[test]
fn disable_keeps_a_kind_out_and_still_sets_its_ttls() {
    let zone = vec![Name::from_text("example").unwrap()];
    let bench = Bench::new(Config { disabled: [zone, Vec::new()], ..seconds(20) });
    for _ in 0..2 {
        assert_eq!(ttls(&bench.ask_name(0.0, "a.example")), [20]);
    }
    assert_eq!(bench.asked(), 2);
    bench.ask_name(0.0, "a.test");
    bench.ask_name(0.0, "a.test");
    assert_eq!(bench.asked(), 3);
    bench.answer_with(|_, response| denial(response, Rcode::NXDOMAIN, 60, 60));
    bench.ask_name(0.0, "no.example");
    bench.ask_name(0.0, "no.example");
    assert_eq!(bench.asked(), 4, "the other kind is kept");
}

#[test]
fn keepttl_gives_hits_the_ttl_of_the_first_reply() {
    let bench = Bench::new(Config { keep_ttl: true, ..config() });
    bench.ask_name(0.0, "a.example");
    assert_eq!(ttls(&bench.ask_name(20.0, "a.example")), [30]);
    bench.ask_name(30.0, "a.example");
    assert_eq!(bench.asked(), 2, "it ends all the same");
}

#[test]
fn a_live_answer_is_neither_kept_nor_changed() {
    let bench = Bench::new(seconds(10));
    bench.answer_with(|_, response| {
        response.set_uncacheable();
        addresses(response, 30, 1)
    });
    for at_s in [0.0, 1.0] {
        assert_eq!(ttls(&bench.ask_name(at_s, "a.cluster.local")), [30]);
    }
    assert_eq!(bench.asked(), 2);
    assert!(
        bench
            .sample(r#"coredns_cache_misses_total{server="dns://:53",view="",zones="."}"#)
            .is_none_or(|n| n == "0")
    );
}

#[test]
fn a_live_name_is_not_looked_up() {
    let bench = Bench::with_live(config(), Some(Name::from_text("cluster.local").unwrap()));
    for name in ["a.cluster.local", "a.cluster.local", "a.example", "a.example"] {
        bench.ask_name(0.0, name);
    }
    assert_eq!(bench.asked(), 3);
}

#[test]
fn transfers_and_notify_are_not_kept() {
    let bench = Bench::new(config());
    bench.ask(0.0, &packet("a.example", RecordType::AXFR));
    bench.ask(0.0, &packet("a.example", RecordType::AXFR));
    let notify = with_flags(packet("a.example", RecordType::A), 4 << 11);
    bench.ask(0.0, &notify);
    bench.ask(0.0, &notify);
    assert_eq!(bench.asked(), 4);
}

#[test]
fn answers_that_come_later_are_kept_too() {
    let bench = Bench::new(config());
    bench.script.is_later.store(true, Ordering::SeqCst);
    assert_eq!(ttls(&bench.ask_name(0.0, "a.example")), [30]);
    assert_eq!(ttls(&bench.ask_name(3.0, "a.example")), [27]);
    assert_eq!(bench.asked(), 1);
}

#[test]
fn a_scan_of_random_names_does_not_evict_what_is_asked_for_often() {
    let bench = Bench::new(Config { capacities: [1024; 2], ..config() });
    let hot: Vec<String> = (0..100).map(|number| format!("hot{number}.example")).collect();
    for _ in 0..3 {
        hot.iter().for_each(|name| drop(bench.ask_name(0.0, name)));
    }
    assert_eq!(bench.asked(), hot.len());
    for number in 0..20_000 {
        bench.ask_name(0.0, &format!("random{number}.example"));
    }
    let before = bench.asked();
    hot.iter().for_each(|name| drop(bench.ask_name(1.0, name)));
    assert_eq!(bench.asked() - before, 0);
}

#[test]
fn a_store_is_bounded_by_entries_and_by_octets() {
    let entries = |addresses_each: u32| -> f64 {
        let bench = Bench::new(Config { capacities: [1024; 2], ..config() });
        bench.answer_with(move |_, response| addresses(response, 60, addresses_each));
        for number in 0..2_000 {
            bench.ask_name(0.0, &format!("a{number}.example"));
        }
        let line = r#"coredns_cache_entries{server="dns://:53",type="success",view="",zones="."}"#;
        bench.sample(line).unwrap().parse().unwrap()
    };
    let small = entries(1);
    assert!((900.0..=1024.0).contains(&small), "{small}");
    // 200 addresses and their offsets are 3.6 kB: seven times the mean that the octets are counted by.
    let large = entries(200);
    assert!((100.0..=1024.0 * 512.0 / 3_600.0).contains(&large), "{large}");
}

#[test]
fn every_query_is_counted_as_a_hit_or_a_miss() {
    let bench = Bench::new(config());
    for _ in 0..3 {
        bench.ask_name(0.0, "a.example");
    }
    bench.answer_with(|_, response| denial(response, Rcode::NXDOMAIN, 60, 60));
    for _ in 0..2 {
        let reply = bench.ask_name(0.0, "no.example");
        assert_eq!(reply.metadata.response_code, ResponseCode::NXDomain);
    }
    let value = |name: &str, kind: &str| {
        bench
            .sample(&format!(r#"coredns_cache_{name}{{server="dns://:53",{kind}view="",zones="."}}"#))
            .unwrap()
    };
    assert_eq!(value("requests_total", ""), "5");
    assert_eq!(value("misses_total", ""), "2");
    assert_eq!(value("hits_total", r#"type="success","#), "2");
    assert_eq!(value("hits_total", r#"type="denial","#), "1");
    assert_eq!(value("entries", r#"type="denial","#), "1");
    assert_eq!(crate::telemetry::metrics::lint(&bench.registry.text()), Vec::<String>::new());
}
