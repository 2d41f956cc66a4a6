//! `rewrite edns0 local|nsid|subnet set|append|replace|unset …`: options of the query.

use std::net::IpAddr;

use super::asked::Asked;
use super::text::Subject;
use crate::dns::{Query, Transport, read_u16};

/// NSID (RFC 5001 §2.3)
pub(super) const OPTION_NSID: u16 = 3;
/// Client subnet (RFC 7871 §6)
pub(super) const OPTION_SUBNET: u16 = 8;
/// The payload size of an OPT record that a rule adds: what the DNS flag day of 2020 agreed on.
pub(super) const UDP_SIZE: u16 = 1232;

/// What a rule does to one option.
#[derive(Debug)]
pub(super) struct EdnsRule {
    pub(super) action: Action,
    pub(super) code: u16,
    pub(super) data: Data,
    /// Whether it is of local use (`edns0 local`): then a reply without OPT record of an upstream repeats it.
    pub(super) is_local: bool,
    /// Whether the reply gets back what was before.
    pub(super) is_reverted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Another value, or a new option
    Set,
    /// A new option where there is none
    Append,
    /// Another value where there is one
    Replace,
    /// Away with it
    Unset,
}

/// What an option says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Data {
    Octets(Box<[u8]>),
    /// `{qname}`: as text, with the final dot, as it goes down
    Name,
    /// `{qtype}`: two octets
    Type,
    /// `{client_ip}`: four or sixteen octets
    ClientIp,
    /// `{client_port}`: two octets
    ClientPort,
    /// `{server_ip}`
    ServerIp,
    /// `{server_port}`
    ServerPort,
    /// `{protocol}`: `udp` or `tcp`
    Protocol,
    /// The network of the client, so many bits of it
    Subnet {
        v4_bits: u8,
        v6_bits: u8,
    },
}

/// What the reply needs done, so that a rule is not seen.
#[derive(Debug)]
pub(super) enum Undo {
    /// The option was not there.
    Remove(u16),
    /// It said this.
    Put(u16, Box<[u8]>),
}

/// The options of a query, in its order.
#[derive(Debug, Clone, Default)]
pub(super) struct Options {
    list: Vec<(u16, Box<[u8]>)>,
    are_changed: bool,
}

impl EdnsRule {
    /// Does what the rule says; `None` where it is not for this query, and then what the reply needs.
    pub(super) fn apply(&self, asked: &mut Asked<'_>) -> Option<Option<Undo>> {
        if self.action == Action::Unset {
            asked.options().remove(self.code);
            return Some(None);
        }
        let held = asked.options().get(self.code).is_some();
        match self.action {
            Action::Append if held => return None,
            Action::Replace if !held => return None,
            _ => {}
        }
        let data = self.data.of(asked)?;
        let before = asked.options().put(self.code, data);
        let undo = match before {
            Some(before) => Undo::Put(self.code, before),
            None => Undo::Remove(self.code),
        };
        Some(self.is_reverted.then_some(undo))
    }
}

impl Data {
    /// `None` where there is none: the server's address, if that is of another family than the client's.
    fn of(&self, asked: &Asked<'_>) -> Option<Box<[u8]>> {
        let origin = asked.query.origin();
        let (client, server) = (origin.peer.ip().to_canonical(), origin.local.ip().to_canonical());
        Some(match self {
            Data::Octets(octets) => octets.clone(),
            Data::Name => Subject::new(asked.spelled()).text().as_bytes().into(),
            Data::Type => asked.qtype.0.to_be_bytes().into(),
            Data::ClientIp => octets_of(client),
            Data::ServerIp => {
                let is_alike = client.is_ipv4() == server.is_ipv4();
                return is_alike.then(|| octets_of(server));
            }
            Data::ClientPort => origin.peer.port().to_be_bytes().into(),
            Data::ServerPort => origin.local.port().to_be_bytes().into(),
            Data::Protocol => match origin.transport {
                Transport::Udp => (*b"udp").into(),
                Transport::Tcp => (*b"tcp").into(),
            },
            Data::Subnet { v4_bits, v6_bits } => {
                let (family, bits) = if client.is_ipv4() { (1, *v4_bits) } else { (2, *v6_bits) };
                let mut octets = octets_of(client).into_vec();
                octets.truncate(usize::from(bits.div_ceil(8)));
                if let (Some(last), used @ 1..) = (octets.last_mut(), bits % 8) {
                    *last &= 0xff << (8 - used);
                }
                [&[0, family, bits, 0], &octets[..]].concat().into()
            }
        })
    }
}

fn octets_of(address: IpAddr) -> Box<[u8]> {
    match address {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    }
}

impl Options {
    pub(super) fn of(query: &Query<'_>) -> Self {
        let range = query.edns().map_or((0, 0), |edns| edns.options);
        let mut rest = query.packet().get(usize::from(range.0)..usize::from(range.1)).unwrap_or_default();
        let mut list = Vec::new();
        while let (Some(code), Some(length)) = (read_u16(rest, 0), read_u16(rest, 2)) {
            let Some((option, tail)) = rest.split_at_checked(4 + usize::from(length)) else { break };
            list.push((code, option[4..].into()));
            rest = tail;
        }
        Self { list, are_changed: false }
    }

    pub(super) fn are_changed(&self) -> bool {
        self.are_changed
    }

    pub(super) fn get(&self, code: u16) -> Option<&[u8]> {
        self.list.iter().find(|(held, _)| *held == code).map(|(_, data)| &**data)
    }

    /// Gives the first option of the code this value, or adds one; gives the value before.
    fn put(&mut self, code: u16, data: Box<[u8]>) -> Option<Box<[u8]>> {
        self.are_changed = true;
        match self.list.iter_mut().find(|(held, _)| *held == code) {
            Some((_, held)) => Some(std::mem::replace(held, data)),
            None => {
                self.list.push((code, data));
                None
            }
        }
    }

    fn remove(&mut self, code: u16) {
        let before = self.list.len();
        self.list.retain(|(held, _)| *held != code);
        self.are_changed |= self.list.len() != before;
    }

    pub(super) fn undo(&mut self, undo: &Undo) {
        match undo {
            Undo::Remove(code) => self.remove(*code),
            Undo::Put(code, data) => drop(self.put(*code, data.clone())),
        }
    }

    pub(super) fn to_wire(&self) -> Vec<u8> {
        let mut wire = Vec::new();
        for (code, data) in &self.list {
            wire.extend_from_slice(&code.to_be_bytes());
            // Read off a packet, or checked in the Corefile.
            wire.extend_from_slice(&(data.len() as u16).to_be_bytes());
            wire.extend_from_slice(data);
        }
        wire
    }
}
