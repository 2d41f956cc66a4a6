//! Many datagrams with one system call, by nix: this program has no unsafe code.

use std::io::{IoSlice, IoSliceMut};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg};

/// How many go with one call.
pub const BATCH: usize = 64;
const OCTETS: usize = 4096;

/// Room for a batch that arrives.
pub struct Inbox {
    buffers: Vec<Vec<u8>>,
    headers: MultiHeaders<SockaddrIn>,
    /// Length and sender of each that is there.
    pub arrived: Vec<(usize, Option<SockaddrIn>)>,
}

impl Inbox {
    pub fn new() -> Self {
        let headers = MultiHeaders::preallocate(BATCH, None);
        Self { buffers: vec![vec![0; OCTETS]; BATCH], headers, arrived: Vec::with_capacity(BATCH) }
    }

    /// Takes what has arrived; waits for the first where the socket waits.
    pub fn receive(&mut self, socket: &UdpSocket) {
        self.arrived.clear();
        let mut slices: Vec<[IoSliceMut<'_>; 1]> =
            self.buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
        let flags = MsgFlags::MSG_WAITFORONE;
        match recvmmsg(socket.as_raw_fd(), &mut self.headers, slices.iter_mut(), flags, None) {
            Ok(messages) => self.arrived.extend(messages.map(|message| (message.bytes, message.address))),
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNREFUSED) => {}
            Err(error) => panic!("recvmmsg: {error}"),
        }
    }

    pub fn message(&self, at: usize) -> &[u8] {
        &self.buffers[at][..self.arrived[at].0]
    }

    pub fn message_mut(&mut self, at: usize) -> &mut [u8] {
        &mut self.buffers[at][..self.arrived[at].0]
    }

    /// Sends each back to whoever sent it, as many octets as it has now.
    pub fn send_back(&self, socket: &UdpSocket) {
        let messages: Vec<&[u8]> = (0..self.arrived.len()).map(|at| self.message(at)).collect();
        let to: Vec<Option<SockaddrIn>> = self.arrived.iter().map(|(_, from)| *from).collect();
        send_to(socket, &messages, &to);
    }
}

/// Sends the messages; gives how many went out. `to` is empty for a connected socket.
pub fn send(socket: &UdpSocket, messages: &[&[u8]]) -> usize {
    send_to(socket, messages, &vec![None; messages.len()])
}

fn send_to(socket: &UdpSocket, messages: &[&[u8]], to: &[Option<SockaddrIn>]) -> usize {
    if messages.is_empty() {
        return 0;
    }
    let slices: Vec<[IoSlice<'_>; 1]> = messages.iter().map(|message| [IoSlice::new(message)]).collect();
    let mut headers = MultiHeaders::preallocate(messages.len(), None);
    match sendmmsg(socket.as_raw_fd(), &mut headers, slices.iter(), to, [], MsgFlags::empty()) {
        Ok(sent) => sent.count(),
        Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOBUFS | Errno::ECONNREFUSED) => 0,
        Err(error) => panic!("sendmmsg: {error}"),
    }
}
