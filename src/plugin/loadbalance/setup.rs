//! `loadbalance [round_robin | weighted FILE] { reload DURATION; prefer CIDR… }`.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ipnet::IpNet;

use super::file::{Problem, WeightFile};
use super::weights::Weights;
use super::{Balance, Loadbalance, Policy};
use crate::corefile::{Diagnostic, Directive, Shown, Token};
use crate::plugin::{Setup, SetupResult};

const RELOAD_DEFAULT: Duration = Duration::from_secs(30);
/// More often a look costs more than it tells.
const RELOAD_MIN: Duration = Duration::from_millis(100);

/// What the directive says.
struct Options<'d> {
    /// The file of `weighted`.
    file: Option<&'d Token>,
    /// Zero is never.
    reload: Duration,
    prefer: Vec<IpNet>,
}

/// Reads the directive and the file of weights, and takes its place in the chain.
///
/// # Errors
/// When a word is wrong, in the directive or in the file.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let directives = setup.directives;
    let _ = setup.once()?;
    let Options { file, reload, prefer } = read(directives[0])?;
    let policy = match file {
        None => Policy::RoundRobin,
        Some(word) => Policy::Weighted(weights(setup, word, reload)?),
    };
    setup.add(Loadbalance { balance: Arc::new(Balance { policy, prefer: prefer.into() }) });
    Ok(())
}

/// The weights of the file, and what keeps them so.
fn weights(
    setup: &mut Setup<'_>,
    word: &Token,
    reload: Duration,
) -> Result<Arc<ArcSwap<Weights>>, Diagnostic> {
    let mut file = WeightFile::new(setup.process.root.join(&word.text));
    let weights = match file.look() {
        Ok(weights) => weights.unwrap_or_default(),
        // A file that may be written later, by another container or a ConfigMap, keeps nothing from starting.
        Err(problem @ Problem::NotThere(..)) if !reload.is_zero() => {
            if !setup.process.check_only {
                tracing::warn!(
                    target: "plugin/loadbalance",
                    "{problem}; all addresses are as likely until it is there, it is looked for every {reload:?}"
                );
            }
            Weights::default()
        }
        Err(Problem::NotThere(..)) if setup.process.check_only => Weights::default(),
        Err(problem) => {
            let help = match &problem {
                Problem::Mistake(_, mistake) => mistake.help,
                _ => "name a file of weights, and see that this process may read it",
            };
            return Err(Diagnostic::error(problem.to_string()).at(word.span).help(help));
        }
    };
    let weights = Arc::new(ArcSwap::from_pointee(weights));
    if !setup.process.check_only && !reload.is_zero() {
        setup.spawn(file.follow(Arc::clone(&weights), reload));
    }
    Ok(weights)
}

fn read(directive: &Directive) -> Result<Options<'_>, Diagnostic> {
    let is_weighted = match directive.args.first() {
        None => false,
        Some(policy) => policy.one_of(&[("round_robin", false), ("weighted", true)])?,
    };
    let file = if is_weighted {
        let [_, file] = directive.exactly("loadbalance weighted FILE")?;
        Some(file)
    } else {
        directive.at_most(1, "loadbalance [round_robin]")?;
        None
    };
    let mut options = Options { file, reload: RELOAD_DEFAULT, prefer: Vec::new() };
    for property in directive.properties() {
        property.no_block()?;
        match property.name.text.as_str() {
            "reload" => options.reload = reload(property, is_weighted)?,
            "prefer" => {
                for word in property.at_least(1, "prefer CIDR…")? {
                    options.prefer.push(word.cidr()?.trunc());
                }
            }
            _ => return Err(property.unknown_property("loadbalance", &["reload", "prefer"])),
        }
    }
    Ok(options)
}

fn reload(property: &Directive, is_weighted: bool) -> Result<Duration, Diagnostic> {
    let [word] = property.exactly("reload DURATION")?;
    let interval = word.duration()?;
    if !is_weighted {
        let error = Diagnostic::error("`reload` has no effect without `weighted`").at(property.name.span);
        return Err(error.help("leave it out, or write `loadbalance weighted FILE`"));
    }
    if !interval.is_zero() && interval < RELOAD_MIN {
        let error = Diagnostic::error(format!("interval {} is too short", Shown(&word.text))).at(word.span);
        return Err(error.help("it is 100ms or more, or 0 for never"));
    }
    Ok(interval)
}
