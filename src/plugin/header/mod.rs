#![doc = include_str!("README.md")]

mod setup;

pub use setup::setup;

use std::sync::Arc;

use super::{Next, Outcome, Plugin, Reply};
use crate::dns::{Failure, FailureKind, Flags, Query, Response, revised};

/// Sets and clears flags, on the way down and on the way up.
pub struct Header {
    query: Change,
    response: Arc<Change>,
}

/// What becomes of the flags of a header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Change {
    set: u16,
    clear: u16,
}

impl Change {
    /// Of two changes of one flag the last one counts.
    fn add(&mut self, flag: u16, is_set: bool) {
        let (to, from) =
            if is_set { (&mut self.set, &mut self.clear) } else { (&mut self.clear, &mut self.set) };
        *to |= flag;
        *from &= !flag;
    }

    fn of(self, flags: u16) -> u16 {
        flags & !self.clear | self.set
    }
}

impl Plugin for Header {
    fn name(&self) -> &'static str {
        "header"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        let flags = query.flags();
        let changed = Flags(self.query.of(flags.0));
        if changed == flags {
            return next.serve_then(query, response, &self.response, (), answer);
        }
        let revise = |packet: &mut Vec<u8>| packet[2..4].copy_from_slice(&changed.0.to_be_bytes());
        let served = revised(query, revise, |query| {
            // As in CoreDNS the reply repeats the flags of the changed query.
            response.begin(query);
            next.serve_then(query, response, &self.response, (), answer)
        });
        // Not reached: no flag that can be changed makes a query another thing.
        served.unwrap_or_else(|_| Reply::failed(Failure::new(FailureKind::Plugin)))
    }
}

fn answer(change: &Change, (): (), _: &Query<'_>, response: &mut Response, outcome: Outcome) -> Outcome {
    if matches!(outcome, Outcome::Answered) {
        response.set_flags(change.of(response.flags().0));
    }
    outcome
}

#[cfg(test)]
mod tests;
