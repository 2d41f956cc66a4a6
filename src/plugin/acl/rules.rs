//! Who may ask what: rules of policies, and the first that matches.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::dns::{Name, Query, RecordType};

/// The policies for some zones: one directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) zones: Vec<Name>,
    pub(super) policies: Vec<Policy>,
}

/// What becomes of queries of some types from some networks: one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) action: Action,
    /// `None` is every type.
    pub(super) types: Option<Vec<RecordType>>,
    /// `None` is everywhere.
    pub(super) nets: Option<Vec<IpNet>>,
}

/// What becomes of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// It goes on, and no further rule is looked at.
    Allow,
    /// REFUSED
    Block,
    /// NOERROR without records
    Filter,
    /// No reply
    Drop,
}

/// What the rules say, and the zone that they say it of: the number of the rule, and of the zone in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) action: Action,
    pub(super) rule: usize,
    pub(super) zone: usize,
}

/// The first policy that matches in the first rule that has one. Without any the query is allowed.
pub(super) fn decide(rules: &[Rule], query: &Query<'_>) -> Option<Decision> {
    let client = query.origin().peer.ip().to_canonical();
    rules.iter().enumerate().find_map(|(number, rule)| {
        let zone = rule.zone_of(query)?;
        let policy = rule.policies.iter().find(|policy| policy.matches(query.qtype(), client))?;
        Some(Decision { action: policy.action, rule: number, zone })
    })
}

impl Rule {
    /// The longest zone that holds the name.
    fn zone_of(&self, query: &Query<'_>) -> Option<usize> {
        let holding =
            self.zones.iter().enumerate().filter(|(_, zone)| query.zone_start(zone.as_wire()).is_some());
        holding.max_by_key(|(_, zone)| zone.label_count()).map(|(at, _)| at)
    }
}

impl Policy {
    fn matches(&self, qtype: RecordType, client: IpAddr) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(&qtype))
            && self.nets.as_ref().is_none_or(|nets| nets.iter().any(|net| net.contains(&client)))
    }
}
