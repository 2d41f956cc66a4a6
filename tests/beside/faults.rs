//! What clients see, second by second, while an upstream misbehaves: `KUBEZONE_FAULTS=1`, see `README.md`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{env, fs, process};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RData;
use kubezone::dns::{RecordType, wire_from_text};
use kubezone::plugin::question_packet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{interval, timeout_at};

use crate::script::Script;
use crate::server::{Kind, Server};
use crate::upstream::{Ports, Upstream};
use crate::words::Words;

/// Whole seconds of a run, and those in which the upstream misbehaves.
const RUN_S: usize = 20;
const FAULT_S: std::ops::Range<usize> = 4..14;
/// Questions in a second: each fifth is for a name that nobody asked for before, the others for one of [`HOT_NAMES`].
const RATE: usize = 50;
const HOT_NAMES: usize = 20;
/// How long a client waits, as those of glibc do.
const PATIENCE: Duration = Duration::from_secs(5);
/// What every name has. Its TTL is the least that `cache` keeps, so that entries end within a run.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const HEALTHY: &str = "? * A\n= NOERROR ra\nQNAME 5 A 192.0.2.1";

/// The servers between clients and upstreams.
const SETTINGS: [(&str, &str); 2] = [
    (
        "one upstream behind cache with serve_stale",
        ".:PORT {\n    bind 127.0.0.1\n    cache 30 {\n        serve_stale\n    }\n    forward . UPSTREAM_A\n}\n",
    ),
    (
        "two upstreams, the first one with the fault, and no cache",
        ".:PORT {\n    bind 127.0.0.1\n    forward . UPSTREAM_A UPSTREAM_B\n}\n",
    ),
];

/// What is wrong, and the script of it; no script: its ports are closed.
const FAULTS: [(&str, Option<&str>); 8] = [
    ("killed: its ports are closed", None),
    ("silent: it answers nothing", Some("? * *\n= drop")),
    (
        "slow: it answers after 1.5 s",
        Some("? * A\n= delay=1500ms NOERROR ra\nQNAME 5 A 192.0.2.1\n? * *\n= drop"),
    ),
    (
        "truncating: over UDP it answers with TC and nothing else",
        Some("? * A udp\n= NOERROR tc ra\n? * A tcp\n= NOERROR ra\nQNAME 5 A 192.0.2.1"),
    ),
    ("garbage: the right id, and octets of no meaning behind it", Some("? * *\n= garbage")),
    ("another id: it answers under the wrong one", Some("? * *\n= wrong-id")),
    ("another question: it answers what was not asked", Some("? * *\n= wrong-question")),
    ("SERVFAIL: it answers that it cannot", Some("? * *\n= SERVFAIL ra")),
];

/// What came of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Right,
    /// The right address with TTL 0, which says that it is an old one.
    Stale,
    ServFail,
    None,
    Wrong,
}

/// A server with upstreams of its own.
struct Stand {
    server: Server,
    port: u16,
    upstreams: Vec<Upstream>,
    folder: PathBuf,
}

/// One second of a run.
#[derive(Default)]
struct Second {
    seen: Vec<(Seen, Duration)>,
}

/// Runs everything, and prints a table for each setting and fault.
pub fn show() -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let mut kinds = vec![Kind::Kubezone];
    if env::var_os("KUBEZONE_COREDNS").is_some() {
        kinds.push(Kind::CoreDns);
    }
    for (setting, corefile) in SETTINGS {
        for (fault, script) in FAULTS {
            println!("{setting}\n{fault}, from second {} to {}\n", FAULT_S.start, FAULT_S.end);
            let runs = kinds.iter().map(|kind| run(*kind, corefile, script));
            let runs = runtime.block_on(futures_util::future::join_all(runs));
            let runs: Vec<Vec<Second>> = runs.into_iter().collect::<Result<_, _>>()?;
            print!("{}", table(&kinds, &runs));
        }
    }
    Ok(())
}

async fn run(kind: Kind, corefile: &str, fault: Option<&str>) -> Result<Vec<Second>, String> {
    let mut stand = Stand::start(kind, corefile).await?;
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, stand.port));
    let mut asking = Vec::new();
    let mut ticks = interval(Duration::from_secs(1) / RATE as u32);
    for number in 0..RUN_S * RATE {
        ticks.tick().await;
        if number == FAULT_S.start * RATE {
            match fault {
                Some(script) => stand.upstreams[0].play(parse(script)?),
                None => stand.upstreams[0].die().await,
            }
        } else if number == FAULT_S.end * RATE {
            stand.upstreams[0].play(parse(HEALTHY)?);
            stand.upstreams[0].live().await?;
        }
        let name = if number % 5 == 4 {
            format!("new-{number}.example.org.")
        } else {
            format!("hot-{}.example.org.", number % HOT_NAMES)
        };
        asking.push(tokio::spawn(async move {
            let asked = Instant::now();
            let seen = ask(to, &name, number as u16).await;
            (number / RATE, seen, asked.elapsed())
        }));
    }
    let mut seconds: Vec<Second> = (0..RUN_S).map(|_| Second::default()).collect();
    for task in asking {
        let (second, seen, time) = task.await.map_err(|error| error.to_string())?;
        seconds[second].seen.push((seen, time));
    }
    Ok(seconds)
}

