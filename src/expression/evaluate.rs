//! From a tree to its value. Steps and octets are counted, so that every evaluation ends.

use std::net::IpAddr;

use ipnet::IpNet;

use super::builtin::Function;
use super::tree::{Node, NodeKind, Operator};
use super::{Environment, EvaluationError, STEPS_MAX, TEXT_LEN_MAX, Value};

pub(super) fn evaluate(node: &Node, environment: &Environment<'_>) -> Result<Value, EvaluationError> {
    Evaluation { environment, elements: Vec::new(), steps: 0 }.node(node)
}

struct Evaluation<'e> {
    environment: &'e Environment<'e>,
    /// What `#` is, innermost last.
    elements: Vec<Value>,
    steps: usize,
}

fn fail<T>(why: impl Into<String>) -> Result<T, EvaluationError> {
    Err(EvaluationError(why.into()))
}

impl Evaluation<'_> {
    fn node(&mut self, node: &Node) -> Result<Value, EvaluationError> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return fail(format!("more than {STEPS_MAX} steps"));
        }
        match &node.kind {
            NodeKind::Constant(value) => Ok(value.clone()),
            NodeKind::List(items) => {
                let items = items.iter().map(|item| self.node(item)).collect::<Result<Vec<_>, _>>()?;
                Ok(Value::List(items.into()))
            }
            NodeKind::Variable(name) => {
                let held = self.environment.variables.iter().rev().find(|(held, _)| held == name);
                Ok(held.map_or(Value::Nil, |(_, value)| value.clone()))
            }
            NodeKind::Element => Ok(self.elements.last().cloned().unwrap_or(Value::Nil)),
            NodeKind::Not(inner) => Ok(Value::Bool(!self.truth(inner)?)),
            NodeKind::Minus(inner) => match self.node(inner)? {
                Value::Int(value) => Ok(Value::Int(value.wrapping_neg())),
                Value::Float(value) => Ok(Value::Float(-value)),
                other => fail(format!("a sign stands before {}", other.type_name())),
            },
            NodeKind::Plus(inner) => self.node(inner),
            NodeKind::Binary(Operator::And, left, right) => {
                Ok(Value::Bool(self.truth(left)? && self.truth(right)?))
            }
            NodeKind::Binary(Operator::Or, left, right) => {
                Ok(Value::Bool(self.truth(left)? || self.truth(right)?))
            }
            NodeKind::Binary(operator, left, right) => {
                let (left, right) = (self.node(left)?, self.node(right)?);
                bounded(binary(*operator, &left, &right)?)
            }
            NodeKind::Matches(left, _, regex) => {
                let text = self.node(left)?;
                let is_match = regex
                    .as_ref()
                    .is_some_and(|regex| matches!(&text, Value::Text(text) if regex.is_match(text)));
                Ok(Value::Bool(is_match))
            }
            NodeKind::Choice(condition, then, otherwise) => {
                if self.truth(condition)? {
                    self.node(then)
                } else {
                    self.node(otherwise)
                }
            }
            NodeKind::Index(list, at) => {
                let (list, at) = (self.node(list)?, self.node(at)?);
                let (Value::List(items), Value::Int(at)) = (&list, &at) else {
                    return fail(format!("cannot take a value out of {}", list.type_name()));
                };
                let place = if *at < 0 { *at + items.len() as i64 } else { *at };
                let found = usize::try_from(place).ok().and_then(|place| items.get(place)).cloned();
                found.ok_or_else(|| {
                    EvaluationError(format!("the list has {} values, and none at {at}", items.len()))
                })
            }
            NodeKind::Slice(value, from, to) => {
                let value = self.node(value)?;
                let mut bound =
                    |node: &Option<Box<Node>>| node.as_ref().map(|node| self.whole(node)).transpose();
                let (from, to) = (bound(from)?, bound(to)?);
                slice(&value, from, to)
            }
            NodeKind::Call(function, items) => {
                let value = self.call(*function, items)?;
                bounded(value)
            }
            NodeKind::Unknown(name, _) => fail(format!("`{name}` is no function")),
        }
    }

    fn truth(&mut self, node: &Node) -> Result<bool, EvaluationError> {
        match self.node(node)? {
            Value::Bool(value) => Ok(value),
            other => fail(format!("{} where a truth value is due", other.type_name())),
        }
    }

    fn whole(&mut self, node: &Node) -> Result<i64, EvaluationError> {
        match self.node(node)? {
            Value::Int(value) => Ok(value),
            other => fail(format!("{} where a whole number is due", other.type_name())),
        }
    }

    fn call(&mut self, function: Function, items: &[Node]) -> Result<Value, EvaluationError> {
        if let Some(value) = self.fact(function) {
            return Ok(value);
        }
        if function.is_predicate(1) {
            return self.each(function, items);
        }
        let values = items.iter().map(|item| self.node(item)).collect::<Result<Vec<_>, _>>()?;
        let first = values.first().unwrap_or(&Value::Nil);
        if function == Function::Group {
            let text = match first {
                Value::Int(number) => self.environment.group(&number.to_string()).to_owned(),
                Value::Text(name) => self.environment.group(name).to_owned(),
                _ => String::new(),
            };
            return Ok(Value::text(&text));
        }
        super::functions::call(function, &values)
    }

    /// What is known of the query.
    fn fact(&self, function: Function) -> Option<Value> {
        let facts = self.environment.facts;
        Some(match function {
            Function::Bufsize => Value::Int(facts.bufsize() as i64),
            Function::Class => Value::text(&facts.qclass().to_string()),
            Function::ClientIp => Value::text(&facts.client_ip()),
            Function::Do => Value::Bool(facts.dnssec_ok()),
            Function::Id => Value::Int(facts.0.id().into()),
            Function::Name => Value::text(&facts.name()),
            Function::Opcode => Value::Int(facts.0.flags().opcode().into()),
            Function::Port => Value::text(&facts.port().to_string()),
            Function::Proto => Value::text(facts.proto()),
            Function::ServerIp => Value::text(&facts.server_ip()),
            Function::ServerPort => Value::text(&facts.server_port().to_string()),
            Function::Size => Value::Int(facts.size() as i64),
            Function::Type => Value::text(&facts.qtype().to_string()),
            // Nobody gives labels before there is a plugin `metadata`: as in CoreDNS without it.
            Function::Metadata => Value::text(""),
            _ => return None,
        })
    }

    /// A function that looks at each element of a list.
    fn each(&mut self, function: Function, items: &[Node]) -> Result<Value, EvaluationError> {
        let [list, rest @ ..] = items else { return Ok(Value::Nil) };
        let list = self.node(list)?;
        let Value::List(elements) = &list else {
            return fail(format!("`{}` takes a list, and not {}", function.name(), list.type_name()));
        };
        let mut kept = Vec::new();
        let mut count = 0usize;
        for element in elements.iter() {
            self.elements.push(element.clone());
            let value = match rest.first() {
                Some(predicate) => self.node(predicate),
                None => Ok(element.clone()),
            };
            self.elements.pop();
            let value = value?;
            if function == Function::Map {
                kept.push(value);
                continue;
            }
            let Value::Bool(is_true) = value else {
                return fail(format!("{} where a truth value is due", value.type_name()));
            };
            count += usize::from(is_true);
            match (function, is_true) {
                (Function::All, false) | (Function::None, true) => return Ok(Value::Bool(false)),
                (Function::Any, true) => return Ok(Value::Bool(true)),
                (Function::Filter, true) => kept.push(element.clone()),
                _ => {}
            }
        }
        Ok(match function {
            Function::All | Function::None => Value::Bool(true),
            Function::Any => Value::Bool(false),
            Function::One => Value::Bool(count == 1),
            Function::Count => Value::Int(count as i64),
            _ => Value::List(kept.into()),
        })
    }
}

