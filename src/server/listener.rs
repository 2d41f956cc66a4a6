//! A listener and its sockets: every address over UDP, once for each core, and over TCP.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;

use arc_swap::ArcSwap;
use socket2::{Domain, Protocol, Socket, Type};

use super::holder::Holder;
use crate::dns::Transport;
use crate::plugin::{BindAddress, Router};

/// What a socket may hold for a worker that is busy, in octets. The system gives less where `net.core.rmem_max` is less.
pub(super) const RECEIVE_BUFFER_LEN: usize = 4 << 20;
/// Connections that the kernel holds until they are taken.
const BACKLOG: i32 = 1024;
/// How often a free port is looked for, when any will do: one that is free over TCP may be taken over UDP.
const FREE_PORT_TRIES: usize = 16;

/// One port on some addresses, with the server blocks behind it.
#[derive(Clone)]
pub struct Listener {
    /// Its number: what queries that come to it carry in [`crate::dns::Origin::server`].
    pub number: u16,
    /// How metrics and logs name it: `dns://:53`.
    pub label: String,
    /// The addresses; none is all, of both families.
    pub addresses: Vec<BindAddress>,
    /// The port; 0 is any that is free.
    pub port: u16,
    /// The server blocks.
    pub router: Arc<ArcSwap<Router>>,
}

/// A listener with its sockets open, which takes in packets and answers none yet.
pub struct BoundListener {
    pub(super) listener: Listener,
    /// One inner list for each address.
    pub(super) udp: Vec<Vec<UdpSocket>>,
    pub(super) tcp: Vec<TcpListener>,
}

/// A listener could not be opened.
#[derive(Debug)]
pub struct BindError {
    transport: Transport,
    /// The address as it was asked for; none is all.
    address: Option<BindAddress>,
    port: u16,
    step: &'static str,
    holder: Option<Holder>,
    source: io::Error,
}

// === impl Listener ===

