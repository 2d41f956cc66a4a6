//! `rewrite name [exact|prefix|suffix|substring|regex] FROM TO [answer …]`.

use super::words::{self, Words};
use crate::corefile::{Diagnostic, Token};
use crate::dns::NameRole;
use crate::plugin::rewrite::matching::{Exchange, Match, Template};
use crate::plugin::rewrite::rule::{AnswerRule, Field, NameRule};
use crate::plugin::rewrite::text::absolute;

const USAGE: &str = "rewrite [continue|stop] name [exact|prefix|suffix|substring|regex] FROM TO [answer auto|name FROM \
    TO|value FROM TO]…";
const ANSWER_USAGE: &str = "answer auto|name FROM TO|value FROM TO";

/// What `answer …` says.
#[derive(Default)]
struct Answers<'d> {
    auto: Option<&'d Token>,
    named: Option<&'d Token>,
    rules: Vec<AnswerRule>,
}

pub(super) fn read(words: &mut Words<'_>) -> Result<Field, Diagnostic> {
    let kind = match words.rest() {
        [_, _] => "exact".to_owned(),
        [from, _, answer, ..] if answer.text == "answer" && words::kind_word(from).is_err() => {
            let error = Diagnostic::error("a name rule with `answer` says how it matches").at(from.span);
            return Err(error.help("write `exact` before the name, or another of the ways to match"));
        }
        [first, _, _, ..] => {
            let kind = words::kind_word(first)?;
            words.next(USAGE)?;
            kind
        }
        _ => return Err(words.too_few(USAGE)),
    };
    let (from, to) = (words.next(USAGE)?, words.next(USAGE)?);
    let exchange = match kind.as_str() {
        "exact" => Exchange { on: words::of_kind(&kind, from)?, to: Template::text(to.name()?.to_string()) },
        "regex" => words::regex_exchange(from, to)?,
        kind => Exchange { on: words::of_kind(kind, from)?, to: Template::text(absolute(&to.text)) },
    };
    if let Some(word) = words.peek().filter(|word| word.text == "metadata") {
        return Err(metadata(word));
    }
    let answers = Answers::read(words)?;
    // A suffix is put back for all names that have it, and not for the one that was asked for alone.
    let is_suffix = kind == "suffix" && answers.auto.is_some();
    let mut rules = Vec::new();
    if is_suffix {
        let back = Exchange {
            on: Match::Suffix(absolute(&to.text).into()),
            to: Template::text(absolute(&from.text)),
        };
        for role in [NameRole::Owner, NameRole::Value] {
            rules.push(AnswerRule { role, exchange: back.clone() });
        }
    }
    rules.extend(answers.rules);
    let is_remapped = kind == "exact" || answers.auto.is_some() && !is_suffix;
    Ok(Field::Name(NameRule { exchange, is_remapped, answers: rules.into() }))
}

/// For what needs labels of the `metadata` plugin.
pub(super) fn metadata(word: &Token) -> Diagnostic {
    let error = Diagnostic::error("labels of `metadata` are not built yet").at(word.span);
    error.help(
        "take them out: without the plugin `metadata` there are none, and CoreDNS passes over such a rule",
    )
}

impl<'d> Answers<'d> {
    fn read(words: &mut Words<'d>) -> Result<Self, Diagnostic> {
        let mut answers = Self::default();
        let mut is_first = true;
        while let Some(word) = words.peek() {
            match word.text.as_str() {
                "answer" => drop(words.next(USAGE)?),
                _ if is_first => {
                    let error = word.one_of(&[("answer", ())]).err();
                    return Err(error.unwrap_or_else(|| words.too_few(USAGE)));
                }
                _ => {}
            }
            is_first = false;
            answers.rule(words)?;
        }
        match (answers.auto, answers.named) {
            (Some(auto), Some(named)) => {
                let error =
                    Diagnostic::error("`answer auto` and `answer name` are in one rule").at(named.span);
                Err(error.related(auto.span, "`auto` says it already").help("keep one of them"))
            }
            _ => Ok(answers),
        }
    }

    fn rule(&mut self, words: &mut Words<'d>) -> Result<(), Diagnostic> {
        let word = words.next(ANSWER_USAGE)?;
        let role = match word.text.as_str() {
            "auto" => {
                self.auto = Some(word);
                return Ok(());
            }
            // CoreDNS's README writes `answer name auto`, and means `answer auto`.
            "name"
                if matches!(words.rest(), [auto] | [auto, _] if auto.text == "auto")
                    || matches!(words.rest(), [auto, answer, ..] if auto.text == "auto" && answer.text == "answer") =>
            {
                self.auto = Some(words.next(ANSWER_USAGE)?);
                return Ok(());
            }
            "name" => {
                self.named = Some(word);
                NameRole::Owner
            }
            "value" => NameRole::Value,
            _ => {
                let kinds = [("auto", ()), ("name", ()), ("value", ())];
                return Err(word.one_of(&kinds).err().unwrap_or_else(|| words.too_few(ANSWER_USAGE)));
            }
        };
        let (from, to) = (words.next(ANSWER_USAGE)?, words.next(ANSWER_USAGE)?);
        self.rules.push(AnswerRule { role, exchange: words::regex_exchange(from, to)? });
        Ok(())
    }
}
