use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use arc_swap::ArcSwap as Swap;

use super::probe::{Trial, Verdict, probe_name};
use super::watch::pause;
use super::*;
use crate::dns::Origin;
use crate::plugin::testing::{Bench, Scripted, answer_a, name, origin, packet};
use crate::plugin::{Block, Chain, Finished, Outcome, Router};

/// An upstream that asks the server again, for as long as `leads_back`.
struct Upstream {
    to: &'static str,
    from: Name,
    router: Arc<Swap<Router>>,
    leads_back: AtomicBool,
    is_down: AtomicBool,
    asked: Mutex<Vec<Vec<u8>>>,
    looping: Mutex<Vec<Name>>,
}

/// A server whose block has the plugin, above one that answers everything.
struct Server {
    bench: Bench,
    state: Arc<State>,
    router: Arc<Swap<Router>>,
    upstreams: Vec<Arc<Upstream>>,
}

impl Outlet for Upstream {
    fn to(&self) -> &str {
        self.to
    }

    fn part_of(&self, zone: &Name) -> Option<Name> {
        match (self.from.is_within(zone), zone.is_within(&self.from)) {
            (true, _) => Some(self.from.clone()),
            (_, true) => Some(zone.clone()),
            _ => None,
        }
    }

    fn ask(&self, packet: &[u8]) -> Pin<Box<dyn Future<Output = bool> + Send>> {
        self.asked.lock().unwrap().push(packet.to_vec());
        if self.is_down.load(Relaxed) {
            return Box::pin(async { false });
        }
        if self.leads_back.load(Relaxed) {
            let from = Origin { peer: "192.0.2.53:4000".parse().unwrap(), depth: 0, ..origin() };
            let again = Query::parse(packet, from).unwrap();
            let mut response = Response::new();
            response.begin(&again);
            assert!(matches!(
                self.router.load().serve(&again, &mut response),
                Reply::Done(Outcome::Failed(failure)) if failure.kind() == FailureKind::Loop
            ));
        }
        Box::pin(async { true })
    }

    fn set_looping(&self, zone: &Name, is_looping: bool) {
        let mut looping = self.looping.lock().unwrap();
        looping.retain(|known| known != zone);
        if is_looping {
            looping.push(zone.clone());
        }
    }
}

impl Server {
    /// For these zones, with an upstream for each of the others.
    fn new(zones: &[&str], upstreams: &[(&'static str, &str)]) -> Self {
        let bench = Bench::new(zones);
        let router = Arc::new(Swap::from_pointee(Router::new(Vec::new(), false, None)));
        let upstream = |(to, from): &(&'static str, &str)| {
            Arc::new(Upstream {
                to,
                from: name(from),
                router: Arc::clone(&router),
                leads_back: AtomicBool::new(false),
                is_down: AtomicBool::new(false),
                asked: Mutex::default(),
                looping: Mutex::default(),
            })
        };
        let upstreams: Vec<_> = upstreams.iter().map(upstream).collect();
        let outlets = Arc::new(Outlets::default());
        for upstream in &upstreams {
            outlets.add(Arc::clone(upstream) as Arc<dyn Outlet>);
        }
        let state = Arc::new(State::new(&bench.site, outlets, bench.process.metrics.clone()));
        let chain =
            Chain::new(vec![Arc::new(Loop { state: Arc::clone(&state) }), Arc::new(Scripted::new(answer_a))]);
        let blocks = zones.iter().map(|zone| Block { zone: name(zone), chain: Arc::clone(&chain) }).collect();
        router.store(Arc::new(Router::new(blocks, false, None)));
        bench.process.lookup.set_routers(vec![Some(Arc::clone(&router))]);
        Self { bench, state, router, upstreams }
    }

    /// One round over these; gives those that are to be probed again.
    fn round<'r>(&self, routes: Vec<&'r Route>) -> Vec<&'r Route> {
        let mut number = 0;
        let random = || {
            number += 1;
            Some([number, 2])
        };
        self.bench.runtime.block_on(self.state.round(&self.bench.process.lookup, routes, random))
    }

    fn ask(&self, text: &str, rtype: RecordType) -> Outcome {
        let packet = packet(text, rtype, None);
        let query = Query::parse(&packet, origin()).unwrap();
        let mut response = Response::new();
        let reply = self.router.load().serve(&query, &mut response);
        let Finished { outcome, .. } = self.bench.runtime.block_on(reply.wait(response));
        outcome
    }

    fn metric(&self, to: &str) -> Option<String> {
        let text = self.bench.process.metrics.text();
        let is_it = |line: &&str| line.starts_with("kubezone_loop_detected{") && line.contains(to);
        text.lines().find(is_it).map(str::to_owned)
    }
}

fn out_of_use(upstream: &Upstream) -> Vec<String> {
    upstream.looping.lock().unwrap().iter().map(Name::to_string).collect()
}

