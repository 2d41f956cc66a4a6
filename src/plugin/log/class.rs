//! What kind of answer it was: `class` logs some of them only.

use super::Exchange;
use crate::dns::{Rcode, RecordType, Section};
use crate::plugin::Outcome;

/// The kinds of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Success,
    /// Name error or NODATA
    Denial,
    Error,
}

/// A set of kinds; none stands for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Classes {
    bits: u8,
}

impl Class {
    pub(super) fn of(exchange: &Exchange<'_>) -> Self {
        const NOTIFY: u8 = 4;
        let Exchange { query, response, outcome, .. } = exchange;
        if !matches!(outcome, Outcome::Answered) {
            return Class::Error;
        }
        if query.flags().opcode() == NOTIFY || matches!(query.qtype(), RecordType::AXFR | RecordType::IXFR) {
            return Class::Success;
        }
        match response.rcode() {
            Rcode::NXDOMAIN => Class::Denial,
            Rcode::NOERROR if response.count(Section::Answer) > 0 => Class::Success,
            // Without SOA it is a referral, or an answer that says nothing (RFC 2308 §2.2).
            Rcode::NOERROR => {
                let is_soa = |rtype| rtype == RecordType::SOA;
                let mut records = response.records();
                let nodata =
                    records.any(|record| record.section == Section::Authority && is_soa(record.rtype));
                if nodata { Class::Denial } else { Class::Success }
            }
            _ => Class::Error,
        }
    }
}

impl Classes {
    pub(super) const WORDS: [(&'static str, Classes); 4] = [
        ("success", Classes { bits: 1 << Class::Success as u8 }),
        ("denial", Classes { bits: 1 << Class::Denial as u8 }),
        ("error", Classes { bits: 1 << Class::Error as u8 }),
        ("all", Classes { bits: 0b111 }),
    ];

    pub(super) fn add(&mut self, other: Classes) {
        self.bits |= other.bits;
    }

    pub(super) fn contains(self, class: Class) -> bool {
        self.bits == 0 || self.bits & 1 << class as u8 != 0
    }
}
