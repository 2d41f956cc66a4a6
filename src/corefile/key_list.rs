//! The keys before a server block's `{`.

use super::parser::{Parser, unopened};
use super::{Diagnostic, Span, Token};

/// The keys of a block as words, empty ones among them.
pub(super) struct KeyList {
    pub(super) tokens: Vec<Token>,
    /// The `{`, if there is one.
    pub(super) opening: Option<Span>,
}

impl Parser<'_, '_> {
    /// The keys up to `{`, over several lines after trailing commas.
    pub(super) fn key_list(&mut self, mut line: Vec<Token>) -> KeyList {
        let mut tokens = Vec::new();
        loop {
            let mut comma: Option<Span> = None;
            for (index, token) in line.iter().enumerate() {
                if token.is("{") {
                    if let Some(comma) = comma {
                        let error = Diagnostic::error("a key is missing after the comma").at(comma);
                        self.problem(error.help("leave the comma out, or write another key before the `{`"));
                    }
                    self.last_on_line(&line, index);
                    return KeyList { tokens, opening: Some(token.span) };
                }
                if token.is("}") {
                    self.problem(unopened(token.span));
                    continue;
                }
                let (token, ends) = without_comma(token.clone());
                comma = ends.or(comma.filter(|_| token.text.is_empty()));
                if !(token.text.is_empty() && ends.is_some()) {
                    tokens.push(token);
                }
            }
            match (self.input.next_line(), comma) {
                (Some(next), Some(_)) => line = next,
                (Some(next), None) if next.first().is_some_and(|token| token.is("{")) => line = next,
                (Some(next), None) => {
                    self.input.push_back(next);
                    return KeyList { tokens, opening: None };
                }
                (None, comma) => {
                    if let Some(comma) = comma.filter(|_| !self.input.cut) {
                        let error = Diagnostic::error("the file ends where another key is due").at(comma);
                        self.problem(error.label("after this comma"));
                    }
                    return KeyList { tokens, opening: None };
                }
            }
        }
    }
}

/// The key without a trailing comma, and where that is.
fn without_comma(mut token: Token) -> (Token, Option<Span>) {
    if !token.text.ends_with(',') {
        return (token, None);
    }
    let comma = token.part(token.text.len() - 1, token.text.len());
    token.span = token.part(0, token.text.len() - 1);
    token.text.pop();
    (token, Some(comma))
}
