//! The addresses that this server has itself: what its name servers are found by.

use std::net::IpAddr;

use super::BindAddress;

/// The addresses of `bind`, or all of the machine's but loopback when there is none. A link-local IPv6 address is of no use
/// to those who ask from elsewhere.
#[must_use]
pub fn local(bind: &[BindAddress]) -> Vec<IpAddr> {
    let is_link_local = |ip: &IpAddr| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    if !bind.is_empty() {
        return bind.iter().map(|address| address.ip).filter(|ip| !is_link_local(ip)).collect();
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let addresses =
        interfaces.iter().filter(|interface| !interface.is_loopback()).map(if_addrs::Interface::ip);
    addresses.filter(|ip| !is_link_local(ip)).collect()
}
