//! CoreDNS 1.15.0 and kubezone side by side: one real API server, one Corefile, the same questions.
//!
//! `tests/parity/run` does everything that this needs and starts it. What it asks and of what objects follows from a seed,
//! which it prints; every difference must be explained by a row of a table *Differences from CoreDNS*.

/// The API server over plain HTTP.
mod api;
/// The Corefiles, and what is asked of each.
mod corefiles;
/// What `run` tells these tests, and waiting.
mod environment;
/// Which differences are meant.
mod explained;
/// Services of type ExternalName.
mod external_names;
/// Objects that the seed decides.
mod generated;
/// ServiceImports and the slices of other clusters.
mod imports;
/// What these tests share with tests/cluster.
#[path = "../lab/mod.rs"]
mod lab;
/// The names that are asked for.
mod names;
/// What is put into the cluster.
mod objects;
/// What came of the questions.
mod outcome;
/// Ports for the servers.
#[path = "../ports/mod.rs"]
mod ports;
/// Names become questions.
mod questions;
/// Numbers that follow from the seed.
mod random;
/// Both servers, as child processes.
mod servers;
/// Objects of every shape, by hand.
mod shapes;
/// The world outside the cluster.
mod upstream;
/// What the API server has.
mod view;

use std::net::IpAddr;
use std::time::{Duration, Instant};
use std::{env, fs};

use kubezone::compare::{self, Carrier, Compared, Field, Ignore, Options, Question};
use kubezone::dns::{RecordType, wire_from_text};
use serde_json::{Value, json};

use crate::api::Api;
use crate::corefiles::{ALL, Corefile};
use crate::environment::seed;
use crate::explained::ROWS;
use crate::lab::until;
use crate::outcome::Outcome;
use crate::questions::{Asked, questions};
use crate::random::Random;
use crate::servers::{NotServed, Pair, free_address};
use crate::view::View;

/// Services that the seed decides, each with its slices.
const GENERATED: usize = 240;

/// What a run has to ask at least, unless Corefiles were named.
const QUESTIONS_MIN: usize = 20_000;

#[test]
fn every_explanation_stands_in_its_document() {
    for row in ROWS {
        let text = fs::read_to_string(format!("{}/{}", env!("CARGO_MANIFEST_DIR"), row.document))
            .expect(row.document);
        let start = format!("| {} |", row.matter);
        assert_eq!(
            text.lines().filter(|line| line.starts_with(&start)).count(),
            1,
            "`{start}` in {}",
            row.document
        );
    }
}

