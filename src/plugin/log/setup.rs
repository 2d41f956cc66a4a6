//! `log [NAMES…] [FORMAT] { class CLASSES… }`.

use std::sync::Arc;

use super::class::Classes;
use super::format::{COMMON, Format};
use super::{Log, Rule, Rules};
use crate::corefile::{Diagnostic, Directive, zones};
use crate::dns::Name;
use crate::plugin::{Setup, SetupResult};

/// Sets `log` up.
///
/// # Errors
/// For a name that is none, an unknown class, or another property.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let mut rules = Vec::new();
    for directive in setup.directives {
        rules.extend(read(directive)?);
    }
    setup.add(Log { rules: Arc::new(Rules(rules)) });
    Ok(())
}

/// The rules of one directive: one for each name.
pub(super) fn read(directive: &Directive) -> Result<Vec<Rule>, Diagnostic> {
    let (names, format) = match directive.args.split_last() {
        Some((last, names)) if last.text.contains('{') => (names, last.text.as_str()),
        _ => (&directive.args[..], COMMON),
    };
    let mut names = zones(names)?;
    if names.is_empty() {
        names.push(Name::root());
    }
    let classes = classes(directive)?;
    let format = Arc::new(Format::new(format));
    Ok(names.into_iter().map(|zone| Rule { zone, format: Arc::clone(&format), classes }).collect())
}

fn classes(directive: &Directive) -> Result<Classes, Diagnostic> {
    let mut classes = Classes::default();
    for property in directive.properties() {
        if property.name.text != "class" {
            return Err(property.unknown_property("log", &["class"]));
        }
        for word in property.at_least(1, "class success|denial|error|all…")? {
            classes.add(word.one_of(&Classes::WORDS)?);
        }
    }
    Ok(classes)
}
