//! A tiny DNS client: one question, one reply, by UDP or TCP. Records become text, so that an assertion shows them.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{Name, Record, RecordType};

/// How long a reply may take before the server counts as dead. A guard, not a measurement.
const PATIENCE: Duration = Duration::from_secs(5);

/// EDE, RFC 8914.
const EXTENDED_ERROR: u16 = 15;

/// A reply, with records as `owner TYPE data`. TTLs are apart, since a cached record's runs down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub rcode: ResponseCode,
    pub authoritative: bool,
    pub truncated: bool,
    pub answer: Vec<String>,
    pub authority: Vec<String>,
    pub additional: Vec<String>,
    /// The TTLs of the answer section.
    pub ttls: Vec<u32>,
    /// The texts of the extended errors.
    pub reasons: Vec<String>,
}

impl Reply {
    /// The same with the records of every section in alphabetical order: where order means nothing.
    pub fn sorted(mut self) -> Self {
        for section in [&mut self.answer, &mut self.authority, &mut self.additional] {
            section.sort();
        }
        self.ttls.sort_unstable();
        self
    }

    /// NODATA: the name exists, the type does not; the SOA says for how long that holds.
    pub fn is_nodata(&self) -> bool {
        self.rcode == ResponseCode::NoError && self.answer.is_empty() && self.has_soa()
    }

    /// A name error with its SOA.
    pub fn is_name_error(&self) -> bool {
        self.rcode == ResponseCode::NXDomain && self.answer.is_empty() && self.has_soa()
    }

    fn has_soa(&self) -> bool {
        self.authority.len() == 1 && self.authority.iter().all(|record| record.contains(" SOA "))
    }
}

/// Asks over UDP. Nothing is asked twice: a lost datagram on loopback is a finding.
pub fn ask_udp(server: SocketAddr, name: &str, qtype: RecordType) -> io::Result<Reply> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(server)?;
    let (id, query) = encode(name, qtype)?;
    socket.send(&query)?;
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer)?;
    decode(id, name, buffer.get(..length).unwrap_or_default())
}

/// Asks over TCP, on a connection of its own.
pub fn ask_tcp(server: SocketAddr, name: &str, qtype: RecordType) -> io::Result<Reply> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (id, query) = encode(name, qtype)?;
    stream.write_all(&framed(&query)?)?;
    decode(id, name, &read_framed(&mut stream)?)
}

/// A message behind its length (RFC 1035, 4.2.2).
pub fn framed(message: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    Ok([&length.to_be_bytes(), message].concat())
}

/// Reads one message with its length in front.
pub fn read_framed(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message)?;
    Ok(message)
}

fn encode(name: &str, qtype: RecordType) -> io::Result<(u16, Vec<u8>)> {
    let name = Name::from_ascii(name).map_err(io::Error::other)?;
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name, qtype));
    let mut edns = Edns::new();
    edns.set_max_payload(1232);
    message.set_edns(edns);
    Ok((message.metadata.id, message.to_vec().map_err(io::Error::other)?))
}

fn decode(id: u16, name: &str, bytes: &[u8]) -> io::Result<Reply> {
    let message = Message::from_vec(bytes).map_err(io::Error::other)?;
    if message.metadata.id != id {
        return Err(io::Error::other("the reply has another id than the query"));
    }
    match message.queries.as_slice() {
        [question] if question.name.to_ascii() == name => {}
        other => return Err(io::Error::other(format!("asked `{name}`, the reply repeats {other:?}"))),
    }
    let reasons =
        message.edns.iter().flat_map(|edns| edns.options().as_ref()).filter_map(|(_, option)| match option {
            // Two octets of code, then text.
            EdnsOption::Unknown(EXTENDED_ERROR, data) => {
                Some(String::from_utf8_lossy(data.get(2..).unwrap_or_default()).into_owned())
            }
            _ => None,
        });
    Ok(Reply {
        rcode: message.metadata.response_code,
        authoritative: message.metadata.authoritative,
        truncated: message.metadata.truncation,
        answer: message.answers.iter().map(text).collect(),
        authority: message.authorities.iter().map(text).collect(),
        additional: message.additionals.iter().map(text).collect(),
        ttls: message.answers.iter().map(|record| record.ttl).collect(),
        reasons: reasons.collect(),
    })
}

fn text(record: &Record) -> String {
    format!("{} {} {}", record.name, record.record_type(), record.data)
}
