use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::policy::Policy;
use super::scripted::{
    Act, Scripted, Seen, answer, code, reply, silence, with_other_id, with_other_question,
};
use super::stanza::Options;
use super::upstream::Upstream;
use super::*;
use crate::corefile::{Diagnostic, Memory};
use crate::dns::{Flags, Origin, Rcode, RecordType, Section, Transport};
use crate::plugin::testing::Bench;
use crate::plugin::{Chain, Finished, Outcome, question_packet};
use crate::telemetry::metrics::Registry;

const NAME: &[u8] = b"\x03wWw\x07Example\x03oRg\x00";

// === Fixtures ===

fn parse(directives: &str, env: &Memory) -> Result<Vec<Options>, Diagnostic> {
    let text = format!(". {{\n{directives}\n}}\n");
    let corefile = crate::corefile::parse("Corefile", &text, env).unwrap();
    let directives = corefile.blocks[0].directives.iter();
    directives.map(|directive| setup::parse(directive, Path::new("/"), env)).collect()
}

struct Fixture {
    chain: Arc<Chain>,
    stanzas: Vec<Arc<Stanza>>,
    metrics: Registry,
}

impl Fixture {
    fn new(directives: &str) -> Self {
        Self::changed(directives, |_| {})
    }

    fn changed(directives: &str, change: impl Fn(&mut Options)) -> Self {
        let metrics = Registry::new();
        let options = parse(directives, &Memory::default()).unwrap();
        let stanzas: Vec<_> = options
            .into_iter()
            .map(|mut options| {
                change(&mut options);
                Stanza::new(options, &metrics)
            })
            .collect();
        let plugins = stanzas.iter().enumerate().map(|(index, stanza)| {
            let stanza = Arc::clone(stanza);
            Arc::new(Forward { stanza, has_successor: index + 1 < stanzas.len() }) as Arc<dyn Plugin>
        });
        Self { chain: Chain::new(plugins.collect()), stanzas, metrics }
    }

    async fn ask(&self, transport: Transport) -> Asked {
        self.ask_for(NAME, transport).await
    }

    async fn ask_for(&self, name: &[u8], transport: Transport) -> Asked {
        let packet = question_packet(7, name, RecordType::A, Some((1232, true)));
        let reply = {
            let query = Query::parse(&packet, origin(transport)).unwrap();
            let mut response = Response::new();
            response.begin(&query);
            match self.chain.serve(&query, &mut response) {
                Reply::Later(future) => future,
                done @ Reply::Done(_) => Box::pin(done.wait(response)),
            }
        };
        let Finished { response, outcome } =
            timeout(Duration::from_secs(60), reply).await.expect("a query ends by itself");
        Asked { response, outcome }
    }

    fn upstream(&self, index: usize) -> &Arc<Upstream> {
        &self.stanzas[0].upstreams[index]
    }
}

fn origin(transport: Transport) -> Origin {
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 5353));
    Origin { peer, local: peer, transport, received: Instant::now(), server: 0, depth: 0 }
}

struct Asked {
    response: Response,
    outcome: Outcome,
}

impl Asked {
    fn addresses(&self) -> u16 {
        assert!(matches!(self.outcome, Outcome::Answered), "{:?}", self.outcome);
        self.response.count(Section::Answer)
    }

    fn rcode(&self) -> Rcode {
        assert!(matches!(self.outcome, Outcome::Answered), "{:?}", self.outcome);
        self.response.rcode()
    }

    fn failure(self) -> (FailureKind, String) {
        match self.outcome {
            Outcome::Failed(failure) => (failure.kind(), failure.detail().unwrap_or_default().to_owned()),
            other => panic!("{other:?}"),
        }
    }
}

/// An address where nobody listens.
async fn closed_port() -> SocketAddr {
    Scripted::start(silence).await.stop().await
}

/// Waits until `condition` holds.
async fn until(condition: impl Fn() -> bool) {
    let poll = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(60), poll).await.expect("it comes to hold");
}

fn truncated(seen: &Seen) -> Vec<Act> {
    if seen.transport == Transport::Tcp {
        return answer(seen);
    }
    let mut message = reply(&seen.packet, Rcode::NOERROR, 0);
    message[2] |= 0x02;
    vec![Act::Send(message)]
}

// === The query and its reply ===

