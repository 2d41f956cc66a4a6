use std::time::Duration;

use super::*;
use crate::corefile::{Diagnostic, HostPort, Token, zones};

/// The words of one directive.
fn directive(line: &str) -> Directive {
    good(&format!(". {{\n{line}\n}}")).blocks.remove(0).directives.remove(0)
}

fn word(text: &str) -> Token {
    directive(&format!("x \"{text}\"")).args.remove(0)
}

fn message<T: std::fmt::Debug>(result: Result<T, Diagnostic>) -> String {
    let diagnostic = result.unwrap_err();
    assert!(diagnostic.span.is_some(), "{diagnostic:?}");
    [Some(diagnostic.message), diagnostic.label, diagnostic.help]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" | ")
}

#[test]
fn arity() {
    let three = directive("x a b c");
    let [a, _, c] = three.exactly("x A B C").unwrap();
    assert_eq!((a.text.as_str(), c.text.as_str()), ("a", "c"));
    assert_eq!(three.at_least(3, "").unwrap().len(), 3);
    assert_eq!(three.at_most(3, "").unwrap().len(), 3);
    assert_eq!(message(three.exactly::<1>("x A")), "`x` takes 1 argument, not 3 | too many | write `x A`");
    assert_eq!(message(three.exactly::<0>("x")), "`x` takes no arguments, not 3 | too many | write `x`");
    assert_eq!(
        message(three.at_least(4, "x A B C D…")),
        "`x` takes at least 4 arguments, not 3 | too few | write `x A B C D…`"
    );
    assert_eq!(
        message(three.at_most(2, "x [A [B]]")),
        "`x` takes at most 2 arguments, not 3 | too many | write `x [A [B]]`"
    );
    assert_eq!(
        message(three.between(1, 2, "x A [B]")),
        "`x` takes from 1 to 2 arguments, not 3 | too many | write `x A [B]`"
    );
}

#[test]
fn blocks_and_properties() {
    assert!(directive("x").no_block().is_ok());
    assert_eq!(
        message(directive("x {\n}").no_block()),
        "`x` takes no block | leave the braces and what is between them out"
    );
    let health = directive("health {\n lameduk 5s\n}");
    let property = &health.properties()[0];
    let told = |known: &[&str]| message::<()>(Err(property.unknown_property("health", known)));
    assert_eq!(told(&["lameduck"]), "unknown property `lameduk` of `health` | did you mean `lameduck`?");
    assert_eq!(told(&["a", "b"]), "unknown property `lameduk` of `health` | it is one of `a` and `b`");
    assert_eq!(told(&["one"]), "unknown property `lameduk` of `health` | write `one`");
    assert_eq!(told(&[]), "unknown property `lameduk` of `health` | `health` has no properties");
    assert_eq!(message::<()>(Err(health.repeated(&health))), "`health` is given twice | keep one of them");
}

#[test]
fn integers_and_floats_stay_in_their_range() {
    assert_eq!(word("30").integer(0..=3600u32).unwrap(), 30);
    assert_eq!(word("-1").integer(-1..=5i64).unwrap(), -1);
    for text in ["3601", "-1", "x", "", "1.5", "99999999999999999999"] {
        assert_eq!(
            message(word(text).integer(0..=3600u32)),
            format!("`{text}` is not a whole number from 0 to 3600 | write a number within that range")
        );
    }
    assert!((word("0.5").float(0.0..=1.0).unwrap() - 0.5).abs() < f64::EPSILON);
    for text in ["1.5", "nan", "inf", "", "x"] {
        let told = message(word(text).float(0.0..=1.0));
        assert_eq!(told, format!("`{text}` is not a number from 0 to 1 | write a number within that range"));
    }
    assert!(word("inf").float(f64::NEG_INFINITY..=f64::INFINITY).is_err());
}

#[test]
fn durations() {
    assert_eq!(word("1m30s").duration().unwrap(), Duration::from_secs(90));
    assert_eq!(word("0").duration().unwrap(), Duration::ZERO);
    assert_eq!(
        message(word("5").duration()),
        "`5` is not a duration | the unit is missing | write the unit, as in `5s`"
    );
    assert_eq!(
        message(word("-5s").duration()),
        "`-5s` is not a duration | it is negative | a duration is written `5s`, `1m30s`, `500ms` or `1h`"
    );
    let range = Duration::from_secs(1)..=Duration::from_secs(86400);
    assert_eq!(word("1h").duration_in(range.clone()).unwrap(), Duration::from_secs(3600));
    assert_eq!(
        message(word("10ms").duration_in(range)),
        "duration `10ms` is out of range | it is from 1s to 86400s here"
    );
}

