use proptest::prelude::*;

use super::*;
use crate::corefile::{Diagnostic, SourceMap, Span};

/// Texts of the pieces that mean something, so that more than the first line of the parser is reached.
fn corefile_like() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "{\n",
        "}\n",
        "\n",
        " ",
        " ",
        "\"",
        "\\\"",
        "\\",
        "#",
        ",",
        "(",
        ")",
        "(s) {\n",
        "import s\n",
        "import ",
        "import f\n",
        "import *\n",
        ".",
        ":53",
        "a.org",
        "10.0.0.0/8",
        "2001:db8::/32",
        "::1",
        "[",
        "]",
        "dns://",
        "x://",
        "{$X}",
        "{%X%}",
        "{$",
        "log",
        "é",
        "\u{1F600}",
        "\r",
        "\t",
        "\u{feff}",
        "\u{a0}",
        "\0",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn check_span(sources: &SourceMap, span: Span) {
    let text = sources.text(span.file);
    assert!(span.start <= span.end && text.get(span.start..span.end).is_some(), "{span:?} of {text:?}");
}

fn check_diagnostics(sources: &SourceMap, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        diagnostic.span.into_iter().for_each(|span| check_span(sources, span));
        diagnostic.related.iter().for_each(|related| check_span(sources, related.0));
        let rendered = sources.render(diagnostic);
        assert!(rendered.contains("error: ") || rendered.contains("warning: "));
    }
}

fn check_directives(sources: &SourceMap, directives: &[Directive]) {
    for directive in directives {
        check_span(sources, directive.span);
        check_span(sources, directive.head());
        for token in directive.args.iter().chain([&directive.name]) {
            check_span(sources, token.span);
        }
        check_directives(sources, directive.properties());
    }
}

fn check(text: &str) {
    let env = Memory::default().with_var("X", "{$X} é").with_file("f", text).with_file("g", "log\n");
    match parse("Corefile", text, &env) {
        Ok(corefile) => {
            check_diagnostics(&corefile.sources, &corefile.warnings);
            for block in &corefile.blocks {
                assert!(!block.keys.is_empty());
                check_span(&corefile.sources, block.span);
                block.keys.iter().for_each(|key| check_span(&corefile.sources, key.token.span));
                check_directives(&corefile.sources, &block.directives);
            }
        }
        Err(failure) => {
            assert!(failure.to_string().contains("error: "));
            check_diagnostics(&failure.sources, &failure.diagnostics);
        }
    }
}

/// A directive as data: name, arguments, block.
#[derive(Debug, Clone)]
struct Plan(String, Vec<String>, Option<Vec<Plan>>);

fn plan() -> impl Strategy<Value = Plan> {
    // Bare, with every sign that is plain within a word, or in need of quotes.
    let arg = prop_oneof!["[a-z0-9.:/*]{1,6}", "[a-z]\"[{}a-z]{1,4}", "[a-z #{}\\n\"]{0,8}"];
    let leaf = ("[a-z]{3,9}", prop::collection::vec(arg, 0..4))
        .prop_map(|(name, args)| Plan(name, args, None))
        .prop_filter("no import", |plan| plan.0 != "import");
    leaf.prop_recursive(3, 24, 4, |inner| {
        (
            "[a-z]{3,9}",
            prop::collection::vec("[a-z0-9]{1,4}".boxed(), 0..3),
            prop::collection::vec(inner, 0..4),
        )
            .prop_map(|(name, args, block)| Plan(name, args, Some(block)))
            .prop_filter("no import", |plan| plan.0 != "import")
    })
}

/// Writes plans with blanks and comments that `style` chooses.
fn write(plans: &[Plan], style: u32, out: &mut String) {
    for (index, Plan(name, args, block)) in plans.iter().enumerate() {
        let turn = style.rotate_left(index as u32 * 5 + plans.len() as u32);
        if turn & 1 == 1 {
            out.push_str("\n  # } { \" comment\n");
        }
        out.push_str(if turn & 2 == 2 { "\t" } else { "" });
        out.push_str(name);
        for arg in args {
            out.push_str(if turn & 4 == 4 { " \t " } else { " " });
            let bare = !arg.is_empty()
                && !arg.starts_with('"')
                && !arg.contains([' ', '\n', '#'])
                && arg != "{"
                && arg != "}";
            // Quotes around what could go without them must not matter.
            if bare && turn & 8 == 0 {
                out.push_str(arg);
            } else {
                out.push_str(&format!("\"{}\"", arg.replace('"', "\\\"")));
            }
        }
        if let Some(block) = block {
            out.push_str(" {\n");
            write(block, style.rotate_left(3), out);
            out.push('}');
        }
        out.push_str(if turn & 16 == 16 { " # end\n" } else { "\n" });
    }
}

fn planned(keys: &[String], plans: &[Plan], style: u32) -> String {
    let mut text = format!("{} {{\n", keys.join(if style & 32 == 32 { ",\n " } else { " " }));
    write(plans, style, &mut text);
    text.push_str("}\n");
    text
}

