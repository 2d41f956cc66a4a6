use std::path::Path;

use super::*;
use crate::corefile::{System, load};

fn with(files: &[(&str, &str)]) -> Memory {
    files.iter().fold(Memory::default(), |env, (path, text)| env.with_file(path, text))
}

#[test]
fn an_import_of_a_snippet_is_replaced_by_its_lines() {
    let text = "(common) {\n errors\n cache {\n  success 5\n }\n}\na.org {\n import common\n log\n}\nb.org {\n import common\n}\n";
    assert_eq!(
        shape(&good(text)),
        "|[a.org]{[errors][cache]{[success,5]}[log]}|[b.org]{[errors][cache]{[success,5]}}"
    );
}

#[test]
fn a_snippet_comes_before_a_file_of_its_name() {
    let env = with(&[("x", "from_file\n")]);
    assert_eq!(shape(&good_in(". {\n import x\n}", &env)), "|[.]{[from_file]}");
    assert_eq!(shape(&good_in("(x) {\n from_snippet\n}\n. {\n import x\n}", &env)), "|[.]{[from_snippet]}");
}

#[test]
fn imports_work_at_top_level_in_blocks_in_sub_blocks_and_in_key_lists() {
    let env = with(&[
        ("blocks", "a.org {\n import lines\n}\n"),
        ("lines", "log\nerrors\n"),
        ("hosts", "10.0.0.1 a\n"),
        ("keys", "b.org,\n"),
    ]);
    let text =
        "import blocks\nx.org,\nimport keys\nc.org {\n hosts {\n  import hosts\n  ttl 5\n }\n log\n}\n";
    assert_eq!(
        shape(&good_in(text, &env)),
        "|[a.org]{[log][errors]}|[x.org][b.org][c.org]{[hosts]{[10.0.0.1,a][ttl,5]}[log]}"
    );
}

#[test]
fn import_is_a_plain_word_elsewhere_on_a_line() {
    assert_eq!(shape(&good(". {\n log import x\n}")), "|[.]{[log,import,x]}");
}

#[test]
fn files_are_relative_to_the_importing_file_also_from_a_snippet() {
    let env = with(&[
        ("etc/Corefile", "import sub/a\n. {\n import s\n}\n"),
        ("etc/sub/a", "(s) {\n import ./b\n}\n"),
        ("etc/sub/b", "log\n"),
        ("etc/b", "wrong\n"),
    ]);
    let corefile = load(Path::new("etc/Corefile"), &env).unwrap();
    assert_eq!(shape(&corefile), "|[.]{[log]}");
    let log = &corefile.blocks[0].directives[0];
    assert_eq!(corefile.sources.name(log.span.file), "etc/sub/b");
}

#[test]
fn a_pattern_imports_its_files_in_order_of_their_names() {
    let env =
        with(&[("d/b.server", "b.org {\n}\n"), ("d/a.server", "a.org {\n}\n"), ("d/c.override", "log\n")]);
    assert_eq!(
        shape(&good_in("import d/*.server\n. {\n import d/*.override\n}", &env)),
        "|[a.org]{}|[b.org]{}|[.]{[log]}"
    );
    assert_eq!(shape(&good_in("import d/?.server\n", &env)), "|[a.org]{}|[b.org]{}");
}

#[test]
fn a_pattern_without_a_match_only_draws_a_warning() {
    let corefile = good("import custom/*.server\n. {\n}");
    assert_eq!(corefile.warnings[0].message, "no file matches `custom/*.server`");
    assert_eq!(shape(&corefile), "|[.]{}");
}

#[test]
fn a_pattern_has_one_wildcard() {
    for pattern in ["*/*", "a?b?", "[ab].conf"] {
        let message = format!("pattern `{pattern}` has more than one wildcard");
        assert_eq!(messages(&format!("import {pattern}\n")), [message]);
    }
}

#[test]
fn the_name_to_import_may_hold_environment_values() {
    let env = with(&[("conf/extra", "log\n")]).with_var("DIR", "conf");
    assert_eq!(shape(&good_in(". {\n import {$DIR}/extra\n}", &env)), "|[.]{[log]}");
    assert_eq!(messages_in(". {\n import {$NOPE}\n}", &env), ["`import` of an empty name"]);
}

#[test]
fn a_snippet_is_defined_once_and_before_its_use() {
    assert_eq!(messages("(s) {\n}\n(s) {\n}\n"), ["snippet `s` is defined twice"]);
    assert_eq!(messages(". {\n import s\n}\n(s) {\n log\n}"), ["no snippet and no file `s`"]);
    assert!(told("(common) {\n}\n. {\n import comon\n}").contains("did you mean the snippet `common`?"));
}

#[test]
fn a_snippet_needs_a_name_and_braces() {
    let message = "a snippet that is not `(name) {`";
    for text in ["() {\n log\n}\n. {\n}", "(s)\n. {\n}", "(a) (b) {\n}\n", "(s {\n log\n}\n"] {
        assert_eq!(messages(text), [message], "{text:?}");
    }
    assert_eq!(messages("(s)\n{\n log\n}\n"), [""; 0]);
    assert_eq!(messages(". {\n (s) {\n  log\n }\n}"), ["snippet `(s)` is defined in a server block"]);
}

