//! The same names as static zones, for servers that know no cluster.

use std::fmt::Write;

use crate::names::{LARGE, Service, services};

/// `cluster.local` as a master file (RFC 1035 §5).
pub fn master_file(count: usize) -> String {
    let mut text = String::from(
        "$ORIGIN cluster.local.\n$TTL 30\n@ SOA ns.dns hostmaster 1 7200 1800 86400 30\n@ NS ns.dns\nns.dns A 10.96.0.10\n",
    );
    for service in services(count).chain([LARGE]) {
        for address in addresses(service) {
            let _ = writeln!(text, "{} A {address}", service.domain());
        }
        let _ = writeln!(text, "_http._tcp.{} SRV 0 100 80 {}", service.domain(), service.domain());
    }
    text
}

/// The reverse zone `10.in-addr.arpa` as a master file.
pub fn reverse_file(count: usize) -> String {
    let mut text = String::from(
        "$ORIGIN 10.in-addr.arpa.\n$TTL 30\n@ SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 30\n@ NS ns.dns.cluster.local.\n",
    );
    for service in services(count).filter(|service| !service.is_headless()) {
        let _ = writeln!(text, "{}. PTR {}", reverse(service), service.domain());
    }
    text
}

/// All of it as Unbound's local data.
pub fn local_data(count: usize) -> String {
    let mut text = String::from(
        "local-zone: \"cluster.local.\" static\nlocal-data: \"cluster.local. 30 SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 30\"\n\
         local-zone: \"10.in-addr.arpa.\" static\n",
    );
    for service in services(count) {
        let domain = service.domain();
        for address in addresses(service) {
            let _ = writeln!(text, "local-data: \"{domain} 30 A {address}\"");
        }
        let _ = writeln!(text, "local-data: \"_http._tcp.{domain} 30 SRV 0 100 80 {domain}\"");
        if !service.is_headless() {
            let _ = writeln!(text, "local-data: \"{}. 30 PTR {domain}\"", reverse(service));
        }
    }
    text
}

/// The name that the Service's address is looked up at, without the final dot.
pub fn reverse(service: Service) -> String {
    let address = service.cluster_ip();
    let octets: Vec<&str> = address.split('.').rev().collect();
    format!("{}.in-addr.arpa", octets.join("."))
}

fn addresses(service: Service) -> Vec<String> {
    if service.is_headless() { service.endpoints().collect() } else { vec![service.cluster_ip()] }
}
