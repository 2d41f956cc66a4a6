//! What is asked and answered: the DNS specification for Kubernetes (version 1.1.0), section by section, on objects
//! that the API server and its controllers made. `tests/` holds the same for every corner; here it is the whole way,
//! from `kubectl apply` to the wire.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType::{A, AAAA, CNAME, MX, PTR, SOA, SRV, TXT};

use crate::cluster::Cluster;
use crate::upstream;

/// A Service of both families with two ports.
const WEB: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  ipFamilyPolicy: RequireDualStack
  ipFamilies: [IPv4, IPv6]
  ports: [{name: http, port: 80}, {name: metrics, port: 9090}]
";

/// A headless Service over the Pods labelled `app: db`.
const DB: &str = "
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{name: sql, port: 5432}]}
";

/// The name that a reverse lookup asks for. IPv6 in 32 nibbles.
fn reverse(address: &str) -> String {
    match address.parse().expect("the API server gives addresses") {
        std::net::IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
        }
        std::net::IpAddr::V6(v6) => {
            let nibbles: String =
                v6.octets().iter().rev().map(|octet| format!("{:x}.{:x}.", octet & 15, octet >> 4)).collect();
            format!("{nibbles}ip6.arpa.")
        }
    }
}

#[test]
fn s2_2_dns_version() {
    let server = Cluster::join("version").serve();
    let reply = server.ask("dns-version.cluster.local.", TXT);
    assert_eq!((reply.rcode, reply.authoritative), (ResponseCode::NoError, true));
    // The specification's 28,800 s, or the 30 s to which `cache 30` cuts what passes through it.
    assert!(matches!(reply.ttls.as_slice(), [30 | 28_800]), "{reply:?}");
    assert!(reply.answer[0].contains("1.1.0"), "{reply:?}");
}

/// Objects that were there before us: the API server made one of them, `deploy/` the other.
#[test]
fn services_of_the_cluster_itself() {
    let server = Cluster::join("own").serve();
    let api = server.ask("kubernetes.default.svc.cluster.local.", A);
    assert_eq!(api.answer, ["kubernetes.default.svc.cluster.local. A 10.96.0.1"]);
    assert_eq!((api.authoritative, api.ttls.as_slice()), (true, [30].as_slice()));
    let dns = server.ask("_dns._udp.kube-dns.kube-system.svc.cluster.local.", SRV);
    assert_eq!(
        dns.answer,
        ["_dns._udp.kube-dns.kube-system.svc.cluster.local. SRV 0 100 53 \
          kube-dns.kube-system.svc.cluster.local."]
    );
    assert_eq!(dns.additional, ["kube-dns.kube-system.svc.cluster.local. A 10.96.0.10"]);
    let back = server.ask("10.0.96.10.in-addr.arpa.", PTR);
    assert_eq!(back.answer, ["10.0.96.10.in-addr.arpa. PTR kube-dns.kube-system.svc.cluster.local."]);
}

#[test]
fn s2_3_1_cluster_ip_addresses_of_both_families() {
    let cluster = Cluster::join("clusterip");
    cluster.apply(WEB);
    let server = cluster.serve();
    let name = cluster.name("web");
    let addresses = cluster.addresses("web");
    let [v4, v6] = addresses.as_slice() else { panic!("not two addresses: {addresses:?}") };
    assert_eq!(server.ask(&name, A).answer, [format!("{name} A {v4}")]);
    assert_eq!(server.ask(&name, AAAA).answer, [format!("{name} AAAA {v6}")]);
    // As the question spells it (0x20), in the answer as well.
    let upper = name.replace("web.", "WeB.").replace("cluster.local", "Cluster.LOCAL");
    assert_eq!(server.ask(&upper, A).answer, [format!("{upper} A {v4}")]);
}

