//! The endpoints of a slice, packed: addresses beside each other, and after them the names of the few that have one. Most of
//! what a large cluster's zone holds is endpoints: a struct for each, with its name in a box, took ten times the memory.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::LabelBuf;

/// Ready endpoints, sorted: first those that their address names, by address, then the named, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    addresses: Addresses,
    /// Of the last ones; `None` when none has a name.
    names: Option<Box<Names>>,
}

/// One address of a ready endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint<'z> {
    /// The address.
    pub address: IpAddr,
    /// The label that names it: hostname, or pod name where `endpoint_pod_names` asks for it; folded, without length
    /// octet. `None`: the dashed address names it (DNS specification 1.1.0 §2.4.1).
    pub name: Option<&'z [u8]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Addresses {
    V4(Box<[Ipv4Addr]>),
    /// With an IPv4-mapped address for one of IPv4: no slice of the API holds both, but nothing here depends on that.
    V6(Box<[Ipv6Addr]>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Names {
    /// One after the other.
    text: Box<[u8]>,
    /// Where each ends.
    ends: Box<[u32]>,
}

// === impl Endpoints ===

impl Endpoints {
    /// Takes them in any order, and each once.
    pub(super) fn new(mut endpoints: Vec<Endpoint<'_>>) -> Self {
        endpoints.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
        endpoints.dedup();
        let v4 = |endpoint: &Endpoint<'_>| match endpoint.address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        };
        let v6 = |endpoint: &Endpoint<'_>| match endpoint.address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        let addresses = match endpoints.iter().map(v4).collect() {
            Some(addresses) => Addresses::V4(addresses),
            None => Addresses::V6(endpoints.iter().map(v6).collect()),
        };
        let names = endpoints.iter().filter_map(|endpoint| endpoint.name);
        let mut end = 0;
        let ends: Box<[u32]> = names
            .clone()
            .map(|name| {
                end += name.len() as u32;
                end
            })
            .collect();
        let text = names.flatten().copied().collect();
        Self { addresses, names: (!ends.is_empty()).then(|| Box::new(Names { text, ends })) }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.addresses {
            Addresses::V4(addresses) => addresses.len(),
            Addresses::V6(addresses) => addresses.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether one of them has a name.
    #[must_use]
    pub fn have_names(&self) -> bool {
        self.names.is_some()
    }

    /// The one at that place.
    ///
    /// # Panics
    /// When `place` is not below [`Endpoints::len`].
    #[must_use]
    pub fn at(&self, place: usize) -> Endpoint<'_> {
        Endpoint { address: self.address(place), name: self.name(place) }
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Endpoint<'_>> + Clone + use<'_> {
        (0..self.len()).map(|place| self.at(place))
    }

    /// Where an endpoint stands.
    #[must_use]
    pub fn place_of(&self, endpoint: Endpoint<'_>) -> Option<usize> {
        let place = partition_point(0..self.len(), |at| self.at(at).sort_key() < endpoint.sort_key());
        (place < self.len() && self.at(place) == endpoint).then_some(place)
    }

    /// Where the one stands that has this address and no name.
    pub(super) fn place_of_unnamed(&self, address: IpAddr) -> Option<usize> {
        self.place_within(0..self.first_named(), address)
    }

    /// Where those of this name stand.
    pub(super) fn places_named(&self, name: &[u8]) -> Range<usize> {
        let all = self.first_named()..self.len();
        let start = partition_point(all.clone(), |at| self.name(at) < Some(name));
        start..partition_point(start..all.end, |at| self.name(at) == Some(name))
    }

    /// Where this address stands among endpoints of one name.
    pub(super) fn place_within(&self, places: Range<usize>, address: IpAddr) -> Option<usize> {
        let place = partition_point(places.clone(), |at| self.address(at) < address);
        (place < places.end && self.address(place) == address).then_some(place)
    }

    fn first_named(&self) -> usize {
        self.len() - self.names.as_ref().map_or(0, |names| names.ends.len())
    }

    fn address(&self, place: usize) -> IpAddr {
        match &self.addresses {
            Addresses::V4(addresses) => IpAddr::V4(addresses[place]),
            Addresses::V6(addresses) => IpAddr::V6(addresses[place]).to_canonical(),
        }
    }

    fn name(&self, place: usize) -> Option<&[u8]> {
        let names = self.names.as_deref()?;
        let at = place.checked_sub(self.len() - names.ends.len())?;
        let start = if at == 0 { 0 } else { names.ends[at - 1] as usize };
        Some(&names.text[start..names.ends[at] as usize])
    }
}

/// The first of these places that `is_before` does not hold for.
fn partition_point(places: Range<usize>, is_before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (places.start, places.end);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

// === impl Endpoint ===

impl Endpoint<'_> {
    fn sort_key(&self) -> (Option<&[u8]>, IpAddr) {
        (self.name, self.address)
    }

    /// Appends the label that names the endpoint, with its length octet.
    pub fn write_label(&self, out: &mut LabelBuf) {
        match self.name {
            Some(name) => out.set(name),
            None => out.set_dashed(self.address),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_given_back_sorted_and_found_where_they_stand(
            given in prop::collection::vec((any::<bool>(), 0..20_u8, prop::option::of("[a-c]{1,2}")), 0..20),
            only_v4 in any::<bool>(),
        ) {
            let address = |is_v6: bool, last: u8| match is_v6 && !only_v4 {
                true => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last)]),
                false => IpAddr::from([192, 0, 2, last]),
            };
            let mut expected: Vec<Endpoint<'_>> = given
                .iter()
                .map(|(is_v6, last, name)| Endpoint {
                    address: address(*is_v6, *last),
                    name: name.as_deref().map(str::as_bytes),
                })
                .collect();
            let endpoints = Endpoints::new(expected.clone());
            expected.sort_by_key(|endpoint| (endpoint.name, endpoint.address));
            expected.dedup();
            prop_assert_eq!(endpoints.iter().collect::<Vec<_>>(), expected.clone());
            for (place, endpoint) in expected.iter().enumerate() {
                prop_assert_eq!(endpoints.place_of(*endpoint), Some(place));
                let unnamed = expected.iter().position(|held| *held == Endpoint { name: None, ..*endpoint });
                prop_assert_eq!(endpoints.place_of_unnamed(endpoint.address), unnamed);
                if let Some(name) = endpoint.name {
                    let named = endpoints.places_named(name);
                    prop_assert!(named.clone().all(|at| expected[at].name == Some(name)));
                    let count = expected.iter().filter(|held| held.name == Some(name)).count();
                    prop_assert_eq!(named.len(), count);
                    prop_assert_eq!(endpoints.place_within(named, endpoint.address), Some(place));
                }
            }
            prop_assert!(endpoints.places_named(b"zz").is_empty());
        }
    }

    #[test]
    fn without_names_an_address_is_all_that_is_kept() {
        assert_eq!(size_of::<Endpoints>(), 32);
        let endpoints = Endpoints::new(vec![Endpoint { address: [192, 0, 2, 1].into(), name: None }]);
        assert!(endpoints.names.is_none() && matches!(endpoints.addresses, Addresses::V4(_)));
    }
}
