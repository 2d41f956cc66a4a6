//! Words to a tree. Go's other actions are known by name, to be told that they are not supported.

use std::ops::Range;

use super::functions::{self, Function};
use super::lexer::{Piece, Word, WordKind, pieces};
use super::tree::{Branch, BranchKind, Command, Node, Operand, OperandKind, Pipe};
use super::{Problem, literal};

/// How deep branches and parentheses may nest.
const DEPTH_MAX: usize = 32;
const ACTIONS_HELP: &str = "supported are values and functions, `if`, `with`, `range`, `else`, `end`, `break`, `continue`, \
                            variables and comments";

/// Reads a whole template.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, Problem> {
    let pieces = pieces(text)?.into_iter();
    let mut parser = Parser { text, pieces, variables: vec!["$".to_owned()], ranges: 0, depth: 0 };
    let (nodes, end) = parser.list()?;
    match end {
        Stop::Text => Ok(nodes),
        Stop::Else(_, place) => Err(Problem::at(place, "`else` stands without `if`, `with` or `range`")),
        Stop::End(place) => Err(Problem::at(place, "`end` stands without `if`, `with` or `range`")),
    }
}

struct Parser<'t> {
    text: &'t str,
    pieces: std::vec::IntoIter<Piece>,
    /// The variables that can be named here.
    variables: Vec<String>,
    /// How many `range` are around.
    ranges: usize,
    depth: usize,
}

/// What a list of nodes ended with, and where.
enum Stop {
    Text,
    /// With the words behind it.
    Else(Vec<Word>, Range<usize>),
    End(Range<usize>),
}

/// The words of one action, taken one after the other.
struct Words<'w> {
    words: &'w [Word],
    next: usize,
    /// The whole action.
    place: Range<usize>,
    /// How many parentheses are open.
    open: usize,
}

