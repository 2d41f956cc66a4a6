//! An upstream as `loop` sees it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use arc_swap::ArcSwap;
use tokio::time::Instant;

use super::exchange::Outgoing;
use super::stanza::Stanza;
use crate::dns::{HEADER_LEN, Name, Query, Transport};
use crate::plugin::Outlet;

/// One upstream of one directive.
pub(super) struct Way {
    stanza: Arc<Stanza>,
    index: usize,
    to: String,
}

/// The zones for which an upstream leads back to this server.
#[derive(Default)]
pub(super) struct Looping {
    /// All that a query looks at when there are none.
    is_any: AtomicBool,
    zones: ArcSwap<Vec<Name>>,
}

// === impl Way ===

impl Way {
    /// The upstreams of a directive.
    pub(super) fn all(stanza: &Arc<Stanza>) -> impl Iterator<Item = Arc<dyn Outlet>> {
        let way = |(index, to): (usize, String)| {
            Arc::new(Self { stanza: Arc::clone(stanza), index, to }) as Arc<dyn Outlet>
        };
        stanza.labels().into_iter().enumerate().map(way)
    }
}

impl Outlet for Way {
    fn to(&self) -> &str {
        &self.to
    }

    fn part_of(&self, zone: &Name) -> Option<Name> {
        let options = &self.stanza.options;
        let part = if options.from.is_within(zone) {
            &options.from
        } else if zone.is_within(&options.from) {
            zone
        } else {
            return None;
        };
        let is_excepted = options.except.iter().any(|except| part.is_within(except));
        (!is_excepted).then(|| part.clone())
    }

    fn ask(&self, packet: &[u8]) -> Pin<Box<dyn Future<Output = bool> + Send>> {
        let upstream = Arc::clone(&self.stanza.upstreams[self.index]);
        let options = &self.stanza.options;
        let transport = if options.force_tcp { Transport::Tcp } else { Transport::Udp };
        let deadline = Instant::now() + options.budget;
        // The question of a probe is all that it has.
        let outgoing = Outgoing::new(packet, packet.len().saturating_sub(HEADER_LEN));
        Box::pin(async move {
            let Some(mut outgoing) = outgoing else { return false };
            match upstream.ask(&mut outgoing, transport, deadline).await {
                Ok(()) => true,
                Err(error) => error.is_answer(),
            }
        })
    }

    fn set_looping(&self, zone: &Name, is_looping: bool) {
        self.stanza.looping[self.index].set(zone, is_looping);
    }
}

// === impl Looping ===

impl Looping {
    /// Whether it leads back for the name of this query.
    pub(super) fn holds(&self, query: &Query<'_>) -> bool {
        self.is_any.load(Relaxed)
            && self.zones.load().iter().any(|zone| query.zone_start(zone.as_wire()).is_some())
    }

    fn set(&self, zone: &Name, is_looping: bool) {
        let mut zones: Vec<Name> = self.zones.load().iter().filter(|known| *known != zone).cloned().collect();
        if is_looping {
            zones.push(zone.clone());
        }
        self.is_any.store(!zones.is_empty(), Relaxed);
        self.zones.store(Arc::new(zones));
    }
}
