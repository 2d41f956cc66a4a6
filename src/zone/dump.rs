//! A generation as a zone file (RFC 1035 §5): what `kubezone dump` prints.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::{EndpointRef, Import, LabelBuf, Port, Service, ServiceKey, ServiceKind, Slice, Zone};
use crate::dns::{Name, reverse_name, write_text};

/// A generation with the origins that it is served under. Prints records in the order of their names.
pub struct Dump<'z> {
    /// The generation.
    pub zone: &'z Zone,
    /// The origins; PTR records lead to the first that is not a reverse zone.
    pub zones: &'z [Name],
    /// Those of the origins that show imports.
    pub multicluster: &'z [Name],
    /// The TTL, in seconds.
    pub ttl_s: u32,
}

/// One record as text, without TTL and class: the owner, then the type with its data.
type Line = (String, String);

impl fmt::Display for Dump<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let primary = self.zones.iter().find(|zone| !zone.is_reverse());
        for origin in self.zones {
            writeln!(f, "$ORIGIN {origin}")?;
            let is_multicluster = self.multicluster.contains(origin);
            let serial = if is_multicluster { self.zone.import_serial() } else { self.zone.serial() };
            let ttl = self.ttl_s;
            let soa = format!("ns.dns.{origin} hostmaster.{origin} {serial} 7200 1800 86400 {ttl}");
            writeln!(f, "{origin}\t{}\tIN\tSOA\t{soa}", ttl.min(300))?;
            let mut lines = match primary {
                Some(primary) if origin.is_reverse() => self.reverse(origin, primary),
                _ if is_multicluster => self.imports(origin),
                _ => self.forward(origin),
            };
            lines.sort();
            lines.dedup();
            for (owner, data) in lines {
                let ttl = if owner.starts_with("dns-version.") { 28800 } else { ttl };
                writeln!(f, "{owner}\t{ttl}\tIN\t{data}")?;
            }
        }
        Ok(())
    }
}

impl Dump<'_> {
    fn forward(&self, origin: &Name) -> Vec<Line> {
        let mut lines = vec![version(origin)];
        // A Service of a namespace that does not exist has no names.
        for service in self.zone.services().filter(|service| self.zone.has_namespace(service.key.namespace()))
        {
            let owner = format!("{}svc.{origin}", service.key);
            match &service.kind {
                ServiceKind::ClusterIp => cluster_ip(&mut lines, &owner, service, |_| owner.clone()),
                ServiceKind::Headless => headless(&mut lines, &owner, service, |_| owner.clone()),
                ServiceKind::ExternalName(target) => {
                    lines.push((owner, format!("CNAME\t{}", text_of(target))))
                }
            }
        }
        lines
    }

    fn imports(&self, origin: &Name) -> Vec<Line> {
        let mut lines = vec![version(origin)];
        let has_namespace = |import: &&Arc<Import>| self.zone.has_namespace(import.service.key.namespace());
        for import in self.zone.imports().filter(has_namespace) {
            let service = &import.service;
            let owner = format!("{}svc.{origin}", service.key);
            let parent = |at: usize| format!("{}svc.{origin}", text_of(import.parent(at)));
            match &service.kind {
                ServiceKind::Headless => headless(&mut lines, &owner, service, parent),
                // It has no name: see the plugin.
                _ if service.ports.is_empty() => endpoints(&mut lines, service, parent),
                _ => cluster_ip(&mut lines, &owner, service, parent),
            }
        }
        lines
    }

    fn reverse(&self, origin: &Name, primary: &Name) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut add = |address: IpAddr, target: String| {
            let owner = reverse_name(address);
            if owner.is_within(origin) {
                lines.push((owner.to_string(), format!("PTR\t{target}svc.{primary}")));
            }
        };
        for service in self.zone.services() {
            service.cluster_ips().for_each(|address| add(address, service.key.to_string()));
        }
        for (address, owners) in self.zone.endpoint_addresses() {
            if self.zone.cluster_ip_owners(address).is_empty() {
                owners.iter().for_each(|owner| add(address, endpoint_name(owner)));
            }
        }
        lines
    }
}

fn version(origin: &Name) -> Line {
    (format!("dns-version.{origin}"), "TXT\t\"1.1.0\"".to_owned())
}

