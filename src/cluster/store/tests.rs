use std::collections::BTreeMap;
use std::net::IpAddr;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::zone::{Service as ZoneService, Zone};

fn all_kinds() -> KindSet {
    Kind::ALL.into_iter().fold(KindSet::EMPTY, KindSet::with)
}

fn new_store() -> Store {
    Store::new(all_kinds(), false)
}

fn service(name: &str, address: &str) -> AnyObject {
    let object = json!({"metadata": {"name": name, "namespace": "demo"}, "spec": {"clusterIP": address}});
    AnyObject::Service(serde_json::from_value(object).unwrap())
}

fn slice(name: &str, service: &str, endpoints: Value) -> AnyObject {
    let object = json!({
        "metadata": {
            "name": name, "namespace": "demo", "labels": {"kubernetes.io/service-name": service},
            "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": "2024-05-01T10:00:00Z"},
        },
        "endpoints": endpoints,
    });
    AnyObject::EndpointSlice(serde_json::from_value(object).unwrap())
}

fn pod(name: &str, uid: &str, address: &str, is_deleting: bool) -> AnyObject {
    let deletion = is_deleting.then_some("2024-05-01T10:00:00Z");
    let object = json!({
        "metadata": {"name": name, "namespace": "demo", "uid": uid, "deletionTimestamp": deletion},
        "status": {"podIP": address, "phase": "Running"},
    });
    AnyObject::Pod(serde_json::from_value(object).unwrap())
}

fn namespace(name: &str) -> AnyObject {
    AnyObject::Namespace(Namespace::implied(name))
}

