//! What a `kubernetes` directive says, as typed values.

use std::time::Duration;

use crate::cluster::{ClientTls, ManifestPath, SourceConfig, WatchConfig};
use crate::corefile::{Diagnostic, Directive, Token};
use crate::dns::Name;
use crate::plugin::{Process, Setup};

/// The options that this plugin has, for "did you mean".
const KNOWN: &[&str] = &[
    "endpoint",
    "tls",
    "kubeconfig",
    "manifests",
    "namespaces",
    "namespace_labels",
    "labels",
    "pods",
    "endpoint_pod_names",
    "ttl",
    "noendpoints",
    "zonal",
    "fallthrough",
    "ignore",
    "multicluster",
    "startup_timeout",
    "apiserver_qps",
    "apiserver_burst",
    "apiserver_max_inflight",
];
/// Options that CoreDNS had once and refuses too.
const GONE: &[&str] = &["upstream", "resyncperiod", "transfer", "federation"];

/// Everything that a directive decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The zones, in the order given.
    pub zones: Vec<Name>,
    /// What is watched, and where.
    pub watch: WatchConfig,
    /// The namespaces that are exposed; `None` for all.
    pub namespaces: Option<Box<[Box<[u8]>]>>,
    /// Names of pods.
    pub pods: PodMode,
    /// The TTL of all records but `dns-version`, in seconds.
    pub ttl_s: u32,
    /// The zones in which a missing name is left to the next plugin.
    pub fallthrough: Vec<Name>,
    /// Whether Services with cluster IP and without ready endpoint do not exist.
    pub ignore_empty_service: bool,
    /// The zones of the cluster set: ServiceImports answer there.
    pub multicluster: Vec<Name>,
    /// How long a start or reload waits for the first lists.
    pub startup_timeout: Duration,
}

/// Which names of pods exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodMode {
    /// None.
    Disabled,
    /// Every address answers for itself.
    Insecure,
    /// Only those of Pods that exist.
    Verified,
}

impl Options {
    /// Reads a directive. The zones of the block count where the directive names none.
    pub fn parse(setup: &Setup<'_>, directive: &Directive) -> Result<Self, Diagnostic> {
        let zones = setup.zones_or_block(&directive.args)?;
        if zones.iter().all(Name::is_reverse) {
            return Err(Diagnostic::error("non-reverse zone name must be used")
                .at(directive.head())
                .label("only reverse zones")
                .help(
                    "name the cluster domain too, as in `kubernetes cluster.local in-addr.arpa ip6.arpa`",
                ));
        }
        let mut options = Self {
            zones,
            watch: WatchConfig::new(SourceConfig::InCluster),
            namespaces: None,
            pods: PodMode::Disabled,
            ttl_s: 5,
            fallthrough: Vec::new(),
            ignore_empty_service: false,
            multicluster: Vec::new(),
            startup_timeout: Duration::from_secs(5),
        };
        let mut source = Source::default();
        for property in directive.properties() {
            property.no_block()?;
            options.read(property, &mut source, setup.process)?;
        }
        options.watch.source = source.decide(setup.process)?;
        options.check(directive)?;
        Ok(options)
    }

