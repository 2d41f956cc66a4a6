//! What the cluster holds, and what is asked of it: the same for every server, and the same in every run.

use kubezone::dns::{Name, RecordType};
use kubezone::plugin::question_packet;

/// How many addresses a Service has, or its endpoints.
pub const ENDPOINTS: usize = 10;
/// Every so many Services one is headless.
const HEADLESS_EVERY: usize = 10;

/// A Service of the cluster.
#[derive(Clone, Copy)]
pub struct Service {
    pub number: usize,
    kind: Kind,
    namespaces: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One of those that all servers know.
    Common,
    /// One of those that `growth` adds.
    Growth,
    /// The headless one with [`LARGE_ENDPOINTS`] endpoints.
    Large,
}

/// A thousand addresses: more than fit in any datagram.
pub const LARGE_ENDPOINTS: usize = 1000;
/// The Service that has them.
pub const LARGE: Service = Service { number: LARGE_NUMBER, kind: Kind::Large, namespaces: 1 };
/// Headless by its number, and beyond those of `growth`.
const LARGE_NUMBER: usize = 149_999;

/// Questions, asked in turn.
pub enum Questions {
    /// These packets.
    Fixed(Vec<Vec<u8>>),
    /// This packet with eight hexadecimal digits at the place, other ones each time.
    Unique(Vec<u8>, usize),
}

/// The Services of a cluster of that size.
pub fn services(count: usize) -> impl Iterator<Item = Service> + Clone {
    let namespaces = (count / 100).max(1);
    (0..count).map(move |number| Service { number, kind: Kind::Common, namespaces })
}

/// So many Services more, other ones.
pub fn growth(count: usize) -> impl Iterator<Item = Service> + Clone {
    let namespaces = (count / 100).max(1);
    (20_000..20_000 + count).map(move |number| Service { number, kind: Kind::Growth, namespaces })
}

impl Service {
    pub fn name(self) -> String {
        format!("svc-{}", self.number)
    }

    pub fn namespace(self) -> String {
        let kind = match self.kind {
            Kind::Common => "ns",
            Kind::Growth => "growth",
            Kind::Large => "large",
        };
        format!("{kind}-{}", self.number % self.namespaces)
    }

    pub fn is_headless(self) -> bool {
        self.number % HEADLESS_EVERY == HEADLESS_EVERY - 1
    }

    /// Within 10.96.0.0/12, which the control plane allocates from: told and not asked for, so that static zones can have it.
    pub fn cluster_ip(self) -> String {
        format!("10.{}.{}.{}", 97 + (self.number >> 16), self.number >> 8 & 255, self.number & 255)
    }

    pub fn endpoints(self) -> impl Iterator<Item = String> {
        let first = self.number * ENDPOINTS;
        let count = if self.kind == Kind::Large { LARGE_ENDPOINTS } else { ENDPOINTS };
        (first..first + count).map(|at| format!("10.{}.{}.{}", 128 + (at >> 16), at >> 8 & 255, at & 255))
    }

    pub fn domain(self) -> String {
        format!("{}.{}.svc.cluster.local.", self.name(), self.namespace())
    }
}

impl Questions {
    /// One question a Service that `name` gives a name for.
    pub fn of(count: usize, rtype: RecordType, name: impl Fn(Service) -> Option<String>) -> Self {
        Self::fixed(services(count).filter_map(name).map(|name| packet(&name, rtype)))
    }

    /// These, in an order of their own.
    pub fn fixed(packets: impl Iterator<Item = Vec<u8>>) -> Self {
        let mut packets: Vec<_> = packets.collect();
        shuffle(&mut packets);
        Self::Fixed(packets)
    }

    /// Of a name below a domain that nobody asked for before.
    pub fn unique(domain: &str) -> Self {
        Self::Unique(packet(&format!("00000000.{domain}"), RecordType::A), 13)
    }

    /// Question number so-and-so, with that id.
    pub fn write(&self, number: u64, id: u16, out: &mut Vec<u8>) {
        out.clear();
        match self {
            Self::Fixed(packets) => out.extend_from_slice(&packets[(number % packets.len() as u64) as usize]),
            Self::Unique(packet, at) => {
                out.extend_from_slice(packet);
                out[*at..at + 8].copy_from_slice(format!("{:08x}", number as u32).as_bytes());
            }
        }
        out[..2].copy_from_slice(&id.to_be_bytes());
    }
}

/// A query for the name, with recursion desired.
pub fn packet(name: &str, rtype: RecordType) -> Vec<u8> {
    let name: Name = name.parse().expect("a name");
    question_packet(0, name.as_wire(), rtype, None)
}

/// The same order in every run: names that follow one another must not lie beside one another in memory.
fn shuffle<T>(values: &mut [T]) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for at in (1..values.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        values.swap(at, (state % (at as u64 + 1)) as usize);
    }
}
