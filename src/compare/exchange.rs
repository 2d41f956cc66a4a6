//! One question to one server: over UDP, over TCP, and the zone transfers.
//!
//! A socket a question: its port is part of what a reply has to match, next to id and question. What does not match is
//! dropped, and waiting goes on until the time is over.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::{Instant, timeout_at};

use super::answer::{Answer, Cut, Malformed, Record};
use super::question::{Carrier, Question};
use super::rdata::Word;
use super::reply::{NoReply, Reply, Silence};
use super::run::Options;
use crate::dns::{Flags, HEADER_LEN, Rcode, RecordType, answers_question, read_u16};

/// The largest message there is.
const MESSAGE_LEN_MAX: usize = 65535;
/// The longest transfer that is read, in octets. A zone of ten thousand Services has about two MiB.
const TRANSFER_LEN_MAX: usize = 32 << 20;

/// Asks `server`, as often as `options` say until there is a reply.
///
/// # Errors
/// When this machine has no socket left: what the server or the network does is a [`Reply`].
pub async fn ask(server: SocketAddr, question: &Question, id: u16, options: &Options) -> io::Result<Reply> {
    let packet = question.packet(id);
    let mut last = Silence::Timeout;
    for _ in 0..options.tries.max(1) {
        let exchange = Exchange { server, question, packet: &packet, options };
        let reply =
            if question.is_over_tcp() { exchange.over_tcp().await? } else { exchange.over_udp().await? };
        match reply {
            Ok(mut answer) => {
                if answer.flags.has(Flags::TC) && question.carrier == Carrier::Udp && !question.is_over_tcp()
                {
                    return exchange.after_truncation(*answer).await;
                }
                answer.cut = None;
                return Ok(Reply::Message(answer));
            }
            Err(silence) => last = silence,
        }
    }
    Ok(Reply::silent(last))
}

struct Exchange<'q> {
    server: SocketAddr,
    question: &'q Question,
    packet: &'q [u8],
    options: &'q Options,
}

/// Where a transfer ends (RFC 5936 §2.2, RFC 1995 §4): at the SOA record with which it began.
#[derive(Default)]
struct TransferEnd {
    /// The serial of the zone, from the first record.
    serial: Option<u32>,
    records: usize,
    /// How often that serial has been there.
    seen: usize,
    /// Whether the second record is an older SOA: differences follow, and the last one begins with the serial, too.
    is_incremental: bool,
    is_over: bool,
}

// === impl Exchange ===

impl Exchange<'_> {
    async fn over_udp(&self) -> io::Result<Result<Box<Answer>, Silence>> {
        let from: IpAddr = match self.server {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((from, 0)).await?;
        Ok(self.exchange_udp(&socket).await)
    }

    async fn exchange_udp(&self, socket: &UdpSocket) -> Result<Box<Answer>, Silence> {
        let deadline = Instant::now() + self.options.timeout;
        socket.connect(self.server).await?;
        socket.send(self.packet).await?;
        let mut buffer = vec![0; MESSAGE_LEN_MAX];
        loop {
            let received = timeout_at(deadline, socket.recv(&mut buffer));
            let length = received.await.map_err(|_| Silence::Timeout)??;
            if self.is_reply(&buffer[..length]) {
                return Ok(Box::new(Answer::decode(&buffer[..length])));
            }
        }
    }

    async fn over_tcp(&self) -> io::Result<Result<Box<Answer>, Silence>> {
        let socket = match self.server {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        Ok(self.exchange_tcp(socket).await)
    }

    async fn exchange_tcp(&self, socket: TcpSocket) -> Result<Box<Answer>, Silence> {
        let deadline = Instant::now() + self.options.timeout;
        let connected = timeout_at(deadline, socket.connect(self.server));
        let mut stream = connected.await.map_err(|_| Silence::Timeout)??;
        let mut framed = (self.packet.len() as u16).to_be_bytes().to_vec();
        framed.extend(self.packet);
        timeout_at(deadline, stream.write_all(&framed)).await.map_err(|_| Silence::Timeout)??;
        let message = loop {
            let message = read_message(&mut stream, deadline).await?;
            if self.is_reply(&message) {
                break message;
            }
        };
        let mut answer = Box::new(Answer::decode(&message));
        if self.question.is_transfer() {
            self.rest_of_transfer(&mut stream, &mut answer).await;
        }
        Ok(answer)
    }

    /// Reads on until the zone is whole. What is missing at the end is noted in the answer.
    async fn rest_of_transfer(&self, stream: &mut TcpStream, answer: &mut Answer) {
        let mut end = TransferEnd::default();
        end.take(answer, self.question.serial);
        let last = Instant::now() + self.options.transfer_timeout;
        while !end.is_over {
            let deadline = last.min(Instant::now() + self.options.timeout);
            let missing = match read_message(stream, deadline).await {
                _ if answer.size > TRANSFER_LEN_MAX => "the end of a transfer of more than 32 MiB",
                Err(Silence::Timeout) => "the rest of the transfer, which did not come in time",
                Err(_) => "the rest of the transfer, before the connection ended",
                Ok(message) if read_u16(&message, 0) != read_u16(self.packet, 0) => continue,
                Ok(message) => {
                    let next = Answer::decode(&message);
                    end.take(&next, self.question.serial);
                    answer.append(next);
                    continue;
                }
            };
            answer.malformed.get_or_insert(Malformed { at: answer.size, what: missing });
            return;
        }
    }

    /// The same question over TCP, whose answer is the one that counts.
    async fn after_truncation(&self, truncated: Answer) -> io::Result<Reply> {
        let mut reply = Err(Silence::Timeout);
        for _ in 0..self.options.tries.max(1) {
            reply = self.over_tcp().await?;
            if reply.is_ok() {
                break;
            }
        }
        Ok(match reply {
            Ok(mut answer) => {
                answer.cut = Some(Cut { counts: truncated.counts(), size: truncated.size });
                Reply::Message(answer)
            }
            Err(why) => Reply::NoReply(NoReply { why, after_truncation: true }),
        })
    }

    /// A response with the id, and with the question or with none at all, as a server answers what it cannot read.
    fn is_reply(&self, message: &[u8]) -> bool {
        let has_id = read_u16(message, 0) == read_u16(self.packet, 0);
        let is_response = read_u16(message, 2).is_some_and(|flags| Flags(flags).has(Flags::QR));
        let question = &self.packet[HEADER_LEN..HEADER_LEN + self.question.name.len() + 4];
        let has_none = read_u16(message, 4) == Some(0);
        has_id && is_response && (has_none || answers_question(message, question).is_some())
    }
}

async fn read_message(stream: &mut TcpStream, deadline: Instant) -> Result<Vec<u8>, Silence> {
    let read = async {
        let mut message = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut message).await?;
        Ok(message)
    };
    timeout_at(deadline, read).await.map_err(|_| Silence::Timeout)?.map_err(|error: io::Error| error.into())
}