fn ready(address: &str) -> Value {
    json!([{"addresses": [address]}])
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn web(store: &Store) -> Option<Arc<ZoneService>> {
    store.reader().load().service(b"\x03web\x04demo").cloned()
}

#[test]
fn a_service_and_its_slices_meet_in_any_order() {
    for slice_first in [true, false] {
        let mut store = new_store();
        let mut changes = vec![
            Change::Apply(service("web", "None")),
            Change::Apply(slice("web-1", "web", ready("192.0.2.1"))),
        ];
        if slice_first {
            changes.reverse();
        }
        changes.into_iter().for_each(|change| store.take(change));
        assert!(store.publish(1));
        assert_eq!(web(&store).unwrap().v4.len(), 1);
        assert_eq!(store.reader().load().endpoint_owners(ip("192.0.2.1")).len(), 1);
    }
}

#[test]
fn a_slice_without_service_is_in_the_reverse_index_only() {
    let mut store = new_store();
    store.take(Change::Apply(slice("web-1", "web", ready("192.0.2.1"))));
    store.publish(1);
    assert!(web(&store).is_none());
    assert_eq!(store.reader().load().endpoint_owners(ip("192.0.2.1")).len(), 1);
}

#[test]
fn what_is_unchanged_publishes_nothing() {
    let mut store = new_store();
    let objects = [
        service("web", "10.96.0.1"),
        slice("web-1", "web", ready("192.0.2.1")),
        namespace("demo"),
        pod("web-0", "a", "192.0.2.1", false),
    ];
    objects.iter().cloned().for_each(|object| store.take(Change::Apply(object)));
    assert!(store.publish(10));
    let before = store.reader().snapshot();
    for kind in Kind::ALL {
        store.take(Change::Begin(kind));
    }
    objects.iter().cloned().for_each(|object| store.take(Change::Listed(object)));
    for kind in Kind::ALL {
        store.take(Change::End(kind));
    }
    assert!(store.publish(20), "the kinds are synced now");
    assert_eq!(store.reader().load().serial(), 10);
    objects.iter().cloned().for_each(|object| store.take(Change::Apply(object)));
    assert!(!store.publish(30));
    assert_eq!(store.reader().load().generation(), before.generation() + 1);
}

#[test]
fn external_addresses_move_a_serial_of_their_own() {
    let object = |addresses: Value, port: u16| {
        let object = json!({
            "metadata": {"name": "web", "namespace": "demo"},
            "spec": {"clusterIP": "10.96.0.1", "externalIPs": addresses, "ports": [{"port": port}]},
        });
        AnyObject::Service(serde_json::from_value(object).unwrap())
    };
    let mut store = new_store();
    let mut serials = |change: Change, unix_s: u32| {
        store.take(change);
        let published = store.publish(unix_s);
        let zone = store.reader().snapshot();
        let owners = zone.external_ip_owners(ip("192.0.2.10")).len();
        (published, zone.serial(), zone.external_serial(), owners)
    };
    assert_eq!(serials(Change::Apply(object(json!([]), 80)), 10), (true, 10, 0, 0));
    assert_eq!(serials(Change::Apply(object(json!(["192.0.2.10"]), 80)), 20), (true, 10, 20, 1));
    assert_eq!(serials(Change::Apply(object(json!(["192.0.2.10"]), 80)), 30), (false, 10, 20, 1));
    assert_eq!(serials(Change::Apply(object(json!(["192.0.2.10"]), 81)), 40), (true, 40, 40, 1));
    assert_eq!(serials(Change::Apply(object(json!([]), 81)), 50), (true, 40, 50, 0));
    // No answer about external addresses changes here.
    assert_eq!(serials(Change::Apply(object(json!([]), 82)), 60), (true, 60, 50, 0));
    assert_eq!(serials(Change::Delete(object(json!([]), 82)), 70), (true, 70, 50, 0));
    // A secondary must hear of what is added and taken away, too.
    assert_eq!(serials(Change::Apply(object(json!(["192.0.2.10"]), 80)), 80), (true, 80, 80, 1));
    assert_eq!(serials(Change::Delete(object(json!([]), 80)), 90), (true, 90, 90, 0));
}

#[test]
fn the_serial_moves_with_what_answers_show() {
    let mut store = new_store();
    store.take(Change::Apply(namespace("demo")));
    assert!(store.publish(10));
    assert_eq!(store.reader().load().serial(), 0, "namespaces move nothing");
    store.take(Change::Apply(service("web", "None")));
    store.publish(20);
    let endpoints = |ready: bool| json!([{"addresses": ["192.0.2.1"]}, {"addresses": ["192.0.2.2"], "conditions": {"ready": ready}}]);
    store.take(Change::Apply(slice("web-1", "web", endpoints(false))));
    store.publish(30);
    assert_eq!(store.reader().load().serial(), 30);
    let one_more_unready = json!([{"addresses": ["192.0.2.1"]},
        {"addresses": ["192.0.2.2", "192.0.2.3"], "conditions": {"ready": false}}]);
    store.take(Change::Apply(slice("web-1", "web", one_more_unready)));
    assert!(store.publish(40), "explanations count who is not ready");
    assert_eq!(store.reader().load().serial(), 30);
    store.take(Change::Apply(slice("web-1", "web", endpoints(true))));
    store.publish(50);
    assert_eq!(store.reader().load().serial(), 50);
    store.take(Change::Delete(slice("web-1", "web", json!([]))));
    store.publish(60);
    assert_eq!(store.reader().load().serial(), 60);
}

#[test]
fn a_relist_sweeps_at_its_end_and_misses_nothing_before() {
    let mut store = new_store();
    for name in ["web", "old"] {
        store.take(Change::Apply(service(name, "10.96.0.1")));
    }
    store.publish(1);
    store.take(Change::Begin(Kind::Service));
    store.publish(2);
    assert_eq!(store.reader().load().counts().0, 2);
    store.take(Change::Listed(service("new", "10.96.0.2")));
    store.publish(3);
    assert!(web(&store).is_some());
    // The list breaks off and begins anew.
    store.take(Change::Begin(Kind::Service));
    store.take(Change::Listed(service("web", "10.96.0.1")));
    store.publish(4);
    assert_eq!(store.reader().load().counts().0, 3);
    store.take(Change::End(Kind::Service));
    store.publish(5);
    assert_eq!(store.reader().load().counts().0, 1);
    assert!(web(&store).is_some());
    assert_eq!(store.unsynced(), all_kinds().without(Kind::Service));
}

#[test]
fn a_slice_may_change_its_service() {
    let mut store = new_store();
    store.take(Change::Apply(service("web", "None")));
    store.take(Change::Apply(slice("s", "web", ready("192.0.2.1"))));
    store.publish(1);
    store.take(Change::Apply(slice("s", "other", ready("192.0.2.1"))));
    store.publish(2);
    assert!(web(&store).unwrap().v4.is_empty());
    let zone = store.reader().snapshot();
    assert_eq!(zone.endpoint_owners(ip("192.0.2.1"))[0].service().to_string(), "other.demo.");
}

#[test]
fn a_late_delete_does_not_take_the_successor() {
    let mut store = new_store();
    let address = ip("192.0.2.1");
    store.take(Change::Apply(pod("web-0", "first", "192.0.2.1", false)));
    store.take(Change::Apply(pod("web-0", "second", "192.0.2.1", false)));
    store.take(Change::Delete(pod("web-0", "first", "192.0.2.1", true)));
    store.publish(1);
    assert_eq!(store.reader().load().pods_at(address).len(), 1);
    // Another Pod takes the address over before the delete of the one that had it arrives.
    store.take(Change::Apply(pod("api-0", "third", "192.0.2.1", false)));
    store.take(Change::Delete(pod("web-0", "second", "192.0.2.1", true)));
    store.publish(2);
    assert_eq!(&*store.reader().load().pods_at(address)[0].name, "api-0");
}

#[test]
fn a_pod_on_its_way_out_is_not_taken_in_and_a_known_one_stays() {
    let mut store = new_store();
    store.take(Change::Apply(pod("a", "1", "192.0.2.1", true)));
    store.take(Change::Apply(pod("b", "2", "192.0.2.2", false)));
    store.take(Change::Apply(pod("b", "2", "192.0.2.2", true)));
    store.publish(1);
    assert!(store.reader().load().pods_at(ip("192.0.2.1")).is_empty());
    assert_eq!(store.reader().load().pods_at(ip("192.0.2.2")).len(), 1);
    store.take(Change::Delete(pod("b", "2", "192.0.2.2", true)));
    store.publish(2);
    assert!(store.reader().load().pods_at(ip("192.0.2.2")).is_empty());
    assert_eq!(store.count(Kind::Pod), 0);
}

#[test]
fn a_query_is_a_pod_s_until_the_pod_is_on_its_way_out() {
    let mut store = new_store();
    let client =
        |store: &Store| store.reader().load().client_at(ip("192.0.2.2")).map(|pod| pod.name.to_string());
    store.take(Change::Apply(pod("b", "2", "192.0.2.2", false)));
    store.publish(1);
    assert_eq!(client(&store), None, "nobody has said that the Pods are live");
    store.take(Change::Live(Kind::Pod));
    assert!(store.publish(2));
    assert_eq!(client(&store).as_deref(), Some("b"));
    store.take(Change::Live(Kind::Pod));
    assert!(!store.publish(3), "that is no news");
    store.take(Change::Apply(pod("b", "2", "192.0.2.2", true)));
    assert!(store.publish(4));
    assert_eq!(client(&store), None);
    assert_eq!(store.reader().load().pods_at(ip("192.0.2.2")).len(), 1, "its name stays");
    assert_eq!(store.reader().load().serial(), 1, "and no answer has changed");
    // Its successor has the address before it is gone, and is known once it is.
    store.take(Change::Apply(pod("c", "3", "192.0.2.2", false)));
    store.publish(5);
    assert_eq!(client(&store), None);
    store.take(Change::Delete(pod("b", "2", "192.0.2.2", true)));
    store.publish(6);
    assert_eq!(client(&store).as_deref(), Some("c"));
    store.take(Change::Lost(Kind::Pod));
    store.publish(7);
    assert_eq!(client(&store), None);
}

#[test]
fn a_pod_that_ran_to_its_end_goes() {
    let mut store = new_store();
    store.take(Change::Apply(pod("job", "1", "192.0.2.1", false)));
    let over = json!({"metadata": {"name": "job", "namespace": "demo", "uid": "1"},
        "status": {"podIP": "192.0.2.1", "phase": "Succeeded"}});
    store.take(Change::Apply(AnyObject::Pod(serde_json::from_value(over).unwrap())));
    store.publish(1);
    assert!(store.reader().load().pods_at(ip("192.0.2.1")).is_empty());
}

#[test]
fn programming_is_noted_for_updates_of_known_services_only() {
    let mut store = new_store();
    store.take(Change::Listed(service("web", "None")));
    store.take(Change::Listed(slice("web-1", "web", ready("192.0.2.1"))));
    store.take(Change::Apply(slice("x-1", "x", ready("192.0.2.1"))));
    store.publish(1);
    assert!(store.take_programmed().is_empty());
    store.take(Change::Apply(slice("web-1", "web", ready("192.0.2.2"))));
    store.take(Change::Apply(service("api", "10.96.0.1")));
    store.take(Change::Apply(slice("api-1", "api", ready("192.0.2.2"))));
    store.publish(2);
    let labels: Vec<_> = store.take_programmed().into_iter().map(|(label, _)| label.as_str()).collect();
    assert_eq!(labels, ["headless_with_selector", "cluster_ip"]);
}

/// All that a zone shows, in an order of its own.
fn shown(zone: &Zone) -> Vec<String> {
    let mut lines: Vec<String> = zone.services().map(|service| format!("{service:?}")).collect();
    lines.extend(zone.namespaces().map(|namespace| format!("{namespace:?}")));
    for (address, endpoints) in zone.endpoint_addresses() {
        let mut owners: Vec<_> =
            endpoints.iter().map(|e| format!("{} {:?}", e.service(), e.endpoint())).collect();
        owners.sort();
        lines.push(format!("{address} {owners:?}"));
    }
    for (address, pods) in zone.pods() {
        let mut names: Vec<_> = pods.iter().map(|pod| &*pod.name).collect();
        names.sort_unstable();
        let client = zone.client_at(address).map(|pod| &*pod.name);
        lines.push(format!("{address} {names:?} {client:?}"));
    }
    for service in zone.services() {
        for address in service.cluster_ips() {
            let mut owners: Vec<_> =
                zone.cluster_ip_owners(address).iter().map(ToString::to_string).collect();
            owners.sort();
            lines.push(format!("{address} {owners:?}"));
        }
    }
    lines.sort();
    lines
}

#[derive(Debug, Clone)]
enum Step {
    Apply(u8, u8, u8),
    Delete(u8, u8),
    /// A kind is listed anew: objects of the first bit mask are gone meanwhile; it breaks off after so many, or not.
    Relist(u8, u8, Option<u8>),
    Publish,
}

/// One of a handful of objects: `kind` and `name` say which, `state` what it says.
fn object(kind: u8, name: u8, state: u8) -> AnyObject {
    let (a, b) = (state % 4, state / 4 % 4);
    match kind % 4 {
        0 => {
            let address = if a == 0 { "None".to_owned() } else { format!("10.96.0.{a}") };
            service(&format!("s{name}"), &address)
        }
        1 => {
            let endpoints = json!([
                {"addresses": [format!("192.0.2.{a}")]},
                {"addresses": [format!("192.0.2.{}", b + 2)], "conditions": {"ready": a > 1}},
            ]);
            slice(&format!("e{name}"), &format!("s{b}"), endpoints)
        }
        2 => namespace(&format!("n{name}")),
        _ => {
            let meta = json!({"name": format!("p{name}"), "namespace": "demo", "uid": format!("u{name}")});
            let status = json!({"podIP": format!("192.0.2.{a}"), "phase": "Running"});
            let object = json!({"metadata": meta, "spec": {"hostNetwork": b == 0}, "status": status});
            AnyObject::Pod(serde_json::from_value(object).unwrap())
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..4u8, 0..4u8, any::<u8>()).prop_map(|(kind, name, state)| Step::Apply(kind, name, state)),
        3 => (0..4u8, 0..4u8).prop_map(|(kind, name)| Step::Delete(kind, name)),
        2 => (0..4u8, any::<u8>(), prop::option::of(0..4u8)).prop_map(|(k, gone, stop)| Step::Relist(k, gone, stop)),
        2 => Just(Step::Publish),
    ]
}

proptest! {
    /// Whatever happens on the way, the zone is that of the objects that are left.
    #[test]
    fn any_way_leads_to_the_zone_of_the_survivors(steps in prop::collection::vec(step(), 0..60)) {
        let mut store = new_store();
        let mut survivors: BTreeMap<(u8, u8), AnyObject> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Apply(kind, name, state) => {
                    let object = object(kind, name, state);
                    survivors.insert((kind, name), object.clone());
                    store.take(Change::Apply(object));
                }
                Step::Delete(kind, name) => {
                    if let Some(object) = survivors.remove(&(kind, name)) {
                        store.take(Change::Delete(object));
                    }
                }
                Step::Relist(kind, gone, stop) => {
                    let index = object(kind, 0, 0).kind();
                    store.take(Change::Begin(index));
                    if let Some(stop) = stop {
                        let listed = survivors.range((kind, 0)..=(kind, stop));
                        listed.for_each(|(_, object)| store.take(Change::Listed(object.clone())));
                        store.publish(1);
                        store.take(Change::Begin(index));
                    }
                    survivors.retain(|(held, name), _| *held != kind || gone & 1 << name == 0);
                    let before = store.count(index);
                    for object in survivors.range((kind, 0)..=(kind, u8::MAX)).map(|(_, object)| object) {
                        store.take(Change::Listed(object.clone()));
                        prop_assert_eq!(store.count(index), before, "a relist took something away before its end");
                    }
                    store.take(Change::End(index));
                }
                Step::Publish => {
                    store.publish(1);
                }
            }
        }
        store.take(Change::Live(Kind::Pod));
        store.publish(1);
        let mut fresh = new_store();
        fresh.take(Change::Live(Kind::Pod));
        survivors.into_values().for_each(|object| fresh.take(Change::Apply(object)));
        fresh.publish(1);
        prop_assert_eq!(shown(&store.reader().load()), shown(&fresh.reader().load()));
    }
}

