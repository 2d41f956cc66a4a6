//! The name servers of a `resolv.conf` (resolv.conf(5)).

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// A line that names no server that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: `{word}` is not an IP address{}", if word.contains('%') { " of an interface that is there" } else { "" })]
pub struct BadNameserver {
    /// Counted from 1.
    pub line: usize,
    /// What stands behind `nameserver`.
    pub word: String,
}

/// The addresses of the `nameserver` lines, port 53, in order; everything else in the file is of no concern here.
/// `interface_index` gives the number of an interface, for link-local addresses (`fe80::1%eth0`).
///
/// # Errors
/// With the first `nameserver` that is no address.
pub fn nameservers(
    text: &str,
    interface_index: impl Fn(&str) -> Option<u32>,
) -> Result<Vec<SocketAddr>, BadNameserver> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut words = line.split_ascii_whitespace();
        if words.next() != Some("nameserver") {
            continue;
        }
        let Some(word) = words.next() else { continue };
        // A comment on the same line may stand close to the address.
        let word = word.split(['#', ';']).next().unwrap_or_default();
        let address = scoped_address(word, &interface_index)
            .ok_or_else(|| BadNameserver { line: number + 1, word: word.to_owned() })?;
        found.push(with_port(address, 53));
    }
    Ok(found)
}

/// An address, and the interface of a link-local one.
pub(super) type Scoped = (IpAddr, u32);

/// Reads `192.0.2.1`, `2001:db8::1` or `fe80::1%eth0`, where the interface may be a number.
pub(super) fn scoped_address(text: &str, interface_index: impl Fn(&str) -> Option<u32>) -> Option<Scoped> {
    match text.split_once('%') {
        None => Some((text.parse().ok()?, 0)),
        Some((address, interface)) => {
            let address: Ipv6Addr = address.parse().ok()?;
            let index = interface.parse().ok().or_else(|| interface_index(interface))?;
            Some((address.into(), index))
        }
    }
}

/// The address with its port.
pub(super) fn with_port((address, scope): Scoped, port: u16) -> SocketAddr {
    match address {
        IpAddr::V4(address) => SocketAddr::from((address, port)),
        IpAddr::V6(address) => SocketAddrV6::new(address, port, 0, scope).into(),
    }
}

/// The number of an interface of this machine.
pub(super) fn interface_index(name: &str) -> Option<u32> {
    // Read from sysfs and not asked of libc: `if_nametoindex` is unsafe to call.
    let plain = !name.is_empty() && name != "." && name != ".." && !name.contains('/');
    let text = plain.then(|| std::fs::read_to_string(format!("/sys/class/net/{name}/ifindex")).ok())??;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<String>, BadNameserver> {
        let index = |name: &str| (name == "eth0").then_some(7);
        Ok(nameservers(text, index)?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn name_servers_are_found_among_the_rest() {
        let text = "# made by systemd\n; and by hand\ndomain example.org\nsearch example.org\n\
            nameserver 192.0.2.1\n\tnameserver\t2001:db8::1 # the other\nnameserver 192.0.2.2#close\n\
            #nameserver 192.0.2.3\nnameserver\noptions ndots:5 nameserver\r\nnameserver 192.0.2.4\r\n";
        assert_eq!(read(text).unwrap(), ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.2:53", "192.0.2.4:53"]);
        assert_eq!(read("").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn link_local_addresses_keep_their_interface() {
        assert_eq!(
            read("nameserver fe80::1%eth0\nnameserver fe80::2%3").unwrap(),
            ["[fe80::1%7]:53", "[fe80::2%3]:53"]
        );
        let missing = read("nameserver fe80::1%eth9").unwrap_err();
        assert_eq!(
            missing.to_string(),
            "line 1: `fe80::1%eth9` is not an IP address of an interface that is there"
        );
        assert!(read("nameserver 192.0.2.1%eth0").is_err());
    }

    #[test]
    fn a_word_that_is_no_address_is_shown_with_its_line() {
        let wrong = read("search a\nnameserver dns.example.org").unwrap_err();
        assert_eq!(wrong.to_string(), "line 2: `dns.example.org` is not an IP address");
    }

    #[test]
    fn loopback_has_a_number_and_no_path_leads_elsewhere() {
        assert_eq!(interface_index("../../../proc"), None);
        assert_eq!(interface_index(""), None);
        assert_eq!(interface_index("no-such-interface"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in ".{0,200}") {
            let _ = read(&text);
            let _ = read(&format!("nameserver {text}"));
        }
    }
}
