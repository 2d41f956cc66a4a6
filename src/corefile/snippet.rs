//! Definitions of snippets.

use super::lexer::Line;
use super::parser::{Parser, opened_by};
use super::{Diagnostic, Token};

impl Parser<'_, '_> {
    /// `(name) { … }`.
    pub(super) fn snippet(&mut self, line: &[Token]) {
        let Some((name, rest)) = line.split_first() else { return };
        let named = name.text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
        let well_named = named.is_some_and(|text| !text.is_empty() && !text.contains(['(', ')']));
        let opening = match rest {
            [brace] if brace.is("{") => Some(brace.span),
            // As with keys, the brace may have a line of its own.
            [] => match self.input.next_line() {
                Some(next) if matches!(next.as_slice(), [brace] if brace.is("{")) => {
                    next.first().map(|token| token.span)
                }
                Some(next) => {
                    self.input.push_back(next);
                    None
                }
                None => None,
            },
            _ => None,
        };
        let shape = "a snippet is written `(name) {`, its lines, then `}` on a line of its own";
        let Some(opening) = opening.filter(|_| well_named) else {
            let last = line.last().unwrap_or(name).span;
            self.problem(
                Diagnostic::error("a snippet that is not `(name) {`").at(name.span.to(last)).help(shape),
            );
            if opening.is_some() || line.last().is_some_and(|token| token.is("{")) {
                self.skip(1);
            }
            return;
        };
        let mut lines: Vec<Line> = Vec::new();
        let mut depth = 1usize;
        while let Some(line) = self.input.next_raw_line() {
            if line.first().is_some_and(|token| token.is("}")) {
                depth -= 1;
                if depth == 0 {
                    self.rest_of_line(line.to_vec(), 1);
                    self.input.define(name, lines);
                    return;
                }
            }
            depth += opened_by(&line);
            lines.push(line);
        }
        if !self.input.cut {
            self.problem(
                Diagnostic::error("this snippet is never closed")
                    .at(opening)
                    .label("opened here")
                    .help(shape),
            );
            self.input.cut = true;
        }
    }
}
