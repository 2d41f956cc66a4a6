//! The names and addresses of one reading: built once, then only read.
//!
//! A list of names to block has a hundred thousand lines, so that an entry costs no allocation of its own: names stand
//! one after another in one text, addresses in one list a family, and an entry is where its own begin. The alternative,
//! a map of boxed names to boxed lists, has two allocations and two fat pointers a name.

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::dns::{NAME_LEN_MAX, Name, wire_len};

/// What is known; lookups allocate nothing.
#[derive(Default)]
pub struct HostsMap {
    /// Wire names, one after another.
    names: Box<[u8]>,
    entries: HashTable<Entry>,
    hasher: RandomState,
    v4: Box<[Ipv4Addr]>,
    v6: Box<[Ipv6Addr]>,
    /// Sorted by address; the number is where the name begins.
    reverse: Box<[(IpAddr, u32)]>,
    has_wildcards: bool,
}

/// A map in the making.
pub struct Builder<'z> {
    zones: &'z [Name],
    with_reverse: bool,
    names: Vec<u8>,
    entries: HashTable<Entry>,
    hasher: RandomState,
    v4: Vec<(u32, Ipv4Addr)>,
    v6: Vec<(u32, Ipv6Addr)>,
    reverse: Vec<(IpAddr, u32)>,
    /// One RRset has no record twice (RFC 2181 §5).
    seen: HashSet<(u32, IpAddr), RandomState>,
    has_wildcards: bool,
}

/// The addresses of a name; a name without any is not known.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Addresses<'m> {
    /// For A records, in the order of the lines.
    pub v4: &'m [Ipv4Addr],
    /// For AAAA records, in the order of the lines.
    pub v6: &'m [Ipv6Addr],
}

/// A name, and which of the addresses are its own.
struct Entry {
    name_at: u32,
    v4: (u32, u32),
    v6: (u32, u32),
}

// === impl HostsMap ===

impl HostsMap {
    /// The addresses of a folded wire name. A family of which the name has none itself is that of the wildcard one label
    /// up, which stands for one label and not for several.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Addresses<'_> {
        let mut found = self.find_exact(name);
        if self.has_wildcards && (found.v4.is_empty() || found.v6.is_empty()) {
            let mut pattern = [0; NAME_LEN_MAX];
            if let Some(pattern) = wildcard_above(name, &mut pattern) {
                let wild = self.find_exact(pattern);
                found.v4 = if found.v4.is_empty() { wild.v4 } else { found.v4 };
                found.v6 = if found.v6.is_empty() { wild.v6 } else { found.v6 };
            }
        }
        found
    }

    /// The wire names that have this address, in the order of the lines.
    pub fn names_of(&self, address: IpAddr) -> impl Iterator<Item = &[u8]> {
        let first = self.reverse.partition_point(|(other, _)| *other < address);
        let same = self.reverse[first..].iter().take_while(move |(other, _)| *other == address);
        same.map(|(_, name_at)| name_in(&self.names, *name_at))
    }

    /// How many records there are, PTR records included: what `coredns_hosts_entries` counts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len() + self.reverse.len()
    }

    fn find_exact(&self, name: &[u8]) -> Addresses<'_> {
        let hash = self.hasher.hash_one(name);
        let Some(entry) = self.entries.find(hash, |entry| name_in(&self.names, entry.name_at) == name) else {
            return Addresses::default();
        };
        Addresses { v4: part(&self.v4, entry.v4), v6: part(&self.v6, entry.v6) }
    }
}

// === impl Builder ===

impl<'z> Builder<'z> {
    /// An empty map that takes names within `zones`, and the way back to them when `with_reverse` is set.
    #[must_use]
    pub fn new(zones: &'z [Name], with_reverse: bool) -> Self {
        Self {
            zones,
            with_reverse,
            names: Vec::new(),
            entries: HashTable::new(),
            hasher: RandomState::default(),
            v4: Vec::new(),
            v6: Vec::new(),
            reverse: Vec::new(),
            seen: HashSet::default(),
            has_wildcards: false,
        }
    }

