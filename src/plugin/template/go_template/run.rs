//! Running a template: data goes in, text comes out. Steps and octets are counted, so that every run ends.

use std::borrow::Cow;
use std::fmt::Write;

use super::functions::Function;
use super::tree::{Branch, BranchKind, Command, Node, Number, Operand, OperandKind, Pipe};
use super::{Object, Template, Value};

/// The longest text that a template makes, or holds in a value: what a record of 65,535 octets needs with all of them
/// escaped.
pub const OUTPUT_LEN_MAX: usize = 1 << 18;
/// The most nodes, commands and operands that one run looks at.
pub const STEPS_MAX: usize = 20_000;

/// Why a run failed, in the form that Go has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template: {name}:{line}:{column}: executing \"{name}\" at <{context}>: {why}")]
pub struct RunError {
    name: &'static str,
    line: usize,
    column: usize,
    context: String,
    pub(super) why: String,
}

/// Why, and the node at which; the template's name and text make a [`RunError`] of it.
struct Failure {
    at: usize,
    context: String,
    why: String,
}

/// What a list of nodes says to the `range` around it.
#[derive(PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

struct Runner<'d, 't> {
    out: String,
    steps: usize,
    variables: Vec<(&'t str, Value<'d>)>,
}

pub(super) fn run(template: &Template, data: &dyn Object) -> Result<String, RunError> {
    let root = Value::Object(data);
    let mut runner = Runner { out: String::new(), steps: 0, variables: vec![("$", root.clone())] };
    match runner.nodes(&template.nodes, &root) {
        Ok(_) => Ok(runner.out),
        Err(failure) => {
            let before = template.text.get(..failure.at).unwrap_or_default();
            let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1);
            let line = before.matches('\n').count() + 1;
            // As long as Go shows it.
            let is_long = failure.context.chars().count() > 20;
            let context = if is_long {
                failure.context.chars().take(20).chain("...".chars()).collect()
            } else {
                failure.context
            };
            Err(RunError { name: template.name, line, column, context, why: failure.why })
        }
    }
}

impl<'d, 't> Runner<'d, 't> {
    fn nodes(&mut self, nodes: &'t [Node], dot: &Value<'d>) -> Result<Flow, Failure> {
        for node in nodes {
            match node {
                Node::Text(text) => {
                    self.out.push_str(text);
                    self.bound(0, || "text".to_owned())?;
                }
                Node::Action(pipe) => {
                    let value = self.pipe(pipe, dot)?;
                    if pipe.variables.is_empty() {
                        if value.is_unprintable() {
                            return Err(fail(pipe.place.start, pipe, "can't print a value with fields"));
                        }
                        // Writing to a String does not fail.
                        let _ = match value {
                            Value::Nil => write!(self.out, "{}", Value::Missing),
                            value => write!(self.out, "{value}"),
                        };
                    }
                    self.bound(pipe.place.start, || pipe.to_string())?;
                }
                Node::Branch(branch) => match self.branch(branch, dot)? {
                    Flow::On => {}
                    flow => return Ok(flow),
                },
                Node::Break => return Ok(Flow::Break),
                Node::Continue => return Ok(Flow::Continue),
            }
        }
        Ok(Flow::On)
    }

    fn branch(&mut self, branch: &'t Branch, dot: &Value<'d>) -> Result<Flow, Failure> {
        let scope = self.variables.len();
        let value = self.pipe(&branch.pipe, dot)?;
        let otherwise = branch.otherwise.as_deref().unwrap_or_default();
        let flow = match branch.kind {
            BranchKind::If | BranchKind::With if !value.is_true() => self.nodes(otherwise, dot)?,
            BranchKind::If => self.nodes(&branch.then, dot)?,
            BranchKind::With => self.nodes(&branch.then, &value)?,
            BranchKind::Range => self.range(branch, &value, dot)?,
        };
        self.variables.truncate(scope);
        Ok(flow)
    }

