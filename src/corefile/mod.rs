//! Text becomes tokens, tokens become server blocks, and every mistake is shown where it stands.
//!
//! ```text
//! bytes ─ environment ─► text ─ lexer ─► lines of tokens ─ expander ─► lines, imports and        ─ parser ─► Corefile
//!                                                          (snippets)  environment put in place
//! ```
//!
//! The lexer knows white space, quotes and comments; the expander puts the contents of files and snippets in the place
//! of `import` lines, and environment values into tokens; the parser sees lines only. The words of a directive stay
//! words here: the helpers of `args` turn them into values when a plugin sets itself up.
//!
//! **Invariant:** this module knows no plugin, does no I/O other than through an [`Environment`], and does not panic on
//! any text. Every [`Span`] lies within its source, on character boundaries.

mod args;
mod arity;
mod diagnostic;
mod duration;
mod environment;
mod expander;
mod fingerprint;
mod import;
mod key;
mod key_list;
mod lexer;
mod parser;
mod problems;
mod snippet;
mod source_map;
mod suggest;
mod token;
mod variables;

pub use args::HostPort;
pub use arity::zones;
pub use diagnostic::{Diagnostic, ParseFailure, Severity, Shown};
pub use duration::{DurationError, parse_duration, show_duration};
pub use environment::{Environment, FILE_SIZE_MAX, System};
pub use key::{Key, Scheme};
pub use source_map::{Location, SourceMap};
pub use suggest::suggest;
pub use token::{FileId, Span, Token};

#[cfg(test)]
pub(crate) use environment::Memory;

use std::path::Path;

use expander::Expander;
use problems::Problems;

/// A Corefile as it was typed, with imports and environment values in place.
#[derive(Debug, Clone)]
pub struct Corefile {
    /// In the order of the file; empty for an empty file, for which the caller has a default.
    pub blocks: Vec<ServerBlock>,
    /// Every text that was read, to render diagnostics with.
    pub sources: SourceMap,
    /// What is odd and does not stop the start.
    pub warnings: Vec<Diagnostic>,
    /// SHA-512 over the words and their structure: what `reload` compares. Comments, blanks and file names do not
    /// count; environment values and the contents of imports do.
    pub fingerprint: [u8; 64],
}

/// `KEY… { directives }`.
#[derive(Debug, Clone)]
pub struct ServerBlock {
    /// At least one.
    pub keys: Vec<Key>,
    /// In the order of the file; one name may stand several times.
    pub directives: Vec<Directive>,
    /// From the first key to the closing brace, or the first key alone when the two are in different files.
    pub span: Span,
}

/// A line of a block: a name, arguments, and perhaps a block of its own. The properties in such a block are directives
/// too.
#[derive(Debug, Clone)]
pub struct Directive {
    /// The first word of the line.
    pub name: Token,
    /// The other words.
    pub args: Vec<Token>,
    /// What stands between the braces; `None` without braces.
    pub block: Option<Vec<Directive>>,
    /// From the name to the last argument or the closing brace.
    pub span: Span,
}

/// Parses `text`, which errors name as `file_name`; imports are relative to that name's directory.
///
/// # Errors
/// With everything that is wrong, as far as one mistake does not hide the next.
pub fn parse(file_name: &str, text: &str, env: &dyn Environment) -> Result<Corefile, ParseFailure> {
    let mut expander = Expander::new(env);
    expander.start(Path::new(file_name), text);
    finish(expander)
}

/// Reads the file at `path` and parses it.
///
/// # Errors
/// When the file cannot be read, and as [`parse`].
pub fn load(path: &Path, env: &dyn Environment) -> Result<Corefile, ParseFailure> {
    match env.read(path) {
        Ok(text) => {
            let mut expander = Expander::new(env);
            expander.start(path, &text);
            finish(expander)
        }
        Err(error) => Err(ParseFailure {
            diagnostics: vec![Diagnostic::error(format!(
                "cannot read the Corefile {}: {error}",
                Shown(&path.to_string_lossy())
            ))],
            sources: SourceMap::default(),
        }),
    }
}

fn finish(mut expander: Expander<'_>) -> Result<Corefile, ParseFailure> {
    let blocks = parser::server_blocks(&mut expander);
    let (sources, problems) = expander.finish();
    let Problems { diagnostics, failed, .. } = problems;
    if failed {
        return Err(ParseFailure { diagnostics, sources });
    }
    let fingerprint = fingerprint::of(&blocks);
    Ok(Corefile { blocks, sources, warnings: diagnostics, fingerprint })
}

#[cfg(test)]
mod tests;
