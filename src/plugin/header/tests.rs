use super::*;
use crate::dns::{RecordType, test_origin};
use crate::plugin::testing::{Bench, Scripted, packet};

/// The flags that the plugin below saw, and those of the reply. Below, AA is set and RD as asked.
fn flags(rules: &str) -> (u16, u16) {
    let seen = Arc::new(std::sync::atomic::AtomicU16::new(0));
    let below = Arc::clone(&seen);
    let bench = Bench::new(&["."]);
    let script = Scripted::new(move |query: &Query<'_>, response: &mut Response| {
        below.store(query.flags().0, std::sync::atomic::Ordering::Relaxed);
        response.set_authoritative();
        Reply::answered()
    });
    let chain = bench.chain(setup, &format!("header {{\n{rules}\n}}"), script);
    let finished = bench.ask(&chain, &packet("web.example.org", RecordType::A, None), test_origin());
    (seen.load(std::sync::atomic::Ordering::Relaxed), finished.response.flags().0 & !Flags::QR)
}

#[test]
fn flags_of_the_response_change() {
    assert_eq!(flags("response set ra"), (Flags::RD, Flags::AA | Flags::RA | Flags::RD));
    assert_eq!(flags("response clear aa RD"), (Flags::RD, 0));
}

#[test]
fn flags_of_the_query_change_below_and_in_what_the_reply_repeats() {
    assert_eq!(flags("query clear rd"), (0, Flags::AA));
    assert_eq!(flags("query set aa"), (Flags::RD | Flags::AA, Flags::AA | Flags::RD));
}

#[test]
fn of_two_rules_for_a_flag_the_last_counts() {
    assert_eq!(flags("response set ra\nresponse clear ra aa\nresponse set aa").1, Flags::AA | Flags::RD);
}

#[test]
fn the_directive_is_checked() {
    let bench = Bench::new(&["."]);
    for (text, expected) in [
        ("header", "`header` has no rule"),
        ("header {\n}", "`header` has no rule"),
        ("header x {\nquery set rd\n}", "`header` takes no arguments, not 1"),
        ("header {\nanswer set rd\n}", "unknown property `answer` of `header`"),
        ("header {\nquery set\n}", "`query` takes at least 2 arguments, not 1"),
        ("header {\nquery flip rd\n}", "unexpected `flip`"),
        ("header {\nquery set tc\n}", "unexpected `tc`"),
        ("header {\nquery set rd\n}\nheader {\nquery set rd\n}", "`header` is given twice"),
    ] {
        let refusal = bench.refusal(setup, text);
        assert!(refusal.starts_with(expected), "{text}: {refusal}");
    }
}
