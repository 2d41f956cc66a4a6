//! Endpoints that are domain names: the addresses of an EndpointSlice of addressType FQDN.

/// A ready endpoint that is a domain name. It answers with a CNAME record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fqdn {
    /// The name: unfolded wire form, root label included.
    pub target: Box<[u8]>,
    /// The label that names the endpoint: hostname, Pod name, or the name with its dots as dashes; folded, without length
    /// octet. Empty when that makes no label: then it answers at the Service's name only.
    pub label: Box<[u8]>,
    /// Its topology zone ([`super::zone_name`]); empty when it has none, and without the option `zonal`.
    pub zone: Box<[u8]>,
}
