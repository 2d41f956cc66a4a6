//! SRV records of endpoints (DNS specification 1.1.0 §2.4.2), for the plugins that show Services.
//!
//! Hot path. Endpoints that share a name make one record, and one address of it is given once; what stands there already
//! is found in the slices before, whose order makes that a search and not a list.

use std::net::IpAddr;

use crate::dns::{NAME_LEN_MAX, Owner, RecordType, Response, Section, read_u16};
use crate::zone::{Chosen, Detail, Endpoint, EndpointLabel, LabelBuf, Port, Slice};

/// The weights of the SRV records of a set add up to about this.
const WEIGHT_SUM: usize = 100;
/// The octets of an SRV record of the question's name, but for its target: a pointer, type, class, TTL and length, then
/// priority, weight and port.
const SRV_OVERHEAD: usize = 2 + 10 + 6;

/// How SRV records of the question's name and the addresses of their targets are written.
#[derive(Clone, Copy)]
pub(super) struct SrvSet<'a> {
    /// What follows the namespace in the names of targets: two pieces, one of which may be empty.
    pub(super) tail: [&'a [u8]; 2],
    /// The TTL of the SRV records, in seconds.
    pub(super) ttl_s: u32,
    /// The TTL of the addresses, in seconds.
    pub(super) address_ttl_s: u32,
}

/// The endpoints of one slice that are asked for.
#[derive(Clone, Copy)]
pub(super) struct Part<'z> {
    /// The slice, with its ports.
    pub(super) slice: &'z Slice,
    /// The labels that follow the endpoint's in its name, down to the namespace.
    pub(super) parent: &'z [u8],
    /// Which of its endpoints.
    pub(super) chosen: Chosen<'z>,
}

/// An endpoint of a part, with the label that names it.
struct Item<'a, 'z> {
    part: Part<'z>,
    /// The number of the part.
    part_at: usize,
    endpoint: Endpoint<'z>,
    /// Its place in the slice.
    place: usize,
    label: &'a LabelBuf,
}

/// The targets of the SRV records that were written, one record after the other.
struct Targets {
    /// Where the first one stands in the message.
    first: usize,
    /// Where the last record ends.
    end: usize,
    /// Where the one that was found last stands: slices are in the order of their labels, and so the next is near.
    last: usize,
}

impl SrvSet<'_> {
    /// An SRV record whose target is an endpoint's name, or that of a Service. Gives where the target stands.
    pub(super) fn write_record(
        &self,
        response: &mut Response,
        weight: u16,
        port: &Port,
        endpoint: Option<&LabelBuf>,
        parent: &[u8],
    ) -> Option<usize> {
        let label = endpoint.map_or(&[][..], LabelBuf::as_wire);
        write_srv(response, self.ttl_s, weight, port, &[label, parent, self.tail[0], self.tail[1]])
    }

    /// The address of a target that stands at `target` in the message.
    pub(super) fn write_address(&self, response: &mut Response, target: usize, address: IpAddr) {
        let rtype = if address.is_ipv4() { RecordType::A } else { RecordType::AAAA };
        let owner = Owner::At(target);
        response.record(Section::Additional, owner, rtype, self.address_ttl_s, |rdata| match address {
            IpAddr::V4(address) => rdata.octets(&address.octets()),
            IpAddr::V6(address) => rdata.octets(&address.octets()),
        });
    }

    /// An SRV record for each endpoint and matching port, then the addresses of the targets. With `merge` a record that
    /// stands there already is left out; weights are computed before that, as in CoreDNS. A target longer than a name may
    /// be is left out too. Gives whether there are records.
    pub(super) fn write_endpoints<'z, I>(
        &self,
        response: &mut Response,
        detail: Detail<'_>,
        parts: impl Fn() -> I,
        merge: bool,
    ) -> bool
    where
        I: Iterator<Item = Part<'z>>,
    {
        // As in CoreDNS the endpoints of a slice without ports have a share, although they have no record.
        let is_bare = |part: &Part<'z>| part.slice.ports.is_empty() && !detail.asks_for_something();
        let shares = |part: &Part<'z>| part.matching(detail).count() + usize::from(is_bare(part));
        let records = |part: Part<'z>| shares(&part) * part.places().count();
        let weight = weight_of(parts().map(records).sum());
        let mut label = LabelBuf::new();
        let mut first_target = None;
        'parts: for (part_at, part) in parts().enumerate() {
            for place in part.places() {
                let endpoint = part.slice.endpoints().at(place);
                endpoint.write_label(&mut label);
                if self.target_len(&label, part.parent) > NAME_LEN_MAX {
                    continue;
                }
                let item = Item { part, part_at, endpoint, place, label: &label };
                for (port_at, port) in part.slice.ports.iter().enumerate() {
                    let is_written = || merge && item.repeats_record(&parts, detail, port_at);
                    if port.number.is_none() || !detail.matches_port(port) || is_written() {
                        continue;
                    }
                    let target = self.write_record(response, weight, port, Some(&label), part.parent);
                    first_target = first_target.or(target);
                    if response.is_full() {
                        // What follows would not be sent, however much of it there is.
                        break 'parts;
                    }
                }
            }
        }
        let Some(mut target) = first_target else { return false };
        if response.is_full() {
            return true;
        }
        let mut targets = Targets { first: target, end: response.message().len(), last: target };
        for (part_at, part) in parts().enumerate() {
            let records = part.matching(detail).filter(|port| port.number.is_some()).count();
            for place in part.places().filter(|_| records > 0) {
                let endpoint = part.slice.endpoints().at(place);
                endpoint.write_label(&mut label);
                let name_len = self.target_len(&label, part.parent);
                if name_len > NAME_LEN_MAX {
                    continue;
                }
                if !merge {
                    // With every record written, one after the other, it is known where each target stands.
                    self.write_address(response, target, endpoint.address);
                    target += records * (SRV_OVERHEAD + name_len);
                    continue;
                }
                let item = Item { part, part_at, endpoint, place, label: &label };
                if !item.repeats_address(&parts, detail)
                    && let Some(target) = targets
                        .find(response.message(), [label.as_wire(), part.parent, self.tail[0], self.tail[1]])
                {
                    self.write_address(response, target, endpoint.address);
                }
                if response.is_full() {
                    return true;
                }
            }
        }
        true
    }

    /// How long the name of an endpoint is.
    fn target_len(&self, label: &LabelBuf, parent: &[u8]) -> usize {
        label.as_wire().len() + parent.len() + self.tail[0].len() + self.tail[1].len()
    }
}

