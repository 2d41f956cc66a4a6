use std::sync::atomic::AtomicBool;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::probe::{Verdict, probe_name};
use super::watch::pause;
use super::*;
use crate::dns::Origin;
use crate::plugin::testing::{Bench, Scripted, answer_a, name, origin, packet};
use crate::plugin::{Block, Chain, Finished, Outcome, Router};

/// A server whose block `.` has the plugin above an upstream that, while `leads_back`, asks the server again.
struct Looped {
    bench: Bench,
    state: Arc<State>,
    router: Arc<ArcSwap<Router>>,
    leads_back: Arc<AtomicBool>,
    is_down: Arc<AtomicBool>,
}

impl Looped {
    fn new() -> Self {
        let bench = Bench::new(&["."]);
        let state = Arc::new(State::new(&bench.site, bench.process.metrics.clone()));
        let router = Arc::new(ArcSwap::from_pointee(Router::new(Vec::new(), false, None)));
        let [leads_back, is_down] = [(), ()].map(|()| Arc::new(AtomicBool::new(false)));
        let (there, back, down) = (Arc::clone(&router), Arc::clone(&leads_back), Arc::clone(&is_down));
        let upstream = Scripted::new(move |query: &Query<'_>, response: &mut Response| {
            if down.load(Relaxed) {
                return Reply::failed(Failure::new(FailureKind::UpstreamUnreachable));
            }
            if !back.load(Relaxed) {
                return answer_a(query, response);
            }
            let from = Origin { peer: "192.0.2.53:4000".parse().unwrap(), depth: 0, ..*query.origin() };
            let again = Query::parse(query.packet(), from).unwrap();
            there.load().serve(&again, response)
        });
        let chain = Chain::new(vec![Arc::new(Loop { state: Arc::clone(&state) }), Arc::new(upstream)]);
        router.store(Arc::new(Router::new(vec![Block { zone: Name::root(), chain }], false, None)));
        bench.process.lookup.set_routers(vec![Some(Arc::clone(&router))]);
        Self { bench, state, router, leads_back, is_down }
    }

    /// One round over all zones; gives how many are to be probed again.
    fn round(&self, random: [u64; 2]) -> usize {
        let zones = self.state.zones.iter().collect();
        let round = self.state.round(&self.bench.process.lookup, zones, || Some(random));
        self.bench.runtime.block_on(round).len()
    }

    fn ask(&self, text: &str, rtype: RecordType) -> Outcome {
        let packet = packet(text, rtype, None);
        let query = Query::parse(&packet, origin()).unwrap();
        let mut response = Response::new();
        let reply = self.router.load().serve(&query, &mut response);
        let Finished { outcome, .. } = self.bench.runtime.block_on(reply.wait(response));
        outcome
    }

    fn is_served(&self) -> bool {
        match self.ask("example.org", RecordType::A) {
            Outcome::Answered => true,
            Outcome::Failed(failure) => {
                assert_eq!(failure.kind(), FailureKind::Loop);
                false
            }
            Outcome::Dropped => panic!("dropped"),
        }
    }

    fn metric(&self) -> Option<String> {
        let text = self.bench.process.metrics.text();
        text.lines().find(|line| line.starts_with("kubezone_loop_detected{")).map(str::to_owned)
    }
}

