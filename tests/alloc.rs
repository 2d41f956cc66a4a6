//! An answer from the zone costs no allocation: counted, on the thread that answers, through a chain of plugins.
//!
//! A test binary of its own, since an allocator is one a process.

#![expect(
    unsafe_code,
    reason = "a global allocator is an unsafe trait; it counts and passes on to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use kubezone::app::{Defaults, Numbers, Plan, Source};
use kubezone::cluster::NoObserver;
use kubezone::dns::{Name, Origin, Query, RecordType, Response, Transport};
use kubezone::plugin::{Process, Reply, Router, question_packet};
use kubezone::telemetry::metrics::Registry;

thread_local! {
    // Const and without destructor, so that it can be had at any time without allocating.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const OBJECTS: &str = "
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: default},
 spec: {clusterIP: 10.96.0.7, ports: [{name: http, port: 80}, {name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: db, namespace: default}, spec: {clusterIP: None}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-1, namespace: default, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
endpoints:
- {addresses: [10.244.0.1], hostname: db-0, zone: eu-1a}
- {addresses: [10.244.0.2], hostname: db-1}
- {addresses: [10.244.0.3], hostname: db-2}
- {addresses: [10.244.0.4], zone: eu-1a}
- {addresses: [10.244.0.5]}
- {addresses: [10.244.0.6]}
- {addresses: [10.244.0.7]}
- {addresses: [10.244.0.8]}
- {addresses: [10.244.0.9]}
- {addresses: [10.244.0.10]}
ports: [{name: sql, port: 5432}]
---
apiVersion: multicluster.x-k8s.io/v1alpha1
kind: ServiceImport
metadata: {name: web, namespace: default}
spec: {type: ClusterSetIP, ips: [10.42.42.42], ports: [{name: http, port: 80, protocol: TCP}]}
---
apiVersion: multicluster.x-k8s.io/v1alpha1
kind: ServiceImport
metadata: {name: db, namespace: default}
spec: {type: Headless, ports: []}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: db-a
  namespace: default
  labels: {multicluster.kubernetes.io/service-name: db, multicluster.kubernetes.io/source-cluster: cluster-a}
addressType: IPv4
endpoints: [{addresses: [10.1.0.1], hostname: db-0}, {addresses: [10.1.0.2]}]
ports: [{name: sql, port: 5432}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: db-b
  namespace: default
  labels: {multicluster.kubernetes.io/service-name: db, multicluster.kubernetes.io/source-cluster: cluster-b}
addressType: IPv4
endpoints: [{addresses: [10.2.0.1], hostname: db-0}]
ports: [{name: sql, port: 5432}]
---
# Both families under one name, as the Pods of a StatefulSet have it; names and addresses that stand in two slices.
{apiVersion: v1, kind: Service, metadata: {name: pets, namespace: default}, spec: {clusterIP: None}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: pets-4, namespace: default, labels: {kubernetes.io/service-name: pets}}
addressType: IPv4
endpoints:
- {addresses: [10.244.1.1], hostname: pet-0, zone: eu-1a}
- {addresses: [10.244.1.2], hostname: pet-1}
- {addresses: [10.244.1.3], hostname: pet-1, zone: eu-1a}
ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53}, {name: sql, port: 5432}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: pets-4-moved, namespace: default, labels: {kubernetes.io/service-name: pets}}
addressType: IPv4
endpoints:
- {addresses: [10.244.1.2], hostname: pet-1}
- {addresses: [10.244.1.4]}
ports: [{name: sql, port: 5432}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: pets-6, namespace: default, labels: {kubernetes.io/service-name: pets}}
addressType: IPv6
endpoints:
- {addresses: ['2001:db8::1'], hostname: pet-0, zone: eu-1a}
- {addresses: ['2001:db8::2'], hostname: pet-1}
- {addresses: ['2001:db8::4'], hostname: 10-244-1-4}
ports: [{name: sql, port: 5432}]
---
apiVersion: v1
kind: Service
metadata: {name: edge, namespace: default}
spec: {clusterIP: 10.96.0.8, externalIPs: [192.0.2.10, '2001:db8::10'], ports: [{name: http, port: 80}, {name: https, port: 443}]}
status: {loadBalancer: {ingress: [{ip: 192.0.2.11}]}}
";

const WEIGHTS: &str = "
web.default.svc.cluster.local
10.96.0.7 3
db.default.svc.cluster.local
10.244.0.1 9
10.244.0.7 200
10.244.0.10 1
";

const QUESTIONS: &[(&str, RecordType)] = &[
    ("web.default.svc.cluster.local", RecordType::A),
    ("WEB.Default.svc.cluster.local", RecordType::A),
    ("web.default.svc.cluster.local", RecordType::AAAA),
    ("web.default.svc.cluster.local", RecordType::MX),
    ("web.default.svc.cluster.local", RecordType::SRV),
    ("_http._tcp.web.default.svc.cluster.local", RecordType::SRV),
    ("db.default.svc.cluster.local", RecordType::A),
    ("db.default.svc.cluster.local", RecordType::AAAA),
    ("db.default.svc.cluster.local", RecordType::SRV),
    ("_sql._tcp.db.default.svc.cluster.local", RecordType::SRV),
    ("_sql._tcp.db.default.svc.cluster.local", RecordType::A),
    ("db-0.db.default.svc.cluster.local", RecordType::A),
    ("db-0.db.default.svc.cluster.local", RecordType::AAAA),
    ("db-0.db.default.svc.cluster.local", RecordType::SRV),
    ("10-244-0-4.db.default.svc.cluster.local", RecordType::A),
    ("eu-1a.pin._zone.db.default.svc.cluster.local", RecordType::A),
    ("eu-1a.pin._zone.db.default.svc.cluster.local", RecordType::SRV),
    ("eu-1b.pin._zone.db.default.svc.cluster.local", RecordType::A),
    ("eu-1b.prefer._zone.db.default.svc.cluster.local", RecordType::A),
    ("eu-1b.prefer._zone.db.default.svc.cluster.local", RecordType::SRV),
    ("edge.default.example.org", RecordType::A),
    ("EDGE.default.Example.org", RecordType::SRV),
    ("edge.default.example.org", RecordType::MX),
    ("_https._tcp.edge.default.example.org", RecordType::SRV),
    ("any.edge.default.example.org", RecordType::AAAA),
    ("web.default.example.org", RecordType::A),
    ("nothing.default.Example.org", RecordType::A),
    ("default.example.org", RecordType::A),
    ("example.org", RecordType::SOA),
    ("dns.example.org", RecordType::A),
    ("10.2.0.192.in-addr.arpa", RecordType::PTR),
    ("11.2.0.192.in-addr.arpa", RecordType::A),
    ("db.default.example.org", RecordType::A),
    ("_sql._tcp.db.default.example.org", RecordType::SRV),
    ("pets.default.example.org", RecordType::SRV),
    ("pets.default.example.org", RecordType::AAAA),
    ("_dns._udp.pets.default.example.org", RecordType::A),
    ("pet-1.pets.default.example.org", RecordType::SRV),
    ("pets.default.svc.cluster.local", RecordType::A),
    ("pets.default.svc.cluster.local", RecordType::SRV),
    ("_sql._tcp.pets.default.svc.cluster.local", RecordType::SRV),
    ("_dns._udp.pets.default.svc.cluster.local", RecordType::SRV),
    ("_dns._udp.pets.default.svc.cluster.local", RecordType::A),
    ("pet-1.pets.default.svc.cluster.local", RecordType::A),
    ("pet-1.pets.default.svc.cluster.local", RecordType::SRV),
    ("10-244-1-4.pets.default.svc.cluster.local", RecordType::SRV),
    ("eu-1a.pin._zone.pets.default.svc.cluster.local", RecordType::SRV),
    ("10-244-1-20.default.pod.cluster.local", RecordType::A),
    ("nothing.default.svc.cluster.local", RecordType::A),
    ("example.com.default.svc.cluster.local", RecordType::A),
    ("example.com.svc.cluster.local", RecordType::AAAA),
    ("example.com.cluster.local", RecordType::A),
    ("dns-version.cluster.local", RecordType::TXT),
    ("cluster.local", RecordType::SOA),
    ("web.default.svc.clusterset.local", RecordType::A),
    ("web.default.svc.clusterset.local", RecordType::SRV),
    ("db.default.svc.clusterset.local", RecordType::A),
    ("db.default.svc.clusterset.local", RecordType::SRV),
    ("_sql._tcp.db.default.svc.clusterset.local", RecordType::SRV),
    ("db-0.cluster-b.db.default.svc.clusterset.local", RecordType::A),
    ("db-0.cluster-b.db.default.svc.clusterset.local", RecordType::SRV),
    ("db-0.cluster-c.db.default.svc.clusterset.local", RecordType::A),
    ("clusterset.local", RecordType::SOA),
    ("7.0.96.10.in-addr.arpa", RecordType::PTR),
    ("1.0.244.10.in-addr.arpa", RecordType::PTR),
    ("9.9.9.9.in-addr.arpa", RecordType::PTR),
    ("localhost", RecordType::A),
    ("localhost", RecordType::MX),
    ("localhost.default.svc.cluster.local", RecordType::AAAA),
    ("1.0.0.127.in-addr.arpa", RecordType::PTR),
    ("2.0.0.127.in-addr.arpa", RecordType::PTR),
];

#[test]
fn an_answer_from_the_zone_allocates_nothing() {
    let folder = std::env::temp_dir().join(format!("kubezone-alloc-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let objects = folder.join("objects.yaml");
    std::fs::write(&objects, OBJECTS).expect("the objects are written");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let _entered = runtime.enter();
    let weights = folder.join("weights");
    std::fs::write(&weights, WEIGHTS).expect("the weights are written");
    let weighted = format!("weighted {} {{\n prefer 10.244.0.4/30 10.244.0.0/16\n }}", weights.display());
    let mut wrong = Vec::new();
    for policy in ["round_robin", &weighted] {
        let corefile = format!(
            ".:53 {{\n prometheus 127.0.0.1:0\n errors\n local\n loadbalance {policy}\n cache 30\n \
             kubernetes cluster.local clusterset.local in-addr.arpa {{\n manifests {}\n pods insecure\n \
             zonal\n multicluster clusterset.local\n }}\n \
             k8s_external example.org 2.0.192.in-addr.arpa {{\n headless\n }}\n}}",
            objects.display()
        );
        count(&router(corefile, &runtime), &mut wrong);
    }
    let _ = std::fs::remove_dir_all(&folder);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Notes in `wrong` each question whose answer allocates.
fn count(router: &Router, wrong: &mut Vec<String>) {
    let origin = origin();
    let mut response = Response::new();
    for (name, rtype) in QUESTIONS {
        for edns in [None, Some((1232, false))] {
            let name_wire = Name::from_text(name).expect("a name");
            let packet = question_packet(1, name_wire.as_wire(), *rtype, edns);
            let allocated = allocated_by_ten(router, &packet, origin, &mut response);
            if allocated > 0 {
                wrong.push(format!("{name} {rtype}, EDNS {edns:?}: {allocated} allocations in 10 answers"));
            }
        }
    }
}

/// What `cache` keeps: an answer, a denial, letters of another client, a second address to shuffle.
#[test]
fn a_hit_of_the_cache_allocates_nothing() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let _entered = runtime.enter();
    let corefile = ".:53 {
        prometheus 127.0.0.1:0
        errors
        loadbalance
        cache 300
        template IN AAAA . {
            rcode NXDOMAIN
            authority \"example.org. 60 IN SOA ns.example.org. hostmaster.example.org. (1 60 60 60 60)\"
        }
        hosts /nonexistent {
            192.0.2.1 www.example.org
            192.0.2.2 www.example.org
        }
    }";
    let router = router(corefile.to_owned(), &runtime);
    let mut response = Response::new();
    for (name, rtype) in [
        ("www.example.org", RecordType::A),
        ("WWW.example.ORG", RecordType::A),
        ("www.example.org", RecordType::AAAA),
    ] {
        for edns in [None, Some((1232, true))] {
            let packet = question_packet(1, Name::from_text(name).expect("a name").as_wire(), rtype, edns);
            let allocated = allocated_by_ten(&router, &packet, origin(), &mut response);
            assert_eq!(allocated, 0, "{name} {rtype}, EDNS {edns:?}");
        }
    }
}

/// The rules that every cluster has: no AAAA records, names that do not exist, records that are the same for all queries.
#[test]
fn a_template_without_expressions_allocates_nothing() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let _entered = runtime.enter();
    let corefile = ".:53 {
        prometheus 127.0.0.1:0
        errors
        template IN AAAA . {
            rcode NOERROR
        }
        template ANY ANY invalid {
            rcode NXDOMAIN
            authority \"invalid. 60 IN SOA ns.invalid. hostmaster.invalid. (1 60 60 60 60)\"
            ederror 21 Blocked
        }
        whoami
    }";
    let router = router(corefile.to_owned(), &runtime);
    let mut response = Response::new();
    for (name, rtype) in [
        ("www.example.org", RecordType::AAAA),
        ("www.invalid", RecordType::A),
        ("www.example.org", RecordType::A),
    ] {
        for edns in [None, Some((1232, false))] {
            let packet = question_packet(1, Name::from_text(name).expect("a name").as_wire(), rtype, edns);
            let allocated = allocated_by_ten(&router, &packet, origin(), &mut response);
            assert_eq!(allocated, 0, "{name} {rtype} {edns:?}");
        }
    }
}