#[test]
fn s2_3_2_cluster_ip_srv_with_additional_addresses() {
    let cluster = Cluster::join("srv");
    cluster.apply(WEB);
    let server = cluster.serve();
    let (name, http) = (cluster.name("web"), cluster.name("_http._tcp.web"));
    let addresses = cluster.addresses("web");
    let [v4, v6] = addresses.as_slice() else { panic!("not two addresses: {addresses:?}") };
    let one = server.ask(&http, SRV);
    // Two addresses share the hundred, and their records are one.
    assert_eq!(one.answer, [format!("{http} SRV 0 50 80 {name}")]);
    assert_eq!(one.additional, [format!("{name} A {v4}"), format!("{name} AAAA {v6}")]);
    let all = server.ask(&name, SRV);
    assert_eq!(all.answer, [format!("{name} SRV 0 25 80 {name}"), format!("{name} SRV 0 25 9090 {name}")]);
    assert_eq!(server.ask(&http, A).answer, [format!("{http} A {v4}")]);
    let wrong = server.ask(&cluster.name("_https._tcp.web"), SRV);
    assert!(wrong.is_name_error(), "{wrong:?}");
    assert!(wrong.reasons.iter().any(|reason| reason.contains("http")), "{wrong:?}");
}

#[test]
fn s2_3_3_ptr_of_cluster_addresses() {
    let cluster = Cluster::join("ptr");
    cluster.apply(WEB);
    let server = cluster.serve();
    let addresses = cluster.addresses("web");
    assert_eq!(addresses.len(), 2);
    for address in addresses {
        let back = reverse(&address);
        let reply = server.ask(&back, PTR);
        assert_eq!(reply.answer, [format!("{back} PTR {}", cluster.name("web"))]);
    }
    // Not ours: kubeadm's Corefile lets it fall through to the forwarder, which knows none.
    let stranger = server.ask("1.2.0.192.in-addr.arpa.", PTR);
    assert_eq!((stranger.rcode, stranger.authoritative), (ResponseCode::NXDomain, false));
}

#[test]
fn s2_4_1_headless_addresses_are_those_of_ready_endpoints() {
    let cluster = Cluster::join("headless");
    cluster.apply(DB);
    cluster.pod("db-0", "db", "db-0", "10.244.9.1", true);
    cluster.pod("db-1", "db", "db-1", "10.244.9.2", true);
    cluster.pod("db-2", "db", "db-2", "10.244.9.3", false);
    let server = cluster.serve();
    let name = cluster.name("db");
    let reply = server.ask_until(&name, A, |reply| reply.answer.len() == 2);
    assert_eq!(reply.answer, [format!("{name} A 10.244.9.1"), format!("{name} A 10.244.9.2")]);
    assert!(server.ask(&name, AAAA).is_nodata());
    let first = cluster.name("db-0.db");
    assert_eq!(server.ask(&first, A).answer, [format!("{first} A 10.244.9.1")]);
    assert!(server.ask(&cluster.name("db-2.db"), A).is_name_error(), "db-2 is not ready");
    // A hostname is the endpoint's only name.
    assert!(server.ask(&cluster.name("10-244-9-1.db"), A).is_name_error());
}

#[test]
fn s2_4_1_endpoint_without_hostname_is_named_after_its_address() {
    let cluster = Cluster::join("dashed");
    cluster.apply(DB);
    cluster.pod("db-a", "db", "", "10.244.9.11", true);
    let server = cluster.serve();
    let name = cluster.name("10-244-9-11.db");
    let reply = server.ask_until(&name, A, |reply| !reply.answer.is_empty());
    assert_eq!(reply.answer, [format!("{name} A 10.244.9.11")]);
    let back = reverse("10.244.9.11");
    assert_eq!(server.ask(&back, PTR).answer, [format!("{back} PTR {name}")]);
}

#[test]
fn s2_4_2_headless_srv_names_each_endpoint() {
    let cluster = Cluster::join("headless-srv");
    cluster.apply(DB);
    cluster.pod("db-0", "db", "db-0", "10.244.9.21", true);
    cluster.pod("db-1", "db", "db-1", "10.244.9.22", true);
    let server = cluster.serve();
    let name = cluster.name("_sql._tcp.db");
    let reply = server.ask_until(&name, SRV, |reply| reply.answer.len() == 2);
    let [first, second] = [cluster.name("db-0.db"), cluster.name("db-1.db")];
    assert_eq!(
        reply.answer,
        [format!("{name} SRV 0 50 5432 {first}"), format!("{name} SRV 0 50 5432 {second}")]
    );
    assert_eq!(reply.additional, [format!("{first} A 10.244.9.21"), format!("{second} A 10.244.9.22")]);
}

