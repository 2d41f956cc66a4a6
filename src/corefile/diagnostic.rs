//! What is wrong, where, and what would be right.

use std::fmt::{self, Write};

use super::{SourceMap, Span};

/// Whether the configuration can be used all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can.
    Warning,
}

/// One thing to tell about a Corefile; [`SourceMap::render`] makes it text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// A lower-case fragment, with the offending word in back-quotes.
    pub message: String,
    /// The word that is underlined.
    pub span: Option<Span>,
    /// What is written beside the underline.
    pub label: Option<String>,
    /// What would be right.
    pub help: Option<String>,
    /// A second place that has to do with it.
    pub related: Option<Box<(Span, String)>>,
}

impl Diagnostic {
    /// What stops the start, or a reload.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message.into())
    }

    /// What does not.
    #[must_use]
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message.into())
    }

    fn new(severity: Severity, message: String) -> Self {
        Self { severity, message, span: None, label: None, help: None, related: None }
    }

    /// Underlines `span`.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Writes beside the underline.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Says what would be right.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Shows a second place.
    #[must_use]
    pub fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related = Some(Box::new((span, label.into())));
        self
    }
}

/// Why there is no [`Corefile`](super::Corefile). Displays as all its diagnostics, rendered.
#[derive(Clone, Debug)]
pub struct ParseFailure {
    /// At least one error; warnings among them.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that they point into.
    pub sources: SourceMap,
}

impl ParseFailure {
    /// The errors on one line, for a log.
    #[must_use]
    pub fn line(&self) -> String {
        let errors = self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
        errors.map(|error| self.sources.line(error)).collect::<Vec<_>>().join("; ")
    }
}

impl fmt::Display for ParseFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.diagnostics.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            f.write_str(&self.sources.render(diagnostic))?;
        }
        Ok(())
    }
}

impl std::error::Error for ParseFailure {}

/// A word as messages show it: in back-quotes, on one line, cut when long.
pub struct Shown<'a>(pub &'a str);

const SHOWN_CHARS_MAX: usize = 60;

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('`')?;
        for (index, char) in self.0.chars().enumerate() {
            if index == SHOWN_CHARS_MAX {
                f.write_char('…')?;
                break;
            }
            if char.is_control() {
                write!(f, "{}", char.escape_debug())?;
            } else {
                f.write_char(char)?;
            }
        }
        f.write_char('`')
    }
}
