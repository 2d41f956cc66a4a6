//! The name of a Service within a cluster: two labels in folded wire form.

use std::fmt;
use std::sync::Arc;

use crate::dns::{LABEL_LEN_MAX, write_text};

/// `SERVICE.NAMESPACE` as two folded wire labels without the root label, as they stand in the middle of a query's name:
/// a lookup hashes a piece of the query and copies nothing. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceKey {
    wire: Arc<[u8]>,
}

impl ServiceKey {
    /// Makes the key; `None` when a part cannot be a label: empty or over 63 octets.
    #[must_use]
    pub fn new(service: &str, namespace: &str) -> Option<Self> {
        let mut wire = Vec::with_capacity(service.len() + namespace.len() + 2);
        for label in [service, namespace] {
            if label.is_empty() || label.len() > LABEL_LEN_MAX {
                return None;
            }
            wire.push(label.len() as u8);
            wire.extend(label.bytes().map(|octet| octet.to_ascii_lowercase()));
        }
        Some(Self { wire: wire.into() })
    }

    /// Both labels, each with its length octet.
    #[must_use]
    pub fn as_wire(&self) -> &[u8] {
        &self.wire
    }

    /// The service label, without its length octet.
    #[must_use]
    pub fn service(&self) -> &[u8] {
        &self.wire[1..=usize::from(self.wire[0])]
    }

    /// The namespace label, without its length octet.
    #[must_use]
    pub fn namespace(&self) -> &[u8] {
        &self.wire[usize::from(self.wire[0]) + 2..]
    }
}

impl fmt::Display for ServiceKey {
    /// `SERVICE.NAMESPACE.`, with a final dot as every name has here.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_text(&self.wire, f)
    }
}

impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceKey({self})")
    }
}
