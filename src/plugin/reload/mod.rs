#![doc = include_str!("README.md")]

mod setup;

pub use setup::setup;

use std::time::Duration;

use super::Reload;

/// The time to the next look at the Corefile: the interval, and up to half of the jitter more or less, as `random`
/// says.
#[must_use]
pub fn next_look(reload: Reload, random: u64) -> Duration {
    let jitter_ns = u64::try_from(reload.jitter.as_nanos()).unwrap_or(u64::MAX);
    if jitter_ns == 0 {
        return reload.interval;
    }
    (reload.interval + Duration::from_nanos(random % jitter_ns)).saturating_sub(reload.jitter / 2)
}

#[cfg(test)]
mod tests;
