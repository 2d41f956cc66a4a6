use super::*;
use crate::corefile::Scheme;

/// Each text has this structure and draws no warning.
fn shapes(table: &[(&str, &str)]) {
    for (text, expected) in table {
        let corefile = good(text);
        assert_eq!(shape(&corefile), *expected, "{text:?}");
        assert_eq!(corefile.warnings, [], "{text:?}");
    }
}

/// Each text draws this one error or warning.
fn refused(table: &[(&str, &str)]) {
    for (text, message) in table {
        assert_eq!(messages(text), [*message], "{text:?}");
    }
}

#[test]
fn an_empty_file_has_no_blocks() {
    shapes(&[("", ""), ("\n\n", ""), ("# nothing\n", ""), ("\u{feff}", ""), ("(unused) {\n log\n}\n", "")]);
}

#[test]
fn words_are_separated_by_white_space() {
    shapes(&[(".:53 {\n\tforward  . \u{a0}1.1.1.1\t\n}", "|[.:53]{[forward,.,1.1.1.1]}")]);
}

#[test]
fn carriage_returns_and_a_byte_order_mark_are_dropped() {
    shapes(&[("\u{feff}. {\r\n  lo\rg\r\n}\r\n", "|[.]{[log]}")]);
}

#[test]
fn a_hash_starts_a_comment_even_within_a_word() {
    shapes(&[
        ("# a\n. { # b\n log#c d e\n # }\n errors # f {\n}#g\n", "|[.]{[log][errors]}"),
        (". {\n log \"#no comment\" # one\n}", "|[.]{[log,#no comment]}"),
    ]);
}

#[test]
fn quotes_hold_blanks_line_ends_braces_and_nothing() {
    shapes(&[
        (". {\n log \"a b\"\n}", "|[.]{[log,a b]}"),
        (". {\n log \"a\nb\" c\n errors\n}", "|[.]{[log,a\nb,c][errors]}"),
        (". {\n log \"{\" \"}\" \"\"\n}", "|[.]{[log,{,},]}"),
        (". {\n \"log\" \"import\"\n}", "|[.]{[log,import]}"),
    ]);
}

#[test]
fn within_quotes_only_the_quote_is_escaped() {
    shapes(&[(
        r#". {
 log "a\"b" "c\d" "e\\" "\n"
}"#,
        r#"|[.]{[log,a"b,c\d,e\\,\n]}"#,
    )]);
}

#[test]
fn a_quote_within_a_word_is_itself_and_a_closed_quote_ends_the_word() {
    shapes(&[(". {\n log a\"b \"c\"d\n}", "|[.]{[log,a\"b,c,d]}")]);
}

#[test]
fn a_block_has_keys_up_to_the_brace() {
    shapes(&[
        (". {\n}", "|[.]{}"),
        ("a.org b.org:53 {\n log\n}\nc.org {\n}\n", "|[a.org][b.org:53]{[log]}|[c.org]{}"),
        ("a.org\n{\n log\n}", "|[a.org]{[log]}"),
    ]);
}

#[test]
fn a_trailing_comma_lets_the_key_list_go_on_on_the_next_line() {
    shapes(&[
        ("a.org, b.org,\n\n# more\nc.org {\n log\n}", "|[a.org][b.org][c.org]{[log]}"),
        ("a.org , b.org {\n}", "|[a.org][b.org]{}"),
        ("\"a.org,\" b.org {\n}", "|[a.org][b.org]{}"),
    ]);
    refused(&[
        ("a.org, {\n}", "a key is missing after the comma"),
        ("a.org,\n", "the file ends where another key is due"),
    ]);
}

#[test]
fn a_single_block_may_omit_the_braces() {
    shapes(&[
        (".:53\nlog\ncache 30 {\n success 5\n}\n", "|[.:53]{[log][cache,30]{[success,5]}}"),
        (".", "|[.]{}"),
        ("a.org b.org", "|[a.org][b.org]{}"),
        ("(s) {\n log\n}\n.\nimport s\n", "|[.]{[log]}"),
    ]);
    refused(&[
        ("a.org {\n}\nb.org\nlog\n", "a server block without braces, though it is not the only one"),
        (
            "a.org {\n}\nb.org\nlog\n}\nc.org {\n}",
            "a server block without braces, though it is not the only one",
        ),
        ("a.org\nlog\n}\nb.org {\n}", "`}` closes nothing"),
        ("a.org\nlog\nb.org:53 {\n log\n}", "`b.org:53` begins a second server block"),
    ]);
}

#[test]
fn a_directive_has_arguments_and_perhaps_a_block_with_properties_and_blocks() {
    shapes(&[(
        ". {\n health :8080 {\n  lameduck 5s\n }\n rewrite {\n  a {\n   b c\n  }\n }\n hosts {\n  10.0.0.1 a b\n }\n log {\n }\n}",
        "|[.]{[health,:8080]{[lameduck,5s]}[rewrite]{[a]{[b,c]}}[hosts]{[10.0.0.1,a,b]}[log]{}}",
    )]);
}

