use super::setup::read;
use super::*;
use crate::corefile::{self, Memory};
use crate::plugin::testing::Bench;

fn host() -> Vec<(String, IpAddr)> {
    [
        ("lo", "127.0.0.1"),
        ("eth0", "192.0.2.7"),
        ("lo", "::1"),
        ("eth0", "2001:db8::7"),
        ("eth0", "fe80::7"),
        ("tun0", "fe80::8"),
    ]
    .map(|(name, address)| (name.to_owned(), address.parse().unwrap()))
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
        ("bind eth0 127.0.0.1", &["192.0.2.7", "2001:db8::7", "127.0.0.1"]),
        ("bind eth0 lo {\n except ::1 192.0.2.7\n}", &["2001:db8::7", "127.0.0.1"]),
        ("bind eth0 lo {\n except lo\n}", &["192.0.2.7", "2001:db8::7"]),
    ] {
        assert_eq!(bound(text, Some(&host)).unwrap(), expected, "{text}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let host = host();
    for (text, refusal) in [
        ("bind", "`bind` takes at least 1 argument, not 0 | write `bind ADDRESS|INTERFACE…`"),
        ("bind eth1", "no interface `eth1` with an address | did you mean `eth0`?"),
        (
            "bind wlan7",
            "no interface `wlan7` with an address | the interfaces with addresses are: eth0, lo, tun0",
        ),
        ("bind tun0", "`bind` leaves no address to listen on | link-local"),
        ("bind lo {\n except lo\n}", "`bind` leaves no address to listen on | link-local"),
        ("bind 10.0.0.300", "`10.0.0.300` is not an address or an interface | write an address without port"),
        ("bind 10.0.0.1:53", "`10.0.0.1:53` is not an address or an interface"),
        ("bind fe80::1%eth0", "`fe80::1%eth0` is not an address to bind | bind another address"),
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
    assert!(bound("bind 10.0.0.300", None).is_err());
}

#[test]
fn several_directives_add_up() {
    let bench = Bench::new(&["."]);
    let draft = bench.set_up(setup, "bind 127.0.0.1 ::1\nbind ::1 192.0.2.1").unwrap();
    let bound: Vec<String> = draft.bind.iter().map(ToString::to_string).collect();
    assert_eq!(bound, ["127.0.0.1", "::1", "192.0.2.1"]);
    assert!(bench.set_up(setup, "bind lo").unwrap().bind.contains(&"127.0.0.1".parse().unwrap()));
}
