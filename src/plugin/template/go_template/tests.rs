use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use proptest::prelude::*;

use super::*;

/// What the cases are run with, here and by Go when they were made.
struct Data(Question);

struct Question;

static QUESTION: Shape = Shape::Object(&[("Name", Shape::Text), ("Qtype", Shape::Plain)], &[]);
static SHAPE: Shape = Shape::Object(
    &[
        ("Name", Shape::Text),
        ("Match", Shape::List(&Shape::Text)),
        ("Group", Shape::Map(&Shape::Text)),
        ("Var", Shape::Map(&Shape::Any)),
        ("Question", QUESTION),
    ],
    &["Meta"],
);

impl Object for Data {
    fn field(&self, name: &str) -> Value<'_> {
        let map =
            |pairs: Vec<(&'static str, Value<'static>)>| -> Rc<BTreeMap<Cow<'static, str>, Value<'static>>> {
                Rc::new(pairs.into_iter().map(|(key, value)| (Cow::Borrowed(key), value)).collect())
            };
        match name {
            "Name" => Value::text("a.example."),
            "Match" => Value::List(Rc::new(["a.example.", "a", "", "bc"].map(Value::text).to_vec())),
            "Group" => {
                let texts = [("0", "a.example."), ("x", "7b"), ("empty", "")];
                let pairs = texts.map(|(key, text)| (key, Value::text(text))).to_vec();
                Value::Map(map(pairs), &Absent::Empty)
            }
            "Var" => {
                let list = Value::List(Rc::new(vec![Value::Int(1), Value::text("b")]));
                let pairs = vec![
                    ("num", Value::Int(12)),
                    ("half", Value::Float(1.5)),
                    ("yes", Value::Bool(true)),
                    ("text", Value::text("hi")),
                    ("list", list),
                    ("big", Value::Float(1e21)),
                    ("nil", Value::Nil),
                ];
                Value::Map(map(pairs), &Absent::Nil)
            }
            "Question" => Value::Object(&self.0),
            _ => Value::Missing,
        }
    }

    fn call(&self, _name: &str, argument: &str) -> Value<'_> {
        Value::Text(Cow::Owned(format!("meta:{argument}")))
    }
}

impl Object for Question {
    fn field(&self, name: &str) -> Value<'_> {
        match name {
            "Name" => Value::text("A.example."),
            "Qtype" => Value::Uint(16),
            _ => Value::Missing,
        }
    }
}

fn run(text: &str) -> Result<String, RunError> {
    let template =
        Template::parse("answer", text, &SHAPE).unwrap_or_else(|problem| panic!("{text}: {problem:?}"));
    template.run(&Data(Question))
}

/// The part that is wrong, why, and what would be right.
fn refusal(text: &str) -> String {
    let problem = Template::parse("answer", text, &SHAPE).expect_err(text);
    let help = problem.help.map_or(String::new(), |help| format!(" | {help}"));
    format!("{} | {}{help}", &text[problem.place], problem.why)
}

