//! What would fail at each run is told when the template is read: fields that the data does not have, and functions with
//! too few or too many arguments.

use super::functions::Function;
use super::tree::{Branch, BranchKind, Command, Node, Operand, OperandKind, Pipe};
use super::{Problem, Shape};
use crate::corefile::{Shown, suggest};

/// Looks through a whole template.
pub(super) fn check(nodes: &[Node], root: &'static Shape) -> Result<(), Problem> {
    let mut checker = Checker { variables: vec![("$".to_owned(), *root)] };
    checker.nodes(nodes, *root)
}

struct Checker {
    variables: Vec<(String, Shape)>,
}

impl Checker {
    fn nodes(&mut self, nodes: &[Node], dot: Shape) -> Result<(), Problem> {
        for node in nodes {
            match node {
                Node::Text(_) | Node::Break | Node::Continue => {}
                Node::Action(pipe) => {
                    let shape = self.pipe(pipe, dot)?;
                    if pipe.variables.is_empty() && matches!(shape, Shape::Object(..)) {
                        let why = format!("{} is no text, but has fields", Shown(&pipe.to_string()));
                        return Err(Problem::at(pipe.place.clone(), why).help(fields_help(&shape)));
                    }
                }
                Node::Branch(branch) => self.branch(branch, dot)?,
            }
        }
        Ok(())
    }

    fn branch(&mut self, branch: &Branch, dot: Shape) -> Result<(), Problem> {
        let scope = self.variables.len();
        let shape = self.pipe(&branch.pipe, dot)?;
        let element = match shape {
            Shape::List(element) | Shape::Map(element) => *element,
            _ => Shape::Any,
        };
        let inner = match branch.kind {
            BranchKind::If => dot,
            BranchKind::With => shape,
            BranchKind::Range => {
                if matches!(shape, Shape::Text | Shape::Object(..)) {
                    let why =
                        format!("{} is nothing that `range` can go through", Shown(&branch.pipe.to_string()));
                    return Err(Problem::at(branch.pipe.place.clone(), why));
                }
                // The variables hold what is gone through: first its place or key, where there are two.
                let count = branch.pipe.variables.len();
                let start = self.variables.len() - if branch.pipe.is_assignment { 0 } else { count };
                for (at, (_, held)) in self.variables.iter_mut().skip(start).enumerate() {
                    *held = if at + 1 == count { element } else { Shape::Any };
                }
                element
            }
        };
        let inside = self.variables.len();
        self.nodes(&branch.then, inner)?;
        self.variables.truncate(inside);
        self.nodes(branch.otherwise.as_deref().unwrap_or_default(), dot)?;
        self.variables.truncate(scope);
        Ok(())
    }

    fn pipe(&mut self, pipe: &Pipe, dot: Shape) -> Result<Shape, Problem> {
        let mut shape = Shape::Any;
        for (at, command) in pipe.commands.iter().enumerate() {
            shape = self.command(command, dot, at > 0)?;
        }
        for name in &pipe.variables {
            if pipe.is_assignment {
                // What is assigned in a branch holds behind it too, so that nothing is known any more.
                for (held, held_shape) in &mut self.variables {
                    if held == name {
                        *held_shape = Shape::Any;
                    }
                }
            } else {
                self.variables.push((name.clone(), shape));
            }
        }
        Ok(shape)
    }

    fn command(&mut self, command: &Command, dot: Shape, is_piped: bool) -> Result<Shape, Problem> {
        let Some((first, rest)) = command.operands.split_first() else { return Ok(Shape::Any) };
        let given = rest.len() + usize::from(is_piped);
        let shape = match &first.kind {
            OperandKind::Function(function) => {
                let (min, max) = function.arity();
                if !(min..=max).contains(&given) {
                    let wanted = match (min, max) {
                        (min, usize::MAX) => format!("at least {min}"),
                        (min, max) if min == max => min.to_string(),
                        (min, max) => format!("from {min} to {max}"),
                    };
                    let why = format!("`{}` takes {wanted} {}, not {given}", function.name(), arguments(max));
                    return Err(Problem::at(first.place.clone(), why).help(usage(*function)));
                }
                match function {
                    Function::Print | Function::Printf | Function::Println => Shape::Text,
                    Function::Index => match (rest.first(), rest.len()) {
                        (Some(value), 2) => match self.operand(value, dot, 0)? {
                            Shape::List(element) | Shape::Map(element) => *element,
                            _ => Shape::Any,
                        },
                        _ => Shape::Any,
                    },
                    Function::And | Function::Or | Function::Slice => Shape::Any,
                    _ => Shape::Plain,
                }
            }
            _ => self.operand(first, dot, given)?,
        };
        for operand in rest {
            self.operand(operand, dot, 0)?;
        }
        Ok(shape)
    }

