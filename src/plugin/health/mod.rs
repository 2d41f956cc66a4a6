#![doc = include_str!("README.md")]

mod metrics;
mod poll;
mod setup;

pub use setup::setup;

#[cfg(test)]
mod tests;
