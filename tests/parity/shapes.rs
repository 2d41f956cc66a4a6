//! The objects that every run has: one of each shape that DNS can tell apart, by hand. The names say the shape.

use serde_json::{Value, json};

use crate::objects::{NODE, Object, Objects, at, dns, host, http, of_pod, port, unready, with};

/// Namespaces of whose names DNS makes something else, and those that labels tell apart.
pub const NAMESPACES: [(&str, &str); 8] =
    [("a", "x"), ("b", "y"), ("svc", "x"), ("pod", ""), ("dns", ""), ("ns", ""), ("empty", "x"), ("g", "x")];

/// All shapes. `local` is an address of this machine, which name servers are found by.
pub fn objects(local: &str) -> Objects {
    let mut all = Objects::default();
    all.push(Object::new("/api/v1/nodes", json!({"metadata": {"name": NODE}})));
    for (name, team) in NAMESPACES {
        all.push(Object::namespace(name, if team.is_empty() { json!({}) } else { json!({"team": team}) }));
    }
    cluster_ips(&mut all);
    headless(&mut all);
    odd_slices(&mut all);
    pods(&mut all);
    zones(&mut all);
    other_namespaces(&mut all);
    name_servers(&mut all, local);
    all
}

const X: fn() -> Value = || json!({"app": "x"});

fn both() -> Value {
    json!({"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv4", "IPv6"]})
}

fn merged(mut spec: Value, more: &Value) -> Value {
    for (key, value) in more.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    spec
}

