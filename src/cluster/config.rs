//! What to watch, and what can be wrong with it before anything is asked.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::zone::{Kind, KindSet};

/// The label that an EndpointSlice of a ServiceImport has.
const IMPORTED: &str = "multicluster.kubernetes.io/service-name";

/// What is watched, and how. Equal configurations share one watch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WatchConfig {
    /// Where the objects come from.
    pub source: SourceConfig,
    /// The label selector for Services, EndpointSlices and Pods.
    pub labels: Option<String>,
    /// The label selector for Namespaces.
    pub namespace_labels: Option<String>,
    /// Whether EndpointSlices are watched: no with `noendpoints`.
    pub endpoints: bool,
    /// Whether Pods are watched: only `pods verified` needs it.
    pub pods: bool,
    /// Whether an endpoint without hostname is named for its Pod.
    pub endpoint_pod_names: bool,
    /// Whether the topology zones of endpoints are kept: only `zonal` needs them.
    pub zonal: bool,
    /// Whether ServiceImports are watched, and the EndpointSlices that belong to them, also with `noendpoints`.
    pub multicluster: bool,
    /// How hard the API server may be asked. Files are no server.
    pub limits: RequestLimits,
}

/// How hard an API server may be asked by one watch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct RequestLimits {
    /// In this time one request more may be sent.
    pub interval: Option<Duration>,
    /// So many may be sent at once when none was for long.
    pub burst: Option<NonZeroU32>,
    /// So many may wait for their response to begin.
    pub in_flight: Option<NonZeroU32>,
}

/// Where objects come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SourceConfig {
    /// The API server of the cluster that this process runs in, with its service account.
    InCluster,
    /// An API server that a kubeconfig file names.
    Kubeconfig {
        /// The file.
        file: PathBuf,
        /// The context in it; its current one when there is none.
        context: Option<String>,
    },
    /// An API server by URL.
    Endpoint {
        /// `http://…` or `https://…`.
        url: String,
        /// How the two prove who they are.
        tls: Option<ClientTls>,
    },
    /// Files instead of an API server.
    Manifests(Vec<ManifestPath>),
}

/// A client certificate and the authority that signed the server's, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientTls {
    /// The client's certificate.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authority.
    pub ca: PathBuf,
}

/// Where manifests are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ManifestPath {
    /// Standard input, read once.
    Stdin,
    /// A file, or a folder in which all `.yaml`, `.yml` and `.json` files are read, also those in folders below.
    Path(PathBuf),
}

/// How long to wait for what. The defaults are right for a real API server; tests shorten them.
#[derive(Debug, Clone)]
pub struct Timing {
    /// The first pause after an error.
    pub backoff_min: Duration,
    /// The longest pause: each one doubles the one before, until something works.
    pub backoff_max: Duration,
    /// How long a connection to the API server may take.
    pub connect: Duration,
    /// How long a server may take to answer, or to go on with an answer that it began.
    pub response: Duration,
    /// How long a streaming list may show nothing before the kind is listed in pages instead.
    pub streaming_first: Duration,
    /// How long a kind is listed in pages, once streaming has failed, before a list is tried as a stream again: a server
    /// that was upgraded can do it, and one that cannot costs each try up to `streaming_first`.
    pub streaming_again: Duration,
    /// How long a watch may be silent before it is taken up again: an API server sends a bookmark about every minute.
    pub silence: Duration,
    /// How long a watch that was taken up again after a failure must have lasted to count as having caught up, unless a
    /// bookmark says so before: an API server whose etcd reports no progress (3.4) may send none for a quiet kind.
    pub settle: Duration,
    /// How often manifests are looked at.
    pub poll: Duration,
    /// How often a first list that is not whole yet is published.
    pub publish_while_listing: Duration,
}

