//! What a plugin is given to set itself up, and what it gives back.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::{Lookup, Outlets, Plugin};
use crate::cluster::{Clusters, ManifestPath, Observer};
use crate::corefile::{Diagnostic, Directive, HostPort, Span, Token};
use crate::dns::Name;
use crate::telemetry::http::{Guard, Handler};
use crate::telemetry::metrics::Registry;

/// A plugin sets itself up, or says which word of the Corefile keeps it from doing so.
pub type SetupResult = Result<(), Diagnostic>;

/// One plugin in one server block, being set up.
pub struct Setup<'a> {
    /// The directives of this plugin in the block, in file order; at least one.
    pub directives: &'a [&'a Directive],
    /// All directives of the block, for a plugin whose data another one's directive describes ([`Setup::sibling`]).
    pub block: &'a [Directive],
    /// The server block.
    pub site: &'a Site,
    /// What all blocks share.
    pub process: &'a Process,
    /// Where the plugin puts what it adds.
    pub draft: &'a mut BlockDraft,
}

/// A server block: where it is reached.
#[derive(Debug, Clone)]
pub struct Site {
    /// The zones of all its keys, in file order.
    pub zones: Vec<Name>,
    /// The listeners that serve it, for metrics.
    pub servers: Vec<ServerLabel>,
}

/// A listener as metrics and logs name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerLabel {
    /// Its number: [`crate::dns::Origin::server`] of the queries that come to it. Stays over a reload.
    pub number: u16,
    /// `dns://:53`, `dns://10.0.0.1:53`
    pub label: String,
    /// The addresses and the port, for those who must ask it (`loop`): none is all of them.
    pub addresses: Vec<IpAddr>,
    /// The port.
    pub port: u16,
}

/// What lives as long as the process and outlasts reloads.
#[derive(Clone)]
pub struct Process {
    /// The metrics.
    pub metrics: Registry,
    /// The watches, one for each configuration.
    pub clusters: Arc<Clusters>,
    /// The way back into the server.
    pub lookup: Arc<Lookup>,
    /// Where tasks run.
    pub runtime: tokio::runtime::Handle,
    /// Where relative file names of the Corefile begin: the directory that the process was started in, as CoreDNS.
    pub root: PathBuf,
    /// The `--manifests` of the command line: where they are given, every `kubernetes` reads them and no API server.
    pub manifests: Vec<ManifestPath>,
    /// Whether the process only checks: nothing is to be started, connected or waited for.
    pub check_only: bool,
}

/// What the plugins of one block have put together.
#[derive(Default)]
pub struct BlockDraft {
    /// The handlers, in the order in which the plugins were set up: the table's.
    pub plugins: Vec<Arc<dyn Plugin>>,
    /// The addresses of `bind`: none is all.
    pub bind: Vec<BindAddress>,
    /// Who has a say in `/ready`.
    pub readiness: Vec<Readiness>,
    /// Where `/ready` is served, when the block has the plugin.
    pub ready: Option<Ready>,
    /// HTTP endpoints.
    pub endpoints: Vec<Endpoint>,
    /// What runs while the block does.
    pub tasks: Vec<Task>,
    /// What a reload waits for before it takes the block into use, each bounded by itself.
    pub before_swap: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// How long answers go on after SIGTERM.
    pub lameduck: Option<Duration>,
    /// Whether and how often the Corefile is looked at.
    pub reload: Option<Reload>,
    /// Whether the block takes other classes than IN.
    pub any_class: bool,
    /// Whether the log shows the calls that led to a panic.
    pub stacktrace: bool,
    /// The upstreams that its queries may go to.
    pub outlets: Arc<Outlets>,
}

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindAddress {
    /// The address.
    pub ip: IpAddr,
    /// Which link a link-local IPv6 address is of.
    pub link: Option<Link>,
}

/// An interface as part of an address: `%eth0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its name, or number, as it is written behind the address.
    pub name: String,
    /// Its number.
    pub index: u32,
}

/// A condition of `/ready`.
#[derive(Clone)]
pub struct Readiness {
    /// The plugin's name, which `/ready` prints while the condition does not hold.
    pub plugin: &'static str,
    /// The condition.
    pub is_ready: Arc<dyn Fn() -> bool + Send + Sync>,
}

/// Where `/ready` is served. The conditions of all blocks count, so that the handler is made where all are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// The address, as in `:8181`.
    pub place: Place,
    /// Whether a plugin that was ready once is asked again (`monitor continuously`).
    pub continuously: bool,
}