impl<'z> Part<'z> {
    fn places(&self) -> impl Iterator<Item = usize> + use<'z> {
        self.slice.places(self.chosen)
    }

    fn matching<'d>(&self, detail: Detail<'d>) -> impl Iterator<Item = &'z Port> + use<'d, 'z> {
        self.slice.ports.iter().filter(move |port| detail.matches_port(port))
    }
}

impl<'z> Item<'_, 'z> {
    /// Whether a record of the same target and port number stands before that of port `port_at`.
    fn repeats_record<I>(&self, parts: &impl Fn() -> I, detail: Detail<'_>, port_at: usize) -> bool
    where
        I: Iterator<Item = Part<'z>>,
    {
        let (slice, label) = (self.part.slice, self.label());
        let number = slice.ports[port_at].number;
        let is_same = |port: &Port| port.number == number && detail.matches_port(port);
        slice.ports[..port_at].iter().any(is_same)
            || slice.has_label(self.part.chosen, label, self.place)
            || self.before(parts).any(|part| {
                part.slice.ports.iter().any(is_same) && part.slice.has_label(part.chosen, label, usize::MAX)
            })
    }

    /// Whether the same address of the same target was given before.
    fn repeats_address<I>(&self, parts: &impl Fn() -> I, detail: Detail<'_>) -> bool
    where
        I: Iterator<Item = Part<'z>>,
    {
        let (label, address) = (self.label(), self.endpoint.address);
        self.part.slice.has_address(self.part.chosen, label, address, self.place)
            || self.before(parts).any(|part| {
                part.matching(detail).any(|port| port.number.is_some())
                    && part.slice.has_address(part.chosen, label, address, usize::MAX)
            })
    }

    fn label(&self) -> EndpointLabel<'_> {
        EndpointLabel::of(self.endpoint, self.label.as_bytes())
    }

    /// The parts before this one in which the same label makes the same name.
    fn before<I>(&self, parts: &impl Fn() -> I) -> impl Iterator<Item = Part<'z>>
    where
        I: Iterator<Item = Part<'z>>,
    {
        parts().take(self.part_at).filter(|part| part.parent == self.part.parent)
    }
}

impl Targets {
    /// Where the target stands whose name these pieces make.
    fn find(&mut self, message: &[u8], name: [&[u8]; 4]) -> Option<usize> {
        let is_it = |at: &usize| {
            let rest = name.iter().try_fold(&message[*at..], |rest, piece| rest.strip_prefix(*piece));
            rest.is_some()
        };
        let from = |at: usize| {
            std::iter::successors(Some(at), |at| {
                // The length of the RDATA stands before priority, weight and port, and counts them.
                let rdata_len = usize::from(read_u16(message, at - 8)?);
                Some(at - 6 + rdata_len + SRV_OVERHEAD)
            })
        };
        let found = from(self.last).take_while(|at| *at < self.end).find(is_it);
        self.last = found.or_else(|| from(self.first).take_while(|at| *at < self.last).find(is_it))?;
        Some(self.last)
    }
}

/// An SRV record of the question's name (RFC 2782), its target uncompressed as that asks. Gives where the target stands;
/// `None` for a port without number, and for a target that is too long for a name.
pub(super) fn write_srv(
    response: &mut Response,
    ttl_s: u32,
    weight: u16,
    port: &Port,
    target: &[&[u8]],
) -> Option<usize> {
    let number = port.number?;
    if target.iter().map(|piece| piece.len()).sum::<usize>() > NAME_LEN_MAX {
        return None;
    }
    let at = response.record(Section::Answer, Owner::Question, RecordType::SRV, ttl_s, |rdata| {
        rdata.u16(0);
        rdata.u16(weight);
        rdata.u16(number);
        target.iter().for_each(|piece| rdata.octets(piece));
    })?;
    Some(at + 6)
}

/// The weight of each of so many records.
pub(super) fn weight_of(records: usize) -> u16 {
    (WEIGHT_SUM / records.max(1)).max(1) as u16
}
