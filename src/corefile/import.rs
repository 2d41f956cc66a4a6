//! `import`: a snippet, a file, or the files that match a pattern.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use super::environment::{FILE_SIZE_MAX, too_large};
use super::expander::{Expander, TEXT_SIZE_MAX};
use super::lexer::Line;
use super::variables::empty_help;
use super::{Diagnostic, Shown, Span, Token};

/// Imports within imports. Cycles are found by name; this ends those through ever new spellings of one path.
const IMPORT_DEPTH_MAX: usize = 64;
/// Texts put in place of `import` lines, over a whole Corefile.
const IMPORTS_MAX: usize = 10_000;

/// What stands in the place of one `import` line: texts one after another.
pub(super) struct Frame {
    pub(super) texts: Vec<Text>,
    pub(super) text: usize,
    pub(super) line: usize,
}

/// A text that takes the place of an `import` line.
pub(super) type Text = (Origin, Rc<[Line]>);

/// Where a text comes from: what makes a circle when it comes again.
#[derive(Clone, PartialEq)]
pub(super) enum Origin {
    File(PathBuf),
    Snippet(String),
}

impl Expander<'_> {
    /// Puts the texts that an `import` line names next in the flow of lines.
    pub(super) fn import(&mut self, import: &Token, args: &[Token]) -> Result<(), Diagnostic> {
        let (target, more) = args.split_first().ok_or_else(|| {
            let error = Diagnostic::error("`import` needs a snippet or a file").at(import.span);
            error.help("write `import SNIPPET`, `import FILE` or `import DIRECTORY/*.conf`")
        })?;
        if let Some(second) = more.first() {
            let error = Diagnostic::error(format!("`import` takes one argument, not {}", args.len()));
            return Err(error.at(second.span).label("one too many").help("write one `import` line for each"));
        }
        let mut target = target.clone();
        self.replace(&mut target);
        if target.text.is_empty() {
            let error = Diagnostic::error("`import` of an empty name").at(target.span);
            return Err(error.help(empty_help(&target)));
        }
        // Counted before anything is read, so that imports that fail are bounded too.
        self.imports += 1;
        if self.imports > IMPORTS_MAX || self.frames.len() >= IMPORT_DEPTH_MAX {
            self.fail(too_many(self.imports, target.span));
            return Ok(());
        }
        let texts = match self.snippets.get(&target.text) {
            Some(snippet) => vec![(Origin::Snippet(target.text.clone()), Rc::clone(&snippet.lines))],
            None => self.files(&target)?,
        };
        for (origin, _) in &texts {
            self.refuse_cycle(origin, target.span)?;
        }
        self.imports += texts.len().saturating_sub(1);
        if self.imports > IMPORTS_MAX {
            self.fail(too_many(self.imports, target.span));
            return Ok(());
        }
        self.frames.push(Frame { texts, text: 0, line: 0 });
        Ok(())
    }

    /// The file or files that `target` names.
    fn files(&mut self, target: &Token) -> Result<Vec<Text>, Diagnostic> {
        let pattern = target.text.as_str();
        let importing = PathBuf::from(self.sources.name(target.span.file));
        let directory = importing.parent().unwrap_or(Path::new(""));
        let wildcards = |wildcard: char| pattern.matches(wildcard).count();
        if wildcards('*') > 1 || wildcards('?') > 1 || (pattern.contains('[') && pattern.contains(']')) {
            let error = Diagnostic::error(format!("pattern {} has more than one wildcard", Shown(pattern)));
            return Err(error.at(target.span).help("a pattern has one `*`, or one `?`, and no `[…]`"));
        }
        if !pattern.contains(['*', '?']) {
            let path = plain(&directory.join(pattern));
            return Ok(vec![self.file(path, target)?]);
        }
        let paths = self.env.glob(directory, pattern).map_err(|error| {
            let message = format!("cannot list the files of {}: {error}", Shown(pattern));
            Diagnostic::error(message).at(target.span).help("this process must be able to read the directory")
        })?;
        if paths.is_empty() {
            let warning = Diagnostic::warning(format!("no file matches {}", Shown(pattern)));
            self.problems.push(warning.at(target.span).label("nothing is imported"));
        }
        paths.into_iter().take(IMPORTS_MAX + 1).map(|path| self.file(plain(&path), target)).collect()
    }

    fn file(&mut self, path: PathBuf, target: &Token) -> Result<Text, Diagnostic> {
        if let Some(lines) = self.files.get(&path) {
            return Ok((Origin::File(path), Rc::clone(lines)));
        }
        let text = match self.env.read(&path) {
            Ok(text) if text.len() > FILE_SIZE_MAX => Err(too_large()),
            Ok(text) if self.text_size + text.len() > TEXT_SIZE_MAX => {
                Err(format!("with it, the files have more than {TEXT_SIZE_MAX} bytes in all"))
            }
            Ok(text) => Ok(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let error = Diagnostic::error(format!("no snippet and no file {}", Shown(&target.text)));
                self.absent.push((target.text.clone(), target.span));
                let help = format!("the file would be {}", Shown(&path.to_string_lossy()));
                return Err(error.at(target.span).label("to be imported here").help(help));
            }
            Err(error) => Err(error.to_string()),
        };
        let text = text.map_err(|reason| {
            let message = format!("cannot import {}: {reason}", Shown(&path.to_string_lossy()));
            let help = "write a file that this process may read, or a pattern such as `DIRECTORY/*.conf`";
            Diagnostic::error(message).at(target.span).help(help)
        })?;
        let lines = self.lines_of(&path, &text);
        Ok((Origin::File(path), lines))
    }

    fn refuse_cycle(&self, origin: &Origin, at: Span) -> Result<(), Diagnostic> {
        let open: Vec<&Origin> =
            self.frames.iter().filter_map(|frame| Some(&frame.texts.get(frame.text)?.0)).collect();
        let Some(first) = open.iter().position(|other| *other == origin) else { return Ok(()) };
        let mut cycle: Vec<String> = open[first..].iter().map(|origin| origin.to_string()).collect();
        cycle.push(origin.to_string());
        let error = Diagnostic::error(format!("{origin} imports itself"));
        Err(error.at(at).label("closes the circle").help(format!("the circle is {}", cycle.join(" → "))))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {}", Shown(&path.to_string_lossy())),
            Self::Snippet(name) => write!(f, "snippet {}", Shown(name)),
        }
    }
}

fn too_many(imports: usize, at: Span) -> Diagnostic {
    let what = if imports > IMPORTS_MAX {
        format!("more than {IMPORTS_MAX} imports in all")
    } else {
        format!("imports nested more than {IMPORT_DEPTH_MAX} deep")
    };
    Diagnostic::error(what).at(at).help("an import may be repeating itself")
}

/// The path without `.` segments, so that one file has one spelling more often.
pub(super) fn plain(path: &Path) -> PathBuf {
    path.components().filter(|component| *component != Component::CurDir).collect()
}
