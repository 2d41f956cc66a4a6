//! Several words of the Corefile as one text, as an expression takes them, and where its parts were typed.

use std::ops::Range;

use crate::corefile::{Span, Token};

/// Words with one blank between them.
pub(super) struct Joined<'w> {
    pub(super) text: String,
    words: &'w [Token],
}

impl<'w> Joined<'w> {
    pub(super) fn new(words: &'w [Token]) -> Self {
        let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        Self { text: texts.join(" "), words }
    }

    /// Where a part of the text was typed.
    pub(super) fn span(&self, part: Range<usize>) -> Option<Span> {
        let mut start = 0;
        let mut span: Option<Span> = None;
        for word in self.words {
            let end = start + word.text.len();
            let holds_start = span.is_none() && part.start <= end;
            if holds_start || (span.is_some() && start < part.end) {
                let (from, to) = (part.start.max(start) - start, part.end.min(end).max(start) - start);
                let typed = if from < to { word.part(from, to) } else { word.span };
                span = Some(span.map_or(typed, |first| first.to(typed)));
            }
            start = end + 1;
        }
        span.or(self.words.last().map(|word| word.span))
    }
}
