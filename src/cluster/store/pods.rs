//! Pods by name, for `pods verified`: made small, since a cluster has more Pods than anything else.

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::super::object::{self, Meta};
use super::super::problem::Problem;
use super::super::schema;
use crate::zone::{Pod, Writer};

/// The known Pods. A Pod's names are in memory once, in the value that the zone shares; a namespace's once for all.
#[derive(Default)]
pub struct Pods {
    table: HashTable<PodEntry>,
    namespaces: HashSet<Arc<[u8]>>,
    hasher: RandomState,
}

struct PodEntry {
    pod: Arc<Pod>,
    uid: u64,
    generation: u32,
    /// Whether a query from its address would be its own.
    is_client: bool,
    addresses: Addresses,
}

/// What became of the zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It is as it was.
    None,
    /// Only whom a query comes from is told otherwise.
    Client,
    /// An address of a Pod changed, and answers with it.
    Answers,
}

/// One address in place, since few Pods have a second.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Addresses {
    One([IpAddr; 1]),
    Other(Box<[IpAddr]>),
}

impl Pods {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Takes a Pod in.
    ///
    /// A Pod that is on its way out when it is first seen is not taken in; one that is known keeps its name until it is
    /// deleted, for its connections, but a query from its address is not taken for its own any more: the address may
    /// be given to another Pod before we hear of it. A Pod that ran to its end goes.
    pub fn apply(
        &mut self,
        object: &object::Pod,
        generation: u32,
        writer: &mut Writer,
        problems: &mut Vec<Problem>,
    ) -> Effect {
        let meta = &object.metadata;
        if object.is_over() {
            return Effect::of_answers(self.remove(meta, writer));
        }
        let namespace = meta.namespace.to_ascii_lowercase();
        let hash = self.hash(namespace.as_bytes(), &meta.name);
        let is_it = |entry: &PodEntry| entry.is_named(namespace.as_bytes(), &meta.name);
        let known = self.table.find_mut(hash, is_it);
        if meta.is_deleting() {
            return match known {
                Some(entry) if entry.uid == meta.uid => {
                    entry.generation = generation;
                    entry.change(None, false, writer)
                }
                // Its name belongs to a successor that is going too.
                Some(_) => Effect::of_answers(self.remove(meta, writer)),
                None => Effect::None,
            };
        }
        let addresses = Addresses::new(schema::pod_addresses(object, problems));
        let is_client = object.has_cluster_search_list();
        if let Some(entry) = known {
            (entry.uid, entry.generation) = (meta.uid, generation);
            return entry.change(Some(addresses), is_client, writer);
        }
        let namespace = match self.namespaces.get(namespace.as_bytes()) {
            Some(held) => Arc::clone(held),
            None => {
                let held: Arc<[u8]> = namespace.as_bytes().into();
                self.namespaces.insert(Arc::clone(&held));
                held
            }
        };
        let pod = Arc::new(Pod { namespace, name: meta.name.clone() });
        let entry = PodEntry { pod, uid: meta.uid, generation, is_client, addresses };
        // A Pod that waits for its address answers nothing yet.
        let answers = !entry.addresses.as_slice().is_empty();
        entry.enter(writer);
        let hasher = self.hasher.clone();
        self.table
            .insert_unique(hash, entry, |entry| hasher.hash_one((&*entry.pod.namespace, &*entry.pod.name)));
        Effect::of_answers(answers)
    }

    /// Takes a Pod away, unless it is a successor of the one that is gone. Gives whether it was there.
    pub fn delete(&mut self, meta: &Meta, writer: &mut Writer) -> bool {
        let namespace = meta.namespace.to_ascii_lowercase();
        let hash = self.hash(namespace.as_bytes(), &meta.name);
        let held = self.table.find(hash, |entry| entry.is_named(namespace.as_bytes(), &meta.name));
        if held.is_none_or(|entry| entry.uid != meta.uid) {
            return false;
        }
        self.remove(meta, writer)
    }

    /// Stamps a Pod.
    pub fn keep(&mut self, namespace: &str, name: &str, generation: u32) {
        let namespace = namespace.to_ascii_lowercase();
        let hash = self.hash(namespace.as_bytes(), name);
        if let Some(entry) = self.table.find_mut(hash, |entry| entry.is_named(namespace.as_bytes(), name)) {
            entry.generation = generation;
        }
    }

    /// Takes away what has another stamp. Gives whether there was any.
    pub fn sweep(&mut self, generation: u32, writer: &mut Writer) -> bool {
        let before = self.table.len();
        self.table.retain(|entry| {
            let stays = entry.generation == generation;
            if !stays {
                entry.leave(writer);
            }
            stays
        });
        self.namespaces.retain(|namespace| Arc::strong_count(namespace) > 1);
        self.table.len() != before
    }

    fn remove(&mut self, meta: &Meta, writer: &mut Writer) -> bool {
        let namespace = meta.namespace.to_ascii_lowercase();
        let hash = self.hash(namespace.as_bytes(), &meta.name);
        let hasher = self.hasher.clone();
        let entry = self.table.entry(
            hash,
            |entry| entry.is_named(namespace.as_bytes(), &meta.name),
            |entry| hasher.hash_one((&*entry.pod.namespace, &*entry.pod.name)),
        );
        let Entry::Occupied(entry) = entry else { return false };
        entry.remove().0.leave(writer);
        true
    }

    fn hash(&self, namespace: &[u8], name: &str) -> u64 {
        self.hasher.hash_one((namespace, name))
    }
}

impl PodEntry {
    fn is_named(&self, namespace: &[u8], name: &str) -> bool {
        *self.pod.name == *name && *self.pod.namespace == *namespace
    }

    /// Gives it these addresses, or lets it keep its own.
    fn change(&mut self, addresses: Option<Addresses>, is_client: bool, writer: &mut Writer) -> Effect {
        let addresses = addresses.filter(|addresses| *addresses != self.addresses);
        let effect = match &addresses {
            Some(_) => Effect::Answers,
            None if is_client != self.is_client => Effect::Client,
            None => return Effect::None,
        };
        self.leave(writer);
        self.is_client = is_client;
        if let Some(addresses) = addresses {
            self.addresses = addresses;
        }
        self.enter(writer);
        effect
    }

    fn enter(&self, writer: &mut Writer) {
        for address in self.addresses.as_slice() {
            writer.insert_pod(*address, Arc::clone(&self.pod), self.is_client);
        }
    }

    fn leave(&self, writer: &mut Writer) {
        for address in self.addresses.as_slice() {
            writer.remove_pod(*address, &self.pod, self.is_client);
        }
    }
}

impl Effect {
    fn of_answers(changed: bool) -> Self {
        if changed { Self::Answers } else { Self::None }
    }
}

impl Addresses {
    fn new(addresses: Vec<IpAddr>) -> Self {
        match <[IpAddr; 1]>::try_from(addresses) {
            Ok(one) => Self::One(one),
            Err(other) => Self::Other(other.into()),
        }
    }

    fn as_slice(&self) -> &[IpAddr] {
        match self {
            Self::One(one) => one,
            Self::Other(other) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_queries_an_address_tells_of_takes_no_room() {
        // The flag is in what alignment left over; a cluster has more of these than of anything else.
        assert_eq!(size_of::<PodEntry>(), 48);
        assert_eq!(size_of::<Pod>(), 32);
        assert_eq!(size_of::<crate::zone::PodsAt>(), 48);
    }
}
