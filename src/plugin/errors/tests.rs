use super::*;
use crate::dns::{FailureKind, RecordType};
use crate::plugin::testing::{Bench, Scripted, answer_a, name, origin, packet};
use crate::plugin::{Block, Chain, Router};
use crate::telemetry::{log, panics};
use std::io;
use std::sync::Mutex;
use tracing_subscriber::layer::SubscriberExt;

/// What is logged while `work` runs.
pub(crate) fn logged(work: impl FnOnce()) -> String {
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let shared = Shared::default();
    let (layer, guard) = log::start(tracing::Level::INFO, log::LogFormat::Text, shared.clone()).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    drop(guard);
    let bytes = shared.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_failure_with_a_detail_is_logged() {
    let bench = Bench::new(&["."]);
    let detail = "192.0.2.53:53 timed out\nafter 2s";
    let failing = move |_: &Query<'_>, _: &mut Response| {
        Reply::failed(Failure::with_detail(FailureKind::UpstreamUnreachable, detail))
    };
    let chain = bench.chain(setup, "errors", Scripted::new(failing));
    let lines = logged(|| {
        let finished = bench.ask(&chain, &packet("Example.org", RecordType::AAAA, None), origin());
        assert!(matches!(finished.outcome, Outcome::Failed(_)), "the failure is passed on");
    });
    assert_eq!(lines, "[ERROR] plugin/errors: 2 example.org. AAAA: 192.0.2.53:53 timed out\\nafter 2s\n");
}

#[test]
fn answers_and_failures_without_a_detail_are_not() {
    let bench = Bench::new(&["."]);
    let answering = bench.chain(setup, "errors", Scripted::new(answer_a));
    let unhandled = |_: &Query<'_>, _: &mut Response| Reply::failed(Failure::new(FailureKind::Unhandled));
    let failing = bench.chain(setup, "errors", Scripted::new(unhandled));
    let lines = logged(|| {
        for chain in [&answering, &failing] {
            bench.ask(chain, &packet("example.org", RecordType::A, None), origin());
        }
    });
    assert_eq!(lines, "");
}

/// What is logged of these errors, one query each, and then of the end of the server block.
fn consolidated(options: &str, errors: &'static [&'static str]) -> String {
    let bench = Bench::new(&["."]);
    let next = std::sync::atomic::AtomicUsize::new(0);
    let failing = move |_: &Query<'_>, _: &mut Response| {
        let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Reply::failed(Failure::with_detail(FailureKind::UpstreamUnreachable, errors[at]))
    };
    logged(|| {
        let chain = bench.chain(setup, &format!("errors {{\n{options}\n}}"), Scripted::new(failing));
        for _ in errors {
            bench.ask(&chain, &packet("a.test", RecordType::A, None), origin());
            // Periods of no length end here, also on a busy machine, and all others long after.
            if options.contains(" 0s ") {
                let pause = std::time::Duration::from_millis(500);
                bench.runtime.block_on(async { tokio::time::sleep(pause).await });
            }
        }
    })
}

#[test]
fn errors_like_a_pattern_are_told_with_their_number() {
    let told = consolidated("consolidate 30s \".* timed out$\"", &["x timed out", "other", "y timed out"]);
    assert_eq!(
        told,
        "[ERROR] plugin/errors: 2 a.test. A: other\n\
         [ERROR] plugin/errors: 2 errors like '.* timed out$' occurred in last 30s\n"
    );
}

#[test]
fn the_first_of_a_kind_is_told_at_once_where_asked_for() {
    let options = "consolidate 1m ^x warning show_first\nconsolidate 2m y info";
    assert_eq!(
        consolidated(options, &["x1", "x2", "xy", "y"]),
        "[WARNING] plugin/errors: 2 a.test. A: x1\n\
         [WARNING] plugin/errors: 3 errors like '^x' occurred in last 1m0s\n\
         [INFO] plugin/errors: 1 errors like 'y' occurred in last 2m0s\n"
    );
    assert_eq!(consolidated(options, &["x1"]), "[WARNING] plugin/errors: 2 a.test. A: x1\n");
}

#[test]
fn a_period_that_ends_is_told_and_the_next_one_begins() {
    let told = consolidated("consolidate 0s .", &["a", "b"]);
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(told.lines().all(|line| line.ends_with("1 errors like '.' occurred in last 0s")), "{told}");
}

#[test]
fn a_panic_is_told_with_its_place_and_where_asked_for_with_the_calls() {
    panics::install();
    let panicking = |_: &Query<'_>, _: &mut Response| -> Reply { panic!("on purpose") };
    let chain = Chain::new(vec![Arc::new(Scripted::new(panicking))]);
    let router = Router::new(vec![Block { zone: name("."), chain }], false, None);
    let packet = packet("a.test", RecordType::A, None);
    // No other test of this binary says whether stacks are taken.
    let told = |stacks: bool| {
        panics::take_stacks(stacks);
        let lines = logged(|| {
            let query = Query::parse(&packet, origin()).unwrap();
            let reply = router.serve(&query, &mut Response::new());
            assert!(matches!(reply, Reply::Done(Outcome::Failed(_))));
        });
        panics::take_stacks(false);
        lines
    };
    let place =
        "[ERROR] Recovered from panic in server: a.test. A: on purpose, at src/plugin/errors/tests.rs:";
    let with = told(true);
    assert!(with.starts_with(place) && with.lines().count() > 5, "{with}");
    assert!(with.lines().all(|line| line.starts_with("[ERROR] ")), "{with}");
    let without = told(false);
    assert!(without.starts_with(place) && without.lines().count() == 1, "{without}");
}

#[test]
fn the_directive_is_checked() {
    let bench = Bench::new(&["."]);
    assert_eq!(bench.set_up(setup, "errors stdout").unwrap().plugins.len(), 1);
    assert!(!bench.set_up(setup, "errors").unwrap().stacktrace);
    assert!(bench.set_up(setup, "errors {\n stacktrace\n}").unwrap().stacktrace);
    for (text, refusal) in [
        ("errors stderr", "`stderr` is not a log file"),
        ("errors\nerrors", "`errors` is given twice"),
        ("errors {\n stacktrace yes\n}", "`stacktrace` takes no arguments, not 1"),
        ("errors {\n stacktrace\n stacktrace\n}", "`stacktrace` is given twice"),
        ("errors {\n consolidate 5m x {\n}\n}", "`consolidate` takes no block"),
        ("errors {\n consolidate 5m\n}", "`consolidate` takes from 2 to 4 arguments, not 1"),
        ("errors {\n consolidate 5 x\n}", "`5` is not"),
        ("errors {\n consolidate 5m a(b\n}", "`a(b` is not a regular expression | unclosed group"),
        ("errors {\n consolidate 5m x fatal\n}", "unexpected `fatal`"),
        ("errors {\n consolidate 5m x info error\n}", "the level stands in the wrong place"),
        ("errors {\n consolidate 5m x show_first error\n}", "the level stands in the wrong place"),
        (
            "errors {\n consolidat 5m\n}",
            "unknown property `consolidat` of `errors` | did you mean `consolidate`?",
        ),
    ] {
        let told = bench.refusal(setup, text);
        assert!(told.starts_with(refusal), "{told}");
    }
}
