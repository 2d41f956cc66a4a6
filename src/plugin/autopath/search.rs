//! Which list a client walks, and where in it a query stands.
//!
//! Hot path.

use std::sync::Arc;

use crate::cluster::Watch;
use crate::dns::{Name, Query};
use crate::zone::Reader;

/// Where search lists come from. The root stands at the end of each: the name as it was typed.
pub(super) enum Search {
    /// One for all clients.
    List(Box<[Name]>),
    /// That of the Pod that asks.
    Pods(Pods),
}

/// The lists of Pods: `NAMESPACE.svc.ZONE`, `svc.ZONE`, `ZONE`, and what their nodes have.
pub(super) struct Pods {
    zones: Vec<Zone>,
    /// The search list of the node that the server runs on, which is taken for that of the others.
    node: Box<[Name]>,
    reader: Reader,
    /// Keeps the watch going.
    _watch: Arc<Watch>,
}

struct Zone {
    name: Name,
    labels: usize,
}

/// A name below the first element of the list, in octets from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Where what the client typed ends, and the element begins.
    pub(super) first: usize,
    /// Where further elements begin, which are suffixes of the first: none for a [`Search::List`].
    suffixes: Option<[usize; 2]>,
}

impl Search {
    /// Where the query's name is cut; `None` when it is not below the first element of the client's list, or that is not
    /// known.
    pub(super) fn place(&self, query: &Query<'_>) -> Option<Place> {
        match self {
            Search::List(list) => {
                let first = query.zone_start(list.first()?.as_wire())?;
                (first > 0).then_some(Place { first, suffixes: None })
            }
            Search::Pods(pods) => pods.place(query),
        }
    }

    /// The element number `index` of the list, in wire form; the first is 0. It has the client's letters where it is
    /// part of the client's name.
    pub(super) fn element<'a>(
        &'a self,
        query: &'a Query<'_>,
        place: Place,
        index: usize,
    ) -> Option<&'a [u8]> {
        let starts =
            [place.first, place.suffixes.unwrap_or_default()[0], place.suffixes.unwrap_or_default()[1]];
        let (known, list) = match self {
            Search::List(list) => (&starts[..1], list.get(1..).unwrap_or_default()),
            Search::Pods(pods) => (&starts[..], &*pods.node),
        };
        if let Some(start) = known.get(index) {
            return Some(&query.name_original()[*start..]);
        }
        let index = index - known.len();
        list.get(index).map(Name::as_wire).or_else(|| (index == list.len()).then_some(&[0][..]))
    }
}

impl Pods {
    pub(super) fn new(zones: Vec<Name>, node: Vec<Name>, watch: Arc<Watch>) -> Self {
        let zones = zones.into_iter().map(|name| Zone { labels: name.label_count(), name }).collect();
        Self { zones, node: node.into(), reader: watch.reader(), _watch: watch }
    }

    fn place(&self, query: &Query<'_>) -> Option<Place> {
        // The shape first: most names are told by it, and the client's address is looked for only below `svc`.
        let holding = self.zones.iter().filter(|zone| query.zone_start(zone.name.as_wire()).is_some());
        let zone = query.label_count() - holding.map(|zone| zone.labels).max()?;
        let (svc, namespace) = (zone.checked_sub(1)?, zone.checked_sub(2)?);
        if namespace == 0 || query.label(svc) != b"svc" {
            return None;
        }
        let generation = self.reader.load();
        let client = generation.client_at(query.origin().peer.ip().to_canonical())?;
        (*client.namespace == *query.label(namespace)).then(|| Place {
            first: query.label_start(namespace),
            suffixes: Some([query.label_start(svc), query.label_start(zone)]),
        })
    }
}
