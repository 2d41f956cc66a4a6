//! Lines to server blocks, by recursive descent.
//!
//! After a mistake the parser goes on as the author probably meant it, so that braces still pair up and the next
//! message is about the next mistake.

use super::expander::Expander;
use super::key::Key;
use super::variables::empty_help;
use super::{Diagnostic, Directive, ServerBlock, Shown, Span, Token};

/// Blocks within blocks; no plugin has more than three. Bounds the recursion.
const NESTING_MAX: usize = 32;

/// All server blocks; problems go to the expander's list.
pub(super) fn server_blocks(input: &mut Expander<'_>) -> Vec<ServerBlock> {
    let mut parser = Parser { input, suspect: None };
    let mut blocks = Vec::new();
    let mut seen = false;
    while let Some(line) = parser.input.next_line() {
        let line = parser.with_brace_apart(line);
        let Some(first) = line.first() else { continue };
        if first.is("}") {
            parser.problem(unopened(first.span));
            parser.rest_of_line(line, 1);
        } else if first.text.starts_with('(') && !first.quoted {
            parser.snippet(&line);
        } else {
            blocks.extend(parser.server_block(line, !seen));
            seen = true;
        }
    }
    blocks
}

pub(super) struct Parser<'a, 'e> {
    pub(super) input: &'a mut Expander<'e>,
    /// The first block whose closing brace is not in the column where its line began: when a brace is missing at the
    /// end, it is probably missing there.
    suspect: Option<Span>,
}

/// The lines between two braces.
struct Body {
    directives: Vec<Directive>,
    /// The closing brace, if there is one.
    closing: Option<Span>,
}

impl Parser<'_, '_> {
    fn server_block(&mut self, line: Vec<Token>, first_block: bool) -> Option<ServerBlock> {
        let head = line.first().cloned()?;
        let list = self.key_list(line);
        let body = match list.opening {
            Some(opening) => self.body(&head, opening, 1),
            None => self.body_without_braces(head.span, first_block),
        };
        let span = body.closing.map_or(head.span, |closing| head.span.to(closing));
        if list.tokens.iter().all(|token| token.text.is_empty()) {
            let error = Diagnostic::error("a server block without a key").at(head.span);
            let help = "write the zones that it serves before the `{`, as in `example.org:53 {`";
            self.problem(error.help(list.tokens.first().map_or(help, empty_help)));
            return None;
        }
        let mut keys = Vec::new();
        for token in list.tokens {
            if token.text.is_empty() {
                let warning = Diagnostic::warning("an empty key is left out").at(token.span);
                self.problem(warning.help(empty_help(&token)));
                continue;
            }
            match Key::read(token) {
                Ok((key, warning)) => {
                    warning.into_iter().for_each(|warning| self.problem(warning));
                    keys.push(key);
                }
                Err(error) => self.problem(error),
            }
        }
        (!keys.is_empty()).then_some(ServerBlock { keys, directives: body.directives, span })
    }

    /// The directives of the only block of a file, up to its end.
    fn body_without_braces(&mut self, keys: Span, first_block: bool) -> Body {
        if !first_block && !self.input.cut {
            let error = Diagnostic::error("a server block without braces, though it is not the only one");
            self.problem(
                error
                    .at(keys)
                    .help("write `{` at the end of the line of its keys, and `}` after its last line"),
            );
        }
        let mut directives: Vec<Directive> = Vec::new();
        while let Some(line) = self.input.next_line() {
            let Some(first) = line.first() else { continue };
            if first.is("}") {
                if first_block {
                    let error = unopened(first.span).related(keys, "there is no `{` after these keys");
                    self.problem(error.help("write `{` at the end of the line of the keys"));
                }
                let closing = Some(first.span);
                self.rest_of_line(line, 1);
                return Body { directives, closing };
            }
            let Some(directive) = self.directive(line, 1).0 else { continue };
            // No plugin's name has a dot or a colon, and nearly every key has one.
            if first_block && directive.block.is_some() && directive.name.text.contains(['.', ':']) {
                let message = format!("{} begins a second server block", Shown(&directive.name.text));
                let error = Diagnostic::error(message)
                    .at(directive.name.span)
                    .related(keys, "the first has no braces");
                self.problem(error.help("only the one block of a file may go without braces"));
            }
            directives.push(directive);
        }
        Body { directives, closing: None }
    }

    /// The directives up to the `}` that belongs to `opening`, in a block that began with `head`'s line.
    fn body(&mut self, head: &Token, opening: Span, depth: usize) -> Body {
        let mut directives = Vec::new();
        if depth > NESTING_MAX {
            let error = Diagnostic::error(format!("blocks nested more than {NESTING_MAX} deep"));
            self.problem(error.at(opening));
            return Body { directives, closing: self.skip(1) };
        }
        while let Some(line) = self.input.next_line() {
            let Some(first) = line.first() else { continue };
            if first.is("}") {
                let closing = first.span;
                if self.suspect.is_none() && !self.aligned(head.span, closing) {
                    self.suspect = Some(opening);
                }
                self.rest_of_line(line, 1);
                return Body { directives, closing: Some(closing) };
            }
            if first.is("{") {
                let error = Diagnostic::error("`{` at the start of a line").at(first.span);
                self.problem(error.help("write it at the end of the line of its directive"));
                self.rest_of_line(line, 1);
                self.skip(1);
                continue;
            }
            let line = if line.len() == 1 { self.with_brace_apart(line) } else { line };
            let (directive, closing) = self.directive(line, depth);
            directives.extend(directive);
            if closing.is_some() {
                return Body { directives, closing };
            }
        }
        if !self.input.cut {
            let mut error = Diagnostic::error("this block is never closed").at(opening).label("opened here");
            if let Some(suspect) = self.suspect.take().filter(|suspect| *suspect != opening) {
                error = error.related(suspect, "perhaps this one: the next `}` is indented differently");
            }
            self.problem(error.help("close it with a `}` on a line of its own"));
            // One message is enough for the blocks around this one.
            self.input.cut = true;
        }
        Body { directives, closing: None }
    }

