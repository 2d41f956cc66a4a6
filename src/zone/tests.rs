use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;

fn key(service: &str, namespace: &str) -> ServiceKey {
    ServiceKey::new(service, namespace).unwrap()
}

fn slice(service: &str, addresses: &[&str]) -> Arc<Slice> {
    let endpoints =
        addresses.iter().map(|address| Endpoint { address: address.parse().unwrap(), name: None });
    Arc::new(Slice::new(key(service, "demo"), vec![], endpoints.collect(), 0))
}

#[test]
fn a_reader_sees_nothing_before_publish_and_all_of_it_after() {
    let mut writer = Writer::new(KindSet::EMPTY.with(Kind::Service));
    let reader = writer.reader();
    writer.insert_service(Service::cluster_ip(
        key("web", "demo"),
        &["10.96.0.1".parse().unwrap()],
        vec![],
        vec![],
    ));
    writer.insert_namespace(b"demo");
    assert!(reader.load().service(b"\x03web\x04demo").is_none());
    let before = reader.snapshot();
    writer.set_synced(Kind::Service);
    writer.publish();
    assert!(reader.load().service(b"\x03web\x04demo").is_some());
    assert!(reader.load().has_namespace(b"demo"));
    assert!(reader.load().unsynced().is_empty());
    assert!(before.service(b"\x03web\x04demo").is_none(), "a generation never changes");
    assert!(!before.unsynced().is_empty());
}

#[test]
fn a_cluster_ip_follows_its_service() {
    let mut writer = Writer::new(KindSet::EMPTY);
    let address = "10.96.0.1".parse().unwrap();
    writer.insert_service(Service::cluster_ip(key("old", "demo"), &[address], vec![], vec![]));
    writer.insert_service(Service::cluster_ip(key("new", "demo"), &[address], vec![], vec![]));
    assert_eq!(writer.draft().cluster_ip_owners(address).len(), 2);
    writer.remove_service(&key("old", "demo"));
    assert_eq!(writer.draft().cluster_ip_owners(address), [key("new", "demo")]);
    writer.insert_service(Service::headless(key("new", "demo"), vec![]));
    assert!(writer.draft().cluster_ip_owners(address).is_empty());
}

#[test]
fn an_external_address_follows_its_services() {
    let mut writer = Writer::new(KindSet::EMPTY);
    let address: std::net::IpAddr = "192.0.2.10".parse().unwrap();
    let targets = || vec![ExternalTarget::Address(address), ExternalTarget::Name(b"\x02lb\0"[..].into())];
    let external = || Some(Arc::new(External { targets: targets().into(), given: 2, ports: Box::default() }));
    let service = |name: &str| Service::headless(key(name, "demo"), vec![]);
    writer.insert_service(service("a").with_external(external()));
    writer.insert_service(service("b").with_external(external()));
    assert_eq!(writer.draft().external_ip_owners(address), [key("a", "demo"), key("b", "demo")]);
    assert!(writer.draft().cluster_ip_owners(address).is_empty());
    writer.insert_service(service("a"));
    assert_eq!(writer.draft().external_ip_owners(address), [key("b", "demo")]);
    assert_eq!(writer.draft().external_addresses().count(), 1);
    writer.remove_service(&key("b", "demo"));
    assert_eq!(writer.draft().external_addresses().count(), 0);
}

#[test]
fn services_of_one_name_are_found_in_all_namespaces() {
    let mut writer = Writer::new(KindSet::EMPTY);
    for namespace in ["a", "b", "b"] {
        writer.insert_service(Service::headless(key("web", namespace), vec![]));
    }
    assert_eq!(writer.draft().services_named(b"web").len(), 2);
    writer.remove_service(&key("web", "a"));
    assert_eq!(writer.draft().services_named(b"web"), [key("web", "b")]);
    writer.remove_service(&key("web", "b"));
    assert!(writer.draft().services_named(b"web").is_empty());
}

#[test]
fn an_endpoint_shared_by_two_slices_stays_until_both_are_gone() {
    let mut writer = Writer::new(KindSet::EMPTY);
    let (one, two) = (slice("one", &["192.0.2.1", "192.0.2.2"]), slice("two", &["192.0.2.1"]));
    writer.insert_slice(&one);
    writer.insert_slice(&two);
    let address = "192.0.2.1".parse().unwrap();
    assert_eq!(writer.draft().endpoint_owners(address).len(), 2);
    writer.remove_slice(&one);
    assert_eq!(writer.draft().endpoint_owners(address)[0].service(), &key("two", "demo"));
    writer.remove_slice(&two);
    assert!(writer.draft().endpoint_owners(address).is_empty());
    assert!(writer.draft().endpoint_owners("192.0.2.2".parse().unwrap()).is_empty());
}

