use std::sync::atomic::Ordering::Relaxed;

use arc_swap::ArcSwap;
use hickory_proto::op::Message;

use super::*;
use crate::dns::{Class, RecordType, Section};
use crate::plugin::testing::{Bench, Scripted, answer_a, name, origin, packet};
use crate::plugin::{Block, Outcome, Router};

/// The reply in short: RCODE, AA, and the records of each section; `failed KIND` when nobody wrote.
fn ask(bench: &Bench, text: &str, question: &[u8]) -> String {
    let chain = bench.chain(setup, text, Scripted::new(answer_a));
    show(bench.ask(&chain, question, origin()))
}

fn show(finished: crate::plugin::Finished) -> String {
    let mut response = finished.response;
    if let Outcome::Failed(failure) = &finished.outcome {
        return format!("failed {:?} {}", failure.kind(), failure.detail().unwrap_or("-"));
    }
    let error = response.extended_error().map(|(code, text)| format!(" ede={} {text}", code.0));
    let message = Message::from_vec(response.finish()).unwrap();
    let records = [&message.answers, &message.authorities, &message.additionals]
        .map(|records| records.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    let authoritative = if message.metadata.authoritative { " aa" } else { "" };
    format!(
        "{}{authoritative} [{}]{}",
        message.metadata.response_code.to_str(),
        records.join("] ["),
        error.unwrap_or_default()
    )
}

fn a(text: &str) -> Vec<u8> {
    packet(text, RecordType::A, None)
}

#[test]
fn a_rule_answers_with_its_records() {
    let bench = Bench::new(&["."]);
    let rules = r#"template IN A example {
        match ^(?P<n>[0-9]+)[.]example[.]$
        answer "{{ .Name }} 60 IN A 192.0.2.{{ .Group.n }}"
        authority "example. 60 IN NS ns.example."
        additional "ns.example. 60 IN A 192.0.2.53" "x.example. 60 IN A 192.0.2.54"
    }"#;
    assert_eq!(
        ask(&bench, rules, &a("7.EXAMPLE")),
        "No Error aa [7.example. 60 IN A 192.0.2.7] [example. 60 IN NS ns.example.] \
         [ns.example. 60 IN A 192.0.2.53, x.example. 60 IN A 192.0.2.54]"
    );
    assert_eq!(ask(&bench, rules, &a("x.example")), "failed Unhandled -");
    assert!(ask(&bench, rules, &a("7.other")).contains("192.0.2.1"), "the next plugin answers");
    assert!(ask(&bench, rules, &packet("7.example", RecordType::TXT, None)).contains("192.0.2.1"));
}

#[test]
fn an_owner_in_the_letters_of_the_question_points_to_it() {
    let bench = Bench::new(&["."]);
    let rules = "template IN A {\nanswer \"{{ .Question.Name }} 60 IN A 192.0.2.1\"\n}";
    let chain = bench.chain(setup, rules, Scripted::new(answer_a));
    let response = bench.ask(&chain, &a("aB.example"), origin()).response;
    assert_eq!(response.message().len(), 12 + 12 + 4 + 16);
}

#[test]
fn rcode_and_extended_error_are_said() {
    let bench = Bench::new(&["."]);
    let edns = packet("a.example", RecordType::A, Some((1232, false)));
    let rules = "template ANY ANY {\nrcode NXDOMAIN\nederror 21 \"not here\"\n}";
    assert!(ask(&bench, rules, &edns).ends_with("ede=21 not here"));
    assert_eq!(ask(&bench, rules, &a("a.example")), "Non-Existent Domain aa [] [] []");
    assert_eq!(ask(&bench, "template ANY ANY {\nrcode SERVFAIL\n}", &edns), "failed Configured -");
    let rules = "template ANY ANY {\nrcode SERVFAIL\nederror 9\n}";
    assert!(
        ask(&bench, rules, &edns).starts_with("Server Failure")
            && ask(&bench, rules, &edns).contains("ede=9")
    );
    let rules = "template ANY ANY {\nrcode BADCOOKIE\n}";
    assert_eq!(ask(&bench, rules, &a("a.example")), "failed Configured -", "its number needs an OPT record");
    let chain = bench.chain(setup, rules, Scripted::new(answer_a));
    assert_eq!(bench.ask(&chain, &edns, origin()).response.rcode().0, 23);
}

