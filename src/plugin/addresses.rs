//! The addresses that this server has itself: what its name servers are found by.

use std::net::IpAddr;

use super::BindAddress;

/// The addresses of `bind`, or all of the machine's but loopback when there is none.
#[must_use]
pub fn local(bind: &[BindAddress]) -> Vec<IpAddr> {
    if !bind.is_empty() {
        return bind.iter().map(|address| address.ip).collect();
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let addresses =
        interfaces.iter().filter(|interface| !interface.is_loopback()).map(if_addrs::Interface::ip);
    addresses.collect()
}
