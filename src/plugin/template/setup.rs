//! `template CLASS TYPE [ZONES…] { match REGEX…; var NAME EXPRESSION; expr EXPRESSION; answer|additional|authority RR…;
//! rcode CODE; ederror CODE [TEXT]; fallthrough [ZONES…] }`.

use super::data::SHAPE;
use super::line::Line;
use super::matching::Rule;
use super::metrics::Metrics;
use super::words::Joined;
use super::{Answer, Template, go_template};
use crate::corefile::{Diagnostic, Directive, Shown, Span, Token, zones};
use crate::dns::presentation::{first_record, is_blank};
use crate::dns::{Class, InfoCode, Name, Rcode, RecordType};
use crate::expression::{self, Expression, Scope};
use crate::plugin::per_server::PerServer;
use crate::plugin::{Setup, SetupResult};

const USAGE: &str = "template CLASS TYPE [ZONES…]";
const PROPERTIES: [&str; 9] =
    ["match", "answer", "additional", "authority", "rcode", "ederror", "var", "expr", "fallthrough"];
/// As in CoreDNS: a longer one costs more memory than it is worth.
const REGEX_LEN_MAX: usize = 10_000;

/// Sets `template` up: each directive is a rule, in file order.
///
/// # Errors
/// For the words of a directive, for a template or an expression that is none, and for a record that is the same for all
/// queries and is none.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let (mut rules, mut answers) = (Vec::new(), Vec::new());
    for directive in setup.directives {
        let [class, rtype, zone_words @ ..] = directive.at_least(2, USAGE)? else { continue };
        let zones = setup.zones_or_block(zone_words)?;
        let mut draft = Draft::new(class_of(class)?, type_of(rtype)?, zones);
        for property in directive.properties() {
            draft.read(property)?;
        }
        let (rule, answer) = draft.finish()?;
        setup.draft.any_class |= !matches!(rule.class, Class::IN | Class::ANY);
        rules.push(rule);
        answers.push(answer);
    }
    let registry = &setup.process.metrics;
    let metrics = setup.site.servers.iter();
    let metrics =
        metrics.map(|server| (server.number, Metrics::new(registry, &server.label, &rules, &answers)));
    let metrics = PerServer::new(metrics);
    let lookup = std::sync::Arc::clone(&setup.process.lookup);
    setup.add(Template { rules, answers, lookup, metrics });
    Ok(())
}

/// A rule that is being read.
struct Draft<'d> {
    rule: Rule,
    answer: Answer,
    scope: Scope,
    /// The properties that may stand once.
    once: Vec<&'d Directive>,
    /// The first record, which has no effect beside some others.
    record: Option<&'d Directive>,
}

impl<'d> Draft<'d> {
    fn new(class: Class, rtype: RecordType, zones: Vec<Name>) -> Self {
        let rule = Rule {
            zone_texts: zones.iter().map(|zone| zone.to_string().into()).collect(),
            zones,
            class,
            rtype,
            patterns: Vec::new(),
            variables: Vec::new(),
            conditions: Vec::new(),
            fallthrough: Vec::new(),
            needs_text: false,
        };
        let answer = Answer { rcode: Rcode::NOERROR, sections: Default::default(), error: None };
        let scope = Scope { variables: Vec::new(), has_groups: true };
        Self { rule, answer, scope, once: Vec::new(), record: None }
    }

    fn read(&mut self, property: &'d Directive) -> SetupResult {
        property.no_block()?;
        match property.name.text.as_str() {
            "match" => {
                for word in property.at_least(1, "match REGEX…")? {
                    self.rule.patterns.push(pattern(word)?);
                }
            }
            "answer" => self.records(property, 0)?,
            "authority" => self.records(property, 1)?,
            "additional" => self.records(property, 2)?,
            "rcode" => {
                self.first(property)?;
                let [word] = property.exactly("rcode CODE")?;
                self.answer.rcode = word.one_of(&Rcode::KNOWN)?;
            }
            "ederror" => {
                self.first(property)?;
                let words = property.between(1, 2, "ederror CODE [TEXT]")?;
                let code = InfoCode(words[0].integer(0..=u16::MAX)?);
                self.answer.error = Some((code, words.get(1).map_or("", |word| &word.text).into()));
            }
            "var" => self.variable(property)?,
            "expr" => {
                let words = property.at_least(1, "expr EXPRESSION")?;
                self.rule.conditions.push(expression(words, &self.scope)?);
            }
            "fallthrough" => {
                self.first(property)?;
                self.rule.fallthrough =
                    if property.args.is_empty() { vec![Name::root()] } else { zones(&property.args)? };
            }
            // It means nothing since CoreDNS 1.3, and old Corefiles have it.
            "upstream" => {}
            _ => return Err(property.unknown_property("template", &PROPERTIES)),
        }
        Ok(())
    }

    /// Keeps a property from standing twice.
    fn first(&mut self, property: &'d Directive) -> SetupResult {
        if let Some(first) = self.once.iter().find(|first| first.name.text == property.name.text) {
            return Err(property.repeated(first));
        }
        self.once.push(property);
        Ok(())
    }

