//! Queries and replies as raw bytes: what goes out, what of that which comes in is its reply, and sockets.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};

#[cfg(target_os = "linux")]
use nix::sys::socket::{
    setsockopt,
    sockopt::{Ipv4RecvErr, Ipv6RecvErr},
};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::{AsyncRead, AsyncReadExt, Interest};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

use super::error::{Cause, Step};
use crate::dns::{
    BadMessage, HEADER_LEN, NAME_LEN_MAX, Rcode, answers_question, expand_name, read_u16, skip_name,
};

/// The octets that give a message's length on TCP (RFC 1035 §4.2.2).
pub(super) const LENGTH_LEN: usize = 2;
/// The longest message, and the longest datagram with it.
const MESSAGE_LEN_MAX: usize = u16::MAX as usize;

thread_local! {
    /// Where datagrams arrive. One buffer a thread and not one a query: it is used only between two awaits.
    static DATAGRAM: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// A query as it goes out: the client's octets with another id.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Length, then message.
    framed: Vec<u8>,
    question_len: usize,
}

/// What a message is to the query that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Its reply.
    Reply,
    /// An error with our id and no question section: from a server that did not get as far as reading ours.
    BareError,
    /// A response with our id to another question.
    OtherQuestion,
    /// It has our id, and what should be its question is none.
    Garbage,
    /// Nothing to do with it: late or forged.
    Stray,
}

/// What is done with the octets of a reply, where they lie.
pub(super) type Take<'t, T> = &'t mut (dyn FnMut(&[u8]) -> Result<T, BadMessage> + Send);

/// An exchange that failed.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) step: Step,
    pub(super) cause: Cause,
    /// Whether nothing of a reply had come, as on a connection that the upstream had closed before.
    pub(super) is_silent: bool,
}

// === impl Outgoing ===

impl Outgoing {
    /// The query in `packet`, whose question section has `question_len` octets. `None` for a packet that is too short
    /// or too long for a message.
    #[must_use]
    pub fn new(packet: &[u8], question_len: usize) -> Option<Self> {
        packet.get(HEADER_LEN..HEADER_LEN + question_len)?;
        let length = u16::try_from(packet.len()).ok()?;
        let mut framed = Vec::with_capacity(LENGTH_LEN + packet.len());
        framed.extend_from_slice(&length.to_be_bytes());
        framed.extend_from_slice(packet);
        Some(Self { framed, question_len })
    }

    /// Gives the query another id.
    pub(super) fn set_id(&mut self, id: u16) {
        self.framed[LENGTH_LEN..LENGTH_LEN + 2].copy_from_slice(&id.to_be_bytes());
    }

    /// Length and message, as streams carry it.
    pub(super) fn framed(&self) -> &[u8] {
        &self.framed
    }

    pub(super) fn message(&self) -> &[u8] {
        &self.framed[LENGTH_LEN..]
    }

    /// Judges what came in (RFC 5452 §9.1): id, QR, and the question but for its case.
    pub(super) fn judge(&self, received: &[u8]) -> Verdict {
        let ours = self.message();
        if received.len() < HEADER_LEN || received[..2] != ours[..2] || received[2] & 0x80 == 0 {
            return Verdict::Stray;
        }
        let question = &ours[HEADER_LEN..HEADER_LEN + self.question_len];
        if answers_question(received, question).is_some() {
            return Verdict::Reply;
        }
        let is_bare =
            read_u16(received, 4) == Some(0) && Rcode(u16::from(received[3] & 0xf)) != Rcode::NOERROR;
        let is_name = expand_name(received, HEADER_LEN, &mut [0; NAME_LEN_MAX]).is_some();
        let end = skip_name(received, HEADER_LEN).filter(|_| is_name);
        let is_question = end.is_some_and(|end| received.len() >= end + 4);
        match (is_bare, read_u16(received, 4)) {
            (true, _) => Verdict::BareError,
            (false, Some(1)) if !is_question => Verdict::Garbage,
            _ => Verdict::OtherQuestion,
        }
    }
}

// === UDP ===

