//! What a Corefile may say.

use super::*;

#[test]
fn rules_that_are_taken() {
    let bench = Bench::new(&["."]);
    for rule in [
        "name a.com b.com",
        "name regex srv1.coredns.rocks 10",
        "name regex (.*).coredns.rocks {1}.coredns.rocks",
        "name regex .* {0}",
        "name suffix a b answer auto",
        "name suffix a b answer name auto",
        "name exact a b answer name x y value x y answer value (x) {1}",
        "name substring a b answer value x y name x y",
        "STOP NAME a b",
        "type any a",
        "type TYPE1234 HTTPS",
        "class ch in",
        "ttl a 1-2",
        "ttl suffix a -2",
        "rcode a 23 BADVERS",
        "rcode a NOTIMPL BADSIG",
        "cname a b",
        "cname regex (.*)\\.a\\. {1}.b.",
        "edns0 local set 65518 abcdefg",
        "edns0 LOCAL Set 0xffee {server_port} revert",
        "edns0 local set 0b11 0x",
        "edns0 local append 0 revert revert",
        "edns0 nsid replace revert",
        "edns0 subnet append 24 56 revert",
        "edns0 subnet set 030 0o70",
        "edns0 subnet unset",
    ] {
        if let Err(error) = bench.set_up(setup, &format!("rewrite {rule}")) {
            panic!("{rule}: {error:?}");
        }
    }
}

