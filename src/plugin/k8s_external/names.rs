//! Host names of load balancers: a CNAME, and the records of its target.

use std::future::Future;
use std::net::IpAddr;

use super::Ask;
use super::apex::write_address;
use crate::dns::{Flags, Owner, RecordType, Response, Section};
use crate::plugin::append::append_answers;
use crate::plugin::{Finished, Outcome, Reply};
use crate::zone::ExternalTarget;

/// How many host names of one Service are followed; of a Service that another one's host name led to, the first alone.
/// Whoever can write host names into a Service's status could otherwise make one question into thousands.
const FOLLOWED_MAX: usize = 8;

/// One target of the Service with the questions about it.
enum Part<F> {
    Address(IpAddr),
    Name(Box<[u8]>, Vec<F>),
}

/// Where the records of the targets go.
struct Place {
    /// Where the Service's own name stands, as the target of SRV records whose addresses follow. `None`: the question's
    /// name has the addresses, and a CNAME for each host name.
    srv_target: Option<usize>,
    ttl_s: u32,
    cname_ttl_s: u32,
}

/// Follows the host names among the targets: they are asked of the whole server, as a client would. `srv_target` says that the SRV records
/// are written, and where the Service's own name stands among them.
pub(super) fn follow(
    ask: &Ask<'_>,
    targets: &[ExternalTarget],
    srv_target: Option<usize>,
    response: &mut Response,
) -> Reply {
    let parts = parts(ask, targets, srv_target.is_some());
    let place = Place { srv_target, ttl_s: ask.ttl_s(), cname_ttl_s: ask.kubernetes_ttl_s() };
    response.set_authoritative();
    let mut begun = std::mem::take(response);
    // The caller may refuse to wait, and then answers with this one.
    response.begin(ask.query);
    Reply::later(async move {
        for part in parts {
            place.write(&mut begun, part).await;
        }
        Finished { response: begun, outcome: Outcome::Answered }
    })
}

fn parts(
    ask: &Ask<'_>,
    targets: &[ExternalTarget],
    is_srv: bool,
) -> Vec<Part<impl Future<Output = Finished> + Send + use<>>> {
    let wanted: &[RecordType] =
        if is_srv { &[RecordType::A, RecordType::AAAA] } else { &[ask.query.qtype()] };
    let mut left = if ask.query.origin().depth == 0 { FOLLOWED_MAX } else { 1 };
    let mut parts = Vec::with_capacity(targets.len());
    for target in targets {
        match target {
            ExternalTarget::Address(address) if is_srv || ask.asks_for(*address) => {
                parts.push(Part::Address(*address));
            }
            ExternalTarget::Address(_) => {}
            ExternalTarget::Name(name) => {
                let leads_back = name.eq_ignore_ascii_case(ask.query.name());
                let mut questions = Vec::new();
                if left > 0 && !leads_back {
                    left -= 1;
                    questions
                        .extend(wanted.iter().map(|rtype| ask.state.lookup.ask(ask.query, name, *rtype)));
                }
                parts.push(Part::Name(name.clone(), questions));
            }
        }
    }
    parts
}

impl Place {
    async fn write<F: Future<Output = Finished>>(&self, response: &mut Response, part: Part<F>) {
        let section = if self.srv_target.is_some() { Section::Additional } else { Section::Answer };
        let (name, questions) = match part {
            Part::Address(address) => {
                let owner = self.srv_target.map_or(Owner::Question, Owner::At);
                return write_address(response, section, owner, self.ttl_s, address);
            }
            Part::Name(name, questions) => (name, questions),
        };
        if section == Section::Answer {
            response.record(section, Owner::Question, RecordType::CNAME, self.cname_ttl_s, |rdata| {
                rdata.octets(&name);
            });
        }
        for question in questions {
            let found = question.await;
            // Also nothing, when the host name does not exist or cannot be resolved.
            if let Outcome::Answered = found.outcome {
                append_answers(response, section, found.response.message());
                if section == Section::Answer {
                    let truncated = found.response.flags().0 & Flags::TC;
                    response.set_flags(response.flags().0 | truncated);
                }
            }
        }
    }
}
