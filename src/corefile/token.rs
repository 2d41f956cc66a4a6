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
        let typed = self.span.end - self.span.start;
        let (Some(before), Some(through)) = (self.text.get(..start), self.text.get(..end)) else {
            return self.span;
        };
        let place = if self.quoted {
            // Each quote of the text was typed with a backslash, and the text stands between two more.
            let quotes = |text: &str| text.matches('"').count();
            let is_as_typed = typed == self.text.len() + quotes(&self.text) + 2;
            is_as_typed.then(|| (1 + start + quotes(before), 1 + end + quotes(through)))
        } else {
            (typed == self.text.len()).then_some((start, end))
        };
        match place.filter(|(start, end)| !self.replaced && start <= end) {
            Some((start, end)) => {
                Span { start: self.span.start + start, end: self.span.start + end, ..self.span }
            }
            None => self.span,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::corefile::{Memory, parse};

    #[test]
    fn a_part_of_a_word_is_found_where_it_was_typed() {
        let text = ". {\n  answer bare \"two \\\"quoted\\\" words\" \"\u{e4}\\\\x\"\n}";
        let corefile = parse("Corefile", text, &Memory::default()).unwrap();
        let args = &corefile.blocks[0].directives[0].args;
        let typed = |at: usize, part: &str| {
            let start = args[at].text.find(part).unwrap();
            corefile.sources.typed(args[at].part(start, start + part.len())).to_owned()
        };
        assert_eq!(typed(0, "ar"), "ar");
        assert_eq!(typed(1, "two"), "two");
        assert_eq!(typed(1, "quoted"), "quoted");
        assert_eq!(typed(1, "words"), "words");
        assert_eq!(typed(1, "\"quoted"), "\\\"quoted");
        assert_eq!(typed(2, "x"), "x");
        // What is no part of the text is the whole word.
        assert_eq!(args[0].part(3, 9), args[0].span);
        assert_eq!(args[2].part(1, 2), args[2].span);
    }
}
