//! A watch against an API server that misbehaves on demand, and against files.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kubezone::cluster::{
    Clusters, ManifestPath, NoObserver, Observer, RequestLimits, ServiceKindLabel, SourceConfig, SourceMode,
    Timing, Watch, WatchConfig,
};
use kubezone::zone::Kind;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::fake_api::FakeApi;

fn timing() -> Timing {
    Timing {
        backoff_min: Duration::from_millis(5),
        backoff_max: Duration::from_millis(50),
        poll: Duration::from_millis(10),
        ..Timing::default()
    }
}

fn config(api: &FakeApi) -> WatchConfig {
    WatchConfig::new(SourceConfig::Endpoint { url: api.url(), tls: None })
}

fn watch(api: &FakeApi, timing: Timing) -> Arc<Watch> {
    let clusters = Clusters::with_timing(Handle::current(), Arc::new(NoObserver), timing);
    clusters.watch(&config(api)).unwrap()
}

async fn synced(watch: &Watch) {
    tokio::time::timeout(Duration::from_secs(30), watch.synced()).await.expect("the first lists come in");
}

/// Waits until it holds. The limit is a guard against waiting for ever, and says nothing about speed.
async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("waited in vain: {what}");
}

fn service(name: &str, address: &str) -> Value {
    json!({"kind": "Service", "metadata": {"name": name, "namespace": "demo"}, "spec": {"clusterIP": address}})
}

fn namespace(name: &str) -> Value {
    json!({"kind": "Namespace", "metadata": {"name": name}})
}

fn slice(name: &str, service: &str, address: &str) -> Value {
    json!({
        "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {
            "name": name, "namespace": "demo", "labels": {"kubernetes.io/service-name": service},
            "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": "2024-05-01T10:00:00Z"},
        },
        "endpoints": [{"addresses": [address], "conditions": {"ready": true}}],
    })
}

fn pod(name: &str, address: &str) -> Value {
    json!({"kind": "Pod", "metadata": {"name": name, "namespace": "demo", "uid": name},
        "status": {"podIP": address, "phase": "Running"}})
}

/// The addresses of `NAME.demo`; `None` when there is no such Service.
fn addresses(watch: &Watch, name: &str) -> Option<Vec<String>> {
    let key = [&[name.len() as u8], name.as_bytes(), b"\x04demo"].concat();
    let zone = watch.reader().snapshot();
    zone.service(&key).map(|service| service.v4.iter().map(ToString::to_string).collect())
}

fn last_error(watch: &Watch, kind: Kind) -> String {
    let status = watch.status();
    let status = status.kinds.iter().find(|status| status.kind == kind).unwrap();
    status.last_error.clone().unwrap_or_default()
}

#[tokio::test]
async fn a_streaming_list_and_the_events_after_it() {
    let api = FakeApi::start().await;
    api.apply(namespace("demo"));
    api.apply(service("web", "None"));
    api.apply(slice("web-1", "web", "192.0.2.1"));
    let watch = watch(&api, timing());
    assert!(!watch.is_synced());
    synced(&watch).await;
    assert_eq!(addresses(&watch, "web").unwrap(), ["192.0.2.1"]);
    assert!(watch.reader().load().has_namespace(b"demo"));
    assert!(watch.reader().load().unsynced().is_empty());
    assert!(watch.status().kinds.iter().all(|kind| kind.mode == SourceMode::Streaming && kind.objects == 1));
    api.apply(slice("web-1", "web", "192.0.2.2"));
    eventually("an update", || addresses(&watch, "web").unwrap() == ["192.0.2.2"]).await;
    api.apply(service("api", "10.96.0.7"));
    eventually("a new Service", || addresses(&watch, "api").is_some()).await;
    api.delete(&service("api", ""));
    eventually("a deletion", || addresses(&watch, "api").is_none()).await;
    assert!(api.requests("list", "services").is_empty());
    let asked = &api.requests("watch", "services")[0];
    assert!(asked.agent.starts_with("kubezone/"), "{}", asked.agent);
}