// === impl TransferEnd ===

impl TransferEnd {
    fn take(&mut self, answer: &Answer, asked: Option<u32>) {
        if answer.rcode != Rcode::NOERROR || answer.malformed.is_some() {
            self.is_over = true;
        }
        for record in &answer.answer {
            self.record(record, asked);
        }
        // An answer without a zone: no data, or something else entirely.
        self.is_over |= self.serial.is_none();
    }

    fn record(&mut self, record: &Record, asked: Option<u32>) {
        self.records += 1;
        let serial = record.rdata.iter().find_map(|word| match word {
            Word::Serial(serial) if record.rtype == RecordType::SOA => Some(*serial),
            _ => None,
        });
        if self.records == 1 {
            self.serial = serial;
            // Up to date: a single SOA record, no newer than the one that was asked with (RFC 1982).
            self.is_over |=
                matches!((serial, asked), (Some(new), Some(old)) if new.wrapping_sub(old) as i32 <= 0);
        }
        self.is_incremental |= self.records == 2 && serial.is_some() && serial != self.serial;
        self.seen += usize::from(serial.is_some() && serial == self.serial);
        self.is_over |= self.seen == if self.is_incremental { 3 } else { 2 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After which record a transfer is over. A number is a SOA record of that serial, `-` another record.
    fn over_after(records: &str, asked: Option<u32>) -> Option<usize> {
        let mut end = TransferEnd::default();
        let record = |word: &str| match word.parse() {
            Ok(serial) => Record {
                owner: ".".to_owned(),
                rtype: RecordType::SOA,
                class: 1,
                ttl: 0,
                rdata: vec![Word::Serial(serial)],
            },
            Err(_) => {
                Record { owner: ".".to_owned(), rtype: RecordType::A, class: 1, ttl: 0, rdata: Vec::new() }
            }
        };
        records.split(' ').position(|word| {
            end.record(&record(word), asked);
            end.is_over
        })
    }

    #[test]
    fn rfc5936_2_2_a_zone_ends_with_the_soa_it_began_with() {
        assert_eq!(over_after("7 - - 7", None), Some(3));
        assert_eq!(over_after("7 7", None), Some(1));
        assert_eq!(over_after("7 - -", None), None);
    }

    #[test]
    fn rfc1995_4_differences_end_at_the_third() {
        assert_eq!(over_after("7 5 - 6 - 6 - 7 - 7", Some(5)), Some(9));
        assert_eq!(over_after("7 6 7 7", Some(6)), Some(3));
        assert_eq!(over_after("7 - - 7", Some(5)), Some(3));
        assert_eq!(over_after("7", Some(7)), Some(0));
        assert_eq!(over_after("7", Some(8)), Some(0));
        // Serials wrap (RFC 1982).
        assert_eq!(over_after("1 4294967295 - 1 - 1", Some(u32::MAX)), Some(5));
    }
}
