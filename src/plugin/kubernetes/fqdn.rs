//! Endpoints that are domain names (EndpointSlices of addressType FQDN).
//!
//! CoreDNS answers with a CNAME record for each of them, beside each other and beside addresses. A name has one CNAME
//! record or none, and no other data with it (RFC 1034 §3.6.2): resolvers drop an answer that says otherwise. So where
//! there is a ready endpoint with an address the addresses answer alone, and of several names the first.

use super::{Ask, Found};
use crate::dns::RecordType;
use crate::zone::Fqdn;

impl Ask<'_> {
    /// A name that only domain names stand behind, `first` before the others; without one it does not exist.
    pub(super) fn fqdn(&self, first: Option<&Fqdn>) -> Found {
        self.alias(first.map(|fqdn| &*fqdn.target))
    }

    /// A name that is an alias of `target`. There is no SRV record for it: what that would lead to is not an endpoint.
    pub(super) fn alias(&self, target: Option<&[u8]>) -> Found {
        let Some(target) = target else { return Found::NameError };
        match self.query.qtype() {
            RecordType::A | RecordType::AAAA | RecordType::CNAME => Found::Cname(target.into()),
            _ => Found::NoData,
        }
    }
}