#[test]
fn topology_zones_are_kept_only_when_asked_for() {
    let in_zone = |zone: &str| slice("web-1", "web", json!([{"addresses": ["192.0.2.1"], "zone": zone}]));
    for has_zones in [false, true] {
        let mut store = new_store();
        if has_zones {
            store.keep_zones();
        }
        store.take(Change::Apply(service("web", "None")));
        store.take(Change::Apply(in_zone("eu-1a")));
        store.publish(10);
        assert_eq!(web(&store).unwrap().zones.is_some(), has_zones);
        // Another zone is another answer, and so another serial: but only where a name shows it.
        store.take(Change::Apply(in_zone("eu-1b")));
        assert_eq!(store.publish(20), has_zones);
        assert_eq!(store.reader().load().serial(), if has_zones { 20 } else { 10 });
    }
}

fn import(name: &str, address: &str) -> AnyObject {
    let object = json!({
        "metadata": {"name": name, "namespace": "demo"},
        "spec": {"type": "ClusterSetIP", "ips": [address], "ports": [{"port": 80}]},
    });
    AnyObject::ServiceImport(serde_json::from_value(object).unwrap())
}

fn imported_slice(name: &str, import: &str, cluster: &str, endpoints: Value) -> AnyObject {
    let object = json!({
        "metadata": {"name": name, "namespace": "demo", "labels": {
            "multicluster.kubernetes.io/service-name": import, "multicluster.kubernetes.io/source-cluster": cluster,
        }},
        "endpoints": endpoints,
    });
    AnyObject::EndpointSlice(serde_json::from_value(object).unwrap())
}