/// A path of the small HTTP server.
pub struct Endpoint {
    /// Where it is.
    pub place: Place,
    /// The path, with its slash.
    pub path: &'static str,
    /// What answers.
    pub handler: Handler,
    /// What a client must get past first, and the file that says so.
    pub guard: Option<(PathBuf, Arc<Guard>)>,
}

/// An address of the small HTTP server, and who wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The address as it was typed, as in `:8080`.
    pub address: String,
    /// The address as it is understood.
    pub listen: HostPort,
    /// The word of the Corefile that names it, or the plugin that has it by default.
    pub word: Span,
    /// The plugin.
    pub plugin: &'static str,
}

/// What runs while a block does. It is started once the listeners are, on the runtime, and ends when what it gives is
/// dropped.
pub type Task = Box<dyn FnOnce(&tokio::runtime::Handle) -> Box<dyn Any + Send> + Send>;

/// How often the Corefile is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reload {
    /// The interval.
    pub interval: Duration,
    /// Up to half of this is added or taken away, so that replicas do not act as one.
    pub jitter: Duration,
}

impl Process {
    /// What blocks share, before anything runs: no manifests of the command line, files named from the working directory.
    /// `observer` hears of the watches' work.
    #[must_use]
    pub fn new(runtime: tokio::runtime::Handle, metrics: Registry, observer: Arc<dyn Observer>) -> Self {
        Self {
            clusters: Arc::new(Clusters::new(runtime.clone(), observer)),
            lookup: Arc::new(Lookup::default()),
            root: PathBuf::new(),
            manifests: Vec::new(),
            check_only: false,
            metrics,
            runtime,
        }
    }
}

impl<'a> Setup<'a> {
    /// Adds a handler to the chain.
    pub fn add(&mut self, plugin: impl Plugin + 'static) {
        self.draft.plugins.push(Arc::new(plugin));
    }

    /// Runs a future while the block does.
    pub fn spawn(&mut self, future: impl Future<Output = ()> + Send + 'static) {
        self.draft.tasks.push(Box::new(move |runtime| Box::new(AbortOnDrop(runtime.spawn(future)))));
    }

    /// The only directive of a plugin that may stand once in a block.
    ///
    /// # Errors
    /// Points at the second one.
    pub fn once(&self) -> Result<&Directive, Diagnostic> {
        match self.directives {
            [one] => Ok(one),
            [one, two, ..] => Err(two.repeated(one)),
            [] => Err(Diagnostic::error("the plugin has no directive")),
        }
    }

    /// The directive of another plugin in the same block: where it stands once, as `kubernetes` does, it says where the
    /// data is that this plugin shows too (`k8s_external`, `autopath @kubernetes`). What is shared is the data, through
    /// [`Process`], and never the other plugin: the order of the set-ups does not matter.
    #[must_use]
    pub fn sibling(&self, plugin: &str) -> Option<&'a Directive> {
        self.block.iter().find(|directive| directive.name.text == plugin)
    }

    /// The zones that a directive names, or those of the block when it names none.
    ///
    /// # Errors
    /// Points at a word that is neither a zone nor a CIDR.
    pub fn zones_or_block(&self, words: &[Token]) -> Result<Vec<Name>, Diagnostic> {
        if words.is_empty() { Ok(self.site.zones.clone()) } else { crate::corefile::zones(words) }
    }
}

// === impl BindAddress ===

impl From<IpAddr> for BindAddress {
    fn from(ip: IpAddr) -> Self {
        Self { ip, link: None }
    }
}

impl BindAddress {
    /// The address with a port, to open a socket on.
    #[must_use]
    pub fn socket_addr(&self, port: u16) -> SocketAddr {
        match self.ip {
            IpAddr::V4(ip) => SocketAddr::from((ip, port)),
            IpAddr::V6(ip) => {
                let index = self.link.as_ref().map_or(0, |link| link.index);
                SocketAddrV6::new(ip, port, 0, index).into()
            }
        }
    }

    /// `10.0.0.1:53`, `[::1]:53`, `[fe80::1%eth0]:53`
    #[must_use]
    pub fn with_port(&self, port: u16) -> String {
        match self.ip {
            IpAddr::V4(_) => format!("{self}:{port}"),
            IpAddr::V6(_) => format!("[{self}]:{port}"),
        }
    }
}

impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.link {
            None => write!(f, "{}", self.ip),
            Some(link) => write!(f, "{}%{}", self.ip, link.name),
        }
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
