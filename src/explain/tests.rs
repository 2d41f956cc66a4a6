use std::sync::Arc;

use super::*;
use crate::dns::{Query, RecordType};
use crate::plugin::question_packet;
use crate::zone::{Endpoint, Kind, KindSet, Path, Port, Protocol, Service, ServiceKey, Slice, Writer};

const SCOPE: Scope<'static> = Scope { namespaces: None, pods: true, endpoints: true };

fn writer() -> Writer {
    let mut writer = Writer::new(KindSet::EMPTY);
    for namespace in ["default", "production", "staging"] {
        writer.insert_namespace(namespace.as_bytes());
    }
    let port = Port { number: Some(80), name: b"grpc"[..].into(), protocol: Protocol::Tcp };
    let key = |service: &str, namespace: &str| ServiceKey::new(service, namespace).unwrap();
    writer.insert_service(Service::cluster_ip(
        key("web", "production"),
        &["10.96.0.7".parse().unwrap()],
        vec![port],
        vec![],
    ));
    writer.insert_service(Service::headless(
        key("db", "production"),
        vec![Arc::new(Slice::new(key("db", "production"), vec![], vec![], 3))],
    ));
    let endpoint = Endpoint { address: "192.0.2.1".parse().unwrap(), name: Some(b"kv-0") };
    writer.insert_service(Service::headless(
        key("kv", "production"),
        vec![Arc::new(Slice::new(key("kv", "production"), vec![], vec![endpoint], 1))],
    ));
    writer.insert_service(Service::external_name(key("ext", "staging"), b"\x01a\x00"[..].into()));
    writer
}

fn reason(writer: &Writer, name: &str, rtype: RecordType, exists: bool, scope: Scope<'_>) -> String {
    let name: crate::dns::Name = format!("{name}.cluster.local").parse().unwrap();
    let packet = question_packet(1, name.as_wire(), rtype, None);
    let query = Query::parse(&packet, crate::dns::test_origin()).unwrap();
    negative(writer.draft(), &Path::of(&query, 2), rtype, exists, scope).to_string()
}

#[test]
fn each_reason_reads_as_a_sentence() {
    let writer = writer();
    let because = |name: &str, exists: bool| reason(&writer, name, RecordType::A, exists, SCOPE);
    assert_eq!(
        because("web.prodution.svc", false),
        "namespace 'prodution' not found, did you mean 'production'?"
    );
    assert_eq!(because("web.com.svc", false), "namespace 'com' not found");
    assert_eq!(
        because("web.default.svc", false),
        "no service 'web' in namespace 'default', but in: production"
    );
    assert_eq!(because("wob.default.svc", false), "no service 'wob' in namespace 'default'");
    assert_eq!(because("db.production.svc", false), "no endpoint is ready (0 of 3)");
    assert_eq!(because("kv-9.kv.production.svc", false), "no ready endpoint 'kv-9' (1 of 2 are ready)");
    assert_eq!(because("_http._tcp.web.production.svc", false), "no port 'http', it has: _grpc._tcp");
    assert_eq!(because("a.ext.staging.svc", false), "an ExternalName service has no names below it");
    assert_eq!(
        because("example.com", false),
        "names here are SERVICE.NAMESPACE.svc or ADDRESS.NAMESPACE.pod"
    );
    assert_eq!(because("1-2-3-4.staging.pod", false), "no pod has the address '1-2-3-4'");
    assert_eq!(
        reason(&writer, "web.production.svc", RecordType::AAAA, true, SCOPE),
        "the name exists, without an IPv6 address"
    );
    assert_eq!(
        reason(&writer, "web.production.svc", RecordType::MX, true, SCOPE),
        "the name exists, without a record of type MX"
    );
}

#[test]
fn what_is_hidden_is_not_named() {
    let writer = writer();
    let exposed = [Box::<[u8]>::from(&b"default"[..])];
    let scope = Scope { namespaces: Some(&exposed), pods: false, endpoints: false };
    let because = |name: &str| reason(&writer, name, RecordType::A, false, scope);
    assert_eq!(because("web.prodution.svc"), "namespace 'prodution' not found");
    assert_eq!(because("web.production.svc"), "namespace 'production' is not exposed here");
    assert_eq!(because("web.default.svc"), "no service 'web' in namespace 'default'");
    assert_eq!(because("1-2-3-4.default.pod"), "names of pods are disabled in the Corefile");
}

#[test]
fn before_sync_nothing_is_said_of_names() {
    let mut writer = Writer::new(KindSet::EMPTY.with(Kind::Service).with(Kind::Namespace));
    writer.publish();
    assert_eq!(
        reason(&writer, "web.default.svc", RecordType::A, false, SCOPE),
        "not synced with the API server yet: services namespaces"
    );
}

#[test]
fn nearest_is_near_and_deterministic() {
    let find = |word: &str, candidates: &[&'static str]| {
        nearest(word.as_bytes(), candidates.iter().map(|text| text.as_bytes()))
            .map(|found| str::from_utf8(found).unwrap())
    };
    assert_eq!(find("prodcution", &["staging", "production"]), Some("production"));
    assert_eq!(find("svc", &["production"]), None);
    assert_eq!(find("ab", &["xy", "zz"]), None);
    assert_eq!(find("team-c", &["team-b", "team-a"]), Some("team-a"));
}
