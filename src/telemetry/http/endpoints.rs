//! What is served where, and how a reload exchanges it.

use std::{collections::BTreeMap, fmt, io, mem, net::SocketAddr, sync::Arc};

use arc_swap::ArcSwap;
use tokio::{net::TcpListener, task::JoinHandle};

use super::{
    Guard, Handler, ListenAddress, Request, Response,
    serve::{Site, serve},
};

/// What one configuration wants served: handlers by address and path. Owners that name the same address share its
/// listener.
#[derive(Clone, Default)]
pub struct EndpointSet {
    sites: BTreeMap<ListenAddress, Site>,
}

/// The listeners that are open. Dropping it closes them and all of their connections at once.
#[derive(Default)]
pub struct Endpoints {
    listeners: BTreeMap<ListenAddress, Listener>,
}

struct Listener {
    site: Arc<ArcSwap<Site>>,
    local_addr: SocketAddr,
    task: JoinHandle<()>,
}

/// Why an endpoint cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Not an address to listen on.
    #[error("`{address}` is no address to listen on: write `:PORT`, `IP:PORT`, `[IPV6]:PORT` or `HOST:PORT`")]
    Address {
        /// As it was written.
        address: Box<str>,
    },
    /// The system gave no listener.
    #[error("cannot listen on `{address}`: {}", hint(.source))]
    Listen {
        /// The address as it is understood.
        address: ListenAddress,
        /// What the system said.
        source: io::Error,
    },
}

impl EndpointSet {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves `path` (which begins with `/`) on `address` with `handler`. A path has one handler: the latest added.
    /// A plugin that stands in several blocks with one address adds a handler that speaks for all of them.
    ///
    /// # Errors
    /// When `address` is none.
    pub fn add(
        &mut self,
        address: &str,
        path: &str,
        handler: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> Result<(), HttpError> {
        let handler: Handler = Arc::new(handler);
        self.sites.entry(address.parse()?).or_default().routes.insert(path.into(), handler);
        Ok(())
    }

    /// Puts `guard` before all that is served on `address`.
    ///
    /// # Errors
    /// When `address` is none.
    pub fn guard(&mut self, address: &str, guard: Arc<Guard>) -> Result<(), HttpError> {
        self.sites.entry(address.parse()?).or_default().guard = Some(guard);
        Ok(())
    }

    /// Whether `path` has a handler on `address` already.
    #[must_use]
    pub fn contains(&self, address: &str, path: &str) -> bool {
        address.parse().is_ok_and(|address: ListenAddress| {
            self.sites.get(&address).is_some_and(|site| site.routes.contains_key(path))
        })
    }
}

impl Endpoints {
    /// No listeners yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves `set` from now on. Listeners whose address stays are kept open, connections included, and have their
    /// handlers exchanged; new ones are opened first, and those not wanted any more closed last.
    ///
    /// Only where a new address needs the port of one that goes (`localhost:9153` becomes `:9153`) must the old be
    /// closed before the new can open. To be called within the async runtime.
    ///
    /// # Errors
    /// When a listener cannot be opened; what was served before is served still.
    pub async fn swap(&mut self, set: EndpointSet) -> Result<(), HttpError> {
        let mut opened = Vec::new();
        let mut closed = Vec::new();
        for (address, site) in &set.sites {
            if self.listeners.contains_key(address) {
                continue;
            }
            match self.open(address, site, &set, &mut closed).await {
                Ok(listener) => opened.push((address.clone(), listener)),
                Err(source) => {
                    // Gone before the old ones come back, which may need their ports.
                    close(opened).await;
                    self.reopen(closed).await;
                    return Err(HttpError::Listen { address: address.clone(), source });
                }
            }
        }
        self.listeners.extend(opened);

        let (wanted, unwanted): (BTreeMap<_, _>, BTreeMap<_, _>) = mem::take(&mut self.listeners)
            .into_iter()
            .partition(|(address, _)| set.sites.contains_key(address));
        self.listeners = wanted;
        for (address, site) in set.sites {
            if let Some(listener) = self.listeners.get(&address) {
                listener.site.store(Arc::new(site));
            }
        }
        close(unwanted).await;
        Ok(())
    }

    /// The address that the listener of `address` really has: with port 0, the port that the system chose.
    #[must_use]
    pub fn local_addr(&self, address: &str) -> Option<SocketAddr> {
        let address: ListenAddress = address.parse().ok()?;
        self.listeners.get(&address).map(|listener| listener.local_addr)
    }

    /// Closes all listeners at once, and their connections with them.
    pub async fn shutdown(&mut self) {
        close(mem::take(&mut self.listeners)).await;
    }

    /// Opens `address`. When one of our own that `set` does not want holds the port, that is closed first and given
    /// to `closed`.
    async fn open(
        &mut self,
        address: &ListenAddress,
        site: &Site,
        set: &EndpointSet,
        closed: &mut Vec<(ListenAddress, Arc<Site>)>,
    ) -> io::Result<Listener> {
        let site = Arc::new(site.clone());
        match address.listen().await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                let (in_the_way, others): (Vec<_>, Vec<_>) = mem::take(&mut self.listeners)
                    .into_iter()
                    .partition(|(old, _)| old.port() == address.port() && !set.sites.contains_key(old));
                self.listeners.extend(others);
                if in_the_way.is_empty() {
                    return Err(error);
                }
                closed.extend(
                    in_the_way.iter().map(|(old, listener)| (old.clone(), listener.site.load_full())),
                );
                close(in_the_way).await;
                Listener::start(address.listen().await?, site)
            }
            listener => Listener::start(listener?, site),
        }
    }

    /// Puts back what `open` closed.
    async fn reopen(&mut self, closed: Vec<(ListenAddress, Arc<Site>)>) {
        for (address, site) in closed {
            match address.listen().await.and_then(|listener| Listener::start(listener, site)) {
                Ok(listener) => {
                    self.listeners.insert(address, listener);
                }
                // The error that is returned names the address that could not be opened; this one is lost as well.
                Err(error) => tracing::error!("cannot listen on `{address}` again: {error}"),
            }
        }
    }
}

impl Listener {
    fn start(listener: TcpListener, site: Arc<Site>) -> io::Result<Self> {
        let local_addr = listener.local_addr()?;
        let site = Arc::new(ArcSwap::new(site));
        let task = tokio::spawn(serve(listener, site.clone()));
        Ok(Self { site, local_addr, task })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns when the sockets are closed.
async fn close(listeners: impl IntoIterator<Item = (ListenAddress, Listener)>) {
    for (_, mut listener) in listeners {
        listener.task.abort();
        // The task ends by being aborted; that is no error here.
        let _ = (&mut listener.task).await;
    }
}

/// What would be right, by what the system said.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "the port is taken, by another process or another endpoint of this Corefile: choose a free one"
        }
        io::ErrorKind::PermissionDenied => {
            "not permitted: choose a port from 1024 on, or grant CAP_NET_BIND_SERVICE"
        }
        io::ErrorKind::AddrNotAvailable => {
            "no interface of this host has the address: write one that it has, or `:PORT` for all"
        }
        io::ErrorKind::TimedOut => "the name was not resolved in time: write an IP address",
        _ => "write an IP address of this host and a free port",
    }
}

impl fmt::Debug for EndpointSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sites = self.sites.iter().map(|(address, site)| (address, site.routes.keys()));
        f.debug_map().entries(sites).finish()
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.listeners.keys()).finish()
    }
}