/// No sentence of the specification covers this; CoreDNS answers a name error, and so do we, with the count.
#[test]
fn headless_with_nothing_ready_is_a_name_error() {
    let cluster = Cluster::join("none-ready");
    cluster.apply(DB);
    cluster.pod("db-0", "db", "db-0", "10.244.9.31", false);
    let server = cluster.serve();
    let name = cluster.name("db");
    let reply =
        server.ask_until(&name, A, |reply| reply.reasons.iter().any(|reason| reason.contains("ready")));
    assert!(reply.is_name_error(), "{reply:?}");
}

#[test]
fn s2_6_external_name_and_its_target() {
    let cluster = Cluster::join("external");
    cluster.apply(WEB);
    cluster.apply(&format!(
        "
{{apiVersion: v1, kind: Service, metadata: {{name: out}}, spec: {{type: ExternalName, externalName: outside.example.org}}}}
---
{{apiVersion: v1, kind: Service, metadata: {{name: in}}, spec: {{type: ExternalName,
  externalName: web.{}.svc.cluster.local}}}}
",
        cluster.namespace
    ));
    let server = cluster.serve();
    let (inside, outside) = (cluster.name("in"), cluster.name("out"));
    assert_eq!(server.ask(&outside, CNAME).answer, [format!("{outside} CNAME {}", upstream::NAME)]);
    assert_eq!(
        server.ask(&outside, A).answer,
        [
            format!("{outside} CNAME {}", upstream::NAME),
            format!("{} A {}", upstream::NAME, upstream::ADDRESS),
        ]
    );
    let address = &cluster.addresses("web")[0];
    let target = cluster.name("web");
    // Unsorted: the CNAME comes before what it points to.
    assert_eq!(
        server.ask_udp(&inside, A).answer,
        [format!("{inside} CNAME {target}"), format!("{target} A {address}")]
    );
}

#[test]
fn name_error_and_nodata() {
    let cluster = Cluster::join("negative");
    cluster.apply(WEB);
    let server = cluster.serve();
    let missing = server.ask(&cluster.name("nothing"), A);
    assert!(missing.is_name_error() && missing.authoritative, "{missing:?}");
    let soa = &missing.authority[0];
    assert!(soa.starts_with("cluster.local. SOA ns.dns.cluster.local. hostmaster.cluster.local. "), "{soa}");
    let nodata = server.ask(&cluster.name("web"), MX);
    assert!(nodata.is_nodata() && nodata.authoritative, "{nodata:?}");
    // The namespace is an empty non-terminal; one that does not exist is none.
    assert!(server.ask(&format!("{}.svc.cluster.local.", cluster.namespace), A).is_nodata());
    assert!(server.ask("no-such-namespace.svc.cluster.local.", A).is_name_error());
    let apex = server.ask("cluster.local.", SOA);
    assert_eq!(apex.answer.len(), 1, "{apex:?}");
}

/// RFC 8914: the reply says what is wrong with the name, and where the Service is.
#[test]
fn a_service_of_another_namespace_is_named() {
    let cluster = Cluster::join("elsewhere");
    cluster.apply(&WEB.replace("name: web", "name: only-here"));
    let server = cluster.serve();
    let reply = server.ask("only-here.default.svc.cluster.local.", A);
    assert!(reply.is_name_error(), "{reply:?}");
    assert!(reply.reasons.iter().any(|reason| reason.contains(&cluster.namespace)), "{reply:?}");
}

/// `pods insecure`: the name says the address; only the namespace is looked at.
#[test]
fn pod_names() {
    let cluster = Cluster::join("pods");
    let server = cluster.serve();
    let name = format!("10-244-1-20.{}.pod.cluster.local.", cluster.namespace);
    assert_eq!(server.ask(&name, A).answer, [format!("{name} A 10.244.1.20")]);
    assert!(server.ask("10-244-1-20.no-such-namespace.pod.cluster.local.", A).is_name_error());
}

#[test]
fn names_outside_are_forwarded() {
    let server = Cluster::join("forward").serve();
    let reply = server.ask(upstream::NAME, A);
    assert_eq!(reply.answer, [format!("{} A {}", upstream::NAME, upstream::ADDRESS)]);
    assert_eq!((reply.rcode, reply.authoritative), (ResponseCode::NoError, false));
    assert_eq!(server.ask("elsewhere.example.org.", A).rcode, ResponseCode::NXDomain);
}