    fn range(&mut self, branch: &'t Branch, value: &Value<'d>, dot: &Value<'d>) -> Result<Flow, Failure> {
        let pairs: Box<dyn Iterator<Item = (Value<'d>, Value<'d>)>> = match value {
            Value::List(values) => {
                let values = std::rc::Rc::clone(values);
                Box::new((0..values.len()).map(move |at| (Value::Int(at as i64), values[at].clone())))
            }
            Value::Map(map, _) => {
                let pairs: Vec<_> =
                    map.iter().map(|(key, value)| (Value::Text(key.clone()), value.clone())).collect();
                Box::new(pairs.into_iter())
            }
            Value::Int(count) => Box::new((0..*count).map(|at| (Value::Int(at), Value::Int(at)))),
            Value::Uint(count) => Box::new((0..*count).map(|at| (Value::Uint(at), Value::Uint(at)))),
            Value::Missing | Value::Nil => Box::new(std::iter::empty()),
            other => {
                let why = format!("range can't iterate over {other}");
                return Err(fail(branch.pipe.place.start, &branch.pipe, why));
            }
        };
        let mut is_empty = true;
        let inside = self.variables.len();
        for (key, element) in pairs {
            is_empty = false;
            let place = branch.pipe.place.start;
            self.step(place, || branch.pipe.to_string())?;
            let values = match branch.pipe.variables.len() {
                2 => vec![key, element.clone()],
                _ => vec![element.clone()],
            };
            for (name, value) in branch.pipe.variables.iter().zip(values) {
                self.set(name, value);
            }
            let flow = self.nodes(&branch.then, &element)?;
            self.variables.truncate(inside);
            if flow == Flow::Break {
                break;
            }
        }
        if is_empty {
            return self.nodes(branch.otherwise.as_deref().unwrap_or_default(), dot);
        }
        Ok(Flow::On)
    }