/// `parent` gives what the names of the endpoints of slice number so-and-so end in.
fn cluster_ip(lines: &mut Vec<Line>, owner: &str, service: &Service, parent: impl Fn(usize) -> String) {
    service.cluster_ips().for_each(|address| lines.push((owner.to_owned(), address_data(address))));
    let addresses = service.v4.len() + service.v6.len();
    if addresses > 0 {
        let of_port = |port: Option<&Port>| addresses * named_like(&service.ports, port);
        ports(lines, owner, owner, &service.ports, of_port);
    }
    endpoints(lines, service, parent);
}

fn headless(lines: &mut Vec<Line>, owner: &str, service: &Service, parent: impl Fn(usize) -> String) {
    let all = service
        .v4
        .iter()
        .map(|address| IpAddr::V4(*address))
        .chain(service.v6.iter().map(|address| IpAddr::V6(*address)));
    all.for_each(|address| lines.push((owner.to_owned(), address_data(address))));
    // At the Service's name the endpoints of a slice without ports have a share, as they have in answers.
    let of_port = |port: Option<&Port>| -> usize {
        let of_slice = |slice: &Slice| match port {
            None => slice.ports.len().max(1),
            Some(_) => named_like(&slice.ports, port),
        };
        service.slices.iter().map(|slice| slice.endpoints().len() * of_slice(slice)).sum()
    };
    let mut label = LabelBuf::new();
    for (at, slice) in service.slices.iter().enumerate() {
        let parent = parent(at);
        for endpoint in slice.endpoints().iter() {
            endpoint.write_label(&mut label);
            let target = format!("{}{parent}", text_of(label.as_wire()));
            ports(lines, owner, &target, &slice.ports, of_port);
        }
    }
    let mut fqdns = service.slices.iter().flat_map(|slice| &slice.fqdns);
    if service.v4.is_empty()
        && service.v6.is_empty()
        && let Some(first) = fqdns.next()
    {
        lines.push((owner.to_owned(), format!("CNAME\t{}", text_of(&first.target))));
    }
    endpoints(lines, service, parent);
}

fn endpoints(lines: &mut Vec<Line>, service: &Service, parent: impl Fn(usize) -> String) {
    let begun = lines.len();
    let mut label = LabelBuf::new();
    for (at, slice) in service.slices.iter().enumerate() {
        let parent = parent(at);
        for endpoint in slice.endpoints().iter() {
            endpoint.write_label(&mut label);
            lines.push((format!("{}{parent}", text_of(label.as_wire())), address_data(endpoint.address)));
        }
    }
    // One CNAME at a name, and none where there is an address: as the names are answered.
    for (at, slice) in service.slices.iter().enumerate() {
        for fqdn in slice.fqdns.iter().filter(|fqdn| !fqdn.label.is_empty()) {
            let label = [&[fqdn.label.len() as u8], &*fqdn.label].concat();
            let owner = format!("{}{}", text_of(&label), parent(at));
            if !lines[begun..].iter().any(|(taken, _)| *taken == owner) {
                lines.push((owner, format!("CNAME\t{}", text_of(&fqdn.target))));
            }
        }
    }
}

/// SRV records at the Service's name and at the port's; `shares` says among how many records each name's weight is shared.
fn ports(
    lines: &mut Vec<Line>,
    owner: &str,
    target: &str,
    ports: &[Port],
    shares: impl Fn(Option<&Port>) -> usize,
) {
    for port in ports {
        let Some(number) = port.number else { continue };
        let data = |shares: usize| format!("SRV\t0 {} {number} {target}", (100 / shares.max(1)).max(1));
        lines.push((owner.to_owned(), data(shares(None))));
        if !port.name.is_empty() {
            let protocol = String::from_utf8_lossy(port.protocol.as_bytes());
            let name = String::from_utf8_lossy(&port.name);
            lines.push((format!("_{name}._{protocol}.{owner}"), data(shares(Some(port)))));
        }
    }
}

/// How many of the ports have the name and protocol of `port`; all of them for `None`.
fn named_like(ports: &[Port], port: Option<&Port>) -> usize {
    let is_like =
        |other: &&Port| port.is_none_or(|port| other.name == port.name && other.protocol == port.protocol);
    ports.iter().filter(is_like).count()
}

