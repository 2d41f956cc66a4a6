//! What users read. One test a mistake, the whole text in it.

use insta::assert_snapshot;

use super::*;

#[test]
fn unclosed_block() {
    assert_snapshot!(told(".:53 {\n    errors\n    health {\n        lameduck 5s\n    cache 30\n}\n"));
}

#[test]
fn unclosed_quote() {
    assert_snapshot!(told(". {\n    log \"abc\n}\n"));
}

#[test]
fn brace_that_closes_nothing() {
    assert_snapshot!(told(". {\n    log\n}\n}\n"));
}

#[test]
fn block_on_one_line() {
    assert_snapshot!(told(". {\n    health { lameduck 5s }\n}\n"));
}

#[test]
fn brace_on_a_line_of_its_own() {
    assert_snapshot!(told(". {\n    health\n    {\n        lameduck 5s\n    }\n}\n"));
}

#[test]
fn closing_brace_at_the_end_of_a_line() {
    assert_snapshot!(told(". {\n    log }\n"));
}

#[test]
fn brace_without_a_blank() {
    assert_snapshot!(told(".:53{\n    log\n}\n"));
}

#[test]
fn comma_without_a_key() {
    assert_snapshot!(told("a.org, {\n    log\n}\n"));
}

#[test]
fn block_without_a_key() {
    assert_snapshot!(told("{\n    log\n}\n"));
}

#[test]
fn second_block_without_braces() {
    assert_snapshot!(told("a.org {\n}\nb.org\nlog\n"));
}

#[test]
fn first_block_lost_its_brace() {
    assert_snapshot!(told(".:53\n    log\n}\n"));
}

#[test]
fn bad_port() {
    assert_snapshot!(told("cluster.local:5e3 {\n}\n"));
}

#[test]
fn unknown_scheme() {
    assert_snapshot!(told("tsl://example.org {\n}\n"));
}

#[test]
fn address_as_key() {
    assert_snapshot!(told("2001:db8::1 {\n}\n"));
}

#[test]
fn name_that_is_none() {
    assert_snapshot!(told("example..org {\n}\n"));
}

#[test]
fn odd_zone() {
    assert_snapshot!(told("_tcp.example.org {\n}\n"));
}

#[test]
fn empty_key() {
    assert_snapshot!(told("{$ZONE} {\n}\n"));
}

#[test]
fn import_of_nothing() {
    assert_snapshot!(told(". {\n    import missing\n}\n"));
}

#[test]
fn snippet_used_too_early() {
    assert_snapshot!(told(". {\n    import common\n}\n(common) {\n    log\n}\n"));
}

#[test]
fn snippet_defined_twice() {
    assert_snapshot!(told("(common) {\n    log\n}\n(common) {\n    errors\n}\n"));
}

#[test]
fn snippet_that_imports_itself() {
    assert_snapshot!(told("(a) {\n    import a\n}\n. {\n    import a\n}\n"));
}

#[test]
fn pattern_without_files() {
    assert_snapshot!(told("import custom/*.server\n. {\n}\n"));
}

#[test]
fn two_mistakes() {
    assert_snapshot!(told(". {\n    import a b\n    log }\nexample.org:99999 {\n}\n"));
}

#[test]
fn mistakes_in_two_files() {
    let env = Memory::default().with_file("conf/extra", "(common) {\n    errors\n}\n");
    assert_snapshot!(told_in("(common) {\n    log\n}\nimport conf/extra\n", &env));
}

#[test]
fn properties_and_arguments_of_a_plugin() {
    let corefile = good(
        ". {\n    health :8080 {\n        lameduk 5s\n        lameduck 5 10\n        lameduck 5\n    }\n}\n",
    );
    let [unknown, many, unit] = corefile.blocks[0].directives[0].properties() else {
        panic!("three properties")
    };
    let told = [
        unknown.unknown_property("health", &["lameduck"]),
        many.exactly::<1>("lameduck DURATION").unwrap_err(),
        unit.args[0].duration().unwrap_err(),
    ];
    let rendered: Vec<String> = told.iter().map(|diagnostic| corefile.sources.render(diagnostic)).collect();
    assert_snapshot!(rendered.join("\n\n"));
}
