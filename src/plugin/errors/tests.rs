use super::*;
use crate::dns::{FailureKind, RecordType};
use crate::plugin::testing::{Bench, Scripted, answer_a, origin, packet};
use crate::telemetry::log;
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
    let (layer, guard) = log::start(tracing::Level::INFO, shared.clone()).unwrap();
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

#[test]
fn the_directive_is_checked() {
    let bench = Bench::new(&["."]);
    assert_eq!(bench.set_up(setup, "errors\nerrors").unwrap().plugins.len(), 1);
    for (text, refusal) in [
        ("errors stdout", "`errors` takes no arguments, not 1"),
        ("errors {\n consolidate 5m \".*\"\n}", "property `consolidate` of `errors` is not built yet"),
        (
            "errors {\n consolidat 5m\n}",
            "unknown property `consolidat` of `errors` | did you mean `consolidate`?",
        ),
    ] {
        let told = bench.refusal(setup, text);
        assert!(told.starts_with(refusal), "{told}");
    }
}
