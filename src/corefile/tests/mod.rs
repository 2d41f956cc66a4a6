//! Rules of the grammar by table, diagnostics as they are printed, and properties of any text.

mod grammar;
mod helpers;
mod imports;
mod keys;
mod properties;
mod rendered;

use super::{Corefile, Directive, Memory, parse};

/// Parses what must parse.
fn good(text: &str) -> Corefile {
    good_in(text, &Memory::default())
}

fn good_in(text: &str, env: &Memory) -> Corefile {
    match parse("Corefile", text, env) {
        Ok(corefile) => corefile,
        Err(failure) => panic!("{failure}"),
    }
}

/// Everything that is told about a text, errors and warnings.
fn told(text: &str) -> String {
    told_in(text, &Memory::default())
}

fn told_in(text: &str, env: &Memory) -> String {
    match parse("Corefile", text, env) {
        Ok(corefile) => {
            let rendered: Vec<String> =
                corefile.warnings.iter().map(|warning| corefile.sources.render(warning)).collect();
            rendered.join("\n\n")
        }
        Err(failure) => failure.to_string(),
    }
}

/// The messages alone, in order.
fn messages(text: &str) -> Vec<String> {
    messages_in(text, &Memory::default())
}

fn messages_in(text: &str, env: &Memory) -> Vec<String> {
    let diagnostics = match parse("Corefile", text, env) {
        Ok(corefile) => corefile.warnings,
        Err(failure) => failure.diagnostics,
    };
    diagnostics.into_iter().map(|diagnostic| diagnostic.message).collect()
}

/// The structure on one line: words in brackets, `|` before a block's keys, braces around blocks.
fn shape(corefile: &Corefile) -> String {
    let mut out = String::new();
    for block in &corefile.blocks {
        out.push('|');
        for key in &block.keys {
            out.push_str(&format!("[{}]", key.token.text));
        }
        out.push_str(&shape_of(&block.directives));
    }
    out
}

fn shape_of(directives: &[Directive]) -> String {
    let mut out = "{".to_owned();
    for directive in directives {
        out.push_str(&format!("[{}", directive.name.text));
        for arg in &directive.args {
            out.push_str(&format!(",{}", arg.text));
        }
        out.push(']');
        if let Some(block) = &directive.block {
            out.push_str(&shape_of(block));
        }
    }
    out + "}"
}

/// Each text draws this one error or warning.
fn refused(table: &[(&str, &str)]) {
    for (text, message) in table {
        assert_eq!(messages(text), [*message], "{text:?}");
    }
}
