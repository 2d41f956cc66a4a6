//! What a name below the cluster domain asks for, by its shape alone (DNS specification 1.1.0 §2).

use crate::dns::Query;

/// The places of the cluster domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path<'q> {
    /// The zone itself.
    Apex,
    /// `dns-version.ZONE`
    DnsVersion,
    /// `ns.dns.ZONE`, the name server that the SOA record speaks of.
    NameServer,
    /// `svc.ZONE` or `pod.ZONE`
    Branch(Branch),
    /// `NAMESPACE.svc.ZONE` or `NAMESPACE.pod.ZONE`
    Namespace(Branch, &'q [u8]),
    /// `SERVICE.NAMESPACE.svc.ZONE` and what stands before it.
    Service(ServicePath<'q>),
    /// `ADDRESS.NAMESPACE.pod.ZONE`; up to two labels before it are ignored, as in CoreDNS.
    Pod {
        /// The label that holds the address.
        label: &'q [u8],
        /// The namespace.
        namespace: &'q [u8],
    },
    /// No shape that the specification knows.
    Unknown,
}

/// The two halves of the cluster domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Branch {
    /// `svc`
    Service,
    /// `pod`
    Pod,
}

/// A Service's name, or one below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServicePath<'q> {
    /// The labels `SERVICE.NAMESPACE` with their length octets: the key of [`super::Zone::service`].
    pub key: &'q [u8],
    /// The label of the Service.
    pub service: &'q [u8],
    /// The label of the namespace.
    pub namespace: &'q [u8],
    /// What stands before.
    pub detail: Detail<'q>,
}

/// What stands before a Service's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail<'q> {
    /// Nothing.
    None,
    /// `ENDPOINT.SERVICE…`
    Endpoint(&'q [u8]),
    /// `ENDPOINT.CLUSTER.SERVICE…`, in a multicluster zone.
    Member {
        /// The label of the endpoint.
        endpoint: &'q [u8],
        /// The id of the cluster that it is in.
        cluster: &'q [u8],
    },
    /// `_PORT._PROTOCOL.SERVICE…`, without the underscores; an empty part matches anything.
    Port {
        /// The name of the port.
        port: &'q [u8],
        /// The protocol.
        protocol: &'q [u8],
    },
    /// `TOPOLOGY-ZONE.pin._zone.SERVICE…` or `TOPOLOGY-ZONE.prefer._zone.SERVICE…`
    Zone {
        /// The labels of the topology zone with their length octets, without the root label.
        name: &'q [u8],
        /// Whether a zone without endpoints stands for all of them (`prefer`), or for none (`pin`).
        prefer: bool,
    },
}

impl<'q> Path<'q> {
    /// The place that the query's name has below a zone of `zone_labels` labels, which must be a suffix of it.
    #[must_use]
    pub fn of(query: &'q Query<'_>, zone_labels: usize) -> Self {
        let Some(last) = (query.label_count() - zone_labels).checked_sub(1) else { return Path::Apex };
        let branch = match query.label(last) {
            b"svc" => Branch::Service,
            b"pod" => Branch::Pod,
            b"dns-version" if last == 0 => return Path::DnsVersion,
            b"dns" if last == 1 && query.label(0) == b"ns" => return Path::NameServer,
            _ => return Path::Unknown,
        };
        if last == 0 {
            return Path::Branch(branch);
        }
        let namespace = query.label(last - 1);
        match (branch, last) {
            (_, 1) => Path::Namespace(branch, namespace),
            (Branch::Pod, 2..=4) => Path::Pod { label: query.label(last - 2), namespace },
            (Branch::Service, 2..=4) => {
                let key = &query.name()[query.label_start(last - 2)..query.label_start(last)];
                let detail = match last {
                    2 => Detail::None,
                    3 => Detail::Endpoint(query.label(0)),
                    _ => Detail::Port {
                        port: without_underscore(query.label(0)),
                        protocol: without_underscore(query.label(1)),
                    },
                };
                Path::Service(ServicePath { key, service: query.label(last - 2), namespace, detail })
            }
            _ => Path::Unknown,
        }
    }

    /// A name for the endpoints of one topology zone: `TOPOLOGY-ZONE.pin._zone.SERVICE.NAMESPACE.svc.ZONE`, or `prefer`.
    /// The topology zone may be several labels. [`Path::of`] knows no such shape: it takes the option `zonal`.
    #[must_use]
    pub fn zonal(query: &'q Query<'_>, zone_labels: usize) -> Option<Self> {
        let prefer = match Self::zone_word(query, zone_labels)? {
            b"pin" => false,
            b"prefer" => true,
            _ => return None,
        };
        let last = query.label_count() - zone_labels - 1;
        let detail = Detail::Zone { name: &query.name()[..query.label_start(last - 4)], prefer };
        let key = &query.name()[query.label_start(last - 2)..query.label_start(last)];
        let (service, namespace) = (query.label(last - 2), query.label(last - 1));
        Some(Path::Service(ServicePath { key, service, namespace, detail }))
    }

    /// The word before `_zone`, in a name that is a zonal one but perhaps for this word.
    #[must_use]
    pub fn zone_word(query: &'q Query<'_>, zone_labels: usize) -> Option<&'q [u8]> {
        let last = (query.label_count() - zone_labels).checked_sub(1)?;
        let is_zonal = last >= 5 && query.label(last) == b"svc" && query.label(last - 3) == b"_zone";
        is_zonal.then(|| query.label(last - 4))
    }

    /// As [`Path::of`], in a multicluster zone: two labels before a Service are an endpoint and its cluster, unless one of
    /// them begins with an underscore.
    #[must_use]
    pub fn of_multicluster(query: &'q Query<'_>, zone_labels: usize) -> Self {
        let mut path = Self::of(query, zone_labels);
        if let Path::Service(ServicePath { detail: detail @ Detail::Port { .. }, .. }) = &mut path {
            let (endpoint, cluster) = (query.label(0), query.label(1));
            if ![endpoint, cluster].iter().any(|label| label.starts_with(b"_")) {
                *detail = Detail::Member { endpoint, cluster };
            }
        }
        path
    }

    /// The namespace that the name speaks of.
    #[must_use]
    pub fn namespace(&self) -> Option<&'q [u8]> {
        match self {
            Path::Namespace(_, namespace) | Path::Pod { namespace, .. } => Some(namespace),
            Path::Service(service) => Some(service.namespace),
            _ => None,
        }
    }
}

impl Detail<'_> {
    /// Whether it narrows the Service's name down: not when there is nothing, and not when both parts of a port match
    /// anything.
    #[must_use]
    pub fn asks_for_something(&self) -> bool {
        match self {
            Detail::None => false,
            Detail::Endpoint(_) | Detail::Member { .. } | Detail::Zone { .. } => true,
            Detail::Port { port, protocol } => !port.is_empty() || !protocol.is_empty(),
        }
    }

    /// Whether a port of that name and protocol is asked for.
    #[must_use]
    pub fn matches_port(&self, port: &super::Port) -> bool {
        match self {
            Detail::Port { port: name, protocol } => {
                (name.is_empty() || **name == *port.name)
                    && (protocol.is_empty() || *protocol == port.protocol.as_bytes())
            }
            Detail::None | Detail::Endpoint(_) | Detail::Member { .. } | Detail::Zone { .. } => true,
        }
    }
}

pub(super) fn without_underscore(label: &[u8]) -> &[u8] {
    label.strip_prefix(b"_").unwrap_or(label)
}
