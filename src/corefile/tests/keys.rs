use super::*;
use crate::corefile::Scheme;

#[test]
fn keys_have_a_scheme_zones_and_a_port() {
    for (key, scheme, zones, port) in [
        (".", Scheme::Dns, vec!["."], None),
        (".:53", Scheme::Dns, vec!["."], Some(53)),
        (":1053", Scheme::Dns, vec!["."], Some(1053)),
        ("dns://", Scheme::Dns, vec!["."], None),
        ("Cluster.LOCAL", Scheme::Dns, vec!["cluster.local."], None),
        ("dns://example.org.:0", Scheme::Dns, vec!["example.org."], Some(0)),
        ("tls://.", Scheme::Tls, vec!["."], None),
        ("quic://.", Scheme::Quic, vec!["."], None),
        ("grpc://.:5353", Scheme::Grpc, vec!["."], Some(5353)),
        ("https://a.org", Scheme::Https, vec!["a.org."], None),
        ("https3://a.org", Scheme::Https3, vec!["a.org."], None),
        ("10.0.0.0/24", Scheme::Dns, vec!["0.0.10.in-addr.arpa."], None),
        ("10.0.0.5/24:5353", Scheme::Dns, vec!["0.0.10.in-addr.arpa."], Some(5353)),
        ("10.0.0.0/15", Scheme::Dns, vec!["0.10.in-addr.arpa.", "1.10.in-addr.arpa."], None),
        ("2001:db8::/32", Scheme::Dns, vec!["8.b.d.0.1.0.0.2.ip6.arpa."], None),
        ("2001:db8::/32:53", Scheme::Dns, vec!["8.b.d.0.1.0.0.2.ip6.arpa."], Some(53)),
        ("tls://10.0.0.0/8:853", Scheme::Tls, vec!["10.in-addr.arpa."], Some(853)),
    ] {
        let corefile = good(&format!("{key} {{\n}}"));
        let found = &corefile.blocks[0].keys[0];
        let names: Vec<String> = found.zones.iter().map(ToString::to_string).collect();
        assert_eq!(
            (found.scheme, names, found.port),
            (scheme, zones.iter().map(|z| (*z).to_owned()).collect(), port),
            "{key}"
        );
        assert_eq!(corefile.warnings, [], "{key}");
    }
}

#[test]
fn schemes_have_the_ports_of_coredns() {
    for (scheme, port, text) in [
        (Scheme::Dns, 53, "dns://"),
        (Scheme::Tls, 853, "tls://"),
        (Scheme::Quic, 853, "quic://"),
        (Scheme::Grpc, 443, "grpc://"),
        (Scheme::Https, 443, "https://"),
        (Scheme::Https3, 443, "https3://"),
    ] {
        assert_eq!((scheme.default_port(), scheme.to_string().as_str()), (port, text));
    }
}

#[test]
fn each_key_has_its_own_scheme_and_port() {
    let corefile = good("a.b tls://c.d:1053 {\n}");
    let ports: Vec<_> = corefile.blocks[0].keys.iter().map(|key| (key.scheme, key.port)).collect();
    assert_eq!(ports, [(Scheme::Dns, None), (Scheme::Tls, Some(1053))]);
}

#[test]
fn an_odd_zone_only_draws_a_warning() {
    for key in [
        "_tcp.example",
        "a,b",
        "a-.b",
        "-a",
        "zürich.example",
        "0/25.2.0.192.in-addr.arpa",
        "*.org",
        "10.0.0.1",
    ] {
        let corefile = good(&format!("{key} {{\n}}"));
        assert_eq!(corefile.warnings.len(), 1, "{key}");
        assert_eq!(corefile.blocks[0].keys[0].zones.len(), 1, "{key}");
    }
    for key in ["3com.example", "x-y.example.", "10.in-addr.arpa"] {
        assert_eq!(messages(&format!("{key} {{\n}}")), [""; 0], "{key}");
    }
}

#[test]
fn a_key_that_is_no_key_is_refused() {
    refused(&[
        (".:foo {\n}", "`foo` is not a port"),
        (".:70000 {\n}", "`70000` is not a port"),
        (".:+53 {\n}", "`+53` is not a port"),
        ("a.b: {\n}", "no port after the colon of `a.b:`"),
        ("a..b {\n}", "`a..b` is not a zone"),
        ("10.0.0.0/33 {\n}", "`10.0.0.0/33` is not a zone"),
        ("2001:db8::1 {\n}", "`2001:db8::1` is an address, not a zone"),
        ("[::1]:53 {\n}", "`[::1]:53` is an address, not a zone"),
        ("http://a.org {\n}", "unknown scheme `http`"),
        ("DNS://a.org {\n}", "unknown scheme `DNS`"),
    ]);
    assert!(told("http://a.org {\n}").contains("did you mean `https://`?"));
}