    /// The value of a pipeline, given to its variables.
    fn pipe(&mut self, pipe: &'t Pipe, dot: &Value<'d>) -> Result<Value<'d>, Failure> {
        self.step(pipe.place.start, || pipe.to_string())?;
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(command, dot, value)?);
        }
        let value = value.unwrap_or(Value::Missing);
        for name in &pipe.variables {
            if pipe.is_assignment {
                self.set(name, value.clone());
            } else {
                self.variables.push((name, value.clone()));
            }
        }
        Ok(value)
    }

    fn set(&mut self, name: &str, value: Value<'d>) {
        if let Some((_, held)) = self.variables.iter_mut().rev().find(|(held, _)| *held == name) {
            *held = value;
        }
    }

    fn command(
        &mut self,
        command: &'t Command,
        dot: &Value<'d>,
        last: Option<Value<'d>>,
    ) -> Result<Value<'d>, Failure> {
        let Some((first, rest)) = command.operands.split_first() else { return Ok(Value::Missing) };
        self.step(first.start(), || command.to_string())?;
        match &first.kind {
            OperandKind::Function(function @ (Function::And | Function::Or)) => {
                // The first argument that decides, and no further.
                let decides = |value: &Value<'_>| value.is_true() == (*function == Function::Or);
                let mut value = Value::Missing;
                for operand in rest {
                    value = self.operand(operand, dot, &[])?;
                    if decides(&value) {
                        return Ok(value);
                    }
                }
                Ok(last.unwrap_or(value))
            }
            OperandKind::Function(function) => {
                let mut arguments = Vec::with_capacity(rest.len() + 1);
                for operand in rest {
                    arguments.push(self.argument(*function, arguments.len(), operand, dot)?);
                }
                arguments.extend(last);
                let fails = |why: String| {
                    let why = if why.contains("; expected ") {
                        why
                    } else {
                        format!("error calling {}: {why}", function.name())
                    };
                    fail(first.start(), command, why)
                };
                let value = function.call(&arguments).map_err(fails)?;
                if let Value::Text(text) = &value
                    && text.len() > OUTPUT_LEN_MAX
                {
                    return Err(fails(format!("the text is longer than {OUTPUT_LEN_MAX} octets")));
                }
                Ok(value)
            }
            _ => {
                let mut arguments = Vec::new();
                for operand in rest {
                    arguments.push(self.operand(operand, dot, &[])?);
                }
                arguments.extend(last);
                self.operand(first, dot, &arguments)
            }
        }
    }

    /// A number is whole where a function wants a whole one.
    fn argument(
        &mut self,
        function: Function,
        at: usize,
        operand: &'t Operand,
        dot: &Value<'d>,
    ) -> Result<Value<'d>, Failure> {
        match &operand.kind {
            OperandKind::Number(Number { int: Some(int), .. })
                if function == Function::ParseInt && at > 0 =>
            {
                Ok(Value::Int(*int))
            }
            _ => self.operand(operand, dot, &[]),
        }
    }

    fn operand(
        &mut self,
        operand: &'t Operand,
        dot: &Value<'d>,
        arguments: &[Value<'d>],
    ) -> Result<Value<'d>, Failure> {
        self.step(operand.start(), || operand.to_string())?;
        let (value, names) = match &operand.kind {
            OperandKind::Dot => (dot.clone(), &[] as &[String]),
            OperandKind::Nil => (Value::Nil, &[] as &[String]),
            OperandKind::Bool(value) => (Value::Bool(*value), &[] as &[String]),
            OperandKind::Number(number) => {
                let value = match number.int {
                    Some(int) if !number.is_float => Value::Int(int),
                    _ => Value::Float(number.float),
                };
                (value, &[] as &[String])
            }
            OperandKind::Text(text, _) => (Value::Text(Cow::Owned(text.clone())), &[] as &[String]),
            OperandKind::Fields(names) => (dot.clone(), names.as_slice()),
            OperandKind::Variable(name, names) => {
                let held = self.variables.iter().rev().find(|(held, _)| held == name);
                (held.map_or(Value::Missing, |(_, value)| value.clone()), names.as_slice())
            }
            OperandKind::Pipe(pipe, names) => {
                let scope = self.variables.len();
                let value = self.pipe(pipe, dot)?;
                self.variables.truncate(scope);
                (value, names.as_slice())
            }
            OperandKind::Function(function) => {
                let call = function.call(&[]).map_err(|why| fail(operand.start(), operand, why))?;
                (call, &[] as &[String])
            }
        };
        let mut value = value;
        for (at, name) in names.iter().enumerate() {
            let arguments = if at + 1 == names.len() { arguments } else { &[] };
            value = field(&value, name, arguments).map_err(|why| fail(operand.start(), operand, why))?;
        }
        if names.is_empty() && !arguments.is_empty() {
            return Err(fail(
                operand.start(),
                operand,
                format!("can't give argument to non-function {operand}"),
            ));
        }
        Ok(value)
    }

    fn step(&mut self, at: usize, context: impl FnOnce() -> String) -> Result<(), Failure> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(Failure { at, context: context(), why: format!("more than {STEPS_MAX} steps") });
        }
        Ok(())
    }

    fn bound(&self, at: usize, context: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.out.len() > OUTPUT_LEN_MAX {
            let why = format!("the text is longer than {OUTPUT_LEN_MAX} octets");
            return Err(Failure { at, context: context(), why });
        }
        Ok(())
    }
}

fn fail(at: usize, context: impl ToString, why: impl Into<String>) -> Failure {
    Failure { at, context: context.to_string(), why: why.into() }
}

/// The field of a value, or what its function gives for a text.
fn field<'d>(value: &Value<'d>, name: &str, arguments: &[Value<'d>]) -> Result<Value<'d>, String> {
    match (value, arguments) {
        (Value::Object(object), []) => match object.field(name) {
            Value::Missing => Err(format!("can't evaluate field {name}")),
            found => Ok(found),
        },
        (Value::Object(object), [Value::Text(argument)]) => Ok(object.call(name, argument)),
        (Value::Object(_), [other]) => Err(match other {
            Value::Missing | Value::Nil => "invalid value; expected string".to_owned(),
            other => format!("wrong type for value; expected string; got {}", other.type_name()),
        }),
        (_, [_, ..]) => Err(format!("{name} has arguments but cannot be invoked as function")),
        (Value::Map(map, _), []) => Ok(map.get(name).cloned().unwrap_or(Value::Missing)),
        (Value::Missing | Value::Nil, []) => Ok(Value::Missing),
        (other, []) => Err(format!("can't evaluate field {name} in type {}", other.type_name())),
    }
}