impl Stand {
    async fn start(kind: Kind, corefile: &str) -> Result<Self, String> {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!(
            "faults-{}-{}",
            process::id(),
            kind.name()
        ));
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let words = Words::new(corefile, &folder, String::new());
        let mut upstreams = Vec::new();
        for letter in ['A', 'B'] {
            if let Some(port) = words.port(&format!("UPSTREAM_{letter}")) {
                let ports = Ports { plain: Some(port), tls: None, quic: None };
                upstreams.push(Upstream::start(ports, parse(HEALTHY)?).await?);
            }
        }
        fs::write(folder.join("Corefile"), words.fill(corefile)).map_err(|error| error.to_string())?;
        let port = words.port("PORT").unwrap_or_default();
        let mut server = Server::start(kind, &folder)?;
        // It blocks; the upstreams have nothing to do yet.
        tokio::task::block_in_place(|| server.wait_until_it_listens())?;
        Ok(Self { server, port, upstreams, folder })
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        let _ = self.server.signal("KILL");
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn parse(script: &str) -> Result<Script, String> {
    Script::parse(&script.lines().enumerate().collect::<Vec<_>>())
}

/// Asks as a stub resolver does: over UDP, and again over TCP where the reply says that it is cut.
async fn ask(to: SocketAddr, name: &str, id: u16) -> Seen {
    let end = tokio::time::Instant::now() + PATIENCE;
    let Ok(wire) = wire_from_text(name) else { return Seen::Wrong };
    let packet = question_packet(id, &wire, RecordType::A, Some((1232, false)));
    let reply = match timeout_at(end, over_udp(to, &packet)).await {
        Ok(Ok(reply)) => reply,
        _ => return Seen::None,
    };
    let Ok(message) = Message::from_vec(&reply) else { return Seen::Wrong };
    if !message.metadata.truncation {
        return Seen::of(&message, id);
    }
    match timeout_at(end, over_tcp(to, &packet)).await {
        Ok(Ok(reply)) => Message::from_vec(&reply).map_or(Seen::Wrong, |message| Seen::of(&message, id)),
        _ => Seen::None,
    }
}

async fn over_udp(to: SocketAddr, packet: &[u8]) -> std::io::Result<Vec<u8>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    socket.connect(to).await?;
    socket.send(packet).await?;
    let mut reply = vec![0; 4096];
    let length = socket.recv(&mut reply).await?;
    reply.truncate(length);
    Ok(reply)
}

async fn over_tcp(to: SocketAddr, packet: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(to).await?;
    stream.write_all(&[&(packet.len() as u16).to_be_bytes(), packet].concat()).await?;
    let mut reply = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut reply).await?;
    Ok(reply)
}

impl Seen {
    fn of(message: &Message, id: u16) -> Self {
        if message.metadata.id != id {
            return Self::Wrong;
        }
        match (message.metadata.response_code, message.answers.as_slice()) {
            (ResponseCode::ServFail, []) => Self::ServFail,
            (ResponseCode::NoError, [record]) => match &record.data {
                RData::A(address) if address.0 == ADDRESS && record.ttl == 0 => Self::Stale,
                RData::A(address) if address.0 == ADDRESS => Self::Right,
                _ => Self::Wrong,
            },
            _ => Self::Wrong,
        }
    }
}

// === Tables ===

const HEAD: &str = "right stale  fail  none wrong    p50  worst";

fn table(kinds: &[Kind], runs: &[Vec<Second>]) -> String {
    let column = |text: &str| format!("   {text:<44}");
    let line =
        |first: &str, columns: Vec<String>| format!("{first:>6}{}\n", columns.concat()).replace(" \n", "\n");
    let mut text = line("", kinds.iter().map(|kind| column(kind.name())).collect());
    text += &line("second", kinds.iter().map(|_| column(HEAD)).collect());
    for second in 0..RUN_S {
        let mark = if FAULT_S.contains(&second) { "!" } else { " " };
        let cells = runs.iter().map(|run| column(&run[second].line())).collect();
        text += &line(&format!("{mark}{second:>4} "), cells);
    }
    let all = |seconds: &[Second]| {
        let seen = seconds[FAULT_S].iter().flat_map(|second| second.seen.iter().copied());
        column(&Second { seen: seen.collect() }.line())
    };
    text += &line("fault", runs.iter().map(|run| all(run)).collect());
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect::<String>() + "\n"
}

impl Second {
    fn line(&self) -> String {
        let count = |wanted| self.seen.iter().filter(|(seen, _)| *seen == wanted).count();
        let mut times: Vec<u128> = self.seen.iter().map(|(_, time)| time.as_millis()).collect();
        times.sort_unstable();
        let (median, worst) = match times.as_slice() {
            [] => (0, 0),
            times => (times[times.len() / 2], times[times.len() - 1]),
        };
        let [right, stale, fail, none, wrong] =
            [Seen::Right, Seen::Stale, Seen::ServFail, Seen::None, Seen::Wrong].map(count);
        format!("{right:>5} {stale:>5} {fail:>5} {none:>5} {wrong:>5} {median:>4}ms {worst:>4}ms")
    }
}
