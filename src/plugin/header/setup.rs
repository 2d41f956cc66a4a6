//! `header { query|response set|clear FLAG… }`.

use std::sync::Arc;

use super::{Change, Header};
use crate::corefile::{Diagnostic, Directive, Token};
use crate::dns::Flags;
use crate::plugin::{Setup, SetupResult};

const USAGE: &str = "query|response set|clear aa|ra|rd…";
const FLAGS: [(&str, u16); 3] = [("aa", Flags::AA), ("ra", Flags::RA), ("rd", Flags::RD)];

/// Sets `header` up.
///
/// # Errors
/// When no rule is given, or one has a word that is none of its own.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let directive = setup.once()?;
    directive.exactly::<0>("header")?;
    let (mut query, mut response) = (Change::default(), Change::default());
    for rule in directive.properties() {
        rule.no_block()?;
        let change = match rule.name.text.to_ascii_lowercase().as_str() {
            "query" => &mut query,
            "response" => &mut response,
            _ => return Err(rule.unknown_property("header", &["query", "response"])),
        };
        read(rule, change)?;
    }
    if query == Change::default() && response == Change::default() {
        let error = Diagnostic::error("`header` has no rule").at(directive.head());
        return Err(error.help(format!("write a block with lines `{USAGE}`")));
    }
    setup.add(Header { query, response: Arc::new(response) });
    Ok(())
}

fn read(rule: &Directive, change: &mut Change) -> Result<(), Diagnostic> {
    let words = rule.at_least(2, USAGE)?;
    let is_set = in_any_case(&words[0], &[("set", true), ("clear", false)])?;
    for word in &words[1..] {
        change.add(in_any_case(word, &FLAGS)?, is_set);
    }
    Ok(())
}

fn in_any_case<T: Clone>(word: &Token, choices: &[(&str, T)]) -> Result<T, Diagnostic> {
    let known = choices.iter().find(|(name, _)| word.text.eq_ignore_ascii_case(name));
    known.map_or_else(|| word.one_of(choices), |(_, choice)| Ok(choice.clone()))
}
