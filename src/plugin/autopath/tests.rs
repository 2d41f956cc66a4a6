use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name as OracleName, RData, Record, RecordType as OracleType};

use super::search::Pods;
use super::*;
use crate::cluster::{ManifestPath, SourceConfig, WatchConfig};
use crate::dns::{Flags, Owner, Rcode, RecordType, Section};
use crate::plugin::testing::{Bench, Scripted, name, origin, packet};
use crate::plugin::{Chain, Finished, cache};

/// What the plugins below say of a name; of any other one, that it does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// One address, and no other record.
    Address,
    NameError,
    Rcode(Rcode),
    Failure(FailureKind),
    Nothing,
}

/// A chain with a scripted end, and what that was asked.
struct Lab {
    bench: Bench,
    autopath: Arc<dyn Plugin>,
    chain: Arc<Chain>,
    asked: Arc<Mutex<Vec<String>>>,
}

/// A search list in a file that goes when the test does.
struct File(PathBuf);

const LIST: &str = "search a.example b.example\n";
const PODS: &str = "
{apiVersion: v1, kind: Pod, metadata: {name: one, namespace: default}, spec: {dnsPolicy: ClusterFirst, dnsConfig: {options: [{name: ndots, value: '1'}]}}, status: {podIP: 192.0.2.1, hostIP: 198.51.100.1, phase: Running}}
---
{apiVersion: v1, kind: Pod, metadata: {name: two, namespace: prod}, spec: {dnsConfig: {searches: []}}, status: {podIP: 192.0.2.2, podIPs: [{ip: 192.0.2.2}, {ip: '2001:db8::2'}], phase: Running}}
---
{apiVersion: v1, kind: Pod, metadata: {name: host, namespace: default}, spec: {hostNetwork: true}, status: {podIP: 192.0.2.3, phase: Running}}
---
{apiVersion: v1, kind: Pod, metadata: {name: host-by-address, namespace: default}, status: {podIP: 192.0.2.4, hostIP: 192.0.2.4, phase: Running}}
---
{apiVersion: v1, kind: Pod, metadata: {name: old, namespace: default}, status: {podIP: 192.0.2.5, phase: Running}}
---
{apiVersion: v1, kind: Pod, metadata: {name: new, namespace: default}, status: {podIP: 192.0.2.5, phase: Running}}
---
{apiVersion: v1, kind: Pod, metadata: {name: policy, namespace: default}, spec: {dnsPolicy: Default}, status: {podIP: 192.0.2.6, phase: Running}}
---
{apiVersion: v1, kind: Pod, metadata: {name: searches, namespace: default}, spec: {dnsConfig: {searches: [corp.example]}}, status: {podIP: 192.0.2.7, phase: Running}}
---
{apiVersion: v1, kind: Pod, metadata: {name: beside, namespace: default}, status: {podIP: 192.0.2.3, phase: Running}}
---
{apiVersion: v1, kind: Pod, metadata: {name: going, namespace: default, deletionTimestamp: '2024-05-01T10:00:00Z'}, status: {podIP: 192.0.2.8, phase: Running}}
---
{apiVersion: v1, kind: Pod, metadata: {name: over, namespace: default}, status: {podIP: 192.0.2.9, phase: Succeeded}}
";

