//! The binary: everything it does lives in the library, so that tests can reach it.

fn main() {}
