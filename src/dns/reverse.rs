//! Reverse mapping: addresses as names below `in-addr.arpa.` (RFC 1035 §3.5) and `ip6.arpa.` (RFC 3596 §2.5).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::Name;

const V4_APEX: &[u8] = b"\x07in-addr\x04arpa\x00";
const V6_APEX: &[u8] = b"\x03ip6\x04arpa\x00";

/// The address that a folded wire name maps back from; `None` when it is not a complete reverse name: four decimal
/// octets without leading zeros, or thirty-two hexadecimal digits.
#[must_use]
pub fn address_from_reverse_name(name: &[u8]) -> Option<IpAddr> {
    if let Some(labels) = name.strip_suffix(V4_APEX) {
        let mut octets = [0; 4];
        let mut rest = labels;
        for octet in octets.iter_mut().rev() {
            let (label, tail) = split_label(rest)?;
            *octet = decimal_octet(label)?;
            rest = tail;
        }
        return rest.is_empty().then(|| IpAddr::V4(Ipv4Addr::from(octets)));
    }
    let labels = name.strip_suffix(V6_APEX)?;
    if labels.len() != 64 {
        return None;
    }
    let mut value: u128 = 0;
    for pair in labels.rchunks(2) {
        let digit = match pair {
            [1, digit @ b'0'..=b'9'] => digit - b'0',
            [1, digit @ b'a'..=b'f'] => digit - b'a' + 10,
            _ => return None,
        };
        value = value << 4 | u128::from(digit);
    }
    Some(IpAddr::V6(Ipv6Addr::from(value)))
}

/// The name that an address maps to.
#[must_use]
pub fn reverse_name(address: IpAddr) -> Name {
    let bits = match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    };
    zone_of_prefix(address, bits)
}

/// The reverse zones that cover `net`: one for a prefix on an octet (IPv4) or nibble (IPv6) boundary, otherwise the
/// several on the next boundary (a `/22` gives four `/24` zones).
#[must_use]
pub fn reverse_zones(net: IpNet) -> Vec<Name> {
    let step = match net {
        IpNet::V4(_) => 8,
        IpNet::V6(_) => 4,
    };
    let bits = net.prefix_len().div_ceil(step) * step;
    match net.subnets(bits) {
        Ok(subnets) => subnets.map(|subnet| zone_of_prefix(subnet.network(), bits)).collect(),
        // Not reached: `bits` is neither shorter than the prefix nor longer than the address.
        Err(_) => Vec::new(),
    }
}

fn zone_of_prefix(address: IpAddr, bits: u8) -> Name {
    let mut wire = Vec::with_capacity(75);
    match address {
        IpAddr::V4(v4) => {
            for octet in v4.octets()[..usize::from(bits / 8)].iter().rev() {
                let text = octet.to_string();
                wire.push(text.len() as u8);
                wire.extend_from_slice(text.as_bytes());
            }
            wire.extend_from_slice(V4_APEX);
        }
        IpAddr::V6(v6) => {
            let value = u128::from(v6);
            for nibble in (0..u32::from(bits / 4)).rev() {
                let digit = (value >> (124 - 4 * nibble) & 0xf) as usize;
                wire.extend_from_slice(&[1, b"0123456789abcdef"[digit]]);
            }
            wire.extend_from_slice(V6_APEX);
        }
    }
    // At most 32 one-digit labels and the apex: a valid name by construction.
    Name::from_wire(&wire).unwrap_or_else(Name::root)
}

fn split_label(wire: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = wire.split_first()?;
    rest.split_at_checked(usize::from(length))
}

fn decimal_octet(label: &[u8]) -> Option<u8> {
    if label.is_empty() || label.len() > 3 || (label.len() > 1 && label[0] == b'0') {
        return None;
    }
    let mut value: u16 = 0;
    for digit in label {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + u16::from(digit - b'0');
    }
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn zones(net: &str) -> Vec<String> {
        reverse_zones(net.parse().unwrap()).iter().map(Name::to_string).collect()
    }

    #[test]
    fn prefixes_expand_to_the_next_boundary() {
        assert_eq!(zones("10.0.0.0/24"), ["0.0.10.in-addr.arpa."]);
        assert_eq!(zones("10.0.0.0/22").len(), 4);
        assert_eq!(zones("10.96.0.0/12").len(), 16);
        assert_eq!(zones("2001:db8::/32"), ["8.b.d.0.1.0.0.2.ip6.arpa."]);
        assert_eq!(zones("2001:db8::/31").len(), 2);
        assert_eq!(zones("0.0.0.0/0"), ["in-addr.arpa."]);
    }

    #[test]
    fn only_complete_names_map_back() {
        let back = |text: &str| address_from_reverse_name(Name::from_text(text).unwrap().as_wire());
        assert_eq!(back("1.2.0.192.in-addr.arpa"), Some("192.0.2.1".parse().unwrap()));
        assert_eq!(back("2.0.192.in-addr.arpa"), None);
        assert_eq!(back("0.1.2.0.192.in-addr.arpa"), None);
        assert_eq!(back("01.2.0.192.in-addr.arpa"), None);
        assert_eq!(back("256.2.0.192.in-addr.arpa"), None);
        assert_eq!(back("1.ip6.arpa"), None);
    }

    proptest! {
        #[test]
        fn every_address_maps_there_and_back(address in any::<IpAddr>()) {
            prop_assert_eq!(address_from_reverse_name(reverse_name(address).as_wire()), Some(address));
        }
    }
}