#[test]
fn imports_have_a_serial_of_their_own() {
    let mut store = new_store();
    store.take(Change::Apply(service("web", "10.96.0.1")));
    store.publish(10);
    store.take(Change::Apply(import("web", "10.42.42.42")));
    store.publish(20);
    let zone = store.reader().snapshot();
    assert_eq!((zone.serial(), zone.import_serial()), (10, 20));
    store.take(Change::Apply(imported_slice("web-a", "web", "a", ready("192.0.2.1"))));
    store.publish(30);
    assert_eq!(store.reader().load().import_serial(), 30);
    // An endpoint that is not ready is no answer.
    let endpoints =
        json!([{"addresses": ["192.0.2.1"]}, {"addresses": ["192.0.2.2"], "conditions": {"ready": false}}]);
    store.take(Change::Apply(imported_slice("web-a", "web", "a", endpoints)));
    assert!(store.publish(40));
    assert_eq!(store.reader().load().import_serial(), 30);
    store.take(Change::Apply(imported_slice("web-a", "web", "b", ready("192.0.2.1"))));
    store.publish(50);
    let zone = store.reader().snapshot();
    assert_eq!((zone.serial(), zone.import_serial()), (10, 50));
    assert_eq!(zone.import(b"\x03web\x04demo").unwrap().parent(0), b"\x01b\x03web\x04demo");
}

