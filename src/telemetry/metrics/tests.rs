use std::{collections::BTreeMap, thread, time::Duration};

use proptest::prelude::*;

use super::{
    Registry, SERIES_MAX, exponential, lint,
    text::{self, write_float},
};

#[test]
fn text_is_that_of_the_go_client() {
    let registry = Registry::new();
    let table = registry.counter_table(
        "coredns_dns_requests_total",
        "Requests answered.",
        &[("server", "dns://:53"), ("zone", "."), ("view", "")],
        [("proto", &["udp", "tcp"]), ("family", &["1", "2"]), ("type", &["A", "AAAA", "other"])],
    );
    table.inc([0, 0, 0]);
    table.add([1, 1, 2], 1_234_567);
    let size = registry.histogram(
        "coredns_dns_request_size_bytes",
        "Size of requests.",
        &[("server", "dns://:53")],
        &[0.0, 100.0, 48e3],
    );
    size.observe_value(0.0);
    size.observe_value(55.0);
    size.observe_value(100.0);
    size.observe_value(65_535.0);
    let panics = registry.counter("coredns_panics_total", "A panic's \\ help,\nin two lines.", &[]);
    let _entries = registry.gauge_fn("coredns_cache_entries", "Entries.", &[("type", "denial")], || 2.5);
    let entries =
        registry.gauge("coredns_hosts_entries", "Entries in \"hosts\".", &[("hostsfile", "/etc/hosts")]);
    entries.set(3.0);
    entries.add(-4.0);
    let _not_yet = registry.counter_table("coredns_unused_total", "Not counted yet.", &[], [("a", &["b"])]);
    panics.add(0);

    let expected = r#"# HELP coredns_cache_entries Entries.
# TYPE coredns_cache_entries gauge
coredns_cache_entries{type="denial"} 2.5
# HELP coredns_dns_request_size_bytes Size of requests.
# TYPE coredns_dns_request_size_bytes histogram
coredns_dns_request_size_bytes_bucket{server="dns://:53",le="0"} 1
coredns_dns_request_size_bytes_bucket{server="dns://:53",le="100"} 3
coredns_dns_request_size_bytes_bucket{server="dns://:53",le="48000"} 3
coredns_dns_request_size_bytes_bucket{server="dns://:53",le="+Inf"} 4
coredns_dns_request_size_bytes_sum{server="dns://:53"} 65690
coredns_dns_request_size_bytes_count{server="dns://:53"} 4
# HELP coredns_dns_requests_total Requests answered.
# TYPE coredns_dns_requests_total counter
coredns_dns_requests_total{family="1",proto="udp",server="dns://:53",type="A",view="",zone="."} 1
coredns_dns_requests_total{family="2",proto="tcp",server="dns://:53",type="other",view="",zone="."} 1.234567e+06
# HELP coredns_hosts_entries Entries in "hosts".
# TYPE coredns_hosts_entries gauge
coredns_hosts_entries{hostsfile="/etc/hosts"} -1
# HELP coredns_panics_total A panic's \\ help,\nin two lines.
# TYPE coredns_panics_total counter
coredns_panics_total 0
"#;
    assert_eq!(registry.text(), expected);
    assert_eq!(lint(expected), Vec::<String>::new());
}

#[test]
fn floats_are_written_as_go_writes_them() {
    // Left: `strconv.FormatFloat(x, 'g', -1, 64)`.
    for (expected, value) in [
        ("0", 0.0),
        ("1", 1.0),
        ("-1", -1.0),
        ("0.00025", 0.00025),
        ("0.0001", 0.0001),
        ("1e-05", 0.00001),
        ("0.1", 0.1),
        ("999999", 999_999.0),
        ("1e+06", 1_000_000.0),
        ("1.5e+06", 1_500_000.0),
        ("1.53662761869e+09", 1_536_627_618.69),
        ("100000.5", 100_000.5),
        ("1.8446744073709552e+19", 18_446_744_073_709_551_615.0),
        ("1e+100", 1e100),
        ("+Inf", f64::INFINITY),
        ("-Inf", f64::NEG_INFINITY),
        ("NaN", f64::NAN),
    ] {
        let mut text = String::new();
        write_float(&mut text, value);
        assert_eq!(text, expected);
    }
}

#[test]
fn threads_lose_no_count() {
    const THREADS: u64 = 9;
    const EACH: u64 = 20_000;
    let registry = Registry::new();
    let counter = registry.counter("a_total", "A.", &[]);
    let table = registry.counter_table("b_total", "B.", &[], [("x", &["0", "1", "2"]), ("y", &["0", "1"])]);
    let histogram = registry.histogram("c_seconds", "C.", &[], &[1.0]);
    let gauge = registry.gauge("d", "D.", &[]);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for round in 0..EACH {
                    counter.inc();
                    table.add([2, usize::from(round % 2 == 0)], 3);
                    histogram.observe(Duration::from_millis(500));
                    gauge.add(1.0);
                }
            });
        }
    });
    assert_eq!(counter.value(), THREADS * EACH);
    assert_eq!(table.value([2, 0]), THREADS * EACH / 2 * 3);
    assert_eq!(table.value([2, 1]), THREADS * EACH / 2 * 3);
    assert_eq!(table.value([0, 0]), 0);
    assert_eq!(histogram.count(), THREADS * EACH);
    assert!(registry.text().contains("c_seconds_sum 90000\n"));
    assert_eq!(gauge.value(), (THREADS * EACH) as f64);
}

