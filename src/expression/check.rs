//! Names and types: what could work for no query is told before there is one.

use std::ops::Range;

use regex::RegexBuilder;

use super::builtin::{self, Function, Takes};
use super::tree::{Node, NodeKind, Operator};
use super::{Problem, Scope, Type, Value};
use crate::corefile::{Shown, suggest};

/// The largest regular expression of `matches`, compiled, in octets.
const REGEX_SIZE_MAX: usize = 1 << 20;

/// Checks an expression, and gives what it evaluates to. Names of functions become functions, patterns are compiled.
pub(super) fn check(node: &mut Node, scope: &Scope) -> Result<Type, Problem> {
    Checker { scope, elements: Vec::new() }.node(node)
}

struct Checker<'s> {
    scope: &'s Scope,
    /// What `#` is, innermost last.
    elements: Vec<Type>,
}

impl Checker<'_> {
    fn node(&mut self, node: &mut Node) -> Result<Type, Problem> {
        let place = node.place.clone();
        match &mut node.kind {
            NodeKind::Constant(value) => Ok(type_of(value)),
            NodeKind::List(items) => {
                let mut element = None;
                for item in items {
                    let found = self.node(item)?;
                    element = Some(element.map_or(found, |held: Type| held.with(found)));
                }
                Ok(element.unwrap_or(Type::Any).list())
            }
            NodeKind::Variable(name) => self.variable(name, place),
            NodeKind::Element => Ok(self.elements.last().copied().unwrap_or(Type::Any)),
            NodeKind::Not(inner) => {
                self.wanted(inner, Type::Bool, "`!`")?;
                Ok(Type::Bool)
            }
            NodeKind::Minus(inner) | NodeKind::Plus(inner) => {
                let found = self.node(inner)?;
                if found.may_be_number() {
                    Ok(found)
                } else {
                    Err(mismatch(inner.place.clone(), "a sign stands before a number", found))
                }
            }
            NodeKind::Binary(operator, left, right) => {
                let (left, right) = (self.node(left)?, self.node(right)?);
                binary(*operator, left, right, place)
            }
            NodeKind::Matches(left, right, regex) => {
                self.wanted(left, Type::Text, "`matches`")?;
                let NodeKind::Constant(Value::Text(pattern)) = &right.kind else {
                    return Err(Problem::at(
                        right.place.clone(),
                        "behind `matches` stands a text in quotes, and nothing else",
                    ));
                };
                let built = RegexBuilder::new(pattern).size_limit(REGEX_SIZE_MAX).build();
                let built = built.map_err(|cause| {
                    let cause = cause.to_string();
                    let why =
                        cause.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                    Problem::at(right.place.clone(), format!("this is not a regular expression: {why}"))
                })?;
                *regex = Some(Box::new(built));
                Ok(Type::Bool)
            }
            NodeKind::Choice(condition, then, otherwise) => {
                self.wanted(condition, Type::Bool, "`? :`")?;
                Ok(self.node(then)?.with(self.node(otherwise)?))
            }
            NodeKind::Index(list, at) => {
                let found = self.node(list)?;
                if !matches!(found, Type::List(_) | Type::Any) {
                    return Err(mismatch(list.place.clone(), "`[…]` takes a value out of a list", found));
                }
                self.wanted(at, Type::Int, "`[…]`")?;
                Ok(found.element())
            }
            NodeKind::Slice(value, from, to) => {
                let found = self.node(value)?;
                if !matches!(found, Type::List(_) | Type::Text | Type::Any) {
                    return Err(mismatch(
                        value.place.clone(),
                        "`[…:…]` takes a part of a list or a text",
                        found,
                    ));
                }
                for bound in [from, to].into_iter().flatten() {
                    self.wanted(bound, Type::Int, "`[…:…]`")?;
                }
                Ok(found)
            }
            NodeKind::Unknown(name, items) => {
                let function = self.function(name, &place)?;
                let mut items = std::mem::take(items);
                let found = self.call(function, &mut items, place)?;
                node.kind = NodeKind::Call(function, items);
                Ok(found)
            }
            NodeKind::Call(function, _) => Ok(function.signature().2),
        }
    }

    fn wanted(&mut self, node: &mut Node, wanted: Type, by: &str) -> Result<(), Problem> {
        let found = self.node(node)?;
        if found.may_be(wanted) {
            return Ok(());
        }
        Err(mismatch(node.place.clone(), &format!("{by} takes {wanted} here"), found))
    }

    fn variable(&self, name: &str, place: Range<usize>) -> Result<Type, Problem> {
        if let Some((_, held)) = self.scope.variables.iter().find(|(held, _)| held == name) {
            return Ok(*held);
        }
        if let Some(function) = builtin::find(name, self.scope) {
            let problem = Problem::at(place, format!("`{name}` is a function"));
            return Err(problem.help(format!(
                "call it, as `{name}({})`",
                if function.signature().1 == 0 { "" } else { "…" }
            )));
        }
        let problem = Problem::at(place, format!("the name {} is not known here", Shown(name)));
        let known = self.scope.variables.iter().map(|(name, _)| name.as_str());
        Err(match suggest(name, known) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help(format!(
                "write a text in quotes, as `'{name}'`; a variable is declared before it is used"
            )),
        })
    }

    fn function(&self, name: &str, place: &Range<usize>) -> Result<Function, Problem> {
        if let Some(function) = builtin::find(name, self.scope) {
            return Ok(function);
        }
        let place = place.start..place.end;
        let all = || {
            builtin::ALL
                .iter()
                .map(|(name, _)| *name)
                .filter(|name| builtin::find(name, self.scope).is_some())
        };
        let names = || all().collect::<Vec<_>>().join(", ");
        if builtin::is_unsupported(name) {
            let problem = Problem::at(place, format!("the function `{name}` is not supported here"));
            return Err(problem.help(format!("supported are {}", names())));
        }
        let problem = Problem::at(place, format!("{} is no function", Shown(name)));
        Err(match suggest(name, all()) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help(format!("there are {}", names())),
        })
    }

    fn call(&mut self, function: Function, items: &mut [Node], place: Range<usize>) -> Result<Type, Problem> {
        let (takes, least, gives) = function.signature();
        let most = if function.is_variadic() { usize::MAX } else { takes.len() };
        if !(least..=most).contains(&items.len()) {
            let wanted = match (least, most) {
                (0, 0) => "no arguments".to_owned(),
                (least, usize::MAX) => format!("at least {least}"),
                (least, most) if least == most => least.to_string(),
                (least, most) => format!("from {least} to {most}"),
            };
            let why = format!("`{}` takes {wanted}, not {}", function.name(), items.len());
            return Err(Problem::at(place, why));
        }
        let mut list = Type::Any;
        let mut given = Type::Any;
        for (at, item) in items.iter_mut().enumerate() {
            let takes = takes.get(at).or(takes.last()).copied().unwrap_or(Takes::Any);
            if matches!(takes, Takes::Predicate | Takes::Mapper) {
                self.elements.push(list.element());
                let found = self.node(item);
                self.elements.pop();
                given = found?;
                if takes == Takes::Predicate && !given.may_be(Type::Bool) {
                    let why = format!("`{}` asks this of each element", function.name());
                    return Err(mismatch(
                        item.place.clone(),
                        &format!("{why}, and takes a truth value"),
                        given,
                    ));
                }
                continue;
            }
            let found = self.node(item)?;
            let (is_right, wanted) = match takes {
                Takes::Text => (found.may_be(Type::Text), "a text"),
                Takes::Int => (found.may_be(Type::Int), "a whole number"),
                Takes::Number => (found.may_be_number(), "a number"),
                Takes::List => (matches!(found, Type::List(_) | Type::Any), "a list"),
                Takes::Many => (matches!(found, Type::List(_) | Type::Text | Type::Any), "a text or a list"),
                Takes::Simple => (found.may_be_number() || found == Type::Text, "a text or a number"),
                Takes::Any | Takes::Predicate | Takes::Mapper => (true, ""),
            };
            if !is_right {
                return Err(mismatch(
                    item.place.clone(),
                    &format!("`{}` takes {wanted} here", function.name()),
                    found,
                ));
            }
            if at == 0 {
                list = found;
            }
        }
        Ok(match function {
            Function::Abs | Function::Max | Function::Min if items.len() == 1 => list,
            Function::First | Function::Last => list.element(),
            Function::Filter | Function::Reverse => list,
            Function::Map => given.list(),
            _ => gives,
        })
    }
}