#[tokio::test]
async fn a_server_without_streaming_is_listed_in_pages() {
    let api = FakeApi::start().await;
    api.set_streaming(false);
    for index in 0..1203 {
        api.apply(service(&format!("s{index}"), "10.96.0.1"));
    }
    let watch = watch(&api, timing());
    synced(&watch).await;
    assert_eq!(watch.reader().load().counts().0, 1203);
    let lists = api.requests("list", "services");
    assert_eq!(lists.len(), 3);
    assert!(lists.iter().all(|list| list.query["limit"] == "500"));
    assert_eq!(api.requests("list", "endpointslices")[0].query["limit"], "200");
    assert!(
        watch.status().kinds.iter().all(|kind| kind.mode == SourceMode::Paged && kind.last_error.is_none())
    );
    api.apply(service("s0", "10.96.0.2"));
    eventually("an update", || addresses(&watch, "s0").unwrap() == ["10.96.0.2"]).await;
}

#[tokio::test]
async fn a_streaming_list_that_shows_nothing_is_given_up() {
    let api = FakeApi::start().await;
    api.apply(service("web", "10.96.0.1"));
    api.set_delay(Duration::from_secs(1));
    let watch = watch(&api, Timing { streaming_first: Duration::from_millis(50), ..timing() });
    eventually("the first requests", || !api.requests("watch", "services").is_empty()).await;
    eventually("lists in pages", || !api.requests("list", "services").is_empty()).await;
    synced(&watch).await;
    assert!(addresses(&watch, "web").is_some());
}

#[tokio::test]
async fn a_version_that_is_gone_leads_to_a_relist_without_a_gap() {
    for has_streaming in [true, false] {
        let api = FakeApi::start().await;
        api.set_streaming(has_streaming);
        api.apply(service("stays", "10.96.0.1"));
        api.apply(service("goes", "10.96.0.2"));
        let watch = watch(&api, timing());
        synced(&watch).await;
        eventually("watches", || api.watch_count() == 3).await;
        // While nobody watches, one goes and one comes; the history of it is lost.
        api.set_delay(Duration::from_millis(100));
        api.disconnect();
        api.delete(&service("goes", ""));
        api.apply(service("comes", "10.96.0.3"));
        api.compact();
        eventually("the relist", || {
            assert!(addresses(&watch, "stays").is_some(), "it is in both lists");
            addresses(&watch, "comes").is_some() && addresses(&watch, "goes").is_none()
        })
        .await;
    }
}

#[tokio::test]
async fn a_watch_that_a_410_refuses_outright_is_listed_anew() {
    let api = FakeApi::start().await;
    let watch = watch(&api, timing());
    synced(&watch).await;
    eventually("watches", || api.watch_count() == 3).await;
    api.set_streaming(false);
    api.refuse("watch", "services", 410);
    api.disconnect();
    api.apply(service("web", "10.96.0.1"));
    eventually("the relist", || addresses(&watch, "web").is_some()).await;
}

#[tokio::test]
async fn a_lost_connection_resumes_where_it_broke() {
    let api = FakeApi::start().await;
    api.apply(service("web", "10.96.0.1"));
    let watch = watch(&api, timing());
    synced(&watch).await;
    eventually("watches", || api.watch_count() == 3).await;
    api.apply(service("web", "10.96.0.2"));
    eventually("an update", || addresses(&watch, "web").unwrap() == ["10.96.0.2"]).await;
    // Namespaces move the version on, and only a bookmark tells the watch of Services.
    api.apply(namespace("demo"));
    api.bookmark();
    eventually("the namespace", || watch.reader().load().has_namespace(b"demo")).await;
    let version = |index: usize| api.requests("watch", "services")[index].query["resourceVersion"].clone();
    let slack = api.requests("watch", "services").len();
    // The bookmark went to all watches before the disconnect: it is read before the end of the stream.
    api.disconnect();
    api.apply(service("api", "10.96.0.3"));
    eventually("what was missed", || addresses(&watch, "api").is_some()).await;
    assert_eq!(version(slack), "103", "the version of the bookmark");
    let initial = api
        .requests("watch", "services")
        .iter()
        .filter(|r| r.query.contains_key("sendInitialEvents"))
        .count();
    assert_eq!(initial, 1, "nothing was listed again");
}