fn plan_shape(plans: &[Plan]) -> String {
    let line = |Plan(name, args, block): &Plan| {
        let args: String = args.iter().map(|arg| format!(",{arg}")).collect();
        format!("[{name}{args}]{}", block.as_deref().map_or_else(String::new, plan_shape))
    };
    format!("{{{}}}", plans.iter().map(line).collect::<String>())
}

/// Another plan with one word changed: the `at`-th, counted over names and arguments.
fn with_word_changed(plans: &[Plan], at: &mut usize) -> Vec<Plan> {
    let mut change = |word: &String| {
        let changed = *at == 0;
        *at = at.wrapping_sub(1);
        if changed { format!("{word}x") } else { word.clone() }
    };
    let mut out = Vec::new();
    for Plan(name, args, block) in plans {
        let name = change(name);
        let args = args.iter().map(&mut change).collect();
        out.push(Plan(name, args, block.clone()));
    }
    out.into_iter()
        .map(|Plan(name, args, block)| Plan(name, args, block.map(|inner| with_word_changed(&inner, at))))
        .collect()
}

fn words(plans: &[Plan]) -> usize {
    plans.iter().map(|Plan(_, args, block)| 1 + args.len() + block.as_deref().map_or(0, words)).sum()
}

fn keys() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-z]{1,5}\\.org(:[1-9][0-9]{0,3})?", 1..4)
}

proptest! {
    #[test]
    fn any_text_parses_or_fails_with_spans_inside_it(text in "\\PC{0,200}") {
        check(&text);
    }

    #[test]
    fn any_mixture_of_meaningful_pieces_parses_or_fails_with_spans_inside_it(text in corefile_like()) {
        check(&text);
    }

    #[test]
    fn any_bytes_are_text_or_refused_with_their_offset(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let valid = std::str::from_utf8(&bytes).is_ok();
        let env = Memory::default().with_file("f", &bytes);
        let told = messages_in("import f\n", &env).join("\n");
        prop_assert_eq!(!valid, told.contains("not UTF-8: byte 0x"));
    }

    #[test]
    fn a_well_formed_corefile_parses_to_what_was_written(
        keys in keys(), plans in prop::collection::vec(plan(), 0..5), style in any::<u32>(),
    ) {
        let corefile = good(&planned(&keys, &plans, style));
        let brackets: String = keys.iter().map(|key| format!("[{key}]")).collect();
        prop_assert_eq!(shape(&corefile), format!("|{brackets}{}", plan_shape(&plans)));
        prop_assert_eq!(&corefile.warnings, &[]);
    }

    #[test]
    fn the_fingerprint_is_unchanged_by_comments_blanks_and_needless_quotes(
        keys in keys(), plans in prop::collection::vec(plan(), 0..5), one in any::<u32>(), other in any::<u32>(),
    ) {
        let (one, other) = (good(&planned(&keys, &plans, one)), good(&planned(&keys, &plans, other)));
        prop_assert_eq!(one.fingerprint, other.fingerprint);
    }

    #[test]
    fn the_fingerprint_is_changed_by_any_word(
        keys in keys(), plans in prop::collection::vec(plan(), 1..5), style in any::<u32>(), at in any::<prop::sample::Index>(),
    ) {
        let mut at = at.index(words(&plans));
        let other = with_word_changed(&plans, &mut at);
        prop_assert_ne!(good(&planned(&keys, &plans, style)).fingerprint, good(&planned(&keys, &other, style)).fingerprint);
    }
}

#[test]
fn the_fingerprint_is_changed_by_structure() {
    let texts = [
        "",
        "a.org {\n}",
        "a.org b.org {\n}",
        "a.org {\n}\nb.org {\n}",
        "a.org {\n b\n}",
        "a.org {\n b {\n }\n}",
        "a.org {\n b c\n}",
        "a.org {\n b {\n  c\n }\n}",
        "a.org {\n b\n c\n}",
        "a.org {\n bc\n}",
        "a.org {\n b \"\"\n}",
    ];
    let prints: std::collections::HashSet<[u8; 64]> =
        texts.iter().map(|text| good(text).fingerprint).collect();
    assert_eq!(prints.len(), texts.len());
}

#[test]
fn the_fingerprint_is_changed_by_values_and_imported_files_but_not_by_their_names() {
    let text = ". {\n log {$X}\n import f\n}";
    let env = |value: &str, file: &str| {
        Memory::default().with_var("X", value).with_file("f", file).with_file("g", file)
    };
    let print = |text: &str, env: &Memory| good_in(text, env).fingerprint;
    let base = print(text, &env("1", "errors\n"));
    assert_eq!(base, print(text, &env("1", "# new\nerrors\n")));
    assert_eq!(base, print(". {\n log {$X}\n import g\n}", &env("1", "errors\n")));
    assert_ne!(base, print(text, &env("2", "errors\n")));
    assert_ne!(base, print(text, &env("1", "whoami\n")));
}