#[test]
fn every_cell_of_a_table_is_its_own_series() {
    let registry = Registry::new();
    let values: [&[&str]; 3] =
        [&["a", "b"], &["c", "d", "e"], &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]];
    let dimensions = [("x", values[0]), ("y", values[1]), ("z", values[2])];
    let table = registry.counter_table("t_total", "T.", &[], dimensions);
    let mut expected = BTreeMap::new();
    for (x, x_value) in values[0].iter().enumerate() {
        for (y, y_value) in values[1].iter().enumerate() {
            for (z, z_value) in values[2].iter().enumerate() {
                let count = 1 + x as u64 + 10 * y as u64 + 100 * z as u64;
                table.add([x, y, z], count);
                expected.insert(format!("t_total{{x=\"{x_value}\",y=\"{y_value}\",z=\"{z_value}\"}}"), count);
            }
        }
    }
    let samples: BTreeMap<String, u64> = registry
        .text()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            line.split_once(' ').map(|(series, count)| (series.to_owned(), count.parse().unwrap())).unwrap()
        })
        .collect();
    assert_eq!(samples, expected);
}

#[test]
fn an_index_outside_of_a_table_is_not_counted() {
    let registry = Registry::new();
    let table = registry.counter_table("t_total", "T.", &[], [("x", &["a", "b"]), ("y", &["c", "d"])]);
    table.inc([0, 2]);
    table.inc([2, 0]);
    assert_eq!(registry.text(), "");
    assert_eq!(table.value([0, 2]), 0);
}

#[test]
fn a_value_on_a_bound_belongs_to_its_bucket() {
    let registry = Registry::new();
    let histogram = registry.histogram("h_seconds", "H.", &[], &exponential(0.00025, 2.0, 3));
    for value in [0.0, 0.00025, 0.000_250_1, 0.0005, 0.001, 0.001_000_1, f64::NAN] {
        histogram.observe_value(value);
    }
    let text = registry.text();
    assert!(text.contains("_bucket{le=\"0.00025\"} 2\n"), "{text}");
    assert!(text.contains("_bucket{le=\"0.0005\"} 4\n"), "{text}");
    assert!(text.contains("_bucket{le=\"0.001\"} 5\n"), "{text}");
    assert!(text.contains("_bucket{le=\"+Inf\"} 7\n"), "{text}");
    assert!(text.contains("h_seconds_sum NaN\n"), "{text}");
    assert!(text.contains("h_seconds_count 7\n"), "{text}");
}

#[test]
fn coredns_s_time_buckets() {
    let bounds = exponential(0.00025, 2.0, 16);
    assert_eq!(bounds.len(), 16);
    assert_eq!(bounds.last(), Some(&8.192));
}

#[test]
fn asking_again_gives_the_same_series() {
    let registry = Registry::new();
    let old = registry.counter("a_total", "A.", &[("x", "1"), ("y", "2")]);
    old.add(5);
    // A reload: the new handle is made before the old one goes. Labels in another order are the same labels.
    let new = registry.clone().counter("a_total", "A.", &[("y", "2"), ("x", "1")]);
    drop(old);
    new.inc();
    assert_eq!(new.value(), 6);
    assert!(registry.text().contains("a_total{x=\"1\",y=\"2\"} 6\n"));
}

#[test]
fn living_series_are_found_by_some_of_their_labels() {
    let registry = Registry::new();
    let series = |x: &str, y: &str| registry.counter("a_total", "A.", &[("x", x), ("y", y)]);
    let _held = [series("1", "2"), series("1", "3"), series("2", "2")];
    drop(series("1", "4"));
    let mut found: Vec<_> =
        registry.living("a_total", &[("x", "1")]).iter().map(|own| own["y"].clone()).collect();
    found.sort_unstable();
    assert_eq!(found, ["2", "3"]);
    assert!(registry.living("a_total", &[("z", "1")]).is_empty());
    assert!(registry.living("b_total", &[]).is_empty());
}

#[test]
fn a_series_goes_with_its_last_handle() {
    let registry = Registry::new();
    let gone = registry.counter("a_total", "A.", &[("server", "dns://:53")]);
    let stays = registry.counter("a_total", "A.", &[("server", "dns://:54")]);
    let function = registry.gauge_fn("g", "G.", &[], || 1.0);
    drop((gone, function));
    assert_eq!(
        registry.text(),
        "# HELP a_total A.\n# TYPE a_total counter\na_total{server=\"dns://:54\"} 0\n"
    );
    drop(stays);
    assert_eq!(registry.text(), "");
    // The name is free again, for another type too.
    let _gauge = registry.gauge("a_total", "A.", &[]);
    assert_eq!(registry.refused(), 0);
}

