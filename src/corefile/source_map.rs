//! The texts that were read, and diagnostics rendered over them.

use std::sync::Arc;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Diagnostic, FileId, Severity, Span};

/// File names and texts. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    sources: Vec<Source>,
}

#[derive(Clone, Debug)]
struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

/// Where a span begins, as people count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location<'a> {
    /// Name of the file.
    pub file: &'a str,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

impl SourceMap {
    /// Adds a text.
    pub fn add(&mut self, name: &str, text: &str) -> FileId {
        let id = FileId(u32::try_from(self.sources.len()).unwrap_or(u32::MAX));
        self.sources.push(Source { name: name.into(), text: text.into() });
        id
    }

    /// The name of a text; empty for one of another map.
    #[must_use]
    pub fn name(&self, file: FileId) -> &str {
        self.source(file).map_or("", |source| &source.name)
    }

    /// A whole text; empty for one of another map.
    #[must_use]
    pub fn text(&self, file: FileId) -> &str {
        self.source(file).map_or("", |source| &source.text)
    }

    /// What was typed at `span`.
    #[must_use]
    pub fn typed(&self, span: Span) -> &str {
        self.text(span.file).get(span.start..span.end).unwrap_or("")
    }

    /// Where `span` begins.
    #[must_use]
    pub fn location(&self, span: Span) -> Location<'_> {
        let before = self.text(span.file).get(..span.start).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Location {
            file: self.name(span.file),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// Bytes between the start of the line and the span.
    pub(super) fn indent(&self, span: Span) -> usize {
        let before = self.text(span.file).get(..span.start).unwrap_or("");
        before.len() - before.rfind('\n').map_or(0, |at| at + 1)
    }

    /// The diagnostic as rustc would print it, without colour and without a final line end.
    #[must_use]
    pub fn render(&self, diagnostic: &Diagnostic) -> String {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str()));
        if let Some((span, source)) = diagnostic.span.and_then(|span| Some((span, self.source(span.file)?))) {
            let primary = AnnotationKind::Primary.span(source.range(span));
            let mut snippet = source.snippet().annotation(primary.label(diagnostic.label.as_deref()));
            let related = diagnostic.related.as_deref();
            if let Some((span, label)) = related.filter(|(other, _)| other.file == span.file) {
                snippet = snippet.annotation(context(source, *span, label));
            }
            group = group.element(snippet);
            if let Some((other, label)) = related.filter(|(other, _)| other.file != span.file)
                && let Some(source) = self.source(other.file)
            {
                group = group.element(source.snippet().annotation(context(source, *other, label)));
            }
        }
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        Renderer::plain().render(&[group])
    }

    /// The diagnostic on one line, for a log: `FILE:LINE:COLUMN: message: label (help)`.
    #[must_use]
    pub fn line(&self, diagnostic: &Diagnostic) -> String {
        let mut line = String::new();
        if let Some(span) = diagnostic.span {
            let Location { file, line: number, column } = self.location(span);
            line += &format!("{file}:{number}:{column}: ");
        }
        line += &diagnostic.message;
        if let Some(label) = &diagnostic.label {
            line += &format!(": {label}");
        }
        if let Some(help) = &diagnostic.help {
            line += &format!(" ({help})");
        }
        line
    }

    fn source(&self, file: FileId) -> Option<&Source> {
        self.sources.get(usize::try_from(file.0).ok()?)
    }
}

impl Source {
    fn snippet(&self) -> Snippet<'_, Annotation<'_>> {
        Snippet::source(&*self.text).path(&*self.name)
    }

    /// The renderer slices the text by this: a span of another map must not break it.
    fn range(&self, span: Span) -> std::ops::Range<usize> {
        if self.text.get(span.start..span.end).is_some() { span.start..span.end } else { 0..0 }
    }
}

fn context<'a>(source: &'a Source, span: Span, label: &'a str) -> Annotation<'a> {
    AnnotationKind::Context.span(source.range(span)).label(label)
}