impl File {
    fn new(test: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kubezone-autopath-{}-{test}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn name(&self) -> String {
        self.0.file_name().unwrap().to_string_lossy().into_owned()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Says {
    fn write(self, query: &Query<'_>, response: &mut Response) -> Outcome {
        // As `kubernetes` does for its zone.
        if query.zone_start(name("cluster.local").as_wire()).is_some() {
            response.set_uncacheable();
        }
        match self {
            Says::Address if query.qtype() == RecordType::A => {
                response.answer_a(17, Ipv4Addr::new(198, 51, 100, 7));
            }
            Says::Address => soa(response, Rcode::NOERROR),
            Says::NameError => soa(response, Rcode::NXDOMAIN),
            Says::Rcode(rcode) => response.set_rcode(rcode),
            Says::Failure(kind) => return Outcome::Failed(Failure::new(kind)),
            Says::Nothing => return Outcome::Dropped,
        }
        Outcome::Answered
    }
}

/// A negative answer that says by its TTL which query it is the reply to.
fn soa(response: &mut Response, rcode: Rcode) {
    response.set_authoritative();
    response.set_rcode(rcode);
    let rdata = [&b"\x02ns\x00\x02hm\x00"[..], &[0; 20]].concat();
    response.record(Section::Authority, Owner::Question, RecordType::SOA, 30, |out| out.octets(&rdata));
}

/// Says what stands for a name in `script`, at once, or after waiting for those in `waits`.
fn scripted<W: Fn(&str) -> bool + Send + Sync + 'static>(
    script: &[(&str, Says)],
    waits: W,
    asked: &Arc<Mutex<Vec<String>>>,
) -> impl Plugin + 'static + use<W> {
    let script: Vec<(String, Says)> = script.iter().map(|(name, says)| ((*name).to_owned(), *says)).collect();
    let asked = Arc::clone(asked);
    Scripted::new(move |query: &Query<'_>, response: &mut Response| {
        let name = Name::from_wire(query.name()).unwrap().to_string();
        let says = script.iter().find(|(held, _)| *held == name).map_or(Says::NameError, |(_, says)| *says);
        let must_wait = waits(&name);
        asked.lock().unwrap().push(name);
        if must_wait {
            let query = query.to_shared();
            return Reply::later(async move {
                tokio::task::yield_now().await;
                let mut response = Response::new();
                let query = query.as_query();
                response.begin(&query);
                let outcome = says.write(&query, &mut response);
                Finished { response, outcome }
            });
        }
        Reply::Done(says.write(query, response))
    })
}

impl Lab {
    /// `autopath FILE`, with [`LIST`].
    fn list(
        test: &str,
        script: &[(&str, Says)],
        waits: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        let file = File::new(test, LIST);
        let bench = Bench::new(&["."]);
        let asked = Arc::default();
        let mut plugins = bench.set_up(setup, &format!("autopath {}", file.name())).unwrap().plugins;
        let autopath = Arc::clone(&plugins[0]);
        plugins.push(Arc::new(scripted(script, waits, &asked)));
        Self { bench, autopath, chain: Chain::new(plugins), asked }
    }

    /// The Pods of [`PODS`], on nodes with the search list `node.example`.
    fn pods(script: &[(&str, Says)]) -> Self {
        static FILES: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = FILES.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let file = File::new(&format!("pods-{number}.yaml"), PODS);
        let bench = Bench::new(&["."]);
        let asked = Arc::default();
        let source = SourceConfig::Manifests(vec![ManifestPath::Path(file.0.clone())]);
        let watch =
            bench.process.clusters.watch(&WatchConfig { pods: true, ..WatchConfig::new(source) }).unwrap();
        let zones = vec![name("cluster.local"), name("example.cluster.local"), name("10.in-addr.arpa")];
        let search = Search::Pods(Pods::new(zones, vec![name("node.example"), name("cluster.local")], watch));
        let successes = PerServer::new([(
            0,
            bench.process.metrics.counter("coredns_autopath_success_total", "Help.", &[]),
        )]);
        let shared = Shared { zones: vec![Name::root()], search, successes };
        let autopath: Arc<dyn Plugin> = Arc::new(Autopath { shared: Arc::new(shared) });
        let chain = Chain::new(vec![Arc::clone(&autopath), Arc::new(scripted(script, |_| false, &asked))]);
        Self { bench, autopath, chain, asked }
    }

    fn finished(&self, packet: &[u8], client: &str) -> Finished {
        self.asked.lock().unwrap().clear();
        let client: IpAddr = client.parse().unwrap();
        self.bench.ask(&self.chain, packet, crate::dns::Origin { peer: (client, 1).into(), ..origin() })
    }

    /// The reply, and the names that were asked for below.
    fn ask_from(&self, client: &str, asked: &str, rtype: RecordType) -> (Message, Vec<String>) {
        let mut finished = self.finished(&packet(asked, rtype, None), client);
        assert!(finished.outcome.settle(&mut finished.response));
        let message = Message::from_vec(finished.response.finish()).unwrap();
        (message, self.asked.lock().unwrap().clone())
    }

    fn ask(&self, asked: &str) -> (Message, Vec<String>) {
        self.ask_from("192.0.2.1", asked, RecordType::A)
    }
}

/// `owner TTL TYPE data`
fn lines(records: &[Record]) -> Vec<String> {
    records
        .iter()
        .map(|record| format!("{} {} {} {}", record.name, record.ttl, record.record_type(), record.data))
        .collect()
}

