use serde_json::{Value, json};

use super::*;
use crate::zone::ServiceKind;

fn service_of(spec: Value) -> (Option<zone::Service>, Vec<Problem>) {
    let object = json!({"metadata": {"name": "web", "namespace": "demo"}, "spec": spec});
    let mut problems = Vec::new();
    let object = serde_json::from_value(object).unwrap();
    let found = service_facts(&object, &mut problems);
    (found.and_then(|(key, facts)| service(&key, &facts, vec![])), problems)
}

fn slice_of(mut object: Value, pod_names: bool) -> (Slice, Vec<Problem>) {
    object["metadata"] =
        json!({"name": "web-1", "namespace": "demo", "labels": {"kubernetes.io/service-name": "web"}});
    let mut problems = Vec::new();
    let slice = slice(&serde_json::from_value(object).unwrap(), pod_names, &mut problems).unwrap();
    (slice, problems)
}

fn label(endpoint: Endpoint<'_>) -> Option<&str> {
    endpoint.name.map(|name| std::str::from_utf8(name).unwrap())
}

#[test]
fn s2_3_1_cluster_ips_of_both_families() {
    let (service, problems) = service_of(json!({
        "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1", "2001:db8::1"], "type": "LoadBalancer"
    }));
    let service = service.unwrap();
    assert_eq!(service.v4[..], ["10.96.0.1".parse::<std::net::Ipv4Addr>().unwrap()]);
    assert_eq!(service.v6[..], ["2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap()]);
    assert_eq!(service.kind, ServiceKind::ClusterIp);
    assert!(problems.is_empty());
}

#[test]
fn s2_3_1_an_old_object_has_only_cluster_ip() {
    let (service, _) = service_of(json!({"clusterIP": "10.96.0.1"}));
    assert_eq!(service.unwrap().v4.len(), 1);
}

#[test]
fn s2_3_1_an_impossible_cluster_ip_is_told_and_the_other_counts() {
    let (service, problems) = service_of(json!({"clusterIPs": ["10.96.0.300", "10.96.0.2"]}));
    assert_eq!(service.unwrap().v4.len(), 1);
    let told = problems[0].to_string();
    assert_eq!(told, "services `demo/web`: cluster IP `10.96.0.300` is no IP address; it is skipped");
}

#[test]
fn s2_3_1_a_service_without_allocated_address_exists_without_addresses() {
    let (service, problems) = service_of(json!({"clusterIP": ""}));
    let service = service.unwrap();
    assert!(service.v4.is_empty() && service.v6.is_empty());
    assert!(problems[0].what.contains("no cluster IP is allocated"));
}

#[test]
fn s2_3_2_ports_of_a_service() {
    let (service, problems) = service_of(json!({"clusterIP": "10.96.0.1", "ports": [
        {"name": "HTTP", "port": 80}, {"port": 53, "protocol": "UDP"}, {"port": 1, "protocol": "QUIC"}
    ]}));
    let ports = service.unwrap().ports;
    assert_eq!(ports.len(), 2);
    assert_eq!(ports[0], Port { number: Some(80), name: b"http"[..].into(), protocol: Protocol::Tcp });
    assert_eq!(ports[1], Port { number: Some(53), name: b""[..].into(), protocol: Protocol::Udp });
    assert!(problems[0].what.contains("`QUIC`"));
}

#[test]
fn s2_4_1_headless_whatever_its_type() {
    for spec in [json!({"clusterIP": "None"}), json!({"clusterIPs": ["None"], "type": "NodePort"})] {
        let (service, problems) = service_of(spec);
        assert_eq!(service.unwrap().kind, ServiceKind::Headless);
        assert!(problems.is_empty());
    }
}

#[test]
fn s2_4_1_endpoint_names() {
    let object = json!({"addressType": "IPv4", "endpoints": [
        {"addresses": ["192.0.2.1"], "hostname": "DB-0", "targetRef": {"name": "pod-0"}},
        {"addresses": ["192.0.2.2"], "targetRef": {"name": "pod-1"}},
        {"addresses": ["192.0.2.3"], "targetRef": {"name": "a".repeat(64)}},
        {"addresses": ["192.0.2.4"], "targetRef": {"name": "pod.example.org"}},
        {"addresses": ["192.0.2.5"], "hostname": "not.a.label", "targetRef": {"name": "pod-5"}},
    ]});
    let names = |pod_names| {
        let (slice, _) = slice_of(object.clone(), pod_names);
        let mut names: Vec<_> =
            slice.endpoints().iter().map(|e| (e.address.to_string(), label(e).map(str::to_owned))).collect();
        names.sort();
        names.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
    };
    assert_eq!(names(false), [Some("db-0".to_owned()), None, None, None, None]);
    assert_eq!(names(true), [Some("db-0".to_owned()), Some("pod-1".to_owned()), None, None, None]);
}

#[test]
fn s2_4_1_only_ready_endpoints_answer() {
    let (slice, _) = slice_of(
        json!({"endpoints": [
            {"addresses": ["192.0.2.1"], "conditions": {"ready": true}},
            {"addresses": ["192.0.2.2"], "conditions": {}},
            {"addresses": ["192.0.2.3"]},
            {"addresses": ["192.0.2.4"], "conditions": {"ready": false, "serving": true}},
        ]}),
        false,
    );
    assert_eq!(slice.endpoints().len(), 3);
    assert_eq!(slice.unready, 1);
}

#[test]
fn s2_4_1_an_impossible_address_is_told_and_the_others_count() {
    let (slice, problems) =
        slice_of(json!({"endpoints": [{"addresses": ["192.0.2.1"]}, {"addresses": ["192.0.2.1.5"]}]}), false);
    assert_eq!(slice.endpoints().len(), 1);
    let told = problems[0].to_string();
    assert_eq!(
        told,
        "endpointslices `demo/web-1`: endpoint address `192.0.2.1.5` is no IP address; it is skipped"
    );
}

#[test]
fn s2_4_2_slice_ports_without_number_or_name() {
    let (slice, _) =
        slice_of(json!({"ports": [{"port": null, "name": null}, {"port": 5432, "name": "pg"}]}), false);
    assert_eq!(slice.ports[0], Port { number: None, name: b""[..].into(), protocol: Protocol::Tcp });
    assert_eq!(slice.ports[1].number, Some(5432));
}

#[test]
fn s2_4_fqdn_slices_hold_names() {
    let (slice, problems) = slice_of(
        json!({"addressType": "FQDN", "endpoints": [{"addresses": ["Www.example.org"]}, {"addresses": ["a..b"]}]}),
        false,
    );
    let www = b"\x03Www\x07example\x03org\x00"[..].into();
    assert_eq!(
        slice.fqdns[..],
        [Fqdn { target: www, label: b"www-example-org"[..].into(), zone: Box::default() }]
    );
    assert!(slice.endpoints().is_empty());
    assert!(problems[0].what.contains("`a..b`"));
}

#[test]
fn s2_4_fqdn_endpoints_have_labels_and_zones() {
    let object = json!({"addressType": "FQDN", "endpoints": [
        {"addresses": ["db.example.org."], "zone": "EU-1a"},
        {"addresses": ["kv.example.org"], "hostname": "KV-0"},
        {"addresses": ["single"]},
        {"addresses": [format!("{}.example.org", "x".repeat(60))]},
        {"addresses": ["gone.example.org"], "conditions": {"ready": false}},
        {"addresses": ["192.0.2.1"]},
    ]});
    let (mut slice, problems) = slice_of(object.clone(), false);
    assert!(problems.is_empty());
    let labels: Vec<_> = slice.fqdns.iter().map(|fqdn| String::from_utf8_lossy(&fqdn.label)).collect();
    assert_eq!(labels, ["db-example-org", "kv-0", "", ""]);
    assert_eq!(slice.endpoints().len(), 1, "what is an address is one");
    assert!(slice.fqdns.iter().all(|fqdn| fqdn.zone.is_empty()));
    keep_zones(&serde_json::from_value(object).unwrap(), false, &mut slice);
    assert_eq!(*slice.fqdns[0].zone, *b"\x05eu-1a");
    assert!(slice.fqdns[1].zone.is_empty());
}

#[test]
fn s2_4_a_slice_without_service_label_is_nobodys() {
    let object = json!({"metadata": {"name": "x", "namespace": "demo"}, "endpoints": []});
    assert!(slice(&serde_json::from_value(object).unwrap(), false, &mut vec![]).is_none());
}

#[test]
fn s2_5_external_name_keeps_its_spelling() {
    let (service, _) = service_of(json!({"type": "ExternalName", "externalName": "Www.Example.org."}));
    let target = b"\x03Www\x07Example\x03org\x00"[..].into();
    assert_eq!(service.unwrap().kind, ServiceKind::ExternalName(target));
}

#[test]
fn s2_5_an_external_name_that_is_no_name_leaves_the_service_out() {
    for name in ["192.0.2.1", "2001:db8::1", "", "a..b", &"x".repeat(64)] {
        let (service, problems) = service_of(json!({"type": "ExternalName", "externalName": name}));
        assert!(service.is_none(), "{name}");
        assert_eq!(problems.len(), 1, "{name}");
    }
}

fn external_of(object: Value) -> (Option<Arc<External>>, Vec<Problem>) {
    let mut problems = Vec::new();
    let found = external(&serde_json::from_value(object).unwrap(), &mut problems);
    (found, problems)
}

#[test]
fn external_addresses_are_those_given_then_those_of_the_load_balancer() {
    let (found, problems) = external_of(json!({
        "metadata": {"name": "web", "namespace": "demo"},
        "spec": {
            "clusterIP": "None", "externalIPs": ["192.0.2.10", "2001:DB8::1", "192.0.2.10"],
            "ports": [{"name": "HTTP", "port": 80}, {"port": 53, "protocol": "UDP"}]
        },
        "status": {"loadBalancer": {"ingress": [
            {"ip": "192.0.2.11", "hostname": "unused.example"}, {"hostname": "LB.example"},
            {"ip": "", "hostname": "192.0.2.12"}, {"hostname": "LB.example"}, {"ports": []},
            {"hostname": "not..a.name"}
        ]}}
    }));
    let found = found.unwrap();
    let address = |text: &str| ExternalTarget::Address(text.parse().unwrap());
    let name = ExternalTarget::Name(b"\x02LB\x07example\0"[..].into());
    let expected =
        [address("192.0.2.10"), address("2001:db8::1"), address("192.0.2.11"), name, address("192.0.2.12")];
    assert_eq!(found.targets[..], expected);
    assert_eq!(found.given, 7, "what repeats counts in weights");
    let ports: Vec<_> = found.ports.iter().map(|port| (&*port.name, port.number)).collect();
    assert_eq!(ports, [(&b"http"[..], Some(80)), (&b""[..], Some(53))]);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].what.contains("`not..a.name` is no IP address or domain name"), "{problems:?}");
}

#[test]
fn a_service_without_external_addresses_has_nothing_of_them() {
    for object in [
        json!({"metadata": {"name": "web", "namespace": "demo"}}),
        json!({"spec": {"clusterIP": "10.96.0.1", "externalIPs": null}, "status": null}),
        json!({"spec": {"externalIPs": []}, "status": {"loadBalancer": {}}}),
        json!({"status": {"loadBalancer": {"ingress": [{}, {"ip": null, "hostname": ""}]}}}),
    ] {
        let (found, problems) = external_of(object);
        assert!(found.is_none() && problems.is_empty(), "{found:?} {problems:?}");
    }
}