#[test]
fn one_directive_may_stand_several_times() {
    shapes(&[(". {\n forward a\n log\n forward b\n}", "|[.]{[forward,a][log][forward,b]}")]);
}

#[test]
fn braces_stand_where_lines_end_and_begin() {
    refused(&[
        (". { log\n}", "`log` after `{` on the same line"),
        (". {\n health { lameduck 5s\n }\n}", "`lameduck` after `{` on the same line"),
        (". {\n health { lameduck 5s }\n log\n}", "a block on one line"),
        (". {\n health\n {\n  lameduck 5s\n }\n log\n}", "`{` at the start of a line"),
        (". {\n log }\n", "`}` at the end of a line"),
        (". {\n log\n} a.org {\n}", "`a.org` after a brace that stands alone"),
        (".{\n log\n}", "no blank before the `{` of `.{`"),
        (". {\n health{\n  lameduck 5s\n }\n}", "no blank before the `{` of `health{`"),
        ("}\n", "`}` closes nothing"),
        (". {\n}\n}\n", "`}` closes nothing"),
        ("{\n log\n}", "a server block without a key"),
    ]);
}

#[test]
fn an_unclosed_block_or_quote_is_told_once() {
    refused(&[
        (". {\n log\n", "this block is never closed"),
        (". {\n health {\n  a {\n", "this block is never closed"),
        (". {\n log \"abc\n}\n", "this quote is never closed"),
        ("(s) {\n log\n", "this snippet is never closed"),
    ]);
}

#[test]
fn environment_values_are_put_in_keys_names_and_arguments() {
    let env =
        Memory::default().with_var("A", "a b").with_var("P", "53").with_var("L", "log").with_var("R", "{$A}");
    for (text, expected) in [
        (".:{$P} {\n}", "|[.:53]{}"),
        (".:{%P%} {\n {$L} x{$A}y{%P%}{$P}z\n}", "|[.:53]{[log,xa by5353z]}"),
        (". {\n log {$NOPE} a{$NOPE}b\n}", "|[.]{[log,,ab]}"),
        (". {\n log \"{$P}\" {$} {%%} {$P {%P\n}", "|[.]{[log,53,{$},{%%},{$P,{%P]}"),
        (". {\n log {$R}\n}", "|[.]{[log,{$A}]}"),
    ] {
        assert_eq!(shape(&good_in(text, &env)), expected, "{text:?}");
    }
}

#[test]
fn an_environment_value_is_one_word_and_never_a_brace() {
    let env = Memory::default().with_var("Z", "a.org b.org").with_var("B", "{").with_var("I", "import");
    assert_eq!(
        shape(&good_in(". {\n log {$B} {$Z}\n {$I} x\n}", &env)),
        "|[.]{[log,{,a.org b.org][import,x]}"
    );
    let corefile = good_in("{$Z} {\n}", &env);
    assert_eq!(shape(&corefile), "|[a.org b.org]{}");
    assert_eq!(corefile.warnings.len(), 1);
}

#[test]
fn an_empty_key_is_left_out_with_a_warning_and_a_block_needs_one() {
    assert_eq!(shape(&good("{$NOPE} a.org {\n}")), "|[a.org]{}");
    refused(&[("{$NOPE} a.org {\n}", "an empty key is left out")]);
    assert_eq!(messages("{$NOPE} {\n}"), ["an empty key is left out", "a server block without a key"]);
    refused(&[(". {\n {$NOPE}\n}", "a directive with an empty name")]);
}

#[test]
fn keys_have_a_scheme_zones_and_a_port() {
    for (key, scheme, zones, port) in [
        (".", Scheme::Dns, vec!["."], None),
        (".:53", Scheme::Dns, vec!["."], Some(53)),
        (":1053", Scheme::Dns, vec!["."], Some(1053)),
        ("dns://", Scheme::Dns, vec!["."], None),
        ("Cluster.LOCAL", Scheme::Dns, vec!["cluster.local."], None),
        ("dns://example.org.:0", Scheme::Dns, vec!["example.org."], Some(0)),
        ("tls://.", Scheme::Tls, vec!["."], None),
        ("quic://.", Scheme::Quic, vec!["."], None),
        ("grpc://.:5353", Scheme::Grpc, vec!["."], Some(5353)),
        ("https://a.org", Scheme::Https, vec!["a.org."], None),
        ("https3://a.org", Scheme::Https3, vec!["a.org."], None),
        ("10.0.0.0/24", Scheme::Dns, vec!["0.0.10.in-addr.arpa."], None),
        ("10.0.0.5/24:5353", Scheme::Dns, vec!["0.0.10.in-addr.arpa."], Some(5353)),
        ("10.0.0.0/15", Scheme::Dns, vec!["0.10.in-addr.arpa.", "1.10.in-addr.arpa."], None),
        ("2001:db8::/32", Scheme::Dns, vec!["8.b.d.0.1.0.0.2.ip6.arpa."], None),
        ("2001:db8::/32:53", Scheme::Dns, vec!["8.b.d.0.1.0.0.2.ip6.arpa."], Some(53)),
        ("tls://10.0.0.0/8:853", Scheme::Tls, vec!["10.in-addr.arpa."], Some(853)),
    ] {
        let corefile = good(&format!("{key} {{\n}}"));
        let found = &corefile.blocks[0].keys[0];
        let names: Vec<String> = found.zones.iter().map(ToString::to_string).collect();
        assert_eq!(
            (found.scheme, names, found.port),
            (scheme, zones.iter().map(|z| (*z).to_owned()).collect(), port),
            "{key}"
        );
        assert_eq!(corefile.warnings, [], "{key}");
    }
}

