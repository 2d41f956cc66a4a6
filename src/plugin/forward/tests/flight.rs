//! Identical questions at the same time.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use super::*;

type Answer = Pin<Box<dyn Future<Output = Finished> + Send>>;

/// A query on its way down the chain.
fn begin(fixture: &Fixture, packet: &[u8], transport: Transport) -> Answer {
    let query = Query::parse(packet, origin(transport)).unwrap();
    let mut response = Response::new();
    response.begin(&query);
    match fixture.chain.serve(&query, &mut response) {
        Reply::Later(future) => future,
        done @ Reply::Done(_) => Box::pin(done.wait(response)),
    }
}

fn packet(id: u16, name: &[u8]) -> Vec<u8> {
    question_packet(id, name, RecordType::A, Some((1232, true)))
}

/// Answers when it is told to, with as many addresses as questions came so far.
struct Gate {
    upstream: Scripted,
    opens: Arc<tokio::sync::Semaphore>,
}

impl Gate {
    /// Each question waits for a permit.
    async fn new() -> Self {
        let opens = Arc::new(tokio::sync::Semaphore::new(0));
        let count = AtomicUsize::new(0);
        let upstream = Scripted::start(move |seen: &Seen| {
            let number = count.fetch_add(1, Relaxed) + 1;
            vec![Act::Send(reply(&seen.packet, Rcode::NOERROR, number as u16))]
        });
        let upstream = upstream.await.gated(Arc::clone(&opens));
        Self { upstream, opens }
    }

    fn forward(&self, properties: &str) -> Fixture {
        Fixture::new(&format!("forward . {} {{\nread_timeout 1h\n{properties}\n}}", self.upstream.address))
    }

    async fn was_asked(&self, times: usize) {
        until(|| self.upstream.seen().len() == times).await;
    }

    fn open(&self, times: usize) {
        self.opens.add_permits(times);
    }
}

#[tokio::test]
async fn identical_questions_are_asked_once_and_each_gets_its_own_id_and_letters() {
    let gate = Gate::new().await;
    let fixture = gate.forward("");
    let mut waiting = Vec::new();
    for id in 0..50_u16 {
        let mut packet = packet(id, NAME);
        if id % 2 == 0 {
            packet[13..16].make_ascii_uppercase();
        }
        waiting.push((id, packet.clone(), tokio::spawn(begin(&fixture, &packet, Transport::Udp))));
    }
    gate.was_asked(1).await;
    gate.open(1);
    for (id, packet, task) in waiting {
        let Finished { mut response, outcome } = task.await.unwrap();
        assert!(matches!(outcome, Outcome::Answered));
        assert_eq!(response.count(Section::Answer), 1);
        let message = response.finish();
        assert_eq!(message[..2], id.to_be_bytes());
        assert_eq!(message[12..29], packet[12..29]);
    }
    assert_eq!(gate.upstream.seen().len(), 1);
    assert_eq!(fixture.stanzas[0].flights.len(), 0);
    assert!(
        fixture.metrics.text().contains("kubezone_forward_joined_total 49"),
        "{}",
        fixture.metrics.text()
    );
    // Nothing is kept: what comes later is asked anew.
    gate.open(1);
    let Finished { response, .. } = begin(&fixture, &packet(1, NAME), Transport::Udp).await;
    assert_eq!(response.count(Section::Answer), 2);
}

