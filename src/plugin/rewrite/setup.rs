//! `rewrite [continue|stop] FIELD …`, on one line or as a block.

mod edns;
mod name;
mod words;

use std::sync::Arc;

use self::words::Words;
use super::matching::{Exchange, Match, Template};
use super::rule::{Field, Rule};
use super::{Rewrite, Rules};
use crate::corefile::{Diagnostic, Directive, Shown, Token};
use crate::dns::{Class, Rcode, RecordType};
use crate::plugin::{Setup, SetupResult};

const USAGE: &str = "rewrite [continue|stop] name|type|class|ttl|rcode|cname|edns0 …";
const TYPE_USAGE: &str = "rewrite [continue|stop] type FROM TO";
const CLASS_USAGE: &str = "rewrite [continue|stop] class FROM TO";
const TTL_USAGE: &str =
    "rewrite [continue|stop] ttl [exact|prefix|suffix|substring|regex] NAME SECONDS|MIN-MAX";
const RCODE_USAGE: &str = "rewrite [continue|stop] rcode [exact|prefix|suffix|substring|regex] NAME FROM TO";
const CNAME_USAGE: &str = "rewrite [continue|stop] cname [exact|prefix|suffix|substring|regex] FROM TO";

/// The largest TTL (RFC 2181 §8).
const TTL_MAX: u32 = i32::MAX as u32;

const RCODE_MAX: u16 = 23;

/// Sets `rewrite` up.
///
/// # Errors
/// When a directive is no rule.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let rules: Result<Vec<Rule>, Diagnostic> =
        setup.directives.iter().map(|directive| rule(directive)).collect();
    let rules = Rules { list: rules?.into(), lookup: Arc::clone(&setup.process.lookup) };
    setup.add(Rewrite { rules: Arc::new(rules) });
    Ok(())
}

fn rule(directive: &Directive) -> Result<Rule, Diagnostic> {
    let mut words = Words::of(directive)?;
    let first = words.next(USAGE)?;
    let (goes_on, field) = match first.text.to_ascii_lowercase().as_str() {
        "continue" => (true, words.next(USAGE)?),
        "stop" => (false, words.next(USAGE)?),
        _ => (false, first),
    };
    let field = match field.text.to_ascii_lowercase().as_str() {
        "name" => name::read(&mut words)?,
        "type" => {
            let [from, to] = words.exactly(TYPE_USAGE)?;
            Field::Type { from: record_type(from)?, to: record_type(to)? }
        }
        "class" => {
            let [from, to] = words.exactly(CLASS_USAGE)?;
            Field::Class { from: class(from)?, to: class(to)? }
        }
        "ttl" => ttl(&mut words)?,
        "rcode" => rcode_rule(&mut words)?,
        "cname" => cname(&mut words)?,
        "edns0" => Field::Edns(edns::read(&mut words)?),
        "answer" => {
            let error = Diagnostic::error("a rule does not begin with `answer`").at(field.span);
            return Err(error.help("write it behind a name rule: `rewrite name suffix FROM TO answer auto`"));
        }
        _ => {
            let fields = ["name", "type", "class", "ttl", "rcode", "cname", "edns0", "continue", "stop"];
            let error = field.one_of(&fields.map(|field| (field, ()))).err();
            return Err(error.unwrap_or_else(|| field.wrong("a field of `rewrite`")));
        }
    };
    words.end(USAGE)?;
    Ok(Rule { field, goes_on })
}

fn record_type(word: &Token) -> Result<RecordType, Diagnostic> {
    let known = RecordType::from_mnemonic(&word.text).filter(|rtype| rtype.0 > 0);
    known.ok_or_else(|| {
        word.wrong("a record type").help("write a mnemonic, as `A` or `HTTPS`, or a number, as `TYPE65`")
    })
}

fn class(word: &Token) -> Result<Class, Diagnostic> {
    let known = Class::KNOWN.iter().find(|(name, _)| word.text.eq_ignore_ascii_case(name));
    known.map_or_else(|| word.one_of(&Class::KNOWN), |(_, class)| Ok(*class))
}

fn ttl(words: &mut Words<'_>) -> Result<Field, Diagnostic> {
    let (on, [seconds]) = words::matching(words, TTL_USAGE)?;
    let text = seconds.text.as_str();
    let number = |text: &str| text.parse::<u32>().ok().filter(|ttl| *ttl <= TTL_MAX);
    let range = match text.split_once('-') {
        None => number(text).map(|ttl| (ttl, ttl)),
        Some(("", "")) => None,
        Some(("", max)) => number(max).map(|max| (0, max)),
        Some((min, "")) => number(min).map(|min| (min, TTL_MAX)),
        Some((min, max)) => number(min).zip(number(max)),
    };
    match range.filter(|(min, max)| min <= max) {
        Some((min, max)) => Ok(Field::Ttl { on, min, max }),
        None => {
            let help = format!("write `SECONDS`, `MIN-MAX`, `MIN-` or `-MAX`, each from 0 to {TTL_MAX}");
            Err(seconds.wrong("a TTL or a range of TTLs").help(help))
        }
    }
}

fn rcode_rule(words: &mut Words<'_>) -> Result<Field, Diagnostic> {
    let (on, [from, to]) = words::matching(words, RCODE_USAGE)?;
    Ok(Field::Rcode { on, from: rcode(from)?, to: rcode(to)? })
}

fn rcode(word: &Token) -> Result<Rcode, Diagnostic> {
    let number = word.text.parse().ok().filter(|code| *code <= RCODE_MAX).map(Rcode);
    let named = || Rcode::KNOWN.iter().find(|(name, _)| word.text.eq_ignore_ascii_case(name));
    number.or_else(|| named().map(|(_, rcode)| *rcode)).ok_or_else(|| {
        let help = format!("write a name, as `NXDOMAIN`, or a number from 0 to {RCODE_MAX}");
        word.wrong("a response code").help(help)
    })
}

fn cname(words: &mut Words<'_>) -> Result<Field, Diagnostic> {
    let (kind, [from, to]) = words::kind(words, CNAME_USAGE)?;
    let exchange = match kind.as_str() {
        "exact" => Exchange { on: Match::Exact(from.name()?), to: Template::text(to.name()?.to_string()) },
        "regex" => words::regex_exchange(from, to)?,
        kind => {
            if from.text.is_empty() || to.text.is_empty() {
                let word = if from.text.is_empty() { from } else { to };
                return Err(Diagnostic::error(format!("{} is empty", Shown(&word.text))).at(word.span));
            }
            let from = from.text.to_ascii_lowercase();
            let to = to.text.to_ascii_lowercase();
            // Parts are taken as they are written, but for the end: a target ends in a dot.
            let on = match kind {
                "prefix" => Match::Prefix(from.into()),
                "suffix" => Match::Suffix(super::text::absolute(&from).into()),
                _ => Match::Substring(from.into()),
            };
            Exchange { on, to: Template::text(to) }
        }
    };
    Ok(Field::Cname(exchange))
}
