use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use proptest::prelude::*;

use super::file::{FILE_LEN_MAX, parse};
use super::*;
use crate::plugin::testing::{Bench, Scripted, name, origin, packet};
use crate::plugin::{BlockDraft, Chain};

/// A directory that goes when the test does.
struct Directory(PathBuf);

impl Directory {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kubezone-hosts-{}-{test}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, text: &str) {
        fs::write(self.0.join("hosts"), text).unwrap();
    }

    /// A block for `zones` whose relative names begin here.
    fn bench(&self, zones: &[&str]) -> Bench {
        let mut bench = Bench::new(zones);
        bench.process.root.clone_from(&self.0);
        bench
    }

    fn file(&self) -> HostsFile {
        HostsFile::new(self.0.join("hosts"), vec![Name::root()], true, Vec::new())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The next plugin says REFUSED.
fn next(_query: &Query<'_>, response: &mut Response) -> Reply {
    response.set_rcode(Rcode::REFUSED);
    Reply::answered()
}

fn chain_of(mut draft: BlockDraft) -> Arc<Chain> {
    draft.plugins.push(Arc::new(Scripted::new(next)));
    Chain::new(draft.plugins)
}

fn message(bench: &Bench, chain: &Arc<Chain>, question: &str, rtype: RecordType) -> Message {
    let mut finished = bench.ask(chain, &packet(question, rtype, None), origin());
    Message::from_vec(finished.response.finish()).unwrap()
}

/// The RCODE, or the RDATA of all answers; `NODATA` when there are none.
fn told(bench: &Bench, chain: &Arc<Chain>, question: &str, rtype: RecordType) -> String {
    let message = message(bench, chain, question, rtype);
    if message.metadata.response_code != ResponseCode::NoError {
        assert!(message.answers.is_empty() && !message.metadata.authoritative);
        return format!("{:?}", message.metadata.response_code);
    }
    assert!(message.metadata.authoritative);
    assert!(message.authorities.is_empty() && message.additionals.is_empty());
    let answers: Vec<String> = message.answers.iter().map(|record| record.data.to_string()).collect();
    if answers.is_empty() { "NODATA".to_owned() } else { answers.join(" ") }
}

/// Asks a `hosts` of zone `example.org`, with a file that is empty, and these lines between its braces.
fn ask(lines: &str, question: &str, rtype: RecordType) -> String {
    let directory = Directory::new(&format!("ask-{:?}", std::thread::current().id()));
    directory.write("");
    let bench = directory.bench(&["example.org"]);
    let draft = bench.set_up(setup, &format!("hosts hosts {{\n{lines}\n}}")).unwrap();
    told(&bench, &chain_of(draft), question, rtype)
}

const LINES: &str =
    "192.0.2.1 a.example.org b.example.org\n192.0.2.2 a.example.org\n2001:db8::1 a.example.org\n";

#[test]
fn a_name_has_the_addresses_of_its_lines_in_order() {
    assert_eq!(ask(LINES, "a.example.org", RecordType::A), "192.0.2.1 192.0.2.2");
    assert_eq!(ask(LINES, "A.Example.ORG", RecordType::AAAA), "2001:db8::1");
    assert_eq!(ask("192.0.2.1 A.Example.Org.", "a.example.org", RecordType::A), "192.0.2.1");
}

#[test]
fn a_known_name_without_the_type_is_nodata_without_soa() {
    for rtype in [RecordType::AAAA, RecordType::MX, RecordType::HTTPS] {
        assert_eq!(ask(LINES, "b.example.org", rtype), "NODATA");
    }
    assert_eq!(ask(&format!("{LINES}fallthrough"), "b.example.org", RecordType::AAAA), "NODATA");
    assert_eq!(ask(&format!("{LINES}fallthrough"), "b.example.org", RecordType::MX), "NODATA");
}

#[test]
fn an_unknown_name_is_servfail_or_the_next_plugins() {
    for (more, expected) in [
        ("", "ServFail"),
        ("fallthrough", "Refused"),
        ("fallthrough example.org", "Refused"),
        ("fallthrough sub.example.org", "ServFail"),
        ("fallthrough example.org\nfallthrough sub.example.org", "ServFail"),
    ] {
        assert_eq!(ask(&format!("{LINES}{more}"), "c.example.org", RecordType::A), expected, "{more}");
        assert_eq!(ask(&format!("{LINES}{more}"), "c.example.org", RecordType::TXT), expected, "{more}");
    }
    assert_eq!(ask("fallthrough sub.example.org", "c.sub.example.org", RecordType::A), "Refused");
}

#[test]
fn servfail_is_not_kept_and_says_why() {
    let directory = Directory::new("servfail");
    let bench = directory.bench(&["."]);
    let chain = chain_of(bench.set_up(setup, "hosts hosts").unwrap());
    let query = packet("c.example.org", RecordType::A, Some((1232, false)));
    let finished = bench.ask(&chain, &query, origin());
    assert!(matches!(finished.outcome, crate::plugin::Outcome::Answered));
    assert!(!finished.response.is_cacheable());
    let why = finished.response.extended_error();
    assert_eq!(why, Some((InfoCode::OTHER, "hosts has no such name and no fallthrough for it")));
}

#[test]
fn unsupported_types_fall_through_when_asked_to() {
    let lines = format!("{LINES}fallthrough example.org\nfallthrough_unsupported");
    assert_eq!(ask(&lines, "b.example.org", RecordType::HTTPS), "Refused");
    assert_eq!(ask(&lines, "b.example.org", RecordType::AAAA), "NODATA");
    let lines = format!("{LINES}fallthrough sub.example.org\nfallthrough_unsupported");
    assert_eq!(ask(&lines, "b.example.org", RecordType::HTTPS), "NODATA");
}

#[test]
fn names_outside_the_zones_pass_on() {
    let lines = "192.0.2.1 a.example.com a.example.org";
    assert_eq!(ask(lines, "a.example.com", RecordType::A), "Refused");
    // Nor do they count for their address.
    assert_eq!(ask(lines, "1.2.0.192.in-addr.arpa", RecordType::PTR), "a.example.org.");
    assert_eq!(ask("192.0.2.9 a.example.com", "9.2.0.192.in-addr.arpa", RecordType::PTR), "Refused");

    let directory = Directory::new("zones");
    directory.write(lines);
    let bench = directory.bench(&["."]);
    let chain = chain_of(bench.set_up(setup, "hosts hosts example.com example.net").unwrap());
    assert_eq!(told(&bench, &chain, "a.example.com", RecordType::A), "192.0.2.1");
    assert_eq!(told(&bench, &chain, "a.example.net", RecordType::A), "ServFail");
    assert_eq!(told(&bench, &chain, "a.example.org", RecordType::A), "Refused");
}

#[test]
fn addresses_lead_back_to_their_names_outside_the_zones_too() {
    assert_eq!(ask(LINES, "1.2.0.192.in-addr.arpa", RecordType::PTR), "a.example.org. b.example.org.");
    let v6 = crate::dns::reverse_name("2001:db8::1".parse().unwrap()).to_string();
    assert_eq!(ask(LINES, &v6, RecordType::PTR), "a.example.org.");
    assert_eq!(ask("::ffff:192.0.2.1 a.example.org", "a.example.org", RecordType::A), "192.0.2.1");
    assert_eq!(ask("fe80::1%eth0 a.example.org", "a.example.org", RecordType::AAAA), "fe80::1");
}

#[test]
fn an_address_without_names_always_passes_on() {
    for question in ["9.2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa", "a.example.org", "c.example.org"] {
        assert_eq!(ask(LINES, question, RecordType::PTR), "Refused", "{question}");
    }
    assert_eq!(ask(&format!("{LINES}no_reverse"), "1.2.0.192.in-addr.arpa", RecordType::PTR), "Refused");
    assert_eq!(ask(&format!("{LINES}no_reverse"), "b.example.org", RecordType::A), "192.0.2.1");
}

#[test]
fn a_wildcard_stands_for_one_label_and_own_names_win() {
    let lines = "192.0.2.1 *.example.org\n2001:db8::1 *.example.org\n192.0.2.2 a.example.org";
    for (question, rtype, expected) in [
        ("any.example.org", RecordType::A, "192.0.2.1"),
        ("any.example.org", RecordType::MX, "NODATA"),
        ("*.example.org", RecordType::A, "192.0.2.1"),
        ("a.example.org", RecordType::A, "192.0.2.2"),
        // In CoreDNS too a wildcard gives the family that the name lacks.
        ("a.example.org", RecordType::AAAA, "2001:db8::1"),
        ("deep.any.example.org", RecordType::A, "ServFail"),
        ("example.org", RecordType::A, "ServFail"),
        ("1.2.0.192.in-addr.arpa", RecordType::PTR, "Refused"),
        ("2.2.0.192.in-addr.arpa", RecordType::PTR, "a.example.org."),
    ] {
        assert_eq!(ask(lines, question, rtype), expected, "{question}");
    }
    assert_eq!(ask("192.0.2.1 a*.example.org", "ab.example.org", RecordType::A), "ServFail");
    assert_eq!(ask("192.0.2.1 a.*.example.org", "a.b.example.org", RecordType::A), "ServFail");
}

#[test]
fn lines_of_the_corefile_come_after_those_of_the_file() {
    let directory = Directory::new("merged");
    directory.write("192.0.2.2 a.example.org # a comment\r\n\n\t192.0.2.1\ta.example.org b.example.org");
    let bench = directory.bench(&["."]);
    let text = "hosts hosts {\n192.0.2.1 a.example.org c.example.org\n192.0.2.0 a.example.org\n}";
    let chain = chain_of(bench.set_up(setup, text).unwrap());
    assert_eq!(told(&bench, &chain, "a.example.org", RecordType::A), "192.0.2.2 192.0.2.1 192.0.2.0");
    assert_eq!(told(&bench, &chain, "c.example.org", RecordType::A), "192.0.2.1");
    let names = told(&bench, &chain, "1.2.0.192.in-addr.arpa", RecordType::PTR);
    assert_eq!(names, "a.example.org. b.example.org. c.example.org.");
    let metrics = bench.process.metrics.text();
    let path = directory.0.join("hosts");
    // Six pairs of name and address, less the one that is there twice; each both ways.
    let entries = format!("coredns_hosts_entries{{hostsfile=\"{}\"}} 10\n", path.display());
    assert!(metrics.contains(&entries), "{metrics}");
    let written = fs::metadata(&path).unwrap().modified().unwrap();
    let written = written.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(metrics.contains("\ncoredns_hosts_reload_timestamp_seconds "), "{metrics}");
    let shown = metrics.split("\ncoredns_hosts_reload_timestamp_seconds ").nth(1).unwrap();
    let shown: f64 = shown.lines().next().unwrap().parse().unwrap();
    assert_eq!(shown as u64, written);
}

#[test]
fn records_have_the_ttl() {
    for (more, ttl) in [("", 3600), ("ttl 60", 60)] {
        let directory = Directory::new("ttl");
        let bench = directory.bench(&["."]);
        let text = format!("hosts hosts {{\n{LINES}{more}\n}}");
        let chain = chain_of(bench.set_up(setup, &text).unwrap());
        for (question, rtype) in
            [("b.example.org", RecordType::A), ("1.2.0.192.in-addr.arpa", RecordType::PTR)]
        {
            let answers = message(&bench, &chain, question, rtype).answers;
            assert!(!answers.is_empty() && answers.iter().all(|record| record.ttl == ttl));
        }
    }
}

#[test]
fn an_answer_ends_where_a_message_does() {
    let mut lines = String::new();
    for number in 0..9000 {
        lines.push_str(&format!("192.0.2.1 name-{number}.example.org\n"));
    }
    let directory = Directory::new("large");
    directory.write(&lines);
    let bench = directory.bench(&["."]);
    let chain = chain_of(bench.set_up(setup, "hosts hosts").unwrap());
    let message = message(&bench, &chain, "1.2.0.192.in-addr.arpa", RecordType::PTR);
    assert!(message.metadata.truncation && !message.answers.is_empty());
}

#[test]
fn a_missing_file_is_told_once_and_what_was_read_holds() {
    let directory = Directory::new("missing");
    let mut file = directory.file();
    let look = file.look();
    assert!(look.changed.is_none());
    let [complaint] = &look.complaints[..] else { panic!("{:?}", look.complaints) };
    let path = directory.0.join("hosts");
    assert!(complaint.starts_with(&format!("cannot read hosts file `{}`: ", path.display())), "{complaint}");
    assert!(file.look().complaints.is_empty());

    directory.write("192.0.2.1 a.example.org");
    let look = file.look();
    assert_eq!(look.changed.unwrap().0.len(), 2);
    assert!(look.complaints.is_empty());
    assert!(file.look().changed.is_none());

    fs::remove_file(&path).unwrap();
    let look = file.look();
    assert!(look.changed.is_none());
    assert_eq!(look.complaints.len(), 1);
    assert!(file.look().complaints.is_empty());
}

#[test]
fn what_is_no_file_or_too_long_is_not_read() {
    let directory = Directory::new("no-file");
    let path = directory.0.join("hosts");
    fs::create_dir(&path).unwrap();
    let complaints = directory.file().look().complaints;
    assert!(complaints[0].ends_with("it is not a file"), "{complaints:?}");
    fs::remove_dir(&path).unwrap();
    fs::File::create(&path).unwrap().set_len(FILE_LEN_MAX + 1).unwrap();
    let look = directory.file().look();
    assert!(look.changed.is_none());
    assert!(look.complaints[0].ends_with("it is longer than 32 MiB"), "{:?}", look.complaints);
}

#[test]
fn bad_lines_are_told_once_with_their_number() {
    let directory = Directory::new("bad");
    directory.write("# fine\n300.0.2.1 a\n192.0.2.1\n192.0.2.1 a..b fine\n");
    let mut file = directory.file();
    let look = file.look();
    let path = directory.0.join("hosts");
    let path = path.display();
    let expected = [
        format!("{path}:2: `300.0.2.1` is not an IP address"),
        format!("{path}:3: no name follows `192.0.2.1`"),
        format!("{path}:4: `a..b` is not a domain name: a name has no empty labels"),
    ];
    assert_eq!(look.complaints, expected);
    let (map, _) = look.changed.unwrap();
    assert_eq!(map.find(name("fine").as_wire()).v4, ["192.0.2.1".parse::<std::net::Ipv4Addr>().unwrap()]);

    directory.write("# fine\n300.0.2.1 a\n192.0.2.1\n192.0.2.1 a..b fine more\n");
    let look = file.look();
    assert!(look.changed.is_some() && look.complaints.is_empty());

    directory.write(&"bad line\n".repeat(25));
    let complaints = file.look().complaints;
    assert_eq!(complaints.len(), 11);
    assert_eq!(complaints[10], format!("{path}: 15 more mistakes"));
}

#[test]
fn a_changed_file_is_taken_into_use() {
    let directory = Directory::new("follow");
    directory.write("192.0.2.1 a.example.org");
    let bench = directory.bench(&["."]);
    let mut draft = bench.set_up(setup, "hosts hosts {\nreload 100ms\n}").unwrap();
    let tasks: Vec<_> = draft.tasks.drain(..).map(|task| task(bench.runtime.handle())).collect();
    assert_eq!(tasks.len(), 1);
    let chain = chain_of(draft);
    assert_eq!(told(&bench, &chain, "a.example.org", RecordType::A), "192.0.2.1");
    directory.write("192.0.2.22 a.example.org");
    let changes = async {
        while told_now(&chain) != "192.0.2.22" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    bench.runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), changes).await }).unwrap();
}