#[tokio::test]
async fn what_differs_in_any_octet_that_the_upstream_sees_is_asked_for_itself() {
    let gate = Gate::new().await;
    let fixture = gate.forward("");
    let plain = packet(7, NAME);
    let with = |at: usize, bit: u8| {
        let mut packet = plain.clone();
        packet[at] ^= bit;
        packet
    };
    let option = |data: &[u8]| {
        let mut packet = plain.clone();
        let end = packet.len();
        packet[end - 1] = data.len() as u8;
        [packet, data.to_vec()].concat()
    };
    let name_end = HEADER_LEN + NAME.len();
    let different = [
        plain.clone(),
        with(2, 1),                // RD
        with(3, 0x20),             // AD
        with(3, 0x10),             // CD
        with(3, 0x40),             // Z
        with(name_end + 1, 28),    // QTYPE
        with(name_end + 3, 2),     // QCLASS
        with(name_end + 8, 1),     // payload size
        with(name_end + 11, 0x80), // DO
        question_packet(7, NAME, RecordType::A, None),
        packet(7, b"\x03www\x07example\x03com\x00"),
        option(&[0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2]),
        option(&[0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 3]),
        option(b"\x00\x0a\x00\x08clientaa"),
        option(b"\x00\x0a\x00\x08clientab"),
        option(&[0xfd, 0xe9, 0, 1, 7]),
    ];
    let mut waiting = Vec::new();
    for packet in &different {
        for _ in 0..2 {
            waiting.push(tokio::spawn(begin(&fixture, packet, Transport::Udp)));
        }
    }
    gate.was_asked(different.len()).await;
    waiting.push(tokio::spawn(begin(&fixture, &plain, Transport::Tcp)));
    gate.was_asked(different.len() + 1).await;
    gate.open(different.len() + 1);
    let mut counts: Vec<u16> = Vec::new();
    for task in waiting {
        counts.push(task.await.unwrap().response.count(Section::Answer));
    }
    for pair in counts[..2 * different.len()].chunks(2) {
        assert_eq!(pair[0], pair[1], "the second of each got the answer of the first");
    }
    counts.sort_unstable();
    counts.dedup();
    assert_eq!(counts.len(), different.len() + 1, "and nobody else did");
}

