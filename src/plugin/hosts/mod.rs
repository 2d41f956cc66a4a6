#![doc = include_str!("README.md")]

mod file;
mod map;
mod metrics;
mod setup;

pub use setup::setup;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::{Next, Plugin, Reply};
use crate::dns::{
    InfoCode, Name, Owner, Query, Rcode, RecordType, Response, Section, address_from_reverse_name,
};
use file::{HostsFile, Look};
use map::HostsMap;
use metrics::Metrics;

/// Answers from a table of names and addresses. A query reads one generation of it, without lock or allocation; the task
/// that looks at the file puts the next one in its place.
pub struct Hosts {
    zones: Vec<Name>,
    ttl_s: u32,
    /// Below these zones a name that is not known is the next plugin's.
    fallthrough: Vec<Name>,
    /// There, other types than A, AAAA and PTR are the next plugin's too.
    fallthrough_unsupported: bool,
    table: Table,
}

/// What is in use, for those who read and the one who writes.
#[derive(Clone)]
struct Table {
    map: Arc<ArcSwap<HostsMap>>,
    metrics: Metrics,
}

impl Plugin for Hosts {
    fn name(&self) -> &'static str {
        "hosts"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        let map = self.table.map.load();
        // Reverse zones need not be named: an address leads to its names wherever it is asked for.
        if query.qtype() == RecordType::PTR {
            return if self.reverse(&map, query, response) {
                Reply::answered()
            } else {
                next.serve(query, response)
            };
        }
        if !holds(&self.zones, query) {
            return next.serve(query, response);
        }
        let falls_through = holds(&self.fallthrough, query);
        let is_supported = matches!(query.qtype(), RecordType::A | RecordType::AAAA);
        let found = map.find(query.name());
        let is_unknown = found.v4.is_empty() && found.v6.is_empty();
        if falls_through && (is_unknown || (self.fallthrough_unsupported && !is_supported)) {
            return next.serve(query, response);
        }
        if is_unknown {
            // A name error would need an SOA record, and a hosts file has none. Not a `Failure`: nothing went wrong that
            // `errors` should log, and it is no more to be kept than one would be.
            response.set_rcode(Rcode::SERVFAIL);
            response.set_uncacheable();
            response.explain(InfoCode::OTHER, |text| {
                text.push_str("hosts has no such name and no fallthrough for it")
            });
            return Reply::answered();
        }
        response.set_authoritative();
        match query.qtype() {
            RecordType::A => self.answer(response, RecordType::A, found.v4.iter().map(|a| a.octets())),
            RecordType::AAAA => self.answer(response, RecordType::AAAA, found.v6.iter().map(|a| a.octets())),
            // NODATA
            _ => {}
        }
        Reply::answered()
    }
}

impl Hosts {
    /// Answers with the names of the address that QNAME is the reverse of; `false` when there are none.
    fn reverse(&self, map: &HostsMap, query: &Query<'_>, response: &mut Response) -> bool {
        let Some(address) = address_from_reverse_name(query.name()) else { return false };
        let mut names = map.names_of(address.to_canonical()).peekable();
        if names.peek().is_none() {
            return false;
        }
        response.set_authoritative();
        self.answer(response, RecordType::PTR, names);
        true
    }

    /// One record for each RDATA, as far as a message has room.
    fn answer(
        &self,
        response: &mut Response,
        rtype: RecordType,
        rdatas: impl Iterator<Item = impl AsRef<[u8]>>,
    ) {
        for rdata in rdatas {
            let octets = rdata.as_ref();
            let written = response
                .record(Section::Answer, Owner::Question, rtype, self.ttl_s, |rdata| rdata.octets(octets));
            if written.is_none() {
                break;
            }
        }
    }
}

impl Table {
    /// Takes what a look has found into use.
    fn take(&self, look: Look) {
        for complaint in look.complaints {
            tracing::warn!(target: "plugin/hosts", "{complaint}");
        }
        if let Some((map, written)) = look.changed {
            tracing::debug!(target: "plugin/hosts", "Parsed hosts file into {} entries", map.len());
            self.metrics.note(&map, Some(written));
            self.map.store(Arc::new(map));
        }
    }

    /// Looks at the file again and again, until it is dropped.
    async fn follow(self, mut file: HostsFile, interval: Duration) {
        loop {
            tokio::time::sleep(interval).await;
            let looking = tokio::task::spawn_blocking(move || {
                let look = file.look();
                (file, look)
            });
            // The runtime ends.
            let Ok((back, look)) = looking.await else { return };
            file = back;
            self.take(look);
        }
    }
}

fn holds(zones: &[Name], query: &Query<'_>) -> bool {
    zones.iter().any(|zone| query.zone_start(zone.as_wire()).is_some())
}

#[cfg(test)]
mod tests;