    fn read(
        &mut self,
        property: &Directive,
        source: &mut Source,
        process: &Process,
    ) -> Result<(), Diagnostic> {
        match property.name.text.as_str() {
            "endpoint" => source.read_endpoint(property)?,
            "tls" => source.read_tls(property, process)?,
            "kubeconfig" => source.read_kubeconfig(property, process)?,
            "manifests" => source.read_manifests(property, process)?,
            "namespaces" => {
                let names = property.at_least(1, "namespaces NAMESPACE…")?;
                let labels = names.iter().map(|name| name.text.to_ascii_lowercase().into_bytes().into());
                let before = self.namespaces.take().unwrap_or_default();
                self.namespaces = Some(before.into_iter().chain(labels).collect());
            }
            "labels" => self.watch.labels = Some(selector(property, "labels SELECTOR")?),
            "namespace_labels" => {
                self.watch.namespace_labels = Some(selector(property, "namespace_labels SELECTOR")?);
            }
            "pods" => {
                let [mode] = property.exactly("pods disabled|insecure|verified")?;
                self.pods = mode.one_of(&[
                    ("disabled", PodMode::Disabled),
                    ("insecure", PodMode::Insecure),
                    ("verified", PodMode::Verified),
                ])?;
                self.watch.pods = self.pods == PodMode::Verified;
            }
            "endpoint_pod_names" => {
                property.exactly::<0>("endpoint_pod_names")?;
                self.watch.endpoint_pod_names = true;
            }
            "ttl" => {
                let [ttl] = property.exactly("ttl SECONDS")?;
                self.ttl_s = ttl.integer(0..=3600)?;
            }
            "noendpoints" => {
                property.exactly::<0>("noendpoints")?;
                self.watch.endpoints = false;
            }
            "zonal" => {
                property.exactly::<0>("zonal")?;
                self.watch.zonal = true;
            }
            "fallthrough" => {
                self.fallthrough = if property.args.is_empty() {
                    vec![Name::root()]
                } else {
                    crate::corefile::zones(&property.args)?
                };
            }
            "ignore" => {
                let [what] = property.exactly("ignore empty_service")?;
                what.one_of(&[("empty_service", ())])?;
                self.ignore_empty_service = true;
            }
            "multicluster" => self.read_multicluster(property)?,
            "startup_timeout" => {
                let [timeout] = property.exactly("startup_timeout DURATION")?;
                self.startup_timeout = timeout.duration()?;
            }
            "apiserver_qps" | "apiserver_burst" | "apiserver_max_inflight" => {
                super::limits::read(property, &mut self.watch.limits)?;
            }
            _ => return Err(refusal(property)),
        }
        Ok(())
    }

    fn check(&self, directive: &Directive) -> Result<(), Diagnostic> {
        if self.namespaces.is_some() && self.watch.namespace_labels.is_some() {
            return Err(Diagnostic::error("namespaces and namespace_labels cannot both be set")
                .at(directive.head())
                .help("keep one of the two"));
        }
        if self.watch.zonal && !self.watch.endpoints {
            let zonal = directive.properties().iter().find(|property| property.name.text == "zonal");
            let span = zonal.map_or(directive.head(), |property| property.name.span);
            return Err(Diagnostic::error("zonal and noendpoints cannot both be set")
                .at(span)
                .label("a zonal name answers with endpoints, and they are not watched")
                .help("remove `noendpoints`, or leave `zonal` out"));
        }
        Ok(())
    }

    /// As in CoreDNS the last such line counts, and zones below one that is named are of the cluster set too.
    fn read_multicluster(&mut self, property: &Directive) -> Result<(), Diagnostic> {
        if property.args.is_empty() {
            tracing::warn!(target: "plugin/kubernetes", "`multicluster` names no zone, and so has no effect");
        }
        self.multicluster.clear();
        for word in &property.args {
            for zone in word.zones()? {
                if !self.zones.contains(&zone) {
                    return Err(not_authoritative(word, &zone, &self.zones));
                }
                self.multicluster.push(zone);
            }
        }
        self.watch.multicluster = !self.multicluster.is_empty();
        Ok(())
    }

    /// Whether imports answer in a zone of this plugin. Addresses lead back to Services, whatever is said.
    #[must_use]
    pub fn is_multicluster(&self, zone: &Name) -> bool {
        !zone.is_reverse() && self.multicluster.iter().any(|of_set| zone.is_within(of_set))
    }

    /// Whether a namespace may be shown at all.
    #[must_use]
    pub fn exposes(&self, namespace: &[u8]) -> bool {
        self.namespaces.as_ref().is_none_or(|list| list.iter().any(|exposed| **exposed == *namespace))
    }

    /// The zone in which the targets of PTR records are: the first that is not a reverse zone. As in CoreDNS the bare
    /// `in-addr.arpa.` and `ip6.arpa.` are reverse zones too.
    #[must_use]
    pub fn primary_zone(&self) -> &Name {
        self.zones.iter().find(|zone| !zone.is_reverse()).unwrap_or(&self.zones[0])
    }
}