#[test]
fn every_corefile_is_asked() {
    let folder = format!("{}/tests/parity/corefiles", env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(folder).expect("the folder is there");
    let mut files: Vec<String> =
        files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect();
    files.sort();
    let mut known: Vec<&str> = ALL.iter().map(|corefile| corefile.name).collect();
    known.sort_unstable();
    assert_eq!(files, known);
}

#[test]
fn the_same_answers() {
    let seed = seed();
    let is_part = env::var("KUBEZONE_PARITY_PART").is_ok_and(|word| !word.is_empty());
    let named = env::var("KUBEZONE_PARITY_COREFILES").unwrap_or_default();
    let named: Vec<&str> = named.split_whitespace().collect();
    for name in &named {
        let known: Vec<&str> = ALL.iter().map(|corefile| corefile.name).collect();
        assert!(
            known.contains(name),
            "`{name}` is no Corefile of tests/parity/corefiles: there are {known:?}"
        );
    }
    println!("seed {seed} (KUBEZONE_PARITY_SEED={seed} asks the same again)");
    let mut api = Api::connect();
    fill(&mut api, seed);
    let view = View::read(&mut api);
    let upstream = free_address();
    upstream::start(upstream).expect("the port was free a moment ago");

    let mut outcome = Outcome::default();
    let mut complaints = Vec::new();
    for corefile in ALL {
        let is_wanted =
            if named.is_empty() { corefile.is_part || !is_part } else { named.contains(&corefile.name) };
        if !is_wanted {
            continue;
        }
        match Pair::start(corefile, upstream) {
            Err(NotServed::Refused(why)) => {
                complaints.push(format!("{}: kubezone refuses it\n{why}", corefile.name));
            }
            Err(NotServed::Ended(why)) => complaints.push(format!("{}: {why}", corefile.name)),
            Ok(mut pair) => {
                ask(corefile, &mut pair, &view, seed, is_part, &mut outcome);
                complaints.extend(pair.ended().map(|why| format!("{}: {why}", corefile.name)));
            }
        }
    }

    print!("{}", outcome.unexplained());
    print!("seed {seed}, {}", outcome.summary());
    if outcome.unexplained > 0 {
        complaints
            .push(format!("{} questions differ in a way that no document explains", outcome.unexplained));
    }
    let is_whole = named.is_empty() && !is_part;
    if named.is_empty() && outcome.asked < QUESTIONS_MIN {
        complaints.push(format!("only {} questions", outcome.asked));
    }
    for matter in outcome.stale().into_iter().filter(|_| is_whole) {
        complaints.push(format!("nothing met the explanation `{matter}`: is it still true?"));
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// Makes all objects and waits until controllers are done with them. A control plane that has those of this seed already
/// is left as it is.
fn fill(api: &mut Api, seed: u64) {
    let marker = "/api/v1/namespaces/default/configmaps";
    if let Ok(there) = api.get(&format!("{marker}/parity")) {
        assert_eq!(
            there["data"]["seed"],
            json!(seed.to_string()),
            "the control plane has the objects of another seed"
        );
        println!("the objects are there");
        return;
    }
    let begin = Instant::now();
    imports::define(api);
    let mut all = shapes::objects(&local_address());
    external_names::objects(&mut all);
    imports::objects(&mut all);
    generated::objects(&mut all, &mut Random::part(seed, "objects"), GENERATED);
    let made = all.make(api);
    settle(api);
    api.create(marker, &json!({"metadata": {"name": "parity"}, "data": {"seed": seed.to_string()}}))
        .unwrap_or_else(|refused| panic!("{refused:?}"));
    println!(
        "{} objects in {} s; {} refused by the API server:",
        made.count,
        begin.elapsed().as_secs(),
        made.refused.len()
    );
    for message in made.refused {
        println!("  {message}");
    }
}

/// An address of this machine that an EndpointSlice may hold: neither loopback nor link-local.
fn local_address() -> String {
    let all = if_addrs::get_if_addrs().expect("a machine knows its addresses");
    let four = all
        .iter()
        .map(if_addrs::Interface::ip)
        .find(|ip| matches!(ip, IpAddr::V4(v4) if !v4.is_loopback() && !v4.is_link_local()));
    four.expect("an IPv4 address that is not loopback").to_string()
}

/// Waits until the slices are the same twice, some seconds apart, and those that controllers make are among them.
fn settle(api: &mut Api) {
    const MADE: [&str; 7] = ["sel", "selpub", "seldual", "sub", "selcip", "selnone", "mirrored"];
    let path = "/apis/discovery.k8s.io/v1/namespaces/a/endpointslices";
    let mut before: (Option<Instant>, Vec<Value>) = (None, Vec::new());
    until("the slices of the controllers", || {
        let now = api.list(path);
        let of = |service: &str| {
            let label =
                |slice: &&Value| slice["metadata"]["labels"]["kubernetes.io/service-name"] == json!(service);
            now.iter()
                .filter(label)
                .any(|slice| slice["endpoints"].as_array().is_some_and(|all| !all.is_empty()))
        };
        if !MADE.into_iter().all(of) || now != before.1 {
            before = (Some(Instant::now()), now);
            return None;
        }
        before.0.is_some_and(|since| since.elapsed() > Duration::from_secs(2)).then_some(())
    });
}

/// Asks both servers everything, and adds what came of it to the outcome.
fn ask(corefile: &Corefile, pair: &mut Pair, view: &View, seed: u64, is_part: bool, outcome: &mut Outcome) {
    let begin = Instant::now();
    let names = corefile.names(view);
    let mut random = Random::part(seed, corefile.name);
    let mut asked = questions(&names.all, corefile.amount(is_part), &mut random);
    asked.extend(corefile.transfers().into_iter().flat_map(transfers));
    // Where answers are kept, a moment decides: what nothing explains has to differ twice.
    let is_only_look = !corefile.caches;
    let before = outcome.unexplained;
    let mut again = Vec::new();
    ask_all(pair, &asked, seed, |asked, compared| {
        if !outcome.take(corefile, asked, compared, is_only_look) {
            again.push(asked.clone());
        }
    });
    assert!(
        again.len() <= asked.len() / 500,
        "{}: {} questions are to be asked again",
        corefile.name,
        again.len()
    );
    ask_all(pair, &again, !seed, |asked, compared| {
        let _ = outcome.take(corefile, asked, compared, true);
    });
    let unexplained = outcome.unexplained - before;
    outcome.corefiles += 1;
    outcome.asked += asked.len();
    outcome.settled += if is_only_look { 0 } else { again.len() - unexplained };
    println!(
        "{:<22} {:>6} names, {:>6} questions, {unexplained:>5} unexplained, {} s",
        corefile.name,
        names.all.len(),
        asked.len(),
        begin.elapsed().as_secs()
    );
}

/// Asks both servers, and gives what came of each question to `each`.
fn ask_all(pair: &Pair, asked: &[Asked], seed: u64, mut each: impl FnMut(&Asked, &Compared)) {
    let options = Options {
        concurrency: 16,
        ask_again: None,
        ignore: Ignore::nothing().and(Field::Serial).and(Field::Size),
        give_up_after: None,
        seed,
        ..Options::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let questions = asked.iter().map(|asked| asked.question.clone());
    let run = compare::run(pair.coredns.dns, pair.kubezone.dns, questions, &options, |compared| {
        each(&asked[compared.index], &compared);
    });
    runtime.block_on(run).expect("this machine has sockets");
}

/// A zone as a whole, and what is asked for in the same way and is none.
fn transfers(zone: &str) -> Vec<Asked> {
    let names = [
        zone.to_owned(),
        format!("svc.{zone}"),
        "in-addr.arpa".to_owned(),
        "96.10.in-addr.arpa".to_owned(),
        "example.org".to_owned(),
    ];
    let mut all = Vec::new();
    for name in names {
        let wire = wire_from_text(&name).expect("a name");
        for serial in [None, Some(0), Some(1), Some(u32::MAX)] {
            let mut question =
                Question::new(&wire, if serial.is_some() { RecordType::IXFR } else { RecordType::AXFR });
            question.serial = serial;
            question.carrier = Carrier::Tcp;
            all.push(Asked { question, what: "transfer", name: format!("{name}.") });
        }
    }
    all
}
