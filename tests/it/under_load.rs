//! Change under load, against the fake API server: 200 events a second, and clients that ask all the while.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kubezone::app::{App, Defaults, Source};
use kubezone::cluster::NoObserver;
use kubezone::plugin::Process;
use kubezone::telemetry::metrics::Registry;
use serde_json::json;
use tokio::runtime::Handle;

use crate::fake_api::FakeApi;
use crate::load::{Client, History, Op, Tally, herds};

/// As many for each herd, and an even number: the last state of most questions is one that they had never before.
const EVENTS: usize = 608;
/// 200 a second. It is the pace of the changes, and nothing is measured by it.
const PACE: Duration = Duration::from_millis(5);
const CLIENTS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_the_state_before_a_change_or_after_it() {
    let api = FakeApi::start().await;
    let mut herds = herds("demo");
    api.apply(json!({"kind": "Namespace", "metadata": {"name": "demo"}}));
    herds.iter().flat_map(|herd| herd.first_objects()).for_each(|object| api.apply(object));
    let history = Arc::new(History::new(herds.iter().flat_map(|herd| herd.states()).collect()));

    let process = Process {
        root: std::env::temp_dir(),
        ..Process::new(Handle::current(), Registry::new(), Arc::new(NoObserver))
    };
    let text = format!(
        ".:0 {{\n bind 127.0.0.1\n loadbalance\n kubernetes cluster.local in-addr.arpa {{\n endpoint {}\n }}\n}}",
        api.url()
    );
    let source = Source::Text { name: "Corefile".to_owned(), text };
    let corefile = source.load().unwrap_or_else(|failure| panic!("{failure}"));
    let app = App::start(&corefile, process, Defaults { port: 0 }).await;
    let app = app.unwrap_or_else(|error| panic!("{error}"));
    let server = app.listening().next().expect("a listener");
    settle(&history, server, true).await;

    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|at| {
            let (history, stop) = (Arc::clone(&history), Arc::clone(&stop));
            std::thread::spawn(move || {
                history.ask(&mut Client::new(server), at * 7, &stop, std::thread::yield_now)
            })
        })
        .collect();
    let mut pace = tokio::time::interval(PACE);
    let count = herds.len();
    for event in 0..EVENTS {
        pace.tick().await;
        let step = herds[event % count].next_step();
        history.note(&step);
        match step.op {
            Op::Create(object) | Op::Replace(object) => api.apply(object),
            Op::Delete(object) => api.delete(&object),
        }
        // A connection that breaks is taken up where it broke: nobody may see it.
        if event % 200 == 199 {
            api.disconnect();
        }
    }
    stop.store(true, Ordering::Relaxed);
    let tallies = clients.into_iter().map(|client| client.join().expect("a client"));
    let mut tallies: Vec<Tally> = tallies.collect();
    tallies.push(settle(&history, server, false).await);
    app.stop().await;

    let asked: usize = tallies.iter().map(|tally| tally.asked).sum();
    let wrong: Vec<String> = tallies.into_iter().flat_map(|tally| tally.wrong).collect();
    let (questions, states, seen) = history.counts();
    println!(
        "{EVENTS} events; {asked} answers to {questions} questions, all checked; {seen} of {states} states were seen"
    );
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(asked > questions && seen > questions, "the clients saw something change");
}

/// Asks until every question has its last state. At first what is asked is not held against the history: nothing is
/// there yet. The limit is a guard against waiting for ever.
async fn settle(history: &Arc<History>, server: SocketAddr, is_start: bool) -> Tally {
    let (mut client, mut tally) = (Client::new(server), Tally::default());
    for _ in 0..6000 {
        let history = Arc::clone(history);
        let asking = tokio::task::spawn_blocking(move || {
            let has_settled = history.has_settled(&mut client, &mut tally);
            (client, tally, has_settled)
        });
        let has_settled;
        (client, tally, has_settled) = asking.await.expect("a client");
        match has_settled {
            true if !is_start || tally.wrong.is_empty() => return tally,
            true => tally = Tally::default(),
            false => {}
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the last state never comes: {tally:?}");
}
