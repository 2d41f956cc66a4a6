//! From a directive to a running plugin.

use super::Loadbalance;
use crate::corefile::{Diagnostic, Directive};
use crate::plugin::{Setup, SetupResult};

/// Reads the directive and takes its place in the chain.
///
/// # Errors
/// When the policy is none, or one that is not built yet.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    check(setup.once()?)?;
    setup.add(Loadbalance::default());
    Ok(())
}

fn check(directive: &Directive) -> SetupResult {
    if let Some(policy) = directive.args.first() {
        if policy.text == "weighted" {
            let error =
                Diagnostic::error("the policy `weighted` of `loadbalance` is not built yet").at(policy.span);
            return Err(error.help("write `loadbalance round_robin`"));
        }
        policy.one_of(&[("round_robin", ())])?;
    }
    directive.at_most(1, "loadbalance [round_robin]")?;
    match directive.properties().first() {
        None => Ok(()),
        Some(property) if matches!(property.name.text.as_str(), "prefer" | "reload") => {
            let name = &property.name;
            let error = Diagnostic::error(format!("`{}` of `loadbalance` is not built yet", name.text));
            Err(error.at(name.span).help("leave it out: the addresses are shuffled"))
        }
        Some(property) => Err(property.unknown_property("loadbalance", &[])),
    }
}
