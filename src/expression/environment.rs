//! What an expression can ask: facts of a query, the groups of a match, variables.

use super::Value;
use crate::dns::{Class, LoggedName, Query, RecordType, Transport};

/// The facts of a query, as CoreDNS names and prints them.
#[derive(Debug, Clone, Copy)]
pub struct QueryFacts<'q>(pub &'q Query<'q>);

/// What is there for one evaluation.
#[derive(Debug, Clone)]
pub struct Environment<'e> {
    /// The query.
    pub facts: QueryFacts<'e>,
    /// The groups of the regular expression that matched, by number and by name; of two alike the later one counts.
    pub groups: &'e [(String, String)],
    /// The values of variables.
    pub variables: Vec<(&'e str, Value)>,
}

impl QueryFacts<'_> {
    /// QNAME in lower case, with its final dot.
    #[must_use]
    pub fn name(&self) -> String {
        LoggedName(self.0.name()).to_string()
    }

    /// `A`, `TYPE65280`
    #[must_use]
    pub fn qtype(&self) -> RecordType {
        self.0.qtype()
    }

    /// `IN`
    #[must_use]
    pub fn qclass(&self) -> Class {
        self.0.qclass()
    }

    /// The client's address; one of IPv4 looks like one on a dual-stack socket too.
    #[must_use]
    pub fn client_ip(&self) -> String {
        self.0.origin().peer.ip().to_canonical().to_string()
    }

    /// The client's port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.origin().peer.port()
    }

    /// The address that was asked.
    #[must_use]
    pub fn server_ip(&self) -> String {
        self.0.origin().local.ip().to_canonical().to_string()
    }

    /// The port that was asked.
    #[must_use]
    pub fn server_port(&self) -> u16 {
        self.0.origin().local.port()
    }

    /// `udp` or `tcp`
    #[must_use]
    pub fn proto(&self) -> &'static str {
        match self.0.origin().transport {
            Transport::Udp => "udp",
            _ => "tcp",
        }
    }

    /// The octets of the query.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.packet().len()
    }

    /// The octets that the client takes.
    #[must_use]
    pub fn bufsize(&self) -> usize {
        self.0.size_max()
    }

    /// Whether the client wants DNSSEC's records.
    #[must_use]
    pub fn dnssec_ok(&self) -> bool {
        self.0.edns().is_some_and(|edns| edns.dnssec_ok)
    }
}

impl Environment<'_> {
    /// The text of a group; empty when there is none of that name or number.
    #[must_use]
    pub fn group(&self, name: &str) -> &str {
        let found = self.groups.iter().rev().find(|(known, _)| known == name);
        found.map_or("", |(_, text)| text)
    }
}