impl Listener {
    /// Opens the sockets: `workers` for UDP and one for TCP on each address.
    ///
    /// # Errors
    /// Names the address, the port, what is in the way, and what to do. No socket stays open.
    pub fn bind(self, workers: usize) -> Result<BoundListener, BindError> {
        let mut tries = if self.port == 0 { FREE_PORT_TRIES } else { 1 };
        loop {
            tries -= 1;
            match self.try_bind(workers.max(1)) {
                Ok((udp, tcp)) => return Ok(BoundListener { listener: self, udp, tcp }),
                Err(error) if tries == 0 || error.source.kind() != io::ErrorKind::AddrInUse => {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
    }

    fn try_bind(&self, workers: usize) -> Result<(Vec<Vec<UdpSocket>>, Vec<TcpListener>), BindError> {
        let wanted: Vec<Option<&BindAddress>> = match self.addresses.as_slice() {
            [] => vec![None],
            addresses => addresses.iter().map(Some).collect(),
        };
        let (mut udp, mut tcp) = (Vec::new(), Vec::new());
        // The first address decides the port where any will do: it is one listener.
        let mut port = self.port;
        for address in wanted {
            let fail = |transport, port| {
                move |(step, source): (&'static str, io::Error)| {
                    let in_use = source.kind() == io::ErrorKind::AddrInUse;
                    let holder = if in_use { Holder::find(transport, port) } else { None };
                    BindError { transport, address: address.cloned(), port, step, holder, source }
                }
            };
            let (listener, bound) = listen(address, port).map_err(fail(Transport::Tcp, port))?;
            port = bound.port();
            let sockets: Result<Vec<_>, _> = (0..workers).map(|_| bind_udp(bound)).collect();
            udp.push(sockets.map_err(fail(Transport::Udp, port))?);
            tcp.push(listener);
        }
        Ok((udp, tcp))
    }
}

impl BoundListener {
    /// What the sockets are bound to.
    pub fn local_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.tcp.iter().filter_map(|listener| listener.local_addr().ok())
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("number", &self.number)
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

type StepError = (&'static str, io::Error);

/// Listens on the address, or on all: on `[::]` for both families, or on `0.0.0.0` where there is no IPv6.
fn listen(address: Option<&BindAddress>, port: u16) -> Result<(TcpListener, SocketAddr), StepError> {
    if let Some(address) = address {
        return listen_tcp(address.socket_addr(port));
    }
    match listen_tcp(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))) {
        Err((_, error)) if lacks_ipv6(&error) => listen_tcp(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
        result => result,
    }
}

fn listen_tcp(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), StepError> {
    let socket = open(wanted, Type::STREAM, Protocol::TCP)?;
    // Connections of a process that has just ended do not keep its port.
    socket.set_reuse_address(true).map_err(|error| ("setsockopt", error))?;
    socket.set_nonblocking(true).map_err(|error| ("setsockopt", error))?;
    socket.bind(&wanted.into()).map_err(|error| ("bind", error))?;
    socket.listen(BACKLOG).map_err(|error| ("listen", error))?;
    let listener = TcpListener::from(socket);
    let bound = listener.local_addr().map_err(|error| ("getsockname", error))?;
    Ok((listener, bound))
}

/// One of the sockets that share an address; the kernel spreads clients over them by address and port.
fn bind_udp(bound: SocketAddr) -> Result<UdpSocket, StepError> {
    let socket = open(bound, Type::DGRAM, Protocol::UDP)?;
    // Not `SO_REUSEADDR`: over UDP it would let us take the port from a process that set it too.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_LEN);
    socket.bind(&bound.into()).map_err(|error| ("bind", error))?;
    Ok(socket.into())
}

fn open(address: SocketAddr, kind: Type, protocol: Protocol) -> Result<Socket, StepError> {
    let socket =
        Socket::new(Domain::for_address(address), kind, Some(protocol)).map_err(|error| ("socket", error))?;
    if address.is_ipv6() {
        // Both families on `[::]`, whatever `net.ipv6.bindv6only` says.
        let only = !address.ip().is_unspecified();
        socket.set_only_v6(only).map_err(|error| ("setsockopt", error))?;
    }
    socket.set_reuse_port(true).map_err(|error| ("setsockopt", error))?;
    Ok(socket)
}

fn lacks_ipv6(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}

// === impl BindError ===

impl BindError {
    pub(super) fn thread(bound: SocketAddr, source: io::Error) -> Self {
        Self {
            transport: Transport::Udp,
            address: Some(bound.ip().into()),
            port: bound.port(),
            step: "serve",
            holder: None,
            source,
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let port = self.port;
        match self.source.raw_os_error()? {
            libc::EADDRINUSE => Some(match &self.holder {
                Some(holder) => {
                    format!("port {port} is held by {holder}: stop it, or listen on another port or address")
                }
                None => format!(
                    "another process holds port {port}: stop it, or listen on another port or address"
                ),
            }),
            libc::EACCES if port < 1024 => Some(format!(
                "ports below 1024 need CAP_NET_BIND_SERVICE or root: grant it, or listen on a port above 1023, not {port}"
            )),
            libc::EADDRNOTAVAIL => {
                Some("no interface of this host has the address: add it, or `bind` to another".to_owned())
            }
            libc::EAFNOSUPPORT => Some("this host has no IPv6: `bind` to IPv4 addresses".to_owned()),
            libc::EMFILE | libc::ENFILE => Some("too many files are open: raise `ulimit -n`".to_owned()),
            _ => None,
        }
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        };
        write!(f, "Listen: listen {transport} ")?;
        match &self.address {
            None => write!(f, ":{}", self.port)?,
            Some(address) => f.write_str(&address.with_port(self.port))?,
        }
        write!(f, ": {}: {}", self.step, reason(&self.source))?;
        match self.hint() {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// The system's own words, in small letters as CoreDNS's are, so that scripts that look for them go on finding them.
fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EADDRINUSE) => "address already in use".to_owned(),
        Some(libc::EACCES) => "permission denied".to_owned(),
        Some(libc::EADDRNOTAVAIL) => "cannot assign requested address".to_owned(),
        _ => error.to_string(),
    }
}
