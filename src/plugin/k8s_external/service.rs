//! Services, at the addresses that they are reached at from outside.
//!
//! Hot path. Everything is written straight from the generation's tables.

use std::net::IpAddr;

use super::apex::write_address;
use super::{Ask, Found};
use crate::dns::{Owner, RecordType, Response, Section};
use crate::plugin::endpoint_srv::{weight_of, write_srv};
use crate::zone::{Detail, External, ExternalTarget, ServiceKey, ServiceKind, ServicePath};

impl<'a> Ask<'a> {
    pub(super) fn service(&self, path: &ServicePath<'a>, response: &mut Response) -> Found<'a> {
        if !self.has_namespace(path.namespace) {
            return Found::NameError;
        }
        let Some(service) = self.zone.service(path.key) else { return Found::NameError };
        match (&service.external, path.detail) {
            // As in CoreDNS the label of an endpoint is not looked at here.
            (Some(external), detail) => self.external(&service.key, external, detail, response),
            (None, Detail::Endpoint(label)) if self.state.options.headless => {
                self.endpoint(service, label, response)
            }
            (None, detail) if self.state.options.headless && service.kind == ServiceKind::Headless => {
                self.headless(service, detail, response)
            }
            (None, _) => Found::NameError,
        }
    }

    fn external(
        &self,
        key: &ServiceKey,
        external: &'a External,
        detail: Detail<'_>,
        response: &mut Response,
    ) -> Found<'a> {
        let asks_for_port = matches!(detail, Detail::Port { .. }) && detail.asks_for_something();
        if asks_for_port && !external.ports.iter().any(|port| detail.matches_port(port)) {
            return Found::NameError;
        }
        let has_names = external.names().next().is_some();
        match self.query.qtype() {
            RecordType::A | RecordType::AAAA if has_names => {
                Found::Names { targets: &external.targets, srv_target: None }
            }
            RecordType::A | RecordType::AAAA => {
                let mut found = Found::NoData;
                for address in external.addresses().filter(|address| self.asks_for(*address)) {
                    write_address(response, Section::Answer, Owner::Question, self.ttl_s(), address);
                    found = Found::Records;
                }
                found
            }
            RecordType::SRV => {
                let srv_target = self.write_external_srv(key, external, detail, response);
                let Some(target) = srv_target else { return Found::NoData };
                if has_names {
                    return Found::Names { targets: &external.targets, srv_target };
                }
                for address in external.addresses() {
                    write_address(response, Section::Additional, Owner::At(target), self.ttl_s(), address);
                }
                Found::Records
            }
            _ => Found::NoData,
        }
    }

    /// Whether the question is for addresses of this family.
    pub(super) fn asks_for(&self, address: IpAddr) -> bool {
        match self.query.qtype() {
            RecordType::A => address.is_ipv4(),
            RecordType::AAAA => address.is_ipv6(),
            _ => false,
        }
    }

    /// An SRV record for each matching port: one whose target is the Service's own name, where it has addresses, and one
    /// for each host name. Gives where the Service's own name stands, or the last host name.
    fn write_external_srv(
        &self,
        key: &ServiceKey,
        external: &External,
        detail: Detail<'_>,
        response: &mut Response,
    ) -> Option<usize> {
        let matching = || external.ports.iter().filter(|port| detail.matches_port(port));
        let weight = weight_of(matching().count() * external.given);
        let (mut own, mut last) = (None, None);
        for (at, target) in external.targets.iter().enumerate() {
            let target: [&[u8]; 2] = match target {
                ExternalTarget::Name(name) => [name, &[]],
                // All addresses are the Service's own name's.
                ExternalTarget::Address(_) if external.targets[..at].iter().any(is_address) => continue,
                ExternalTarget::Address(_) => [key.as_wire(), &self.origin.wire],
            };
            for (at, port) in external.ports.iter().enumerate().filter(|(_, port)| detail.matches_port(port))
            {
                // Two protocols of one number are one record.
                let mut before = external.ports[..at].iter().filter(|port| detail.matches_port(port));
                if before.any(|other| other.number == port.number) {
                    continue;
                }
                let written = write_srv(response, self.kubernetes_ttl_s(), weight, port, &target);
                last = written.or(last);
                if !target[1].is_empty() {
                    own = own.or(written);
                }
            }
        }
        own.or(last)
    }
}

fn is_address(target: &ExternalTarget) -> bool {
    matches!(target, ExternalTarget::Address(_))
}
