//! The words of one record: blanks and parentheses between them, quotes around them, comments behind them.

use std::ops::Range;

use super::RecordError;

/// A word as it was typed, its escapes still in it.
#[derive(Debug, Clone)]
pub(super) struct Word<'t> {
    pub(super) text: &'t str,
    pub(super) quoted: bool,
    /// Where it stands, its quotes included.
    pub(super) place: Range<usize>,
}

/// The words of a record, taken one after the other.
#[derive(Debug)]
pub(super) struct Words<'t> {
    words: Vec<Word<'t>>,
    next: usize,
    /// Where the record ends in the text.
    pub(super) end: usize,
    /// Whether the first word stands behind a blank.
    pub(super) is_indented: bool,
}

impl<'t> Words<'t> {
    /// The words of the first line that has any, over line ends within parentheses.
    pub(super) fn of_first_line(text: &'t str) -> Result<Self, RecordError> {
        let mut words: Vec<Word<'t>> = Vec::new();
        let bytes = text.as_bytes();
        let (mut at, mut open, mut is_indented) = (0, None, false);
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b' ' | b'\t' | b'\r' => {
                    is_indented |= words.is_empty();
                    at += 1;
                }
                b'\n' => {
                    at += 1;
                    if open.is_none() {
                        if !words.is_empty() {
                            break;
                        }
                        is_indented = false;
                    }
                }
                b';' => {
                    let rest = text.get(at..).unwrap_or_default();
                    at += rest.find('\n').unwrap_or(rest.len());
                }
                b'(' if open.is_none() => {
                    open = Some(at);
                    at += 1;
                }
                b'(' => return Err(RecordError::at(at..at + 1, "parentheses do not nest")),
                b')' => {
                    if open.take().is_none() {
                        return Err(RecordError::at(at..at + 1, "nothing was opened that `)` closes"));
                    }
                    at += 1;
                }
                b'"' => {
                    let end = end_of_quoted(bytes, at)
                        .ok_or_else(|| RecordError::at(at..at + 1, "this quote is never closed"))?;
                    let text = text.get(at + 1..end).unwrap_or_default();
                    words.push(Word { text, quoted: true, place: at..end + 1 });
                    at = end + 1;
                }
                _ => {
                    let end = end_of_bare(bytes, at);
                    let text = text.get(at..end).unwrap_or_default();
                    words.push(Word { text, quoted: false, place: at..end });
                    at = end;
                }
            }
        }
        match open {
            Some(open) => Err(RecordError::at(open..open + 1, "this parenthesis is never closed")),
            None => Ok(Self { words, next: 0, end: at, is_indented }),
        }
    }

    /// The next word, or what is missing.
    pub(super) fn next(&mut self, wanted: &str) -> Result<Word<'t>, RecordError> {
        let word = self.words.get(self.next).cloned();
        let word =
            word.ok_or_else(|| RecordError::at(self.place_behind(), format!("{wanted} is missing")))?;
        self.next += 1;
        Ok(word)
    }

    /// The next word without taking it.
    pub(super) fn peek(&self) -> Option<&Word<'t>> {
        self.words.get(self.next)
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> &[Word<'t>] {
        let rest = self.words.get(self.next..).unwrap_or_default();
        self.next = self.words.len();
        rest
    }

    /// Where a word would stand that is missing: the last one, since a place that is empty cannot be shown.
    pub(super) fn place_behind(&self) -> Range<usize> {
        self.words.last().map_or(0..0, |word| word.place.clone())
    }
}

fn end_of_quoted(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// A word ends where a blank, a quote, a parenthesis or a comment begins that no backslash stands before.
fn end_of_bare(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b'"' | b';' | b'(' | b')' => break,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at.min(bytes.len())
}
