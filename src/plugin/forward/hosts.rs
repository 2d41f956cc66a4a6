//! The addresses of upstreams that are written as host names: looked up once, while the Corefile is set up, as CoreDNS
//! does. What serves a name must not need itself to start, so that nothing of this goes through the server.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

use super::exchange::{Outgoing, Verdict};
use super::random::random_u16;
use crate::dns::{HEADER_LEN, RecordSpan, RecordType, Records, Section, wire_from_text};
use crate::plugin::lookup::question_packet;

/// How long one resolver is waited for, each time that it is asked.
const PATIENCE: Duration = Duration::from_secs(2);

/// The addresses of `host`, from the resolvers in turn, or from the system where there are none.
///
/// # Errors
/// There is none; why, in words.
pub(super) fn addresses(host: &str, resolvers: &[SocketAddr]) -> Result<Vec<IpAddr>, String> {
    let found = if resolvers.is_empty() { of_system(host)? } else { of_resolvers(host, resolvers)? };
    if found.is_empty() { Err("it has none".to_owned()) } else { Ok(found) }
}

/// No address at all, for those who only check a Corefile: whether a name can be resolved is not what is wrong with it.
pub(super) fn unchecked() -> Vec<IpAddr> {
    vec![Ipv4Addr::UNSPECIFIED.into()]
}

/// Through the system's own files and resolvers.
fn of_system(host: &str) -> Result<Vec<IpAddr>, String> {
    // With a dot at its end, the search list is left out.
    let name = format!("{}.", host.trim_end_matches('.'));
    let found = (name.as_str(), 0).to_socket_addrs().map_err(|error| error.to_string())?;
    Ok(found.map(|address| address.ip()).collect())
}

fn of_resolvers(host: &str, resolvers: &[SocketAddr]) -> Result<Vec<IpAddr>, String> {
    let name = wire_from_text(host).map_err(|_| "it is no name".to_owned())?;
    let mut why = String::new();
    for resolver in resolvers {
        match ask(*resolver, &name, RecordType::A) {
            Ok(mut found) => {
                // A resolver that has the one and not the other is good enough.
                found.extend(ask(*resolver, &name, RecordType::AAAA).unwrap_or_default());
                if !found.is_empty() {
                    return Ok(found);
                }
                why = format!("{resolver} knows none");
            }
            Err(error) => why = format!("{resolver}: {error}"),
        }
    }
    Err(why)
}

/// Asks over UDP: the addresses of one name fit.
fn ask(resolver: SocketAddr, name: &[u8], rtype: RecordType) -> io::Result<Vec<IpAddr>> {
    let packet = question_packet(random_u16(), name, rtype, None);
    let query = Outgoing::new(&packet, packet.len() - HEADER_LEN).ok_or(io::ErrorKind::InvalidInput)?;
    let any: IpAddr =
        if resolver.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(resolver)?;
    socket.send(&packet)?;
    let end = Instant::now() + PATIENCE;
    let mut reply = [0; 4096];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        socket.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let length = socket.recv(&mut reply)?;
        if query.judge(&reply[..length]) == Verdict::Reply {
            return Ok(addresses_in(&reply[..length]));
        }
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

/// The addresses of the answer section, whatever leads to them.
fn addresses_in(reply: &[u8]) -> Vec<IpAddr> {
    let Some(records) = Records::of(reply) else { return Vec::new() };
    let answers = records.filter(|record| record.section == Section::Answer);
    let address = |record: RecordSpan| {
        let rdata = reply.get(record.rdata_at()..record.end)?;
        match record.rtype {
            RecordType::A => rdata.first_chunk::<4>().map(|octets| IpAddr::from(*octets)),
            RecordType::AAAA => rdata.first_chunk::<16>().map(|octets| IpAddr::from(*octets)),
            _ => None,
        }
    };
    answers.filter_map(address).collect()
}
