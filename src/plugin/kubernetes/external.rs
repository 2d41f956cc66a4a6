//! ExternalName Services (DNS specification 1.1.0 §2.5) and endpoints that are domain names: a CNAME, and the records of
//! its target.

use std::sync::Arc;

use super::{Ask, Found, State};
use crate::dns::{FailureKind, Flags, Owner, Query, RecordType, Response, Section};
use crate::plugin::append::append_answers;
use crate::plugin::{Finished, Outcome, Reply, question_packet};
use crate::zone::Path;

/// As many CNAMEs follow one another before a chain counts as endless.
const CHAIN_MAX: usize = 11;

/// Answers a question for a name that is an alias of `target`. A target within the zone is followed here and now; for one outside
/// the whole server is asked, as a client would.
pub(super) fn follow(state: &Arc<State>, ask: &Ask<'_>, target: Box<[u8]>, response: &mut Response) -> Reply {
    // The targets, one after the other: each is the owner of the next record.
    let mut chain = vec![target];
    if ask.query.qtype() == RecordType::CNAME {
        write_chain(ask, &chain, response);
        return answered(response);
    }
    loop {
        let packet = question_packet(ask.query.id(), &chain[chain.len() - 1], ask.query.qtype(), None);
        // A name that came through the door is a name; nothing is asked of another one.
        let Ok(next) = Query::parse(&packet, *ask.query.origin()) else { return no_data(ask, response) };
        let Some(origin_at) = next.zone_start(&ask.origin.wire) else {
            return ask_server(state, ask, &chain, response);
        };
        let inner = Ask { query: &next, zone: ask.zone, state: ask.state, origin: ask.origin, origin_at };
        match inner.external_target() {
            Some(Found::Cname(target)) if chain.len() < CHAIN_MAX => {
                if chain.iter().any(|held| held.eq_ignore_ascii_case(&target)) {
                    return no_data(ask, response);
                }
                chain.push(target);
            }
            Some(Found::Records) => {
                let mut addresses = Response::new();
                addresses.begin(&next);
                inner.forward(&mut addresses);
                write_chain(ask, &chain, response);
                append_answers(response, Section::Answer, addresses.message());
                return answered(response);
            }
            _ => return no_data(ask, response),
        }
    }
}

impl Ask<'_> {
    /// What the target of a CNAME leads to within the zone: nothing that is not an address counts.
    fn external_target(&self) -> Option<Found> {
        let mut scratch = Response::new();
        scratch.begin(self.query);
        match self.path() {
            Path::Service(_) | Path::Pod { .. } | Path::NameServer => Some(self.forward(&mut scratch)),
            _ => None,
        }
    }
}

/// Asks the server, and puts what it says behind the CNAMEs: also nothing, when the target does not exist or cannot be
/// resolved. Only when there is no reply at all is the CNAME withheld, and when the names of several zones lead to each
/// other: that is found out at the depth where no more is asked, and handed up to the question of the client.
fn ask_server(state: &Arc<State>, ask: &Ask<'_>, chain: &[Box<[u8]>], response: &mut Response) -> Reply {
    write_chain(ask, chain, response);
    let mut begun = std::mem::take(response);
    // The caller may refuse to wait, and then answers with this one.
    response.begin(ask.query);
    let found = state.lookup.ask(ask.query, &chain[chain.len() - 1], ask.query.qtype());
    let (state, query) = (Arc::clone(state), ask.query.to_shared());
    Reply::later(async move {
        let Finished { response: found, outcome } = found.await;
        let asked = query.as_query();
        let is_loop = matches!(&outcome, Outcome::Failed(failure) if failure.kind() == FailureKind::Loop);
        if is_loop && asked.origin().depth > 0 {
            return Finished { response: begun, outcome };
        }
        if is_loop || matches!(outcome, Outcome::Dropped) {
            begun.begin(&asked);
            begun.set_uncacheable();
            if let Some((origin, origin_at)) = state.origins.of(&asked) {
                let zone = state.reader.load();
                Ask { query: &asked, zone: &zone, state: &state, origin, origin_at }
                    .negative(&mut begun, true);
            }
        } else {
            append_answers(&mut begun, Section::Answer, found.message());
            let truncated = found.flags().0 & Flags::TC;
            begun.set_flags(begun.flags().0 | truncated | Flags::AA);
        }
        Finished { response: begun, outcome: Outcome::Answered }
    })
}

fn answered(response: &mut Response) -> Reply {
    response.set_authoritative();
    Reply::answered()
}

fn no_data(ask: &Ask<'_>, response: &mut Response) -> Reply {
    ask.negative(response, true);
    Reply::answered()
}

fn write_chain(ask: &Ask<'_>, chain: &[Box<[u8]>], response: &mut Response) {
    let mut owner = Owner::Question;
    for target in chain {
        // The zone's own names end in a pointer to the question, if that is spelled alike.
        let inside =
            target.strip_suffix(&*ask.origin.wire).filter(|_| *ask.origin.wire == *ask.origin_original());
        let at =
            response.record(Section::Answer, owner, RecordType::CNAME, ask.ttl_s(), |rdata| match inside {
                Some(labels) => {
                    rdata.octets(labels);
                    rdata.pointer(ask.origin_offset());
                }
                None => rdata.octets(target),
            });
        let Some(at) = at else { return };
        owner = Owner::At(at);
    }
}