#[test]
fn schemes_have_the_ports_of_coredns() {
    for (scheme, port, text) in [
        (Scheme::Dns, 53, "dns://"),
        (Scheme::Tls, 853, "tls://"),
        (Scheme::Quic, 853, "quic://"),
        (Scheme::Grpc, 443, "grpc://"),
        (Scheme::Https, 443, "https://"),
        (Scheme::Https3, 443, "https3://"),
    ] {
        assert_eq!((scheme.default_port(), scheme.to_string().as_str()), (port, text));
    }
}

#[test]
fn each_key_has_its_own_scheme_and_port() {
    let corefile = good("a.b tls://c.d:1053 {\n}");
    let ports: Vec<_> = corefile.blocks[0].keys.iter().map(|key| (key.scheme, key.port)).collect();
    assert_eq!(ports, [(Scheme::Dns, None), (Scheme::Tls, Some(1053))]);
}

#[test]
fn an_odd_zone_only_draws_a_warning() {
    for key in [
        "_tcp.example",
        "a,b",
        "a-.b",
        "-a",
        "zürich.example",
        "0/25.2.0.192.in-addr.arpa",
        "*.org",
        "10.0.0.1",
    ] {
        let corefile = good(&format!("{key} {{\n}}"));
        assert_eq!(corefile.warnings.len(), 1, "{key}");
        assert_eq!(corefile.blocks[0].keys[0].zones.len(), 1, "{key}");
    }
    for key in ["3com.example", "x-y.example.", "10.in-addr.arpa"] {
        assert_eq!(messages(&format!("{key} {{\n}}")), [""; 0], "{key}");
    }
}

#[test]
fn a_key_that_is_no_key_is_refused() {
    refused(&[
        (".:foo {\n}", "`foo` is not a port"),
        (".:70000 {\n}", "`70000` is not a port"),
        (".:+53 {\n}", "`+53` is not a port"),
        ("a.b: {\n}", "no port after the colon of `a.b:`"),
        ("a..b {\n}", "`a..b` is not a zone"),
        ("10.0.0.0/33 {\n}", "`10.0.0.0/33` is not a zone"),
        ("2001:db8::1 {\n}", "`2001:db8::1` is an address, not a zone"),
        ("[::1]:53 {\n}", "`[::1]:53` is an address, not a zone"),
        ("http://a.org {\n}", "unknown scheme `http`"),
        ("DNS://a.org {\n}", "unknown scheme `DNS`"),
    ]);
    assert!(told("http://a.org {\n}").contains("did you mean `https://`?"));
}

#[test]
fn several_mistakes_are_told_at_once() {
    assert_eq!(
        messages(".:foo a..b {\n health { a }\n import nope\n log }\nb.org { x\n}\n"),
        [
            "a block on one line",
            "no snippet and no file `nope`",
            "`}` at the end of a line",
            "`foo` is not a port",
            "`a..b` is not a zone",
            "`x` after `{` on the same line",
        ]
    );
}

#[test]
fn nesting_is_bounded() {
    let text = format!(". {{\n{}{}}}\n", "a {\n".repeat(31), "}\n".repeat(31));
    assert_eq!(messages(&text), [""; 0]);
    let text = format!(". {{\n{}{}}}\n", "a {\n".repeat(5000), "}\n".repeat(5000));
    assert_eq!(messages(&text), ["blocks nested more than 32 deep"]);
}

#[test]
fn the_number_of_errors_told_is_bounded() {
    let told = messages(&"}\n".repeat(1000));
    assert_eq!(told.len(), 51);
    assert_eq!(told[50], "there are more errors, which are not shown");
}

#[test]
fn spans_cover_what_was_typed() {
    let text = "a.org,\nb.org:53 {\n  health :8080 {\n    lameduck \"5s\"\n  }\n}\n";
    let corefile = good(text);
    let block = &corefile.blocks[0];
    let typed = |span| corefile.sources.typed(span);
    assert_eq!(typed(block.span), text.trim_end());
    assert_eq!(typed(block.keys[0].token.span), "a.org");
    let health = &block.directives[0];
    assert_eq!(typed(health.span), "health :8080 {\n    lameduck \"5s\"\n  }");
    assert_eq!(typed(health.properties()[0].args[0].span), "\"5s\"");
    let location = corefile.sources.location(health.args[0].span);
    assert_eq!((location.file, location.line, location.column), ("Corefile", 3, 10));
}
