use proptest::prelude::*;

use super::*;
use crate::dns::{Name, Query, RecordType, test_origin};
use crate::plugin::question_packet;

fn scope() -> Scope {
    Scope {
        variables: vec![("num".to_owned(), Type::Int), ("text".to_owned(), Type::Text)],
        has_groups: true,
    }
}

fn evaluated(text: &str) -> Result<Value, EvaluationError> {
    let expression =
        Expression::parse(text, &scope()).unwrap_or_else(|problem| panic!("{text}: {problem:?}"));
    let packet = question_packet(
        7,
        Name::from_text("a.example").unwrap().as_wire(),
        RecordType::A,
        Some((1232, true)),
    );
    let query = Query::parse(&packet, test_origin()).unwrap();
    let groups = [("0".to_owned(), "a.example.".to_owned()), ("ip".to_owned(), "10-1-2-3".to_owned())];
    let variables = vec![("num", Value::Int(3)), ("text", Value::text("hi"))];
    expression.evaluate(&Environment { facts: QueryFacts(&query), groups: &groups, variables })
}

fn shown(text: &str) -> String {
    match evaluated(text) {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("fails: {error}"),
    }
}

fn refusal(text: &str) -> String {
    let problem = Expression::parse(text, &scope()).expect_err(text);
    format!("{} | {}", &text[problem.place], problem.why)
}