#[test]
fn what_fails_at_a_query_says_why() {
    let bench = Bench::new(&["."]);
    for (line, expected) in [
        (
            "answer \"{{ index .Match 2 }}\"",
            "failed Plugin template: answer:1:3: executing \"answer\" at <index .Match 2>: error calling index: index out of \
             range: 2",
        ),
        (
            "additional \"{{ .Name }}\"",
            "failed Plugin template: \"a.example.\" is no resource record: the type of the record is missing",
        ),
        (
            "answer \"{{ if false }}x{{ end }}\"",
            "failed Plugin template: \"\" is no resource record: a resource record is missing",
        ),
        ("var x int(name())", "failed Plugin template: var x: `a.example.` is no whole number"),
        ("expr incidr('x', '10.0.0.0/8')", "failed Plugin template: expr: `x` is not an IP address"),
    ] {
        let rules = format!("template IN A {{\n{line}\nfallthrough\n}}");
        assert_eq!(ask(&bench, &rules, &a("a.example")), expected, "{line}");
    }
}

#[test]
fn failures_are_counted_by_section_and_template() {
    let bench = Bench::new(&["."]);
    let rules =
        "template IN A {\nanswer \"{{ if eq .Name `a.` }}{{ index .Match 2 }}{{ else }}x{{ end }}\"\n}";
    let chain = bench.chain(setup, rules, Scripted::new(answer_a));
    for text in ["a", "b", "b"] {
        bench.ask(&chain, &a(text), origin());
    }
    let text = bench.process.metrics.text();
    let labels = "class=\"IN\",section=\"answer\",server=\"dns://:53\",\
                  template=\"{{if eq .Name `a.`}}{{index .Match 2}}{{else}}x{{end}}\",type=\"A\",view=\"\",zone=\".\"";
    for (name, count) in [("template_failures", 1), ("rr_failures", 2)] {
        let line = format!("coredns_template_{name}_total{{{labels}}} {count}");
        assert!(text.lines().any(|held| held == line), "{line}\n{text}");
    }
}

#[test]
fn text_of_a_client_makes_no_record_of_its_own() {
    let bench = Bench::new(&["."]);
    // A label with a line end, quotes, a semicolon and a parenthesis in it.
    let mut question = a("x.example");
    question.splice(12..14, b"\x11\nb. A 1.2.3.4;\"()".iter().copied());
    let rules =
        "template IN A {\nanswer \"{{ .Name }} 60 IN A 192.0.2.1\"\nanswer \"b. 60 IN TXT {{ .Name }}\"\n}";
    let chain = bench.chain(setup, rules, Scripted::new(answer_a));
    let finished = bench.ask(&chain, &question, origin());
    assert!(matches!(finished.outcome, Outcome::Answered));
    assert_eq!(finished.response.count(Section::Answer), 2);
    let records: Vec<_> = finished.response.records().collect();
    assert_eq!(records[0].rtype, RecordType::A);
    assert_eq!(records[1].rtype, RecordType::TXT);
}

/// A server of the rules alone, which lookups come back to.
fn server(bench: &Bench, rules: &str) -> Arc<crate::plugin::Chain> {
    let draft = bench.set_up(setup, rules).unwrap();
    let chain = crate::plugin::Chain::new(draft.plugins);
    let block = Block { zone: name("."), chain: Arc::clone(&chain) };
    let router = Arc::new(ArcSwap::from_pointee(Router::new(vec![block], false, None)));
    bench.process.lookup.set_routers(vec![Some(router)]);
    chain
}

