//! From the words of the directive to what they mean.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use rustls::pki_types::ServerName;

use super::Forward;
use super::address::{Outside, resolver, upstreams};
use super::health::Probe;
use super::hosts::{addresses, unchecked};
use super::outlet::Way;
use super::policy::Policy;
use super::pool::Keeping;
use super::stanza::{Options, Stanza};
use super::target::{Protocol, Target};
use super::tls::TlsFiles;
use super::upstream::UpstreamOptions;
use crate::corefile::{Diagnostic, Directive, Environment, Shown, System, Token, zones};
use crate::dns::{Name, Rcode, Transport};
use crate::plugin::{Setup, SetupResult};

const USAGE: &str = "forward FROM TO…";
/// The time for a query and all its attempts, as in CoreDNS.
const BUDGET: Duration = Duration::from_secs(5);
/// Queries that may wait for one upstream at once. Each holds a socket: this keeps an upstream that does not answer
/// from taking all files of the process. At 2 s each it is 2,048 unanswered queries per second.
const IN_FLIGHT_MAX: usize = 4096;

const PROPERTIES: [&str; 21] = [
    "except",
    "force_tcp",
    "prefer_udp",
    "expire",
    "max_fails",
    "tls",
    "tls_servername",
    "policy",
    "health_check",
    "max_concurrent",
    "max_connect_attempts",
    "max_idle_conns",
    "max_age",
    "read_timeout",
    "doh_method",
    "next",
    "next_on_nodata",
    "failfast_all_unhealthy_upstreams",
    "failover",
    "resolver",
    "source_address",
];

/// Sets up every `forward` of a server block; they are asked in the order of the file.
///
/// # Errors
/// At the word that is wrong.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    for (index, directive) in setup.directives.iter().enumerate() {
        let lookup: Lookup = if setup.process.check_only { |_, _| Ok(unchecked()) } else { addresses };
        let options = parse(directive, &setup.process.root, &System, lookup)?;
        let stanza = Stanza::new(options, &setup.process.metrics);
        let has_successor = index + 1 < setup.directives.len();
        Way::all(&stanza).for_each(|way| setup.draft.outlets.add(way));
        setup.draft.plugins.push(Arc::new(Forward { stanza, has_successor }));
    }
    // What is not ours to answer, other classes included, may be an upstream's.
    setup.draft.any_class = true;
    Ok(())
}

/// Finds the addresses of a host name, from these resolvers or from the system.
pub(super) type Lookup = fn(&str, &[SocketAddr]) -> Result<Vec<IpAddr>, String>;

/// What decides who is asked, gathered from the block and used when it is whole.
#[derive(Default)]
struct Reach<'d> {
    resolvers: Vec<SocketAddr>,
    tls: Option<(&'d Directive, TlsFiles)>,
    server_name: Option<&'d Token>,
    method: Option<Method>,
}

pub(super) fn parse(
    directive: &Directive,
    root: &Path,
    env: &dyn Environment,
    lookup: Lookup,
) -> Result<Options, Diagnostic> {
    let words = directive.at_least(2, USAGE)?;
    let [from, to @ ..] = words else { return Err(Diagnostic::error("`forward` has no FROM")) };
    let mut options = defaults(from_zone(from)?);
    let mut max_age = None;
    let mut reach = Reach::default();
    for property in directive.properties() {
        property.no_block()?;
        if reach.take(property, root, env)? {
            continue;
        }
        if property.name.text == "max_age" {
            max_age = Some(property);
        }
        apply(property, &mut options)?;
    }
    let keeping = options.upstream.keeping;
    if let (Some(property), Some(age)) = (max_age, keeping.age_max)
        && age < keeping.expire
    {
        let error =
            Diagnostic::error(format!("`max_age` ({age:?}) is shorter than `expire` ({:?})", keeping.expire));
        return Err(error.at(property.head()).help("make it longer, or `expire` shorter"));
    }
    if options.force_tcp {
        options.upstream.probe.transport = Transport::Tcp;
    }
    let lookup = |host: &str| lookup(host, &reach.resolvers);
    options.to = upstreams(to, &Outside { root, env, lookup: &lookup })?;
    reach.encrypt(&mut options.to, directive, to)?;
    Ok(options)
}

