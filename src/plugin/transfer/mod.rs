#![doc = include_str!("README.md")]
//!
//! # How a zone goes out
//!
//! This plugin decides who may have a zone, and asks the plugins below for it ([`Next::transfer`]). The first message goes
//! up the chain as any answer does; `Messages` stays with the connection and writes the others as the client takes them.

mod messages;
mod setup;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

pub use setup::setup;

use super::{Next, Plugin, Reply, ZoneTransfer};
use crate::dns::{
    Failure, FailureKind, Flags, InfoCode, Name, Query, Rcode, RecordType, Records, Response, Section,
    Transport, read_u32, skip_name,
};
use messages::Messages;

/// So many transfers at once in a block. Each holds a generation of its zone for as long as its client takes.
const TRANSFERS_MAX: usize = 32;

/// The plugin: the rules of one block.
pub struct Transfer {
    rules: Vec<Rule>,
    under_way: UnderWay,
}

/// One directive: these clients may have these zones.
struct Rule {
    zones: Vec<Name>,
    clients: Clients,
}

/// Who may have a zone.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Clients {
    /// `*`
    anybody: bool,
    addresses: Vec<IpAddr>,
}

/// How many transfers are under way.
#[derive(Clone, Default)]
struct UnderWay(Arc<AtomicUsize>);

/// One of the transfers that are under way, until dropped.
struct Place(UnderWay);

impl Plugin for Transfer {
    fn name(&self) -> &'static str {
        "transfer"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        if !matches!(query.qtype(), RecordType::AXFR | RecordType::IXFR) {
            return next.serve(query, response);
        }
        // RFC 1995 §2 has IXFR over UDP too; as CoreDNS we answer neither, for any name.
        if query.origin().transport != Transport::Tcp {
            return Reply::failed(Failure::new(FailureKind::TransferOverUdp));
        }
        let Some(rule) = self.rule_of(query) else { return next.serve(query, response) };
        // What is sent is a zone's state at one moment, and there may be more of it.
        response.set_uncacheable();
        let peer = query.origin().peer.ip();
        if !rule.clients.contains(peer) {
            let why = format!("zone transfer is not allowed to {peer}");
            return refuse(response, Rcode::REFUSED, InfoCode::PROHIBITED, &why);
        }
        let mut serial = None;
        if query.qtype() == RecordType::IXFR {
            serial = serial_of(query);
            if serial.is_none() {
                let why = "an IXFR query needs the client's SOA record in its authority section";
                return refuse(response, Rcode::SERVFAIL, InfoCode::OTHER, why);
            }
        }
        let transfer = match next.transfer(query) {
            Some(Ok(transfer)) => transfer,
            Some(Err(failure)) => return Reply::failed(failure),
            None => return next.serve(query, response),
        };
        // As in CoreDNS a client that names serial 0 wants it all.
        if serial.is_some_and(|serial| serial != 0 && serial == transfer.serial) {
            return self.up_to_date(query, transfer, response);
        }
        let Some(place) = self.under_way.enter() else {
            let why = "too many zone transfers at once, ask again";
            return refuse(response, Rcode::REFUSED, InfoCode::OTHER, why);
        };
        let mut messages = Messages::new(query, transfer, place);
        messages.write(response);
        if !messages.is_over() {
            response.continue_with(Box::new(messages));
        }
        Reply::answered()
    }
}

// === impl Transfer ===

impl Transfer {
    fn new(rules: Vec<Rule>) -> Self {
        Self { rules, under_way: UnderWay::default() }
    }

    /// The rule of the longest zone that holds the name; of two the first.
    fn rule_of(&self, query: &Query<'_>) -> Option<&Rule> {
        let starts = self.rules.iter().filter_map(|rule| {
            let starts = rule.zones.iter().filter_map(|zone| query.zone_start(zone.as_wire()));
            Some((rule, starts.min()?))
        });
        starts.min_by_key(|(_, start)| *start).map(|(rule, _)| rule)
    }

    /// The SOA record alone tells a client that it has the zone (RFC 1995 §2). AA is clear, as in CoreDNS.
    fn up_to_date(&self, query: &Query<'_>, transfer: ZoneTransfer, response: &mut Response) -> Reply {
        let mut packer = crate::dns::Packer::default();
        packer.begin(response);
        if let Some((soa, _)) = transfer.soa.get(0) {
            packer.append(response, &soa);
        }
        response.set_flags(response.flags().0 & !Flags::AA);
        tracing::info!(
            target: "plugin/transfer",
            "Outgoing noop, incremental transfer for up to date zone \"{}\" to {} for {} SOA serial",
            messages::asked_name(query),
            query.origin().peer.ip(),
            transfer.serial
        );
        Reply::answered()
    }
}

/// The serial in the SOA record of an IXFR query (RFC 1995 §3); `None` when it has none.
fn serial_of(query: &Query<'_>) -> Option<u32> {
    let packet = query.packet();
    let soa = Records::of(packet)?.find(|record| record.section == Section::Authority)?;
    if soa.rtype != RecordType::SOA {
        return None;
    }
    let numbers = skip_name(packet, skip_name(packet, soa.rdata_at())?)?;
    (numbers + 20 == soa.end).then(|| read_u32(packet, numbers))?
}

/// Writes a refusal, so that logs and metrics see it as an answer, as they do in CoreDNS.
fn refuse(response: &mut Response, rcode: Rcode, code: InfoCode, why: &str) -> Reply {
    response.set_rcode(rcode);
    response.explain(code, |text| text.push_str(why));
    Reply::answered()
}

// === impl Clients ===

impl Clients {
    fn contains(&self, peer: IpAddr) -> bool {
        self.anybody || self.addresses.contains(&peer)
    }
}

// === impl UnderWay ===

impl UnderWay {
    fn enter(&self) -> Option<Place> {
        let place = Place(self.clone());
        (self.0.fetch_add(1, Relaxed) < TRANSFERS_MAX).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}