/// The first address of `a.example.org`, without waiting.
fn told_now(chain: &Arc<Chain>) -> String {
    let packet = packet("a.example.org", RecordType::A, None);
    let query = Query::parse(&packet, origin()).unwrap();
    let mut response = Response::new();
    response.begin(&query);
    assert!(matches!(chain.serve(&query, &mut response), Reply::Done(_)));
    Message::from_vec(response.finish()).unwrap().answers[0].data.to_string()
}

#[test]
fn reload_0_looks_once() {
    let directory = Directory::new("reload-0");
    directory.write("192.0.2.1 a.example.org");
    let bench = directory.bench(&["."]);
    let draft = bench.set_up(setup, "hosts hosts {\nreload 0\n}").unwrap();
    assert!(draft.tasks.is_empty());
    assert_eq!(told(&bench, &chain_of(draft), "a.example.org", RecordType::A), "192.0.2.1");
}

#[test]
fn a_check_reads_nothing() {
    let directory = Directory::new("check");
    directory.write("192.0.2.1 a.example.org");
    let mut bench = directory.bench(&["."]);
    bench.process.check_only = true;
    let draft = bench.set_up(setup, "hosts hosts {\n192.0.2.2 b.example.org\n}").unwrap();
    assert!(draft.tasks.is_empty());
    let chain = chain_of(draft);
    assert_eq!(told(&bench, &chain, "a.example.org", RecordType::A), "ServFail");
    assert_eq!(told(&bench, &chain, "b.example.org", RecordType::A), "192.0.2.2");
}