impl Parser<'_> {
    fn list(&mut self) -> Result<(Vec<Node>, Stop), Problem> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            match piece {
                Piece::Text(text) => nodes.push(Node::Text(text)),
                Piece::Action(words, place) => match self.action(&words, place)? {
                    Ok(node) => nodes.push(node),
                    Err(end) => return Ok((nodes, end)),
                },
            }
        }
        Ok((nodes, Stop::Text))
    }

    /// One action: a node, or what ends the list.
    fn action(&mut self, words: &[Word], place: Range<usize>) -> Result<Result<Node, Stop>, Problem> {
        let Some((first, rest)) = words.split_first() else {
            let problem = Problem::at(place, "this action is empty");
            return Err(problem.help("write a value, as in `{{ .Name }}`"));
        };
        let keyword = if first.kind == WordKind::Name { self.typed(first) } else { "" };
        let kind = match keyword {
            "if" => BranchKind::If,
            "with" => BranchKind::With,
            "range" => BranchKind::Range,
            "else" => return Ok(Err(Stop::Else(rest.to_vec(), place))),
            "end" => {
                nothing_behind(rest, "end")?;
                return Ok(Err(Stop::End(place)));
            }
            "break" | "continue" => {
                nothing_behind(rest, keyword)?;
                if self.ranges == 0 {
                    return Err(Problem::at(
                        first.place.clone(),
                        format!("`{keyword}` stands outside of `range`"),
                    ));
                }
                return Ok(Ok(if keyword == "break" { Node::Break } else { Node::Continue }));
            }
            "define" | "template" | "block" => {
                let why = format!("`{keyword}` is not supported in templates here");
                return Err(Problem::at(first.place.clone(), why).help(ACTIONS_HELP));
            }
            _ => {
                let mut words = Words { words, next: 0, place, open: 0 };
                let pipe = self.pipe(&mut words, None)?;
                return Ok(Ok(Node::Action(pipe)));
            }
        };
        Ok(Ok(Node::Branch(self.branch(kind, rest, place)?)))
    }

    fn branch(&mut self, kind: BranchKind, words: &[Word], place: Range<usize>) -> Result<Branch, Problem> {
        self.enter(&place)?;
        let scope = self.variables.len();
        let pipe = self.pipe(&mut Words { words, next: 0, place: place.clone(), open: 0 }, Some(kind))?;
        self.ranges += usize::from(kind == BranchKind::Range);
        let (then, end) = self.list()?;
        self.ranges -= usize::from(kind == BranchKind::Range);
        let unclosed = || Problem::at(place.clone(), "this has no `{{ end }}`");
        let otherwise = match end {
            Stop::Text => return Err(unclosed()),
            Stop::End(_) => None,
            Stop::Else(words, else_place) => Some(match words.split_first() {
                None => match self.list()? {
                    (nodes, Stop::End(_)) => nodes,
                    (_, Stop::Else(_, place)) => return Err(Problem::at(place, "`else` stands here twice")),
                    (_, Stop::Text) => return Err(unclosed()),
                },
                // `else if` is an `if` within `else` that shares its `end`.
                Some((word, rest)) => {
                    let same = match (self.typed(word), kind) {
                        ("if", BranchKind::If) => BranchKind::If,
                        ("with", BranchKind::With) => BranchKind::With,
                        _ => return Err(unexpected(self.text, word, "behind `else`")),
                    };
                    vec![Node::Branch(self.branch(same, rest, else_place)?)]
                }
            }),
        };
        self.variables.truncate(scope);
        self.depth -= 1;
        Ok(Branch { kind, pipe, then, otherwise })
    }

    /// A pipeline up to the end of the words, or to the parenthesis that closes it. `branch` is whose it is.
    fn pipe(&mut self, words: &mut Words<'_>, branch: Option<BranchKind>) -> Result<Pipe, Problem> {
        let start = words.place_here().start;
        let (variables, is_assignment) = self.variables_of(words, branch)?;
        let mut commands = Vec::new();
        loop {
            let command = self.command(words)?;
            if let Some(first) = command.operands.first() {
                let is_value = !matches!(
                    first.kind,
                    OperandKind::Fields(_)
                        | OperandKind::Function(_)
                        | OperandKind::Variable(..)
                        | OperandKind::Pipe(..)
                );
                // Only the first command of a pipeline may be a plain value.
                if is_value && (!commands.is_empty() || command.operands.len() > 1) {
                    let why = format!("`{first}` is no function, and can take no arguments");
                    return Err(Problem::at(first.place.clone(), why));
                }
                if matches!(first.kind, OperandKind::Nil) {
                    return Err(Problem::at(first.place.clone(), "`nil` is no command"));
                }
            }
            commands.push(command);
            match words.peek() {
                Some(word) if word.kind == WordKind::Pipe => words.next += 1,
                _ => break,
            }
        }
        let ends = |word: &&Word| word.kind == WordKind::Close && words.open > 0;
        if let Some(word) = words.peek().filter(|word| !ends(word)) {
            return Err(unexpected(self.text, word, "here"));
        }
        let end = words.words.get(words.next.saturating_sub(1)).map_or(start, |word| word.place.end);
        if !is_assignment {
            self.variables.extend(variables.iter().cloned());
        }
        Ok(Pipe { place: start..end.max(start), variables, is_assignment, commands })
    }

    /// `$x :=`, `$x =`, and in a `range` two of them.
    fn variables_of(
        &mut self,
        words: &mut Words<'_>,
        branch: Option<BranchKind>,
    ) -> Result<(Vec<String>, bool), Problem> {
        let kinds: Vec<WordKind> =
            words.words.iter().skip(words.next).take(4).map(|word| word.kind).collect();
        use WordKind::{Assign, Comma, Declare, Variable};
        let count = match kinds.as_slice() {
            [Variable, Declare | Assign, ..] => 1,
            [Variable, Comma, Variable, Declare | Assign] => 2,
            _ => return Ok((Vec::new(), false)),
        };
        let sign = words.words[words.next + 2 * count - 1].clone();
        let mut names = Vec::new();
        for at in 0..count {
            let word = &words.words[words.next + 2 * at];
            let name = self.typed(word).to_owned();
            if sign.kind == Assign && !self.variables.contains(&name) {
                return Err(undefined(word, &name));
            }
            names.push(name);
        }
        if count == 2 && branch != Some(BranchKind::Range) {
            return Err(Problem::at(sign.place, "two variables stand before a value only in `range`"));
        }
        words.next += 2 * count;
        Ok((names, sign.kind == Assign))
    }

    fn command(&mut self, words: &mut Words<'_>) -> Result<Command, Problem> {
        let mut operands: Vec<Operand> = Vec::new();
        while let Some(operand) = self.operand(words)? {
            if operands.last().is_some_and(|before| before.place.end == operand.place.start) {
                let why = format!("a blank is missing before `{operand}`");
                return Err(Problem::at(operand.place, why));
            }
            operands.push(operand);
        }
        if operands.is_empty() {
            return Err(match words.peek() {
                Some(word) => unexpected(self.text, word, "where a value is due"),
                None => {
                    Problem::at(words.place_here(), "a value is missing here").help("write one, as `.Name`")
                }
            });
        }
        Ok(Command { operands })
    }

    fn operand(&mut self, words: &mut Words<'_>) -> Result<Option<Operand>, Problem> {
        let Some(word) = words.peek().cloned() else { return Ok(None) };
        let typed = self.typed(&word).to_owned();
        let bad = |what: &str| {
            Problem::at(word.place.clone(), format!("{} is no {what}", crate::corefile::Shown(&typed)))
        };
        let mut end = word.place.end;
        let kind = match word.kind {
            WordKind::Dot => {
                words.next += 1;
                OperandKind::Dot
            }
            WordKind::Field => OperandKind::Fields(self.chain(words, &mut end)),
            WordKind::Variable => {
                if !self.variables.contains(&typed) {
                    return Err(undefined(&word, &typed));
                }
                words.next += 1;
                OperandKind::Variable(typed, self.adjacent_chain(words, &mut end))
            }
            WordKind::Name => {
                words.next += 1;
                match typed.as_str() {
                    "true" => OperandKind::Bool(true),
                    "false" => OperandKind::Bool(false),
                    "nil" => OperandKind::Nil,
                    name => OperandKind::Function(function(&word, name)?),
                }
            }
            WordKind::Text => {
                words.next += 1;
                let text = literal::text(&typed).ok_or_else(|| bad("text in the syntax of Go"))?;
                OperandKind::Text(text, typed)
            }
            WordKind::RawText => {
                words.next += 1;
                OperandKind::Text(typed.trim_matches('`').replace('\r', ""), typed)
            }
            WordKind::Char => {
                words.next += 1;
                OperandKind::Number(
                    literal::character(&typed).ok_or_else(|| bad("character in the syntax of Go"))?,
                )
            }
            WordKind::Number => {
                words.next += 1;
                OperandKind::Number(literal::number(&typed).ok_or_else(|| bad("number of 64 bits"))?)
            }
            WordKind::Open => {
                words.next += 1;
                self.enter(&word.place)?;
                words.open += 1;
                let pipe = self.pipe(words, None)?;
                words.open -= 1;
                self.depth -= 1;
                match words.peek() {
                    Some(close) if close.kind == WordKind::Close => end = close.place.end,
                    _ => return Err(Problem::at(word.place, "this parenthesis is not closed")),
                }
                words.next += 1;
                OperandKind::Pipe(Box::new(pipe), self.adjacent_chain(words, &mut end))
            }
            WordKind::Close | WordKind::Pipe | WordKind::Declare | WordKind::Assign | WordKind::Comma => {
                return Ok(None);
            }
        };
        if let Some(field) =
            words.peek().filter(|next| next.kind == WordKind::Field && next.place.start == end)
        {
            let why = format!(
                "`{typed}` has no fields",
                typed = self.text.get(word.place.start..end).unwrap_or_default()
            );
            return Err(Problem::at(field.place.clone(), why));
        }
        Ok(Some(Operand { place: word.place.start..end, kind }))
    }

    /// `.Name.Name`, one behind the other without blanks.
    fn chain(&self, words: &mut Words<'_>, end: &mut usize) -> Vec<String> {
        let mut names = Vec::new();
        while let Some(word) = words.peek().filter(|word| word.kind == WordKind::Field) {
            if !names.is_empty() && word.place.start != *end {
                break;
            }
            *end = word.place.end;
            names.push(self.typed(word).trim_start_matches('.').to_owned());
            words.next += 1;
        }
        names
    }

    fn adjacent_chain(&self, words: &mut Words<'_>, end: &mut usize) -> Vec<String> {
        match words.peek() {
            Some(word) if word.place.start == *end => self.chain(words, end),
            _ => Vec::new(),
        }
    }

    fn enter(&mut self, place: &Range<usize>) -> Result<(), Problem> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Problem::at(place.clone(), format!("templates nest at most {DEPTH_MAX} deep")));
        }
        Ok(())
    }

    fn typed(&self, word: &Word) -> &str {
        self.text.get(word.place.clone()).unwrap_or_default()
    }
}