#[test]
fn a_cname_is_followed_through_the_server() {
    let bench = Bench::new(&["."]);
    let rules = r#"template IN ANY one {
        answer "{{ .Name }} 60 IN CNAME a.two."
        answer "{{ .Name }} 60 IN CNAME nobody.three."
        additional "ns.one. 60 IN A 192.0.2.53"
    }
    template IN ANY two {
        answer "a.two. 50 IN A 192.0.2.2"
    }
    template IN ANY loop {
        answer "{{ .Name }} 60 IN CNAME b.{{ .Name }}"
    }"#;
    let chain = server(&bench, rules);
    assert_eq!(
        show(bench.ask(&chain, &a("a.one"), origin())),
        "No Error aa [a.one. 60 IN CNAME a.two., a.two. 50 IN A 192.0.2.2, a.one. 60 IN CNAME nobody.three.] [] \
         [ns.one. 60 IN A 192.0.2.53]"
    );
    let text = packet("a.one", RecordType::TXT, None);
    assert_eq!(
        show(bench.ask(&chain, &text, origin())),
        "No Error aa [a.one. 60 IN CNAME a.two., a.one. 60 IN CNAME nobody.three.] [] [ns.one. 60 IN A 192.0.2.53]",
        "only questions for addresses"
    );
    assert_eq!(show(bench.ask(&chain, &a("a.loop"), origin())), "failed Loop -");
}

#[test]
fn what_leads_to_a_live_answer_is_not_kept() {
    let bench = Bench::new(&["."]);
    let mut draft =
        bench.set_up(setup, "template IN A one {\nanswer \"{{ .Name }} 60 IN CNAME a.two.\"\n}").unwrap();
    draft.plugins.push(Arc::new(Scripted::new(|query: &Query<'_>, response: &mut Response| {
        response.set_uncacheable();
        answer_a(query, response)
    })));
    let chain = crate::plugin::Chain::new(draft.plugins);
    let block = Block { zone: name("."), chain: Arc::clone(&chain) };
    let router = Arc::new(ArcSwap::from_pointee(Router::new(vec![block], false, None)));
    bench.process.lookup.set_routers(vec![Some(router)]);
    let response = bench.ask(&chain, &a("a.one"), origin()).response;
    assert_eq!(response.count(Section::Answer), 2);
    assert!(!response.is_cacheable(), "a name of the cluster behind it is as live as it is");
}

#[test]
fn a_rule_of_another_class_opens_the_block_to_it() {
    let bench = Bench::new(&["."]);
    let any_class = |text: &str| bench.set_up(setup, text).unwrap().any_class;
    assert!(any_class("template CH TXT"));
    assert!(!any_class("template IN TXT"));
    assert!(!any_class("template ANY TXT"), "as in CoreDNS");
    let mut question = packet("a.example", RecordType::TXT, None);
    let class_at = question.len() - 1;
    question[class_at] = Class::CH.0 as u8;
    let rules = "template CH TXT {\nanswer \"{{ .Name }} 60 {{ .Class }} TXT x\"\n}";
    assert!(ask(&bench, rules, &question).contains("CH TXT"), "{}", ask(&bench, rules, &question));
}

#[test]
fn what_is_not_asked_for_costs_nothing() {
    let bench = Bench::new(&["."]);
    let scripted = Scripted::new(answer_a);
    let calls = Arc::clone(&scripted.calls);
    let chain = bench.chain(setup, "template IN AAAA .", scripted);
    bench.ask(&chain, &a("a.example"), origin());
    assert_eq!(calls.load(Relaxed), 1);
    bench.ask(&chain, &packet("a.example", RecordType::AAAA, None), origin());
    assert_eq!(calls.load(Relaxed), 1, "an empty answer");
}