    fn records(&mut self, property: &'d Directive, section: usize) -> SetupResult {
        let name = super::metrics::SECTIONS[section];
        self.record.get_or_insert(property);
        for word in property.at_least(1, &format!("{name} RR…"))? {
            let line = line(name, word)?;
            self.rule.needs_text |= matches!(line, Line::Made(_));
            self.answer.sections[section].push(line);
        }
        Ok(())
    }

    fn variable(&mut self, property: &Directive) -> SetupResult {
        let [name, words @ ..] = property.at_least(2, "var NAME EXPRESSION")? else { return Ok(()) };
        let mut letters = name.text.chars();
        let is_letter = |letter: char| letter == '_' || letter.is_ascii_alphabetic();
        let is_name = letters.next().is_some_and(is_letter)
            && letters.all(|letter| is_letter(letter) || letter.is_ascii_digit());
        if !is_name {
            return Err(name.wrong("a name of a variable").help("it is made of letters, digits and `_`"));
        }
        if expression::is_reserved(&name.text) {
            let error =
                Diagnostic::error(format!("the name {} is reserved", Shown(&name.text))).at(name.span);
            return Err(error.label("a function or a word of the language").help("take another name"));
        }
        if self.scope.variables.iter().any(|(known, _)| *known == name.text) {
            let error = Diagnostic::error(format!("the variable {} is defined twice", Shown(&name.text)));
            return Err(error.at(name.span).help("take another name"));
        }
        let expression = expression(words, &self.scope)?;
        self.scope.variables.push((name.text.clone(), expression.of_type()));
        self.rule.variables.push((name.text.clone(), expression));
        Ok(())
    }

    fn finish(mut self) -> Result<(Rule, Answer), Diagnostic> {
        if let Some(record) = self.record.filter(|_| self.answer.rcode == Rcode::SERVFAIL) {
            let error =
                Diagnostic::error("records have no effect with `rcode SERVFAIL`").at(record.name.span);
            return Err(error.help("leave them out; a reply that says SERVFAIL has no records"));
        }
        let rule = &mut self.rule;
        rule.needs_text |=
            !rule.patterns.is_empty() || !rule.variables.is_empty() || !rule.conditions.is_empty();
        Ok((self.rule, self.answer))
    }
}

/// As in CoreDNS in capitals alone.
fn class_of(word: &Token) -> Result<Class, Diagnostic> {
    word.one_of(&Class::KNOWN).map_err(|error| {
        let wrong = word.wrong("a class");
        Diagnostic { help: error.help, ..wrong }
    })
}

fn type_of(word: &Token) -> Result<RecordType, Diagnostic> {
    let found = RecordType::from_mnemonic(&word.text);
    let is_upper = word.text.chars().all(|letter| !letter.is_ascii_lowercase());
    found.filter(|_| is_upper).ok_or_else(|| {
        let help = match found {
            Some(rtype) => format!("write it in capitals: `{rtype}`"),
            None => "it is a mnemonic such as `AAAA`, `TYPE65280`, or `ANY` for all".to_owned(),
        };
        word.wrong("a record type").help(help)
    })
}

fn pattern(word: &Token) -> Result<regex::Regex, Diagnostic> {
    if word.text.len() > REGEX_LEN_MAX {
        let error = Diagnostic::error("this regular expression is too long").at(word.span);
        return Err(error.help(format!("it has at most {REGEX_LEN_MAX} octets")));
    }
    word.regex()
}

/// A record, or the template of one. What is the same for all queries is read here and now.
fn line(name: &'static str, word: &Token) -> Result<Line, Diagnostic> {
    let part = |place: std::ops::Range<usize>| {
        if place.is_empty() { word.span } else { word.part(place.start, place.end) }
    };
    let template = go_template::Template::parse(name, &word.text, &SHAPE)
        .map_err(|problem| diagnostic(problem.why, part(problem.place), problem.help))?;
    let Some(text) = template.constant() else { return Ok(Line::Made(template)) };
    // Comments and trimmed blanks have moved what stands behind them.
    let span = |place: std::ops::Range<usize>| if text == word.text { part(place) } else { word.span };
    let help = || Some("a record is written as in a zone file, as `a.example. 60 IN A 192.0.2.1`".to_owned());
    let record = first_record(text).map_err(|error| diagnostic(error.why, span(error.place), help()))?;
    if !text.get(record.end..).is_none_or(is_blank) {
        let why = format!("only the first record of an `{name}` counts");
        let help = Some(format!("write the next one as an `{name}` of its own"));
        return Err(diagnostic(why, span(record.end..text.len()), help));
    }
    Ok(Line::Fixed(record))
}

fn expression(words: &[Token], scope: &Scope) -> Result<Expression, Diagnostic> {
    let joined = Joined::new(words);
    Expression::parse(&joined.text, scope).map_err(|problem| {
        let error = Diagnostic::error(problem.why);
        let error = joined.span(problem.place).map_or(error.clone(), |span| error.at(span));
        Diagnostic { help: problem.help, ..error }
    })
}

fn diagnostic(why: String, span: Span, help: Option<String>) -> Diagnostic {
    Diagnostic { help, ..Diagnostic::error(why).at(span) }
}
