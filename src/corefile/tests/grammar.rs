use super::*;

/// Each text has this structure and draws no warning.
fn shapes(table: &[(&str, &str)]) {
    for (text, expected) in table {
        let corefile = good(text);
        assert_eq!(shape(&corefile), *expected, "{text:?}");
        assert_eq!(corefile.warnings, [], "{text:?}");
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
fn words_behind_a_brace_are_the_next_line() {
    shapes(&[
        (". { errors\n}", "|[.]{[errors]}"),
        (". {\n health { lameduck 1s\n }\n}", "|[.]{[health]{[lameduck,1s]}}"),
        ("a.b {\n log\n} c.d {\n log\n}", "|[a.b]{[log]}|[c.d]{[log]}"),
    ]);
}

#[test]
fn braces_stand_where_lines_end_and_begin() {
    refused(&[
        (". {\n health { lameduck 5s }\n log\n}", "a block on one line"),
        (". {\n health\n {\n  lameduck 5s\n }\n log\n}", "`{` at the start of a line"),
        (". {\n log }\n", "`}` at the end of a line"),
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
    refused(&[
        ("{$NOPE} {\n}", "a server block without a key"),
        ("\"\" {\n}", "a server block without a key"),
    ]);
    refused(&[(". {\n {$NOPE}\n}", "a directive with an empty name")]);
}

#[test]
fn several_mistakes_are_told_at_once() {
    assert_eq!(
        messages(".:foo a..b {\n health { a }\n import nope\n log }\nb.org {\n x\n}\n"),
        [
            "a block on one line",
            "no snippet and no file `nope`",
            "`}` at the end of a line",
            "`foo` is not a port",
            "`a..b` is not a zone",
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

#[test]
fn the_corefile_of_kubeadm_parses() {
    let text = "\
.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
";
    shapes(&[(
        text,
        "|[.:53]{[errors][health]{[lameduck,5s]}[ready][kubernetes,cluster.local,in-addr.arpa,ip6.arpa]{\
         [pods,insecure][fallthrough,in-addr.arpa,ip6.arpa][ttl,30]}[prometheus,:9153][forward,.,/etc/resolv.conf]{\
         [max_concurrent,1000]}[cache,30]{[disable,success,cluster.local][disable,denial,cluster.local]}\
         [loop][reload][loadbalance]}",
    )]);
}