fn selector(property: &Directive, usage: &str) -> Result<String, Diagnostic> {
    let words = property.at_least(1, usage)?;
    Ok(words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" "))
}

fn not_authoritative(word: &Token, zone: &Name, zones: &[Name]) -> Diagnostic {
    let zones: Vec<_> = zones.iter().map(|zone| format!("`{zone}`")).collect();
    Diagnostic::error(format!("`kubernetes` is not authoritative for the multicluster zone `{zone}`"))
        .at(word.span)
        .label("not among the zones of the plugin")
        .help(format!("its zones are {}; name this one with them, after `kubernetes`", zones.join(", ")))
}

fn refusal(property: &Directive) -> Diagnostic {
    let name = property.name.text.as_str();
    if GONE.contains(&name) {
        return Diagnostic::error(format!("`{name}` is not an option of `kubernetes` any more"))
            .at(property.name.span)
            .label("CoreDNS refuses it too since 1.7")
            .help("leave the line out");
    }
    property.unknown_property("kubernetes", KNOWN)
}

/// Where the objects come from, as far as it has been said.
#[derive(Default)]
struct Source {
    endpoint: Option<String>,
    tls: Option<ClientTls>,
    kubeconfig: Option<SourceConfig>,
    manifests: Vec<ManifestPath>,
    tls_span: Option<crate::corefile::Span>,
}

impl Source {
    fn read_endpoint(&mut self, property: &Directive) -> Result<(), Diagnostic> {
        let urls = property.at_least(1, "endpoint URL")?;
        if urls.len() > 1 {
            tracing::warn!(target: "plugin/kubernetes", "multiple endpoints have been given, only `{}` is used", urls[0].text);
        }
        self.endpoint = Some(urls[0].text.clone());
        Ok(())
    }

    fn read_tls(&mut self, property: &Directive, process: &Process) -> Result<(), Diagnostic> {
        let [cert, key, ca] = property.exactly("tls CERT KEY CACERT")?;
        let path = |text: &str| process.root.join(text);
        self.tls = Some(ClientTls { cert: path(&cert.text), key: path(&key.text), ca: path(&ca.text) });
        self.tls_span = Some(property.name.span);
        Ok(())
    }

    fn read_kubeconfig(&mut self, property: &Directive, process: &Process) -> Result<(), Diagnostic> {
        let words = property.between(1, 2, "kubeconfig FILE [CONTEXT]")?;
        let context = words.get(1).map(|word| word.text.clone());
        self.kubeconfig = Some(SourceConfig::Kubeconfig { file: process.root.join(&words[0].text), context });
        Ok(())
    }

    fn read_manifests(&mut self, property: &Directive, process: &Process) -> Result<(), Diagnostic> {
        for word in property.at_least(1, "manifests PATH…")? {
            self.manifests.push(match word.text.as_str() {
                "-" => ManifestPath::Stdin,
                path => ManifestPath::Path(process.root.join(path)),
            });
        }
        Ok(())
    }

    /// Manifests of the command line win over everything, those of the Corefile over an API server, `kubeconfig` over
    /// `endpoint`, and the cluster around the process is what is left.
    fn decide(self, process: &Process) -> Result<SourceConfig, Diagnostic> {
        if !process.manifests.is_empty() {
            return Ok(SourceConfig::Manifests(process.manifests.clone()));
        }
        if !self.manifests.is_empty() {
            return Ok(SourceConfig::Manifests(self.manifests));
        }
        if let Some(kubeconfig) = self.kubeconfig {
            return Ok(kubeconfig);
        }
        match (self.endpoint, self.tls, self.tls_span) {
            (Some(url), tls, _) => Ok(SourceConfig::Endpoint { url, tls }),
            (None, Some(_), Some(span)) => Err(Diagnostic::error("`tls` without `endpoint`")
                .at(span)
                .label("there is no server to show the certificate to")
                .help("add `endpoint URL`, or leave `tls` out")),
            (None, _, _) => Ok(SourceConfig::InCluster),
        }
    }
}
