//! Some of a slice's endpoints, and whether a name or an address is among them: found by the order that a slice keeps,
//! so that an answer without repetitions needs no list of what was written.

use std::net::IpAddr;
use std::ops::Range;

use super::{Endpoint, Slice, address_from_dashed};

/// Which endpoints of a slice.
#[derive(Debug, Clone, Copy)]
pub enum Chosen<'z> {
    /// All of them.
    All,
    /// Those of this label.
    Named(&'z [u8]),
    /// Those at these places, ascending.
    Listed(&'z [u32]),
}

/// A label that endpoints may have, with the address that it is the dashed form of.
#[derive(Debug, Clone, Copy)]
pub struct EndpointLabel<'l> {
    label: &'l [u8],
    dashed: Option<IpAddr>,
}

impl<'l> EndpointLabel<'l> {
    /// The label of an endpoint, as [`Endpoint::write_label`] writes it.
    #[must_use]
    pub fn of(endpoint: Endpoint<'_>, label: &'l [u8]) -> Self {
        let dashed = match endpoint.name {
            None => Some(endpoint.address),
            // A hostname may be spelled as an address.
            Some(_) => address_from_dashed(label),
        };
        Self { label, dashed }
    }
}

impl Slice {
    /// The places of the chosen endpoints, ascending.
    pub fn places<'z>(&'z self, chosen: Chosen<'z>) -> impl Iterator<Item = usize> + Clone + use<'z> {
        let (listed, single, range) = match chosen {
            Chosen::All => (&[][..], None, 0..self.endpoints().len()),
            Chosen::Listed(places) => (places, None, 0..0),
            Chosen::Named(label) => {
                let dashed = address_from_dashed(label);
                let (single, range) = self.places_named(EndpointLabel { label, dashed });
                (&[][..], single, range)
            }
        };
        listed.iter().map(|place| *place as usize).chain(single).chain(range)
    }

    /// Whether one of the chosen endpoints before place `before` has the label.
    #[must_use]
    pub fn has_label(&self, chosen: Chosen<'_>, label: EndpointLabel<'_>, before: usize) -> bool {
        let (single, range) = self.places_named(label);
        single.is_some_and(|place| chosen.holds_one_of(place..(place + 1).min(before)))
            || chosen.holds_one_of(range.start..range.end.min(before))
    }

    /// Whether one of them has the label and the address.
    #[must_use]
    pub fn has_address(
        &self,
        chosen: Chosen<'_>,
        label: EndpointLabel<'_>,
        address: IpAddr,
        before: usize,
    ) -> bool {
        let (single, range) = self.places_named(label);
        let found = self.endpoints().place_within(range, address);
        let places = [single.filter(|_| label.dashed == Some(address)), found];
        places.into_iter().flatten().any(|place| chosen.holds_one_of(place..(place + 1).min(before)))
    }

    /// Where the endpoints of the label stand: the one that its address names, and those that are named so.
    fn places_named(&self, label: EndpointLabel<'_>) -> (Option<usize>, Range<usize>) {
        let single = label.dashed.and_then(|address| self.endpoints().place_of_unnamed(address));
        (single, self.endpoints().places_named(label.label))
    }
}

impl Chosen<'_> {
    /// Whether one of these places is chosen. Of [`Chosen::Named`] only places of its label are asked for.
    fn holds_one_of(self, places: Range<usize>) -> bool {
        match self {
            Chosen::All | Chosen::Named(_) => !places.is_empty(),
            Chosen::Listed(listed) => {
                let at = listed.partition_point(|place| (*place as usize) < places.start);
                listed.get(at).is_some_and(|place| (*place as usize) < places.end)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::zone::{LabelBuf, ServiceKey};

    fn slice(endpoints: Vec<(u8, Option<u8>)>) -> Slice {
        let name = |name: u8| match name {
            // Some of the names are another endpoint's dashed address.
            0..4 => format!("192-0-2-{name}"),
            _ => format!("db-{name}"),
        };
        let named: Vec<_> = endpoints.into_iter().map(|(address, text)| (address, text.map(name))).collect();
        let endpoints = named.iter().map(|(address, name)| Endpoint {
            address: [192, 0, 2, *address].into(),
            name: name.as_deref().map(str::as_bytes),
        });
        Slice::new(ServiceKey::new("db", "data").unwrap(), vec![], endpoints.collect(), 0)
    }

    fn label_of(endpoint: Endpoint<'_>) -> Vec<u8> {
        let mut label = LabelBuf::new();
        endpoint.write_label(&mut label);
        label.as_bytes().to_vec()
    }

    proptest! {
        #[test]
        fn what_is_found_by_order_is_what_is_there(
            endpoints in prop::collection::vec((0..6_u8, prop::option::of(0..8_u8)), 0..12),
            listed in prop::collection::vec(any::<bool>(), 12),
            before in 0..14_usize,
        ) {
            let slice = slice(endpoints);
            let all: Vec<_> = slice.endpoints().iter().collect();
            let listed: Vec<u32> = (0..all.len() as u32).filter(|at| listed[*at as usize]).collect();
            for endpoint in all.iter().copied() {
                let text = label_of(endpoint);
                let label = EndpointLabel::of(endpoint, &text);
                for chosen in [Chosen::All, Chosen::Named(&text), Chosen::Listed(&listed)] {
                    let places: Vec<usize> = slice.places(chosen).collect();
                    let expected: Vec<usize> = (0..all.len()).filter(|at| match chosen {
                        Chosen::All => true,
                        Chosen::Named(_) => label_of(all[*at]) == text,
                        Chosen::Listed(listed) => listed.contains(&(*at as u32)),
                    }).collect();
                    prop_assert_eq!(&places, &expected);
                    let same = |at: &&usize| **at < before && label_of(all[**at]) == text;
                    prop_assert_eq!(slice.has_label(chosen, label, before), places.iter().any(|at| same(&at)));
                    for address in all.iter().map(|endpoint| endpoint.address) {
                        prop_assert_eq!(
                            slice.has_address(chosen, label, address, before),
                            places.iter().any(|at| same(&at) && all[*at].address == address)
                        );
                    }
                }
            }
        }
    }
}