impl Words<'_> {
    fn peek(&self) -> Option<&Word> {
        self.words.get(self.next)
    }

    /// Where the next word stands, or the action ends.
    fn place_here(&self) -> Range<usize> {
        self.peek().map_or_else(|| self.place.clone(), |word| word.place.clone())
    }
}

fn nothing_behind(words: &[Word], keyword: &str) -> Result<(), Problem> {
    match words.first() {
        Some(word) => Err(Problem::at(word.place.clone(), format!("nothing stands behind `{keyword}`"))),
        None => Ok(()),
    }
}

fn function(word: &Word, name: &str) -> Result<Function, Problem> {
    let known = functions::SUPPORTED.iter().find(|function| function.name() == name);
    known.copied().ok_or_else(|| {
        let names: Vec<_> = functions::SUPPORTED.iter().map(|function| function.name()).collect();
        let is_of_go = ["call", "html", "js", "urlquery"].contains(&name);
        let what =
            if is_of_go { "is not supported in templates here" } else { "is no function of templates" };
        let problem = Problem::at(word.place.clone(), format!("{} {what}", crate::corefile::Shown(name)));
        match crate::corefile::suggest(name, names.iter().copied()) {
            Some(near) if !is_of_go => problem.help(format!("did you mean `{near}`?")),
            _ => problem.help(format!("supported are {}", names.join(", "))),
        }
    })
}

fn undefined(word: &Word, name: &str) -> Problem {
    let problem = Problem::at(word.place.clone(), format!("the variable `{name}` is not defined here"));
    problem.help("define it before, as in `{{ $x := .Name }}`")
}

fn unexpected(text: &str, word: &Word, place: &str) -> Problem {
    let typed = text.get(word.place.clone()).unwrap_or_default();
    Problem::at(word.place.clone(), format!("{} cannot stand {place}", crate::corefile::Shown(typed)))
}
