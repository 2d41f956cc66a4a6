//! A question over a socket, and the reply as the lines of a scenario.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{RData, Record};

use super::file::{Ask, Expected, Query};

/// Guards against a hang; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(10);
const ID: u16 = 0x5ca1;
/// EDE (RFC 8914).
const OPTION_EDE: u16 = 15;

pub fn ask(server: SocketAddr, ask: &Ask) -> Expected {
    match ask {
        Ask::Query(query) => {
            let packet = encode(query);
            let reply = if query.tcp { over_tcp(server, &packet) } else { over_udp(server, &packet) };
            check_echo(query, &packet, &reply);
            decode(&reply)
        }
        Ask::Raw(packet) => over_udp_or_nothing(server, packet),
    }
}

/// By hand, since the letters and the mistakes of a scenario must go out as they stand there.
fn encode(query: &Query) -> Vec<u8> {
    let mut packet = Vec::new();
    let flags = query.flags | u16::from(query.opcode) << 11;
    for field in [ID, flags, 1, 0, 0, u16::from(query.edns.is_some())] {
        packet.extend(field.to_be_bytes());
    }
    for label in query.name.trim_end_matches('.').split('.').filter(|label| !label.is_empty()) {
        packet.push(u8::try_from(label.len()).expect("a label"));
        packet.extend(label.as_bytes());
    }
    packet.push(0);
    packet.extend(query.rtype.to_be_bytes());
    packet.extend(query.class.to_be_bytes());
    if let Some((size, version)) = query.edns {
        packet.extend([0, 0, 41]);
        packet.extend(size.to_be_bytes());
        packet.extend([0, version, 0, 0, 0, 0]);
    }
    packet
}

/// What holds for every reply and no scenario repeats: id, QR, opcode, RD and CD as sent, neither RA nor AD; the
/// question in the client's letters; an OPT record exactly when one was sent.
fn check_echo(query: &Query, packet: &[u8], reply: &[u8]) {
    assert!(reply.len() >= 12, "a reply without header");
    assert_eq!(reply[..2], packet[..2], "id");
    let flags = u16::from_be_bytes([reply[2], reply[3]]);
    if reply[4..12] == [0; 8] {
        return;
    }
    // RD is a query's; that of a NOTIFY is not repeated.
    let repeated = if query.opcode == 0 { 0x0110 } else { 0x0010 };
    let sent = query.flags & repeated | u16::from(query.opcode) << 11;
    assert_eq!(flags & !0x060f, sent | 0x8000, "header flags, but for AA, TC and RCODE");
    let question_end = 12 + query.name.trim_end_matches('.').len() + usize::from(query.name != ".") + 1 + 4;
    assert_eq!(reply.get(12..question_end), Some(&packet[12..question_end]), "the question in the reply");
    let message = Message::from_vec(reply).expect("a whole message");
    assert_eq!(message.edns.is_some(), query.edns.is_some(), "the OPT record");
    let room = match query.edns {
        _ if query.tcp => 65_535,
        Some((size, _)) => usize::from(size).max(512),
        None => 512,
    };
    assert!(reply.len() <= room, "{} octets, and the client takes {room}", reply.len());
}

fn over_udp(server: SocketAddr, packet: &[u8]) -> Vec<u8> {
    let socket = udp(server);
    socket.send(packet).expect("sent");
    receive(&socket)
}

/// Sends a second question behind the octets: when its reply is the first to come, the octets got none.
fn over_udp_or_nothing(server: SocketAddr, packet: &[u8]) -> Expected {
    const PROBE: &[u8] = b"\xff\xff\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00\x01";
    let socket = udp(server);
    socket.send(packet).expect("sent");
    socket.send(PROBE).expect("sent");
    let reply = receive(&socket);
    if reply[..2] == PROBE[..2] {
        return Expected { status: "no reply".to_owned(), ..Expected::default() };
    }
    assert_eq!(reply[..2], packet[..2], "id");
    decode(&reply)
}

fn udp(server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((server.ip(), 0)).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    socket.connect(server).expect("connected");
    socket
}

fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 65_535];
    let length = socket.recv(&mut buffer).expect("a reply");
    buffer.truncate(length);
    buffer
}

fn over_tcp(server: SocketAddr, packet: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server).expect("connected");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let length = u16::try_from(packet.len()).expect("a packet").to_be_bytes();
    stream.write_all(&[&length, packet].concat()).expect("sent");
    let mut length = [0; 2];
    stream.read_exact(&mut length).expect("a reply");
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut reply).expect("a whole reply");
    reply
}

fn decode(reply: &[u8]) -> Expected {
    let message = Message::from_vec(reply).expect("a whole message");
    let mut status = rcode(u16::from(message.metadata.response_code));
    for (flag, is_set) in [("aa", message.metadata.authoritative), ("tc", message.metadata.truncation)] {
        if is_set {
            status += &format!(" {flag}");
        }
    }
    let mut decoded = Expected { status, ..Expected::default() };
    decoded.answer = message.answers.iter().map(text).collect();
    decoded.authority = message.authorities.iter().map(text).collect();
    decoded.additional = message.additionals.iter().map(text).collect();
    if let [soa] = message.authorities.as_slice()
        && let Some(kind) = kind_of_soa(soa)
    {
        decoded.authority.clear();
        decoded.status += &format!(" {kind}:{}", soa.name);
    }
    for (_, option) in message.edns.iter().flat_map(|edns| edns.options().as_ref()) {
        if let EdnsOption::Unknown(OPTION_EDE, data) = option {
            let code = u16::from_be_bytes([data[0], data[1]]);
            decoded.errors.push(format!("{code} {}", String::from_utf8_lossy(&data[2..])));
        }
    }
    decoded.sort();
    decoded
}

/// The SOA record that every negative answer of `kubernetes` has (`soa`), or of `k8s_external` at its defaults
/// (`soa-ext`), in all of its fields but the serial.
fn kind_of_soa(record: &Record) -> Option<&'static str> {
    let zone = &record.name;
    let RData::SOA(soa) = &record.data else { return None };
    let names = (soa.mname.to_ascii(), soa.rname.to_ascii());
    let is_timed = (soa.refresh, soa.retry, soa.expire) == (7200, 1800, 86400);
    if names == (format!("ns.dns.{zone}"), format!("hostmaster.{zone}")) {
        (is_timed && record.ttl == soa.minimum.min(300)).then_some("soa")
    } else if names == (format!("ns1.dns.{zone}"), format!("hostmaster.dns.{zone}")) {
        (is_timed && record.ttl == 5 && soa.minimum == 5).then_some("soa-ext")
    } else {
        None
    }
}

/// `owner TTL TYPE data`, with a serial as `SERIAL`: it is the time of the latest change.
fn text(record: &Record) -> String {
    let line = format!("{} {} {} {}", record.name, record.ttl, record.record_type(), record.data);
    match &record.data {
        RData::SOA(soa) => line.replacen(&format!(" {} ", soa.serial), " SERIAL ", 1),
        _ => line,
    }
}

fn rcode(code: u16) -> String {
    let name = match code {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        16 => "BADVERS",
        other => return format!("RCODE{other}"),
    };
    name.to_owned()
}