fn cluster_ips(all: &mut Objects) {
    let mut service = |name: &str, spec: Value| all.push(Object::service("a", name, spec));
    let ports = json!([http()]);
    let three = json!([http(), port(53, "d", "UDP"), port(53, "dt", "TCP")]);
    service(
        "multi",
        json!({"ports": [port(53, "dns", "UDP"), port(53, "dns-tcp", "TCP"), port(9153, "metrics", "TCP")]}),
    );
    service("unnamed", json!({"ports": [port(8080, "", "TCP")]}));
    service("dual", merged(json!({"ports": three}), &both()));
    service("six", json!({"ports": three, "ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv6"]}));
    service(
        "sixfirst",
        json!({"ports": three, "ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv6", "IPv4"]}),
    );
    service("np", json!({"type": "NodePort", "ports": ports}));
    service("extip", json!({"ports": ports, "externalIPs": ["203.0.113.9", "2001:db8:ee::9"]}));
    service("sctp", json!({"ports": [port(99, "x", "SCTP"), port(99, "y", "UDP")]}));
    let many =
        |count: u16| -> Value { (0..count).map(|at| port(1000 + at, &format!("p{at}"), "TCP")).collect() };
    service("many", merged(json!({"ports": many(60)}), &both()));
    service("three", merged(json!({"ports": many(3)}), &both()));
    all.push(Object::service("a", "cip", json!({"ports": ports, "clusterIP": "10.96.0.77"})).labels(X()));
    all.push(Object::service("a", "lb", merged(json!({"type": "LoadBalancer", "ports": three}), &both())).status(
        json!({"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}, {"ip": "2001:db8:ee::7"}, {"hostname": "lb.example.org"}]}}),
    ));
    all.push(
        Object::service("a", "lbhost", json!({"type": "LoadBalancer", "ports": ports}))
            .status(json!({"loadBalancer": {"ingress": [{"hostname": "LB2.example.org"}]}}))
            .may_be_refused(),
    );
    all.push(Object::service("a", "lbpending", json!({"type": "LoadBalancer", "ports": ports})));
    // A Service with cluster IP, and what its slices say of readiness.
    let mut behind = |name: &str, endpoints: Vec<Value>, slice_ports: Value| {
        all.push(Object::service("a", name, json!({"ports": [http()]})));
        all.push(Object::slice("a", &format!("{name}-1"), Some(name), "IPv4", endpoints, slice_ports));
    };
    let extra = json!([port(8080, "http", "TCP"), port(81, "extra", "UDP")]);
    behind(
        "cipready",
        vec![at("10.1.0.1"), host("10.1.0.2", "cr"), with(unready("10.1.0.3"), "hostname", json!("un"))],
        extra,
    );
    behind("cipunready", vec![unready("10.1.1.1")], json!([http()]));
    behind("cipnil", vec![json!({"addresses": ["10.1.2.1"]})], json!([http()]));
    let ending = json!({"ready": false, "serving": true, "terminating": true});
    behind("cipterm", vec![with(at("10.1.3.1"), "conditions", ending)], json!([http()]));
    behind("cipempty", vec![], json!([http()]));
}

/// A headless Service with these slices: family, endpoints, ports.
fn head(all: &mut Objects, namespace: &str, name: &str, slices: Vec<(&str, Vec<Value>, Value)>, more: Value) {
    let spec = merged(json!({"clusterIP": "None", "ports": [http()]}), &more);
    all.push(Object::service(namespace, name, spec));
    for (at, (family, endpoints, ports)) in slices.into_iter().enumerate() {
        all.push(Object::slice(namespace, &format!("{name}-{at}"), Some(name), family, endpoints, ports));
    }
}

fn headless(all: &mut Objects) {
    let ports = || json!([http()]);
    let mut h = |name: &str, slices, more: Value| head(all, "a", name, slices, more);
    let none = || json!({});
    let six = || json!({"ipFamilies": ["IPv6"]});
    h("h0", vec![], none());
    h("h1", vec![("IPv4", vec![at("10.2.0.1")], ports())], none());
    let two = json!([http(), port(443, "https", "TCP")]);
    h(
        "h2",
        vec![("IPv4", vec![host("10.2.1.1", "web-0"), host("10.2.1.2", "web-1"), at("10.2.1.3")], two)],
        none(),
    );
    // One hostname for several addresses, an address under several names, and both over two slices.
    h(
        "hshared",
        vec![
            (
                "IPv4",
                vec![host("10.2.2.1", "same"), host("10.2.2.2", "same"), host("10.2.2.3", "other")],
                ports(),
            ),
            ("IPv4", vec![host("10.2.2.4", "same"), host("10.2.2.1", "same")], ports()),
        ],
        none(),
    );
    h(
        "hdup",
        vec![
            ("IPv4", vec![host("10.2.3.1", "x"), host("10.2.3.1", "y"), at("10.2.3.1")], dns()),
            ("IPv4", vec![at("10.2.3.1"), at("10.2.3.2")], dns()),
        ],
        none(),
    );
    h(
        "hports",
        vec![
            ("IPv4", vec![at("10.2.4.1"), at("10.2.4.2")], ports()),
            (
                "IPv4",
                vec![at("10.2.4.3"), at("10.2.4.1")],
                json!([port(81, "http", "TCP"), port(82, "adm", "UDP")]),
            ),
        ],
        none(),
    );
    h(
        "hdual",
        vec![
            ("IPv4", vec![host("10.2.5.1", "d0"), at("10.2.5.2")], dns()),
            (
                "IPv6",
                vec![host("2001:db8::", "d0"), at("2001:db8:1::"), at("2001:db8::9"), at("2001:db8::a:b")],
                dns(),
            ),
        ],
        both(),
    );
    h(
        "h6",
        vec![(
            "IPv6",
            vec![at("2001:db8:2::"), unready("2001:db8:2::5"), at("::1:2"), at("2001:db8::1:0:0:1")],
            ports(),
        )],
        six(),
    );
    h(
        "hready",
        vec![("IPv4", vec![unready("10.2.7.1"), with(unready("10.2.7.2"), "hostname", json!("u"))], ports())],
        none(),
    );
    let conditions = |address: &str, conditions: Value| with(at(address), "conditions", conditions);
    h(
        "hmix",
        vec![(
            "IPv4",
            vec![
                json!({"addresses": ["10.2.8.1"]}),
                with(unready("10.2.8.2"), "hostname", json!("u")),
                conditions("10.2.8.3", json!({"ready": false, "serving": true, "terminating": true})),
                with(
                    conditions("10.2.8.4", json!({"ready": true, "serving": true, "terminating": true})),
                    "hostname",
                    json!("t"),
                ),
                conditions("10.2.8.5", json!({"serving": false})),
            ],
            ports(),
        )],
        none(),
    );
    h("hnilports", vec![("IPv4", vec![at("10.2.9.1"), host("10.2.9.2", "np")], Value::Null)], none());
    h("hemptyports", vec![("IPv4", vec![at("10.2.10.1")], json!([]))], json!({"ports": []}));
    h("hnoports", vec![("IPv4", vec![at("10.2.10.2")], ports())], json!({"ports": []}));
    h(
        "hnilnumber",
        vec![(
            "IPv4",
            vec![at("10.2.11.1")],
            json!([{"name": "nil", "protocol": "TCP"}, {"name": "ok", "port": 5, "protocol": "TCP"}]),
        )],
        none(),
    );
    h("hnilonly", vec![("IPv4", vec![at("10.2.11.9")], json!([{"name": "nil", "protocol": "TCP"}]))], none());
    h("hnilname", vec![("IPv4", vec![at("10.2.12.1")], json!([{"port": 5}]))], none());
    h("hsamenumber", vec![("IPv4", vec![at("10.2.13.1"), host("10.2.13.2", "z")], dns())], none());
    h(
        "hodd",
        vec![(
            "IPv4",
            vec![
                host("10.2.14.1", "svc"),
                host("10.2.14.2", "pod"),
                host("10.2.14.3", "10-2-14-4"),
                at("10.2.14.4"),
                host("10.2.14.5", "53"),
                host("10.2.14.6", "http"),
                host("10.2.14.7", "tcp"),
            ],
            ports(),
        )],
        none(),
    );
    let long = ["x".repeat(63), "y".repeat(64), "z".repeat(200)];
    h(
        "hpods",
        vec![(
            "IPv4",
            vec![
                of_pod("10.2.15.1", "pod-one"),
                of_pod("10.2.15.2", "pod.with.dots"),
                of_pod("10.2.15.3", &long[0]),
                of_pod("10.2.15.4", &long[1]),
                with(at("10.2.15.5"), "targetRef", json!({"kind": "Node", "name": NODE})),
                with(of_pod("10.2.15.6", "pod-two"), "hostname", json!("hn")),
                of_pod("10.2.15.7", "UPPER_x"),
                of_pod("10.2.15.8", "pod-one"),
                of_pod("10.2.15.9", &long[2]),
            ],
            ports(),
        )],
        none(),
    );
    h(
        "hmulti",
        vec![(
            "IPv4",
            vec![
                json!({"addresses": ["10.2.16.1", "10.2.16.2"], "hostname": "mm"}),
                json!({"addresses": ["10.2.16.3", "10.2.16.4"]}),
            ],
            ports(),
        )],
        none(),
    );
    h(
        "hpartempty",
        vec![("IPv4", vec![], json!([port(7, "seven", "TCP")])), ("IPv4", vec![at("10.2.17.1")], ports())],
        none(),
    );
    h(
        "hpartunready",
        vec![
            ("IPv4", vec![unready("10.2.17.5")], json!([port(7, "seven", "TCP")])),
            ("IPv4", vec![at("10.2.17.6")], ports()),
        ],
        none(),
    );
    let seven = (1..8).map(|last| at(&format!("10.2.19.{last}"))).collect();
    h("hthree", vec![("IPv4", seven, json!([http(), port(2, "b", "TCP"), port(3, "c", "TCP")]))], none());
    // More than a datagram holds, and more than weights can share.
    let plain = (1..91).map(|last| at(&format!("10.3.0.{last}"))).collect();
    let named = (1..61)
        .map(|last| host(&format!("10.3.1.{last}"), &format!("host-with-a-long-name-{last}")))
        .collect();
    h("hbig", vec![("IPv4", plain, ports()), ("IPv4", named, ports())], none());
    h("hmid", vec![("IPv4", (1..41).map(|last| at(&format!("10.3.2.{last}"))).collect(), ports())], none());
    let sixes = (1..60).map(|last| at(&format!("2001:db8:3::{last:x}"))).collect();
    h("hbig6", vec![("IPv6", sixes, dns())], six());
    h("hclash", vec![("IPv4", vec![host("10.96.0.77", "clash")], ports())], none());
    // Labels on both, on the Service alone, on the slice alone.
    for (name, on_service, on_slice) in
        [("lboth", true, true), ("lservice", true, false), ("lslice", false, true)]
    {
        let labels = |is: bool| if is { X() } else { json!({}) };
        let number = name.len();
        all.push(
            Object::service("a", name, json!({"clusterIP": "None", "ports": [http()]}))
                .labels(labels(on_service)),
        );
        all.push(
            Object::slice(
                "a",
                &format!("{name}-1"),
                Some(name),
                "IPv4",
                vec![at(&format!("10.2.18.{number}"))],
                ports(),
            )
            .labels(labels(on_slice)),
        );
    }
}

/// What has no Service, and what not every API server takes: each in a slice of its own, so that the rest stays.
fn odd_slices(all: &mut Objects) {
    let mut slice = |name: &str, service: Option<&str>, family: &str, endpoints: Vec<Value>| {
        let ports = json!([http()]);
        all.push(Object::slice("a", name, service, family, endpoints, ports).may_be_refused());
    };
    slice("nosvc-1", Some("nosvc"), "IPv4", vec![at("10.4.0.1"), host("10.4.0.2", "ns0")]);
    slice("orphan-1", None, "IPv4", vec![at("10.4.1.1"), host("10.4.1.2", "orph")]);
    slice("generated-xyz", None, "IPv4", vec![at("10.4.1.3")]);
    for (name, family, endpoint) in [
        ("odd-long", "IPv6", at("2001:0DB8:4:0::5")),
        ("odd-groups", "IPv6", at("2001:db8:0:0:1::1")),
        ("odd-mapped", "IPv6", at("::ffff:10.2.6.1")),
        ("odd-dotted", "IPv6", at("2001:db8::10.2.6.1")),
        ("odd-zeros", "IPv4", at("010.002.006.002")),
        ("odd-zero", "IPv4", at("0.0.0.0")),
        ("odd-capital-host", "IPv4", host("10.2.6.3", "Web-0")),
        ("odd-dotted-host", "IPv4", host("10.2.6.4", "web.0")),
        ("odd-fqdn", "FQDN", at("target.example.org")),
        ("odd-fqdn-in", "FQDN", host("cip.a.svc.cluster.local", "named")),
    ] {
        slice(&format!("{name}-1"), Some(name), family, vec![endpoint]);
    }
    for name in [
        "odd-long",
        "odd-groups",
        "odd-mapped",
        "odd-dotted",
        "odd-zeros",
        "odd-zero",
        "odd-capital-host",
        "odd-dotted-host",
        "odd-fqdn",
        "odd-fqdn-in",
    ] {
        let families = if matches!(name, "odd-long" | "odd-groups" | "odd-mapped" | "odd-dotted") {
            "IPv6"
        } else {
            "IPv4"
        };
        all.push(Object::service(
            "a",
            name,
            json!({"clusterIP": "None", "ports": [http()], "ipFamilies": [families]}),
        ));
    }
    // The mirroring controller makes a slice of an Endpoints object.
    all.push(Object::service("a", "mirrored", json!({"clusterIP": "None", "ports": [http()]})));
    all.push(Object::new("/api/v1/namespaces/a/endpoints", json!({"metadata": {"name": "mirrored"}, "subsets": [
        {"addresses": [{"ip": "10.4.2.1", "hostname": "mirror"}, {"ip": "10.4.2.2"}], "notReadyAddresses": [{"ip": "10.4.2.3"}], "ports": [port(80, "http", "TCP")]},
    ]})));
}

fn pods(all: &mut Objects) {
    let selector = || json!({"run": "s"});
    for (name, more) in [
        ("sel", json!({})),
        ("selpub", json!({"publishNotReadyAddresses": true})),
        ("seldual", both()),
        ("sub", json!({})),
    ] {
        all.push(Object::service(
            "a",
            name,
            merged(json!({"clusterIP": "None", "ports": [http()], "selector": selector()}), &more),
        ));
    }
    all.push(Object::service("a", "selcip", json!({"ports": [http()], "selector": selector()})));
    all.push(Object::service("a", "selnone", json!({"clusterIP": "None", "selector": selector()})));
    let run = |pod: Object| pod.labels(selector());
    all.push(run(Object::pod("a", "p1", &["10.6.0.1", "2001:db8:6::1"], "Running", true)));
    all.push(run(Object::pod("a", "p2", &["10.6.0.2"], "Running", false)));
    all.push(run(Object::pod("a", "p3", &["10.6.0.3"], "Running", true)).deleted());
    all.push(
        run(Object::pod("a", "p4", &["10.6.0.4", "2001:db8:6::"], "Running", true))
            .spec("hostname", json!("hp"))
            .spec("subdomain", json!("sub")),
    );
    all.push(run(Object::pod("a", "p5", &["10.6.0.5"], "Succeeded", true)));
    all.push(Object::pod("a", "p6", &["10.6.0.6"], "Failed", true));
    all.push(run(Object::pod("a", "p7", &[], "Pending", true)));
    all.push(Object::pod("a", "p8", &["10.6.0.1"], "Running", true).spec("hostNetwork", json!(true)));
    all.push(Object::pod("a", "p8b", &["10.6.0.1"], "Running", true).spec("hostNetwork", json!(true)));
    all.push(Object::pod("a", "p9", &["2001:db8:6::9", "10.6.0.9"], "Running", true));
    all.push(Object::pod("a", "p10", &["10.6.0.10"], "Unknown", true));
    all.push(Object::pod("a", "p11", &["10.6.0.11"], "Pending", true));
    all.push(Object::pod("a", "p12.with.dots", &["10.6.0.12"], "Running", true));
    all.push(Object::pod("b", "p1", &["10.6.1.1"], "Running", true));
    all.push(Object::pod("pod", "p1", &["10.6.2.1"], "Running", true));
    // The address that every question of this machine comes from: `autopath @kubernetes` finds the client's Pod by it.
    all.push(Object::pod("a", "client", &["127.0.0.1"], "Running", true));
}

/// Endpoints in topology zones, for `zonal`.
fn zones(all: &mut Objects) {
    let zoned = |endpoint: Value, zone: &str| with(endpoint, "zone", json!(zone));
    let slices = vec![
        (
            "IPv4",
            vec![
                zoned(at("10.9.0.1"), "zone-a"),
                zoned(host("10.9.0.2", "zb"), "zone-b"),
                zoned(at("10.9.0.3"), "zone.with.dots"),
                at("10.9.0.4"),
                zoned(unready("10.9.0.5"), "zone-c"),
                zoned(host("10.9.0.6", "zb"), "zone-a"),
                zoned(at("10.9.0.7"), "Zone-D"),
            ],
            dns(),
        ),
        (
            "IPv6",
            vec![
                zoned(at("2001:db8:9::1"), "zone-a"),
                zoned(host("2001:db8:9::2", "zb"), "zone-b"),
                at("2001:db8:9::3"),
            ],
            dns(),
        ),
    ];
    head(all, "a", "hzones", slices, both());
    head(
        all,
        "b",
        "hzones",
        vec![("IPv4", vec![zoned(at("10.9.1.1"), "zone-a")], json!([http()]))],
        json!({}),
    );
    all.push(Object::service("a", "cipzones", json!({"ports": [http()]})));
    all.push(Object::slice(
        "a",
        "cipzones-1",
        Some("cipzones"),
        "IPv4",
        vec![zoned(at("10.9.2.1"), "zone-a")],
        json!([http()]),
    ));
}

fn other_namespaces(all: &mut Objects) {
    for namespace in ["b", "svc", "pod", "dns", "ns"] {
        for name in ["svc", "pod", "cip", "ns", "dns"] {
            all.push(Object::service(namespace, name, json!({"ports": [http()]})));
        }
        let endpoints = vec![host("10.5.0.1", "h0"), at("10.2.0.1")];
        head(all, namespace, "head", vec![("IPv4", endpoints, json!([http()]))], json!({}));
    }
}

/// Services over an address of this machine, by which the plugin finds its name servers: with cluster IPs, headless, and
/// a slice of none.
fn name_servers(all: &mut Objects, local: &str) {
    all.push(Object::slice(
        "kube-system",
        "kube-dns-parity",
        Some("kube-dns"),
        "IPv4",
        vec![host(local, "me")],
        dns(),
    ));
    head(
        all,
        "kube-system",
        "dnshead",
        vec![
            ("IPv4", vec![host(local, "me"), at("10.8.0.2"), unready("10.8.0.3")], dns()),
            ("IPv4", vec![at("10.8.0.4")], dns()),
        ],
        json!({"ports": dns()}),
    );
    all.push(Object::slice("a", "menosvc-1", Some("menosvc"), "IPv4", vec![host(local, "meo")], dns()));
}
