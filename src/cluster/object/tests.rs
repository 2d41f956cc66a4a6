use super::*;

#[test]
fn a_full_object_is_trimmed_to_what_dns_needs() {
    let text = r#"{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","addressType":"IPv4",
        "metadata":{"name":"web-x1","namespace":"demo","uid":"c0ffee","resourceVersion":"7","managedFields":[{"a":{"b":[1]}}],
          "labels":{"app":"web","kubernetes.io/service-name":"web"},"creationTimestamp":null,
          "annotations":{"endpoints.kubernetes.io/last-change-trigger-time":"2024-05-01T10:00:00Z","other":"x"}},
        "endpoints":[{"addresses":["::ffff:192.0.2.1","nonsense"],"conditions":{"ready":true,"serving":true},
          "nodeName":"n","targetRef":{"kind":"Pod","name":"web-0","uid":"1"},"hostname":null}],
        "ports":[{"name":"","port":80,"protocol":"TCP","appProtocol":null}]}"#;
    let slice: EndpointSlice = serde_json::from_str(text).unwrap();
    assert_eq!(slice.metadata.service_name(), Some("web"));
    assert_eq!(slice.metadata.trigger_time(), Some("2024-05-01T10:00:00Z"));
    assert!(!slice.metadata.is_deleting());
    let endpoints = slice.endpoints.unwrap();
    assert_eq!(
        endpoints[0].addresses.as_deref(),
        Some(&[Address::Ip("192.0.2.1".parse().unwrap()), Address::Text("nonsense".into())][..])
    );
}

#[test]
fn nulls_stand_for_nothing() {
    let text = r#"{"metadata":{"name":"a","namespace":"b","labels":null,"annotations":null,"deletionTimestamp":null},
        "spec":{"clusterIP":null,"clusterIPs":null,"ports":null,"type":null,"externalName":null,"selector":null}}"#;
    let service: Service = serde_json::from_str(text).unwrap();
    let spec = service.spec.unwrap();
    assert!(spec.addresses().is_empty());
    assert!(!spec.has_selector());
    let slice: EndpointSlice =
        serde_json::from_str(r#"{"metadata":{},"addressType":null,"endpoints":null,"ports":null}"#).unwrap();
    assert!(slice.endpoints.is_none());
}

#[test]
fn pod_addresses_come_from_both_fields() {
    let pod = |status: &str| -> Vec<String> {
        let pod: Pod = serde_json::from_str(&format!(r#"{{"metadata":{{}},"status":{status}}}"#)).unwrap();
        pod.addresses().map(ToString::to_string).collect()
    };
    assert_eq!(pod(r#"{"podIP":"192.0.2.1"}"#), ["192.0.2.1"]);
    assert_eq!(
        pod(r#"{"podIP":"192.0.2.1","podIPs":[{"ip":"192.0.2.1"},{"ip":"2001:DB8::1"}]}"#),
        ["192.0.2.1", "2001:db8::1"]
    );
    assert!(pod("{}").is_empty());
}

#[test]
fn a_pod_has_the_cluster_s_search_list_unless_its_spec_or_its_address_says_otherwise() {
    let has = |spec: &str, status: &str| {
        let text = format!(r#"{{"metadata":{{}},"spec":{spec},"status":{status}}}"#);
        serde_json::from_str::<Pod>(&text).unwrap().has_cluster_search_list()
    };
    let status = r#"{"podIP":"192.0.2.1","hostIP":"198.51.100.1"}"#;
    for spec in [
        "null",
        "{}",
        r#"{"hostNetwork":null,"dnsPolicy":null,"dnsConfig":null}"#,
        r#"{"hostNetwork":false,"dnsPolicy":"ClusterFirst","dnsConfig":{"searches":[],"nameservers":["192.0.2.9"]}}"#,
        r#"{"dnsConfig":{"searches":null,"options":[{"name":"ndots","value":"1"}]}}"#,
    ] {
        assert!(has(spec, status), "{spec}");
    }
    for spec in [
        r#"{"hostNetwork":true}"#,
        r#"{"hostNetwork":true,"dnsPolicy":"ClusterFirstWithHostNet"}"#,
        r#"{"dnsPolicy":"Default"}"#,
        r#"{"dnsPolicy":"None","dnsConfig":{"nameservers":["192.0.2.9"]}}"#,
        r#"{"dnsConfig":{"searches":["corp.example"]}}"#,
    ] {
        assert!(!has(spec, status), "{spec}");
    }
    let host =
        r#"{"podIP":"192.0.2.1","hostIP":"2001:db8::1","podIPs":[{"ip":"192.0.2.1"},{"ip":"2001:DB8::1"}]}"#;
    assert!(!has("{}", host));
    assert!(has("{}", "null"));
}

#[test]
fn uids_tell_a_successor_from_its_predecessor() {
    let uid = |text: &str| serde_json::from_str::<Meta>(text).unwrap().uid;
    assert_ne!(uid(r#"{"uid":"a"}"#), uid(r#"{"uid":"b"}"#));
    assert_eq!(uid("{}"), 0);
}
