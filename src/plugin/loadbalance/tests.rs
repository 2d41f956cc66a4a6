use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use super::file::{Problem, WeightFile};
use super::*;
use crate::dns::{Owner, Records};
use crate::plugin::Chain;
use crate::plugin::testing::{Bench, Scripted, name, origin, packet};

/// A folder of one test, with the file `weights` in it.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kubezone-weights-{}-{test}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let folder = Self(path);
        folder.write(text);
        folder
    }

    fn write(&self, text: &str) {
        fs::write(self.file(), text).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.0.join("weights")
    }

    /// A block whose relative file names begin here.
    fn bench(&self) -> Bench {
        let mut bench = Bench::new(&["."]);
        bench.process.root.clone_from(&self.0);
        bench
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Numbers that are the same in every run.
fn seeded(seed: u64) -> impl FnMut(u32) -> u32 {
    let mut state = seed;
    move |bound| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32 % bound
    }
}

fn by_weight(text: &str) -> Policy {
    Policy::Weighted(Arc::new(ArcSwap::from_pointee(Weights::parse(text.as_bytes()).unwrap())))
}

/// Records of `www.example.org`, or of names below it, and in which section.
type Record = (Section, &'static str, IpAddr);

fn answers(owner: &'static str, addresses: &[&str]) -> Vec<Record> {
    addresses.iter().map(|address| (Section::Answer, owner, address.parse().unwrap())).collect()
}

fn response(qtype: RecordType, records: &[Record]) -> Response {
    let packet = packet("www.example.org", qtype, None);
    let query = Query::parse(&packet, origin()).unwrap();
    let mut response = Response::new();
    response.begin(&query);
    for (section, owner, address) in records {
        let owner = name(owner);
        let owner =
            if owner.as_wire() == query.name() { Owner::Question } else { Owner::Name(owner.as_wire()) };
        match address {
            IpAddr::V4(address) => {
                response.record(*section, owner, RecordType::A, 5, |rdata| rdata.octets(&address.octets()))
            }
            IpAddr::V6(address) => {
                response.record(*section, owner, RecordType::AAAA, 5, |rdata| rdata.octets(&address.octets()))
            }
        };
    }
    response
}

fn addresses(message: &[u8]) -> Vec<String> {
    let address = |record: crate::dns::RecordSpan| match &message[record.rdata_at()..record.end] {
        octets @ [_, _, _, _] => Ipv4Addr::from(<[u8; 4]>::try_from(octets).unwrap()).to_string(),
        octets => IpAddr::from(<[u8; 16]>::try_from(octets).unwrap()).to_string(),
    };
    Records::of(message).unwrap().map(address).collect()
}

/// How often each address came first in `rounds` answers.
fn firsts(policy: Policy, qtype: RecordType, records: &[Record], rounds: usize) -> BTreeMap<String, usize> {
    let balance = Balance { policy, prefer: Box::default() };
    let mut random = seeded(7);
    let mut counts = BTreeMap::new();
    for _ in 0..rounds {
        let mut response = response(qtype, records);
        balance.arrange(qtype, &mut response, &mut random);
        let addresses = addresses(response.message());
        assert_eq!(addresses.len(), records.len());
        *counts.entry(addresses[0].clone()).or_default() += 1;
    }
    counts
}

#[test]
fn a_random_order_has_each_address_first_as_often() {
    let records = answers("www.example.org", &["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    let counts = firsts(Policy::RoundRobin, RecordType::A, &records, 3_000);
    assert!(counts.len() == 3 && counts.values().all(|count| (900..1_100).contains(count)), "{counts:?}");
}

#[test]
fn the_first_address_is_chosen_by_weight() {
    let text = "www.example.org\n10.0.0.1 3\n10.0.0.3 2\n10.0.0.9 200\nother.example.org\n10.0.0.2 100";
    // The third of them has no weight, which is 1.
    let records = answers("www.example.org", &["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    let counts = firsts(by_weight(text), RecordType::A, &records, 6_000);
    let expected = [("10.0.0.1", 3_000), ("10.0.0.2", 1_000), ("10.0.0.3", 2_000)];
    for (address, expected) in expected {
        let count = counts[address] as i64;
        assert!((count - expected).abs() < 150, "{counts:?}");
    }
    // A name without weights: each is as likely.
    let records = answers("api.example.org", &["10.0.0.1", "10.0.0.2"]);
    let counts = firsts(by_weight(text), RecordType::A, &records, 2_000);
    assert!(counts.len() == 2 && counts.values().all(|count| (900..1_100).contains(count)), "{counts:?}");
    let records = answers("www.example.org", &["2001:db8::1", "2001:db8::2"]);
    let counts = firsts(by_weight("WWW.example.org.\n2001:db8::2 9"), RecordType::AAAA, &records, 2_000);
    assert!((1_700..1_900).contains(&counts["2001:db8::2"]), "{counts:?}");
}

#[test]
fn the_other_addresses_keep_their_places() {
    let balance = Balance { policy: by_weight("www.example.org\n10.0.0.3 250"), prefer: Box::default() };
    let records = answers("www.example.org", &["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]);
    let mut response = response(RecordType::A, &records);
    balance.arrange(RecordType::A, &mut response, &mut |sum| {
        assert_eq!(sum, 253);
        100
    });
    assert_eq!(addresses(response.message()), ["10.0.0.3", "10.0.0.2", "10.0.0.1", "10.0.0.4"]);
}

#[test]
fn weights_count_where_addresses_are_asked_for() {
    let text = "www.example.org\n10.0.0.2 255\na.example.org\n10.0.0.4 255";
    let records: Vec<Record> = [
        (Section::Answer, "www.example.org", "10.0.0.1"),
        (Section::Answer, "www.example.org", "10.0.0.2"),
        (Section::Authority, "www.example.org", "10.0.0.1"),
        (Section::Authority, "www.example.org", "10.0.0.2"),
        (Section::Additional, "a.example.org", "10.0.0.3"),
        (Section::Additional, "a.example.org", "10.0.0.4"),
    ]
    .map(|(section, owner, address)| (section, owner, address.parse().unwrap()))
    .to_vec();
    let arranged = |qtype| {
        let balance = Balance { policy: by_weight(text), prefer: Box::default() };
        let mut response = response(qtype, &records);
        balance.arrange(qtype, &mut response, &mut |sum| sum - 1);
        addresses(response.message()).concat().replace("10.0.0.", "")
    };
    for qtype in [RecordType::A, RecordType::AAAA, RecordType::SRV] {
        assert_eq!(arranged(qtype), "211243", "{qtype}");
    }
    for qtype in [RecordType::MX, RecordType::ANY, RecordType::NS] {
        assert_eq!(arranged(qtype), "121234", "{qtype}");
    }
}

#[test]
fn preferred_networks_come_first_in_their_order() {
    let prefer: Box<[IpNet]> =
        ["2001:db8::/32", "10.9.20.0/24", "10.9.0.0/16"].map(|network| network.parse().unwrap()).into();
    let text = [
        "10.9.30.1",
        "10.9.20.5",
        "192.168.1.2",
        "10.9.30.2",
        "10.9.20.3",
        "172.16.0.1",
        "2001:db9::1",
        "2001:db8::1",
        "fd00::1",
        "2001:db8::2",
    ];
    let sorted = [
        "10.9.20.5",
        "10.9.20.3",
        "10.9.30.1",
        "10.9.30.2",
        "192.168.1.2",
        "172.16.0.1",
        "2001:db8::1",
        "2001:db8::2",
        "2001:db9::1",
        "fd00::1",
    ];
    let records = answers("www.example.org", &text);
    // MX: the weights leave it as it is, and what is left is the order of the networks.
    let balance = Balance { policy: by_weight(""), prefer: prefer.clone() };
    let mut kept = response(RecordType::MX, &records);
    balance.arrange(RecordType::MX, &mut kept, &mut |_| panic!("nothing is drawn"));
    assert_eq!(addresses(kept.message()), sorted);
    // Shuffled: the groups are the same, the order within each is not.
    let balance = Balance { policy: Policy::RoundRobin, prefer };
    let mut random = seeded(3);
    let mut orders = HashSet::new();
    for _ in 0..100 {
        let mut shuffled = response(RecordType::A, &records);
        balance.arrange(RecordType::A, &mut shuffled, &mut random);
        let mut found = addresses(shuffled.message());
        orders.insert(found.clone());
        for group in [0..2, 2..4, 4..6, 6..8, 8..10] {
            found[group.clone()].sort_unstable();
            let mut expected = sorted[group].to_vec();
            expected.sort_unstable();
            assert!(expected.iter().all(|address| found.contains(&(*address).to_owned())));
        }
        let group = |address: &String| sorted.iter().position(|known| known == address).unwrap() / 2;
        assert!(found.iter().map(group).is_sorted(), "{found:?}");
    }
    assert!(orders.len() > 20, "{}", orders.len());
}

#[test]
fn glue_of_a_referral_is_shuffled_but_not_preferred() {
    let records: Vec<Record> = ["192.0.2.1", "10.0.0.1"]
        .map(|address| (Section::Authority, "www.example.org", address.parse().unwrap()))
        .to_vec();
    let prefer: Box<[IpNet]> = ["10.0.0.0/8".parse().unwrap()].into();
    let balance = Balance { policy: Policy::RoundRobin, prefer };
    let mut first = HashSet::new();
    for draw in [0, 1] {
        let mut response = response(RecordType::A, &records);
        balance.arrange(RecordType::A, &mut response, &mut |_| draw);
        first.insert(addresses(response.message())[0].clone());
    }
    assert_eq!(first.len(), 2);
}

/// Ten addresses under `rcode`, through the whole plugin.
fn order(rcode: Rcode, rtype: RecordType, text: &str) -> Vec<String> {
    let bench = Bench::new(&["."]);
    let ten = Scripted::new(move |_: &Query<'_>, response: &mut Response| {
        response.set_rcode(rcode);
        (0..10).for_each(|number: u32| response.answer_a(5, number.into()));
        Reply::answered()
    });
    let chain: Arc<Chain> = bench.chain(setup, text, ten);
    let finished = bench.ask(&chain, &packet("a", rtype, None), origin());
    assert!(matches!(finished.outcome, Outcome::Answered));
    addresses(finished.response.message())
}

#[test]
fn addresses_of_an_answer_are_shuffled() {
    // 200 orders of 10 addresses: that any address never comes first has a chance below 1 in 10^8.
    let first = |_| order(Rcode::NOERROR, RecordType::A, "loadbalance")[0].clone();
    assert_eq!((0..200).map(first).collect::<HashSet<_>>().len(), 10);
}

#[test]
fn other_codes_and_transfers_stay_as_they_are() {
    let sorted: Vec<String> = (0..10).map(|number| format!("0.0.0.{number}")).collect();
    for text in ["loadbalance", "loadbalance {\n prefer 0.0.0.8/31\n}"] {
        for _ in 0..5 {
            assert_eq!(order(Rcode::NXDOMAIN, RecordType::A, text), sorted);
            assert_eq!(order(Rcode::NOERROR, RecordType::AXFR, text), sorted);
            assert_eq!(order(Rcode::NOERROR, RecordType::IXFR, text), sorted);
        }
    }
    let first = &order(Rcode::NOERROR, RecordType::A, "loadbalance {\n prefer 0.0.0.8/32 0.0.0.9/32\n}")[..2];
    assert_eq!(first, ["0.0.0.8", "0.0.0.9"]);
}

#[test]
fn every_number_below_the_bound_comes() {
    let numbers: HashSet<u32> = (0..1_000).map(|_| random_below(7)).collect();
    assert_eq!(numbers, (0..7).collect());
}

#[test]
fn a_changed_file_is_read_and_a_broken_one_is_not_taken() {
    let folder = Folder::new("reload", "a\n192.0.2.1 1");
    let mut file = WeightFile::new(folder.file());
    assert_eq!(file.look().unwrap().unwrap().len(), 1);
    assert!(file.look().unwrap().is_none(), "the same contents");
    folder.write("a\n192.0.2.1 1\nb\n");
    assert_eq!(file.look().unwrap().unwrap().len(), 2);
    folder.write("a\n192.0.2.1 x\n");
    let Err(Problem::Mistake(path, mistake)) = file.look() else { panic!("it was taken") };
    assert_eq!((path, mistake.to_string()), (folder.file(), "2:11: `x` is not a weight".to_owned()));
    assert!(file.look().unwrap().is_none(), "told once");
    // As it was before: it is another than at the last look.
    folder.write("a\n192.0.2.1 1\nb\n");
    assert_eq!(file.look().unwrap().unwrap().len(), 2);
    fs::remove_file(folder.file()).unwrap();
    assert!(matches!(file.look(), Err(Problem::NotThere(..))));
    fs::create_dir(folder.file()).unwrap();
    assert!(matches!(file.look(), Err(Problem::Unreadable(..))));
}

#[test]
fn the_file_is_followed() {
    let folder = Folder::new("follow", "a\n192.0.2.1 1");
    let bench = folder.bench();
    let mut file = WeightFile::new(folder.file());
    let weights = Arc::new(ArcSwap::from_pointee(file.look().unwrap().unwrap()));
    bench.runtime.block_on(async {
        let following = tokio::spawn(file.follow(Arc::clone(&weights), std::time::Duration::from_millis(1)));
        // The limit is a guard against a hang.
        let wait_for = async |count: usize| {
            for _ in 0..5_000 {
                if weights.load().len() == count {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            panic!("{count} names never came: {:?}", weights.load());
        };
        folder.write("a\n192.0.2.1 2\nb\nc\n");
        wait_for(3).await;
        folder.write("broken 1 2 3");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        assert_eq!(weights.load().len(), 3);
        fs::remove_file(folder.file()).unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        assert_eq!(weights.load().len(), 3);
        folder.write("d\n");
        wait_for(1).await;
        following.abort();
    });
}

#[test]
fn a_file_decides_from_the_first_answer_on() {
    let folder = Folder::new("first", "www.example.org\n0.0.0.7 255");
    let bench = folder.bench();
    let two = |_: &Query<'_>, response: &mut Response| {
        (6..8).for_each(|number: u32| response.answer_a(5, number.into()));
        Reply::answered()
    };
    let chain = bench.chain(setup, "loadbalance weighted weights", Scripted::new(two));
    let asked = packet("www.example.org", RecordType::A, None);
    let is_heavy =
        |_: &u32| addresses(bench.ask(&chain, &asked, origin()).response.message())[0] == "0.0.0.7";
    // 255 in 256 on average: fewer than 80 in 100 has no chance to speak of.
    assert!((0..100).filter(is_heavy).count() >= 80);
}

#[test]
fn what_a_missing_file_means_depends() {
    let folder = Folder::new("missing", "");
    fs::remove_file(folder.file()).unwrap();
    let mut bench = folder.bench();
    let draft = bench.set_up(setup, "loadbalance weighted weights").unwrap();
    assert_eq!((draft.plugins.len(), draft.tasks.len()), (1, 1));
    let never = "loadbalance weighted weights {\n reload 0s\n}";
    let refusal = bench.refusal(setup, never);
    assert!(refusal.starts_with("cannot read weight file `"), "{refusal}");
    // A check is made where the file need not be; what it says counts when it is there.
    bench.process.check_only = true;
    assert!(bench.set_up(setup, never).unwrap().tasks.is_empty());
    folder.write("192.0.2.1 1");
    let refusal = bench.refusal(setup, never);
    let expected = format!(
        "weight file {}:1:1: `192.0.2.1` is an address of no name | write the name that it belongs to on a line before it",
        folder.file().display()
    );
    assert_eq!(refusal, expected);
    folder.write("a\n192.0.2.1 1");
    bench.process.check_only = false;
    assert!(bench.set_up(setup, never).unwrap().tasks.is_empty());
    assert_eq!(bench.set_up(setup, "loadbalance weighted weights {\n reload 1m\n}").unwrap().tasks.len(), 1);
}

#[test]
fn the_directive_is_checked() {
    let bench = Bench::new(&["."]);
    for (text, expected) in [
        ("loadbalance\nloadbalance", "`loadbalance` is given twice"),
        ("loadbalance weigthed", "unexpected `weigthed` | did you mean `weighted`?"),
        ("loadbalance round_robin a", "`loadbalance` takes at most 1 argument, not 2"),
        (
            "loadbalance weighted",
            "`loadbalance` takes 2 arguments, not 1 | too few | write `loadbalance weighted FILE`",
        ),
        ("loadbalance weighted a b", "`loadbalance` takes 2 arguments, not 3"),
        ("loadbalance {\n prefer\n}", "`prefer` takes at least 1 argument, not 0"),
        ("loadbalance {\n prefer 10.0.0.0/8 10.0.0.0/33\n}", "`10.0.0.0/33` is not a CIDR"),
        ("loadbalance {\n reload 5s\n}", "`reload` has no effect without `weighted`"),
        ("loadbalance weighted a {\n reload\n}", "`reload` takes 1 argument, not 0"),
        ("loadbalance weighted a {\n reload 30s a\n}", "`reload` takes 1 argument, not 2"),
        ("loadbalance weighted a {\n reload a\n}", "`a` is not a duration"),
        ("loadbalance weighted a {\n reload 1ms\n}", "interval `1ms` is too short | it is 100ms or more"),
        (
            "loadbalance weighted a {\n relod 1s\n}",
            "unknown property `relod` of `loadbalance` | did you mean `reload`?",
        ),
    ] {
        let refusal = bench.refusal(setup, text);
        assert!(refusal.starts_with(expected), "{refusal}");
    }
}

/// The answers of an upstream: owner, type, RDATA as octets of a name or an address.
fn upstream(records: &[(&str, RecordType, &[u8])]) -> Response {
    let packet = packet("www.example.org", RecordType::A, None);
    let query = Query::parse(&packet, origin()).unwrap();
    let mut response = Response::new();
    response.begin(&query);
    for (owner, rtype, octets) in records {
        let owner = name(owner);
        response
            .record(Section::Answer, Owner::Name(owner.as_wire()), *rtype, 5, |rdata| rdata.octets(octets));
    }
    response
}

/// Owners and RDATA of the answer section.
fn shown(response: &mut Response) -> String {
    let message = hickory_proto::op::Message::from_vec(response.finish()).unwrap();
    message
        .answers
        .iter()
        .map(|record| format!("{} {}", record.name, record.data))
        .collect::<Vec<_>>()
        .join(", ")
}

#[test]
fn a_chain_comes_before_its_addresses() {
    let alias: &[u8] = b"\x01b\x07example\x03org\x00";
    let mut response = upstream(&[
        ("b.example.org", RecordType::A, &[10, 0, 0, 1]),
        ("b.example.org", RecordType::A, &[10, 0, 0, 2]),
        ("www.example.org", RecordType::CNAME, alias),
    ]);
    for policy in [Policy::RoundRobin, by_weight("b.example.org\n10.0.0.2 5")] {
        let balance = Balance { policy, prefer: Box::default() };
        balance.arrange(RecordType::A, &mut response, &mut |bound| bound - 1);
    }
    let expected = "www.example.org. b.example.org., b.example.org. 10.0.0.2, b.example.org. 10.0.0.1";
    assert_eq!(shown(&mut response), expected);
}

#[test]
fn mail_servers_come_in_a_random_order() {
    let mx = |number: u8| [0, 10, 1, b'0' + number, 0];
    let mx = [mx(1), mx(2), mx(3)];
    let records: Vec<(&str, RecordType, &[u8])> =
        mx.iter().map(|octets| ("www.example.org", RecordType::MX, &octets[..])).collect();
    let orders = |policy: fn() -> Policy| {
        let mut random = seeded(5);
        let balance = Balance { policy: policy(), prefer: Box::default() };
        let order = |_| {
            let mut response = upstream(&records);
            balance.arrange(RecordType::MX, &mut response, &mut random);
            shown(&mut response)
        };
        (0..200).map(order).collect::<HashSet<_>>()
    };
    assert_eq!(orders(|| Policy::RoundRobin).len(), 6);
    let kept = "www.example.org. 10 1., www.example.org. 10 2., www.example.org. 10 3.";
    assert_eq!(orders(|| by_weight("")), HashSet::from([kept.to_owned()]));
}