#[test]
fn what_the_documents_show() {
    for (text, expected) in [
        ("(type() == 'A' && name() == 'a.example.') || client_ip() == '1.2.3.4'", "Bool(true)"),
        ("incidr(client_ip(), '127.0.0.0/24')", "Bool(true)"),
        ("incidr('2001:db8::1', '2001:0DB8::/32')", "Bool(true)"),
        ("incidr('A:2::3:4', '1:2::/64')", "Bool(false)"),
        ("type() in ['A', 'AAAA']", "Bool(true)"),
        ("type() not in ['A', 'AAAA']", "Bool(false)"),
        (r"name() matches '^a\\..*\\.$'", "Bool(true)"),
        (r"name() matches `^b\.`", "Bool(false)"),
        ("any(['10.0.0.0/8', '172.16.0.0/12'], incidr(replace(group('ip'), '-', '.'), #))", "Bool(true)"),
        ("group(0) + group(9) + group('nosuch')", "Text(\"a.example.\")"),
        ("metadata('test/region') == ''", "Bool(true)"),
        (
            "do() && bufsize() == 1232 && id() == 7 && opcode() == 0 && proto() == 'udp' && class() == 'IN'",
            "Bool(true)",
        ),
        ("size() > 12 and port() != '' and server_ip() != '' and server_port() != ''", "Bool(true)"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn operators_bind_as_in_the_language() {
    for (text, expected) in [
        ("1 + 2 * 3", "Int(7)"),
        ("(1 + 2) * 3", "Int(9)"),
        ("2 ** 3 ** 2", "Float(512.0)"),
        ("-2 + 5", "Int(3)"),
        ("7 / 2", "Float(3.5)"),
        ("7 % 4 == 3 && !false || false", "Bool(true)"),
        ("1 < 2 and not (2 < 1)", "Bool(true)"),
        ("1 == 1.0", "Bool(true)"),
        ("num > 1 ? 'big' : 'small'", "Text(\"big\")"),
        ("num == 1 ? 'a' : num == 3 ? 'b' : 'c'", "Text(\"b\")"),
        ("text + 'x' | upper()", "Text(\"HIX\")"),
        ("split('a.b.c', '.')[-1]", "Text(\"c\")"),
        ("split('a.b.c', '.')[1:] | join('-')", "Text(\"b-c\")"),
        ("'hello'[1:-1]", "Text(\"ell\")"),
        (
            "'abc' contains 'b' and 'abc' not contains 'x' and 'abc' startsWith 'a' and 'abc' endsWith 'c'",
            "Bool(true)",
        ),
        ("filter([1, 2, 3], {# > 1}) == [2, 3]", "Bool(true)"),
        ("count(map([1, 2, 3], # * 2), # > 2)", "Int(2)"),
        ("0x10 + 0b11 + 1_000", "Int(1019)"),
        ("1 // a comment", "Int(1)"),
        ("'a\\x41\\u00e4\\'' + `\\n`", "Text(\"aAä'\\\\n\")"),
        ("int('12') + int(1.9)", "Int(13)"),
        ("string(1.5) + string(true) + string([1, 'a'])", "Text(\"1.5true[1 a]\")"),
        ("nil == nil", "Bool(true)"),
        ("max(1, 5, 3) - min(4, 2)", "Int(3)"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn what_fails_says_why() {
    for (text, expected) in [
        ("incidr('notanip', '10.0.0.0/8')", "fails: `notanip` is not an IP address"),
        ("incidr('10.0.0.1', 'x')", "fails: `x` is not a CIDR"),
        ("int('x')", "fails: `x` is no whole number"),
        ("[1][3]", "fails: the list has 1 values, and none at 3"),
        ("num % 0", "fails: division by zero"),
        ("first([]) + 1", "fails: `+` stands between nil and a whole number"),
        ("repeat('abc', 1000000)", "fails: `repeat` makes a text that is too long"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, expected) in [
        ("", " | there is no expression"),
        ("name() ==", "== | the expression ends where a value is due"),
        ("1 +", "+ | the expression ends where a value is due"),
        ("invalid expression", "expression | `expression` cannot stand here"),
        ("undefined == 1", "undefined | the name `undefined` is not known here"),
        ("name == 'a'", "name | `name` is a function"),
        ("nme()", "nme() | `nme` is no function"),
        ("num + 'x'", "num + 'x' | `+` cannot stand between a whole number and a text"),
        ("num && true", "num && true | `&&` cannot stand between a whole number and a truth value"),
        ("!num", "num | `!` takes a truth value here, and this is a whole number"),
        ("name() == 1", "name() == 1 | `==` cannot stand between a text and a whole number"),
        ("name() in 'a'", "name() in 'a' | `in` cannot stand between a text and a text"),
        ("name() < 1", "name() < 1 | `<` cannot stand between a text and a whole number"),
        ("incidr('10.0.0.1')", "incidr('10.0.0.1') | `incidr` takes 2, not 1"),
        ("incidr(1, 'x')", "1 | `incidr` takes a text here, and this is a whole number"),
        ("name(1)", "name(1) | `name` takes no arguments, not 1"),
        ("name() matches '('", "'(' | this is not a regular expression: unclosed group"),
        ("name() matches name()", "name() | behind `matches` stands a text in quotes, and nothing else"),
        ("# == 1", "# | `#` stands for an element, and there is no list around it"),
        ("any(['a'], # == 1)", "# == 1 | `==` cannot stand between a text and a whole number"),
        ("any(['a'], #)", "# | `any` asks this of each element, and takes a truth value, and this is a text"),
        ("toBase64('a')", "toBase64('a') | the function `toBase64` is not supported here"),
        ("1..3", ".. | ranges are not supported here"),
        ("name().x", ". | fields of values are not supported here"),
        ("nil ?? 1", "?? | `??` is not supported here"),
        ("let x = 1; x", "let | variables within an expression are not supported here"),
        ("{a: 1}", "{ | maps are not supported here"),
        ("'abc", "' | this ' is not closed"),
        ("'a\\q'", "\\q | `\\q` is no escape in a text"),
        ("99999999999999999999", "99999999999999999999 | `99999999999999999999` is no number of 64 bits"),
        ("true ? 1", "1 | the expression ends where `:` is due"),
        ("[1, 2", "2 | the expression ends where `,` is due"),
    ] {
        assert_eq!(refusal(text), expected, "{text}");
    }
    let no_groups = Scope::default();
    assert_eq!(Expression::parse("group(1)", &no_groups).unwrap_err().why, "`group` is no function");
    let deep = format!("{}1{}", "(".repeat(100), ")".repeat(100));
    assert_eq!(Expression::parse(&deep, &no_groups).unwrap_err().why, "expressions nest at most 64 deep");
}

#[test]
fn an_evaluation_is_bounded() {
    // Each level looks at the whole list once for each element.
    let list = format!("[{}]", vec!["1"; 60].join(", "));
    let nested = format!("all({list}, all({list}, all({list}, # > 0)))");
    assert_eq!(shown(&nested), "fails: more than 20000 steps");
    let long = ["repeat('x', 60000)"; 3].join(" + ");
    assert_eq!(shown(&long), "fails: a text is longer than 65536 octets");
}

#[test]
fn names_of_the_language_are_reserved() {
    for name in ["len", "true", "let", "name", "group", "toJSON", "not", "sort"] {
        assert!(is_reserved(name), "{name}");
    }
    assert!(!is_reserved("ip"));
}

proptest! {
    #[test]
    fn any_text_is_an_expression_or_a_problem_within_it(text in "(?s).{0,60}") {
        check(&text);
    }

    #[test]
    fn any_words_are_an_expression_or_a_problem_within_them(words in prop::collection::vec(word(), 0..20)) {
        check(&words.join(" "));
        check(&words.concat());
    }
}

fn word() -> impl Strategy<Value = String> {
    let words = [
        "1", "2.5", "'a'", "\"ä\"", "`x`", "name()", "num", "text", "type", "(", ")", "[", "]", "{", "}",
        "#", ",", "?", ":", "+", "-", "*", "/", "%", "**", "==", "<", "in", "not", "matches", "contains",
        "&&", "or", "!", "|", "any(", "map(", "split(", "len(", "replace(", "group(", "int(", "max(", "true",
        "nil", "..", ".",
    ];
    prop::sample::select(words.to_vec()).prop_map(str::to_owned)
}

fn check(text: &str) {
    match Expression::parse(text, &scope()) {
        Ok(_) => drop(evaluated(text)),
        Err(problem) => assert!(text.get(problem.place.clone()).is_some(), "{text:?} {problem:?}"),
    }
}
