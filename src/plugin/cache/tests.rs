use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex};

use hickory_proto::op::{Message, ResponseCode};
use proptest::prelude::*;

use super::*;
use crate::dns::{Failure, Flags, Origin, Owner, RecordType, Section, Transport};
use crate::plugin::{Chain, Finished, question_packet};

mod rules;
mod stale;

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
});

const GUARD: Duration = Duration::from_secs(20);

type Answer = dyn Fn(&Query<'_>, &mut Response) -> Outcome + Send + Sync;

/// Stands below the cache and answers as it is told.
struct Script {
    answer: Mutex<Arc<Answer>>,
    asked: AtomicUsize,
    is_later: AtomicBool,
    /// Holds answers that come later back while it is true.
    is_held: tokio::sync::watch::Sender<bool>,
    live: Option<Name>,
}

struct Below(Arc<Script>);

impl Plugin for Below {
    fn name(&self) -> &'static str {
        "below"
    }

    fn serve(&self, query: &Query<'_>, _next: Next<'_>, response: &mut Response) -> Reply {
        let script = Arc::clone(&self.0);
        script.asked.fetch_add(1, Ordering::SeqCst);
        let answer = Arc::clone(&script.answer.lock().unwrap());
        if !script.is_later.load(Ordering::SeqCst) {
            return Reply::Done(answer(query, response));
        }
        let query = query.to_shared();
        Reply::later(async move {
            script.is_held.subscribe().wait_for(|held| !*held).await.unwrap();
            let mut response = Response::new();
            response.begin(&query.as_query());
            let outcome = answer(&query.as_query(), &mut response);
            Finished { response, outcome }
        })
    }

    fn is_live(&self, query: &Query<'_>) -> bool {
        self.0.live.as_ref().is_some_and(|zone| query.zone_start(zone.as_wire()).is_some())
    }
}

/// A chain of the cache and a script, and a clock that the test moves.
struct Bench {
    chain: Arc<Chain>,
    script: Arc<Script>,
    registry: Registry,
    start: Instant,
}

impl Bench {
    fn new(config: Config) -> Self {
        Self::with_live(config, None)
    }

    fn with_live(config: Config, live: Option<Name>) -> Self {
        let script = Arc::new(Script {
            answer: Mutex::new(Arc::new(|_, response| addresses(response, 30, 1))),
            asked: AtomicUsize::new(0),
            is_later: AtomicBool::new(false),
            is_held: tokio::sync::watch::Sender::new(false),
            live,
        });
        let registry = Registry::new();
        let servers = [(0, "dns://:53")].into_iter();
        let cache = Cache::new(config, &registry, servers, RUNTIME.handle().clone());
        let chain = Chain::new(vec![Arc::new(cache), Arc::new(Below(Arc::clone(&script)))]);
        Self { chain, script, registry, start: Instant::now() }
    }

    fn answer_with(&self, answer: impl Fn(&Query<'_>, &mut Response) -> Outcome + Send + Sync + 'static) {
        *self.script.answer.lock().unwrap() = Arc::new(answer);
    }

    fn asked(&self) -> usize {
        self.script.asked.load(Ordering::SeqCst)
    }

    fn hold(&self, held: bool) {
        self.script.is_held.send_replace(held);
    }

    /// What the client gets that asks `at_s` seconds after the start.
    fn send(&self, at_s: f64, packet: &[u8]) -> (Vec<u8>, Outcome) {
        let received = self.start + Duration::from_secs_f64(at_s);
        let query = Query::parse(packet, Origin { received, ..origin(Transport::Tcp) }).unwrap();
        let mut response = Response::new();
        response.begin(&query);
        let reply = self.chain.serve(&query, &mut response);
        let mut finished = RUNTIME.block_on(reply.wait(response));
        finished.outcome.settle(&mut finished.response);
        (finished.response.finish().to_vec(), finished.outcome)
    }

    fn ask(&self, at_s: f64, packet: &[u8]) -> Message {
        Message::from_vec(&self.send(at_s, packet).0).unwrap()
    }

    fn ask_name(&self, at_s: f64, name: &str) -> Message {
        self.ask(at_s, &packet(name, RecordType::A))
    }

    fn sample(&self, line: &str) -> Option<String> {
        let text = self.registry.text();
        text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' ').map(str::to_owned))
    }

    /// Waits for work in the background.
    fn wait_until(&self, what: &str, done: impl Fn() -> bool) {
        let end = Instant::now() + GUARD;
        while !done() {
            assert!(Instant::now() < end, "{what}");
            RUNTIME.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
        }
    }
}