#[test]
fn a_snippet_with_imports_and_environment_values_is_expanded_where_it_is_used() {
    let text = "(a) {\n import b\n}\n(b) {\n log {$X}\n}\n. {\n import a\n}";
    assert_eq!(shape(&good_in(text, &Memory::default().with_var("X", "1"))), "|[.]{[log,1]}");
}

#[test]
fn a_snippet_ends_at_its_own_brace_even_with_a_mistake_inside() {
    let text = "(s) {\n health { lameduck 5s }\n log\n}\n. {\n import s\n}";
    assert_eq!(messages(text), ["a block on one line"]);
}

#[test]
fn a_circle_of_imports_is_named() {
    let env = with(&[("a", "import b\n"), ("b", "import ./a\n")]);
    let told = told_in(". {\n import a\n}", &env);
    assert!(told.contains("error: file `a` imports itself"), "{told}");
    assert!(told.contains("the circle is file `a` → file `b` → file `a`"), "{told}");
    assert_eq!(messages("(s) {\n import s\n}\n. {\n import s\n}"), ["snippet `s` imports itself"]);
    assert_eq!(
        messages_in("import Corefile\n", &with(&[("Corefile", "")])),
        ["file `Corefile` imports itself"]
    );
}

#[test]
fn files_of_one_pattern_may_import_each_other() {
    let env = with(&[("d/a.c", "import b.c\n"), ("d/b.c", "log\n")]);
    assert_eq!(shape(&good_in(". {\n import d/*.c\n}", &env)), "|[.]{[log][log]}");
}

#[test]
fn expansion_is_bounded() {
    // Each snippet doubles the one before it.
    let mut text = "(s0) {\n log\n}\n".to_owned();
    for level in 1..40 {
        text.push_str(&format!("(s{level}) {{\n import s{0}\n import s{0}\n}}\n", level - 1));
    }
    text.push_str(". {\n import s39\n}\n");
    assert_eq!(messages(&text), ["more than 10000 imports in all"]);
    // Imports that fail count too.
    assert_eq!(messages(&"import d/*\n".repeat(10_001)).last().unwrap(), "more than 10000 imports in all");
    // Many words in few imports.
    let text = format!("(s) {{\n log {}\n}}\n. {{\n{}}}\n", "x ".repeat(100_000), " import s\n".repeat(6));
    assert_eq!(messages(&text), ["the Corefile has more than 500000 words"]);
    // A path that is spelled anew in each round.
    let env = with(&[("deep", "import deep\n")]);
    struct Endless(Memory);
    impl crate::corefile::Environment for Endless {
        fn var(&self, name: &str) -> Option<String> {
            self.0.var(name)
        }
        fn read(&self, _: &Path) -> std::io::Result<String> {
            Ok("import x/deep\n".to_owned())
        }
        fn glob(&self, directory: &Path, pattern: &str) -> std::io::Result<Vec<std::path::PathBuf>> {
            self.0.glob(directory, pattern)
        }
    }
    let failure = parse("Corefile", "import deep\n", &Endless(env)).unwrap_err();
    assert_eq!(failure.diagnostics[0].message, "imports nested more than 64 deep");
    // Few words with large values.
    let env = Memory::default().with_var("V", &"v".repeat(1 << 20));
    let text = format!(". {{\n log {}\n}}\n", "{$V} ".repeat(20));
    assert_eq!(messages_in(&text, &env), ["environment values of more than 16777216 bytes in all"]);
}

#[test]
fn a_file_is_bounded_and_utf_8() {
    let large = Memory::default().with_file("Corefile", "#".repeat((1 << 20) + 1));
    let failure = load(Path::new("Corefile"), &large).unwrap_err().to_string();
    assert!(failure.contains("larger than 1048576 bytes"), "{failure}");
    assert!(
        messages_in("import Corefile2\n", &large.with_file("Corefile2", b". {\n \xc3(\n}"))[0]
            .contains("cannot import `Corefile2`: not UTF-8: byte 0xc3 at offset 5")
    );
    let failure = parse("Corefile", &"#".repeat((1 << 20) + 1), &Memory::default()).unwrap_err();
    assert!(failure.to_string().contains("larger than 1048576 bytes"));
}

#[test]
fn a_file_that_is_not_there_or_not_a_file_is_told() {
    let failure = load(Path::new("/nonexistent/Corefile"), &System).unwrap_err().to_string();
    assert!(failure.starts_with("error: cannot read the Corefile `/nonexistent/Corefile`: "), "{failure}");
    let failure = parse("Corefile", "import /\n", &System).unwrap_err();
    assert!(failure.diagnostics[0].message.starts_with("cannot import `/`: "), "{failure}");
}

#[test]
fn a_mistake_in_an_imported_file_is_shown_there() {
    let env = with(&[("extra", "health {\n lameduck 5s }\n}\n")]);
    let told = told_in(". {\n import extra\n}\n", &env);
    assert!(told.contains(" --> extra:2:14"), "{told}");
}

#[test]
fn a_file_imported_twice_is_read_once() {
    let corefile = good_in("a.org {\n import x\n}\nb.org {\n import x\n}", &with(&[("x", "log\n")]));
    let file = |block: usize| corefile.blocks[block].directives[0].span.file;
    assert_eq!(file(0), file(1));
}
