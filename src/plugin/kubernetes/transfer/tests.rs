use std::net::IpAddr;

use super::*;
use crate::plugin::testing::record_line;
use crate::zone::{Endpoint, KindSet, Port, Protocol, ServiceKey, Writer};

const ORIGIN: &[u8] = b"\x07cluster\x05local\0";

fn key(service: &str, namespace: &str) -> ServiceKey {
    ServiceKey::new(service, namespace).unwrap()
}

fn port(name: &str, number: u16, protocol: Protocol) -> Port {
    Port { number: Some(number), name: name.as_bytes().into(), protocol }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn slice(service: &str, ports: Vec<Port>, endpoints: &[(&str, Option<&str>)]) -> Arc<Slice> {
    let endpoints = endpoints
        .iter()
        .map(|(address, name)| Endpoint { address: ip(address), name: name.map(str::as_bytes) });
    Arc::new(Slice::new(key(service, "demo"), ports, endpoints.collect(), 0))
}

fn records(writer: &Writer, servers: Vec<NameServer>, exposes: impl Fn(&[u8]) -> bool) -> ForwardRecords {
    let zone = writer.reader().snapshot();
    let sources = zone.services().cloned().map(Source::Service).collect();
    let apex = Apex { origin: ORIGIN.into(), ttl_s: 5 };
    ForwardRecords::new(apex, servers, sources, |namespace| {
        exposes(namespace) && zone.has_namespace(namespace)
    })
}

/// All records, piece by piece as they are written: `owner ttl type rdata`.
fn written(records: &mut ForwardRecords) -> Vec<String> {
    let mut lines = Vec::new();
    let mut batch = RecordBatch::new();
    loop {
        batch.clear();
        let more = records.write_some(&mut batch);
        // One endpoint with its ports is the most that is written past the limit.
        assert!(batch.len() < BATCH_LEN + 2048, "{} octets at once", batch.len());
        lines.extend(batch.iter().map(record_line));
        if !more {
            return lines;
        }
    }
}

#[test]
fn services_stand_by_name_with_the_records_that_coredns_sends() {
    let mut writer = Writer::new(KindSet::EMPTY);
    for namespace in ["demo", "other", "hidden"] {
        writer.insert_namespace(namespace.as_bytes());
    }
    let ports = vec![
        port("", 80, Protocol::Tcp),
        port("dns", 53, Protocol::Udp),
        Port { number: None, name: b"any".as_slice().into(), protocol: Protocol::Tcp },
    ];
    let addresses = [ip("10.96.0.7"), ip("fd00::7")];
    writer.insert_service(Service::cluster_ip(key("web", "other"), &addresses, ports, vec![]));
    writer.insert_service(Service::cluster_ip(key("web", "demo"), &[ip("10.96.0.8")], vec![], vec![]));
    writer.insert_service(Service::cluster_ip(key("web", "hidden"), &[ip("10.96.0.9")], vec![], vec![]));
    writer.insert_service(Service::cluster_ip(key("web", "deleted"), &[ip("10.96.0.10")], vec![], vec![]));
    let waiting = vec![port("http", 80, Protocol::Tcp)];
    writer.insert_service(Service::cluster_ip(key("waiting", "demo"), &[], waiting, vec![]));
    writer.insert_service(Service::external_name(
        key("mail", "demo"),
        b"\x04Mail\x07example\0".as_slice().into(),
    ));
    let slices = vec![
        slice(
            "db",
            vec![port("sql", 5432, Protocol::Tcp), port("", 9090, Protocol::Tcp)],
            &[("10.1.0.1", Some("db-0")), ("10.1.0.2", None), ("10.1.0.3", Some("db-0"))],
        ),
        slice("db", vec![], &[("2001:db8::", None)]),
        slice("db", vec![port("sql", 5433, Protocol::Tcp)], &[]),
    ];
    writer.insert_service(Service::headless(key("db", "demo"), slices));
    writer.insert_service(Service::headless(key("empty", "demo"), vec![]));
    writer.publish();
    let mut records = records(&writer, Vec::new(), |namespace| namespace != b"hidden");
    // What happens after the transfer has begun is for the next one.
    writer.remove_service(&key("db", "demo"));
    writer.insert_service(Service::headless(key("aaa", "demo"), vec![]));
    writer.publish();
    let expected = "
        db.demo.svc.cluster.local. 5 A 10.1.0.2
        10-1-0-2.db.demo.svc.cluster.local. 5 A 10.1.0.2
        _sql._tcp.db.demo.svc.cluster.local. 5 SRV 0 33 5432 10-1-0-2.db.demo.svc.cluster.local.
        db.demo.svc.cluster.local. 5 A 10.1.0.1
        db-0.db.demo.svc.cluster.local. 5 A 10.1.0.1
        _sql._tcp.db.demo.svc.cluster.local. 5 SRV 0 33 5432 db-0.db.demo.svc.cluster.local.
        db.demo.svc.cluster.local. 5 A 10.1.0.3
        db-0.db.demo.svc.cluster.local. 5 A 10.1.0.3
        _sql._tcp.db.demo.svc.cluster.local. 5 SRV 0 33 5432 db-0.db.demo.svc.cluster.local.
        db.demo.svc.cluster.local. 5 AAAA 2001:db8::
        2001-db8--0.db.demo.svc.cluster.local. 5 AAAA 2001:db8::
        mail.demo.svc.cluster.local. 5 CNAME Mail.example.
        web.demo.svc.cluster.local. 5 A 10.96.0.8
        web.other.svc.cluster.local. 5 A 10.96.0.7
        web.other.svc.cluster.local. 5 AAAA fd00::7
        web.other.svc.cluster.local. 5 SRV 0 100 80 web.other.svc.cluster.local.
        web.other.svc.cluster.local. 5 SRV 0 100 53 web.other.svc.cluster.local.
        _dns._udp.web.other.svc.cluster.local. 5 SRV 0 100 53 web.other.svc.cluster.local.";
    let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
    assert_eq!(written(&mut records), expected);
}

#[test]
fn a_service_of_any_size_is_written_in_pieces_and_each_endpoint_once() {
    let mut writer = Writer::new(KindSet::EMPTY);
    writer.insert_namespace(b"demo");
    let slices = (0..5).map(|number| {
        let addresses: Vec<String> =
            (0..1000).map(|at| format!("10.{number}.{}.{}", at / 256, at % 256)).collect();
        let endpoints: Vec<_> = addresses.iter().map(|address| (address.as_str(), None)).collect();
        slice("big", vec![port("http", 80, Protocol::Tcp)], &endpoints)
    });
    let slices = slices.collect();
    writer.insert_service(Service::headless(key("big", "demo"), slices));
    writer.publish();
    let mut lines = written(&mut records(&writer, Vec::new(), |_| true));
    assert_eq!(lines.len(), 5 * 1000 * 3);
    assert!(lines[2].contains(" SRV 0 1 80 "), "{}", lines[2]);
    lines.sort();
    lines.dedup();
    assert_eq!(lines.len(), 5 * 1000 * 3);
}