fn bounded(value: Value) -> Result<Value, EvaluationError> {
    match &value {
        Value::Text(text) if text.len() > TEXT_LEN_MAX => {
            fail(format!("a text is longer than {TEXT_LEN_MAX} octets"))
        }
        Value::List(items) if items.len() > STEPS_MAX => {
            fail(format!("a list has more than {STEPS_MAX} values"))
        }
        _ => Ok(value),
    }
}

fn binary(operator: Operator, left: &Value, right: &Value) -> Result<Value, EvaluationError> {
    use Operator::*;
    let wrong = || {
        fail(format!("`{}` stands between {} and {}", operator.sign(), left.type_name(), right.type_name()))
    };
    match (operator, left, right) {
        (Equal, left, right) => Ok(Value::Bool(left.equals(right))),
        (Unequal, left, right) => Ok(Value::Bool(!left.equals(right))),
        (In, value, Value::List(items)) => Ok(Value::Bool(items.iter().any(|item| item.equals(value)))),
        (_, Value::Text(left), Value::Text(right)) => Ok(match operator {
            Less => Value::Bool(left < right),
            LessOrEqual => Value::Bool(left <= right),
            Greater => Value::Bool(left > right),
            GreaterOrEqual => Value::Bool(left >= right),
            Contains => Value::Bool(left.contains(&**right)),
            StartsWith => Value::Bool(left.starts_with(&**right)),
            EndsWith => Value::Bool(left.ends_with(&**right)),
            Add => Value::Text([&**left, &**right].concat().into()),
            _ => return wrong(),
        }),
        (Add, Value::Int(left), Value::Int(right)) => Ok(Value::Int(left.wrapping_add(*right))),
        (Subtract, Value::Int(left), Value::Int(right)) => Ok(Value::Int(left.wrapping_sub(*right))),
        (Multiply, Value::Int(left), Value::Int(right)) => Ok(Value::Int(left.wrapping_mul(*right))),
        (Modulo, Value::Int(_), Value::Int(0)) => fail("division by zero"),
        (Modulo, Value::Int(left), Value::Int(right)) => Ok(Value::Int(left.wrapping_rem(*right))),
        _ => match (left.number(), right.number()) {
            (Some(left), Some(right)) => Ok(match operator {
                Less => Value::Bool(left < right),
                LessOrEqual => Value::Bool(left <= right),
                Greater => Value::Bool(left > right),
                GreaterOrEqual => Value::Bool(left >= right),
                Add => Value::Float(left + right),
                Subtract => Value::Float(left - right),
                Multiply => Value::Float(left * right),
                Divide => Value::Float(left / right),
                Power => Value::Float(left.powf(right)),
                _ => return wrong(),
            }),
            _ => wrong(),
        },
    }
}