#[test]
fn a_loop_takes_the_zone_out_of_use_until_it_is_gone() {
    let server = Looped::new();
    assert_eq!(server.metric(), None);
    server.leads_back.store(true, Relaxed);
    assert_eq!(server.round([1, 2]), 1);
    assert!(!server.is_served());
    let line = |value| format!(r#"kubezone_loop_detected{{server="dns://:53",zone="."}} {value}"#);
    assert_eq!(server.metric(), Some(line(1)));
    assert_eq!(server.round([3, 4]), 1, "it is there still");
    server.is_down.store(true, Relaxed);
    assert_eq!(server.round([5, 6]), 1);
    assert!(!server.is_served(), "no answer is no sign that it is gone");
    server.is_down.store(false, Relaxed);
    server.leads_back.store(false, Relaxed);
    assert_eq!(server.round([7, 8]), 0);
    assert!(server.is_served());
    assert_eq!(server.metric(), Some(line(0)));
}

#[test]
fn without_a_loop_the_first_answer_ends_the_probes() {
    let server = Looped::new();
    server.is_down.store(true, Relaxed);
    assert_eq!(server.round([1, 2]), 1, "nobody has answered yet");
    server.is_down.store(false, Relaxed);
    assert_eq!(server.round([1, 2]), 0);
    assert!(server.is_served());
}

#[test]
fn the_verdict_says_where_the_probe_came_from() {
    let server = Looped::new();
    server.leads_back.store(true, Relaxed);
    let probe = server.state.probe(&server.bench.process.lookup, &server.state.zones[0], [1, 2]);
    let verdict = server.bench.runtime.block_on(probe);
    let expected = Verdict::Loop {
        remote: "192.0.2.53:4000".parse().unwrap(),
        server: &server.bench.site.servers[0],
        name: name("1.2."),
    };
    assert_eq!(verdict, expected);
}

#[test]
fn the_name_of_an_old_probe_is_an_ordinary_name() {
    let server = Looped::new();
    assert_eq!(server.round([1, 2]), 0);
    assert!(matches!(server.ask("1.2.", RecordType::HINFO), Outcome::Answered));
    assert!(server.is_served());
}

#[test]
fn a_zone_that_no_listener_serves_has_no_verdict() {
    let server = Looped::new();
    server.router.store(Arc::new(Router::new(Vec::new(), false, None)));
    assert_eq!(server.round([1, 2]), 1);
    assert_eq!(server.metric(), None);
}

#[test]
fn only_the_zone_in_the_loop_is_out_of_use() {
    let bench = Bench::new(&["org", "example.org"]);
    let state = Arc::new(State::new(&bench.site, bench.process.metrics.clone()));
    state.set_looping(&state.zones[0], &bench.site.servers[0], true);
    assert_eq!(state.zones[0].name, name("example.org"));
    let chain = Chain::new(vec![Arc::new(Loop { state }), Arc::new(Scripted::new(answer_a))]);
    let ask = |text| bench.ask(&chain, &packet(text, RecordType::A, None), origin()).outcome;
    assert!(matches!(ask("www.example.org"), Outcome::Failed(_)));
    assert!(matches!(ask("example.net.org"), Outcome::Answered));
}

#[test]
fn a_probe_has_128_random_bits_in_front_of_the_zone() {
    let largest = probe_name(&name("example.org"), [u64::MAX, 0]).unwrap();
    assert_eq!(largest, name("18446744073709551615.0.example.org"));
    let long = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "a".repeat(40));
    assert_eq!(probe_name(&name(&long), [u64::MAX, u64::MAX]), None);
}

#[test]
fn silence_is_asked_again_soon_and_a_loop_every_half_minute() {
    let seconds = |round, waiting| pause(round, waiting).as_secs();
    assert_eq!((seconds(0, true), seconds(29, true), seconds(30, true)), (1, 1, 30));
    assert_eq!(pause(0, false), Duration::from_secs(30));
}

#[test]
fn the_directive_is_checked() {
    let bench = Bench::new(&["."]);
    let draft = bench.set_up(setup, "loop").unwrap();
    assert_eq!((draft.plugins.len(), draft.tasks.len()), (1, 1));
    assert!(bench.refusal(setup, "loop x").starts_with("`loop` takes no arguments, not 1"));
    assert!(bench.refusal(setup, "loop {\n}").starts_with("`loop` takes no block"));
    assert!(bench.refusal(setup, "loop\nloop").starts_with("`loop` is given twice"));
}
