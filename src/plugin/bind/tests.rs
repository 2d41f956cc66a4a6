use super::setup::read;
use super::*;
use crate::corefile::{self, Memory};
use crate::plugin::testing::Bench;

fn host() -> Vec<Interface> {
    [
        ("lo", 1, &["127.0.0.1", "::1"][..]),
        ("eth0", 2, &["192.0.2.7", "2001:db8::7", "fe80::7"]),
        ("tun0", 3, &["fe80::8"]),
        ("down0", 4, &[]),
    ]
    .map(|(name, index, addresses)| Interface {
        name: name.to_owned(),
        index,
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
    })
    .to_vec()
}

fn bound(text: &str, interfaces: Interfaces<'_>) -> Result<Vec<String>, String> {
    let corefile = corefile::parse("Corefile", &format!(". {{\n{text}\n}}"), &Memory::default()).unwrap();
    match read(&corefile.blocks[0].directives[0], interfaces) {
        Ok(addresses) => Ok(addresses.iter().map(ToString::to_string).collect()),
        Err(diagnostic) => {
            assert!(diagnostic.span.is_some());
            Err(format!("{} | {}", diagnostic.message, diagnostic.help.unwrap()))
        }
    }
}

#[test]
fn interfaces_stand_for_their_addresses() {
    let host = host();
    for (text, expected) in [
        ("bind 10.0.0.1 ::1", &["10.0.0.1", "::1"][..]),
        ("bind eth0 127.0.0.1", &["192.0.2.7", "2001:db8::7", "fe80::7%eth0", "127.0.0.1"]),
        ("bind eth0 lo {\n except ::1 192.0.2.7\n}", &["2001:db8::7", "fe80::7%eth0", "127.0.0.1"]),
        ("bind eth0 lo {\n except lo\n}", &["192.0.2.7", "2001:db8::7", "fe80::7%eth0"]),
        ("bind eth0 {\n except fe80::7\n except 192.0.2.7\n}", &["2001:db8::7"]),
        ("bind eth0 {\n except fe80::7%eth0\n}", &["192.0.2.7", "2001:db8::7"]),
        ("bind eth0 {\n except fe80::7%tun0\n}", &["192.0.2.7", "2001:db8::7", "fe80::7%eth0"]),
        ("bind fe80::9%eth0 fe80::9%3", &["fe80::9%eth0", "fe80::9%3"]),
        ("bind ::ffff:127.0.0.1", &["127.0.0.1"]),
        ("bind down0 lo", &["127.0.0.1", "::1"]),
        ("bind lo {\n except lo\n}", &[]),
    ] {
        assert_eq!(bound(text, Some(&host)).unwrap(), expected, "{text}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let host = host();
    for (text, refusal) in [
        ("bind", "`bind` takes at least 1 argument, not 0 | write `bind ADDRESS|INTERFACE…`"),
        ("bind eth1", "no interface `eth1` | did you mean `eth0`?"),
        (
            "bind wlan7",
            "no interface `wlan7` | write an address, or an interface of this host: down0, eth0, lo, tun0",
        ),
        ("bind fe80::7", "link-local address `fe80::7` without its interface | write `fe80::7%eth0`"),
        ("bind fe80::7%wlan7", "no interface `wlan7` | write an address"),
        ("bind 2001:db8::1%eth0", "`2001:db8::1%eth0` is not an address to bind | only a link-local"),
        ("bind 10.0.0.300", "`10.0.0.300` is not an address or an interface | write an address without port"),
        ("bind 10.0.0.1:53", "`10.0.0.1:53` is not an address or an interface"),
        ("bind lo {\n exept lo\n}", "unknown property `exept` of `bind` | did you mean `except`?"),
        ("bind lo {\n except\n}", "`except` takes at least 1 argument, not 0"),
    ] {
        let told = bound(text, Some(&host)).unwrap_err();
        assert!(told.starts_with(refusal), "{told}");
    }
}

#[test]
fn a_check_does_not_look_at_this_host() {
    assert_eq!(bound("bind wlan7 10.0.0.1", None).unwrap(), ["10.0.0.1"]);
    assert_eq!(bound("bind wlan7", None).unwrap(), [""; 0]);
    assert_eq!(bound("bind fe80::1%wlan7", None).unwrap(), ["fe80::1%wlan7"]);
    assert!(bound("bind 10.0.0.300", None).is_err());
    assert!(bound("bind fe80::1%", None).is_err());
}

#[test]
fn several_directives_add_up() {
    let bench = Bench::new(&["."]);
    let draft = bench.set_up(setup, "bind 127.0.0.1 ::1\nbind ::1 192.0.2.1").unwrap();
    let bound: Vec<String> = draft.bind.iter().map(ToString::to_string).collect();
    assert_eq!(bound, ["127.0.0.1", "::1", "192.0.2.1"]);
    let loopback: IpAddr = "127.0.0.1".parse().unwrap();
    assert!(bench.set_up(setup, "bind lo").unwrap().bind.contains(&loopback.into()));
    assert!(
        bench
            .refusal(setup, "bind lo {\n except lo\n}")
            .starts_with("`bind` leaves no address to listen on | name an interface")
    );
    assert!(bench.set_up(setup, "bind lo {\n except lo\n}\nbind 127.0.0.1").is_ok());
}

#[test]
fn an_address_is_written_as_it_is_bound() {
    let link = Link { name: "eth0".to_owned(), index: 2 };
    let local = BindAddress { ip: "fe80::7".parse().unwrap(), link: Some(link) };
    assert_eq!(local.to_string(), "fe80::7%eth0");
    assert_eq!(local.with_port(53), "[fe80::7%eth0]:53");
    assert_eq!(local.socket_addr(53).to_string(), "[fe80::7%2]:53");
    let v4 = BindAddress::from("10.0.0.1".parse::<IpAddr>().unwrap());
    assert_eq!(
        (v4.with_port(53), v4.socket_addr(53).to_string()),
        ("10.0.0.1:53".into(), "10.0.0.1:53".into())
    );
}
