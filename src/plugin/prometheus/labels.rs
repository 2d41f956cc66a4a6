//! The values of labels whose number is bounded: a client chooses types and RCODEs, and must not choose how many series
//! there are.

use crate::dns::{Origin, Rcode, RecordType, Transport};

/// Values of `proto`.
pub(super) const PROTOS: [&str; 2] = ["udp", "tcp"];
/// Values of `family`: IPv4 and IPv6, by the numbers of the Internet's address family registry.
pub(super) const FAMILIES: [&str; 2] = ["1", "2"];
/// Values of `type`; a type that is none of these is `other`.
pub(super) const TYPES: [&str; 20] = [
    "A", "AAAA", "MX", "SOA", "CNAME", "PTR", "TXT", "NS", "SRV", "DS", "DNSKEY", "RRSIG", "NSEC", "NSEC3",
    "HTTPS", "SVCB", "IXFR", "AXFR", "ANY", "other",
];
/// Values of `rcode`; one that is none of these is `other`.
pub(super) const RCODES: [&str; 15] = [
    "NOERROR",
    "FORMERR",
    "SERVFAIL",
    "NXDOMAIN",
    "NOTIMP",
    "REFUSED",
    "YXDOMAIN",
    "YXRRSET",
    "NXRRSET",
    "NOTAUTH",
    "NOTZONE",
    "DSOTYPENI",
    "BADVERS",
    "BADCOOKIE",
    "other",
];
/// Values of `plugin`: empty for a reply that the server writes, then those that answer; another one is `other`.
pub(super) const AUTHORS: [&str; 15] = [
    "",
    "kubernetes",
    "cache",
    "forward",
    "hosts",
    "template",
    "file",
    "k8s_external",
    "acl",
    "any",
    "chaos",
    "local",
    "loop",
    "whoami",
    "other",
];

pub(super) fn proto(origin: &Origin) -> usize {
    match origin.transport {
        Transport::Udp => 0,
        Transport::Tcp => 1,
    }
}

/// An IPv4 client of a dual-stack socket comes with an IPv6 address; it counts as what it is.
pub(super) fn family(origin: &Origin) -> usize {
    usize::from(!origin.peer.ip().to_canonical().is_ipv4())
}

pub(super) fn record_type(rtype: RecordType) -> usize {
    match rtype {
        RecordType::A => 0,
        RecordType::AAAA => 1,
        RecordType::MX => 2,
        RecordType::SOA => 3,
        RecordType::CNAME => 4,
        RecordType::PTR => 5,
        RecordType::TXT => 6,
        RecordType::NS => 7,
        RecordType::SRV => 8,
        RecordType::DS => 9,
        RecordType::DNSKEY => 10,
        RecordType::RRSIG => 11,
        RecordType::NSEC => 12,
        RecordType::NSEC3 => 13,
        RecordType::HTTPS => 14,
        RecordType::SVCB => 15,
        RecordType::IXFR => 16,
        RecordType::AXFR => 17,
        RecordType::ANY => 18,
        _ => TYPES.len() - 1,
    }
}

pub(super) fn rcode(rcode: Rcode) -> usize {
    match rcode.0 {
        code @ 0..=11 => usize::from(code),
        16 => 12,
        23 => 13,
        _ => RCODES.len() - 1,
    }
}

pub(super) fn author(plugin: Option<&str>) -> usize {
    let found = AUTHORS.iter().position(|author| plugin.unwrap_or("") == *author);
    found.unwrap_or(AUTHORS.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_stands_where_its_label_does() {
        for (at, label) in TYPES.iter().enumerate().filter(|(_, label)| **label != "other") {
            assert_eq!(record_type(RecordType::from_mnemonic(label).unwrap()), at, "{label}");
        }
        assert_eq!(TYPES[record_type(RecordType::HINFO)], "other");
    }

    #[test]
    fn an_rcode_stands_where_its_label_does() {
        for code in 0..100 {
            assert_eq!(RCODES[rcode(Rcode(code))], Rcode(code).mnemonic().unwrap_or("other"));
        }
    }

    #[test]
    fn a_plugin_that_is_not_listed_is_another() {
        assert_eq!(AUTHORS[author(None)], "");
        assert_eq!(AUTHORS[author(Some("cache"))], "cache");
        assert_eq!(AUTHORS[author(Some("unheard-of"))], "other");
    }
}
