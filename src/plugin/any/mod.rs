#![doc = include_str!("README.md")]

mod setup;

pub use setup::setup;

use super::{Next, Plugin, Reply};
use crate::dns::{Owner, Query, RecordType, Response, Section};

/// The TTL of the answer, in seconds: the number of the RFC.
const TTL_S: u32 = 8482;
/// A HINFO record that is none (RFC 8482 §4.2): two character-strings.
const HINFO: &[u8] = b"\x0dANY obsoleted\x0cSee RFC 8482";

/// Answers ANY with one record, whatever the name.
pub struct Any;

impl Plugin for Any {
    fn name(&self) -> &'static str {
        "any"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        if query.qtype() != RecordType::ANY {
            return next.serve(query, response);
        }
        response
            .record(Section::Answer, Owner::Question, RecordType::HINFO, TTL_S, |rdata| rdata.octets(HINFO));
        Reply::answered()
    }
}

#[cfg(test)]
mod tests;
