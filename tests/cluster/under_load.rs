//! Change under load, against the real API server: 200 changes a second, and clients that ask all the while.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cluster::Cluster;
use crate::lab::{Proxy, until};
use crate::load::{Client, History, Op, Tally, herds};

/// Each of the eight herds takes so many steps, one every 40 milliseconds: 200 changes a second for ten seconds. It is the
/// pace of the changes, and nothing is measured by it. A multiple of four: the last state of most questions is then one
/// that they had never before.
const STEPS: usize = 252;
const PACE: Duration = Duration::from_millis(40);
const CLIENTS: usize = 3;

/// Sends until the API server has taken the change: an etcd that waits for its disk may time out, with the change
/// made or not. Sent again it is the same change.
fn send(proxy: &Proxy, op: &Op) {
    let mut is_repeated = false;
    until("the API server takes a change", || {
        let (status, response) = send_once(proxy, op);
        let is_done = match (op, status.as_str()) {
            (Op::Create(_), "409") | (Op::Delete(_), "404") => is_repeated,
            (_, status) => status.starts_with('2'),
        };
        assert!(is_done || status.starts_with('5') || response.contains("timed out"), "{op:?}: {response}");
        is_repeated = true;
        is_done.then_some(())
    });
}

fn send_once(proxy: &Proxy, op: &Op) -> (String, String) {
    let (method, object) = match op {
        Op::Create(object) => ("POST", object),
        Op::Replace(object) => ("PUT", object),
        Op::Delete(object) => ("DELETE", object),
    };
    let body = if method == "DELETE" { String::new() } else { object.to_string() };
    let path = path_of(object, method == "POST");
    let mut stream = TcpStream::connect(&proxy.address).expect("kubectl proxy serves");
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        proxy.address,
        body.len()
    )
    .expect("sent");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("a response");
    (response.split(' ').nth(1).unwrap_or_default().to_owned(), response)
}

#[test]
fn every_answer_is_the_state_before_a_change_or_after_it() {
    let cluster = Cluster::join("load");
    let proxy = Proxy::start();
    let herds = herds(&cluster.namespace);
    herds.iter().flat_map(|herd| herd.first_objects()).for_each(|object| send(&proxy, &Op::Create(object)));
    let history = History::new(herds.iter().flat_map(|herd| herd.states()).collect());
    let server = cluster.serve();
    settle(&history, &server, true);

    let (stop, proxy) = (AtomicBool::new(false), Arc::new(proxy));
    let mut tallies: Vec<Tally> = thread::scope(|scope| {
        let (history, stop, dns) = (&history, &stop, server.dns);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|at| scope.spawn(move || history.ask(&mut Client::new(dns), at * 7, stop, pause)))
            .collect();
        let drivers: Vec<_> = herds
            .into_iter()
            .map(|mut herd| {
                let proxy = Arc::clone(&proxy);
                scope.spawn(move || {
                    let begin = Instant::now();
                    for at in 1..=STEPS {
                        let step = herd.next_step();
                        history.note(&step);
                        send(&proxy, &step.op);
                        pause_until(begin + PACE * u32::try_from(at).expect("few"));
                    }
                })
            })
            .collect();
        let driven: Vec<_> = drivers.into_iter().map(|driver| driver.join()).collect();
        // Also when the API server refused something: the clients must end.
        stop.store(true, Ordering::Relaxed);
        driven.into_iter().for_each(|driver| driver.expect("the API server takes every change"));
        clients.into_iter().map(|client| client.join().expect("a client")).collect()
    });
    tallies.push(settle(&history, &server, false));
    cluster.kubectl(&["delete", "services,endpointslices", "--all", "--wait=false"]);

    let asked: usize = tallies.iter().map(|tally| tally.asked).sum();
    let wrong: Vec<String> = tallies.into_iter().flat_map(|tally| tally.wrong).collect();
    let (questions, states, seen) = history.counts();
    println!(
        "{} changes; {asked} answers to {questions} questions, all checked; {seen} of {states} states were seen",
        8 * STEPS
    );
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(asked > questions && seen > questions, "the clients saw something change");
}

/// Asks until every question has its last state. At first what is asked is not held against the history: nothing is
/// there yet.
fn settle(history: &History, server: &crate::server::Server, is_start: bool) -> Tally {
    let (mut client, mut tally) = (Client::new(server.dns), Tally::default());
    until("the last state of every question", || {
        let has_settled = history.has_settled(&mut client, &mut tally);
        let is_clean = tally.wrong.is_empty();
        if is_start && !is_clean {
            tally = Tally::default();
            return None;
        }
        has_settled.then_some(())
    });
    tally
}

/// Where the API serves the object, or its kind for one that is new.
fn path_of(object: &Value, is_new: bool) -> String {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let (api, plural) = match text(&object["kind"]).as_str() {
        "Service" => ("/api/v1", "services"),
        _ => ("/apis/discovery.k8s.io/v1", "endpointslices"),
    };
    let (namespace, name) = (text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"]));
    let name = if is_new { String::new() } else { format!("/{name}") };
    format!("{api}/namespaces/{namespace}/{plural}{name}")
}

/// Leaves the processors to the API server, too.
fn pause() {
    pause_until(Instant::now() + Duration::from_micros(300));
}

#[expect(clippy::disallowed_methods, reason = "a test's thread serves nobody")]
fn pause_until(time: Instant) {
    thread::sleep(time.saturating_duration_since(Instant::now()));
}