#[test]
fn the_first_name_that_exists_answers_behind_a_cname() {
    let script = [("www.b.example.", Says::Address), ("www.", Says::Address)];
    // Whatever has to wait, the answer is the same.
    for waiting in ["", "www.a.example.", "www.b.example.", "www."] {
        let lab = Lab::list("first", &script, move |name| waiting == "www." || name == waiting);
        let mut finished =
            lab.finished(&packet("www.a.example", RecordType::A, Some((1232, true))), "192.0.2.1");
        assert_eq!(finished.response.author(), Some("forward"));
        assert!(!finished.response.is_cacheable());
        let message = Message::from_vec(finished.response.finish()).unwrap();
        assert_eq!(message.metadata.response_code, ResponseCode::NoError);
        assert_eq!(message.metadata.id, 7);
        assert_eq!(message.queries[0].name().to_ascii(), "www.a.example.");
        assert!(message.edns.is_some_and(|edns| edns.flags().dnssec_ok));
        assert_eq!(
            lines(&message.answers),
            ["www.a.example. 17 CNAME www.b.example.", "www.b.example. 17 A 198.51.100.7"]
        );
        assert_eq!(*lab.asked.lock().unwrap(), ["www.a.example.", "www.b.example."]);
    }
}

#[test]
fn a_name_that_exists_is_answered_as_without_the_plugin() {
    let lab = Lab::list("exists", &[("www.a.example.", Says::Address)], |_| false);
    let finished = lab.finished(&packet("www.a.example", RecordType::A, None), "192.0.2.1");
    assert!(finished.response.is_cacheable());
    assert_eq!(finished.response.count(Section::Answer), 1);
    assert_eq!(lab.asked.lock().unwrap().len(), 1);
}

#[test]
fn when_no_name_exists_the_client_gets_the_first_reply() {
    for waits in [false, true] {
        let lab = Lab::list("none", &[], move |_| waits);
        let (message, asked) = lab.ask("www.a.example");
        assert_eq!(message.metadata.response_code, ResponseCode::NXDomain);
        assert!(message.answers.is_empty());
        assert_eq!(message.authorities[0].name, OracleName::from_ascii("www.a.example.").unwrap());
        assert_eq!(asked, ["www.a.example.", "www.b.example.", "www."]);
    }
}

#[test]
fn a_name_without_the_type_ends_the_walk_so_that_a_and_aaaa_end_at_the_same() {
    let script = [("www.b.example.", Says::Address), ("www.", Says::Address)];
    let lab = Lab::list("nodata", &script, |_| false);
    let (message, asked) = lab.ask_from("192.0.2.1", "www.a.example", RecordType::AAAA);
    assert_eq!(message.metadata.response_code, ResponseCode::NoError);
    assert!(message.answers.is_empty());
    assert_eq!(message.authorities[0].name, OracleName::from_ascii("www.b.example.").unwrap());
    assert_eq!(message.queries[0].query_type(), OracleType::AAAA);
    assert_eq!(asked, ["www.a.example.", "www.b.example."]);
}

#[test]
fn what_nobody_knows_ends_the_walk_without_a_shortcut() {
    let unknown = [
        Says::Failure(FailureKind::UpstreamUnreachable),
        Says::Failure(FailureKind::Unhandled),
        Says::Failure(FailureKind::TransferRefused),
        Says::Rcode(Rcode::SERVFAIL),
        Says::Rcode(Rcode::REFUSED),
        Says::Nothing,
    ];
    for (says, waits) in unknown.into_iter().flat_map(|says| [(says, false), (says, true)]) {
        let script = [("www.b.example.", says), ("www.", Says::Address)];
        let lab = Lab::list("unknown", &script, move |_| waits);
        let (message, asked) = lab.ask("www.a.example");
        assert_eq!(message.metadata.response_code, ResponseCode::NXDomain, "{says:?}");
        assert_eq!(message.authorities[0].name, OracleName::from_ascii("www.a.example.").unwrap());
        assert_eq!(asked.len(), 2, "{says:?}");
        // Of the query itself it is the reply.
        let lab = Lab::list("unknown", &[("www.a.example.", says)], move |_| waits);
        let mut finished = lab.finished(&packet("www.a.example", RecordType::A, None), "192.0.2.1");
        let is_reply = finished.outcome.settle(&mut finished.response);
        assert_eq!(is_reply, says != Says::Nothing);
        assert!(!is_reply || finished.response.rcode() != Rcode::NXDOMAIN);
        assert_eq!(lab.asked.lock().unwrap().len(), 1, "{says:?}");
    }
}

