//! Words to a tree, by the precedence of operators that the language has.

use std::ops::Range;

use super::builtin;
use super::lexer::{Word, WordKind, words};
use super::tree::{Node, NodeKind, Operator};
use super::{Problem, Value};

/// How deep an expression may nest.
const DEPTH_MAX: usize = 64;
const NOT: u16 = 50;
const SIGN: u16 = 90;

/// Reads a whole expression.
pub(super) fn parse(text: &str) -> Result<Node, Problem> {
    let words = words(text)?;
    let mut parser = Parser { text, words: &words, next: 0, depth: 0, closures: 0 };
    if words.is_empty() {
        return Err(Problem::at(0..text.len(), "there is no expression"));
    }
    let node = parser.expression(0)?;
    match parser.peek() {
        None => Ok(node),
        Some(word) => Err(parser.unexpected(word)),
    }
}

struct Parser<'w> {
    text: &'w str,
    words: &'w [Word],
    next: usize,
    depth: usize,
    /// How many predicates are around, whose element `#` is.
    closures: usize,
}

/// What a word between two operands means.
enum Infix {
    Operator(Operator),
    Matches,
    Pipe,
}

impl Parser<'_> {
    fn expression(&mut self, least: u16) -> Result<Node, Problem> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Problem::at(self.place(), format!("expressions nest at most {DEPTH_MAX} deep")));
        }
        let mut node = self.unary()?;
        loop {
            let start = self.next;
            let is_negated = self.takes_name("not");
            let Some((infix, precedence, is_right)) = self.infix()? else {
                self.next = start;
                break;
            };
            let may_be_negated = matches!(
                infix,
                Infix::Matches
                    | Infix::Operator(
                        Operator::In | Operator::Contains | Operator::StartsWith | Operator::EndsWith
                    )
            );
            if precedence < least || (is_negated && !may_be_negated) {
                self.next = start;
                break;
            }
            let left = Box::new(node);
            node = match infix {
                Infix::Pipe => self.piped(*left)?,
                infix => {
                    let right =
                        Box::new(self.expression(if is_right { precedence } else { precedence + 1 })?);
                    let place = left.place.start..right.place.end;
                    let kind = match infix {
                        Infix::Operator(operator) => NodeKind::Binary(operator, left, right),
                        _ => NodeKind::Matches(left, right, None),
                    };
                    Node { place, kind }
                }
            };
            if is_negated {
                node = Node { place: node.place.clone(), kind: NodeKind::Not(Box::new(node)) };
            }
        }
        if least == 0 && self.takes("?") {
            let then = self.expression(0)?;
            self.expect(":")?;
            let otherwise = self.expression(0)?;
            let place = node.place.start..otherwise.place.end;
            node =
                Node { place, kind: NodeKind::Choice(Box::new(node), Box::new(then), Box::new(otherwise)) };
        }
        self.depth -= 1;
        Ok(node)
    }

    /// The operator here, which is taken: its precedence, and whether it binds to the right.
    fn infix(&mut self) -> Result<Option<(Infix, u16, bool)>, Problem> {
        use Operator::*;
        let Some(word) = self.peek() else { return Ok(None) };
        let text = match &word.kind {
            WordKind::Name(name) => name.as_str(),
            WordKind::Sign(sign) => sign,
            WordKind::Constant(_) => return Ok(None),
        };
        let (operator, precedence) = match text {
            "|" => {
                self.next += 1;
                return Ok(Some((Infix::Pipe, 0, false)));
            }
            "matches" => {
                self.next += 1;
                return Ok(Some((Infix::Matches, 20, false)));
            }
            "or" | "||" => (Or, 10),
            "and" | "&&" => (And, 15),
            "==" => (Equal, 20),
            "!=" => (Unequal, 20),
            "<" => (Less, 20),
            "<=" => (LessOrEqual, 20),
            ">" => (Greater, 20),
            ">=" => (GreaterOrEqual, 20),
            "in" => (In, 20),
            "contains" => (Contains, 20),
            "startsWith" => (StartsWith, 20),
            "endsWith" => (EndsWith, 20),
            "+" => (Add, 30),
            "-" => (Subtract, 30),
            "*" => (Multiply, 60),
            "/" => (Divide, 60),
            "%" => (Modulo, 60),
            "**" | "^" => (Power, 100),
            ".." | "??" | "?." | "." | "=" | ";" | "&" => return Err(self.unexpected(word)),
            _ => return Ok(None),
        };
        self.next += 1;
        Ok(Some((Infix::Operator(operator), precedence, operator == Power)))
    }

    fn unary(&mut self) -> Result<Node, Problem> {
        let place = self.place();
        let (wrap, precedence): (fn(Box<Node>) -> NodeKind, u16) =
            if self.takes("!") || self.takes_name("not") {
                (NodeKind::Not, NOT)
            } else if self.takes("-") {
                (NodeKind::Minus, SIGN)
            } else if self.takes("+") {
                (NodeKind::Plus, SIGN)
            } else {
                return self.postfix(false);
            };
        let inner = self.expression(precedence)?;
        Ok(Node { place: place.start..inner.place.end, kind: wrap(Box::new(inner)) })
    }

    /// A value with the places that are taken of it: `[0]`, `[1:3]`.
    fn postfix(&mut self, is_piped: bool) -> Result<Node, Problem> {
        let mut node = self.primary(is_piped)?;
        while self.takes("[") {
            let start = node.place.start;
            let from = if self.peek_is(":") { None } else { Some(Box::new(self.expression(0)?)) };
            let kind = if self.takes(":") {
                let to = if self.peek_is("]") { None } else { Some(Box::new(self.expression(0)?)) };
                NodeKind::Slice(Box::new(node), from, to)
            } else {
                match from {
                    Some(place) => NodeKind::Index(Box::new(node), place),
                    None => return Err(Problem::at(self.place(), "a place is missing here")),
                }
            };
            let end = self.expect("]")?;
            node = Node { place: start..end.end, kind };
        }
        Ok(node)
    }

    fn primary(&mut self, is_piped: bool) -> Result<Node, Problem> {
        let Some(word) = self.peek().cloned() else {
            return Err(Problem::at(self.place(), "the expression ends where a value is due"));
        };
        self.next += 1;
        let place = word.place.clone();
        let kind = match &word.kind {
            WordKind::Constant(value) => NodeKind::Constant(value.clone()),
            WordKind::Sign("(") => {
                let inner = self.expression(0)?;
                let end = self.expect(")")?;
                return Ok(Node { place: place.start..end.end, kind: inner.kind });
            }
            WordKind::Sign("[") => {
                let items = self.list("]")?;
                return Ok(Node { place: place.start..self.end(), kind: NodeKind::List(items) });
            }
            WordKind::Sign("#") if self.closures > 0 => {
                let is_named = |next: &&Word| {
                    next.place.start == word.place.end && matches!(next.kind, WordKind::Name(_))
                };
                if let Some(name) = self.peek().filter(is_named) {
                    let why = "only `#`, the element itself, is supported here";
                    return Err(unsupported(place.start..name.place.end, why));
                }
                NodeKind::Element
            }
            WordKind::Sign("#") => {
                return Err(Problem::at(place, "`#` stands for an element, and there is no list around it")
                    .help("write it in a predicate, as in `any(['a', 'b'], # == 'a')`"));
            }
            WordKind::Sign(_) => return Err(self.unexpected(&word)),
            WordKind::Name(name) => match name.as_str() {
                "true" => NodeKind::Constant(Value::Bool(true)),
                "false" => NodeKind::Constant(Value::Bool(false)),
                "nil" => NodeKind::Constant(Value::Nil),
                "let" | "if" | "else" | "$env" => return Err(self.unexpected(&word)),
                name if self.takes("(") => {
                    let items = self.arguments(name, is_piped)?;
                    return Ok(Node {
                        place: place.start..self.end(),
                        kind: NodeKind::Unknown(name.to_owned(), items),
                    });
                }
                name => NodeKind::Variable(name.to_owned()),
            },
        };
        Ok(Node { place, kind })
    }

    /// The arguments of a call up to its parenthesis, one of them given before by a `|`. One that is evaluated for each
    /// element may stand in braces.
    fn arguments(&mut self, name: &str, is_piped: bool) -> Result<Vec<Node>, Problem> {
        let function = builtin::ALL.iter().find(|(known, _)| *known == name).map(|(_, function)| *function);
        let mut items = Vec::new();
        while !self.takes(")") {
            if !items.is_empty() {
                self.expect(",")?;
            }
            let at = items.len() + usize::from(is_piped);
            if !function.is_some_and(|function| function.is_predicate(at)) {
                items.push(self.expression(0)?);
                continue;
            }
            self.closures += 1;
            let is_braced = self.takes("{");
            items.push(self.expression(0)?);
            if is_braced {
                self.expect("}")?;
            }
            self.closures -= 1;
        }
        Ok(items)
    }

    fn piped(&mut self, left: Node) -> Result<Node, Problem> {
        let right = self.primary(true)?;
        let place = left.place.start..right.place.end;
        let NodeKind::Unknown(name, mut items) = right.kind else {
            let why = "behind `|` stands a function with its parentheses, as `lower()`";
            return Err(Problem::at(right.place, why));
        };
        items.insert(0, left);
        Ok(Node { place, kind: NodeKind::Unknown(name, items) })
    }

    fn list(&mut self, end: &'static str) -> Result<Vec<Node>, Problem> {
        let mut items = Vec::new();
        while !self.takes(end) {
            if !items.is_empty() {
                self.expect(",")?;
                if self.takes(end) {
                    break;
                }
            }
            items.push(self.expression(0)?);
        }
        Ok(items)
    }

    fn peek(&self) -> Option<&Word> {
        self.words.get(self.next)
    }

    fn peek_is(&self, sign: &str) -> bool {
        self.peek().is_some_and(|word| matches!(word.kind, WordKind::Sign(held) if held == sign))
    }

    fn takes(&mut self, sign: &str) -> bool {
        let is_there = self.peek_is(sign);
        self.next += usize::from(is_there);
        is_there
    }

    fn takes_name(&mut self, name: &str) -> bool {
        let is_there =
            self.peek().is_some_and(|word| matches!(&word.kind, WordKind::Name(held) if held == name));
        self.next += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, sign: &'static str) -> Result<Range<usize>, Problem> {
        let place = self.place();
        if self.takes(sign) {
            return Ok(place);
        }
        match self.peek() {
            Some(word) => Err(self.unexpected(word).help(format!("`{sign}` is due here"))),
            None => Err(Problem::at(place, format!("the expression ends where `{sign}` is due"))),
        }
    }

    /// Where the next word stands; at the end, the last one.
    fn place(&self) -> Range<usize> {
        match self.peek().or(self.words.last()) {
            Some(word) => word.place.clone(),
            None => 0..self.text.len(),
        }
    }

    /// Where the word before ended.
    fn end(&self) -> usize {
        self.words.get(self.next.saturating_sub(1)).map_or(0, |word| word.place.end)
    }

    fn unexpected(&self, word: &Word) -> Problem {
        let typed = self.text.get(word.place.clone()).unwrap_or_default();
        let what = match typed {
            ".." => Some("ranges are"),
            "??" => Some("`??` is"),
            "." | "?." => Some("fields of values are"),
            "{" => Some("maps are"),
            "let" | "=" | ";" => Some("variables within an expression are"),
            "if" | "else" => Some("`if` is"),
            "$env" => Some("`$env` is"),
            _ => None,
        };
        match what {
            Some(what) => unsupported(word.place.clone(), &format!("{what} not supported here")),
            None => Problem::at(word.place.clone(), format!("{typed:?} cannot stand here").replace('"', "`")),
        }
    }
}

fn unsupported(place: Range<usize>, why: &str) -> Problem {
    Problem::at(place, why).help(
        "supported are comparisons, arithmetic, `&&`, `||`, `!`, `? :`, `in`, `matches`, `contains`, `startsWith`, \
         `endsWith`, lists, and functions of texts and lists",
    )
}
