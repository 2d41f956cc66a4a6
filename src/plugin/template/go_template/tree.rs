//! A template as it was parsed. Displays as Go prints it, which metrics carry as a label.

use std::fmt;
use std::ops::Range;

use super::functions::Function;

/// A piece of a template.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// Goes out as it is.
    Text(String),
    /// `{{pipeline}}`
    Action(Pipe),
    /// `{{if}}`, `{{with}}` or `{{range}}`, up to its `{{end}}`.
    Branch(Branch),
    /// `{{break}}`
    Break,
    /// `{{continue}}`
    Continue,
}

#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub(super) kind: BranchKind,
    pub(super) pipe: Pipe,
    pub(super) then: Vec<Node>,
    pub(super) otherwise: Option<Vec<Node>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BranchKind {
    If,
    With,
    Range,
}

/// Commands, each with the value of the one before as its last argument.
#[derive(Debug, Clone)]
pub(super) struct Pipe {
    pub(super) place: Range<usize>,
    /// The variables that get the value, by name with `$`.
    pub(super) variables: Vec<String>,
    /// Whether they were there before (`=`).
    pub(super) is_assignment: bool,
    pub(super) commands: Vec<Command>,
}

/// A function with arguments, or a value.
#[derive(Debug, Clone)]
pub(super) struct Command {
    pub(super) operands: Vec<Operand>,
}

#[derive(Debug, Clone)]
pub(super) struct Operand {
    pub(super) place: Range<usize>,
    pub(super) kind: OperandKind,
}

#[derive(Debug, Clone)]
pub(super) enum OperandKind {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    /// The text, and as it was typed.
    Text(String, String),
    /// `.Name.Name`
    Fields(Vec<String>),
    /// `$name.Name`
    Variable(String, Vec<String>),
    Function(Function),
    /// `(pipeline).Name`
    Pipe(Box<Pipe>, Vec<String>),
}

/// A number as the text gives it: it is of that type which is asked for.
#[derive(Debug, Clone)]
pub(super) struct Number {
    pub(super) typed: String,
    pub(super) int: Option<i64>,
    pub(super) float: f64,
    /// Whether it stands for a number with a fraction where any type will do.
    pub(super) is_float: bool,
}

impl Operand {
    /// Where the command's first operand stands.
    pub(super) fn start(&self) -> usize {
        self.place.start
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Action(pipe) => write!(f, "{{{{{pipe}}}}}"),
            Self::Branch(branch) => branch.fmt(f),
            Self::Break => f.write_str("{{break}}"),
            Self::Continue => f.write_str("{{continue}}"),
        }
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.kind {
            BranchKind::If => "if",
            BranchKind::With => "with",
            BranchKind::Range => "range",
        };
        write!(f, "{{{{{name} {}}}}}", self.pipe)?;
        self.then.iter().try_for_each(|node| node.fmt(f))?;
        if let Some(otherwise) = &self.otherwise {
            f.write_str("{{else}}")?;
            otherwise.iter().try_for_each(|node| node.fmt(f))?;
        }
        f.write_str("{{end}}")
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            let sign = if self.is_assignment { "=" } else { ":=" };
            write!(f, "{} {sign} ", self.variables.join(", "))?;
        }
        for (at, command) in self.commands.iter().enumerate() {
            if at > 0 {
                f.write_str(" | ")?;
            }
            command.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, operand) in self.operands.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            operand.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chain = |f: &mut fmt::Formatter<'_>, names: &[String]| {
            names.iter().try_for_each(|name| write!(f, ".{name}"))
        };
        match &self.kind {
            OperandKind::Dot => f.write_str("."),
            OperandKind::Nil => f.write_str("nil"),
            OperandKind::Bool(value) => write!(f, "{value}"),
            OperandKind::Number(number) => f.write_str(&number.typed),
            OperandKind::Text(_, typed) => f.write_str(typed),
            OperandKind::Fields(names) => chain(f, names),
            OperandKind::Variable(name, names) => {
                f.write_str(name)?;
                chain(f, names)
            }
            OperandKind::Function(function) => f.write_str(function.name()),
            OperandKind::Pipe(pipe, names) => {
                write!(f, "({pipe})")?;
                chain(f, names)
            }
        }
    }
}
