//! What an answer is worth: whether it is kept, in which store, and for how long. No clock, no store: a message goes in
//! and a verdict comes out.

use std::time::Duration;

use crate::dns::{
    Class, Flags, NAME_LEN_MAX, Query, Rcode, RecordSpan, RecordType, Response, Section, answers_question,
    expand_name, read_u32,
};

/// What the TTLs of an answer become, and whether it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The TTL of the entry and of every record, in seconds. The first reply has it too, so that a client does not see
    /// 600 now and 30 a moment later.
    pub(super) ttl_s: u32,
    /// Where it is kept.
    pub(super) store: Option<Kind>,
    /// Whether the answer is of another question, which is counted.
    pub(super) is_mismatch: bool,
}

/// The two stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Answers, delegations, and NOERROR without any record.
    Success = 0,
    /// NXDOMAIN, NODATA, and failures.
    Denial = 1,
}

/// The bounds of the TTLs, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Shorter TTLs are raised to this.
    pub(super) min_s: u32,
    /// Longer ones are cut to this, which wins over the minimum.
    pub(super) max_s: u32,
}

/// The bounds of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) success: Bounds,
    pub(super) denial: Bounds,
    /// How long a failure is kept; zero is not at all.
    pub(super) servfail: Duration,
}

/// TTL of an answer that has no record to tell, in seconds.
const TTL_UNKNOWN_S: u32 = 5;
/// The longest chain of CNAME records that is followed to see whether an answer answers. Resolvers stop earlier.
const CHAIN_MAX: usize = 16;

/// What a message is, as CoreDNS sorts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Answer,
    /// NOERROR with records that lead nowhere, and no SOA to say for how long.
    Dangling,
    Delegation,
    NoData,
    NameError {
        has_soa: bool,
    },
    Failure,
    Other,
}

impl Limits {
    /// Judges a response.
    pub(super) fn judge(&self, query: &Query<'_>, response: &Response) -> Verdict {
        let sort = sort(query, response);
        let ttl_s = match sort {
            Sort::Failure => self.failure_ttl_s(),
            Sort::NameError { .. } | Sort::NoData => self.denial.clamp(smallest_ttl(response, true)),
            Sort::Answer | Sort::Dangling => self.success.clamp(smallest_ttl(response, false)),
            Sort::Delegation | Sort::Other => self.success.clamp(TTL_UNKNOWN_S),
        };
        let store = match sort {
            Sort::Answer | Sort::Delegation => Some(Kind::Success),
            Sort::NoData | Sort::NameError { has_soa: true } | Sort::Failure => Some(Kind::Denial),
            Sort::Dangling | Sort::NameError { has_soa: false } | Sort::Other => None,
        };
        let is_partial = response.flags().has(Flags::TC) || response.is_full();
        let store = store.filter(|_| ttl_s > 0 && !is_partial);
        let is_mismatch = answers_question(response.message(), query.question()).is_none();
        Verdict { ttl_s, store: store.filter(|_| !is_mismatch), is_mismatch: is_mismatch && store.is_some() }
    }

    /// How long a failure is kept, in whole seconds.
    pub(super) fn failure_ttl_s(&self) -> u32 {
        u32::try_from(self.servfail.as_secs()).unwrap_or(u32::MAX)
    }
}

impl Bounds {
    fn clamp(self, ttl_s: u32) -> u32 {
        ttl_s.max(self.min_s).min(self.max_s)
    }
}

/// Whether the response is a decision about the name: NOERROR or NXDOMAIN, whole. What may replace a stale answer.
pub(super) fn is_decision(response: &Response) -> bool {
    matches!(response.rcode(), Rcode::NOERROR | Rcode::NXDOMAIN) && !response.flags().has(Flags::TC)
}

fn sort(query: &Query<'_>, response: &Response) -> Sort {
    if matches!(query.qtype(), RecordType::AXFR | RecordType::IXFR) {
        return Sort::Other;
    }
    let rcode = response.rcode();
    let authority = |rtype| {
        response.records().any(|record| record.section == Section::Authority && record.rtype == rtype)
    };
    let has_answers = response.count(Section::Answer) > 0;
    match rcode {
        Rcode::NOERROR if has_answers => match (answers(query, response), authority(RecordType::SOA)) {
            (true, _) => Sort::Answer,
            (false, true) => Sort::NoData,
            (false, false) => Sort::Dangling,
        },
        Rcode::NOERROR if authority(RecordType::SOA) => Sort::NoData,
        Rcode::NOERROR if authority(RecordType::NS) => Sort::Delegation,
        Rcode::NOERROR => Sort::Answer,
        // A chain that ends at a name which does not exist: CoreDNS keeps none of these.
        Rcode::NXDOMAIN if has_answers => Sort::Other,
        Rcode::NXDOMAIN => Sort::NameError { has_soa: authority(RecordType::SOA) },
        Rcode::SERVFAIL | Rcode::NOTIMP => Sort::Failure,
        _ => Sort::Other,
    }
}

/// The smallest TTL of the records; of a negative answer the SOA's MINIMUM counts as well (RFC 2308 §5).
fn smallest_ttl(response: &Response, is_negative: bool) -> u32 {
    let ttl = |record: RecordSpan| {
        let is_soa = is_negative && record.section == Section::Authority && record.rtype == RecordType::SOA;
        let minimum = if is_soa { read_u32(response.message(), record.end - 4) } else { None };
        record.ttl.min(minimum.unwrap_or(u32::MAX))
    };
    response.records().map(ttl).min().unwrap_or(TTL_UNKNOWN_S)
}

/// Whether the answer section answers: the owner that the CNAME chain ends at has a record of the type.
fn answers(query: &Query<'_>, response: &Response) -> bool {
    let message = response.message();
    let class = query.qclass();
    let records =
        || response.records().filter(|record| class == Class::ANY || record.class == class).filter(in_answer);
    let owned_by = |record: &RecordSpan, name: &[u8]| name_is(message, record.start, name);
    if query.qtype() == RecordType::ANY {
        return records().any(|record| owned_by(&record, query.name()));
    }
    let mut owner = [0; NAME_LEN_MAX];
    let mut length = query.name().len();
    owner[..length].copy_from_slice(query.name());
    let has_chain = records().any(|record| record.rtype == RecordType::CNAME);
    for _ in 0..CHAIN_MAX {
        let name = &owner[..length];
        let has_type = |rtype| records().any(|record| record.rtype == rtype && owned_by(&record, name));
        if !has_chain {
            return has_type(query.qtype());
        }
        let mut targets = records()
            .filter(|record| record.rtype == RecordType::CNAME && owned_by(record, name))
            .map(|record| record.rdata_at());
        let Some(target) = targets.next() else { return has_type(query.qtype()) };
        let mut expanded = [0; NAME_LEN_MAX];
        let Some(expanded_len) = expand_name(message, target, &mut expanded) else { return false };
        // Two different targets are no answer to anything (RFC 1034 §3.6.2).
        if !targets.all(|other| name_is(message, other, &expanded[..expanded_len])) {
            return false;
        }
        if query.qtype() == RecordType::CNAME {
            return true;
        }
        (owner, length) = (expanded, expanded_len);
    }
    false
}

fn in_answer(record: &RecordSpan) -> bool {
    record.section == Section::Answer
}

/// Whether the name at `at` is the folded `name`.
fn name_is(message: &[u8], at: usize, name: &[u8]) -> bool {
    let mut expanded = [0; NAME_LEN_MAX];
    expand_name(message, at, &mut expanded).is_some_and(|length| expanded[..length] == *name)
}