#[tokio::test]
async fn a_silent_watch_is_taken_up_again_from_its_version() {
    let api = FakeApi::start().await;
    api.apply(service("web", "10.96.0.1"));
    let watch = watch(&api, Timing { silence: Duration::from_millis(50), ..timing() });
    synced(&watch).await;
    eventually("new watches", || api.requests("watch", "services").len() > 3).await;
    let watches = api.requests("watch", "services");
    assert!(watches[1..].iter().all(|watch| watch.query["resourceVersion"] == "101"));
    assert_eq!(last_error(&watch, Kind::Service), "");
    api.apply(service("api", "10.96.0.3"));
    eventually("an event", || addresses(&watch, "api").is_some()).await;
}

/// A watch of Pods, of which there is one, that has been taken up again after a failure.
async fn watch_again(api: &FakeApi, settle: Duration) -> Arc<Watch> {
    api.apply(pod("web-0", "192.0.2.9"));
    let config = WatchConfig { pods: true, ..config(api) };
    // A pause that is longer than it takes to look, and shorter than to give the version up.
    let pause = Duration::from_millis(500);
    let timing = Timing { backoff_min: pause, backoff_max: pause, settle, ..timing() };
    let watch =
        Clusters::with_timing(Handle::current(), Arc::new(NoObserver), timing).watch(&config).unwrap();
    eventually("the Pod", || is_client(&watch)).await;
    eventually("watches", || api.watch_count() == 4).await;
    api.refuse("watch", "pods", 500);
    api.disconnect();
    eventually("nobody", || !is_client(&watch)).await;
    let pods = watch.reader().load().pods_at("192.0.2.9".parse().unwrap()).len();
    assert_eq!(pods, 1, "its name stays");
    api.relent();
    eventually("watches", || api.watch_count() == 4).await;
    watch
}

/// Whether a query from the Pod's address is taken for its own.
fn is_client(watch: &Watch) -> bool {
    watch.reader().load().client_at("192.0.2.9".parse().unwrap()).is_some()
}

#[tokio::test]
async fn whose_a_query_is_is_not_known_before_what_was_missed_is() {
    for has_streaming in [true, false] {
        let api = FakeApi::start().await;
        api.set_streaming(has_streaming);
        let watch = watch_again(&api, Duration::from_secs(3600)).await;
        // What happened while nobody watched may still be on its way: an event is no proof, and a bookmark is.
        api.apply(pod("web-1", "192.0.2.10"));
        let other = "192.0.2.10".parse().unwrap();
        eventually("an event", || watch.reader().load().pods_at(other).len() == 1).await;
        assert!(!is_client(&watch));
        api.bookmark();
        eventually("the Pod again", || is_client(&watch)).await;
    }
}

#[tokio::test]
async fn whose_a_query_is_is_known_again_without_a_bookmark() {
    let api = FakeApi::start().await;
    let watch = watch_again(&api, Duration::from_millis(20)).await;
    eventually("the Pod again", || is_client(&watch)).await;
}

#[tokio::test]
async fn a_missing_permission_names_verb_and_resource() {
    let api = FakeApi::start().await;
    api.apply(service("web", "10.96.0.1"));
    for verb in ["list", "watch"] {
        api.refuse(verb, "endpointslices", 403);
    }
    let watch = watch(&api, timing());
    eventually("the error", || !last_error(&watch, Kind::EndpointSlice).is_empty()).await;
    let error = last_error(&watch, Kind::EndpointSlice);
    assert!(error.starts_with("may not list endpointslices: 403 "), "{error}");
    assert!(
        error.contains("verbs list and watch on `endpointslices` of apiGroup `discovery.k8s.io`"),
        "{error}"
    );
    eventually("the Services", || addresses(&watch, "web").is_some()).await;
    assert!(!watch.is_synced());
    assert!(watch.reader().load().unsynced().contains(Kind::EndpointSlice));
    api.relent();
    synced(&watch).await;
    eventually("all is well", || last_error(&watch, Kind::EndpointSlice).is_empty()).await;
}