/// Why a watch cannot begin. An API server that does not answer is not among the reasons: it may come back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// The process runs in no cluster.
    #[error(
        "find the cluster this process runs in: {0}; outside a cluster name one with `kubeconfig FILE`, `endpoint URL` \
         or `manifests PATH`"
    )]
    NotInCluster(String),
    /// The kubeconfig cannot be used.
    #[error("use kubeconfig `{}`: {cause}", file.display())]
    Kubeconfig {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// The endpoint is no URL.
    #[error("use endpoint `{url}`: {cause}; it should look like `https://192.0.2.1:6443`")]
    Endpoint {
        /// The text.
        url: String,
        /// What is wrong.
        cause: String,
    },
    /// No client can be made.
    #[error("make a client for `{url}`: {cause}")]
    Client {
        /// The API server.
        url: String,
        /// What is wrong.
        cause: String,
    },
    /// A selector cannot be read.
    #[error("read label selector `{selector}`: {cause}")]
    Selector {
        /// The selector.
        selector: String,
        /// What is wrong.
        cause: String,
    },
    /// A path of manifests cannot be read.
    #[error("read manifests from `{path}`: {cause}")]
    ManifestPath {
        /// The path.
        path: String,
        /// What is wrong.
        cause: String,
    },
    /// There are files, but no object in any of them.
    #[error(
        "find a Service, EndpointSlice, Namespace or Pod in the manifests {paths}; \
         `kubectl get svc,endpointslices,ns,pods -A -o json` prints a cluster's{problems}"
    )]
    NoManifests {
        /// The paths.
        paths: String,
        /// What could not be read, each on its own line.
        problems: String,
    },
}

impl WatchConfig {
    /// A configuration with every option at its default.
    #[must_use]
    pub fn new(source: SourceConfig) -> Self {
        Self {
            source,
            labels: None,
            namespace_labels: None,
            endpoints: true,
            pods: false,
            endpoint_pod_names: false,
            zonal: false,
            multicluster: false,
            limits: RequestLimits::default(),
        }
    }

    /// The kinds that are watched.
    #[must_use]
    pub fn kinds(&self) -> KindSet {
        let mut kinds = KindSet::EMPTY.with(Kind::Service).with(Kind::Namespace);
        if self.endpoints || self.multicluster {
            kinds = kinds.with(Kind::EndpointSlice);
        }
        if self.pods {
            kinds = kinds.with(Kind::Pod);
        }
        if self.multicluster {
            kinds = kinds.with(Kind::ServiceImport);
        }
        kinds
    }

    /// The label selector for a kind. One watch serves the EndpointSlices of Services and of ServiceImports: CoreDNS keeps
    /// a second one for the latter, with the same `labels`. ServiceImports have none: CoreDNS selects them by
    /// `namespace_labels`, which are labels that they do not have.
    #[must_use]
    pub fn selector(&self, kind: Kind) -> Option<Cow<'_, str>> {
        match kind {
            Kind::Namespace => self.namespace_labels.as_deref().map(Cow::Borrowed),
            Kind::EndpointSlice if !self.endpoints => Some(match &self.labels {
                Some(labels) => Cow::Owned(format!("{labels},{IMPORTED}")),
                None => Cow::Borrowed(IMPORTED),
            }),
            Kind::Service | Kind::EndpointSlice | Kind::Pod => self.labels.as_deref().map(Cow::Borrowed),
            Kind::ServiceImport => None,
        }
    }
}

impl RequestLimits {
    /// The interval in which one request more may be sent, and how many at once; `None` is without limit. Of the two the
    /// one that is not given is client-go's default: 5 a second, 10 at once.
    #[must_use]
    pub fn rate(&self) -> Option<(Duration, u32)> {
        let is_limited = self.interval.is_some() || self.burst.is_some();
        let interval = self.interval.unwrap_or(Duration::from_millis(200));
        is_limited.then(|| (interval, self.burst.map_or(10, NonZeroU32::get)))
    }
}

impl FromStr for ManifestPath {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if text == "-" { Self::Stdin } else { Self::Path(text.into()) })
    }
}

impl fmt::Display for ManifestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            backoff_min: Duration::from_millis(50),
            backoff_max: Duration::from_secs(30),
            connect: Duration::from_secs(5),
            response: Duration::from_secs(60),
            streaming_first: Duration::from_secs(10),
            streaming_again: Duration::from_secs(600),
            silence: Duration::from_secs(150),
            settle: Duration::from_secs(5),
            poll: Duration::from_secs(1),
            publish_while_listing: Duration::from_millis(100),
        }
    }
}
