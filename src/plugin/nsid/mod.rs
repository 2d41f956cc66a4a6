#![doc = include_str!("README.md")]

mod setup;

pub use setup::setup;

use std::sync::Arc;

use super::{Next, Outcome, Plugin, Reply};
use crate::dns::{Query, Response};

/// The code of the option (RFC 5001 §2.3).
const OPTION_NSID: u16 = 3;

/// Says which server answered, to those who ask.
pub struct Nsid {
    identity: Arc<Identity>,
}

/// What the option carries.
struct Identity(Box<[u8]>);

impl Plugin for Nsid {
    fn name(&self) -> &'static str {
        "nsid"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        if query.option(OPTION_NSID).is_none() {
            return next.serve(query, response);
        }
        next.serve_then(query, response, &self.identity, (), identify)
    }
}

fn identify(
    identity: &Identity,
    (): (),
    _: &Query<'_>,
    response: &mut Response,
    outcome: Outcome,
) -> Outcome {
    if matches!(outcome, Outcome::Answered) {
        response.set_option(OPTION_NSID, &identity.0);
    }
    outcome
}

#[cfg(test)]
mod tests;
