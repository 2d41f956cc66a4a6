use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{EndpointSlice, Namespace, Object, Pod, Service};
use super::*;

/// What the API server would write for the JSON of an object, as far as the table goes.
fn to_wire(fields: &Fields, object: &Value) -> Vec<u8> {
    let mut octets = vec![0xb8, 0x3e, 0x01];
    for (number, name, field) in fields.0 {
        let value = &object[*name];
        let texts = |value: &Value| -> Vec<Vec<u8>> {
            let texts = value.as_array().into_iter().flatten();
            texts.map(|text| text.as_str().unwrap().as_bytes().to_vec()).collect()
        };
        let messages: Vec<Vec<u8>> = match field {
            _ if value.is_null() && !matches!(field, Field::Text) => continue,
            Field::Text => vec![value.as_str().unwrap_or_default().as_bytes().to_vec()],
            Field::Texts => texts(value),
            Field::Message(fields) => vec![to_wire(fields, value)],
            Field::Messages(fields) => {
                value.as_array().unwrap().iter().map(|value| to_wire(fields, value)).collect()
            }
            Field::Map => {
                let entries = value.as_object().unwrap().iter();
                let entry = |(key, value): (&String, &Value)| {
                    [tagged(1, key.as_bytes()), tagged(2, value.as_str().unwrap().as_bytes())].concat()
                };
                entries.map(entry).collect()
            }
            Field::Number | Field::Flag => {
                varint(&mut octets, u64::from(*number) << 3);
                varint(&mut octets, value.as_u64().unwrap_or_else(|| u64::from(value.as_bool().unwrap())));
                continue;
            }
        };
        for message in messages {
            octets.extend(tagged(*number, &message));
        }
    }
    octets
}

fn tagged(number: u32, message: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    varint(&mut octets, u64::from(number) << 3 | 2);
    varint(&mut octets, message.len() as u64);
    octets.extend(message);
    octets
}

fn varint(octets: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        octets.push(value as u8 | 0x80);
        value >>= 7;
    }
    octets.push(value as u8);
}

/// Read from protobuf, the object is what it is read from JSON.
#[track_caller]
fn same<K: Object + fmt::Debug>(object: &Value) {
    let wire = to_wire(K::FIELDS.unwrap(), object);
    let read: K = from_wire(K::FIELDS.unwrap(), &wire).unwrap();
    let from_json: K = serde_json::from_value(object.clone()).unwrap();
    assert_eq!(format!("{read:?}"), format!("{from_json:?}"));
}

#[test]
fn objects_are_those_of_json() {
    same::<Service>(&json!({
        "metadata": {"name": "web", "namespace": "shop", "uid": "u-1", "resourceVersion": "7",
            "deletionTimestamp": {}, "labels": {"a": "b", "kubernetes.io/service-name": "web"}},
        "spec": {"type": "ClusterIP", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1", "fd00::1"],
            "externalIPs": ["192.0.2.1"], "selector": {"app": "web"}, "externalName": "a.example.org",
            "ports": [{"name": "http", "port": 80, "protocol": "TCP"}, {"port": 65535}]},
        "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}, {"hostname": "lb.example.org"}]}},
    }));
    same::<Service>(&json!({"metadata": {"name": "bare"}}));
    same::<EndpointSlice>(&json!({
        "metadata": {"name": "web-1", "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": "t"}},
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": ["10.0.0.1"], "conditions": {"ready": false}, "hostname": "a", "zone": "z",
                "targetRef": {"name": "pod-a"}},
            {"addresses": ["10.0.0.2", "10.0.0.3"], "conditions": {}},
        ],
        "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
    }));
    same::<Namespace>(&json!({"metadata": {"name": "shop", "labels": {"team": "a"}}}));
    same::<Pod>(&json!({
        "metadata": {"name": "p", "namespace": "n", "uid": "u"},
        "spec": {"hostNetwork": true, "dnsPolicy": "Default", "dnsConfig": {"searches": ["a", "b"]}},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "hostIP": "10.0.0.9",
            "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]},
    }));
}

#[test]
fn the_names_of_pods_are_read_where_they_are_asked_for() {
    let object =
        json!({"endpoints": [{"addresses": ["10.0.0.1"], "hostname": "a", "targetRef": {"name": "pod-a"}}]});
    let wire = to_wire(EndpointSlice::FIELDS.unwrap(), &object);
    for pod_names in [false, true] {
        let read: EndpointSlice = from_wire(EndpointSlice::fields(pod_names).unwrap(), &wire).unwrap();
        let endpoint = &read.endpoints.unwrap()[0];
        assert_eq!(endpoint.hostname.as_deref(), Some("a"));
        assert_eq!(endpoint.target_ref.is_some(), pod_names);
    }
}

#[test]
fn what_go_writes_though_it_is_empty_is_not_there() {
    // clusterIP and type of a Service without either.
    let spec = [tagged(3, b""), tagged(4, b"")].concat();
    let wire = tagged(2, &spec);
    let service: Service = from_wire(Service::FIELDS.unwrap(), &wire).unwrap();
    let spec = service.spec.unwrap();
    assert!(spec.cluster_ip.is_none() && spec.kind.is_none());
}

#[test]
fn a_field_of_another_type_is_an_error() {
    for wire in [
        // A number where metadata is, octets where a port is, a number too large for a port, no UTF-8, no end.
        vec![0x08, 0x01],
        tagged(2, &tagged(1, &tagged(3, b"80"))),
        tagged(2, &tagged(1, &[0x18, 0x80, 0x80, 0x04])),
        tagged(1, &tagged(1, b"\xff")),
        vec![0x0a, 0x05, 0x01],
        vec![0xff; 12],
        vec![0x0b],
    ] {
        assert!(from_wire::<Service>(Service::FIELDS.unwrap(), &wire).is_err(), "{wire:?}");
    }
}

proptest! {
    #[test]
    fn any_octets_are_read_or_refused(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = from_wire::<Service>(Service::FIELDS.unwrap(), &octets);
        let _ = from_wire::<EndpointSlice>(EndpointSlice::FIELDS.unwrap(), &octets);
        let _ = from_wire::<Pod>(Pod::FIELDS.unwrap(), &octets);
    }

    #[test]
    fn octets_changed_anywhere_do_no_harm(at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let object = json!({"metadata": {"name": "a"}, "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": true}}]});
        let mut wire = to_wire(EndpointSlice::FIELDS.unwrap(), &object);
        let at = at.index(wire.len());
        wire[at] = to;
        wire.truncate(cut.index(wire.len() + 1));
        let _ = from_wire::<EndpointSlice>(EndpointSlice::FIELDS.unwrap(), &wire);
    }
}