#[test]
fn matches_are_counted_by_zone_class_and_type() {
    let bench = Bench::new(&["."]);
    let chain = bench.chain(setup, "template ANY ANY example sub.example", Scripted::new(answer_a));
    for (text, rtype) in [
        ("a.example", RecordType::A),
        ("a.example", RecordType::A),
        ("sub.example", RecordType(65280)),
        ("x", RecordType::A),
    ] {
        bench.ask(&chain, &packet(text, rtype, None), origin());
    }
    let text = bench.process.metrics.text();
    let mut lines: Vec<&str> =
        text.lines().filter(|line| line.starts_with("coredns_template_matches_total")).collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "coredns_template_matches_total{class=\"IN\",server=\"dns://:53\",type=\"\",view=\"\",zone=\"sub.example.\"} 1",
            "coredns_template_matches_total{class=\"IN\",server=\"dns://:53\",type=\"A\",view=\"\",zone=\"example.\"} 2",
        ]
    );
}

#[test]
fn a_reload_goes_on_counting() {
    let bench = Bench::new(&["."]);
    let rules = "template IN ANY {\nanswer \"{{ .Name }} 60 IN {{ .Type }} x\"\n}";
    let chain = bench.chain(setup, rules, Scripted::new(answer_a));
    let queries = [a("a"), packet("a", RecordType(65280), None)];
    queries.iter().for_each(|query| drop(bench.ask(&chain, query, origin())));
    let reloaded = bench.chain(setup, rules, Scripted::new(answer_a));
    drop(chain);
    let counts = |expected: u32| {
        let text = bench.process.metrics.text();
        let counted = |line: &&str| line.starts_with("coredns_template_");
        let lines: Vec<&str> = text.lines().filter(counted).collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines.iter().all(|line| line.ends_with(&format!(" {expected}"))), "{text}");
    };
    counts(1);
    queries.iter().for_each(|query| drop(bench.ask(&reloaded, query, origin())));
    counts(2);
    // Of a template that is no more nothing is kept.
    let other = bench.chain(setup, "template IN A", Scripted::new(answer_a));
    drop(reloaded);
    assert!(!bench.process.metrics.text().contains("rr_failures"));
    drop(other);
}