#[test]
fn what_is_not_below_the_first_element_goes_by() {
    let file = File::new("by", LIST);
    let bench = Bench::new(&["."]);
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let text = format!("autopath x.a.example 10.0.0.0/8 {}", file.name());
    let chain = bench.chain(setup, &text, scripted(&[], |_| false, &asked));
    let walked = |packet: &[u8], origin| {
        asked.lock().unwrap().clear();
        bench.ask(&chain, packet, origin);
        asked.lock().unwrap().len() > 1
    };
    let question = packet("www.x.a.example", RecordType::A, None);
    assert!(walked(&question, origin()));
    for outside in ["www.a.example", "www.b.example", "x.example", "a.example", "."] {
        assert!(!walked(&packet(outside, RecordType::A, None), origin()), "{outside}");
    }
    // What the server asks itself, a NOTIFY, and another class.
    assert!(!walked(&question, crate::dns::Origin { depth: 1, ..origin() }));
    let mut notify = question.clone();
    notify[2] |= 4 << 3;
    assert!(!walked(&notify, origin()));
    let mut chaos = question.clone();
    let last = chaos.len() - 1;
    chaos[last] = 3;
    assert!(!walked(&chaos, origin()));
    // The element itself has nothing before it that was typed.
    let lab = Lab::list("by", &[], |_| false);
    assert_eq!(lab.ask("a.example").1.len(), 1);
}

#[test]
fn candidates_are_asked_for_as_the_query_was() {
    let file = File::new("as", LIST);
    let bench = Bench::new(&["."]);
    let seen: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let packets = Arc::clone(&seen);
    let script = Scripted::new(move |query: &Query<'_>, response: &mut Response| {
        packets.lock().unwrap().push(query.packet().to_vec());
        response.set_rcode(Rcode::NXDOMAIN);
        Reply::answered()
    });
    let chain = bench.chain(setup, &format!("autopath {}", file.name()), script);
    let mut question = packet("wWw.a.example", RecordType(257), Some((1400, true)));
    question[3] |= (Flags::CD | Flags::AD) as u8;
    // A cookie.
    let end = question.len();
    question[end - 1] = 6;
    question.extend_from_slice(&[0, 10, 0, 2, 7, 7]);
    question[14] = b'W';
    bench.ask(&chain, &question, origin());
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0], question);
    let at = question.windows(3).position(|octets| octets == b"\x01a\x07").unwrap();
    assert_eq!(seen[1], [&question[..at], b"\x01b", &question[at + 2..]].concat());
    assert_eq!(seen[2], [&question[..at], &question[at + 10..]].concat());
}

#[test]
fn names_that_would_be_too_long_or_were_asked_for_already_are_passed_over() {
    let long = format!("{}.example", ["x".repeat(60), "x".repeat(60), "x".repeat(60)].join("."));
    let file = File::new("long", &format!("search a.example {long} A.example b.example .\n"));
    let bench = Bench::new(&["."]);
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let chain = bench.chain(setup, &format!("autopath {}", file.name()), scripted(&[], |_| false, &asked));
    let typed = "y".repeat(63);
    bench.ask(&chain, &packet(&format!("{typed}.a.example"), RecordType::A, None), origin());
    assert_eq!(
        *asked.lock().unwrap(),
        [format!("{typed}.a.example."), format!("{typed}.b.example."), format!("{typed}.")]
    );
}

#[test]
fn a_pod_has_the_list_of_its_namespace() {
    let lab = Lab::pods(&[("web.prod.svc.cluster.local.", Says::Address), ("www.example.", Says::Address)]);
    let (message, asked) = lab.ask("web.prod.default.svc.cluster.local");
    assert_eq!(asked, ["web.prod.default.svc.cluster.local.", "web.prod.svc.cluster.local."]);
    assert_eq!(
        lines(&message.answers),
        [
            "web.prod.default.svc.cluster.local. 17 CNAME web.prod.svc.cluster.local.",
            "web.prod.svc.cluster.local. 17 A 198.51.100.7"
        ]
    );
    let (message, asked) = lab.ask("www.example.default.svc.cluster.local");
    assert_eq!(
        asked,
        [
            "www.example.default.svc.cluster.local.",
            "www.example.svc.cluster.local.",
            "www.example.cluster.local.",
            "www.example.node.example.",
            "www.example."
        ],
        "the zone stands in the node's list too, and is asked for once"
    );
    assert_eq!(message.answers.len(), 2);
    let metrics = lab.bench.process.metrics.text();
    assert!(metrics.contains("coredns_autopath_success_total 2\n"), "{metrics}");
}