#[tokio::test]
async fn with_force_tcp_clients_of_both_transports_share_and_each_has_its_limit() {
    let upstream =
        Scripted::start(|seen: &Seen| vec![Act::Send(reply(&seen.packet, Rcode::NOERROR, 200))]).await;
    let opens = Arc::new(tokio::sync::Semaphore::new(0));
    let upstream = upstream.gated(Arc::clone(&opens));
    let fixture = Fixture::new(&format!("forward . {} {{\nforce_tcp\n}}", upstream.address));
    let udp = tokio::spawn(begin(&fixture, &packet(1, NAME), Transport::Udp));
    until(|| upstream.seen().len() == 1).await;
    let tcp = tokio::spawn(begin(&fixture, &packet(2, NAME), Transport::Tcp));
    until(|| fixture.metrics.text().contains("kubezone_forward_joined_total 1")).await;
    opens.add_permits(1);
    let (mut udp, mut tcp) = (udp.await.unwrap().response, tcp.await.unwrap().response);
    assert!(udp.finish().len() <= 1232 && udp.flags().has(Flags::TC));
    assert!(tcp.finish().len() > 3000 && !tcp.flags().has(Flags::TC));
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn a_failure_is_that_of_all() {
    let upstream = Scripted::start(silence).await;
    let directive =
        format!("forward . {} {{\nread_timeout 200ms\nmax_connect_attempts 1\n}}", upstream.address);
    let fixture = Fixture::new(&directive);
    let waiting: Vec<_> =
        (0..5).map(|id| tokio::spawn(begin(&fixture, &packet(id, NAME), Transport::Udp))).collect();
    let mut details = Vec::new();
    for task in waiting {
        let Finished { response, outcome } = task.await.unwrap();
        details.push(Asked { response, outcome }.failure());
    }
    assert_eq!(details[0].0, FailureKind::UpstreamUnreachable);
    assert!(details.iter().all(|detail| *detail == details[0]), "{details:?}");
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn a_client_that_goes_away_takes_nobody_along() {
    let gate = Gate::new().await;
    let fixture = gate.forward("");
    // Whoever asks first, and then the one behind it that was to go on by itself.
    let first = tokio::spawn(begin(&fixture, &packet(1, NAME), Transport::Udp));
    gate.was_asked(1).await;
    let second = tokio::spawn(begin(&fixture, &packet(2, NAME), Transport::Udp));
    let third = tokio::spawn(begin(&fixture, &packet(3, NAME), Transport::Udp));
    until(|| fixture.metrics.text().contains("kubezone_forward_joined_total 2")).await;
    for gone in [first, second] {
        gone.abort();
        assert!(gone.await.is_err_and(|error| error.is_cancelled()));
    }
    gate.open(1);
    assert_eq!(third.await.unwrap().response.count(Section::Answer), 1);
    assert_eq!(gate.upstream.seen().len(), 1, "it was not asked again");
    assert_eq!(fixture.stanzas[0].flights.len(), 0);
}

#[tokio::test]
async fn a_question_whose_only_client_goes_away_is_forgotten() {
    let gate = Gate::new().await;
    let fixture = gate.forward("max_concurrent 1");
    let only = tokio::spawn(begin(&fixture, &packet(1, NAME), Transport::Udp));
    gate.was_asked(1).await;
    only.abort();
    let _ = only.await;
    assert_eq!(fixture.stanzas[0].flights.len(), 0);
    // One that is never polled at all, as when the server has too much to do.
    drop(begin(&fixture, &packet(1, NAME), Transport::Udp));
    assert_eq!(fixture.stanzas[0].flights.len(), 0);
    let again = tokio::spawn(begin(&fixture, &packet(2, NAME), Transport::Udp));
    gate.was_asked(2).await;
    gate.open(2);
    assert_eq!(again.await.unwrap().response.count(Section::Answer), 2, "its place is free again");
}

#[tokio::test]
async fn those_who_wait_take_no_place_and_their_number_is_bounded() {
    let gate = Gate::new().await;
    let mut fixture = gate.forward("max_concurrent 2");
    let stanza = Arc::get_mut(&mut fixture.stanzas[0]);
    assert!(stanza.is_none(), "the chain has it too");
    let full = super::super::flight::Flights::with_waiters_max(2);
    let board = |id| {
        let packet = packet(id, NAME);
        let query = Query::parse(&packet, origin(Transport::Udp)).unwrap();
        full.board(&query, Transport::Udp, || Ok(())).unwrap()
    };
    let boarded: Vec<_> = (0..7).map(board).collect();
    let leads: Vec<bool> =
        boarded.iter().map(|one| matches!(one, super::super::flight::Boarded::Leads(..))).collect();
    assert_eq!(leads, [true, false, false, true, false, false, true], "the fourth flies itself");
    assert_eq!(full.len(), 1, "the last one alone may be joined");
    drop(boarded);
    assert_eq!(full.len(), 0);

    let waiting: Vec<_> =
        (0..20).map(|id| tokio::spawn(begin(&fixture, &packet(id, NAME), Transport::Udp))).collect();
    gate.was_asked(1).await;
    let other = packet(7, b"\x05other\x00");
    let other = tokio::spawn(begin(&fixture, &other, Transport::Udp));
    gate.was_asked(2).await;
    let third = packet(7, b"\x05third\x00");
    let Finished { outcome, .. } = begin(&fixture, &third, Transport::Udp).await;
    assert!(matches!(outcome, Outcome::Failed(failure) if failure.kind() == FailureKind::Overloaded));
    gate.open(2);
    for task in waiting {
        assert!(matches!(task.await.unwrap().outcome, Outcome::Answered));
    }
    other.await.unwrap();
}

#[tokio::test]
async fn what_is_handed_on_is_asked_once_there_too() {
    let first = Scripted::start(code(Rcode::NXDOMAIN)).await;
    let gate = Gate::new().await;
    let fixture = Fixture::new(&format!(
        "forward . {} {{\nnext NXDOMAIN\n}}\nforward . {} {{\nread_timeout 1h\n}}",
        first.address, gate.upstream.address
    ));
    let waiting: Vec<_> =
        (0..9).map(|id| tokio::spawn(begin(&fixture, &packet(id, NAME), Transport::Udp))).collect();
    gate.was_asked(1).await;
    // Those that came behind an answer already go to the second by themselves.
    until(|| fixture.stanzas[0].flights.len() == 0).await;
    gate.open(1);
    for (id, task) in waiting.into_iter().enumerate() {
        let mut response = task.await.unwrap().response;
        assert_eq!(response.count(Section::Answer), 1);
        assert_eq!(usize::from(response.finish()[1]), id);
    }
    assert_eq!(gate.upstream.seen().len(), 1);
}

#[tokio::test]
async fn a_notify_is_not_shared() {
    let gate = Gate::new().await;
    let fixture = gate.forward("");
    let mut notify = packet(1, NAME);
    notify[2] |= 4 << 3;
    let waiting: Vec<_> = (0..2).map(|_| tokio::spawn(begin(&fixture, &notify, Transport::Udp))).collect();
    gate.was_asked(2).await;
    gate.open(2);
    for task in waiting {
        task.await.unwrap();
    }
}