impl<'d> Reach<'d> {
    /// Takes a property that is about reaching upstreams; gives whether it is one.
    fn take(
        &mut self,
        property: &'d Directive,
        root: &Path,
        env: &dyn Environment,
    ) -> Result<bool, Diagnostic> {
        match property.name.text.as_str() {
            "tls" => self.tls = Some((property, TlsFiles::parse(property, root, env)?)),
            "tls_servername" => {
                let name = word(property, "tls_servername NAME")?;
                if ServerName::try_from(name.text.as_str()).is_err() {
                    return Err(name.wrong("the name of a server").help("write it as in its certificate"));
                }
                self.server_name = Some(name);
            }
            "doh_method" => {
                let method = word(property, "doh_method GET|POST")?;
                self.method = Some(method.one_of(&[("GET", Method::GET), ("POST", Method::POST)])?);
            }
            "resolver" => {
                for address in property.at_least(1, "resolver ADDRESS[:PORT]…")? {
                    self.resolvers.push(resolver(address)?);
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Makes ready what connections to encrypted upstreams are made with.
    fn encrypt(self, to: &mut [Target], directive: &Directive, words: &[Token]) -> Result<(), Diagnostic> {
        if to.iter().all(|target| target.protocol == Protocol::Dns) {
            return Ok(());
        }
        if let Some(name) = self.server_name {
            // Behind the `%` of a plain upstream stands an interface.
            let is_named = |word: &&Token| {
                let scheme =
                    word.text.split_once("://").and_then(|(scheme, _)| Protocol::from_scheme(scheme));
                scheme.is_some_and(|protocol| protocol != Protocol::Dns) && word.text.contains('%')
            };
            if let Some(word) = words.iter().find(is_named) {
                let error = Diagnostic::error("two names for one certificate").at(word.span);
                return Err(error
                    .related(name.span, "`tls_servername` is here")
                    .help("write the name behind each `%`, or `tls_servername` for all"));
            }
            to.iter_mut().for_each(|target| target.server_name = Some(name.text.clone()));
        }
        let (place, files) = match self.tls {
            Some((property, files)) => (property.head(), files),
            None => (directive.head(), TlsFiles::default()),
        };
        let wrong = |why: String| {
            let error = Diagnostic::error(format!("encrypted upstreams cannot be reached: {why}")).at(place);
            error.help(
                "write `tls [CERT KEY] CA` with files that belong together, and names as in certificates",
            )
        };
        let config = files.config().map_err(wrong)?;
        let method = self.method.unwrap_or(Method::POST);
        to.iter_mut().try_for_each(|target| target.encrypt(&config, &method).map_err(wrong))
    }
}

fn defaults(from: Name) -> Options {
    Options {
        from,
        except: Vec::new(),
        to: Vec::new(),
        policy: Policy::default(),
        force_tcp: false,
        prefer_udp: false,
        concurrent_max: None,
        attempts_max: None,
        is_fail_fast: false,
        failover: Vec::new(),
        next: Vec::new(),
        next_on_nodata: false,
        budget: BUDGET,
        upstream: UpstreamOptions {
            read_timeout: Duration::from_secs(2),
            keeping: Keeping { expire: Duration::from_secs(10), age_max: None, idle_max: None },
            source: None,
            fails_max: 2,
            in_flight_max: IN_FLIGHT_MAX,
            probe: Probe {
                interval: Duration::from_millis(500),
                recursion_desired: true,
                domain: Name::root(),
                transport: Transport::Udp,
            },
        },
    }
}

fn from_zone(word: &Token) -> Result<Name, Diagnostic> {
    let mut zones = word.zones()?;
    let more = zones.len() > 1;
    let first = if zones.is_empty() { Name::root() } else { zones.swap_remove(0) };
    if more {
        tracing::warn!(
            target: "plugin/forward",
            "Unsupported CIDR notation: '{}' expands to multiple zones. Using only '{first}'.",
            word.text
        );
    }
    Ok(first)
}

fn apply(property: &Directive, options: &mut Options) -> Result<(), Diagnostic> {
    let upstream = &mut options.upstream;
    match property.name.text.as_str() {
        "except" => options.except.extend(zones(property.at_least(1, "except NAME…")?)?),
        "force_tcp" => options.force_tcp = flag(property, "force_tcp")?,
        "prefer_udp" => options.prefer_udp = flag(property, "prefer_udp")?,
        "next_on_nodata" => options.next_on_nodata = flag(property, "next_on_nodata")?,
        "failfast_all_unhealthy_upstreams" => {
            options.is_fail_fast = flag(property, "failfast_all_unhealthy_upstreams")?;
        }
        "expire" => upstream.keeping.expire = word(property, "expire DURATION")?.duration()?,
        "max_age" => {
            let age = word(property, "max_age DURATION")?.duration()?;
            upstream.keeping.age_max = (!age.is_zero()).then_some(age);
        }
        "max_idle_conns" => {
            let count = word(property, "max_idle_conns COUNT")?.integer(0..=usize::MAX)?;
            upstream.keeping.idle_max = (count > 0).then_some(count);
        }
        "max_fails" => upstream.fails_max = word(property, "max_fails COUNT")?.integer(0..=u32::MAX)?,
        "max_concurrent" => {
            let count = word(property, "max_concurrent COUNT")?.integer(0..=usize::MAX)?;
            options.concurrent_max = (count > 0).then_some(count);
        }
        "max_connect_attempts" => {
            let count = word(property, "max_connect_attempts COUNT")?.integer(0..=u32::MAX)?;
            options.attempts_max = Some(count as usize);
        }
        "read_timeout" => {
            let [word] = property.exactly("read_timeout DURATION")?;
            upstream.read_timeout = word.duration()?;
            if upstream.read_timeout.is_zero() {
                return Err(word.wrong("a time to wait").help("write more than 0, as `2s`"));
            }
        }
        "source_address" => upstream.source = Some(word(property, "source_address ADDRESS")?.ip()?),
        "policy" => {
            options.policy = word(property, "policy random|round_robin|sequential")?.one_of(&[
                ("random", Policy::Random),
                ("round_robin", Policy::RoundRobin),
                ("sequential", Policy::Sequential),
            ])?;
        }
        "health_check" => health_check(property, &mut upstream.probe)?,
        "next" => options.next.extend(rcodes(property, "next RCODE…")?),
        "failover" => {
            let words = rcodes(property, "failover RCODE…")?;
            if let Some(at) = words.iter().position(|rcode| *rcode == Rcode::NOERROR) {
                return Err(property.args[at]
                    .wrong("a code to fail over on")
                    .help("an answer without error stands; write others, as `SERVFAIL REFUSED`"));
            }
            options.failover.extend(words);
        }
        _ => return Err(property.unknown_property("forward", &PROPERTIES)),
    }
    Ok(())
}

fn health_check(property: &Directive, probe: &mut Probe) -> Result<(), Diagnostic> {
    const USAGE: &str = "health_check DURATION [no_rec] [domain NAME]";
    let mut words = property.between(1, 4, USAGE)?.iter();
    if let Some(word) = words.next() {
        probe.interval = word.duration()?;
    }
    probe.domain = Name::root();
    while let Some(word) = words.next() {
        if word.one_of(&[("no_rec", true), ("domain", false)])? {
            probe.recursion_desired = false;
            continue;
        }
        let Some(name) = words.next() else {
            let error = Diagnostic::error("`domain` has no name after it").at(word.span);
            return Err(error.help(format!("write `{USAGE}`")));
        };
        probe.domain = name.name()?;
    }
    Ok(())
}

fn flag(property: &Directive, usage: &str) -> Result<bool, Diagnostic> {
    let [] = property.exactly(usage)?;
    Ok(true)
}

fn word<'d>(property: &'d Directive, usage: &str) -> Result<&'d Token, Diagnostic> {
    let [word] = property.exactly(usage)?;
    Ok(word)
}

fn rcodes(property: &Directive, usage: &str) -> Result<Vec<Rcode>, Diagnostic> {
    let rcode = |word: &Token| {
        let upper = Token { text: word.text.to_ascii_uppercase(), ..word.clone() };
        upper.one_of(&Rcode::KNOWN).map_err(|error| {
            let message = format!("{} is no response code", Shown(&word.text));
            Diagnostic { message, ..error }
        })
    };
    property.at_least(1, usage)?.iter().map(rcode).collect()
}
