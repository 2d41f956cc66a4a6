//! UDP with what std has: one packet a call. For systems without `recvmmsg`, and to compare.
//!
//! On a wildcard bind the system chooses the address that a reply leaves from, since std cannot ask which one the query
//! was sent to: bind to each address where that matters.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use super::answer::QUERY_LEN_MAX;
use super::udp::{Datagrams, Received};

/// Where `shutdown` does not wake a reader, it looks this often whether to stop.
const WAKE_INTERVAL: Duration = Duration::from_millis(250);

/// A socket with the memory of one packet.
pub(super) struct Plain {
    socket: Arc<UdpSocket>,
    bound: SocketAddr,
    peer: SocketAddr,
    packet: Box<[u8; QUERY_LEN_MAX]>,
    length: usize,
}

// === impl Plain ===

impl Plain {
    /// Makes ready to receive on `socket`, which blocks.
    ///
    /// # Errors
    /// The socket is none, or takes no time-out.
    pub(super) fn new(socket: Arc<UdpSocket>) -> io::Result<Self> {
        if cfg!(not(target_os = "linux")) {
            socket.set_read_timeout(Some(WAKE_INTERVAL))?;
        }
        let bound = socket.local_addr()?;
        Ok(Self { socket, bound, peer: bound, packet: Box::new([0; QUERY_LEN_MAX]), length: 0 })
    }
}

impl Datagrams for Plain {
    type Route = SocketAddr;

    const BATCH_LEN: usize = 1;

    fn receive(&mut self) -> io::Result<Received> {
        loop {
            match self.socket.recv_from(self.packet.as_mut_slice()) {
                Ok((length, peer)) => {
                    (self.length, self.peer) = (length, peer);
                    return Ok(Received::Packets(1));
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    // A socket that is shut down gives a packet from nowhere, which std takes for a bad address.
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::InvalidInput => {
                        return Ok(Received::End);
                    }
                    _ => return Err(error),
                },
            }
        }
    }

    fn packet(&self, _slot: usize) -> &[u8] {
        &self.packet[..self.length]
    }

    fn addresses(&self, _slot: usize) -> (SocketAddr, SocketAddr) {
        let canonical = |address: SocketAddr| match address.ip().to_canonical() {
            ip if ip == address.ip() => address,
            ip => SocketAddr::new(ip, address.port()),
        };
        (canonical(self.peer), canonical(self.bound))
    }

    fn queue(&mut self, _slot: usize, reply: &[u8]) -> usize {
        usize::from(Self::send(&self.socket, &self.peer, reply).is_err())
    }

    fn flush(&mut self) -> usize {
        0
    }

    fn route(&self, _slot: usize) -> SocketAddr {
        self.peer
    }

    fn send(socket: &UdpSocket, route: &SocketAddr, reply: &[u8]) -> io::Result<()> {
        loop {
            match socket.send_to(reply, route) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map(|_| ()),
            }
        }
    }
}
