//! Two servers in this process that do what the first label of the name says, each in its own way.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::*;

/// Longer than any of it takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a server is asked.
struct Asked<'p> {
    packet: &'p [u8],
    /// The first label of the name.
    label: String,
    /// The name.
    name: String,
    over_tcp: bool,
    /// How often the same name was asked before.
    before: usize,
    side: Side,
}

impl Asked<'_> {
    /// A reply to it.
    fn reply(&self, text: &str) -> Vec<u8> {
        let question = Answer::decode(self.packet).questions[0].replace(" IN ", " ");
        let mut octets = message(&question, text).to_vec().unwrap();
        octets[..2].copy_from_slice(&self.packet[..2]);
        octets
    }

    /// What is sent, message by message. An empty one closes a connection.
    fn obey(&self) -> Vec<Vec<u8>> {
        let name = &self.name;
        let addresses = |numbers: std::ops::RangeInclusive<u8>| {
            numbers.map(|number| format!("{name} 5 A 10.0.0.{number}\n")).collect::<String>()
        };
        let is_a = self.side == Side::A;
        let good = self.reply(&format!("NOERROR aa\n{}", addresses(1..=1)));
        match self.label.as_str() {
            "rcode" if is_a => vec![self.reply("NXDOMAIN aa")],
            "garbage" => {
                let mut wrong_id = good.clone();
                wrong_id[0] ^= 0xff;
                let mut query = good.clone();
                query[2] &= 0x7f;
                let mut other_name = self.reply("REFUSED");
                other_name[13] ^= 1;
                vec![vec![0], b"what".to_vec(), wrong_id, query, other_name, self.packet.to_vec(), good]
            }
            "mutes" => Vec::new(),
            "lost" if self.before == 0 => Vec::new(),
            "settles" if is_a && self.before == 0 => vec![self.reply("NXDOMAIN aa")],
            "differs" if is_a => vec![self.reply(&format!("NOERROR aa\n{}", addresses(2..=2)))],
            "cut" if is_a && !self.over_tcp => {
                vec![self.reply(&format!("NOERROR aa tc\n{}", addresses(1..=2)))]
            }
            "cut" => vec![self.reply(&format!("NOERROR aa\n{}", addresses(1..=4)))],
            "untransferable" if !self.over_tcp => vec![self.reply("NOERROR tc")],
            "untransferable" => vec![Vec::new()],
            "headless" => {
                let mut octets = self.packet[..12].to_vec();
                octets[2] |= 0x80;
                octets[3] |= 1;
                octets[4..].fill(0);
                vec![octets]
            }
            "zone" => {
                let soa = |serial| format!("{name} 5 SOA ns.{name} root.{name} {serial} 2 3 4 5\n");
                let (first, last) = if is_a { (1..=9, 10..=60) } else { (1..=30, 31..=60) };
                let texts = [
                    format!("NOERROR aa\n{}{}", soa(1), addresses(first)),
                    format!("NOERROR aa\n{}", addresses(last)),
                    format!("NOERROR aa\n{}", soa(1)),
                ];
                texts.iter().map(|text| self.reply(text)).collect()
            }
            "half" => {
                let soa = format!("NOERROR aa\n{name} 5 SOA ns.{name} root.{name} 1 2 3 4 5\n");
                vec![self.reply(&soa), Vec::new()]
            }
            "refused" => vec![self.reply("REFUSED")],
            _ => vec![good],
        }
    }
}

/// Starts a server on a port that UDP and TCP share.
async fn server(side: Side) -> SocketAddr {
    let (listener, socket) = loop {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        if let Ok(socket) = UdpSocket::bind(listener.local_addr().unwrap()).await {
            break (listener, socket);
        }
    };
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(HashMap::new()));
    let messages = move |packet: &[u8], over_tcp: bool| {
        let question = Answer::decode(packet).questions[0].clone();
        let name = question.split(' ').next().unwrap().to_owned();
        let before = {
            let mut seen = seen.lock().unwrap();
            let count = seen.entry((question, over_tcp)).or_insert(0_usize);
            *count += 1;
            *count - 1
        };
        let label = name.split('.').next().unwrap().to_owned();
        Asked { packet, label, name, over_tcp, before, side }.obey()
    };
    let over_tcp = messages.clone();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            for message in messages(&buffer[..length], false) {
                socket.send_to(&message, from).await.unwrap();
            }
        }
    });
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve_stream(stream, over_tcp.clone()));
        }
    });
    address
}

async fn serve_stream(mut stream: TcpStream, messages: impl Fn(&[u8], bool) -> Vec<Vec<u8>>) {
    while let Ok(length) = stream.read_u16().await {
        let mut packet = vec![0; usize::from(length)];
        stream.read_exact(&mut packet).await.unwrap();
        for message in messages(&packet, true) {
            if message.is_empty() {
                return;
            }
            stream.write_u16(message.len() as u16).await.unwrap();
            stream.write_all(&message).await.unwrap();
        }
    }
}

fn patient() -> Options {
    Options {
        timeout: PATIENCE,
        tries: 1,
        transfer_timeout: PATIENCE,
        ask_again: Some(Duration::ZERO),
        give_up_after: None,
        ..Options::default()
    }
}

/// For servers that do not answer: how long is waited says nothing of what comes out.
fn hasty() -> Options {
    Options { timeout: Duration::from_millis(100), ..patient() }
}

async fn ask_all(lines: &[&str], options: &Options) -> (Vec<Compared>, Summary) {
    let (a, b) = (server(Side::A).await, server(Side::B).await);
    let questions = lines.iter().map(|line| line.parse::<Question>().unwrap());
    let mut all = Vec::new();
    let summary = run(a, b, questions, options, |compared| all.push(compared)).await.unwrap();
    all.sort_by_key(|compared| compared.index);
    (all, summary)
}