    /// The shape of an operand with so many arguments.
    fn operand(&mut self, operand: &Operand, dot: Shape, given: usize) -> Result<Shape, Problem> {
        let (start, names) = match &operand.kind {
            OperandKind::Dot => (dot, &[] as &[String]),
            OperandKind::Fields(names) => (dot, names.as_slice()),
            OperandKind::Variable(name, names) => {
                let held = self.variables.iter().rev().find(|(held, _)| held == name);
                (held.map_or(Shape::Any, |(_, shape)| *shape), names.as_slice())
            }
            OperandKind::Pipe(pipe, names) => {
                let scope = self.variables.len();
                let shape = self.pipe(pipe, dot)?;
                self.variables.truncate(scope);
                (shape, names.as_slice())
            }
            OperandKind::Function(function) => {
                let (min, _) = function.arity();
                if min > 0 {
                    let why = format!("`{}` stands here without its arguments", function.name());
                    let help = format!("{}; as an argument it stands in parentheses", usage(*function));
                    return Err(Problem::at(operand.place.clone(), why).help(help));
                }
                return Ok(Shape::Text);
            }
            OperandKind::Text(..) => return Ok(Shape::Text),
            OperandKind::Nil | OperandKind::Bool(_) | OperandKind::Number(_) => return Ok(Shape::Plain),
        };
        let mut shape = start;
        let mut is_function = false;
        for (at, name) in names.iter().enumerate() {
            is_function = matches!(shape, Shape::Object(_, functions) if functions.contains(&name.as_str()));
            let is_last = at + 1 == names.len();
            shape = step(operand, shape, name, is_last, given)?;
        }
        if given > 0 && !is_function && !matches!(shape, Shape::Any) {
            let why = format!("{} is no function, and can take no arguments", Shown(&operand.to_string()));
            return Err(Problem::at(operand.place.clone(), why));
        }
        Ok(shape)
    }
}

fn step(operand: &Operand, shape: Shape, name: &str, is_last: bool, given: usize) -> Result<Shape, Problem> {
    let wrong = |why: String| Problem::at(operand.place.clone(), why);
    match shape {
        Shape::Any => Ok(Shape::Any),
        Shape::Map(element) => Ok(*element),
        Shape::Object(fields, functions) => {
            if functions.contains(&name) {
                if is_last && given == 1 {
                    return Ok(Shape::Text);
                }
                let why = format!(
                    "`{operand}` is a function of one text, as in `{operand} \"kubernetes/client-namespace\"`"
                );
                return Err(wrong(why));
            }
            if let Some((_, shape)) = fields.iter().find(|(field, _)| *field == name) {
                return Ok(*shape);
            }
            let known = || fields.iter().map(|(field, _)| *field).chain(functions.iter().copied());
            let problem = wrong(format!("there is no field {} in the data of templates here", Shown(name)));
            Err(match suggest(name, known()) {
                Some(near) => problem.help(format!("did you mean `.{near}`?")),
                None => problem.help(fields_help(&shape)),
            })
        }
        Shape::Text | Shape::Plain | Shape::List(_) => {
            let problem = wrong(format!("{} has no field {}", Shown(&before(operand, name)), Shown(name)));
            Err(match shape {
                Shape::List(_) => problem.help("take a value by its place, as in `index .Match 0`"),
                _ => problem.help("leave the field out"),
            })
        }
    }
}

/// The operand without the last field of that name.
fn before(operand: &Operand, name: &str) -> String {
    let text = operand.to_string();
    text.rsplit_once(&format!(".{name}")).map_or(text.clone(), |(before, _)| before.to_owned())
}

fn fields_help(shape: &Shape) -> String {
    match shape {
        Shape::Object(fields, functions) => {
            let names: Vec<String> = fields
                .iter()
                .map(|(field, _)| *field)
                .chain(functions.iter().copied())
                .map(|name| format!("`.{name}`"))
                .collect();
            format!("it has {}", names.join(", "))
        }
        _ => String::new(),
    }
}

fn arguments(count: usize) -> &'static str {
    if count == 1 { "argument" } else { "arguments" }
}

fn usage(function: Function) -> &'static str {
    match function {
        Function::And => "write `and A B`",
        Function::Or => "write `or A B`",
        Function::Not => "write `not A`",
        Function::Len => "write `len .Match`",
        Function::Index => "write `index .Match 1`",
        Function::Slice => "write `slice .Name 0 3`",
        Function::Print | Function::Println => "write `print A B`",
        Function::Printf => "write `printf \"%s-%s\" A B`",
        Function::Eq => "write `eq A B`",
        Function::Ne => "write `ne A B`",
        Function::Lt => "write `lt A B`",
        Function::Le => "write `le A B`",
        Function::Gt => "write `gt A B`",
        Function::Ge => "write `ge A B`",
        Function::ParseInt => "write `parseInt TEXT BASE BITS`, as in `parseInt .Group.b 16 8`",
    }
}