#[tokio::test]
async fn the_query_goes_out_as_received_with_an_id_of_its_own() {
    let upstream = Scripted::start(answer).await;
    let fixture = Fixture::new(&format!("forward . {}", upstream.address));
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..8 {
        let mut asked = fixture.ask(Transport::Udp).await;
        assert_eq!(asked.addresses(), 1);
        assert!(asked.response.flags().has(Flags::RA), "flags are the upstream's");
        let message = asked.response.finish();
        assert_eq!(message[..2], [0, 7], "the client's id");
        assert_eq!(&message[12..12 + NAME.len()], NAME, "the client's spelling");
    }
    let packet = question_packet(7, NAME, RecordType::A, Some((1232, true)));
    for seen in upstream.seen() {
        assert_eq!(seen.packet[2..], packet[2..]);
        ids.insert(seen.packet[..2].to_vec());
    }
    assert!(ids.len() > 4, "eight random ids are not the same: {ids:?}");
}

#[tokio::test]
async fn a_reply_whose_case_differs_is_given_in_the_clients() {
    let upstream = Scripted::start(|seen: &Seen| {
        let mut message = reply(&seen.packet, Rcode::NOERROR, 1);
        message[12..12 + NAME.len()].make_ascii_lowercase();
        vec![Act::Send(message)]
    });
    let upstream = upstream.await;
    let mut asked = Fixture::new(&format!("forward . {}", upstream.address)).ask(Transport::Udp).await;
    assert_eq!(&asked.response.finish()[12..12 + NAME.len()], NAME);
}

#[tokio::test]
async fn rfc5452_strays_are_waited_out() {
    let upstream = Scripted::start(|seen: &Seen| {
        let good = reply(&seen.packet, Rcode::NOERROR, 2);
        let strays = [
            with_other_id(good.clone()),
            with_other_question(good.clone()),
            seen.packet.clone(),
            good[..11].to_vec(),
            Vec::new(),
            vec![0xff; 3000],
            good,
        ];
        strays.into_iter().map(Act::Send).collect()
    });
    let upstream = upstream.await;
    let fixture = Fixture::new(&format!("forward . {} {{\nmax_connect_attempts 1\n}}", upstream.address));
    assert_eq!(fixture.ask(Transport::Udp).await.addresses(), 2);
    assert_eq!(fixture.ask(Transport::Udp).await.addresses(), 2, "also on the socket that is used again");
    assert_eq!(upstream.seen().len(), 2);
}

#[tokio::test]
async fn a_liar_is_a_timeout_that_names_it() {
    let upstream = Scripted::start(|seen: &Seen| {
        vec![Act::Send(with_other_question(reply(&seen.packet, Rcode::NOERROR, 1)))]
    });
    let upstream = upstream.await;
    let fixture = Fixture::new(&format!(
        "forward . {} {{\nread_timeout 30ms\nmax_connect_attempts 1\n}}",
        upstream.address
    ));
    let (kind, detail) = fixture.ask(Transport::Udp).await.failure();
    assert_eq!(kind, FailureKind::UpstreamUnreachable);
    let local = upstream.seen()[0].peer;
    assert_eq!(detail, format!("read udp {local}->{}: i/o timeout", upstream.address));
}

#[tokio::test]
async fn a_large_datagram_arrives_whole_and_a_broken_one_as_truncated() {
    let large =
        Scripted::start(|seen: &Seen| vec![Act::Send(reply(&seen.packet, Rcode::NOERROR, 4000))]).await;
    let fixture = Fixture::new(&format!("forward . {}", large.address));
    assert_eq!(fixture.ask(Transport::Udp).await.addresses(), 4000);
    let broken = |seen: &Seen| {
        let mut message = reply(&seen.packet, Rcode::NOERROR, 9);
        message.truncate(message.len() - 5);
        vec![Act::Send(message)]
    };
    let broken = Scripted::start(broken).await;
    let asked = Fixture::new(&format!("forward . {}", broken.address)).ask(Transport::Udp).await;
    assert_eq!(asked.addresses(), 0);
    assert!(asked.response.flags().has(Flags::TC));
}

#[tokio::test]
async fn an_error_without_question_section_is_told_at_once() {
    let bare = |seen: &Seen| {
        let mut message = reply(&seen.packet, Rcode::FORMERR, 0);
        message.truncate(12);
        message[5] = 0;
        vec![Act::Send(message)]
    };
    let upstream = Scripted::start(bare).await;
    let fixture = Fixture::new(&format!("forward . {}", upstream.address));
    for transport in [Transport::Udp, Transport::Tcp] {
        assert_eq!(fixture.ask(transport).await.failure().0, FailureKind::UpstreamMismatch);
    }
    assert_eq!(upstream.seen().len(), 2, "asked once each");
}