fn origin(transport: Transport) -> Origin {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 53));
    Origin { peer: address, local: address, transport, received: Instant::now(), server: 0, depth: 0 }
}

fn packet(name: &str, rtype: RecordType) -> Vec<u8> {
    question_packet(7, Name::from_text(name).unwrap().as_wire(), rtype, None)
}

fn with_flags(mut packet: Vec<u8>, flags: u16) -> Vec<u8> {
    packet[2] |= (flags >> 8) as u8;
    packet[3] |= flags as u8;
    packet
}

fn addresses(response: &mut Response, ttl_s: u32, count: u32) -> Outcome {
    for number in 0..count {
        response.answer_a(ttl_s, (0xc000_0200 + number).into());
    }
    Outcome::Answered
}

fn soa(response: &mut Response, ttl_s: u32, minimum_s: u32) {
    response.record(Section::Authority, Owner::Question, RecordType::SOA, ttl_s, |rdata| {
        rdata.octets(&[0, 0]);
        (0..4).for_each(|_| rdata.u32(86_400));
        rdata.u32(minimum_s);
    });
}

fn denial(response: &mut Response, rcode: Rcode, ttl_s: u32, minimum_s: u32) -> Outcome {
    response.set_rcode(rcode);
    soa(response, ttl_s, minimum_s);
    Outcome::Answered
}

fn cname(response: &mut Response, ttl_s: u32, target: &str) {
    let target = Name::from_text(target).unwrap();
    response.record(Section::Answer, Owner::Question, RecordType::CNAME, ttl_s, |rdata| {
        rdata.octets(target.as_wire());
    });
}

fn ttls(message: &Message) -> Vec<u32> {
    message.all_sections().map(|record| record.ttl).collect()
}

proptest! {
    /// A hit is the first reply, with every TTL lowered by the seconds that passed, up to the entry's end.
    #[test]
    fn a_hit_is_the_stored_answer_with_lower_ttls(
        shape in prop::collection::vec((0_usize..3, 0_u32..400, prop::collection::vec(any::<u8>(), 0..40)), 0..20),
        rcode in 0_u16..4,
        authoritative in any::<bool>(),
        elapsed_s in 0.0_f64..70.0,
    ) {
        let bench = Bench::new(Config::default());
        bench.answer_with(move |_, response| {
            response.set_rcode(Rcode(rcode));
            if authoritative {
                response.set_authoritative();
            }
            for (index, section) in [Section::Answer, Section::Authority, Section::Additional].into_iter().enumerate() {
                if index == 1 && rcode == 3 {
                    soa(response, 60, 50);
                }
                for (_, ttl_s, text) in shape.iter().filter(|(at, ..)| *at == index) {
                    response.record(section, Owner::Question, RecordType::TXT, *ttl_s, |rdata| {
                        rdata.octets(&[text.len() as u8]);
                        rdata.octets(text);
                    });
                }
            }
            Outcome::Answered
        });
        let packet = packet("a.example", RecordType::TXT);
        let first = bench.ask(0.0, &packet);
        let second = bench.ask(elapsed_s, &packet);
        let passed_s = elapsed_s as u32;
        let left_s = ttls(&first).first().copied().unwrap_or(5).saturating_sub(passed_s);
        prop_assert!(ttls(&first).iter().all(|ttl_s| Some(ttl_s) == ttls(&first).first()));
        if bench.asked() == 2 {
            let is_kept = rcode < 3 || first.answers.is_empty();
            prop_assert!(left_s == 0 || !is_kept || rcode == 1, "asked again before the end");
        } else {
            prop_assert!(left_s > 0, "served past its end");
            prop_assert!(ttls(&second).iter().all(|ttl_s| *ttl_s == left_s));
        }
        let without_ttls = |mut message: Message| {
            for section in [&mut message.answers, &mut message.authorities, &mut message.additionals] {
                section.iter_mut().for_each(|record| record.ttl = 0);
            }
            message
        };
        prop_assert_eq!(without_ttls(first), without_ttls(second));
    }
}