#[test]
fn bad_words_are_refused_at_their_place() {
    let bench = Bench::new(&["."]);
    for (lines, expected) in [
        ("match", "`match` takes at least 1 argument, not 0 | too few | write `match REGEX…`"),
        ("answer", "`answer` takes at least 1 argument, not 0 | too few | write `answer RR…`"),
        (
            "answer a.",
            "the type of the record is missing | a record is written as in a zone file, as `a.example. 60 IN A 192.0.2.1`",
        ),
        (
            "answer \"a. A 192.0.2.1\nb. A 192.0.2.2\"",
            "only the first record of an `answer` counts | write the next one as an \
            `answer` of its own",
        ),
        ("rcode nxdomain", "unexpected `nxdomain` | did you mean `NXDOMAIN`?"),
        ("ederror 65536", "`65536` is not a whole number from 0 to 65535 | write a number within that range"),
        (
            "ederror 1 a b",
            "`ederror` takes from 1 to 2 arguments, not 3 | too many | write `ederror CODE [TEXT]`",
        ),
        ("ederror 1\nederror 2", "`ederror` is given twice | keep one of them"),
        ("fallthrough\nfallthrough", "`fallthrough` is given twice | keep one of them"),
        (
            "fallthrough a..b",
            "`a..b` is not a zone | a name has no empty labels | a zone is a domain name (`example.org`), the \
            root (`.`), or a CIDR (`10.0.0.0/24`)",
        ),
        ("var x", "`var` takes at least 2 arguments, not 1 | too few | write `var NAME EXPRESSION`"),
        ("var 1a 1", "`1a` is not a name of a variable | it is made of letters, digits and `_`"),
        (
            "var len 1",
            "the name `len` is reserved | a function or a word of the language | take another name",
        ),
        ("var a 1\nvar a 2", "the variable `a` is defined twice | take another name"),
        ("expr", "`expr` takes at least 1 argument, not 0 | too few | write `expr EXPRESSION`"),
        (
            "rcode SERVFAIL\nanswer \"a. A 192.0.2.1\"",
            "records have no effect with `rcode SERVFAIL` | leave them out; a reply \
            that says SERVFAIL has no records",
        ),
        ("anwser x", "unknown property `anwser` of `template` | did you mean `answer`?"),
        ("answer x {\n}", "`answer` takes no block | leave the braces and what is between them out"),
    ] {
        let text = format!("template IN A {{\n{lines}\n}}");
        assert_eq!(bench.refusal(setup, &text), expected, "{lines}");
    }
    for (text, expected) in [
        (
            "template",
            "`template` takes at least 2 arguments, not 0 | too few | write `template CLASS TYPE [ZONES…]`",
        ),
        ("template in A", "`in` is not a class | did you mean `IN`?"),
        ("template IN a", "`a` is not a record type | write it in capitals: `A`"),
        (
            "template IN NOPE",
            "`NOPE` is not a record type | it is a mnemonic such as `AAAA`, `TYPE65280`, or `ANY` for all",
        ),
    ] {
        assert_eq!(bench.refusal(setup, text), expected, "{text}");
    }
    let refusal = bench.refusal(setup, "template IN A {\nmatch (\n}");
    assert!(refusal.starts_with("`(` is not a regular expression | unclosed group"), "{refusal}");
    let long = format!("template IN A {{\nmatch {}\n}}", "a".repeat(10_001));
    assert!(bench.refusal(setup, &long).starts_with("this regular expression is too long"));
}

#[test]
fn a_mistake_is_shown_where_it_was_typed() {
    for (lines, typed) in [
        ("answer \"{{ .Name }} \\\"x\\\" {{ nope }}\"", "nope"),
        ("answer {{nope}}", "nope"),
        ("answer \"a.example. 60 IN A 192.0.2\"", "192.0.2"),
        ("expr name() == 'a' && nope()", "nope()"),
        ("expr \"name()   ==  nope\"", "nope"),
        ("var x 'a'   +    1", "'a'   +    1"),
        ("answer \"\"", "\"\""),
    ] {
        let text = format!(". {{\ntemplate IN A {{\n{lines}\n}}\n}}");
        let corefile =
            crate::corefile::parse("Corefile", &text, &crate::corefile::Memory::default()).unwrap();
        let bench = Bench::new(&["."]);
        let inner = format!("template IN A {{\n{lines}\n}}");
        let Err(diagnostic) = bench.set_up(setup, &inner) else { panic!("`{lines}` was accepted") };
        assert_eq!(corefile.sources.typed(diagnostic.span.unwrap()), typed, "{lines}");
    }
}

#[test]
fn types_and_zones_may_be_named_in_all_ways() {
    let bench = Bench::new(&["example.org."]);
    let accepted = |text: &str| bench.set_up(setup, text).map(drop).map_err(|error| error.message);
    for text in [
        "template ANY ANY",
        "template HS TYPE65280 10.0.0.0/24 example.net",
        "template IN A\ntemplate IN AAAA",
        "template IN A {\nupstream\n}",
        "template IN A {\nanswer \"a. A 192.0.2.1 ; a comment\"\n}",
        "template IN A {\nanswer \"{{/* gone */}}a. A 192.0.2.1\"\n}",
    ] {
        assert_eq!(accepted(text), Ok(()), "{text}");
    }
    let rules = "template IN A {\nrcode REFUSED\n}";
    assert!(ask(&bench, rules, &a("a.example.org")).starts_with("Query Refused"), "the zone of the block");
    assert!(ask(&bench, rules, &a("a.example.net")).starts_with("No Error"));
}