#[test]
fn zone_lists() {
    let list = directive("kubernetes Cluster.local in-addr.arpa 10.0.0.0/15 .");
    let names: Vec<String> = zones(&list.args).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["cluster.local.", "in-addr.arpa.", "0.10.in-addr.arpa.", "1.10.in-addr.arpa.", "."]);
    assert!(
        message(zones(&directive("x a..b").args))
            .starts_with("`a..b` is not a zone | a name has no empty labels")
    );
    assert!(message(word("10.0.0.0/40").zones()).contains("this prefix length is none"));
    assert!(message(word("2001:db8::1").zones()).contains("an address is no zone"));
    assert!(message(word("").zones()).starts_with("`` is not a zone"));
    assert_eq!(word("Foo.org").name().unwrap().to_string(), "foo.org.");
    assert!(message(word("a..b").name()).starts_with("`a..b` is not a domain name"));
}

#[test]
fn addresses_and_networks() {
    assert_eq!(word("2001:db8::1").ip().unwrap().to_string(), "2001:db8::1");
    assert!(message(word("192.0.2.256").ip()).starts_with("`192.0.2.256` is not an IP address"));
    assert_eq!(word("10.0.0.0/8").cidr().unwrap().to_string(), "10.0.0.0/8");
    assert_eq!(word("10.0.0.1").cidr().unwrap().to_string(), "10.0.0.1/32");
    assert!(message(word("10.0.0.0/33").cidr()).starts_with("`10.0.0.0/33` is not a CIDR"));
    for (text, expected) in [
        ("192.0.2.1:5353", "192.0.2.1:5353"),
        ("192.0.2.1", "192.0.2.1:53"),
        ("2001:db8::1", "[2001:db8::1]:53"),
        ("[2001:db8::1]", "[2001:db8::1]:53"),
        ("[2001:db8::1]:54", "[2001:db8::1]:54"),
    ] {
        assert_eq!(word(text).socket_addr(Some(53)).unwrap().to_string(), expected);
    }
    assert!(message(word("192.0.2.1").socket_addr(None)).contains("write the port after it"));
    assert!(
        message(word("192.0.2.1:70000").socket_addr(Some(53)))
            .starts_with("`192.0.2.1:70000` is not an address")
    );
}

#[test]
fn addresses_to_listen_on() {
    let host = |text: &str| word(text).listen_address().unwrap();
    assert_eq!(host(":8080"), HostPort { host: None, port: 8080 });
    assert_eq!(std::net::SocketAddr::from(host(":8080")).to_string(), "[::]:8080");
    assert_eq!(std::net::SocketAddr::from(host("localhost:9153")).to_string(), "127.0.0.1:9153");
    assert_eq!(std::net::SocketAddr::from(host("[::1]:0")).to_string(), "[::1]:0");
    for text in ["8080", "", ":", ":x", ":70000", "example.org:80", "127.0.0.1"] {
        assert!(
            message(word(text).listen_address())
                .starts_with(&format!("`{text}` is not an address to listen on"))
        );
    }
}

#[test]
fn one_of_a_few_words() {
    let policies = [("random", 1), ("round_robin", 2), ("sequential", 3)];
    assert_eq!(word("round_robin").one_of(&policies).unwrap(), 2);
    assert_eq!(
        message(word("round-robin").one_of(&policies)),
        "unexpected `round-robin` | did you mean `round_robin`?"
    );
    assert_eq!(
        message(word("x").one_of(&policies)),
        "unexpected `x` | it is one of `random`, `round_robin` and `sequential`"
    );
}

#[test]
fn words_in_messages_stay_short_and_on_one_line() {
    let diagnostic = word(&format!("a\nb{}", "x".repeat(200))).ip().unwrap_err();
    assert_eq!(diagnostic.message, format!("`a\\nb{}…` is not an IP address", "x".repeat(57)));
}