// === TCP ===

#[tokio::test]
async fn a_tcp_client_is_forwarded_over_one_tcp_connection() {
    let upstream = Scripted::start(answer).await;
    let fixture = Fixture::new(&format!("forward . {}", upstream.address));
    for _ in 0..3 {
        assert_eq!(fixture.ask(Transport::Tcp).await.addresses(), 1);
    }
    let seen = upstream.seen();
    assert!(seen.iter().all(|seen| seen.transport == Transport::Tcp));
    assert!(seen.windows(2).all(|pair| pair[0].peer == pair[1].peer), "one connection");
}

#[tokio::test]
async fn force_tcp_and_prefer_udp_choose_the_transport() {
    for (property, client, wanted) in [
        ("force_tcp", Transport::Udp, Transport::Tcp),
        ("prefer_udp", Transport::Tcp, Transport::Udp),
        ("prefer_udp\nforce_tcp", Transport::Udp, Transport::Tcp),
    ] {
        let upstream = Scripted::start(answer).await;
        let fixture = Fixture::new(&format!("forward . {} {{\n{property}\n}}", upstream.address));
        assert_eq!(fixture.ask(client).await.addresses(), 1);
        assert_eq!(upstream.seen()[0].transport, wanted, "{property}");
    }
}

#[tokio::test]
async fn a_truncated_reply_is_passed_on_or_with_prefer_udp_asked_for_again() {
    let upstream = Scripted::start(truncated).await;
    let asked = Fixture::new(&format!("forward . {}", upstream.address)).ask(Transport::Udp).await;
    assert!(asked.response.flags().has(Flags::TC));
    let fixture = Fixture::new(&format!("forward . {} {{\nprefer_udp\n}}", upstream.address));
    for client in [Transport::Udp, Transport::Tcp] {
        let asked = fixture.ask(client).await;
        assert_eq!(asked.addresses(), 1);
        assert!(!asked.response.flags().has(Flags::TC));
    }
}

#[tokio::test]
async fn without_tcp_a_truncated_reply_is_better_than_none() {
    let upstream = Scripted::start(|seen: &Seen| match seen.transport {
        Transport::Udp => truncated(seen),
        Transport::Tcp => vec![Act::Close],
    });
    let upstream = upstream.await;
    let fixture = Fixture::new(&format!("forward . {} {{\nprefer_udp\n}}", upstream.address));
    assert!(fixture.ask(Transport::Udp).await.response.flags().has(Flags::TC));
    assert_eq!(fixture.ask(Transport::Tcp).await.failure().0, FailureKind::UpstreamUnreachable);
}