/// A client whose list is not walked, a name below no list: a query that `autopath` lets by costs what it costs without.
/// A walk keeps the packet of its question, a second response, and where the names of that moved.
#[test]
fn a_query_that_autopath_lets_by_allocates_nothing_and_a_walk_three_times() {
    let objects = std::env::temp_dir().join(format!("kubezone-alloc-autopath-{}.yaml", std::process::id()));
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: default}, status: {podIP: 127.0.0.1, phase: Running}}";
    std::fs::write(&objects, format!("{OBJECTS}---\n{pod}\n")).expect("the objects are written");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let _entered = runtime.enter();
    let corefile = format!(
        ".:53 {{\n prometheus 127.0.0.1:0\n errors\n autopath @kubernetes\n cache 30\n kubernetes cluster.local {{\n \
         manifests {}\n pods verified\n }}\n}}",
        objects.display()
    );
    let router = router(corefile, &runtime);
    let mut response = Response::new();
    let unknown = Origin { peer: ([127, 0, 0, 9], 40_000).into(), ..origin() };
    let mut wrong = Vec::new();
    for (name, from, expected) in [
        ("web.default.svc.cluster.local", origin(), 0),
        ("web.default.default.svc.cluster.local", unknown, 0),
        ("web.default.svc.cluster.local", unknown, 0),
        ("nothing.other.svc.cluster.local", origin(), 0),
        ("web.default.svc.cluster.example.cluster.local", origin(), 0),
        ("web.default.default.svc.cluster.local", origin(), 3),
    ] {
        let name_wire = Name::from_text(name).expect("a name");
        let packet = question_packet(1, name_wire.as_wire(), RecordType::A, None);
        let allocated = allocated_by_ten(&router, &packet, from, &mut response);
        if allocated != 10 * expected {
            wrong.push(format!("{name} from {}: {allocated} allocations in 10 answers", from.peer));
        }
    }
    let _ = std::fs::remove_file(&objects);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Rules that are not for a query cost comparisons. Those that are for it keep its new name, what is to be done on the way
