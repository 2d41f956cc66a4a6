#![doc = include_str!("README.md")]

mod setup;

pub use setup::setup;

use super::{Next, Plugin, Reply};
use crate::dns::{Failure, FailureKind, Query, Response, revised};

/// Lowers the UDP payload size that clients say they take.
pub struct Bufsize {
    size: u16,
}

impl Plugin for Bufsize {
    fn name(&self) -> &'static str {
        "bufsize"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        let Some(edns) = query.edns().filter(|edns| edns.udp_size > self.size) else {
            return next.serve(query, response);
        };
        // The size stands in the class field of the OPT record, before its TTL and length (RFC 6891 §6.1.2).
        let at = usize::from(edns.options.0) - 8;
        let revise = |packet: &mut Vec<u8>| packet[at..at + 2].copy_from_slice(&self.size.to_be_bytes());
        let served = revised(query, revise, |query| {
            response.begin(query);
            next.serve(query, response)
        });
        // Not reached: a size does not make a query another thing.
        served.unwrap_or_else(|_| Reply::failed(Failure::new(FailureKind::Plugin)))
    }
}

#[cfg(test)]
mod tests;
