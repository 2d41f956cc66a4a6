#![doc = include_str!("README.md")]

mod setup;

pub use setup::setup;

#[cfg(test)]
mod tests;
