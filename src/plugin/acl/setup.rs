//! `acl [ZONES…] { ACTION [type QTYPE…] [net SOURCE…] }`.

use super::Acl;
use super::metrics::Metrics;
use super::rules::{Action, Policy, Rule};
use crate::corefile::{Diagnostic, Directive, Token};
use crate::dns::RecordType;
use crate::plugin::per_server::PerServer;
use crate::plugin::{Setup, SetupResult};

const USAGE: &str = "allow|block|filter|drop [type QTYPE…] [net SOURCE…]";
const ACTIONS: [(&str, Action); 4] =
    [("allow", Action::Allow), ("block", Action::Block), ("filter", Action::Filter), ("drop", Action::Drop)];

/// What the sections of one kind in a line name.
struct Values<T> {
    has_all: bool,
    some: Vec<T>,
}

/// Sets `acl` up: each directive is a rule, in file order.
///
/// # Errors
/// For an unknown action, type or network, and for a section without words.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let mut rules = Vec::new();
    for directive in setup.directives {
        let zones = setup.zones_or_block(&directive.args)?;
        let policies = directive.properties().iter().map(policy).collect::<Result<_, _>>()?;
        rules.push(Rule { zones, policies });
    }
    let registry = &setup.process.metrics;
    let metrics = setup.site.servers.iter();
    let metrics = metrics.map(|server| (server.number, Metrics::new(registry, &server.label, &rules)));
    let metrics = PerServer::new(metrics);
    setup.add(Acl { rules, metrics });
    Ok(())
}

fn policy(line: &Directive) -> Result<Policy, Diagnostic> {
    line.no_block()?;
    let action = ACTIONS.iter().find(|(name, _)| line.name.text.eq_ignore_ascii_case(name));
    let names = ACTIONS.map(|(name, _)| name);
    let (_, action) = action.ok_or_else(|| line.unknown_property("acl", &names))?;
    let (mut types, mut nets) = (None, None);
    let mut words = line.args.as_slice();
    while let Some((section, rest)) = words.split_first() {
        let end = rest.iter().position(is_section).unwrap_or(rest.len());
        let (values, after) = rest.split_at(end);
        match section.text.to_ascii_lowercase().as_str() {
            _ if values.is_empty() && is_section(section) => {
                let error = Diagnostic::error(format!("`{}` has no words", section.text)).at(section.span);
                return Err(error.help(format!("write `{USAGE}`, or `*` for all")));
            }
            "type" => read(&mut types, values, record_type)?,
            "net" => read(&mut nets, values, Token::cidr)?,
            _ => return Err(section.wrong("`type` or `net`").help(format!("write `{USAGE}`"))),
        }
        words = after;
    }
    Ok(Policy { action: *action, types: restriction(types), nets: restriction(nets) })
}

fn is_section(word: &Token) -> bool {
    ["type", "net"].iter().any(|section| word.text.eq_ignore_ascii_case(section))
}

/// Adds the values of a section. `*` is all, whatever else stands there, before it or behind it.
fn read<T>(
    to: &mut Option<Values<T>>,
    words: &[Token],
    value: fn(&Token) -> Result<T, Diagnostic>,
) -> SetupResult {
    let values = to.get_or_insert_with(|| Values { has_all: false, some: Vec::new() });
    for word in words {
        if word.text == "*" {
            values.has_all = true;
        } else {
            values.some.push(value(word)?);
        }
    }
    Ok(())
}

/// What the sections of one kind name; a kind without a section is all.
fn restriction<T>(values: Option<Values<T>>) -> Option<Vec<T>> {
    values.filter(|values| !values.has_all).map(|values| values.some)
}

fn record_type(word: &Token) -> Result<RecordType, Diagnostic> {
    let wrong =
        || word.wrong("a record type").help("it is a mnemonic such as `AAAA`, `TYPE65280`, or `*` for all");
    RecordType::from_mnemonic(&word.text).ok_or_else(wrong)
}