fn shapes(compared: &Compared) -> Vec<&str> {
    compared.differences.iter().map(|difference| difference.shape.as_str()).collect()
}

#[tokio::test]
async fn known_differences_are_found_over_udp_and_tcp() {
    let lines = ["same.x", "same.x +tcp", "rcode.x", "rcode.x +tcp", "headless.x", "differs.x"];
    let (all, summary) = ask_all(&lines, &patient()).await;
    let found: Vec<Vec<&str>> = all.iter().map(shapes).collect();
    let rcode = vec!["RCODE NXDOMAIN -> NOERROR", "answer: +A"];
    assert_eq!(found, [vec![], vec![], rcode.clone(), rcode, vec![], vec!["answer: -A +A"]]);
    assert_eq!((summary.asked, summary.same, summary.different, summary.settled), (6, 3, 3, 0));
    assert_eq!((summary.unanswered_by_a, summary.unanswered_by_b), (0, 0));
    assert_eq!(all[4].a.message().unwrap().rcode.to_string(), "FORMERR");
}

#[tokio::test]
async fn what_does_not_match_is_waited_out() {
    let (all, summary) = ask_all(&["garbage.x", "garbage.x +tcp"], &patient()).await;
    assert_eq!(summary.same, 2, "{all:?}");
    assert!(all.iter().all(|compared| compared.a.message().unwrap().answer.len() == 1));
}

#[tokio::test]
async fn silence_is_counted_for_each() {
    let (all, summary) = ask_all(&["mutes.x", "mutes.y"], &hasty()).await;
    assert!(all.iter().all(|compared| compared.differences.is_empty()));
    assert_eq!((summary.unanswered, summary.same, summary.different), (2, 0, 0));
    let a = server(Side::A).await;
    let questions = ["same.x", "same.y +tcp"].map(|line| line.parse::<Question>().unwrap());
    let mut found = Vec::new();
    let summary = run(a, CLOSED, questions, &patient(), |compared| found.push(compared)).await.unwrap();
    assert_eq!(summary.silent(), Some(Side::B));
    assert_eq!(summary.different, 2);
    let why = Reply::NoReply(NoReply { why: Silence::Refused, after_truncation: false });
    assert!(found.iter().all(|compared| compared.b == why), "{found:?}");
}

/// Where nobody listens: no test is given a port that low.
const CLOSED: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

#[tokio::test]
async fn a_lost_packet_is_sent_again() {
    let options = Options { tries: 100, ..hasty() };
    let (_, summary) = ask_all(&["lost.x"], &options).await;
    assert_eq!(summary.same, 1);
}

#[tokio::test]
async fn a_change_in_flight_is_no_difference() {
    let (all, summary) = ask_all(&["settles.x"], &patient()).await;
    assert!(all[0].asked_again);
    assert_eq!((summary.same, summary.settled), (1, 1));
    let (_, summary) = ask_all(&["settles.x"], &Options { ask_again: None, ..patient() }).await;
    assert_eq!((summary.different, summary.settled), (1, 0));
}

#[tokio::test]
async fn a_truncated_reply_is_asked_again_over_tcp() {
    let (all, _) = ask_all(&["cut.x", "cut.x +notcp"], &patient()).await;
    assert_eq!(shapes(&all[0]), ["TC set -> clear"]);
    let a = all[0].a.message().unwrap();
    assert_eq!((a.answer.len(), a.cut.map(|cut| cut.counts)), (4, Some([2, 0, 0])));
    assert_eq!(shapes(&all[1]), ["TC set -> clear", "answer: +many A"]);
}

#[tokio::test]
async fn truncated_and_no_tcp_is_no_reply() {
    let (all, summary) = ask_all(&["untransferable.x"], &patient()).await;
    assert_eq!(summary.unanswered, 1);
    let Reply::NoReply(why) = all[0].a else { panic!("{all:?}") };
    assert_eq!(why.to_string(), "truncated over UDP, and over TCP connection closed");
}

#[tokio::test]
async fn a_transfer_is_one_answer_however_many_messages_it_takes() {
    let lines = ["zone.x AXFR", "zone.x IXFR", "refused.x AXFR", "same.x AXFR"];
    let (all, summary) = ask_all(&lines, &patient()).await;
    assert_eq!(summary.same, 4, "{:?}", all.iter().map(shapes).collect::<Vec<_>>());
    for compared in &all[..2] {
        let zone = compared.a.message().unwrap();
        assert_eq!((zone.messages, zone.answer.len(), zone.malformed), (3, 62, None));
    }
    assert_eq!(all[2].a.message().unwrap().rcode.to_string(), "REFUSED");
}

#[tokio::test]
async fn half_a_transfer_is_told() {
    let (all, _) = ask_all(&["half.x AXFR"], &patient()).await;
    let malformed = all[0].a.message().unwrap().malformed.unwrap().to_string();
    assert!(malformed.ends_with("the rest of the transfer, before the connection ended"), "{malformed}");
}

#[tokio::test]
async fn a_server_that_answers_nothing_is_given_up() {
    let lines: Vec<String> = (0..100).map(|at| format!("same.x{at}")).collect();
    let questions: Vec<Question> = lines.iter().map(|line| line.parse().unwrap()).collect();
    let options = Options { give_up_after: Some(5), concurrency: 1, ..patient() };
    let a = server(Side::A).await;
    let summary = run(a, CLOSED, questions, &options, |_| {}).await.unwrap();
    assert_eq!((summary.asked, summary.silent()), (5, Some(Side::B)));
}