#[test]
fn headless_addresses_are_merged_across_slices() {
    let slices = vec![slice("db", &["192.0.2.1", "2001:db8::1"]), slice("db", &["192.0.2.1", "192.0.2.2"])];
    let service = Service::headless(key("db", "demo"), slices);
    assert_eq!(service.v4.len(), 2);
    assert_eq!(service.v6.len(), 1);
    assert!(service.has_duplicates);
    assert!(!Service::headless(key("db", "demo"), vec![slice("db", &["192.0.2.1"])]).has_duplicates);
}

#[test]
fn pods_share_an_address_and_leave_it_one_by_one() {
    let mut writer = Writer::new(KindSet::EMPTY);
    let address = "192.0.2.9".parse().unwrap();
    let pod = |name: &str| Arc::new(Pod { namespace: b"demo"[..].into(), name: name.into() });
    let (a, b) = (pod("a"), pod("b"));
    writer.insert_pod(address, Arc::clone(&a), true);
    writer.insert_pod(address, Arc::clone(&b), true);
    writer.remove_pod(address, &a, true);
    assert_eq!(writer.draft().pods_at(address), std::slice::from_ref(&b));
    writer.remove_pod(address, &b, true);
    assert!(writer.draft().pods_at(address).is_empty());
}

#[test]
fn a_client_is_the_only_pod_of_its_address_while_pods_are_live() {
    let mut writer = Writer::new(KindSet::EMPTY.with(Kind::Pod));
    let address = "192.0.2.9".parse().unwrap();
    let pod = |name: &str| Arc::new(Pod { namespace: b"demo"[..].into(), name: name.into() });
    let name = |writer: &Writer| writer.draft().client_at(address).map(|pod| pod.name.to_string());
    let (a, b) = (pod("a"), pod("b"));
    writer.insert_pod(address, Arc::clone(&a), true);
    assert_eq!(name(&writer), None, "not live yet");
    writer.set_live(Kind::Pod, true);
    assert_eq!(name(&writer).as_deref(), Some("a"));
    writer.insert_pod(address, Arc::clone(&b), false);
    assert_eq!(name(&writer), None);
    // The one that is left is not a client; and then it is the other one.
    writer.remove_pod(address, &a, true);
    assert_eq!(name(&writer), None);
    writer.insert_pod(address, Arc::clone(&a), true);
    writer.remove_pod(address, &b, false);
    writer.remove_pod(address, &b, false);
    assert_eq!(name(&writer).as_deref(), Some("a"));
    writer.set_live(Kind::Service, false);
    assert!(name(&writer).is_some());
    writer.set_live(Kind::Pod, false);
    assert_eq!(name(&writer), None);
}

#[derive(Clone, Debug)]
enum Change {
    Insert(u8, u8),
    Remove(u8),
    Snapshot,
}

impl Keyed for (u8, u8) {
    type Key = u8;

    fn with_key<R>(&self, see: impl FnOnce(&u8) -> R) -> R {
        see(&self.0)
    }
}

proptest! {
    /// The table is a map, and a snapshot of it stays what it was.
    #[test]
    fn table_behaves_as_a_map(changes in prop::collection::vec(prop_oneof![
        (any::<u8>(), any::<u8>()).prop_map(|(key, value)| Change::Insert(key, value)),
        any::<u8>().prop_map(Change::Remove),
        Just(Change::Snapshot),
    ], 0..300)) {
        let (mut table, mut model) = (Table::new(), HashMap::new());
        let mut snapshots = Vec::new();
        for change in changes {
            match change {
                Change::Insert(key, value) => {
                    prop_assert_eq!(table.insert((key, value)).map(|(_, old)| old), model.insert(key, value));
                }
                Change::Remove(key) => {
                    prop_assert_eq!(table.remove(&key).map(|(_, old)| old), model.remove(&key));
                }
                Change::Snapshot => snapshots.push((table.clone(), model.clone())),
            }
        }
        snapshots.push((table, model));
        for (table, model) in snapshots {
            prop_assert_eq!(table.len(), model.len());
            prop_assert_eq!(table.iter().copied().collect::<HashMap<_, _>>(), model.clone());
            for (key, value) in model {
                prop_assert_eq!(table.find(&key), Some(&(key, value)));
            }
        }
    }
}
