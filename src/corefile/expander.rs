//! Lines with imports and environment values put in place.
//!
//! An `import` line is replaced by lines: those of a snippet, a file, or the files that match a pattern. So the parser
//! sees one flow of lines, and a brace may close in another text than it was opened in, as in CoreDNS.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::environment::{FILE_SIZE_MAX, too_large};
use super::import::{Frame, Origin, plain};
use super::lexer::{Line, lex};
use super::problems::Problems;
use super::variables::replaced;
use super::{Diagnostic, Environment, Shown, SourceMap, Span, Token, suggest};

/// Words after all imports, over a whole Corefile.
const TOKENS_MAX: usize = 500_000;
/// Bytes of all files, and of all environment values, over a whole Corefile.
pub(super) const TEXT_SIZE_MAX: usize = 16 << 20;

pub(super) struct Expander<'e> {
    pub(super) env: &'e dyn Environment,
    pub(super) sources: SourceMap,
    pub(super) problems: Problems,
    /// Whether lines are missing after an error, so that an unclosed brace need not be the author's mistake.
    pub(super) cut: bool,
    pub(super) frames: Vec<Frame>,
    returned: Option<Vec<Token>>,
    pub(super) snippets: BTreeMap<String, Snippet>,
    pub(super) files: HashMap<PathBuf, Rc<[Line]>>,
    /// Name and place of each import that found nothing.
    pub(super) absent: Vec<(String, Span)>,
    pub(super) imports: usize,
    tokens: usize,
    pub(super) text_size: usize,
    replaced_size: usize,
}

pub(super) struct Snippet {
    span: Span,
    pub(super) lines: Rc<[Line]>,
}

impl<'e> Expander<'e> {
    pub(super) fn new(env: &'e dyn Environment) -> Self {
        Self {
            env,
            sources: SourceMap::default(),
            problems: Problems::default(),
            cut: false,
            frames: Vec::new(),
            returned: None,
            snippets: BTreeMap::new(),
            files: HashMap::new(),
            absent: Vec::new(),
            imports: 0,
            tokens: 0,
            text_size: 0,
            replaced_size: 0,
        }
    }

    /// Takes the text that is not imported.
    pub(super) fn start(&mut self, path: &Path, text: &str) {
        if text.len() > FILE_SIZE_MAX {
            let name = path.to_string_lossy();
            self.fail(Diagnostic::error(format!("the Corefile {} is {}", Shown(&name), too_large())));
            return;
        }
        let path = plain(path);
        let lines = self.lines_of(&path, text);
        self.frames.push(Frame { texts: vec![(Origin::File(path), lines)], text: 0, line: 0 });
    }

    /// The next line, with imports resolved and environment values in place.
    pub(super) fn next_line(&mut self) -> Option<Vec<Token>> {
        loop {
            if let Some(line) = self.returned.take() {
                return Some(line);
            }
            let line = self.next_raw_line()?;
            let Some((first, args)) = line.split_first() else { continue };
            if first.is("import") {
                if let Err(diagnostic) = self.import(first, args) {
                    self.problems.push(diagnostic);
                }
                continue;
            }
            let mut tokens = line.to_vec();
            tokens.iter_mut().for_each(|token| self.replace(token));
            return Some(tokens);
        }
    }

    /// The next line as it was typed: what a snippet keeps.
    pub(super) fn next_raw_line(&mut self) -> Option<Line> {
        loop {
            let frame = self.frames.last_mut()?;
            let Some((_, lines)) = frame.texts.get(frame.text) else {
                self.frames.pop();
                continue;
            };
            let Some(line) = lines.get(frame.line) else {
                frame.text += 1;
                frame.line = 0;
                continue;
            };
            frame.line += 1;
            let line = Rc::clone(line);
            self.tokens += line.len();
            if self.tokens > TOKENS_MAX {
                let error = Diagnostic::error(format!("the Corefile has more than {TOKENS_MAX} words"));
                let at = line.first().map(|token| token.span);
                self.fail(Diagnostic { span: at, ..error }.help("an import may be repeating itself"));
                return None;
            }
            return Some(line);
        }
    }

    /// Gives a line back, to be the next.
    pub(super) fn push_back(&mut self, line: Vec<Token>) {
        if !line.is_empty() {
            self.returned = Some(line);
        }
    }

    /// Keeps a snippet.
    pub(super) fn define(&mut self, name: &Token, lines: Vec<Line>) {
        let key = name.text.trim_start_matches('(').trim_end_matches(')').to_owned();
        if let Some(earlier) = self.snippets.get(&key) {
            let error = Diagnostic::error(format!("snippet {} is defined twice", Shown(&key)));
            let error = error.at(name.span).label("the second definition");
            self.problems.push(error.related(earlier.span, "the first is here").help("rename one of them"));
            return;
        }
        self.snippets.insert(key, Snippet { span: name.span, lines: lines.into() });
    }

    /// The texts and what was found, once there are no more lines.
    pub(super) fn finish(mut self) -> (SourceMap, Problems) {
        for (name, span) in &self.absent {
            let mut diagnostics = self.problems.diagnostics.iter_mut();
            let Some(diagnostic) = diagnostics.find(|diagnostic| diagnostic.span == Some(*span)) else {
                continue;
            };
            if let Some(snippet) = self.snippets.get(name) {
                diagnostic.related = Some(Box::new((snippet.span, "defined only here".to_owned())));
                diagnostic.help = Some("a snippet is defined before the first `import` of it".to_owned());
            } else if let Some(near) = suggest(name, self.snippets.keys().map(String::as_str)) {
                diagnostic.help = Some(format!("did you mean the snippet `{near}`?"));
            }
        }
        (self.sources, self.problems)
    }

    /// The lines of a text, which stays known under its path.
    pub(super) fn lines_of(&mut self, path: &Path, text: &str) -> Rc<[Line]> {
        self.text_size += text.len();
        let file = self.sources.add(&path.to_string_lossy(), text);
        let (lines, error) = lex(file, text);
        if let Some(error) = error {
            self.cut = true;
            self.problems.push(error);
        }
        let lines: Rc<[Line]> = lines.into();
        self.files.insert(path.to_path_buf(), Rc::clone(&lines));
        lines
    }

    /// Puts environment values in place, `{%NAME%}` first as CoreDNS does. A value is not searched for more of its kind.
    pub(super) fn replace(&mut self, token: &mut Token) {
        for (open, close) in [("{%", "%}"), ("{$", "}")] {
            if let Some(text) = replaced(&token.text, open, close, self.env, TEXT_SIZE_MAX) {
                self.replaced_size += text.len();
                if self.replaced_size > TEXT_SIZE_MAX {
                    let message = format!("environment values of more than {TEXT_SIZE_MAX} bytes in all");
                    return self.fail(Diagnostic::error(message).at(token.span));
                }
                token.text = text;
                token.replaced = true;
            }
        }
    }

    /// Reports, and ends the flow of lines.
    pub(super) fn fail(&mut self, error: Diagnostic) {
        if !self.cut {
            self.problems.push(error);
        }
        self.cut = true;
        self.frames.clear();
    }
}