#[tokio::test]
async fn a_kept_connection_that_the_upstream_closed_is_replaced_unnoticed() {
    let mut count = 0;
    let upstream = Scripted::start(move |seen: &Seen| {
        count += 1;
        match count {
            // Closed after the answer, and closed upon the next query.
            1 => vec![Act::Send(reply(&seen.packet, Rcode::NOERROR, 1)), Act::Close],
            3 => vec![Act::Close],
            _ => answer(seen),
        }
    });
    let upstream = upstream.await;
    let fixture = Fixture::new(&format!("forward . {} {{\nmax_connect_attempts 1\n}}", upstream.address));
    for _ in 0..4 {
        assert_eq!(fixture.ask(Transport::Tcp).await.addresses(), 1);
    }
    assert_eq!(fixture.upstream(0).fails.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[tokio::test]
async fn tcp_that_ends_midway_is_an_error_and_strays_are_skipped() {
    let upstream =
        Scripted::start(|seen: &Seen| vec![Act::Raw(vec![1, 0, seen.packet[0]]), Act::Close]).await;
    let fixture = Fixture::new(&format!("forward . {} {{\nmax_connect_attempts 1\n}}", upstream.address));
    let (kind, detail) = fixture.ask(Transport::Tcp).await.failure();
    assert_eq!(kind, FailureKind::UpstreamUnreachable);
    assert!(detail.starts_with("read tcp 127.0.0.1:") && detail.ends_with(": EOF"), "{detail}");

    let upstream = Scripted::start(|seen: &Seen| {
        let good = reply(&seen.packet, Rcode::NOERROR, 1);
        vec![Act::Send(with_other_id(good.clone())), Act::Send(Vec::new()), Act::Send(good)]
    });
    let upstream = upstream.await;
    let fixture = Fixture::new(&format!("forward . {}", upstream.address));
    assert_eq!(fixture.ask(Transport::Tcp).await.addresses(), 1);
}

#[tokio::test]
async fn a_tcp_reply_to_another_question_is_a_format_error() {
    let upstream = Scripted::start(|seen: &Seen| {
        vec![Act::Send(with_other_question(reply(&seen.packet, Rcode::NOERROR, 1)))]
    });
    let upstream = upstream.await;
    let fixture = Fixture::new(&format!("forward . {}", upstream.address));
    let asked = fixture.ask(Transport::Tcp).await;
    assert_eq!(asked.failure().0, FailureKind::UpstreamMismatch);
    assert_eq!(fixture.upstream(0).idle(Transport::Tcp), 0, "the connection is not used again");
}

#[tokio::test]
async fn a_reply_that_never_ends_is_given_up() {
    let upstream = Scripted::start(|_: &Seen| vec![Act::Raw(vec![0xff; 1000])]).await;
    let fixture = Fixture::new(&format!(
        "forward . {} {{\nread_timeout 30ms\nmax_connect_attempts 1\n}}",
        upstream.address
    ));
    let (_, detail) = fixture.ask(Transport::Tcp).await.failure();
    assert!(detail.ends_with(": i/o timeout"), "{detail}");
}

// === Several upstreams ===

#[tokio::test]
async fn the_next_upstream_is_asked_when_one_is_silent_or_refuses() {
    let (silent, closed) = (Scripted::start(silence).await, closed_port().await);
    let good = Scripted::start(answer).await;
    let fixture = Fixture::new(&format!(
        "forward . {} {closed} {} {{\npolicy sequential\nread_timeout 30ms\n}}",
        silent.address, good.address
    ));
    for transport in [Transport::Udp, Transport::Tcp] {
        assert_eq!(fixture.ask(transport).await.addresses(), 1);
    }
}

#[tokio::test]
async fn a_refused_query_says_so() {
    let closed = closed_port().await;
    let fixture = Fixture::new(&format!("forward . {closed} {{\nmax_fails 0\n}}"));
    let (kind, detail) = fixture.ask(Transport::Tcp).await.failure();
    assert_eq!(kind, FailureKind::UpstreamUnreachable);
    assert_eq!(detail, format!("dial tcp {closed}: connect: connection refused"));
    let (_, detail) = fixture.ask(Transport::Udp).await.failure();
    assert!(detail.ends_with(&format!("->{closed}: read: connection refused")), "{detail}");
}

#[tokio::test]
async fn the_budget_ends_a_query_whose_attempts_do_not() {
    let closed = closed_port().await;
    let directive = format!("forward . {closed} {{\nmax_connect_attempts 0\nmax_fails 0\n}}");
    let fixture = Fixture::changed(&directive, |options| options.budget = Duration::from_millis(60));
    assert_eq!(fixture.ask(Transport::Udp).await.failure().0, FailureKind::UpstreamUnreachable);
}

#[tokio::test]
async fn failover_asks_another_and_the_last_answer_stands() {
    let bad = Scripted::start(code(Rcode::SERVFAIL)).await;
    let worse = Scripted::start(code(Rcode::REFUSED)).await;
    let good = Scripted::start(answer).await;
    let forward = |to: &[SocketAddr]| {
        let to: Vec<_> = to.iter().map(ToString::to_string).collect();
        Fixture::new(&format!(
            "forward . {} {{\npolicy sequential\nfailover SERVFAIL refused\n}}",
            to.join(" ")
        ))
    };
    let asked = forward(&[bad.address, good.address]).ask(Transport::Udp).await;
    assert_eq!(asked.addresses(), 1);
    let asked = forward(&[bad.address, worse.address]).ask(Transport::Udp).await;
    assert_eq!(asked.rcode(), Rcode::REFUSED);
    assert_eq!(worse.seen().len(), 1, "each is asked once");
    let asked = forward(&[bad.address, closed_port().await]).ask(Transport::Udp).await;
    assert_eq!(asked.rcode(), Rcode::SERVFAIL, "an error does not take back an answer");
}

#[tokio::test]
async fn next_hands_a_reply_to_the_directive_below() {
    let first = Scripted::start(code(Rcode::NXDOMAIN)).await;
    let second = Scripted::start(answer).await;
    let both = |property: &str| {
        Fixture::new(&format!(
            "forward . {} {{\n{property}\n}}\nforward . {} {{\nnext NXDOMAIN\n}}",
            first.address, second.address
        ))
    };
    assert_eq!(both("next SERVFAIL NXDOMAIN").ask(Transport::Udp).await.addresses(), 1);
    assert_eq!(both("next SERVFAIL").ask(Transport::Udp).await.rcode(), Rcode::NXDOMAIN);
    let alone = Fixture::new(&format!("forward . {} {{\nnext NXDOMAIN\n}}", first.address));
    assert_eq!(alone.ask(Transport::Udp).await.rcode(), Rcode::NXDOMAIN, "there is none below");

    let empty = Scripted::start(code(Rcode::NOERROR)).await;
    let nodata = Fixture::new(&format!(
        "forward . {} {{\nnext_on_nodata\n}}\nforward . {}",
        empty.address, second.address
    ));
    assert_eq!(nodata.ask(Transport::Udp).await.addresses(), 1);
}

#[tokio::test]
async fn names_outside_of_from_and_within_except_pass() {
    let upstream = Scripted::start(answer).await;
    let fixture = Fixture::new(&format!(
        "forward example.org {} {{\nexcept a.example.org example.org\n}}",
        upstream.address
    ));
    let pass = |name: &'static [u8]| async { fixture.ask_for(name, Transport::Udp).await.failure().0 };
    assert_eq!(pass(b"\x07example\x03com\x00").await, FailureKind::Unhandled);
    assert_eq!(pass(b"\x01b\x01A\x07example\x03org\x00").await, FailureKind::Unhandled);
    let apex = fixture.ask_for(b"\x07Example\x03org\x00", Transport::Udp).await;
    assert_eq!(apex.addresses(), 1, "FROM itself is forwarded");
}

// === Limits ===

#[tokio::test]
async fn queries_over_max_concurrent_are_refused() {
    let upstream = Scripted::start(silence).await;
    let fixture = Arc::new(Fixture::new(&format!(
        "forward . {} {{\nmax_concurrent 1\nread_timeout 1h\n}}",
        upstream.address
    )));
    let waiting = tokio::spawn({
        let fixture = Arc::clone(&fixture);
        async move { fixture.ask(Transport::Udp).await.failure() }
    });
    until(|| upstream.seen().len() == 1).await;
    let (kind, detail) = fixture.ask(Transport::Udp).await.failure();
    assert_eq!(kind, FailureKind::Overloaded);
    assert_eq!(detail, "concurrent queries exceeded maximum 1");
    assert!(fixture.metrics.text().contains("coredns_forward_max_concurrent_rejects_total 1"));
    waiting.abort();
    let _ = waiting.await;
    let again = tokio::spawn(async move { fixture.ask(Transport::Udp).await.failure() });
    until(|| upstream.seen().len() == 2).await;
    again.abort();
}

#[tokio::test]
async fn an_upstream_holds_no_more_sockets_than_it_may() {
    let upstream = Scripted::start(silence).await;
    let fixture = Arc::new(Fixture::changed(&format!("forward . {}", upstream.address), |options| {
        options.upstream.in_flight_max = 1;
        options.upstream.read_timeout = Duration::from_secs(3600);
    }));
    let first = Arc::clone(&fixture);
    let waiting = tokio::spawn(async move { first.ask(Transport::Udp).await.failure() });
    until(|| upstream.seen().len() == 1).await;
    assert_eq!(fixture.ask(Transport::Tcp).await.failure().0, FailureKind::Overloaded);
    assert!(!fixture.upstream(0).is_probed.load(std::sync::atomic::Ordering::Relaxed));
    waiting.abort();
}

#[tokio::test]
async fn sockets_are_used_again_until_they_expire() {
    let upstream = Scripted::start(answer).await;
    for (property, reused) in [("expire 1h", true), ("expire 0s", false)] {
        let fixture = Fixture::new(&format!("forward . {} {{\n{property}\n}}", upstream.address));
        for _ in 0..2 {
            assert_eq!(fixture.ask(Transport::Udp).await.addresses(), 1);
        }
        let peers: Vec<_> = upstream.seen().iter().rev().take(2).map(|seen| seen.peer).collect();
        assert_eq!(peers[0] == peers[1], reused, "{property}");
        assert_eq!(fixture.upstream(0).idle(Transport::Udp), usize::from(reused));
    }
    let fixture = Fixture::new(&format!("forward . {} {{\nexpire 5ms\n}}", upstream.address));
    for transport in [Transport::Udp, Transport::Tcp] {
        assert_eq!(fixture.ask(transport).await.addresses(), 1);
        until(|| fixture.upstream(0).idle(transport) == 0).await;
    }
}

// === Health ===

#[tokio::test]
async fn an_upstream_that_dies_is_skipped_and_comes_back() {
    let dying = Scripted::start(answer).await;
    let good = Scripted::start(answer).await;
    let fixture = Fixture::new(&format!(
        "forward . {} {} {{\npolicy sequential\nhealth_check 10ms no_rec domain Example.org\n}}",
        dying.address, good.address
    ));
    assert_eq!(fixture.ask(Transport::Udp).await.addresses(), 1);
    assert!(good.seen().is_empty());
    let address = dying.stop().await;
    assert_eq!(fixture.ask(Transport::Udp).await.addresses(), 1, "the other answers");
    until(|| fixture.upstream(0).is_down()).await;
    let back = Scripted::restart(address, answer).await;
    until(|| !fixture.upstream(0).is_down()).await;
    assert_eq!(fixture.ask(Transport::Udp).await.addresses(), 1);
    let seen = back.seen();
    let probe = question_packet(0, b"\x07example\x03org\x00", RecordType::NS, None);
    assert_eq!(seen[0].packet[4..], probe[4..]);
    assert_eq!(seen[0].packet[2] & 1, 0, "no_rec clears RD");
    assert_eq!(seen.last().unwrap().packet[12..12 + NAME.len()], *NAME);
    let text = fixture.metrics.text();
    let failures =
        format!("coredns_proxy_healthcheck_failures_total{{proxy_name=\"forward\",to=\"{address}\"}}");
    assert!(text.contains(&failures), "{text}");
}

#[tokio::test]
async fn a_probe_is_content_with_any_response() {
    let upstream = Scripted::start(code(Rcode::REFUSED)).await;
    let fixture = Fixture::new(&format!("forward . {} {{\nhealth_check 10ms\n}}", upstream.address));
    fixture.upstream(0).fails.store(9, std::sync::atomic::Ordering::Relaxed);
    fixture.upstream(0).check_health();
    until(|| !fixture.upstream(0).is_down()).await;
}

#[tokio::test]
async fn when_all_are_down_one_is_asked_all_the_same_unless_that_is_not_wanted() {
    let upstream = Scripted::start(answer).await;
    for (property, is_asked) in [("", true), ("failfast_all_unhealthy_upstreams", false)] {
        let fixture = Fixture::new(&format!("forward . {} {{\n{property}\n}}", upstream.address));
        fixture.upstream(0).fails.store(3, std::sync::atomic::Ordering::Relaxed);
        let asked = fixture.ask(Transport::Udp).await;
        if is_asked {
            assert_eq!(asked.addresses(), 1);
        } else {
            let no_healthy = "no healthy proxies".to_owned();
            assert_eq!(asked.failure(), (FailureKind::UpstreamUnreachable, no_healthy));
        }
        assert!(fixture.metrics.text().contains("coredns_forward_healthcheck_broken_total 1"));
    }
    assert_eq!(upstream.seen().len(), 1);
}

// === Metrics ===

#[tokio::test]
async fn series_have_the_names_and_labels_of_coredns() {
    let upstream = Scripted::start(code(Rcode::NXDOMAIN)).await;
    let fixture = Fixture::new(&format!("forward . {}", upstream.address));
    for transport in [Transport::Udp, Transport::Udp, Transport::Tcp] {
        fixture.ask(transport).await.rcode();
    }
    let text = fixture.metrics.text();
    let to = format!("to=\"{}\"", upstream.address);
    for line in [
        format!(
            "coredns_proxy_request_duration_seconds_count{{proxy_name=\"forward\",rcode=\"NXDOMAIN\",{to}}} 3"
        ),
        format!("coredns_proxy_conn_cache_hits_total{{proto=\"udp\",proxy_name=\"forward\",{to}}} 1"),
        format!("coredns_proxy_conn_cache_misses_total{{proto=\"udp\",proxy_name=\"forward\",{to}}} 1"),
        format!("coredns_proxy_conn_cache_misses_total{{proto=\"tcp\",proxy_name=\"forward\",{to}}} 1"),
        format!("coredns_proxy_healthcheck_failures_total{{proxy_name=\"forward\",{to}}} 0"),
        "coredns_forward_healthcheck_broken_total 0".to_owned(),
    ] {
        assert!(text.lines().any(|there| there == line), "{line}\nis not in\n{text}");
    }
    assert!(!text.contains("NOERROR"), "codes that never came have no series");
    assert_eq!(crate::telemetry::metrics::lint(&text), Vec::<String>::new());
}

// === Set-up ===

#[test]
fn properties_mean_what_they_say() {
    let env = Memory::default().with_file(
        "/etc/resolv.conf",
        "nameserver 192.0.2.1\nnameserver 192.0.2.9\nnameserver 2001:db8::9\n",
    );
    let text =
        "forward 10.0.0.0/24 192.0.2.1 dns://192.0.2.2:5353 [2001:db8::1]:54 2001:db8::2 /etc/resolv.conf {
        except a.0.0.10.in-addr.arpa 192.0.2.0/24
        expire 20s
        max_age 1m
        max_fails 7
        max_idle_conns 8
        max_concurrent 1000
        max_connect_attempts 3
        read_timeout 1s
        policy round_robin
        source_address 192.0.2.200
        health_check 2s domain example.org
        failover SERVFAIL
        next nxdomain badcookie
        force_tcp
    }";
    let options = parse(text, &env).unwrap().remove(0);
    let to: Vec<_> = options.to.iter().map(ToString::to_string).collect();
    let unique = ["192.0.2.1:53", "192.0.2.2:5353", "[2001:db8::1]:54", "[2001:db8::2]:53", "192.0.2.9:53"];
    assert_eq!(to, [&unique[..], &["[2001:db8::9]:53"]].concat());
    let except: Vec<_> = options.except.iter().map(ToString::to_string).collect();
    assert_eq!(options.from.to_string(), "0.0.10.in-addr.arpa.");
    assert_eq!(except, ["a.0.0.10.in-addr.arpa.", "2.0.192.in-addr.arpa."]);
    assert_eq!(options.policy, Policy::RoundRobin);
    assert_eq!((options.concurrent_max, options.attempts_max), (Some(1000), Some(3)));
    assert_eq!((options.failover, options.next), (vec![Rcode::SERVFAIL], vec![Rcode::NXDOMAIN, Rcode(23)]));
    let upstream = options.upstream;
    assert_eq!(upstream.keeping.expire, Duration::from_secs(20));
    assert_eq!(upstream.keeping.age_max, Some(Duration::from_secs(60)));
    assert_eq!((upstream.keeping.idle_max, upstream.fails_max), (Some(8), 7));
    assert_eq!(upstream.source, Some("192.0.2.200".parse().unwrap()));
    assert!(upstream.probe.recursion_desired);
    assert_eq!(upstream.probe.interval, Duration::from_secs(2));
    assert_eq!(upstream.probe.transport, Transport::Tcp);
    assert_eq!(upstream.probe.domain.to_string(), "example.org.");
}

#[test]
fn what_is_wrong_is_said_with_what_would_be_right() {
    let env = Memory::default()
        .with_file("/empty", "search example.org\n")
        .with_file("/names", "nameserver dns.example.org\n");
    let many: String = (1..=16).map(|number| format!(" 192.0.2.{number}")).collect();
    for (directive, message, help) in [
        ("forward .", "`forward` takes at least 2 arguments", "forward FROM TO"),
        ("forward . tls://192.0.2.1", "`tls://` upstreams are not built yet", "write the address alone"),
        ("forward . https://192.0.2.1", "`https://` upstreams are not built yet", ""),
        ("forward . quic://192.0.2.1", "`quic://` upstreams are not built yet", ""),
        ("forward . dsn://192.0.2.1", "`dsn` is no protocol of `forward`", "did you mean `dns://`?"),
        ("forward . dns://dns.example.org", "`dns://dns.example.org` is not an upstream", "not looked up"),
        ("forward . dns.example.org", "is neither an address nor a file", "resolv.conf"),
        ("forward . 192.0.2.1:0", "`192.0.2.1:0` is not an upstream", "write an address"),
        ("forward . 192.0.2.1:99999", "`192.0.2.1:99999` is not an upstream", "write an address"),
        ("forward . /nowhere", "cannot read `/nowhere`", "resolv.conf"),
        ("forward . /empty", "no `nameserver` line in `/empty`", "write the addresses here"),
        ("forward . /names", "line 1: `dns.example.org` is not an IP address", "correct the file"),
        (&format!("forward .{many}"), "more than 15 upstreams", "spread them"),
        (
            "forward . 192.0.2.1 {\nmax_concurent 5\n}",
            "unknown property `max_concurent`",
            "`max_concurrent`?",
        ),
        ("forward . 192.0.2.1 {\ntls\n}", "`tls` of `forward` is not built yet", "leave it out"),
        ("forward . 192.0.2.1 {\ntls_servername a\n}", "`tls_servername` of `forward` is not built", ""),
        ("forward . 192.0.2.1 {\nresolver 192.0.2.3\n}", "`resolver` of `forward` is not built", "addresses"),
        ("forward . 192.0.2.1 {\ndoh_method GET\n}", "`doh_method` of `forward` is not built", ""),
        ("forward . 192.0.2.1 {\npolicy fastest\n}", "unexpected `fastest`", "sequential"),
        ("forward . 192.0.2.1 {\nexpire 10\n}", "`10` is not a duration", "10s"),
        ("forward . 192.0.2.1 {\nread_timeout 0s\n}", "`0s` is not a time to wait", "2s"),
        ("forward . 192.0.2.1 {\nmax_age 5s\n}", "`max_age` (5s) is shorter than `expire` (10s)", "longer"),
        ("forward . 192.0.2.1 {\nmax_fails -1\n}", "`-1` is not a whole number", ""),
        ("forward . 192.0.2.1 {\nforce_tcp yes\n}", "`force_tcp` takes no arguments", "force_tcp"),
        ("forward . 192.0.2.1 {\nexcept\n}", "`except` takes at least 1 argument", "except NAME"),
        ("forward . 192.0.2.1 {\nfailover NOERROR\n}", "`NOERROR` is not a code to fail over on", "SERVFAIL"),
        ("forward . 192.0.2.1 {\nnext SERVFIAL\n}", "`SERVFIAL` is no response code", "`SERVFAIL`?"),
        ("forward . 192.0.2.1 {\nhealth_check 1s domain\n}", "`domain` has no name after it", "domain NAME"),
        ("forward . 192.0.2.1 {\nhealth_check 1s norec\n}", "unexpected `norec`", "`no_rec`?"),
        ("forward . 192.0.2.1 {\nsource_address eth0\n}", "`eth0` is not an IP address", ""),
        ("forward . 192.0.2.1 {\nforce_tcp {\n}\n}", "`force_tcp` takes no block", ""),
    ] {
        let wrong = parse(directive, &env).expect_err(directive);
        assert!(wrong.message.contains(message), "{directive}: {}", wrong.message);
        let shown = wrong.help.clone().unwrap_or_default();
        assert!(shown.contains(help), "{directive}: {shown}");
        assert!(wrong.span.is_some(), "{directive}");
    }
}

#[test]
fn a_block_has_a_handler_for_each_directive_and_takes_all_classes() {
    let bench = Bench::new(&["."]);
    let draft =
        bench.set_up(super::setup, "forward a 192.0.2.1 192.0.2.2\nforward . 192.0.2.3").ok().unwrap();
    assert_eq!(draft.plugins.len(), 2);
    assert!(draft.any_class);
    assert!(bench.set_up(super::setup, "forward a 192.0.2.1\nforward").is_err(), "each is looked at");
}

#[test]
fn every_example_of_the_readme_loads() {
    let env = Memory::default().with_file("/etc/resolv.conf", "nameserver 192.0.2.1\n");
    let mut count = 0;
    for example in include_str!("README.md").split("~~~ corefile\n").skip(1) {
        let text = example.split("~~~").next().unwrap();
        let corefile = crate::corefile::parse("README.md", text, &env).unwrap();
        for directive in corefile.blocks.iter().flat_map(|block| &block.directives) {
            if directive.name.text == "forward" {
                setup::parse(directive, Path::new("/"), &env).unwrap();
                count += 1;
            }
        }
    }
    assert!(count >= 5, "{count} examples");
}