#[test]
fn a_relist_sweeps_imports_and_their_slices_that_are_gone() {
    let mut store = new_store();
    let stays = [import("web", "10.42.42.42"), imported_slice("web-a", "web", "a", ready("192.0.2.1"))];
    let goes = [import("old", "10.42.42.43"), imported_slice("web-b", "web", "b", ready("192.0.2.2"))];
    stays.iter().chain(&goes).for_each(|object| store.take(Change::Apply(object.clone())));
    store.publish(10);
    assert_eq!((store.count(Kind::ServiceImport), store.count(Kind::EndpointSlice)), (2, 2));
    let kinds = [Kind::ServiceImport, Kind::EndpointSlice];
    kinds.into_iter().for_each(|kind| store.take(Change::Begin(kind)));
    store.take(Change::Listed(stays[0].clone()));
    store.take(Change::Keep(ObjectId::new(Kind::EndpointSlice, stays[1].meta())));
    kinds.into_iter().for_each(|kind| store.take(Change::End(kind)));
    store.publish(20);
    let zone = store.reader().snapshot();
    assert!(zone.import(b"\x03old\x04demo").is_none());
    assert_eq!(zone.import(b"\x03web\x04demo").unwrap().service.slices.len(), 1);
    assert_eq!((store.count(Kind::ServiceImport), store.count(Kind::EndpointSlice)), (1, 1));
}

#[test]
fn without_the_option_imports_leave_nothing_behind() {
    let mut store = Store::new(all_kinds().without(Kind::ServiceImport), false);
    store.take(Change::Apply(import("web", "10.42.42.42")));
    store.take(Change::Apply(imported_slice("web-a", "web", "a", ready("192.0.2.1"))));
    assert!(!store.publish(10));
    assert_eq!(store.count(Kind::EndpointSlice), 0);
    assert_eq!(store.reader().load().imports().count(), 0);
}
