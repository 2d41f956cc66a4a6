//! Asking again: a plugin whose answer needs another name's goes through the whole server, as a client would.

use std::future::Future;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{Finished, Reply, Router};
use crate::dns::{Failure, FailureKind, NAME_LEN_MAX, Origin, Query, RecordType, Response};

/// How deep a question may lead to another one before it is taken for a loop.
const DEPTH_MAX: u8 = 8;

/// The way back into the server: the routers of all listeners, by their number. Filled when the listeners run, and
/// swapped by a reload, so that a plugin can be given it before either.
#[derive(Default)]
pub struct Lookup {
    routers: ArcSwap<Vec<Option<Arc<ArcSwap<Router>>>>>,
}

impl Lookup {
    /// Says which router each listener number has.
    pub fn set_routers(&self, routers: Vec<Option<Arc<ArcSwap<Router>>>>) {
        self.routers.store(Arc::new(routers));
    }

    /// Asks the listener that `parent` came to for `name` (wire form) and `rtype`, over the same transport, with the
    /// parent's EDNS size and DO bit, RD set. The question is on its way when this returns.
    pub fn ask(
        &self,
        parent: &Query<'_>,
        name: &[u8],
        rtype: RecordType,
    ) -> impl Future<Output = Finished> + Send + use<> {
        let (reply, response) = self.start(parent, name, rtype);
        reply.wait(response)
    }

    fn start(&self, parent: &Query<'_>, name: &[u8], rtype: RecordType) -> (Reply, Response) {
        let origin = Origin { depth: parent.origin().depth + 1, ..*parent.origin() };
        let edns = parent.edns().map(|edns| (edns.udp_size, edns.dnssec_ok));
        let packet = question_packet(parent.id(), name, rtype, edns);
        let mut response = Response::new();
        response.begin(parent);
        let Ok(asked) = Query::parse(&packet, origin) else {
            return (Reply::failed(Failure::new(FailureKind::Plugin)), response);
        };
        if origin.depth > DEPTH_MAX {
            return (Reply::failed(Failure::new(FailureKind::Loop)), response);
        }
        let reply = match self.routers.load().get(usize::from(origin.server)).and_then(Option::as_ref) {
            Some(router) => router.load().serve(&asked, &mut response),
            None => Reply::failed(Failure::new(FailureKind::NotServed)),
        };
        (reply, response)
    }
}

/// The packet of a question of our own: RD set, and an OPT record when `edns` gives a size and the DO bit.
#[must_use]
pub fn question_packet(id: u16, name: &[u8], rtype: RecordType, edns: Option<(u16, bool)>) -> Vec<u8> {
    let mut packet = Vec::with_capacity(12 + NAME_LEN_MAX + 4 + 11);
    packet.extend_from_slice(&id.to_be_bytes());
    packet.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns.is_some())]);
    packet.extend_from_slice(name);
    packet.extend_from_slice(&rtype.0.to_be_bytes());
    packet.extend_from_slice(&[0, 1]);
    if let Some((size, dnssec_ok)) = edns {
        let flags = if dnssec_ok { 0x80 } else { 0 };
        packet.extend_from_slice(&[0, 0, 41]);
        packet.extend_from_slice(&size.to_be_bytes());
        packet.extend_from_slice(&[0, 0, flags, 0, 0, 0]);
    }
    packet
}
