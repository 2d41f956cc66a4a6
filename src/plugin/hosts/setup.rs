//! `hosts [FILE] [ZONES…] { ADDRESS NAME…; ttl SECONDS; no_reverse; reload DURATION; fallthrough [ZONES…];
//! fallthrough_unsupported }`.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::file::{HostsFile, Line, parse_address};
use super::metrics::Metrics;
use super::{Hosts, Table};
use crate::corefile::{Diagnostic, Directive, Shown, Token, zones};
use crate::dns::Name;
use crate::plugin::{Setup, SetupResult};

const PROPERTIES: [&str; 5] = ["ttl", "no_reverse", "reload", "fallthrough", "fallthrough_unsupported"];
const FILE_DEFAULT: &str = "/etc/hosts";
const TTL_DEFAULT_S: u32 = 3600;
const TTL_MAX_S: u32 = 65_535;
const RELOAD_DEFAULT: Duration = Duration::from_secs(5);
/// More often a look costs more than it tells.
const RELOAD_MIN: Duration = Duration::from_millis(100);

/// What stands between the braces.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) inline: Vec<Line>,
    pub(super) ttl_s: u32,
    pub(super) with_reverse: bool,
    /// Zero is never.
    pub(super) reload: Duration,
    pub(super) fallthrough: Vec<Name>,
    pub(super) fallthrough_unsupported: bool,
}

/// Sets `hosts` up, and reads the file.
///
/// # Errors
/// For the words of the directive. What is wrong with the file is logged, and stops nothing.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let directive = setup.once()?;
    let (path, zone_words) = match directive.args.split_first() {
        Some((path, zone_words)) => (path.text.as_str(), zone_words),
        None => (FILE_DEFAULT, [].as_slice()),
    };
    let path = setup.process.root.join(path);
    let zones = setup.zones_or_block(zone_words)?;
    let options = read(directive)?;
    let metrics = Metrics::new(&setup.process.metrics, &path);
    let mut file = HostsFile::new(path, zones.clone(), options.with_reverse, options.inline);
    let map = file.inline_map();
    metrics.note(&map, None);
    let table = Table { map: Arc::new(ArcSwap::from_pointee(map)), metrics };
    if !setup.process.check_only {
        // Before the block is taken into use: its first answer is not to lack the file.
        table.take(file.look());
        if !options.reload.is_zero() {
            setup.spawn(table.clone().follow(file, options.reload));
        }
    }
    setup.add(Hosts {
        zones,
        ttl_s: options.ttl_s,
        fallthrough: options.fallthrough,
        fallthrough_unsupported: options.fallthrough_unsupported,
        table,
    });
    Ok(())
}

/// Reads the properties; as in CoreDNS, one that stands twice has its last value.
pub(super) fn read(directive: &Directive) -> Result<Options, Diagnostic> {
    let mut options = Options {
        inline: Vec::new(),
        ttl_s: TTL_DEFAULT_S,
        with_reverse: true,
        reload: RELOAD_DEFAULT,
        fallthrough: Vec::new(),
        fallthrough_unsupported: false,
    };
    let mut unsupported = None;
    for property in directive.properties() {
        property.no_block()?;
        match property.name.text.as_str() {
            "ttl" => {
                let [ttl] = property.exactly("ttl SECONDS")?;
                options.ttl_s = ttl.integer(1..=TTL_MAX_S)?;
            }
            "no_reverse" => {
                property.exactly::<0>("no_reverse")?;
                options.with_reverse = false;
            }
            "reload" => {
                let [interval] = property.exactly("reload DURATION")?;
                options.reload = reload(interval)?;
            }
            "fallthrough" if property.args.is_empty() => options.fallthrough = vec![Name::root()],
            "fallthrough" => options.fallthrough = zones(&property.args)?,
            "fallthrough_unsupported" => {
                property.exactly::<0>("fallthrough_unsupported")?;
                unsupported = Some(property);
            }
            _ => options.inline.push(line(property)?),
        }
    }
    if let Some(property) = unsupported
        && options.fallthrough.is_empty()
    {
        let error = Diagnostic::error("`fallthrough_unsupported` has no effect without `fallthrough`");
        return Err(error.at(property.name.span).help("write `fallthrough` too"));
    }
    options.fallthrough_unsupported = unsupported.is_some();
    Ok(options)
}

fn reload(word: &Token) -> Result<Duration, Diagnostic> {
    let interval = word.duration()?;
    if !interval.is_zero() && interval < RELOAD_MIN {
        let error = Diagnostic::error(format!("interval {} is too short", Shown(&word.text))).at(word.span);
        return Err(error.help("it is 100ms or more, or 0 for never"));
    }
    Ok(interval)
}

/// A line of the hosts file within the Corefile.
fn line(property: &Directive) -> Result<Line, Diagnostic> {
    let Some(address) = parse_address(&property.name.text) else {
        // What looks like an address was meant as one.
        let text = property.name.text.as_str();
        if text.contains(':') || text.starts_with(|first: char| first.is_ascii_digit()) {
            let error = property.name.wrong("an IP address");
            return Err(error.help("write an address, as `192.0.2.1` or `2001:db8::1`"));
        }
        return Err(property.unknown_property("hosts", &PROPERTIES));
    };
    let names = property.at_least(1, "ADDRESS NAME…")?;
    Ok((address, names.iter().map(Token::name).collect::<Result<_, _>>()?))
}