/// From one place to before another; places from the end are negative, and those outside are the nearest inside.
fn slice(value: &Value, from: Option<i64>, to: Option<i64>) -> Result<Value, EvaluationError> {
    let length = match value {
        Value::List(items) => items.len(),
        Value::Text(text) => text.chars().count(),
        other => return fail(format!("cannot take a part of {}", other.type_name())),
    } as i64;
    let place = |at: i64| (if at < 0 { at + length } else { at }).clamp(0, length) as usize;
    let to = place(to.unwrap_or(length));
    let from = place(from.unwrap_or(0)).min(to);
    Ok(match value {
        Value::Text(text) => Value::Text(text.chars().skip(from).take(to - from).collect::<String>().into()),
        Value::List(items) => Value::List(items.get(from..to).unwrap_or_default().into()),
        _ => Value::Nil,
    })
}

/// Whether an address is in a network.
pub(super) fn is_in_cidr(address: &str, cidr: &str) -> Result<bool, EvaluationError> {
    let Ok(address) = address.parse::<IpAddr>() else {
        return fail(format!("{} is not an IP address", crate::corefile::Shown(address)));
    };
    let Ok(net) = cidr.parse::<IpNet>() else {
        return fail(format!("{} is not a CIDR", crate::corefile::Shown(cidr)));
    };
    Ok(net.contains(&address.to_canonical()))
}