#[test]
fn the_directive_is_checked() {
    let bench = Directory::new("directive").bench(&["."]);
    for (text, refusal) in [
        ("hosts\nhosts", "`hosts` is given twice"),
        ("hosts hosts a..b", "`a..b` is not a zone"),
        ("hosts {\nttl 0\n}", "`0` is not a whole number from 1 to 65535"),
        ("hosts {\nttl 1 2\n}", "`ttl` takes 1 argument, not 2"),
        ("hosts {\nreload 5\n}", "`5` is not a duration"),
        ("hosts {\nreload 99ms\n}", "interval `99ms` is too short | it is 100ms or more, or 0 for never"),
        ("hosts {\nno_reverse x\n}", "`no_reverse` takes no arguments, not 1"),
        ("hosts {\nfallthrough a..b\n}", "`a..b` is not a zone"),
        (
            "hosts {\nfallthrough_unsupported\n}",
            "`fallthrough_unsupported` has no effect without `fallthrough`",
        ),
        ("hosts {\nfallthrogh\n}", "unknown property `fallthrogh` of `hosts` | did you mean `fallthrough`?"),
        ("hosts {\n300.0.2.1 a\n}", "`300.0.2.1` is not an IP address"),
        ("hosts {\nfe80:::1 a\n}", "`fe80:::1` is not an IP address"),
        ("hosts {\n192.0.2.1\n}", "`192.0.2.1` takes at least 1 argument, not 0"),
        ("hosts {\n192.0.2.1 a..b\n}", "`a..b` is not a domain name"),
        ("hosts {\n192.0.2.1 a {\n}\n}", "`192.0.2.1` takes no block"),
    ] {
        let told = bench.refusal(setup, text);
        assert!(told.starts_with(refusal), "{told}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in prop::collection::vec(any::<u8>(), 0..400)) {
        let lines = text.iter().filter(|octet| **octet == b'\n').count() + 1;
        parse(&text, |_, _| {}, |line, what| {
            assert!((1..=lines).contains(&line));
            assert!(!what.contains('\n'));
        });
    }

    #[test]
    fn every_pair_is_found_both_ways(
        pairs in prop::collection::vec((any::<[u8; 2]>(), any::<bool>(), "[a-c]{1,2}(\\.[a-c]){0,2}"), 0..60),
    ) {
        let mut text = String::new();
        let mut expected: Vec<(IpAddr, Name)> = Vec::new();
        for ([first, second], is_v4, owner) in &pairs {
            let address = if *is_v4 { format!("192.0.{first}.{second}") } else { format!("2001:db8::{first:x}{second:x}") };
            text.push_str(&format!(" {address}\t{owner}\n"));
            let pair = (address.parse().unwrap(), name(owner));
            if !expected.contains(&pair) {
                expected.push(pair);
            }
        }
        let zones = [Name::root()];
        let mut builder = map::Builder::new(&zones, true);
        parse(text.as_bytes(), |address, name| builder.add(address, name), |_, what| panic!("{what}"));
        let map = builder.build();
        prop_assert_eq!(map.len(), 2 * expected.len());
        for (address, owner) in &expected {
            let of_owner = expected.iter().filter(|(_, other)| other == owner).map(|(address, _)| *address);
            let of_owner: Vec<IpAddr> = of_owner.filter(|other| other.is_ipv4() == address.is_ipv4()).collect();
            let found = map.find(owner.as_wire());
            let found: Vec<IpAddr> = if address.is_ipv4() {
                found.v4.iter().copied().map(IpAddr::V4).collect()
            } else {
                found.v6.iter().copied().map(IpAddr::V6).collect()
            };
            prop_assert_eq!(found, of_owner);
            let owners: Vec<&[u8]> = expected.iter().filter(|(other, _)| other == address).map(|(_, owner)| owner.as_wire()).collect();
            prop_assert_eq!(map.names_of(*address).collect::<Vec<_>>(), owners);
        }
    }
}
