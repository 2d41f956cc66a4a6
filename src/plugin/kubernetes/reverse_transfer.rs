//! A reverse zone as a whole, for `transfer`: the PTR records that questions for its addresses get, by address.

use std::net::IpAddr;
use std::sync::Arc;
use std::vec::IntoIter;

use super::State;
use super::apex::NameServer;
use super::transfer::Apex;
use crate::dns::{RecordBatch, RecordType, reverse_name};
use crate::plugin::{BATCH_LEN, ZoneRecords};
use crate::zone::Zone;

/// The addresses of one generation that are in the zone.
pub(super) struct ReverseRecords {
    apex: Apex,
    servers: Option<Vec<NameServer>>,
    state: Arc<State>,
    zone: Arc<Zone>,
    addresses: IntoIter<IpAddr>,
}

impl ReverseRecords {
    pub(super) fn new(apex: Apex, servers: Vec<NameServer>, state: Arc<State>, zone: Arc<Zone>) -> Self {
        let services = zone.services().flat_map(|service| service.cluster_ips());
        let endpoints = zone.endpoint_addresses().map(|(address, _)| address);
        let mut addresses: Vec<IpAddr> = services.chain(endpoints).collect();
        addresses.sort_unstable();
        addresses.dedup();
        Self { apex, servers: Some(servers), state, zone, addresses: addresses.into_iter() }
    }
}

impl ZoneRecords for ReverseRecords {
    fn write_some(&mut self, batch: &mut RecordBatch) -> bool {
        if let Some(servers) = self.servers.take() {
            self.apex.push_servers(batch, &servers);
        }
        // What is passed over costs time too: addresses of other zones.
        let mut passed = 0;
        while batch.len() < BATCH_LEN && passed < 1000 {
            let Some(address) = self.addresses.next() else { return false };
            let owner = reverse_name(address);
            if !crate::dns::is_within(owner.as_wire(), &self.apex.origin) {
                passed += 1;
                continue;
            }
            let primary = self.state.options.primary_zone().as_wire();
            self.state.each_owner(&self.zone, address, |endpoint, key| {
                let endpoint = endpoint.map_or(&[][..], |label| label.as_wire());
                let target: &[&[u8]] = &[endpoint, key.as_wire(), b"\x03svc", primary];
                batch.push(&[owner.as_wire()], RecordType::PTR, self.apex.ttl_s, target);
            });
        }
        true
    }
}