fn endpoint_name(owner: &EndpointRef) -> String {
    let mut label = LabelBuf::new();
    owner.endpoint().write_label(&mut label);
    let key: &ServiceKey = owner.service();
    format!("{}{key}", text_of(label.as_wire()))
}

fn address_data(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("A\t{address}"),
        IpAddr::V6(address) => format!("AAAA\t{address}"),
    }
}

fn text_of(wire: &[u8]) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write_text(wire, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::zone::{Endpoint, Fqdn, KindSet, Writer};

    #[test]
    fn a_name_has_one_cname_or_addresses() {
        let fqdn = |target: &[u8], label: &[u8]| Fqdn {
            target: target.into(),
            label: label.into(),
            zone: Box::default(),
        };
        let key = |name| ServiceKey::new(name, "demo").unwrap();
        let slice = |name, addresses: &[&str], fqdns: Vec<Fqdn>| {
            let named = |address: &&str| Endpoint { address: address.parse().unwrap(), name: Some(b"both") };
            let mut slice = Slice::new(key(name), vec![], addresses.iter().map(named).collect(), 0);
            slice.fqdns = fqdns.into();
            Arc::new(slice)
        };
        let mut writer = Writer::new(KindSet::EMPTY);
        writer.insert_namespace(b"demo");
        let out = vec![fqdn(b"\x01A\x00", b"one"), fqdn(b"\x01b\x00", b"one"), fqdn(b"\x01c\x00", b"")];
        writer.insert_service(Service::headless(key("out"), vec![slice("out", &[], out)]));
        let mixed = vec![fqdn(b"\x01a\x00", b"both"), fqdn(b"\x01d\x00", b"d")];
        writer.insert_service(Service::headless(key("mixed"), vec![slice("mixed", &["192.0.2.1"], mixed)]));
        let zones = ["z".parse().unwrap()];
        let dump = Dump { zone: writer.draft(), zones: &zones, multicluster: &[], ttl_s: 5 }.to_string();
        let lines: Vec<&str> = dump.lines().filter(|line| line.contains(".svc.z.")).collect();
        assert_eq!(
            lines,
            [
                "both.mixed.demo.svc.z.\t5\tIN\tA\t192.0.2.1",
                "d.mixed.demo.svc.z.\t5\tIN\tCNAME\td.",
                "mixed.demo.svc.z.\t5\tIN\tA\t192.0.2.1",
                "one.out.demo.svc.z.\t5\tIN\tCNAME\tA.",
                "out.demo.svc.z.\t5\tIN\tCNAME\tA.",
            ]
        );
    }

    #[test]
    fn weights_are_those_of_answers() {
        let key = || ServiceKey::new("db", "demo").unwrap();
        let port = |name: &str, number| Port {
            number: Some(number),
            name: name.as_bytes().into(),
            protocol: crate::zone::Protocol::Tcp,
        };
        let slice = |last: u8, ports: Vec<Port>| {
            let endpoint = Endpoint { address: [192, 0, 2, last].into(), name: None };
            Arc::new(Slice::new(key(), ports, vec![endpoint], 0))
        };
        let mut writer = Writer::new(KindSet::EMPTY);
        writer.insert_namespace(b"demo");
        let slices = vec![
            slice(1, vec![port("sql", 5432), port("http", 80)]),
            slice(2, vec![port("sql", 5432)]),
            slice(3, vec![]),
        ];
        writer.insert_service(Service::headless(key(), slices));
        let zones = ["z".parse().unwrap()];
        let dump = Dump { zone: writer.draft(), zones: &zones, multicluster: &[], ttl_s: 5 }.to_string();
        let weights: Vec<(&str, &str)> = dump
            .lines()
            .filter(|line| line.contains("\tSRV\t"))
            .map(|line| (line.split('\t').next().unwrap(), line.split(' ').nth(1).unwrap()))
            .collect();
        assert_eq!(
            weights,
            [
                ("_http._tcp.db.demo.svc.z.", "100"),
                ("_sql._tcp.db.demo.svc.z.", "50"),
                ("_sql._tcp.db.demo.svc.z.", "50"),
                ("db.demo.svc.z.", "25"),
                ("db.demo.svc.z.", "25"),
                ("db.demo.svc.z.", "25"),
            ]
        );
    }
}
