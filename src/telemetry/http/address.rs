//! Where to listen, as a Corefile says it.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, lookup_host};

use super::HttpError;

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: i32 = 128;
/// A host name must be known by then: the resolver asked may be this very process, which does not answer yet.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// `:8080`, `127.0.0.1:8080`, `[::1]:8080` or `localhost:8080`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenAddress {
    host: Host,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Host {
    /// All addresses of both families.
    Any,
    Ip(IpAddr),
    Name(Box<str>),
}

impl FromStr for ListenAddress {
    type Err = HttpError;

    fn from_str(text: &str) -> Result<Self, HttpError> {
        let error = || HttpError::Address { address: text.into() };
        let (host, port) = text.rsplit_once(':').ok_or_else(error)?;
        let port = port.parse().map_err(|_| error())?;
        let host = match host {
            // As Go does: `[::]` takes IPv4 as well.
            "" | "[::]" => Host::Any,
            // Not left to the resolver, so that it is one listener with 127.0.0.1.
            "localhost" => Host::Ip(Ipv4Addr::LOCALHOST.into()),
            _ => {
                let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
                match (bare, host.parse::<Ipv4Addr>()) {
                    (Some(bare), _) => Host::Ip(bare.parse::<Ipv6Addr>().map_err(|_| error())?.into()),
                    (None, Ok(ip)) => Host::Ip(ip.into()),
                    // An IPv6 address without brackets, or something that no resolver knows.
                    _ if host.contains([':', '[', ']', '/', ' ']) => return Err(error()),
                    _ => Host::Name(host.into()),
                }
            }
        };
        Ok(Self { host, port })
    }
}

impl ListenAddress {
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Opens a listening socket. Of the addresses of a name, the first IPv4 one is taken, else the first.
    pub(super) async fn listen(&self) -> io::Result<TcpListener> {
        match &self.host {
            Host::Any => {
                let any = |ip: IpAddr| SocketAddr::new(ip, self.port);
                match listen_on(any(Ipv6Addr::UNSPECIFIED.into())) {
                    Err(error) if is_without_ipv6(&error) => listen_on(any(Ipv4Addr::UNSPECIFIED.into())),
                    listener => listener,
                }
            }
            Host::Ip(ip) => listen_on(SocketAddr::new(*ip, self.port)),
            Host::Name(name) => {
                let found = tokio::time::timeout(LOOKUP_TIMEOUT, lookup_host((&**name, self.port))).await??;
                let addresses: Vec<SocketAddr> = found.collect();
                let address = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
                listen_on(*address.ok_or(io::ErrorKind::AddrNotAvailable)?)
            }
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Any => write!(f, ":{}", self.port),
            Host::Ip(ip) => SocketAddr::new(*ip, self.port).fmt(f),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

/// SO_REUSEADDR, so that a restart does not wait for connections of the process before it. Not SO_REUSEPORT: a second
/// process on the same port should hear of the first.
fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(address.ip() != Ipv6Addr::UNSPECIFIED)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// A kernel without IPv6 refuses the socket; one with IPv6 turned off by sysctl refuses the address.
fn is_without_ipv6(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(libc::EAFNOSUPPORT)
}
