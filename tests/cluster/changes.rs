//! Objects that come, change and go; the API server that goes and comes back, or was never there.

use std::fs;
use std::path::PathBuf;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType::{A, SRV};

use crate::client::Reply;
use crate::cluster::{Cluster, control_plane, restricted_kubeconfig};
use crate::server::Server;
use crate::upstream;

/// A Service with one port of this number.
fn service(name: &str, port: u16) -> String {
    format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{ports: [{{name: p, port: {port}}}]}}}}"
    )
}

#[test]
fn a_service_is_created_changed_and_deleted() {
    let cluster = Cluster::join("changes");
    let server = cluster.serve();
    let name = cluster.name("late");
    assert!(server.ask(&name, A).is_name_error());

    cluster.apply(&service("late", 80));
    let address = &cluster.addresses("late")[0];
    let created = server.ask_until(&name, A, |reply| !reply.answer.is_empty());
    assert_eq!(created.answer, [format!("{name} A {address}")]);
    let first = server.ask(&name, SRV);

    cluster.apply(&service("late", 8080));
    let changed = server.ask_until(&name, SRV, |reply| reply.answer != first.answer);
    assert_eq!(changed.answer, [format!("{name} SRV 0 100 8080 {name}")]);

    cluster.kubectl(&["delete", "service", "late"]);
    server.ask_until(&name, A, Reply::is_name_error);
}

/// The same name becomes another kind of Service: nothing of the old one may stay.
#[test]
fn a_service_becomes_an_external_name() {
    let cluster = Cluster::join("kinds");
    cluster.apply(&service("shape", 80));
    let server = cluster.serve();
    let name = cluster.name("shape");
    assert_eq!(server.ask(&name, A).answer.len(), 1);
    cluster.kubectl(&["delete", "service", "shape"]);
    cluster.apply(&format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: shape}}, spec: {{type: ExternalName, externalName: {}}}}}",
        upstream::NAME.trim_end_matches('.')
    ));
    let reply = server.ask_until(&name, A, |reply| reply.answer.len() == 2);
    assert_eq!(
        reply.answer,
        [format!("{} A {}", upstream::NAME, upstream::ADDRESS), format!("{name} CNAME {}", upstream::NAME),]
    );
}

#[test]
fn an_endpoint_becomes_ready_and_unready() {
    let cluster = Cluster::join("readiness");
    cluster.apply(
        "{apiVersion: v1, kind: Service, metadata: {name: db},
          spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432}]}}",
    );
    cluster.pod("db-0", "db", "db-0", "10.244.8.1", true);
    cluster.pod("db-1", "db", "db-1", "10.244.8.2", false);
    let server = cluster.serve();
    let (name, second) = (cluster.name("db"), cluster.name("db-1.db"));
    server.ask_until(&name, A, |reply| reply.answer == [format!("{name} A 10.244.8.1")]);
    assert!(server.ask(&second, A).is_name_error());

    cluster.set_ready("db-1", "10.244.8.2", true);
    server.ask_until(&name, A, |reply| reply.answer.len() == 2);
    assert_eq!(server.ask(&second, A).answer, [format!("{second} A 10.244.8.2")]);

    cluster.set_ready("db-0", "10.244.8.1", false);
    server.ask_until(&name, A, |reply| reply.answer == [format!("{name} A 10.244.8.2")]);
}

#[test]
fn a_namespace_takes_its_names_along() {
    let cluster = Cluster::join("namespace");
    cluster.apply(&service("inside", 80));
    let server = cluster.serve();
    let (name, namespace) = (cluster.name("inside"), format!("{}.svc.cluster.local.", cluster.namespace));
    assert_eq!(server.ask(&name, A).answer.len(), 1);
    assert!(server.ask(&namespace, A).is_nodata());
    cluster.kubectl(&["delete", "namespace", &cluster.namespace, "--wait=false"]);
    server.ask_until(&name, A, Reply::is_name_error);
    server.ask_until(&namespace, A, Reply::is_name_error);
}

/// What was known stays known while the API server is away, and what changed meanwhile is found when it is back.
#[test]
fn the_api_server_goes_and_comes_back() {
    let cluster = Cluster::alone("outage");
    cluster.apply(&service("old", 80));
    let server = cluster.serve();
    let old = cluster.name("old");
    let before = server.ask(&old, A);
    assert_eq!(before.answer.len(), 1);

    control_plane("stop");
    let during = server.ask(&old, A);
    let ready = server.get(server.ready, "/ready");
    let outside = server.ask(upstream::NAME, A);
    // Before any assertion: the tests after this one need it.
    control_plane("start");
    assert_eq!(during, before);
    assert_eq!(ready, Some((200, "OK".to_owned())));
    assert_eq!(outside.answer.len(), 1);

    cluster.apply(&service("new", 80));
    let new = cluster.name("new");
    server.ask_until(&new, A, |reply| !reply.answer.is_empty());
    cluster.kubectl(&["delete", "service", "old"]);
    server.ask_until(&old, A, Reply::is_name_error);
}

/// Not synced is SERVFAIL, never a name error: a client would remember that the name does not exist.
#[test]
fn an_api_server_that_is_not_there_at_all() {
    let text = fs::read_to_string(restricted_kubeconfig()).expect("the kubeconfig is readable");
    // Discard, port 9: nobody listens. The rest of the file stays as good as it was.
    let start = text.find("https://127.0.0.1:").expect("the lab is on loopback");
    let end = start + text[start..].find('"').expect("the address is quoted");
    let dead = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("dead.kubeconfig");
    fs::write(&dead, format!("{}https://127.0.0.1:9{}", &text[..start], &text[end..])).expect("writable");

    let server = Server::start(&dead);
    let reply = server.ask("kubernetes.default.svc.cluster.local.", A);
    assert_eq!((reply.rcode, reply.answer.len()), (ResponseCode::ServFail, 0));
    assert!(reply.reasons.iter().any(|reason| reason.contains("sync")), "{reply:?}");
    let ready = server.get(server.ready, "/ready").expect("/ready answers");
    assert_eq!(ready, (503, "kubernetes".to_owned()));
    assert_eq!(server.ask(upstream::NAME, A).answer.len(), 1, "names outside work at once");
}