fn type_of(value: &Value) -> Type {
    match value {
        Value::Nil => Type::Nil,
        Value::Bool(_) => Type::Bool,
        Value::Int(_) => Type::Int,
        Value::Float(_) => Type::Float,
        Value::Text(_) => Type::Text,
        Value::List(_) => Type::Any.list(),
    }
}

fn binary(operator: Operator, left: Type, right: Type, place: Range<usize>) -> Result<Type, Problem> {
    use Operator::*;
    let are = |wanted: Type| left.may_be(wanted) && right.may_be(wanted);
    let are_numbers = left.may_be_number() && right.may_be_number();
    let found = match operator {
        Or | And => are(Type::Bool).then_some(Type::Bool),
        Equal | Unequal => left.may_equal(right).then_some(Type::Bool),
        Less | LessOrEqual | Greater | GreaterOrEqual => {
            (are_numbers || are(Type::Text)).then_some(Type::Bool)
        }
        In => match right {
            Type::List(_) => left.may_equal(right.element()).then_some(Type::Bool),
            Type::Any => Some(Type::Bool),
            _ => None,
        },
        Contains | StartsWith | EndsWith => are(Type::Text).then_some(Type::Bool),
        Add if are(Type::Text) && (left == Type::Text || right == Type::Text) => Some(Type::Text),
        Add if left == Type::Any && right == Type::Any => Some(Type::Any),
        Add | Subtract | Multiply => are_numbers.then_some(match (left, right) {
            (Type::Int, Type::Int) => Type::Int,
            (Type::Float, _) | (_, Type::Float) => Type::Float,
            _ => Type::Any,
        }),
        Divide | Power => are_numbers.then_some(Type::Float),
        Modulo => are(Type::Int).then_some(Type::Int),
    };
    found.ok_or_else(|| {
        let why = format!("`{}` cannot stand between {left} and {right}", operator.sign());
        Problem::at(place, why).help(match operator {
            Add => "`string(…)` makes a text of a number, and `int(…)` a number of a text",
            In => "behind `in` stands a list of the same, as `['A', 'AAAA']`",
            _ => "both sides must be of one type; `int(…)` makes a number of a text",
        })
    })
}

fn mismatch(place: Range<usize>, why: &str, found: Type) -> Problem {
    Problem::at(place, format!("{why}, and this is {found}"))
}
