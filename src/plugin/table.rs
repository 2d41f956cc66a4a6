//! The ordered table of plugins: what stands in it is a directive, and where it stands is where its handler stands in
//! the chain.

use super::{Setup, SetupResult};
use crate::corefile::{Diagnostic, Directive, Shown, suggest};

/// A plugin of CoreDNS, built here or not.
pub struct Entry {
    /// Its name, as in the Corefile.
    pub name: &'static str,
    /// What becomes of its directive.
    pub status: Status,
    /// What it does, in a few words.
    pub about: &'static str,
}

/// What becomes of a directive.
#[derive(Clone, Copy)]
pub enum Status {
    /// It is set up by this function.
    Built(fn(&mut Setup<'_>) -> SetupResult),
    /// It is refused, until it is built.
    NotYet,
    /// It is refused, and will be.
    NotPlanned {
        /// What to use in its place.
        instead: &'static str,
    },
}

/// All plugins, in the order of the chain.
pub static PLUGINS: &[Entry] = &[
    not_yet("root", "directory in which relative file names begin"),
    not_yet("metadata", "labels that other plugins give to log, rewrite and view"),
    not_yet("geoip", "labels from a GeoIP database"),
    not_yet("cancel", "time limit of a query"),
    not_yet("proxyproto", "client addresses from the PROXY protocol"),
    not_yet("quic", "limits of DNS over QUIC"),
    not_yet("grpc_server", "limits of DNS over gRPC"),
    not_yet("https", "limits of DNS over HTTPS"),
    not_yet("https3", "limits of DNS over HTTP/3"),
    not_yet("timeouts", "time limits of connections"),
    not_yet("multisocket", "several sockets for one port"),
    built("reload", super::reload::setup, "takes a changed Corefile into use"),
    built("nsid", super::nsid::setup, "name of the server, to those who ask for it"),
    built("bufsize", super::bufsize::setup, "smaller EDNS sizes"),
    built("bind", super::bind::setup, "addresses to listen on"),
    built("debug", super::debug::setup, "more lines in the log"),
    not_yet("trace", "OpenTracing spans"),
    built("ready", super::ready::setup, "says over HTTP whether all plugins are ready"),
    built("health", super::health::setup, "says over HTTP that the process lives"),
    not_yet("pprof", "profiles of the process"),
    not_yet("shed", "drops answers under overload"),
    built("prometheus", super::prometheus::setup, "metrics"),
    built("errors", super::errors::setup, "logs why a query failed"),
    built("log", super::log::setup, "logs queries"),
    not_yet("dnstap", "dnstap stream of queries"),
    built("local", super::local::setup, "localhost and its reverse zones"),
    not_yet("dns64", "IPv6 addresses made of IPv4 ones"),
    built("any", super::any::setup, "short answers to ANY"),
    built("chaos", super::chaos::setup, "version and authors in class CH"),
    built("loadbalance", super::loadbalance::setup, "shuffles addresses"),
    not_yet("tsig", "checks signed queries"),
    built("rewrite", super::rewrite::setup, "changes questions, and answers back"),
    built("autopath", super::autopath::setup, "walks the search list for the client"),
    built("acl", super::acl::setup, "who may ask what"),
    built("cache", super::cache::setup, "keeps answers"),
    built("header", super::header::setup, "sets and clears flags"),
    not_yet("dnssec", "signs answers"),
    not_yet("tls", "certificates of encrypted listeners"),
    built("minimal", super::minimal::setup, "answers without what is not needed"),
    built("template", super::template::setup, "answers made by a template"),
    built("transfer", super::transfer::setup, "gives zones to other servers"),
    built("hosts", super::hosts::setup, "answers from a hosts file"),
    cloud("route53", "zones of Amazon Route 53"),
    cloud("azure", "zones of Azure DNS"),
    cloud("clouddns", "zones of Google Cloud DNS"),
    built("k8s_external", super::k8s_external::setup, "external addresses of Services"),
    built("kubernetes", super::kubernetes::setup, "Services, endpoints and Pods of a cluster"),
    not_yet("file", "zone from a file"),
    not_yet("auto", "zones from a directory"),
    not_yet("secondary", "zones from a primary server"),
    not_yet("etcd", "SkyDNS records from etcd"),
    built("loop", super::r#loop::setup, "finds out whether forwarding leads back here"),
    built("forward", super::forward::setup, "asks upstreams"),
    not_yet("grpc", "asks upstreams over gRPC"),
    not_yet("erratic", "misbehaves, for tests of clients"),
    built("whoami", super::whoami::setup, "says who asked"),
    not_yet("on", "runs commands at start and end"),
    not_yet("sign", "signs zone files"),
    not_yet("view", "blocks for some clients only"),
    Entry {
        name: "nomad",
        status: Status::NotPlanned { instead: "forward the zone to the Nomad cluster's own DNS" },
        about: "services of Nomad",
    },
];

/// Plugins that people know and that CoreDNS's own binary does not have either.
const EXTERNAL: &[(&str, &str)] = &[
    ("kubernetai", "write one server block for each cluster, with a `kubernetes` of its own"),
    ("k8s_gateway", "`k8s_external` publishes the external addresses of Services"),
    ("k8s_crd", "write the zones into the Corefile"),
    ("metadata_edns0", "leave it out: queries reach upstreams with their EDNS options"),
    ("unbound", "write `forward` to a recursive resolver"),
    ("ocp_dnsnameresolver", "take it out: it feeds OpenShift's egress firewall and answers nothing"),
    ("recursor", "write `forward` to a recursive resolver"),
    ("alternate", "write `forward` with several upstreams"),
    ("fanout", "write `forward` with several upstreams"),
    ("redis", "leave it out"),
    ("redisc", "write `cache`, which keeps answers in the process"),
    ("multus", "leave it out"),
    ("multicluster", "write `multicluster` in the `kubernetes` block"),
    ("mdns", "take it out, or forward its zone to a resolver that asks over multicast DNS"),
    ("ads", "write the names into a `hosts` block"),
    ("blocklist", "write the names into a `hosts` block"),
    ("records", "write the names into a `hosts` block"),
];

/// The plugin of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Entry> {
    PLUGINS.iter().find(|entry| entry.name == name)
}

/// What is wrong with a directive that is not [`Status::Built`]: it is misspelled, not built yet, not planned, or
/// somebody else's.
#[must_use]
pub fn unknown(directive: &Directive) -> Diagnostic {
    let name = directive.name.text.as_str();
    let refuse =
        |message: String, help: String| Diagnostic::error(message).at(directive.name.span).help(help);
    if let Some(entry) = find(name) {
        let (what, help) = match entry.status {
            Status::NotPlanned { instead } => ("is not planned", instead.to_owned()),
            Status::NotYet | Status::Built(_) => {
                ("is not built yet", format!("take the directive out; it is for: {}", entry.about))
            }
        };
        return refuse(format!("plugin {} {what}", Shown(name)), help);
    }
    if let Some((_, instead)) = EXTERNAL.iter().find(|(external, _)| *external == name) {
        let message =
            format!("plugin {} is an external one that CoreDNS does not contain either", Shown(name));
        return refuse(message, (*instead).to_owned());
    }
    let near = suggest(name, PLUGINS.iter().map(|entry| entry.name).chain(["import"]));
    let help = near.map_or_else(
        || "`kubezone plugins` lists all that there are".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    refuse(format!("unknown plugin {}", Shown(name)), help)
}

const fn built(name: &'static str, setup: fn(&mut Setup<'_>) -> SetupResult, about: &'static str) -> Entry {
    Entry { name, status: Status::Built(setup), about }
}

const fn not_yet(name: &'static str, about: &'static str) -> Entry {
    Entry { name, status: Status::NotYet, about }
}

const fn cloud(name: &'static str, about: &'static str) -> Entry {
    let instead = "forward the zone to the provider's resolver, or transfer it from a server that has it";
    Entry { name, status: Status::NotPlanned { instead }, about }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corefile::{self, Memory};

    fn told(name: &str) -> String {
        let corefile = corefile::parse("Corefile", &format!(". {{\n{name}\n}}"), &Memory::default()).unwrap();
        let diagnostic = unknown(&corefile.blocks[0].directives[0]);
        assert_eq!(corefile.sources.typed(diagnostic.span.unwrap()), name);
        format!("{} | {}", diagnostic.message, diagnostic.help.unwrap())
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = PLUGINS.iter().map(|entry| entry.name).collect();
        names.extend(EXTERNAL.iter().map(|(name, _)| *name));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn the_order_is_that_of_coredns() {
        let expected = "root metadata geoip cancel proxyproto quic grpc_server https https3 timeouts multisocket reload \
            nsid bufsize bind debug trace ready health pprof shed prometheus errors log dnstap local dns64 any chaos \
            loadbalance tsig rewrite autopath acl cache header dnssec tls minimal template transfer hosts route53 azure \
            clouddns k8s_external kubernetes file auto secondary etcd loop forward grpc erratic whoami on sign view \
            nomad";
        let names: Vec<&str> = PLUGINS.iter().map(|entry| entry.name).collect();
        assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        for (name, expected) in [
            ("kuberntes", "unknown plugin `kuberntes` | did you mean `kubernetes`?"),
            ("imprt", "unknown plugin `imprt` | did you mean `import`?"),
            ("frobnicate", "unknown plugin `frobnicate` | `kubezone plugins` lists all that there are"),
            (
                "geoip",
                "plugin `geoip` is not built yet | take the directive out; it is for: labels from a GeoIP database",
            ),
            (
                "route53",
                "plugin `route53` is not planned | forward the zone to the provider's resolver, or transfer it from a \
                 server that has it",
            ),
            (
                "unbound",
                "plugin `unbound` is an external one that CoreDNS does not contain either | write `forward` to a \
                 recursive resolver",
            ),
        ] {
            assert_eq!(told(name), expected);
        }
    }
}