/// A connected socket on a port that the kernel picks at random. From `source`, if that is given.
pub(super) fn dial_udp(to: SocketAddr, source: Option<IpAddr>) -> io::Result<UdpSocket> {
    let kind = Type::DGRAM.nonblocking().cloexec();
    let socket = Socket::new_raw(Domain::for_address(to), kind, Some(Protocol::UDP))?;
    report_unreachable(&socket, to);
    if let Some(source) = source {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    // Connecting binds as well. It also makes the kernel drop what others send, and report what ICMP says.
    socket.connect(&to.into())?;
    UdpSocket::from_std(socket.into())
}

/// Asks the kernel for all ICMP errors: without this it tells of a closed port, and keeps silent about a net or a host that
/// cannot be reached, for which the query would wait its whole time.
#[cfg(target_os = "linux")]
fn report_unreachable(socket: &Socket, to: SocketAddr) {
    // A kernel that refuses leaves the wait.
    let _ = match to {
        SocketAddr::V4(_) => setsockopt(socket, Ipv4RecvErr, &true),
        SocketAddr::V6(_) => setsockopt(socket, Ipv6RecvErr, &true),
    };
}

#[cfg(not(target_os = "linux"))]
fn report_unreachable(_: &Socket, _: SocketAddr) {}

/// Sends, and waits for the reply; whatever else arrives is dropped. Does not end by itself.
pub(super) async fn exchange_udp<T>(
    socket: &UdpSocket,
    query: &Outgoing,
    take: Take<'_, T>,
) -> Result<T, Broken> {
    let failed = |step| move |error| Broken { step, cause: Cause::Io(error), is_silent: true };
    socket.send(query.message()).await.map_err(failed(Step::Write))?;
    // An ICMP error makes a socket not readable but erroneous, which `UdpSocket::recv` does not wait for.
    let interest = Interest::READABLE | Interest::ERROR;
    loop {
        let received = socket.async_io(interest, || {
            DATAGRAM.with_borrow_mut(|buffer| {
                buffer.resize(MESSAGE_LEN_MAX, 0);
                let length = (&*SockRef::from(socket)).read(buffer)?;
                let datagram = &buffer[..length];
                Ok(match query.judge(datagram) {
                    Verdict::Reply => Some(take(datagram).map_err(Cause::Broken)),
                    Verdict::BareError => Some(Err(Cause::OtherQuestion)),
                    Verdict::OtherQuestion | Verdict::Garbage | Verdict::Stray => None,
                })
            })
        });
        match received.await.map_err(failed(Step::Read))? {
            Some(Ok(taken)) => return Ok(taken),
            Some(Err(cause)) => return Err(Broken { step: Step::Read, cause, is_silent: false }),
            None => {}
        }
    }
}

// === TCP and TLS ===

/// A connection, from `source` if that is given. Does not end by itself.
pub(super) async fn dial_tcp(to: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads until a whole message stands at the start; gives its end.
pub(super) async fn read_message(
    stream: &mut (impl AsyncRead + Unpin),
    received: &mut Vec<u8>,
) -> Result<usize, Broken> {
    loop {
        let wanted = match received.first_chunk() {
            Some(length) => LENGTH_LEN + usize::from(u16::from_be_bytes(*length)),
            None => LENGTH_LEN,
        };
        if received.len() >= wanted {
            return Ok(wanted);
        }
        let is_silent = received.is_empty();
        let broken = |cause| Broken { step: Step::Read, cause, is_silent };
        match stream.read_buf(received).await {
            Ok(0) => return Err(broken(Cause::Closed)),
            Ok(_) => {}
            Err(error) => return Err(broken(Cause::Io(error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dns::RecordType;
    use crate::plugin::lookup::question_packet;

    fn outgoing(id: u16) -> Outgoing {
        let packet = question_packet(7, b"\x03wWw\x07example\x00", RecordType::A, None);
        let mut outgoing = Outgoing::new(&packet, packet.len() - HEADER_LEN).unwrap();
        outgoing.set_id(id);
        outgoing
    }

    fn reply(id: u16, name: &[u8], rtype: RecordType) -> Vec<u8> {
        let mut packet = question_packet(id, name, rtype, None);
        packet[2] |= 0x80;
        packet
    }

    #[test]
    fn rfc5452_9_1_id_qr_and_question_must_match() {
        let query = outgoing(0x1234);
        assert_eq!(query.judge(&reply(0x1234, b"\x03WWW\x07example\x00", RecordType::A)), Verdict::Reply);
        assert_eq!(query.judge(&reply(0x1235, b"\x03www\x07example\x00", RecordType::A)), Verdict::Stray);
        let other = reply(0x1234, b"\x03www\x07exbmple\x00", RecordType::A);
        assert_eq!(query.judge(&other), Verdict::OtherQuestion);
        let other = reply(0x1234, b"\x03www\x07example\x00", RecordType::AAAA);
        assert_eq!(query.judge(&other), Verdict::OtherQuestion);
        assert_eq!(query.judge(query.message()), Verdict::Stray, "our own query, sent back");
        let mut bare = reply(0x1234, b"", RecordType::A)[..HEADER_LEN].to_vec();
        bare[5] = 0;
        assert_eq!(query.judge(&bare), Verdict::OtherQuestion, "NOERROR without a question says nothing");
        bare[3] = 1;
        assert_eq!(query.judge(&bare), Verdict::BareError);
        assert_eq!(query.judge(&bare[..11]), Verdict::Stray);
        let mut garbage = reply(0x1234, b"\xff\xff\xff", RecordType::A);
        assert_eq!(query.judge(&garbage), Verdict::Garbage);
        garbage.truncate(HEADER_LEN);
        assert_eq!(query.judge(&garbage), Verdict::Garbage);
    }

    #[test]
    fn the_query_is_the_clients_but_for_its_id() {
        let packet = question_packet(7, b"\x03wWw\x07example\x00", RecordType::A, Some((1232, true)));
        let mut query = Outgoing::new(&packet, 17).unwrap();
        query.set_id(0xabcd);
        assert_eq!(&query.message()[..2], b"\xab\xcd");
        assert_eq!(&query.message()[2..], &packet[2..]);
        assert_eq!(usize::from(read_u16(&query.framed, 0).unwrap()), packet.len());
        assert!(Outgoing::new(&packet, packet.len()).is_none(), "a question longer than the packet");
        assert!(Outgoing::new(&vec![0; 65_536], 5).is_none());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn sockets_hear_of_hosts_that_cannot_be_reached() {
        use nix::sys::socket::getsockopt;

        let four = dial_udp("127.0.0.1:53".parse().unwrap(), None).unwrap();
        assert!(getsockopt(&four, Ipv4RecvErr).unwrap());
        // Where there is no IPv6, there is nothing to show.
        if let Ok(six) = dial_udp("[::1]:53".parse().unwrap(), None) {
            assert!(getsockopt(&six, Ipv6RecvErr).unwrap());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut bytes = bytes;
            let query = outgoing(0x1234);
            query.judge(&bytes);
            if bytes.len() > 2 {
                bytes[..2].copy_from_slice(b"\x12\x34");
                prop_assert_ne!(query.judge(&bytes), Verdict::Reply);
            }
        }
    }
}
