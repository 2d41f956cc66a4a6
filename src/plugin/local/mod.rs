#![doc = include_str!("README.md")]

mod setup;

pub use setup::setup;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Next, Plugin, Reply};
use crate::dns::{HEADER_LEN, Owner, Query, Rcode, RecordType, Response, Section, write_text};
use crate::telemetry::metrics::Counter;

const LOCALHOST: &[u8] = b"\x09localhost\x00";
const MAILBOX: &[u8] = b"\x04root\x09localhost\x00";
/// The zones, none within another.
const ZONES: [&[u8]; 4] = [
    LOCALHOST,
    b"\x010\x07in-addr\x04arpa\x00",
    b"\x03127\x07in-addr\x04arpa\x00",
    b"\x03255\x07in-addr\x04arpa\x00",
];
/// The one name below the apexes that exists.
const LOOPBACK: &[u8] = b"\x011\x010\x010\x03127\x07in-addr\x04arpa\x00";
/// A week, as of zone files that come with name servers.
const TTL_S: u32 = 604_800;

/// Answers for `localhost` and the reverse zones of 0/8, 127/8 and 255/8, so that such questions leave for nowhere.
///
/// Hot path. All that is answered is constant; nothing is looked up.
pub struct Local {
    /// Whether `localhost.<anything>` is a loopback name as well.
    takes_prefix: bool,
    /// Queries for names next to `localhost`, not for itself.
    requests: Counter,
}

/// A name as the log shows it.
struct Shown<'n>(&'n [u8]);

impl Plugin for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        if self.is_alias(query) {
            self.requests.inc();
            tracing::debug!(
                target: "plugin/local",
                "Intercepting localhost query for \"{}\" {}, from {}",
                Shown(query.name()),
                query.qtype(),
                query.origin().peer.ip().to_canonical()
            );
            loopback(query, response, HEADER_LEN);
            return Reply::answered();
        }
        let Some((zone, start)) =
            ZONES.iter().find_map(|zone| query.zone_start(zone).map(|start| (*zone, start)))
        else {
            return next.serve(query, response);
        };
        // The zone is a piece of the question, and so keeps the client's letters.
        let zone_at = HEADER_LEN + start;
        match query.qtype() {
            RecordType::NS if start == 0 => {
                response.record(Section::Answer, Owner::Question, RecordType::NS, TTL_S, |rdata| {
                    rdata.octets(LOCALHOST);
                });
            }
            RecordType::SOA if start == 0 => soa(response, Section::Answer, zone_at),
            RecordType::PTR if query.name() == LOOPBACK => {
                response.record(Section::Answer, Owner::Question, RecordType::PTR, TTL_S, |rdata| {
                    rdata.octets(LOCALHOST);
                });
            }
            _ if start == 0 && zone == LOCALHOST => loopback(query, response, zone_at),
            _ => {
                if start > 0 && query.name() != LOOPBACK {
                    response.set_rcode(Rcode::NXDOMAIN);
                }
                soa(response, Section::Authority, zone_at);
            }
        }
        Reply::answered()
    }
}

impl Local {
    /// Whether QNAME is another name of this host: below `localhost`, or `localhost` below something else.
    fn is_alias(&self, query: &Query<'_>) -> bool {
        query.label_count() > 1
            && (query.zone_start(LOCALHOST).is_some()
                || (self.takes_prefix && query.label(0) == b"localhost"))
    }
}

/// The loopback address of the type that is asked for; NODATA of `zone_at` for other types.
fn loopback(query: &Query<'_>, response: &mut Response, zone_at: usize) {
    match query.qtype() {
        RecordType::A => response.answer_a(TTL_S, Ipv4Addr::LOCALHOST),
        RecordType::AAAA => response.answer_aaaa(TTL_S, Ipv6Addr::LOCALHOST),
        _ => soa(response, Section::Authority, zone_at),
    }
}

/// The SOA record of the name at this offset of the message.
fn soa(response: &mut Response, section: Section, zone_at: usize) {
    response.record(section, Owner::At(zone_at), RecordType::SOA, TTL_S, |rdata| {
        rdata.octets(LOCALHOST);
        rdata.octets(MAILBOX);
        for number in [1, 0, 0, 0, TTL_S] {
            rdata.u32(number);
        }
    });
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_text(self.0, f)
    }
}

#[cfg(test)]
mod tests;