#[test]
fn a_client_that_is_not_known_for_certain_walks_by_itself() {
    let lab = Lab::pods(&[]);
    let is_walked = |client: &str, name: &str| lab.ask_from(client, name, RecordType::A).1.len() > 1;
    let name = "www.example.default.svc.cluster.local";
    for (client, expected, why) in [
        ("192.0.2.1", true, "a Pod; ndots does not change the list"),
        ("::ffff:192.0.2.1", true, "the same on a socket for both families"),
        ("192.0.2.2", false, "a Pod of another namespace"),
        ("192.0.2.3", false, "a Pod with the host's network, though another Pod claims the address"),
        ("192.0.2.4", false, "its address is the host's"),
        ("192.0.2.5", false, "two Pods, one of them gone already"),
        ("192.0.2.6", false, "dnsPolicy"),
        ("192.0.2.7", false, "a list of its own"),
        ("192.0.2.8", false, "on its way out"),
        ("192.0.2.9", false, "has run to its end"),
        ("192.0.2.99", false, "no Pod"),
    ] {
        assert_eq!(is_walked(client, name), expected, "{client}: {why}");
    }
    assert!(is_walked("2001:db8::2", "www.example.prod.svc.cluster.local"), "its second address");
    for other in [
        "default.svc.cluster.local",
        "www.default.pod.cluster.local",
        "www.default.svc.cluster.example",
        "svc.cluster.local",
        "cluster.local",
        "www.example",
        // Of the zones the longest that holds the name.
        "www.default.svc.example.cluster.local.x",
    ] {
        assert!(!is_walked("192.0.2.1", other), "{other}");
    }
    assert!(is_walked("192.0.2.1", "www.default.svc.example.cluster.local"));
}

#[test]
fn letters_of_the_client_are_kept() {
    let lab = Lab::pods(&[("web.prod.svc.cluster.local.", Says::Address)]);
    let mut question = packet("web.prod.default.svc.cluster.local", RecordType::A, None);
    for letter in question[12..].iter_mut().step_by(2) {
        letter.make_ascii_uppercase();
    }
    let mut finished = lab.finished(&question, "192.0.2.1");
    let reply = finished.response.finish();
    assert_eq!(reply[12..question.len()], question[12..]);
    let message = Message::from_vec(reply).unwrap();
    let asked = message.queries[0].name().to_ascii();
    let typed = asked.find(".DeFaUlT").or_else(|| asked.to_ascii_lowercase().find(".default")).unwrap();
    let RData::CNAME(target) = &message.answers[0].data else { panic!("{:?}", message.answers) };
    assert_eq!(target.0.to_ascii(), format!("{}{}", &asked[..typed], &asked[typed + 8..]));
}

#[test]
fn a_cache_below_keeps_names_and_never_the_shortcut() {
    let script = [("www.example.", Says::Address)];
    let lab = Lab::pods(&script);
    let mut plugins = lab.bench.set_up(cache::setup, "cache 30").unwrap().plugins;
    plugins.insert(0, Arc::clone(&lab.autopath));
    plugins.push(Arc::new(scripted(&script, |_| false, &lab.asked)));
    let lab = Lab { chain: Chain::new(plugins), ..lab };
    let walked = "www.example.default.svc.cluster.local";
    assert_eq!(lab.ask(walked).1.len(), 5);
    // What is kept is kept under its own name: the rest of the walk, and the name that was found.
    let (message, asked) = lab.ask(walked);
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|name| name.ends_with("cluster.local.")), "{asked:?}");
    assert_eq!(message.answers.len(), 2);
    let (message, asked) = lab.ask("www.example");
    assert_eq!((message.answers.len(), asked.len()), (1, 0));
    // Who is not known gets what the name itself has.
    for client in ["192.0.2.3", "192.0.2.99"] {
        let (message, asked) = lab.ask_from(client, walked, RecordType::A);
        assert_eq!(message.metadata.response_code, ResponseCode::NXDomain);
        assert_eq!(asked, ["www.example.default.svc.cluster.local."]);
    }
}