/// `cases.tsv` was written by a program of a few lines that gives its templates to Go 1.26's `text/template`: the text, then
/// what comes out and how Go prints the parsed template; or `FAILS` or `REFUSED` with Go's words.
#[test]
fn go_says_the_same() {
    let mut wrong = String::new();
    for line in include_str!("cases.tsv").lines() {
        let mut columns = line.split('\t');
        let (text, expected) = (columns.next().unwrap(), columns.next().unwrap());
        let template = Template::parse("answer", text, &SHAPE);
        if expected.starts_with("REFUSED") {
            if template.is_ok() {
                wrong += &format!("{text}: taken, and Go says {expected}\n");
            }
            continue;
        }
        if expected.starts_with("FAILS") {
            if template.is_ok_and(|template| template.run(&Data(Question)).is_ok()) {
                wrong += &format!("{text}: runs, and Go says {expected}\n");
            }
            continue;
        }
        let unquoted = |text: &str| literal::text(text).unwrap();
        match template {
            Ok(template) => {
                let expected = (unquoted(expected), unquoted(columns.next().unwrap()));
                let found = (
                    template.run(&Data(Question)).unwrap_or_else(|error| error.to_string()),
                    template.to_string(),
                );
                if found != expected {
                    wrong += &format!("{text}:\n  {found:?}\n  {expected:?}\n");
                }
            }
            Err(problem) => wrong += &format!("{text}: refused, {problem:?}\n"),
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn failures_are_told_in_the_words_of_go() {
    let failing: Vec<(&str, &str)> = include_str!("cases.tsv")
        .lines()
        .filter_map(|line| line.split_once("\tFAILS "))
        .filter(|(text, _)| {
            ["index", "slice", "eq .Match"].iter().any(|name| text.contains(name)) || text.contains("`fff`")
        })
        .collect();
    assert!(failing.len() > 5, "{failing:?}");
    for (text, expected) in failing {
        assert_eq!(run(text).unwrap_err().to_string(), expected);
    }
    assert_eq!(
        run("a\nbb {{ index .Match 9 }}").unwrap_err().to_string(),
        "template: answer:2:6: executing \"answer\" at <index .Match 9>: error calling index: index out of range: 9"
    );
    assert_eq!(run("{{ parseInt .Group.nope 16 8 }}").unwrap_err().why, "invalid value; expected string");
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, expected) in [
        ("{{", "{{ | this action is not closed | close it with `}}`"),
        ("a {{ .Name }", "} | `}` has no meaning in an action"),
        (
            "{{ notAFunction }}",
            "notAFunction | `notAFunction` is no function of templates | supported are and, eq, ge, gt, \
            index, le, len, lt, ne, not, or, parseInt, print, printf, println, slice",
        ),
        ("{{ prnt 1 }}", "prnt | `prnt` is no function of templates | did you mean `print`?"),
        (
            "{{ .Name | urlquery }}",
            "urlquery | `urlquery` is not supported in templates here | supported are and, eq, ge, gt, \
            index, le, len, lt, ne, not, or, parseInt, print, printf, println, slice",
        ),
        (
            "{{ define \"x\" }}{{ end }}",
            "define | `define` is not supported in templates here | supported are values and \
            functions, `if`, `with`, `range`, `else`, `end`, `break`, `continue`, variables and comments",
        ),
        (
            "{{ parseInt }}",
            "parseInt | `parseInt` takes 3 arguments, not 0 | write `parseInt TEXT BASE BITS`, as in \
            `parseInt .Group.b 16 8`",
        ),
        (
            "{{ print len }}",
            "len | `len` stands here without its arguments | write `len .Match`; as an argument it stands in \
            parentheses",
        ),
        (
            "{{ .Grup.d }}",
            ".Grup.d | there is no field `Grup` in the data of templates here | did you mean `.Group`?",
        ),
        ("{{ .Name.Foo }}", ".Name.Foo | `.Name` has no field `Foo` | leave the field out"),
        ("{{ .Match.1 }}", ".1 | a blank is missing before `.1`"),
        (
            "{{ .Match.One }}",
            ".Match.One | `.Match` has no field `One` | take a value by its place, as in `index .Match 0`",
        ),
        ("{{ .Question }}", ".Question | `.Question` is no text, but has fields | it has `.Name`, `.Qtype`"),
        (
            "{{ .Question.Type }}",
            ".Question.Type | there is no field `Type` in the data of templates here | did you mean \
            `.Qtype`?",
        ),
        (
            "{{ .Meta }}",
            ".Meta | `.Meta` is a function of one text, as in `.Meta \"kubernetes/client-namespace\"`",
        ),
        ("{{ .Name 1 }}", ".Name | `.Name` is no function, and can take no arguments"),
        (
            "{{ $x }}",
            "$x | the variable `$x` is not defined here | define it before, as in `{{ $x := .Name }}`",
        ),
        (
            "{{ with .Question }}{{ .Nme }}{{ end }}",
            ".Nme | there is no field `Nme` in the data of templates here | did you \
            mean `.Name`?",
        ),
        ("{{ if .Name }}x", "{{ if .Name }} | this has no `{{ end }}`"),
        ("{{ /* x */ }}", "/ | `/` has no meaning in an action"),
        ("{{/* x }}", "{{ | this comment is not closed | a comment ends with `*/}}`, or with `*/ -}}`"),
        ("{{ \"a\\q\" }}", "\"a\\q\" | `\"a\\q\"` is no text in the syntax of Go"),
        ("{{ 1 }}{{ end }}", "{{ end }} | `end` stands without `if`, `with` or `range`"),
    ] {
        assert_eq!(refusal(text), expected, "{text}");
    }
}

#[test]
fn a_run_is_bounded() {
    let error = |text: &str| run(text).unwrap_err().why;
    assert_eq!(error("{{ range 1000000000 }}{{ end }}"), "more than 20000 steps");
    assert_eq!(
        error("{{ range 10000 }}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{{ end }}"),
        "the text is longer than 262144 octets"
    );
    let doubling = "{{ $x = printf `%s%s` $x $x }}".repeat(20);
    assert_eq!(
        error(&format!("{{{{ $x := `aaaaaaaaaa` }}}}{doubling}")),
        "error calling printf: the text is longer than 262144 octets"
    );
    assert_eq!(error("{{ printf `%9999d` 1 }}"), "error calling printf: a width in a format is at most 1000");
    let deep = format!("{}1{}", "{{ if 1 }}".repeat(40), "{{ end }}".repeat(40));
    assert_eq!(Template::parse("answer", &deep, &SHAPE).unwrap_err().why, "templates nest at most 32 deep");
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(40), ")".repeat(40));
    assert_eq!(Template::parse("answer", &deep, &SHAPE).unwrap_err().why, "templates nest at most 32 deep");
}

proptest! {
    #[test]
    fn any_text_is_a_template_or_a_problem_within_it(text in "(?s).{0,60}") {
        check(&text);
    }

    #[test]
    fn any_words_are_a_template_or_a_problem_within_them(words in prop::collection::vec(word(), 0..25)) {
        check(&words.join(" "));
        check(&words.concat());
    }
}

fn word() -> impl Strategy<Value = String> {
    let words = [
        "{{",
        "}}",
        "{{-",
        "-}}",
        ".",
        ".Name",
        ".Match",
        ".Group.x",
        ".Var.num",
        "$x",
        "$",
        ":=",
        "=",
        "|",
        "(",
        ")",
        "if",
        "else",
        "end",
        "range",
        "with",
        "index",
        "printf",
        "print",
        "len",
        "eq",
        "and",
        "slice",
        "parseInt",
        "`%5.2d`",
        "\"ä\\n\"",
        "'x'",
        "1",
        "-1",
        "1e3",
        "0x",
        "nil",
        "true",
        "/*",
        "*/",
        "break",
        "continue",
        "text",
        "\n",
        ",",
    ];
    prop::sample::select(words.to_vec()).prop_map(str::to_owned)
}

fn check(text: &str) {
    match Template::parse("answer", text, &SHAPE) {
        Ok(template) => {
            let _ = template.run(&Data(Question)).map_err(|error| error.to_string());
            let _ = template.to_string();
        }
        Err(problem) => assert!(text.get(problem.place.clone()).is_some(), "{text:?} {problem:?}"),
    }
}