    /// Gives a name one more address. A name outside the zones is left out, and so is an address that it has already.
    pub fn add(&mut self, address: IpAddr, name: &Name) {
        if !self.zones.iter().any(|zone| name.is_within(zone)) {
            return;
        }
        let address = address.to_canonical();
        let name_at = self.intern(name.as_wire());
        if !self.seen.insert((name_at, address)) {
            return;
        }
        match address {
            IpAddr::V4(address) => self.v4.push((name_at, address)),
            IpAddr::V6(address) => self.v6.push((name_at, address)),
        }
        if name.as_wire().starts_with(b"\x01*") {
            // An address does not say which of all the names it would lead back to.
            self.has_wildcards = true;
        } else if self.with_reverse {
            self.reverse.push((address, name_at));
        }
    }

    /// The map.
    #[must_use]
    pub fn build(mut self) -> HostsMap {
        // The sorts are stable: the addresses of a name stay in the order of the lines.
        self.v4.sort_by_key(|(name_at, _)| *name_at);
        self.v6.sort_by_key(|(name_at, _)| *name_at);
        self.reverse.sort_by_key(|(address, _)| *address);
        let (v4, v6) = (std::mem::take(&mut self.v4), std::mem::take(&mut self.v6));
        for (name_at, start, count) in groups(&v4) {
            self.entry(name_at, |entry| entry.v4 = (start, count));
        }
        for (name_at, start, count) in groups(&v6) {
            self.entry(name_at, |entry| entry.v6 = (start, count));
        }
        HostsMap {
            names: self.names.into(),
            entries: self.entries,
            hasher: self.hasher,
            v4: v4.into_iter().map(|(_, address)| address).collect(),
            v6: v6.into_iter().map(|(_, address)| address).collect(),
            reverse: self.reverse.into(),
            has_wildcards: self.has_wildcards,
        }
    }

    /// Where the name stands, once it does. Offsets are 32 bits wide: a file is bounded to far less than 4 GiB.
    fn intern(&mut self, name: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(name);
        if let Some(entry) = self.entries.find(hash, |entry| name_in(&self.names, entry.name_at) == name) {
            return entry.name_at;
        }
        let name_at = self.names.len() as u32;
        self.names.extend_from_slice(name);
        let entry = Entry { name_at, v4: (0, 0), v6: (0, 0) };
        let (names, hasher) = (&self.names, &self.hasher);
        self.entries.insert_unique(hash, entry, |entry| hasher.hash_one(name_in(names, entry.name_at)));
        name_at
    }

    fn entry(&mut self, name_at: u32, change: impl FnOnce(&mut Entry)) {
        let hash = self.hasher.hash_one(name_in(&self.names, name_at));
        if let Some(entry) = self.entries.find_mut(hash, |entry| entry.name_at == name_at) {
            change(entry);
        }
    }
}

/// The runs of one name: the name, where its run begins, how long it is.
fn groups<T>(sorted: &[(u32, T)]) -> impl Iterator<Item = (u32, u32, u32)> {
    let mut start = 0;
    sorted.chunk_by(|one, other| one.0 == other.0).map(move |run| {
        let group = (run[0].0, start, run.len() as u32);
        start += group.2;
        group
    })
}

fn part<T>(list: &[T], (start, count): (u32, u32)) -> &[T] {
    list.get(start as usize..(start + count) as usize).unwrap_or_default()
}

fn name_in(names: &[u8], at: u32) -> &[u8] {
    let rest = names.get(at as usize..).unwrap_or_default();
    &rest[..wire_len(rest).unwrap_or(0)]
}

/// The name with `*` as its first label, in `buffer`. There is none right below the root, as in CoreDNS.
fn wildcard_above<'b>(name: &[u8], buffer: &'b mut [u8; NAME_LEN_MAX]) -> Option<&'b [u8]> {
    let rest = name.get(1 + usize::from(*name.first()?)..)?;
    if rest.len() < 2 {
        return None;
    }
    let pattern = buffer.get_mut(..2 + rest.len())?;
    pattern[..2].copy_from_slice(b"\x01*");
    pattern[2..].copy_from_slice(rest);
    Some(pattern)
}