    /// A directive, and the brace that closes the block around it if that stands on the same line by mistake.
    fn directive(&mut self, line: Vec<Token>, depth: usize) -> (Option<Directive>, Option<Span>) {
        let Some((name, rest)) = line.split_first() else { return (None, None) };
        if depth == 1 && name.text.is_empty() {
            let error = Diagnostic::error("a directive with an empty name").at(name.span);
            self.problem(error.help(empty_help(name)));
        }
        if name.text.starts_with('(') && name.text.ends_with(')') && depth == 1 && !name.quoted {
            let error =
                Diagnostic::error(format!("snippet {} is defined in a server block", Shown(&name.text)));
            self.problem(
                error.at(name.span).help("define it outside the braces, before the first `import` of it"),
            );
        }
        let args: Vec<Token> =
            rest.iter().take_while(|token| !token.is("{") && !token.is("}")).cloned().collect();
        let last = args.last().unwrap_or(name).span;
        let mut directive = Directive { name: name.clone(), span: name.span.to(last), args, block: None };
        // What is left: nothing, a brace at the end, or braces where none may be.
        let at = directive.args.len() + 1;
        let Some(brace) = line.get(at) else { return (Some(directive), None) };
        let opens = brace.is("{");
        let closes = line[at..].iter().position(|token| token.is("}"));
        match (opens, closes) {
            (true, None) => {
                self.last_on_line(&line, at);
                let body = self.body(name, brace.span, depth + 1);
                directive.span = body.closing.map_or(directive.span, |closing| name.span.to(closing));
                directive.block = Some(body.directives);
                (Some(directive), None)
            }
            (true, Some(_)) => {
                let error =
                    Diagnostic::error("a block on one line").at(brace.span.to(line[line.len() - 1].span));
                self.problem(
                    error.help("write `{` at the end of the line, each property on its own, then `}` alone"),
                );
                (Some(directive), None)
            }
            (false, _) => {
                let error = Diagnostic::error("`}` at the end of a line").at(brace.span);
                self.problem(error.help("write it on a line of its own"));
                (Some(directive), Some(brace.span))
            }
        }
    }

    /// Reads over lines until `depth` blocks are closed; gives the last brace.
    pub(super) fn skip(&mut self, mut depth: usize) -> Option<Span> {
        while let Some(line) = self.input.next_line() {
            if let Some(first) = line.first().filter(|token| token.is("}")) {
                depth -= 1;
                if depth == 0 {
                    return Some(first.span);
                }
            }
            depth += opened_by(&line);
        }
        None
    }

    /// Words behind a `{` are the next line: CoreDNS takes `. { errors` as well.
    pub(super) fn last_on_line(&mut self, line: &[Token], brace: usize) {
        if line.len() > brace + 1 {
            self.input.push_back(line[brace + 1..].to_vec());
        }
    }

    /// Words behind a brace that ends a block are the next line.
    pub(super) fn rest_of_line(&mut self, mut line: Vec<Token>, from: usize) {
        let rest = line.split_off(from.min(line.len()));
        if !rest.is_empty() {
            self.input.push_back(rest);
        }
    }

    /// The line with a `{` that is glued to its last word as a word of its own, which is reported.
    fn with_brace_apart(&mut self, mut line: Vec<Token>) -> Vec<Token> {
        let glued = |token: &Token| {
            let verbatim = !token.quoted && !token.replaced;
            verbatim
                && token.text.len() > 1
                && token.text.matches(['{', '}']).eq(["{"])
                && token.text.ends_with('{')
        };
        if let Some(last) = line.last_mut().filter(|token| glued(token)) {
            let end = last.text.len();
            let (word, brace) = (last.part(0, end - 1), last.part(end - 1, end));
            let error = Diagnostic::error(format!("no blank before the `{{` of {}", Shown(&last.text)));
            let token = Token { text: "{".to_owned(), span: brace, quoted: false, replaced: false };
            last.text.pop();
            last.span = word;
            self.input.problems.push(error.at(brace).help("a `{` that opens a block is a word of its own"));
            line.push(token);
        }
        line
    }

    /// Whether two words begin in one column, as far as that can be told.
    fn aligned(&self, head: Span, closing: Span) -> bool {
        let indent = |span| self.input.sources.indent(span);
        head.file != closing.file || indent(head) == indent(closing)
    }

    /// Adds to the list.
    pub(super) fn problem(&mut self, diagnostic: Diagnostic) {
        self.input.problems.push(diagnostic);
    }
}

/// How many blocks a line leaves open, not counting a `}` at its start.
pub(super) fn opened_by(line: &[Token]) -> usize {
    let count = |mark: &str| line.iter().skip(1).filter(|token| token.is(mark)).count();
    count("{").saturating_sub(count("}"))
}

/// About a `}` without its `{`.
pub(super) fn unopened(brace: Span) -> Diagnostic {
    Diagnostic::error("`}` closes nothing")
        .at(brace)
        .help("there is one `}` too many, or a `{` is missing above")
}
