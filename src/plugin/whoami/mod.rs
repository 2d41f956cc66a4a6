#![doc = include_str!("README.md")]

mod setup;

pub use setup::setup;

use std::net::IpAddr;

use super::{Next, Plugin, Reply};
use crate::dns::{NAME_LEN_MAX, Owner, Query, RecordType, Response, Section, Transport};

/// Answers every question with the client's address and port. The plugin to read first: it answers at once, passes
/// nothing on, and keeps nothing.
pub struct Whoami;

impl Plugin for Whoami {
    fn name(&self) -> &'static str {
        "whoami"
    }

    fn serve(&self, query: &Query<'_>, _next: Next<'_>, response: &mut Response) -> Reply {
        let origin = query.origin();
        response.set_authoritative();

        // A dual-stack socket shows an IPv4 client as an IPv6 address.
        let address = origin.peer.ip().to_canonical();
        let rtype = if address.is_ipv4() { RecordType::A } else { RecordType::AAAA };
        response.record(Section::Additional, Owner::Question, rtype, 0, |rdata| match address {
            IpAddr::V4(address) => rdata.octets(&address.octets()),
            IpAddr::V6(address) => rdata.octets(&address.octets()),
        });

        let label: &[u8; 5] = match origin.transport {
            Transport::Udp => b"\x04_udp",
            Transport::Tcp => b"\x04_tcp",
        };
        let mut owner = [0; NAME_LEN_MAX];
        let length = label.len() + query.name().len();
        // A name so long that no label fits in front has no port; the address is there.
        if let Some(owner) = owner.get_mut(..length) {
            owner[..label.len()].copy_from_slice(label);
            owner[label.len()..].copy_from_slice(query.name_original());
            response.record(Section::Additional, Owner::Name(owner), RecordType::SRV, 0, |rdata| {
                rdata.u16(0);
                rdata.u16(0);
                rdata.u16(origin.peer.port());
                rdata.octets(&[0]);
            });
        }
        Reply::answered()
    }
}

#[cfg(test)]
mod tests;
