//! From words to options.

use super::super::policy::Policy;
use super::*;

#[test]
fn properties_mean_what_they_say() {
    let env = Memory::default().with_file(
        "/etc/resolv.conf",
        "nameserver 192.0.2.1\nnameserver 192.0.2.9\nnameserver 2001:db8::9\n",
    );
    let text =
        "forward 10.0.0.0/24 192.0.2.1 dns://192.0.2.2:5353 [2001:db8::1]:54 2001:db8::2 /etc/resolv.conf {
        except a.0.0.10.in-addr.arpa 192.0.2.0/24
        expire 20s
        max_age 1m
        max_fails 7
        max_idle_conns 8
        max_concurrent 1000
        max_connect_attempts 3
        read_timeout 1s
        policy round_robin
        source_address 192.0.2.200
        health_check 2s domain example.org
        failover SERVFAIL
        next nxdomain badcookie
        force_tcp
    }";
    let options = parse(text, &env).unwrap().remove(0);
    let to: Vec<_> = options.to.iter().map(ToString::to_string).collect();
    let unique = ["192.0.2.1:53", "192.0.2.2:5353", "[2001:db8::1]:54", "[2001:db8::2]:53", "192.0.2.9:53"];
    assert_eq!(to, [&unique[..], &["[2001:db8::9]:53"]].concat());
    let except: Vec<_> = options.except.iter().map(ToString::to_string).collect();
    assert_eq!(options.from.to_string(), "0.0.10.in-addr.arpa.");
    assert_eq!(except, ["a.0.0.10.in-addr.arpa.", "2.0.192.in-addr.arpa."]);
    assert_eq!(options.policy, Policy::RoundRobin);
    assert_eq!((options.concurrent_max, options.attempts_max), (Some(1000), Some(3)));
    assert_eq!((options.failover, options.next), (vec![Rcode::SERVFAIL], vec![Rcode::NXDOMAIN, Rcode(23)]));
    let upstream = options.upstream;
    assert_eq!(upstream.keeping.expire, Duration::from_secs(20));
    assert_eq!(upstream.keeping.age_max, Some(Duration::from_secs(60)));
    assert_eq!((upstream.keeping.idle_max, upstream.fails_max), (Some(8), 7));
    assert_eq!(upstream.source, Some("192.0.2.200".parse().unwrap()));
    assert!(upstream.probe.recursion_desired);
    assert_eq!(upstream.probe.interval, Duration::from_secs(2));
    assert_eq!(upstream.probe.transport, Transport::Tcp);
    assert_eq!(upstream.probe.domain.to_string(), "example.org.");
}

#[test]
fn what_is_wrong_is_said_with_what_would_be_right() {
    let env = Memory::default()
        .with_file("/empty", "search example.org\n")
        .with_file("/names", "nameserver dns.example.org\n");
    let many: String = (1..=16).map(|number| format!(" 192.0.2.{number}")).collect();
    for (directive, message, help) in [
        ("forward .", "`forward` takes at least 2 arguments", "forward FROM TO"),
        ("forward . dsn://192.0.2.1", "`dsn` is no protocol of `forward`", "did you mean `dns://`?"),
        ("forward . https://192.0.2.1/dns-query", "has a path", "leave it out"),
        ("forward . tls://192.0.2.1:853:1", "is not an upstream", "tls://"),
        ("forward . dns://dns.example.org", "upstream `dns.example.org`: nobody looks", "resolver ADDRESS"),
        ("forward . dns.example.org", "upstream `dns.example.org`: nobody looks", "resolver ADDRESS"),
        ("forward . tls://192.0.2.1%a..b", "is no name of a server", "as in certificates"),
        ("forward . 192.0.2.1:0", "`192.0.2.1:0` is not an upstream", "write an address"),
        ("forward . 192.0.2.1:99999", "`192.0.2.1:99999` is not an upstream", "write an address"),
        ("forward . /nowhere", "cannot read `/nowhere`", "resolv.conf"),
        ("forward . /empty", "no `nameserver` line in `/empty`", "write the addresses here"),
        ("forward . /names", "line 1: `dns.example.org` is not an IP address", "correct the file"),
        (&format!("forward .{many}"), "more than 15 upstreams", "spread them"),
        (
            "forward . 192.0.2.1 {\nmax_concurent 5\n}",
            "unknown property `max_concurent`",
            "`max_concurrent`?",
        ),
        ("forward . 192.0.2.1 {\ntls a b c d\n}", "`tls` takes at most 3 arguments", "[CERT KEY] [CA]"),
        ("forward . 192.0.2.1 {\ntls /nowhere\n}", "cannot read `/nowhere`", "PEM"),
        ("forward . 192.0.2.1 {\ntls /empty\n}", "no certificate in `/empty`", "BEGIN CERTIFICATE"),
        (
            "forward . 192.0.2.1 {\ntls_servername a..b\n}",
            "`a..b` is not the name of a server",
            "certificate",
        ),
        ("forward . 192.0.2.1 {\nresolver dns\n}", "`dns` is not the address of a resolver", "192.0.2.1"),
        ("forward . 192.0.2.1 {\ndoh_method PUT\n}", "`PUT`", "GET"),
        (
            "forward . tls://192.0.2.1%a.example.org {\ntls_servername b.example.org\n}",
            "two names for one certificate",
            "behind each `%`",
        ),
        ("forward . 192.0.2.1 {\npolicy fastest\n}", "unexpected `fastest`", "sequential"),
        ("forward . 192.0.2.1 {\nexpire 10\n}", "`10` is not a duration", "10s"),
        ("forward . 192.0.2.1 {\nread_timeout 0s\n}", "`0s` is not a time to wait", "2s"),
        ("forward . 192.0.2.1 {\nmax_age 5s\n}", "`max_age` (5s) is shorter than `expire` (10s)", "longer"),
        ("forward . 192.0.2.1 {\nmax_fails -1\n}", "`-1` is not a whole number", ""),
        ("forward . 192.0.2.1 {\nforce_tcp yes\n}", "`force_tcp` takes no arguments", "force_tcp"),
        ("forward . 192.0.2.1 {\nexcept\n}", "`except` takes at least 1 argument", "except NAME"),
        ("forward . 192.0.2.1 {\nfailover NOERROR\n}", "`NOERROR` is not a code to fail over on", "SERVFAIL"),
        ("forward . 192.0.2.1 {\nnext SERVFIAL\n}", "`SERVFIAL` is no response code", "`SERVFAIL`?"),
        ("forward . 192.0.2.1 {\nhealth_check 1s domain\n}", "`domain` has no name after it", "domain NAME"),
        ("forward . 192.0.2.1 {\nhealth_check 1s norec\n}", "unexpected `norec`", "`no_rec`?"),
        ("forward . 192.0.2.1 {\nsource_address eth0\n}", "`eth0` is not an IP address", ""),
        ("forward . 192.0.2.1 {\nforce_tcp {\n}\n}", "`force_tcp` takes no block", ""),
    ] {
        let wrong = parse(directive, &env).expect_err(directive);
        assert!(wrong.message.contains(message), "{directive}: {}", wrong.message);
        let shown = wrong.help.clone().unwrap_or_default();
        assert!(shown.contains(help), "{directive}: {shown}");
        assert!(wrong.span.is_some(), "{directive}");
    }
}