#[test]
fn a_loop_takes_its_upstream_out_of_use_until_it_is_gone() {
    let server = Server::new(&["."], &[("192.0.2.1:53", "."), ("192.0.2.2:53", ".")]);
    let [good, bad] = [&server.upstreams[0], &server.upstreams[1]];
    let routes = server.state.routes();
    assert_eq!(server.metric("192.0.2.2"), None);
    bad.leads_back.store(true, Relaxed);
    let mut pending = server.round(routes.iter().collect());
    assert_eq!(pending.len(), 1, "the good one is done with");
    assert_eq!((out_of_use(good), out_of_use(bad)), (vec![], vec![".".to_owned()]));
    let line = |to: &str, value| {
        Some(format!(r#"kubezone_loop_detected{{server="dns://:53",to="{to}:53",zone="."}} {value}"#))
    };
    assert_eq!(server.metric("192.0.2.1"), line("192.0.2.1", 0));
    assert_eq!(server.metric("192.0.2.2"), line("192.0.2.2", 1));
    pending = server.round(pending);
    assert_eq!((pending.len(), out_of_use(bad).len()), (1, 1), "it is there still");
    bad.is_down.store(true, Relaxed);
    pending = server.round(pending);
    assert_eq!((pending.len(), out_of_use(bad).len()), (1, 1), "no answer is no sign that it is gone");
    bad.is_down.store(false, Relaxed);
    bad.leads_back.store(false, Relaxed);
    assert!(server.round(pending).is_empty());
    assert!(out_of_use(bad).is_empty());
    assert_eq!(server.metric("192.0.2.2"), line("192.0.2.2", 0));
    assert_eq!(good.asked.lock().unwrap().len(), 1, "not probed again");
}

#[test]
fn without_a_loop_the_first_answer_ends_the_probes() {
    let server = Server::new(&["."], &[("192.0.2.1:53", ".")]);
    let routes = server.state.routes();
    server.upstreams[0].is_down.store(true, Relaxed);
    let pending = server.round(routes.iter().collect());
    assert_eq!(pending.len(), 1, "nobody has answered yet");
    assert_eq!(server.metric("to"), None, "and nobody knows");
    server.upstreams[0].is_down.store(false, Relaxed);
    assert!(server.round(pending).is_empty());
    assert!(matches!(server.ask("example.org", RecordType::A), Outcome::Answered));
}

#[test]
fn the_verdict_says_where_the_probe_came_from() {
    let server = Server::new(&["."], &[("192.0.2.1:53", ".")]);
    server.upstreams[0].leads_back.store(true, Relaxed);
    let routes = server.state.routes();
    let trials = [Trial { route: &routes[0], probe: Probe::new(&name("."), [1, 2]).unwrap() }];
    let verdicts = server.state.probe(&server.bench.process.lookup, &trials, 9);
    let expected = Verdict::Loop { remote: "192.0.2.53:4000".parse().unwrap(), server: 0 };
    assert_eq!(server.bench.runtime.block_on(verdicts), [expected]);
    let asked = server.upstreams[0].asked.lock().unwrap();
    assert_eq!(asked[0][1], 9);
    assert_eq!(asked[0][2..], packet("1.2.", RecordType::HINFO, None)[2..]);
}

#[test]
fn the_name_of_an_old_probe_is_an_ordinary_name() {
    let server = Server::new(&["."], &[("192.0.2.1:53", ".")]);
    let routes = server.state.routes();
    assert!(server.round(routes.iter().collect()).is_empty());
    assert!(matches!(server.ask("2.2.", RecordType::HINFO), Outcome::Answered));
}

#[test]
fn what_another_plugin_answers_is_not_probed() {
    let server = Server::new(&["."], &[("192.0.2.1:53", ".")]);
    server.upstreams[0].leads_back.store(true, Relaxed);
    let above = Chain::new(vec![Arc::new(Scripted::new(answer_a))]);
    let block = Block { zone: name("."), chain: above };
    server.router.store(Arc::new(Router::new(vec![block], false, None)));
    let routes = server.state.routes();
    assert!(server.round(routes.iter().collect()).is_empty());
    assert!(server.upstreams[0].asked.lock().unwrap().is_empty());
}

#[test]
fn a_zone_that_no_listener_serves_has_no_verdict() {
    let server = Server::new(&["."], &[("192.0.2.1:53", ".")]);
    server.router.store(Arc::new(Router::new(Vec::new(), false, None)));
    let routes = server.state.routes();
    assert_eq!(server.round(routes.iter().collect()).len(), 1);
    assert_eq!(server.metric("to"), None);
}

#[test]
fn each_upstream_is_probed_for_each_zone_that_it_is_asked_for() {
    let server = Server::new(
        &["org", "example.org", "net"],
        &[("192.0.2.1:53", "."), ("192.0.2.2:53", "www.example.org"), ("192.0.2.3:53", "com")],
    );
    let routes = server.state.routes();
    let found: Vec<_> = routes.iter().map(|route| format!("{} {}", route.outlet.to(), route.zone)).collect();
    let expected = [
        "192.0.2.1:53 example.org.",
        "192.0.2.1:53 org.",
        "192.0.2.1:53 net.",
        "192.0.2.2:53 www.example.org.",
    ];
    assert_eq!(found, expected);
    server.upstreams[0].leads_back.store(true, Relaxed);
    assert_eq!(server.round(routes.iter().collect()).len(), 3);
    assert_eq!(out_of_use(&server.upstreams[0]), ["example.org.", "org.", "net."]);
    assert!(out_of_use(&server.upstreams[1]).is_empty());
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