/// back, and names of the answer.
#[test]
fn a_query_that_no_rule_is_for_allocates_nothing() {
    let objects = std::env::temp_dir().join(format!("kubezone-alloc-rewrite-{}.yaml", std::process::id()));
    std::fs::write(&objects, OBJECTS).expect("the objects are written");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let _entered = runtime.enter();
    let corefile = format!(
        ".:53 {{\n prometheus 127.0.0.1:0\n errors\n rewrite name foo.example.com web.default.svc.cluster.local\n \
         rewrite name suffix .internal.example.com .default.svc.cluster.local answer auto\n \
         rewrite name prefix foo bar\n rewrite name substring other.example x.example\n \
         rewrite name regex ^(.*)-(us-west-1)\\.example\\.org\\.$ {{1}}.{{2}}.consul answer auto\n \
         rewrite type MX A\n rewrite ttl suffix .example.net 5\n rewrite rcode regex ^x 2 0\n cache 30\n \
         kubernetes cluster.local {{\n manifests {}\n }}\n}}",
        objects.display()
    );
    let router = router(corefile, &runtime);
    let mut response = Response::new();
    let mut wrong = Vec::new();
    for (name, expected) in [
        ("web.default.svc.cluster.local", 0),
        ("WEB.Default.svc.cluster.local", 0),
        ("nothing.default.svc.cluster.local", 0),
        ("odd\\001name.default.svc.cluster.local", 0),
        ("foo.example.com", 7),
        ("web.internal.example.com", 6),
    ] {
        let name_wire = Name::from_text(name).expect("a name");
        for edns in [None, Some((1232, false))] {
            let packet = question_packet(1, name_wire.as_wire(), RecordType::A, edns);
            let allocated = allocated_by_ten(&router, &packet, origin(), &mut response);
            if allocated != 10 * expected {
                wrong.push(format!("{name} {edns:?}: {allocated} allocations in 10 answers"));
            }
        }
    }
    let _ = std::fs::remove_file(&objects);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Without this a counter that counts nothing would pass as well.
#[test]
fn the_counter_counts() {
    let before = ALLOCATIONS.get();
    drop(std::hint::black_box(Box::new(1)));
    assert_eq!(ALLOCATIONS.get() - before, 1);
}

fn router(corefile: String, runtime: &tokio::runtime::Runtime) -> Arc<Router> {
    let process = Process {
        root: std::env::temp_dir(),
        ..Process::new(runtime.handle().clone(), Registry::new(), Arc::new(NoObserver))
    };
    let source = Source::Text { name: "Corefile".to_owned(), text: corefile };
    let corefile = source.load().unwrap_or_else(|failure| panic!("{failure}"));
    let plan = Plan::new(&corefile, &process, Defaults { port: 53 }, &mut Numbers::default());
    let plan = plan.unwrap_or_else(|errors| panic!("{errors:?}"));
    Arc::clone(&plan.listeners[0].router)
}

/// What ten answers to a question allocate on this thread. Before they are counted the buffer grows, and this thread's share
/// of the counters is made.
fn allocated_by_ten(router: &Router, packet: &[u8], origin: Origin, response: &mut Response) -> usize {
    (0..3).for_each(|_| answer(router, packet, origin, response));
    let before = ALLOCATIONS.get();
    (0..10).for_each(|_| answer(router, packet, origin, response));
    ALLOCATIONS.get() - before
}

fn answer(router: &Router, packet: &[u8], origin: Origin, response: &mut Response) {
    let query = Query::parse(packet, origin).expect("a query");
    let Reply::Done(outcome) = router.serve(&query, response) else { panic!("the zone waits for nobody") };
    assert!(outcome.settle(response));
    assert!(response.finish().len() > 12);
}

fn origin() -> Origin {
    let local = ([127, 0, 0, 1], 53).into();
    let peer = ([127, 0, 0, 1], 40_000).into();
    Origin { peer, local, transport: Transport::Udp, received: Instant::now(), server: 0, depth: 0 }
}
