use super::*;
use crate::plugin::testing::Bench;

fn read(text: &str) -> Option<(u64, u64)> {
    let reload = Bench::new(&["."]).set_up(setup, text).unwrap().reload;
    reload.map(|reload| (reload.interval.as_secs(), reload.jitter.as_secs()))
}

#[test]
fn interval_and_jitter_have_the_defaults_of_coredns() {
    assert_eq!(read("reload"), Some((30, 15)));
    assert_eq!(read("reload 10s"), Some((10, 5)));
    assert_eq!(read("reload 10s 2s"), Some((10, 2)));
    assert_eq!(read("reload 2s 0s"), Some((2, 0)));
}

#[test]
fn the_directive_is_checked() {
    let bench = Bench::new(&["."]);
    for (text, refusal) in [
        ("reload 1s", "interval `1s` is too short | it is 2s or more"),
        ("reload 10s 500ms", "jitter `500ms` is too short | it is 1s or more"),
        ("reload 10", "`10` is not a duration"),
        ("reload off", "`off` is not a duration"),
        ("reload off 1s", "`off` is not a duration"),
        ("reload 1m 1s 1s", "`reload` takes at most 2 arguments, not 3"),
        ("reload {\n}", "`reload` takes no block"),
        ("reload\nreload", "`reload` is given twice"),
    ] {
        let told = bench.refusal(setup, text);
        assert!(told.starts_with(refusal), "{told}");
    }
}

proptest::proptest! {
    #[test]
    fn the_next_look_is_within_half_the_jitter(interval_s in 2_u64..100_000, jitter_s in 0_u64..50_000, random: u64) {
        let reload = Reload {
            interval: Duration::from_secs(interval_s),
            jitter: Duration::from_secs(jitter_s.min(interval_s / 2)),
        };
        let next = next_look(reload, random);
        proptest::prop_assert!(next >= reload.interval - reload.jitter / 2);
        proptest::prop_assert!(next <= reload.interval + reload.jitter / 2);
    }
}

#[test]
fn looks_differ_by_the_random_number() {
    let reload = Reload { interval: Duration::from_secs(30), jitter: Duration::from_secs(15) };
    assert_eq!(next_look(reload, 0), Duration::from_millis(22_500));
    assert_eq!(next_look(reload, 7_500_000_000), Duration::from_secs(30));
}