#[test]
fn an_answer_that_cannot_be_read_is_a_failure() {
    let file = File::new("broken", LIST);
    let bench = Bench::new(&["."]);
    let script = Scripted::new(|query: &Query<'_>, response: &mut Response| {
        match query.zone_start(name("a.example").as_wire()) {
            Some(_) => response.set_rcode(Rcode::NXDOMAIN),
            // Its target points to itself.
            None => {
                let at = response.message().len() + 12;
                response.record(Section::Answer, Owner::Question, RecordType::CNAME, 5, |rdata| {
                    rdata.pointer(at)
                });
            }
        }
        Reply::answered()
    });
    let chain = bench.chain(setup, &format!("autopath {}", file.name()), script);
    let finished = bench.ask(&chain, &packet("www.a.example", RecordType::A, None), origin());
    let Outcome::Failed(failure) = finished.outcome else { panic!("it was answered") };
    assert_eq!(failure.rcode(), Rcode::SERVFAIL);
    assert!(failure.to_string().contains("cannot be read"));
}

#[test]
fn what_has_no_lists_is_refused_at_its_word() {
    let bench = Bench::new(&["."]);
    let told = |text: &str| bench.refusal(setup, text);
    assert_eq!(
        told("autopath"),
        "`autopath` takes at least 1 argument, not 0 | too few | write `autopath [ZONES...] RESOLVCONF|@kubernetes`"
    );
    assert_eq!(
        told("autopath @erratic"),
        "`@erratic` gives no search lists | write `@kubernetes`, or the name of a file such as `/etc/resolv.conf`"
    );
    assert!(
        told("autopath kubernetes")
            .starts_with("failed to read the search list of `kubernetes`: No such file")
    );
    let file = File::new("wrong", "nameserver 192.0.2.1\nsearch a..b\n");
    assert_eq!(
        told(&format!("autopath {}", file.name())),
        format!(
            "failed to read the search list of `{}`: line 2: `a..b` is not a domain name | name a file as resolv.conf(5) \
             describes, or write `@kubernetes`",
            file.name()
        )
    );
    assert!(told("autopath a..b @kubernetes").starts_with("`a..b` is not a zone"));
    assert!(told("autopath @kubernetes {\n}").starts_with("`autopath` takes no block"));
    assert!(told("autopath @kubernetes\nautopath @kubernetes").starts_with("`autopath` is given twice"));
    assert_eq!(
        told("autopath @kubernetes"),
        "`@kubernetes` without `kubernetes` in the same server block | nobody knows the Pods | add `kubernetes \
         cluster.local { pods verified }` on lines of their own"
    );
    for mode in ["", "{\n}", "{\npods insecure\n}", "{\npods verified\npods disabled\n}"] {
        assert_eq!(
            told(&format!("autopath @kubernetes\nkubernetes cluster.local {mode}")),
            "`@kubernetes` needs `pods verified` | whose search list it is, only the Pods tell | write `pods verified` between \
             the braces of `kubernetes`"
        );
    }
}

#[test]
fn a_file_without_a_list_walks_nothing() {
    let file = File::new("empty", "nameserver 192.0.2.1\n");
    let bench = Bench::new(&["."]);
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let chain = bench.chain(setup, &format!("autopath {}", file.name()), scripted(&[], |_| false, &asked));
    bench.ask(&chain, &packet("www.a.example", RecordType::A, None), origin());
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[test]
fn what_is_wrong_with_kubernetes_is_left_for_it_to_say() {
    let mut bench = Bench::new(&["."]);
    let draft = bench.set_up(setup, "autopath @kubernetes\nkubernetes cluster.local {\npods all\n}").unwrap();
    assert!(draft.plugins.is_empty());
    // Nor does a check begin to watch.
    bench.process.check_only = true;
    let draft =
        bench.set_up(setup, "autopath @kubernetes\nkubernetes cluster.local {\npods verified\n}").unwrap();
    assert!(draft.plugins.is_empty());
}

#[test]
fn the_pods_of_the_directive_are_those_of_kubernetes() {
    let file = File::new("directive.yaml", PODS);
    let bench = Bench::new(&["cluster.local", "other.local"]);
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let text = format!(
        "autopath cluster.local @kubernetes\nkubernetes {{\nmanifests {}\npods verified\n}}",
        file.name()
    );
    let chain = bench.chain(setup, &text, scripted(&[], |_| false, &asked));
    let from =
        |client: &str| crate::dns::Origin { peer: (client.parse::<IpAddr>().unwrap(), 1).into(), ..origin() };
    let walked = |name: &str| {
        asked.lock().unwrap().clear();
        bench.ask(&chain, &packet(name, RecordType::A, None), from("192.0.2.1"));
        asked.lock().unwrap().len() > 1
    };
    assert!(walked("www.default.svc.cluster.local"));
    assert!(!walked("www.default.svc.other.local"), "a zone of kubernetes, but not of autopath");
}