#[tokio::test]
async fn server_errors_pass() {
    let api = FakeApi::start().await;
    api.apply(service("web", "10.96.0.1"));
    for (verb, plural) in [("watch", "services"), ("list", "services"), ("watch", "namespaces")] {
        api.refuse(verb, plural, 500);
    }
    let watch = watch(&api, timing());
    eventually("the error", || last_error(&watch, Kind::Service).contains("answered 500")).await;
    assert!(!watch.is_synced());
    api.relent();
    synced(&watch).await;
    assert!(addresses(&watch, "web").is_some());
}

#[tokio::test]
async fn an_event_that_makes_no_sense_leads_to_a_relist() {
    let api = FakeApi::start().await;
    let watch = watch(&api, timing());
    synced(&watch).await;
    eventually("watches", || api.watch_count() == 3).await;
    api.send("services", r#"{"type":"ADDED","object":{"metadata":{"name":7}}}"#);
    eventually("the relist", || api.requests("watch", "services").len() > 1).await;
    api.apply(service("web", "10.96.0.1"));
    eventually("an event", || addresses(&watch, "web").is_some()).await;
}

#[tokio::test]
async fn an_api_server_may_come_late_and_go() {
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let url = format!("http://{address}");
    let clusters = Clusters::with_timing(Handle::current(), Arc::new(NoObserver), timing());
    let config = WatchConfig::new(SourceConfig::Endpoint { url: url.clone(), tls: None });
    let watch = clusters.watch(&config).unwrap();
    eventually("the error", || last_error(&watch, Kind::Service).contains(&url)).await;
    assert!(last_error(&watch, Kind::Service).contains("refused"), "{}", last_error(&watch, Kind::Service));
    let api = FakeApi::start_at(address).await;
    api.apply(service("web", "10.96.0.1"));
    eventually("the Service", || addresses(&watch, "web").is_some()).await;
    synced(&watch).await;
    eventually("all is well", || last_error(&watch, Kind::Service).is_empty()).await;
    drop(api);
    eventually("the error", || !last_error(&watch, Kind::Service).is_empty()).await;
    assert!(addresses(&watch, "web").is_some(), "the last state stays");
    assert!(watch.is_synced());
}

#[tokio::test]
async fn equal_configurations_share_a_watch_and_the_last_holder_stops_it() {
    let api = FakeApi::start().await;
    let clusters = Clusters::with_timing(Handle::current(), Arc::new(NoObserver), timing());
    let first = clusters.watch(&config(&api)).unwrap();
    let second = clusters.watch(&config(&api)).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    let other = clusters.watch(&WatchConfig { endpoints: false, ..config(&api) }).unwrap();
    assert!(!Arc::ptr_eq(&first, &other));
    eventually("five watches", || api.watch_count() == 5).await;
    drop(first);
    drop(other);
    eventually("three watches", || api.watch_count() == 3).await;
    let reader = second.reader();
    drop(second);
    eventually("no watch", || api.watch_count() == 0).await;
    assert!(reader.load().generation() > 0, "the zone stays readable");
}

#[tokio::test]
async fn selectors_and_kinds_are_asked_for() {
    let api = FakeApi::start().await;
    api.apply(pod("web-0", "192.0.2.9"));
    let mut config = config(&api);
    config.labels = Some("app in (a,b),tier!=x".to_owned());
    config.namespace_labels = Some("team=a".to_owned());
    (config.pods, config.endpoints) = (true, false);
    let clusters = Clusters::with_timing(Handle::current(), Arc::new(NoObserver), timing());
    let watch = clusters.watch(&config).unwrap();
    synced(&watch).await;
    let query = |plural: &str| api.requests("watch", plural)[0].query.clone();
    assert_eq!(query("services")["labelSelector"], "app in (a,b),tier!=x");
    assert_eq!(query("namespaces")["labelSelector"], "team=a");
    assert_eq!(query("pods")["labelSelector"], "app in (a,b),tier!=x");
    assert_eq!(
        query("pods")["fieldSelector"],
        "status.phase!=Succeeded,status.phase!=Failed,status.phase!=Unknown"
    );
    assert!(api.requests("watch", "endpointslices").is_empty());
    assert_eq!(watch.reader().load().pods_at("192.0.2.9".parse().unwrap()).len(), 1);
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Observer for Heard {
    fn programmed(&self, kind: ServiceKindLabel, latency: Duration) {
        assert!(latency > Duration::ZERO);
        self.0.lock().unwrap().push(format!("programmed {}", kind.as_str()));
    }

    fn api_request(&self, method: &str, verb: &str, _host: &str, code: Option<u16>, _took: Duration) {
        self.0.lock().unwrap().push(format!("{method} {verb} {code:?}"));
    }

    fn api_throttled(&self, verb: &str, host: &str, waited: Duration) {
        let is_held = if waited.is_zero() { "at once" } else { "held back" };
        assert!(host.starts_with("127.0.0.1:"), "{host}");
        self.0.lock().unwrap().push(format!("{verb} {is_held}"));
    }

    fn relisted(&self, kind: Kind) {
        self.0.lock().unwrap().push(format!("relisted {}", kind.plural()));
    }
}

#[tokio::test]
async fn an_observer_hears_of_requests_relists_and_programming() {
    let api = FakeApi::start().await;
    api.apply(service("web", "None"));
    api.apply(slice("web-1", "web", "192.0.2.1"));
    let heard = Arc::new(Heard::default());
    let clusters = Clusters::with_timing(Handle::current(), Arc::clone(&heard) as _, timing());
    let watch = clusters.watch(&config(&api)).unwrap();
    synced(&watch).await;
    eventually("watches", || api.watch_count() == 3).await;
    let has = |what: &str| heard.0.lock().unwrap().iter().any(|held| held == what);
    assert!(has("GET watch Some(200)"));
    assert!(has("watch at once") && !has("watch held back"));
    let limits = RequestLimits { burst: NonZeroU32::new(1), ..RequestLimits::default() };
    let held = clusters.watch(&WatchConfig { limits, ..config(&api) }).unwrap();
    synced(&held).await;
    assert!(has("watch held back"));
    drop(held);
    eventually("watches", || api.watch_count() == 3).await;
    assert!(!has("programmed headless_with_selector"), "the first list is no change");
    api.apply(slice("web-1", "web", "192.0.2.2"));
    eventually("programming", || has("programmed headless_with_selector")).await;
    assert!(!has("relisted services"));
    api.compact();
    api.disconnect();
    eventually("a relist", || has("relisted services")).await;
}

#[tokio::test]
async fn manifests_are_whole_at_once_and_watched_for_changes() {
    let folder = std::env::temp_dir().join(format!("kubezone-it-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("demo.json");
    let mut web = service("web", "10.96.0.1");
    web["apiVersion"] = json!("v1");
    std::fs::write(&file, web.to_string()).unwrap();
    let clusters = Clusters::with_timing(Handle::current(), Arc::new(NoObserver), timing());
    let source = SourceConfig::Manifests(vec![ManifestPath::Path(folder.clone())]);
    let watch = clusters.watch(&WatchConfig::new(source)).unwrap();
    assert!(watch.is_synced());
    assert_eq!(addresses(&watch, "web").unwrap(), ["10.96.0.1"]);
    web["spec"]["clusterIP"] = json!("10.96.0.22");
    std::fs::write(&file, web.to_string()).unwrap();
    eventually("the change", || addresses(&watch, "web").unwrap() == ["10.96.0.22"]).await;
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn what_cannot_lead_to_data_is_an_error_at_once() {
    let clusters = Clusters::new(Handle::current(), Arc::new(NoObserver));
    let error = |source| clusters.watch(&WatchConfig::new(source)).err().unwrap().to_string();
    let endpoint = |url: &str| SourceConfig::Endpoint { url: url.to_owned(), tls: None };
    assert!(error(endpoint("192.0.2.1:6443")).contains("should look like `https://"));
    let kubeconfig = SourceConfig::Kubeconfig { file: "/nowhere/config".into(), context: None };
    assert!(error(kubeconfig).starts_with("use kubeconfig `/nowhere/config`: "));
    let mut config = WatchConfig::new(endpoint("http://127.0.0.1:1"));
    config.labels = Some("app in".to_owned());
    assert!(clusters.watch(&config).err().unwrap().to_string().starts_with("read label selector `app in`"));
}

fn import(name: &str, address: &str) -> Value {
    json!({
        "kind": "ServiceImport", "metadata": {"name": name, "namespace": "demo"},
        "spec": {"type": "ClusterSetIP", "ips": [address], "ports": [{"name": "http", "port": 80}]},
    })
}

fn imported_slice(name: &str, import: &str, cluster: &str, address: &str) -> Value {
    json!({
        "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": name, "namespace": "demo", "labels": {
            "multicluster.kubernetes.io/service-name": import, "multicluster.kubernetes.io/source-cluster": cluster,
        }},
        "endpoints": [{"addresses": [address], "conditions": {"ready": true}}],
    })
}

fn multicluster(api: &FakeApi) -> WatchConfig {
    WatchConfig { multicluster: true, ..config(api) }
}

/// The clusterset IPs and the number of slices of `NAME.demo`; `None` when there is no such import.
fn imported(watch: &Watch, name: &str) -> Option<(Vec<String>, usize)> {
    let key = [&[name.len() as u8], name.as_bytes(), b"\x04demo"].concat();
    let zone = watch.reader().snapshot();
    let service = &zone.import(&key)?.service;
    Some((service.v4.iter().map(ToString::to_string).collect(), service.slices.len()))
}

#[tokio::test]
async fn imports_are_watched_only_when_they_are_wanted_and_their_slices_with_the_others() {
    let api = FakeApi::start().await;
    api.apply(service("web", "None"));
    api.apply(slice("web-1", "web", "192.0.2.1"));
    api.apply(import("web", "10.42.42.42"));
    api.apply(imported_slice("web-a", "web", "cluster-a", "192.0.2.9"));
    let clusters = Clusters::with_timing(Handle::current(), Arc::new(NoObserver), timing());
    let plain = clusters.watch(&config(&api)).unwrap();
    synced(&plain).await;
    assert!(imported(&plain, "web").is_none());
    assert!(api.requests("watch", "serviceimports").is_empty());
    drop(plain);
    let watch = clusters.watch(&multicluster(&api)).unwrap();
    assert!(Arc::ptr_eq(&watch, &clusters.watch(&multicluster(&api)).unwrap()), "equal ones share a watch");
    let before = api.requests("watch", "endpointslices").len();
    synced(&watch).await;
    assert_eq!(imported(&watch, "web").unwrap(), (vec!["10.42.42.42".to_owned()], 1));
    assert_eq!(addresses(&watch, "web").unwrap(), ["192.0.2.1"], "no endpoint of another cluster");
    assert!(watch.reader().load().endpoint_owners("192.0.2.9".parse().unwrap()).is_empty(), "no PTR");
    assert!(api.requests("watch", "endpointslices").len() <= before + 1, "one watch serves both");
    api.apply(import("web", "10.42.42.43"));
    eventually("an update", || imported(&watch, "web").unwrap().0 == ["10.42.42.43"]).await;
    api.apply(imported_slice("web-b", "web", "cluster-b", "192.0.2.10"));
    eventually("another cluster", || imported(&watch, "web").unwrap().1 == 2).await;
    api.delete(&imported_slice("web-a", "web", "cluster-a", ""));
    eventually("a cluster that leaves", || imported(&watch, "web").unwrap().1 == 1).await;
    api.delete(&import("web", ""));
    eventually("a deletion", || imported(&watch, "web").is_none()).await;
    assert!(addresses(&watch, "web").is_some());
}

#[tokio::test]
async fn selectors_go_to_slices_of_imports_and_not_to_imports() {
    let api = FakeApi::start().await;
    let labels = |labels: &str| Some(labels.to_owned());
    let config = WatchConfig {
        labels: labels("app=web"),
        namespace_labels: labels("team=a"),
        endpoints: false,
        ..multicluster(&api)
    };
    let clusters = Clusters::with_timing(Handle::current(), Arc::new(NoObserver), timing());
    let watch = clusters.watch(&config).unwrap();
    synced(&watch).await;
    let asked = |plural: &str| api.requests("watch", plural)[0].query.get("labelSelector").cloned();
    assert_eq!(asked("services").as_deref(), Some("app=web"));
    let of_slices = asked("endpointslices");
    assert_eq!(of_slices.as_deref(), Some("app=web,multicluster.kubernetes.io/service-name"));
    assert_eq!(asked("namespaces").as_deref(), Some("team=a"));
    assert_eq!(asked("serviceimports"), None);
}

#[tokio::test]
async fn a_cluster_without_imports_is_ready_and_says_what_is_missing_until_it_comes() {
    let api = FakeApi::start().await;
    api.apply(namespace("demo"));
    api.apply(service("web", "10.96.0.1"));
    api.apply(import("web", "10.42.42.42"));
    for verb in ["watch", "list"] {
        api.refuse(verb, "serviceimports", 404);
    }
    let clusters = Clusters::with_timing(Handle::current(), Arc::new(NoObserver), timing());
    let watch = clusters.watch(&multicluster(&api)).unwrap();
    synced(&watch).await;
    assert!(watch.is_synced() && addresses(&watch, "web").is_some());
    // It may come yet: a name of the cluster set is not called missing.
    assert!(watch.reader().load().unsynced().contains(Kind::ServiceImport));
    eventually("the reason", || !last_error(&watch, Kind::ServiceImport).is_empty()).await;
    let told = last_error(&watch, Kind::ServiceImport);
    assert!(told.contains("CustomResourceDefinition `serviceimports.multicluster.x-k8s.io`"), "{told}");
    api.relent();
    eventually("the imports", || imported(&watch, "web").is_some()).await;
    eventually("nothing to complain of", || last_error(&watch, Kind::ServiceImport).is_empty()).await;
    assert!(watch.reader().load().unsynced().is_empty());
}

#[tokio::test]
async fn imports_that_may_not_be_read_keep_the_watch_from_being_ready() {
    let api = FakeApi::start().await;
    for verb in ["watch", "list"] {
        api.refuse(verb, "serviceimports", 403);
    }
    let clusters = Clusters::with_timing(Handle::current(), Arc::new(NoObserver), timing());
    let watch = clusters.watch(&multicluster(&api)).unwrap();
    eventually("the reason", || !last_error(&watch, Kind::ServiceImport).is_empty()).await;
    let told = last_error(&watch, Kind::ServiceImport);
    assert!(
        told.contains("list and watch on `serviceimports` of apiGroup `multicluster.x-k8s.io`"),
        "{told}"
    );
    assert!(!watch.is_synced());
}

/// What a watch of this configuration does with the API server.
fn limited(api: &FakeApi, limits: RequestLimits) -> Arc<Watch> {
    let clusters = Clusters::with_timing(Handle::current(), Arc::new(NoObserver), timing());
    clusters.watch(&WatchConfig { limits, pods: true, ..config(api) }).unwrap()
}

#[tokio::test]
async fn requests_in_flight_are_capped_and_open_watches_do_not_count() {
    for (cap, has_streaming) in [(None, true), (Some(1), true), (Some(1), false), (Some(2), false)] {
        let api = FakeApi::start().await;
        api.set_streaming(has_streaming);
        api.apply(service("web", "10.96.0.1"));
        // Long enough that all kinds ask before the first is answered.
        api.set_delay(Duration::from_millis(20));
        let in_flight = cap.and_then(NonZeroU32::new);
        let watch = limited(&api, RequestLimits { in_flight, ..RequestLimits::default() });
        synced(&watch).await;
        eventually("all four watches", || api.watch_count() == 4).await;
        // A relist while all watches are open, under the same cap.
        api.compact();
        api.disconnect();
        api.apply(service("api", "10.96.0.2"));
        eventually("the relist", || addresses(&watch, "api").is_some()).await;
        eventually("all four watches again", || api.watch_count() == 4).await;
        match cap {
            None => assert!(api.in_flight_max() > 2, "the test can see more: {}", api.in_flight_max()),
            Some(cap) => assert_eq!(api.in_flight_max(), cap as usize),
        }
    }
}

#[tokio::test]
async fn requests_beyond_the_burst_wait_for_a_token() {
    let api = FakeApi::start().await;
    api.set_streaming(false);
    for index in 0..1203 {
        api.apply(service(&format!("s{index}"), "10.96.0.1"));
    }
    // No token comes while this test runs: there are four streaming lists that are refused, six pages, and four watches
    // after them; half of that is sent.
    let limits = RequestLimits {
        interval: Some(Duration::from_secs(1_000)),
        burst: NonZeroU32::new(7),
        in_flight: None,
    };
    let watch = limited(&api, limits);
    eventually("the burst", || api.request_count() == 7).await;
    assert!(!watch.is_synced());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(api.request_count(), 7);
    // What was held back is no error, and the server is not taken for one that does not know streaming for it.
    assert_eq!(last_error(&watch, Kind::Service), "");
    drop(watch);
    eventually("its end", || api.watch_count() == 0).await;
    // Enough tokens for all.
    let other = limited(&api, RequestLimits { burst: NonZeroU32::new(14), ..limits });
    synced(&other).await;
    eventually("all four watches", || api.watch_count() == 4).await;
    assert_eq!(api.request_count(), 7 + 14);
}

/// How often each way was taken to list the Services: as a stream, and in pages.
fn lists(api: &FakeApi) -> (usize, usize) {
    let watches = api.requests("watch", "services");
    let streams = watches.iter().filter(|request| request.query.contains_key("sendInitialEvents")).count();
    (streams, api.requests("list", "services").len())
}

/// Lets all watches end where only a new list helps, and waits until it has come.
async fn relist(api: &FakeApi, watch: &Watch, name: &str) {
    eventually("watches", || api.watch_count() == 3).await;
    api.compact();
    api.disconnect();
    api.apply(service(name, "10.96.0.9"));
    eventually("the relist", || addresses(watch, name).is_some()).await;
}

#[tokio::test]
async fn a_server_that_learned_to_stream_is_found_out() {
    let api = FakeApi::start().await;
    api.set_streaming(false);
    api.apply(service("web", "10.96.0.1"));
    let watch = watch(&api, Timing { streaming_again: Duration::ZERO, ..timing() });
    let mode = || watch.status().kinds.iter().find(|kind| kind.kind == Kind::Service).unwrap().mode;
    synced(&watch).await;
    let (streams, pages) = lists(&api);
    assert_eq!(mode(), SourceMode::Paged);
    // It still cannot: the try is no error, and the pages bring what is new.
    relist(&api, &watch, "first").await;
    assert!(lists(&api).0 > streams && lists(&api).1 > pages, "{:?}", lists(&api));
    assert_eq!((mode(), last_error(&watch, Kind::Service)), (SourceMode::Paged, String::new()));
    api.set_streaming(true);
    let (streams, pages) = lists(&api);
    relist(&api, &watch, "second").await;
    eventually("the mode", || mode() == SourceMode::Streaming).await;
    assert!(lists(&api).0 > streams, "{:?}", lists(&api));
    assert_eq!(lists(&api).1, pages, "no page was asked for");
    assert!(addresses(&watch, "web").is_some() && addresses(&watch, "first").is_some());
}

#[tokio::test]
async fn a_server_that_cannot_stream_is_not_asked_at_each_relist() {
    let api = FakeApi::start().await;
    api.set_streaming(false);
    let watch = watch(&api, timing());
    synced(&watch).await;
    let before = lists(&api);
    relist(&api, &watch, "first").await;
    relist(&api, &watch, "second").await;
    assert_eq!(lists(&api).0, before.0);
    assert!(lists(&api).1 >= before.1 + 2, "{before:?} {:?}", lists(&api));
    assert!(watch.status().kinds.iter().all(|kind| kind.mode == SourceMode::Paged));
}