#[test]
fn of_two_closures_the_younger_is_printed_and_the_elder_comes_back() {
    let registry = Registry::new();
    let _old = registry.gauge_fn("g", "G.", &[], || 1.0);
    let new = registry.gauge_fn("g", "G.", &[], || 2.0);
    assert!(registry.text().ends_with("\ng 2\n"));
    drop(new);
    assert!(registry.text().ends_with("\ng 1\n"));
}

#[test]
fn a_closure_may_use_the_registry() {
    let registry = Registry::new();
    let inner = registry.clone();
    let _collector = registry.collector(move |scrape| {
        let counter = inner.counter("a_total", "A.", &[]);
        scrape.counter("b_total", "B.", &[("x", "1")], counter.value() as f64);
    });
    assert!(registry.text().contains("b_total{x=\"1\"} 0\n"));
}

#[test]
fn a_series_unlike_its_family_counts_but_is_not_printed() {
    let registry = Registry::new();
    let counter = registry.counter("a_total", "A.", &[("x", "1")]);
    let gauge = registry.gauge("a_total", "A.", &[("x", "1")]);
    let unlike = registry.counter("a_total", "A.", &[("y", "1")]);
    let histogram = registry.histogram("h", "H.", &[], &[1.0]);
    let other_bounds = registry.histogram("h", "H.", &[], &[2.0]);
    unlike.inc();
    other_bounds.observe_value(1.5);
    assert_eq!((counter.value(), gauge.value(), unlike.value()), (0, 0.0, 1));
    assert_eq!((histogram.count(), other_bounds.count()), (0, 1));
    let text = registry.text();
    assert!(text.contains("kubezone_metrics_series_refused_total 3\n"), "{text}");
    assert!(!text.contains("y=\"1\""), "{text}");
    assert_eq!(lint(&text).len(), 1);
}

#[test]
fn the_number_of_series_is_bounded() {
    let registry = Registry::new();
    let values: Vec<String> = (0..1000).map(|value| value.to_string()).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let table = |at: usize| {
        let label = at.to_string();
        registry.counter_table("t_total", "T.", &[("at", &label)], [("v", &values[..])])
    };
    let mut tables: Vec<_> = (0..SERIES_MAX / 1000).map(table).collect();
    assert_eq!(registry.refused(), 0);
    let one_more = registry.counter("a_total", "A.", &[]);
    one_more.inc();
    assert_eq!((registry.refused(), one_more.value()), (1, 1));
    // What is dropped makes room.
    tables.pop();
    let _fits = registry.counter("a_total", "A.", &[]);
    assert_eq!(registry.refused(), 1);
}

#[test]
fn lint_finds_what_breaks_the_customs() {
    for (name, kind, sample, word) in [
        ("camelCase", "gauge", "camelCase 1", "snake case"),
        ("a", "counter", "a 1", "does not end in `_total`"),
        ("a_total", "gauge", "a_total 1", "for counters"),
        ("a_milliseconds", "gauge", "a_milliseconds 1", "`seconds`"),
        ("a_ms_total", "counter", "a_ms_total 1", "write it out"),
        ("a_gauge", "gauge", "a_gauge 1", "leave it out"),
        ("a_count", "gauge", "a_count 1", "last word"),
        ("a", "gauge", "b 1", "no type"),
        ("a", "gauge", "a{x=\"A=\\\"B,\",camelCase=\"\"} 1", "label `camelCase`"),
        ("a", "gauge", "a{le=\"1\"} 1", "`le`"),
    ] {
        let found = lint(&format!("# HELP {name} Help.\n# TYPE {name} {kind}\n{sample}\n"));
        assert!(matches!(&found[..], [only] if only.contains(word)), "{sample}: {found:?}");
    }
    assert!(lint("# TYPE a gauge\na 1\n")[0].contains("no help"));
    assert!(lint("# HELP a \n# TYPE a gauge\na 1\n")[0].contains("no help"));
}

/// The label value of the one sample in a text, unescaped.
fn parse_label_value(text: &str) -> (String, usize) {
    let sample = text.lines().last().unwrap();
    let mut value = String::new();
    let mut chars = sample.strip_prefix("a_total{x=\"").unwrap().chars();
    loop {
        match chars.next().unwrap() {
            '"' => break,
            '\\' => value.push(match chars.next().unwrap() {
                'n' => '\n',
                char @ ('\\' | '"') => char,
                other => panic!("`\\{other}` is no escape"),
            }),
            char => value.push(char),
        }
    }
    assert_eq!(chars.as_str(), "} 0");
    (value, text.matches('\n').count())
}

proptest! {
    #[test]
    fn any_label_value_survives(value in "(?s).*") {
        let registry = Registry::new();
        let _counter = registry.counter("a_total", "A.", &[("x", &value)]);
        prop_assert_eq!(parse_label_value(&text::write(&registry.scrape())), (value, 3));
    }

    #[test]
    fn any_float_reads_back(value in proptest::num::f64::ANY) {
        let mut text = String::new();
        write_float(&mut text, value);
        let back: f64 = text.parse().unwrap();
        prop_assert!(back == value || (back.is_nan() && value.is_nan()), "{}", text);
    }
}
