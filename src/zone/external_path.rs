//! What a name below a zone of external addresses asks for, by its shape alone (CoreDNS's `k8s_external`).

use super::path::{Detail, ServicePath, without_underscore};
use crate::dns::{Name, Query};

/// The places of a zone of external addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExternalPath<'q> {
    /// The zone itself.
    Apex,
    /// `APEX.ZONE`, where the names of the zone's own stand.
    Own,
    /// `ns1.APEX.ZONE`, the name server.
    NameServer,
    /// Anything else below `APEX.ZONE`: nothing is there, and nobody else is to say otherwise.
    BelowOwn,
    /// `NAMESPACE.ZONE`
    Namespace(&'q [u8]),
    /// `SERVICE.NAMESPACE.ZONE` and what stands before it.
    Service(ServicePath<'q>),
    /// More labels than there is a meaning for.
    Unknown,
}

impl<'q> ExternalPath<'q> {
    /// The place that the query's name has below a zone of `zone_labels` labels, which must be a suffix of it. `apex` is
    /// the name, relative to the zone, that the zone's own names stand under.
    #[must_use]
    pub fn of(query: &'q Query<'_>, zone_labels: usize, apex: &Name) -> Self {
        let labels = query.label_count() - zone_labels;
        let Some(last) = labels.checked_sub(1) else { return Self::Apex };
        if let Some(before) = labels.checked_sub(apex.label_count()) {
            let own = &query.name()[query.label_start(before)..query.label_start(labels)];
            if apex.as_wire().strip_suffix(&[0]) == Some(own) {
                return match before {
                    0 => Self::Own,
                    1 if query.label(0) == b"ns1" => Self::NameServer,
                    _ => Self::BelowOwn,
                };
            }
        }
        let namespace = query.label(last);
        let detail = match last {
            0 => return Self::Namespace(namespace),
            1 => Detail::None,
            // As in CoreDNS an underscore before it does not count, and one alone asks for nothing.
            2 => match without_underscore(query.label(0)) {
                b"" => Detail::None,
                endpoint => Detail::Endpoint(endpoint),
            },
            3 => Detail::Port {
                port: without_underscore(query.label(0)),
                protocol: without_underscore(query.label(1)),
            },
            _ => return Self::Unknown,
        };
        let key = &query.name()[query.label_start(last - 1)..query.label_start(labels)];
        Self::Service(ServicePath { key, service: query.label(last - 1), namespace, detail })
    }

    /// The namespace that the name speaks of.
    #[must_use]
    pub fn namespace(&self) -> Option<&'q [u8]> {
        match self {
            Self::Namespace(namespace) => Some(namespace),
            Self::Service(service) => Some(service.namespace),
            _ => None,
        }
    }
}