#[test]
fn upstreams_are_told_apart_by_protocol_address_and_name() {
    let found = |words: &str| {
        let env = Memory::default().with_file("/etc/resolv.conf", "nameserver 192.0.2.53\n");
        let options = parse(&format!("forward . {words}"), &env).unwrap().remove(0);
        let target = |target: &Target| {
            let name = target.server_name.as_deref().map_or_else(String::new, |name| format!("%{name}"));
            format!("{:?} {target}{name}", target.protocol)
        };
        options.to.iter().map(target).collect::<Vec<_>>()
    };
    for (words, expected) in [
        ("192.0.2.1 dns://192.0.2.1 192.0.2.1:53", &["Dns 192.0.2.1:53"][..]),
        ("tls://192.0.2.1 192.0.2.1:853", &["Tls 192.0.2.1:853", "Dns 192.0.2.1:853"]),
        ("quic://[2001:db8::1] https://2001:db8::1", &["Quic [2001:db8::1]:853", "Https [2001:db8::1]:443"]),
        (
            "tls://192.0.2.1%a.example.org:8853 tls://192.0.2.1%A.example.org:8853 tls://192.0.2.1%b:8853",
            &["Tls 192.0.2.1:8853%a.example.org", "Tls 192.0.2.1:8853%b"],
        ),
        ("tls://[2001:db8::1%a.example.org]:853", &["Tls [2001:db8::1]:853%a.example.org"]),
        ("/etc/resolv.conf tls://192.0.2.1", &["Dns 192.0.2.53:53", "Tls 192.0.2.1:853"]),
    ] {
        assert_eq!(found(words), expected, "{words}");
    }
}

#[test]
fn a_block_has_a_handler_for_each_directive_and_takes_all_classes() {
    let bench = Bench::new(&["."]);
    let draft =
        bench.set_up(super::super::setup, "forward a 192.0.2.1 192.0.2.2\nforward . 192.0.2.3").ok().unwrap();
    assert_eq!(draft.plugins.len(), 2);
    assert!(draft.any_class);
    assert!(bench.set_up(super::super::setup, "forward a 192.0.2.1\nforward").is_err(), "each is looked at");
}

#[test]
fn every_example_of_the_readme_loads() {
    let env = Memory::default().with_file("/etc/resolv.conf", "nameserver 192.0.2.1\n");
    let mut count = 0;
    for example in include_str!("../README.md").split("~~~ corefile\n").skip(1) {
        let text = example.split("~~~").next().unwrap();
        let corefile = crate::corefile::parse("README.md", text, &env).unwrap();
        for directive in corefile.blocks.iter().flat_map(|block| &block.directives) {
            if directive.name.text == "forward" {
                setup::parse(directive, Path::new("/"), &env, |_, _| Err("nobody looks".to_owned())).unwrap();
                count += 1;
            }
        }
    }
    assert!(count >= 5, "{count} examples");
}
