//! `autopath [ZONES...] RESOLVCONF|@kubernetes`

use super::resolv_conf::search_list;
use super::search::{Pods, Search};
use super::{Autopath, Shared};
use crate::corefile::{Diagnostic, Directive, Shown, Token};
use crate::dns::Name;
use crate::plugin::kubernetes::{Options, PodMode};
use crate::plugin::per_server::PerServer;
use crate::plugin::{Setup, SetupResult};

const USAGE: &str = "autopath [ZONES...] RESOLVCONF|@kubernetes";
/// Where the search list of the server's node is, as kubelet gives it to a Pod with `dnsPolicy: Default`.
const NODE_RESOLV_CONF: &str = "/etc/resolv.conf";

/// Reads the directive, joins the watch of `kubernetes` where it is asked for, and takes its place in the chain.
///
/// # Errors
/// At the word that is wrong, also when there is nothing behind it: no such file, no `kubernetes` that knows Pods.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let directive = setup.once()?;
    directive.no_block()?;
    let words = directive.at_least(1, USAGE)?;
    let Some((source, zones)) = words.split_last() else { return Ok(()) };
    let zones = setup.zones_or_block(zones)?;
    let search = match source.text.strip_prefix('@') {
        Some("kubernetes") => of_pods(setup, source)?,
        Some(_) => {
            let error = Diagnostic::error(format!("{} gives no search lists", Shown(&source.text)));
            return Err(error
                .at(source.span)
                .help("write `@kubernetes`, or the name of a file such as `/etc/resolv.conf`"));
        }
        None => Some(of_file(setup, source)?),
    };
    let Some(search) = search else { return Ok(()) };
    let servers = &setup.site.servers;
    let registry = &setup.process.metrics;
    let successes = PerServer::new(servers.iter().map(|server| {
        let help = "Queries below the search list's first element for which an element of the list exists.";
        let labels = [("server", server.label.as_str())];
        (server.number, registry.counter("coredns_autopath_success_total", help, &labels))
    }));
    setup.add(Autopath { shared: std::sync::Arc::new(Shared { zones, search, successes }) });
    Ok(())
}

fn of_file(setup: &Setup<'_>, word: &Token) -> Result<Search, Diagnostic> {
    let path = setup.process.root.join(&word.text);
    let wrong = |what: String| {
        let error =
            Diagnostic::error(format!("failed to read the search list of {}: {what}", Shown(&word.text)));
        error.at(word.span).help("name a file as resolv.conf(5) describes, or write `@kubernetes`")
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let list = search_list(&text).map_err(|error| wrong(error.to_string()))?;
    if list.is_empty() {
        tracing::warn!(target: "plugin/autopath", "{} has no search list: nothing is walked", Shown(&word.text));
    }
    Ok(Search::List(list.into()))
}

/// The lists of the Pods that `kubernetes` in the same block knows; `None` where nothing is to run.
fn of_pods(setup: &Setup<'_>, word: &Token) -> Result<Option<Search>, Diagnostic> {
    let Some(directive) = setup.sibling("kubernetes") else {
        let error = Diagnostic::error("`@kubernetes` without `kubernetes` in the same server block");
        let error = error.at(word.span).label("nobody knows the Pods");
        return Err(error.help("add `kubernetes cluster.local { pods verified }` on lines of their own"));
    };
    // What is wrong with it, `kubernetes` says itself.
    let Ok(options) = Options::parse(setup, directive) else { return Ok(None) };
    if options.pods != PodMode::Verified {
        let error = Diagnostic::error("`@kubernetes` needs `pods verified`").at(word.span);
        let error = error.label("whose search list it is, only the Pods tell");
        let error = error.related(place_of_pods(directive), "Pods are not watched here");
        return Err(error.help("write `pods verified` between the braces of `kubernetes`"));
    }
    if setup.process.check_only {
        return Ok(None);
    }
    let Ok(watch) = setup.process.clusters.watch(&options.watch) else { return Ok(None) };
    let node = node_list(&options.zones);
    Ok(Some(Search::Pods(Pods::new(options.zones, node, watch))))
}

fn place_of_pods(kubernetes: &Directive) -> crate::corefile::Span {
    let pods = kubernetes.properties().iter().rfind(|property| property.name.text == "pods");
    pods.map_or(kubernetes.head(), Directive::head)
}

/// The search list of the node. As in CoreDNS it is no error when there is none to be read.
fn node_list(zones: &[Name]) -> Vec<Name> {
    let Ok(text) = std::fs::read_to_string(NODE_RESOLV_CONF) else { return Vec::new() };
    let list = search_list(&text).unwrap_or_else(|error| {
        tracing::warn!(target: "plugin/autopath", "no search list from {NODE_RESOLV_CONF}: {error}");
        Vec::new()
    });
    if let Some(name) = list.iter().find(|name| zones.iter().any(|zone| name.is_within(zone))) {
        tracing::warn!(
            target: "plugin/autopath",
            "the search list in {NODE_RESOLV_CONF} has {name}, of the cluster: a node's list is taken from there, which the \
             server has with `dnsPolicy: Default`"
        );
    }
    list
}
