//! `errors`.

use super::Errors;
use crate::corefile::{Diagnostic, Directive, Shown};
use crate::plugin::{Setup, SetupResult};

const PROPERTIES: [&str; 2] = ["stacktrace", "consolidate"];

/// Sets `errors` up.
///
/// # Errors
/// For arguments and properties.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    for directive in setup.directives {
        directive.exactly::<0>("errors")?;
        if let Some(property) = directive.properties().first() {
            return Err(refuse(property));
        }
    }
    setup.add(Errors::default());
    Ok(())
}

fn refuse(property: &Directive) -> Diagnostic {
    let name = property.name.text.as_str();
    if !PROPERTIES.contains(&name) {
        return property.unknown_property("errors", &PROPERTIES);
    }
    let message = format!("property {} of `errors` is not built yet", Shown(name));
    let help = match name {
        "stacktrace" => "leave it out: a panic is always logged with its text",
        _ => "leave it out: every error is logged by itself",
    };
    Diagnostic::error(message).at(property.name.span).help(help)
}