#[test]
fn rules_that_are_refused() {
    let bench = Bench::new(&["."]);
    let long = "a".repeat(10_001);
    for (rule, expected) in [
        (
            "",
            "a rule of `rewrite` ends too early | something is missing behind this | write `rewrite [continue|stop] name|",
        ),
        ("stop", "a rule of `rewrite` ends too early"),
        ("foo", "unexpected `foo` | it is one of `name`"),
        ("nmae a b", "unexpected `nmae` | did you mean `name`?"),
        ("unknown-action name a b", "unexpected `unknown-action`"),
        ("name", "a rule of `rewrite` ends too early"),
        ("name a.com", "a rule of `rewrite` ends too early"),
        ("name a.com b.com c.com", "unexpected `a.com`"),
        ("name sufix a b", "unexpected `sufix` | did you mean `suffix`?"),
        ("name a b answer auto", "a name rule with `answer` says how it matches | write `exact`"),
        ("name a..b c", "`a..b` is not a domain name"),
        ("name a example..org.", "`example..org.` is not a domain name"),
        ("name substring a.com b.com c.com", "unexpected `c.com` | write `answer`"),
        (
            "name regex ([a]\\.com new",
            "`([a]\\.com` is not a regular expression | unclosed group | the syntax is RE2's",
        ),
        (&format!("name regex {long} x"), "`aaaa"),
        ("name regex (.*).coredns.rocks {1}.{2}", "there is no group `{2}` | `{0}` is the whole match"),
        ("name regex x {1}", "there is no group `{1}`"),
        ("name regex (.*) {kubernetes/ns}.x metadata", "labels of `metadata` are not built yet"),
        ("name suffix a b answer", "a rule of `rewrite` ends too early"),
        ("name suffix a b answer name", "a rule of `rewrite` ends too early"),
        ("name suffix a b answer name x", "a rule of `rewrite` ends too early"),
        ("name suffix a b answer other", "unexpected `other` | it is one of `auto`, `name` and `value`"),
        ("name suffix a b answer ttl x y", "unexpected `ttl`"),
        ("name suffix a b name x y", "unexpected `name` | write `answer`"),
        ("name regex a b answer name (a) {2}", "there is no group `{2}`"),
        ("name regex a b answer name [bad[ c", "`[bad[` is not a regular expression"),
        ("name suffix a b answer auto name x y", "`answer auto` and `answer name` are in one rule"),
        ("stop {\nanswer name bar foo\nname regex foo bar\n}", "a rule does not begin with `answer`"),
        (
            "stop {\nname regex foo bar\nanswer name bar foo\nname baz\n}",
            "a rule of `rewrite` ends too early",
        ),
        ("stop name {\na b\n}", "`rewrite` takes no block"),
        ("stop {\nname a b {\n}\n}", "`name` takes no block"),
        ("type", "a rule of `rewrite` ends too early"),
        ("type a", "a rule of `rewrite` ends too early"),
        ("type any a a", "a rule of `rewrite` has too many words"),
        ("type XY A", "`XY` is not a record type"),
        ("type A TYPE0", "`TYPE0` is not a record type"),
        ("class IN", "a rule of `rewrite` ends too early"),
        ("class ch in in", "a rule of `rewrite` has too many words"),
        ("class XY IN", "unexpected `XY`"),
        ("ttl a", "a rule of `rewrite` ends too early"),
        ("ttl a b", "`b` is not a TTL or a range of TTLs | write `SECONDS`, `MIN-MAX`, `MIN-` or `-MAX`"),
        ("ttl a -", "`-` is not a TTL"),
        ("ttl a 2-1", "`2-1` is not a TTL"),
        ("ttl a 5-10-20", "`5-10-20` is not a TTL"),
        ("ttl a 2147483648", "`2147483648` is not a TTL"),
        ("ttl some a 5", "unexpected `some`"),
        ("ttl exact a 5 6", "a rule of `rewrite` has too many words"),
        ("ttl regex ( 5", "`(` is not a regular expression"),
        ("rcode a 2", "a rule of `rewrite` ends too early"),
        (
            "rcode a 2 24",
            "`24` is not a response code | write a name, as `NXDOMAIN`, or a number from 0 to 23",
        ),
        ("rcode a nope 0", "`nope` is not a response code"),
        ("rcode some a 0 2", "unexpected `some`"),
        ("rcode exact a 0 2 3", "a rule of `rewrite` has too many words"),
        ("cname a", "a rule of `rewrite` ends too early"),
        ("cname some a b", "unexpected `some`"),
        ("cname suffix \"\" b", "`` is empty"),
        ("cname regex (.*) {2}", "there is no group `{2}`"),
        ("cname regex [ b", "`[` is not a regular expression"),
        ("edns0", "a rule of `rewrite` ends too early"),
        ("edns0 unknown set", "unexpected `unknown`"),
        ("edns0 local foo 0xffee abc", "unexpected `foo`"),
        ("edns0 local set", "a rule of `rewrite` ends too early"),
        ("edns0 local set 0xffee", "a rule of `rewrite` ends too early"),
        ("edns0 local set 0xffee revert", "a rule of `rewrite` ends too early"),
        (
            "edns0 local set word abc",
            "`word` is not a number from 0 to 65535 | write it as `65518` or as `0xffee`",
        ),
        ("edns0 local set 65536 abc", "`65536` is not a number"),
        ("edns0 local set 0x+1 abc", "`0x+1` is not a number"),
        ("edns0 local set 0xffee 0xabc", "`0xabc` is not hexadecimal"),
        ("edns0 local set 0xffee {dummy}", "unexpected `{dummy}`"),
        ("edns0 local set 0xffee {some/label}", "labels of `metadata` are not built yet"),
        ("edns0 local set 0xffee a b", "a rule of `rewrite` has too many words"),
        ("edns0 local unset 0xffee abc", "a rule of `rewrite` has too many words"),
        ("edns0 nsid set junk", "a rule of `rewrite` has too many words"),
        ("edns0 nsid unset revert", "a rule of `rewrite` has too many words"),
        ("edns0 subnet set 33 56", "`33` is not a number from 0 to 32"),
        ("edns0 subnet set 24 129", "`129` is not a number from 0 to 128"),
        ("edns0 subnet set -1 56", "`-1` is not a number"),
        ("edns0 subnet set 24", "a rule of `rewrite` ends too early"),
        ("edns0 subnet unset 24 56", "a rule of `rewrite` has too many words"),
    ] {
        let refusal = bench.refusal(setup, &format!("rewrite {rule}"));
        assert!(refusal.starts_with(expected), "{rule}: {refusal}");
    }
}
