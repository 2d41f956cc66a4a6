//! Words and where they stand.

/// A text of a [`SourceMap`](super::SourceMap).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub(super) u32);

/// A range of bytes in one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// The text.
    pub file: FileId,
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

impl Span {
    /// From the start of this span to the end of `last`; this span alone when `last` is in another text or before it.
    #[must_use]
    pub fn to(self, last: Span) -> Span {
        if self.file == last.file && self.start <= last.end { Span { end: last.end, ..self } } else { self }
    }
}

/// A word of a Corefile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Without quotes, and with environment values in place.
    pub text: String,
    /// Where it was typed, quotes included.
    pub span: Span,
    /// Whether it stood in quotes; a brace or `import` in quotes is a plain word.
    pub quoted: bool,
    /// Whether the text is not what was typed, since an environment value was put in.
    pub replaced: bool,
}

impl Token {
    /// Whether this is the bare word `mark`: a brace or `import` that means itself.
    #[must_use]
    pub(super) fn is(&self, mark: &str) -> bool {
        !self.quoted && !self.replaced && self.text == mark
    }

    /// Where a part of the text stands, or the whole word when the text is not as it was typed.
    #[must_use]
    pub fn part(&self, start: usize, end: usize) -> Span {
        let verbatim = !self.quoted && !self.replaced && self.span.end - self.span.start == self.text.len();
        if verbatim && start <= end && end <= self.text.len() {
            Span { start: self.span.start + start, end: self.span.start + end, ..self.span }
        } else {
            self.span
        }
    }
}
