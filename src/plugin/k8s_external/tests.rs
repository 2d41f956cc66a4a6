use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;

use arc_swap::ArcSwap;

use super::*;
use crate::dns::{Origin as From, RecordBatch};
use crate::plugin::testing::{Bench, Scripted, answer_a, name, origin, packet, record_line};
use crate::plugin::{Block, Chain, Router};

const OBJECTS: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: demo}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: hidden}}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: demo}, spec: {clusterIP: 10.96.0.1, externalIPs: [192.0.2.10, 192.0.2.11], ports: [{name: http, port: 80}, {name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53}, {port: 81}]}, status: {loadBalancer: {ingress: [{ip: 192.0.2.10}]}}}
---
{apiVersion: v1, kind: Service, metadata: {name: api, namespace: demo}, spec: {clusterIP: 10.96.0.2, externalIPs: [192.0.2.10]}, status: {loadBalancer: {ingress: [{hostname: lb.example.net}]}}}
---
{apiVersion: v1, kind: Service, metadata: {name: host, namespace: demo}, spec: {clusterIP: 10.96.0.3, ports: [{name: http, port: 80}]}, status: {loadBalancer: {ingress: [{hostname: lb.example.net}, {hostname: lb2.example.net}]}}}
---
{apiVersion: v1, kind: Service, metadata: {name: plain, namespace: demo}, spec: {clusterIP: 10.96.0.4, ports: [{name: http, port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: hidden}, spec: {clusterIP: 10.96.0.5, externalIPs: [192.0.2.10, 192.0.2.12], ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: pets, namespace: demo}, spec: {clusterIP: None}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: pets-4, namespace: demo, labels: {kubernetes.io/service-name: pets}}
endpoints: [{addresses: [10.244.1.1], hostname: pet-0}, {addresses: [10.244.1.2]}]
ports: [{name: sql, port: 5432}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: pets-4-again, namespace: demo, labels: {kubernetes.io/service-name: pets}}
endpoints: [{addresses: [10.244.1.1], hostname: pet-0}]
ports: [{name: sql, port: 5432}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: pets-6, namespace: demo, labels: {kubernetes.io/service-name: pets}}
endpoints: [{addresses: ['2001:db8::1'], hostname: pet-0}]
ports: [{name: sql, port: 5432}]
";

/// A file of objects that goes with the test.
struct Objects(PathBuf);

impl Objects {
    fn new(test: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kubezone-external-{test}-{}.yaml", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The records of a transfer but for SOA, as they are written: `owner ttl type rdata`. Without the name server, whose
/// addresses are this machine's.
fn transferred(test: &str, directive: &str, zone: &str) -> Vec<String> {
    let objects = Objects::new(test, OBJECTS);
    let bench = Bench::new(&["example.org"]);
    let options = format!("manifests {}\nnamespaces demo\nttl 17", objects.0.display());
    let text = format!("{directive}\nkubernetes cluster.local {{\n{options}\n}}");
    let draft = bench.set_up(setup, &text).unwrap();
    let packet = packet(zone, RecordType::AXFR, None);
    let query = Query::parse(&packet, origin()).unwrap();
    let mut transfer = draft.plugins[0].transfer(&query).unwrap().unwrap();
    let (soa, _) = transfer.soa.get(0).unwrap();
    assert_eq!(soa.owner, name(zone).as_wire());
    assert_eq!(soa.rdata[soa.rdata.len() - 20..][..4], transfer.serial.to_be_bytes());
    let mut lines = Vec::new();
    let mut batch = RecordBatch::new();
    loop {
        batch.clear();
        let more = transfer.records.write_some(&mut batch);
        lines.extend(batch.iter().map(record_line));
        if !more {
            lines.retain(|line| !line.starts_with("ns1."));
            return lines;
        }
    }
}

#[test]
fn a_transferred_zone_has_what_is_answered_and_each_record_once() {
    let lines = transferred("forward", "k8s_external example.org", "example.org");
    let expected = [
        "example.org. 5 NS ns1.dns.example.org.",
        // An address and a host name: the address counts, as a CNAME would not be alone.
        "api.demo.example.org. 5 A 192.0.2.10",
        "host.demo.example.org. 17 CNAME lb.example.net.",
        "_http._tcp.host.demo.example.org. 17 SRV 0 50 80 lb.example.net.",
        "_http._tcp.host.demo.example.org. 17 SRV 0 50 80 lb2.example.net.",
        "web.demo.example.org. 5 A 192.0.2.10",
        "web.demo.example.org. 5 A 192.0.2.11",
        "web.demo.example.org. 17 SRV 0 8 80 web.demo.example.org.",
        "_http._tcp.web.demo.example.org. 17 SRV 0 33 80 web.demo.example.org.",
        "web.demo.example.org. 17 SRV 0 8 53 web.demo.example.org.",
        "_dns._udp.web.demo.example.org. 17 SRV 0 33 53 web.demo.example.org.",
        "_dns-tcp._tcp.web.demo.example.org. 17 SRV 0 33 53 web.demo.example.org.",
        "web.demo.example.org. 17 SRV 0 8 81 web.demo.example.org.",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_transferred_zone_has_endpoints_with_headless() {
    let directive = "k8s_external example.org {\nheadless\nttl 60\n}";
    let mut pets = transferred("headless", directive, "example.org");
    pets.retain(|line| line.contains("pets."));
    let expected = [
        "pets.demo.example.org. 60 A 10.244.1.2",
        "10-244-1-2.pets.demo.example.org. 60 A 10.244.1.2",
        "pets.demo.example.org. 17 SRV 0 25 5432 10-244-1-2.pets.demo.example.org.",
        "10-244-1-2.pets.demo.example.org. 17 SRV 0 100 5432 10-244-1-2.pets.demo.example.org.",
        "_sql._tcp.pets.demo.example.org. 17 SRV 0 25 5432 10-244-1-2.pets.demo.example.org.",
        "pets.demo.example.org. 60 A 10.244.1.1",
        "pet-0.pets.demo.example.org. 60 A 10.244.1.1",
        "pets.demo.example.org. 17 SRV 0 25 5432 pet-0.pets.demo.example.org.",
        "pet-0.pets.demo.example.org. 17 SRV 0 33 5432 pet-0.pets.demo.example.org.",
        "_sql._tcp.pets.demo.example.org. 17 SRV 0 25 5432 pet-0.pets.demo.example.org.",
        "pets.demo.example.org. 60 AAAA 2001:db8::1",
        "pet-0.pets.demo.example.org. 60 AAAA 2001:db8::1",
    ];
    assert_eq!(pets, expected);
}

#[test]
fn a_transferred_reverse_zone_leads_back() {
    let directive = "k8s_external example.org 2.0.192.in-addr.arpa";
    let expected = [
        "2.0.192.in-addr.arpa. 5 NS ns1.dns.2.0.192.in-addr.arpa.",
        "10.2.0.192.in-addr.arpa. 5 PTR api.demo.example.org.",
        "10.2.0.192.in-addr.arpa. 5 PTR web.demo.example.org.",
        "11.2.0.192.in-addr.arpa. 5 PTR web.demo.example.org.",
    ];
    assert_eq!(transferred("reverse", directive, "2.0.192.in-addr.arpa"), expected);
}

#[test]
fn a_zone_that_is_not_whole_is_not_given() {
    let bench = Bench::new(&["example.org"]);
    let text = "k8s_external example.org\nkubernetes cluster.local {\nendpoint http://127.0.0.1:1\n}";
    let draft = bench.set_up(setup, text).unwrap();
    let transfer = |zone: &str| {
        let packet = packet(zone, RecordType::AXFR, None);
        draft.plugins[0].transfer(&Query::parse(&packet, origin()).unwrap())
    };
    let Some(Err(failure)) = transfer("example.org") else { panic!("the zone was given") };
    assert_eq!(failure.rcode(), Rcode::SERVFAIL);
    assert!(transfer("demo.example.org").is_none(), "it is no zone");
    assert!(transfer("example.net").is_none());
}

/// A client's question leads to eight others, one that a host name led to leads to one.
#[test]
fn host_names_make_one_question_into_few() {
    let hosts: Vec<String> = (0..20).map(|at| format!("{{hostname: h{at}.example.net}}")).collect();
    let object = format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: web, namespace: demo}}, spec: {{clusterIP: 10.96.0.1}}, \
         status: {{loadBalancer: {{ingress: [{}]}}}}}}",
        hosts.join(", ")
    );
    let objects = Objects::new("many", &object);
    let bench = Bench::new(&["example.org"]);
    let kubernetes = format!("kubernetes cluster.local {{\nmanifests {}\n}}", objects.0.display());
    let text = format!("k8s_external example.org\n{kubernetes}");
    let upstream = Scripted::new(answer_a);
    let calls = Arc::clone(&upstream.calls);
    let chain = Chain::new(bench.set_up(setup, &text).unwrap().plugins);
    let upstream = Chain::new(vec![Arc::new(upstream)]);
    let router = Router::new(vec![Block { zone: name("."), chain: upstream }], false, None);
    bench.process.lookup.set_routers(vec![Some(Arc::new(ArcSwap::from_pointee(router)))]);
    for (depth, expected) in [(0, 8), (1, 1)] {
        let before = calls.load(Relaxed);
        let packet = packet("web.demo.example.org", RecordType::A, None);
        let finished = bench.ask(&chain, &packet, From { depth, ..origin() });
        assert_eq!(calls.load(Relaxed) - before, expected);
        assert_eq!(finished.response.count(Section::Answer) as usize, 20 + expected, "all host names stand");
    }
}

#[test]
fn each_wrong_word_is_told() {
    let bench = Bench::new(&["example.org"]);
    let with = |options: &str| {
        bench.refusal(setup, &format!("k8s_external example.org {{\n{options}\n}}\nkubernetes cluster.local"))
    };
    for (options, refusal) in [
        ("apex", "`apex` takes 1 argument, not 0 | too few | write `apex APEX`"),
        ("apex a b", "`apex` takes 1 argument, not 2 | too many | write `apex APEX`"),
        ("apex .", "`.` is not a name below a zone | write a label, as in `apex dns`"),
        ("ttl", "`ttl` takes 1 argument, not 0 | too few | write `ttl SECONDS`"),
        ("ttl 3601", "`3601` is not a whole number from 0 to 3600 | write a number within that range"),
        ("headless yes", "`headless` takes no arguments, not 1 | too many | write `headless`"),
        ("headles", "unknown property `headles` of `k8s_external` | did you mean `headless`?"),
    ] {
        assert_eq!(with(options), refusal);
    }
    assert_eq!(
        bench.refusal(setup, "k8s_external example.org"),
        "`k8s_external` needs `kubernetes` in the same server block | nothing says which cluster's Services are meant | \
         add `kubernetes cluster.local` to the block"
    );
    let told = bench.refusal(setup, "k8s_external a\nk8s_external b\nkubernetes cluster.local");
    assert!(told.starts_with("`k8s_external` is given twice"), "{told}");
    let long = format!("{0}.{0}.{0}.{1}", "a".repeat(60), "b".repeat(56));
    let told = bench.refusal(setup, &format!("k8s_external {long}\nkubernetes cluster.local"));
    assert!(told.contains("a name has at most 255 octets"), "{told}");
    // What is wrong with `kubernetes` its own set-up says.
    let draft =
        bench.set_up(setup, "k8s_external example.org\nkubernetes cluster.local {\nnothing\n}").unwrap();
    assert!(draft.plugins.is_empty());
}
