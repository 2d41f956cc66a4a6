#![doc = include_str!("README.md")]

mod file;
mod setup;
#[cfg(test)]
mod tests;
mod weights;

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use arc_swap::ArcSwap;
use ipnet::IpNet;

use super::{Next, Outcome, Plugin, Reply};
use crate::dns::{AddressSet, Query, Rcode, RecordSpan, RecordType, Response, Section};
use weights::Weights;

pub use setup::setup;

/// The handler.
pub struct Loadbalance {
    balance: Arc<Balance>,
}

/// How addresses are brought into order. The random numbers are each thread's own.
struct Balance {
    policy: Policy,
    /// Addresses of these networks come first, in this order.
    prefer: Box<[IpNet]>,
}

/// What is done before preferred networks come first.
enum Policy {
    RoundRobin,
    /// What the file said when it was last read; the task that looks at it puts the next in its place.
    Weighted(Arc<ArcSwap<Weights>>),
}

impl Plugin for Loadbalance {
    fn name(&self) -> &'static str {
        "loadbalance"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        next.serve_then(query, response, &self.balance, (), balance)
    }
}

fn balance(
    balance: &Balance,
    (): (),
    query: &Query<'_>,
    response: &mut Response,
    outcome: Outcome,
) -> Outcome {
    let is_transfer = matches!(query.qtype(), RecordType::AXFR | RecordType::IXFR);
    if matches!(outcome, Outcome::Answered) && response.rcode() == Rcode::NOERROR && !is_transfer {
        balance.arrange(query.qtype(), response, &mut random_below);
    }
    outcome
}

impl Balance {
    fn arrange(&self, qtype: RecordType, response: &mut Response, random: &mut impl FnMut(u32) -> u32) {
        put_in_order(response, matches!(self.policy, Policy::RoundRobin), &mut *random);
        match &self.policy {
            Policy::RoundRobin => response.arrange_addresses(|set| {
                set.shuffle(&mut *random);
                self.put_preferred_first(set);
            }),
            Policy::Weighted(weights) => {
                let weights = weights.load();
                // As in CoreDNS: where an address is what the client goes to.
                let is_weighted = matches!(qtype, RecordType::A | RecordType::AAAA | RecordType::SRV);
                response.arrange_addresses(|set| {
                    if is_weighted && set.section() != Section::Authority {
                        weights.put_one_first(set, &mut *random);
                    }
                    self.put_preferred_first(set);
                });
            }
        }
    }

    fn put_preferred_first(&self, set: &mut AddressSet<'_>) {
        if set.section() == Section::Authority {
            return;
        }
        let mut from = 0;
        for network in &self.prefer {
            from = set.move_forward(from, &|address| network.contains(&address));
        }
    }
}

/// CNAMEs before the addresses that they lead to, since stub resolvers (glibc's) follow a chain forwards only; and MX
/// records of a section in a random order if `shuffles_mx`. Both need names written anew: an answer without either, as all
/// from the zone are, costs a look at its types.
fn put_in_order(response: &mut Response, shuffles_mx: bool, random: &mut impl FnMut(u32) -> u32) {
    let (mut has_address, mut mx_count) = ([false; 3], [0; 3]);
    let mut is_cname_late = false;
    for record in response.records() {
        let section = record.section as usize;
        match record.rtype {
            RecordType::A | RecordType::AAAA => has_address[section] = true,
            RecordType::CNAME => is_cname_late |= has_address[section],
            RecordType::MX => mx_count[section] += 1,
            _ => {}
        }
    }
    let has_mx = shuffles_mx && mx_count.iter().any(|count| *count > 1);
    if !is_cname_late && !has_mx {
        return;
    }
    let mut records: Vec<RecordSpan> = response.records().collect();
    if is_cname_late {
        records.sort_by_key(|record| (record.section, record.rtype != RecordType::CNAME));
    }
    if has_mx {
        for section in [Section::Answer, Section::Authority, Section::Additional] {
            let is_mx = |at: &usize| records[*at].section == section && records[*at].rtype == RecordType::MX;
            let places: Vec<usize> = (0..records.len()).filter(is_mx).collect();
            for index in (1..places.len()).rev() {
                records.swap(places[index], places[random(index as u32 + 1) as usize]);
            }
        }
    }
    response.put_in_order(&records);
}

/// A number below `bound`, from this thread's generator (xorshift64*, seeded once): no lock, no allocation. Spreading
/// load needs no secrecy, so that a cryptographic generator would be wasted here.
fn random_below(bound: u32) -> u32 {
    thread_local! {
        // A new `RandomState` has keys of its own; what it makes of a constant is the seed. Zero would stay zero.
        static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0_u8) | 1);
    }
    let mut state = STATE.get();
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    STATE.set(state);
    let number = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
    ((number * u64::from(bound)) >> 32) as u32
}
