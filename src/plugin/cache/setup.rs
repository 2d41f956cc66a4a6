//! From a directive to a running plugin.

use std::time::Duration;

use super::{Cache, Config, Prefetch, Stale, StaleMode};
use crate::corefile::{Diagnostic, Directive, Token, zones};
use crate::dns::Name;
use crate::plugin::{Setup, SetupResult};

const PROPERTIES: [&str; 8] =
    ["success", "denial", "servfail", "disable", "keepttl", "prefetch", "serve_stale", "serve_stale_policy"];

/// As in CoreDNS, a smaller store has this many entries.
const CAPACITY_MIN: usize = 1024;
/// Sixteen million entries are 8 GiB at 512 octets each.
const CAPACITY_MAX: usize = 1 << 24;
const TTL_MAX_S: u32 = i32::MAX as u32;
/// RFC 2308 §7.1 ends the life of a failure here.
const FAILURE_MAX: Duration = Duration::from_secs(300);

/// Reads the directive and takes its place in the chain.
///
/// # Errors
/// When the directive is wrong.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let config = parse(setup.once()?, &setup.site.zones)?;
    let servers = setup.site.servers.iter().map(|server| (server.number, server.label.as_str()));
    let cache = Cache::new(config, &setup.process.metrics, servers, setup.process.runtime.clone());
    setup.add(cache);
    Ok(())
}

pub(super) fn parse(directive: &Directive, block_zones: &[Name]) -> Result<Config, Diagnostic> {
    let mut config = Config::default();
    let mut args = directive.args.as_slice();
    // A first word that is a number is the TTL; anything else is a zone, as in CoreDNS.
    if let Some((first, rest)) = args.split_first()
        && first.text.parse::<i64>().is_ok()
    {
        let ttl_s = first.integer(1..=TTL_MAX_S)?;
        config.limits.success.max_s = ttl_s;
        config.limits.denial.max_s = ttl_s;
        args = rest;
    }
    config.zones = if args.is_empty() { block_zones.to_vec() } else { zones(args)? };
    let mut policy: Option<&Directive> = None;
    for property in directive.properties() {
        property.no_block()?;
        match property.name.text.as_str() {
            "success" => bounds(property, &mut config.capacities[0], &mut config.limits.success)?,
            "denial" => bounds(property, &mut config.capacities[1], &mut config.limits.denial)?,
            "servfail" => {
                let [duration] = property.exactly("servfail DURATION")?;
                config.limits.servfail = duration.duration_in(Duration::ZERO..=FAILURE_MAX)?;
            }
            "disable" => {
                let words = property.at_least(1, "disable success|denial [ZONES...]")?;
                let kind: usize = words[0].one_of(&[("success", 0), ("denial", 1)])?;
                config.disabled[kind] =
                    if words.len() == 1 { vec![Name::root()] } else { zones(&words[1..])? };
            }
            "keepttl" => {
                let [] = property.exactly("keepttl")?;
                config.keep_ttl = true;
            }
            "prefetch" => config.prefetch = prefetch(property)?,
            "serve_stale" => config.stale = Some(serve_stale(property)?),
            "serve_stale_policy" => {
                let [word] = property.exactly("serve_stale_policy prefer_positive")?;
                let lower = Token { text: word.text.to_ascii_lowercase(), ..word.clone() };
                config.prefers_positive = lower.one_of(&[("prefer_positive", true)])?;
                if let Some(first) = policy.replace(property) {
                    return Err(property.repeated(first));
                }
            }
            _ => return Err(property.unknown_property("cache", &PROPERTIES)),
        }
    }
    match policy {
        Some(property) if config.stale.is_none() => {
            let error = Diagnostic::error("`serve_stale_policy` has no effect without `serve_stale`");
            Err(error.at(property.head()).help("write `serve_stale` too, or leave it out"))
        }
        _ => Ok(config),
    }
}

fn bounds(
    property: &Directive,
    capacity: &mut usize,
    bounds: &mut super::verdict::Bounds,
) -> Result<(), Diagnostic> {
    let words = property.between(1, 3, "success|denial CAPACITY [TTL] [MINTTL]")?;
    *capacity = words[0].integer(0..=CAPACITY_MAX)?.max(CAPACITY_MIN);
    if let Some(word) = words.get(1) {
        bounds.max_s = word.integer(1..=TTL_MAX_S)?;
    }
    if let Some(word) = words.get(2) {
        bounds.min_s = word.integer(0..=TTL_MAX_S)?;
    }
    Ok(())
}

fn prefetch(property: &Directive) -> Result<Option<Prefetch>, Diagnostic> {
    let words = property.between(1, 3, "prefetch AMOUNT [DURATION [PERCENTAGE%]]")?;
    let amount = words[0].integer(0..=u32::MAX)?;
    let gap = words.get(1).map_or(Ok(Duration::from_secs(60)), Token::duration)?;
    let percentage = words.get(2).map_or(Ok(10), |word| {
        let number = word.text.strip_suffix('%').and_then(|number| number.parse().ok());
        number
            .filter(|number| (10..=90).contains(number))
            .ok_or_else(|| word.wrong("a percentage from 10% to 90%").help("write the sign too, as in `10%`"))
    })?;
    Ok((amount > 0).then_some(Prefetch { amount, gap, percentage }))
}

fn serve_stale(property: &Directive) -> Result<Stale, Diagnostic> {
    const USAGE: &str =
        "serve_stale [DURATION] [immediate [TTL [RECHECK]] | verify [TIMEOUT [TTL [RECHECK]]]]";
    let words = property.at_most(5, USAGE)?;
    let up_to = words.first().map_or(Ok(Duration::from_secs(3600)), Token::duration)?;
    let is_verify = words.get(1).map_or(Ok(false), |word| {
        let lower = Token { text: word.text.to_ascii_lowercase(), ..word.clone() };
        lower.one_of(&[("immediate", false), ("verify", true)])
    })?;
    let mut rest = words.iter().skip(2);
    let mode = if is_verify {
        let timeout = rest.next().map(Token::duration).transpose()?.filter(|timeout| !timeout.is_zero());
        StaleMode::Verify { timeout }
    } else {
        property.at_most(4, USAGE)?;
        StaleMode::Immediate
    };
    let ttl_s = rest.next().map_or(Ok(0), |word| {
        let ttl = word.duration()?;
        let seconds = u32::try_from(ttl.as_secs()).ok().filter(|_| ttl.subsec_nanos() == 0);
        seconds.ok_or_else(|| word.wrong("a TTL").help("write whole seconds, as in `30s`"))
    })?;
    let recheck =
        rest.next().map_or(Ok(Duration::ZERO), |word| word.duration_in(Duration::ZERO..=FAILURE_MAX))?;
    Ok(Stale { up_to, mode, ttl_s, recheck })
}
