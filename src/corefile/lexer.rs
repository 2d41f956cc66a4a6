//! Text to lines of words: white space, quotes, comments.

use std::rc::Rc;

use super::{Diagnostic, FileId, Span, Token};

/// The words of one line, at least one. A line ends at a line end outside quotes.
pub(super) type Line = Rc<[Token]>;

/// Cuts `text` into lines of words. Blank lines are left out, braces and `import` are words like others here.
///
/// * White space separates words; `\r` is dropped wherever it stands outside quotes, and a byte order mark at the start
///   of the text.
/// * `#` outside quotes starts a comment, also in the middle of a word, and the comment goes to the end of the line.
///   (CoreDNS ends a comment that began in a word at the next blank, and reads on. That is a bug, not copied.)
/// * `"` at the start of a word quotes up to the next `"`, over line ends too; `\"` is a quote, and any other backslash
///   is itself. A `"` inside a word is itself.
///
/// On an unclosed quote, gives the lines before it and the error.
pub(super) fn lex(file: FileId, text: &str) -> (Vec<Line>, Option<Diagnostic>) {
    let mut lexer = Lexer { file, text, at: 0, lines: Vec::new(), line: Vec::new() };
    let error = lexer.run().err();
    if error.is_none() {
        lexer.end_line();
    }
    (lexer.lines, error)
}

struct Lexer<'a> {
    file: FileId,
    text: &'a str,
    at: usize,
    lines: Vec<Line>,
    line: Vec<Token>,
}

impl Lexer<'_> {
    fn run(&mut self) -> Result<(), Diagnostic> {
        if self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
        }
        while let Some(char) = self.peek() {
            match char {
                '\n' => {
                    self.at += 1;
                    self.end_line();
                }
                '#' => self.skip_comment(),
                '"' => self.quoted()?,
                blank if blank.is_whitespace() => self.at += blank.len_utf8(),
                _ => self.bare(),
            }
        }
        Ok(())
    }

    fn bare(&mut self) {
        let start = self.at;
        let mut text = String::new();
        // A `\r` at the end of a line is no part of the word above it.
        let mut end = start;
        while let Some(char) = self.peek() {
            if char == '#' || (char.is_whitespace() && char != '\r') {
                break;
            }
            self.at += char.len_utf8();
            if char != '\r' {
                text.push(char);
                end = self.at;
            }
        }
        self.push(text, start, end, false);
    }

    fn quoted(&mut self) -> Result<(), Diagnostic> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        while let Some(char) = self.peek() {
            self.at += char.len_utf8();
            match char {
                '"' => {
                    self.push(text, start, self.at, true);
                    return Ok(());
                }
                '\\' => match self.peek() {
                    Some('"') => {
                        self.at += 1;
                        text.push('"');
                    }
                    // The second of two backslashes is itself too, and does not escape what follows.
                    Some('\\') => {
                        self.at += 1;
                        text.push_str("\\\\");
                    }
                    _ => text.push('\\'),
                },
                other => text.push(other),
            }
        }
        Err(Diagnostic::error("this quote is never closed")
            .at(Span { file: self.file, start, end: start + 1 })
            .label("opened here")
            .help("close it with `\"`; a quote within a quoted word is written `\\\"`"))
    }

    fn skip_comment(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or("");
        self.at += rest.find('\n').unwrap_or(rest.len());
    }

    fn push(&mut self, text: String, start: usize, end: usize, quoted: bool) {
        let span = Span { file: self.file, start, end };
        self.line.push(Token { text, span, quoted, replaced: false });
    }

    fn end_line(&mut self) {
        if !self.line.is_empty() {
            self.lines.push(std::mem::take(&mut self.line).into());
        }
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }
}
