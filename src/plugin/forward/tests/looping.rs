//! Upstreams that lead back to this server.

use super::*;
use crate::dns::Name;
use crate::plugin::Outlet;
use crate::plugin::forward::outlet::Way;

fn name(text: &str) -> Name {
    Name::from_text(text).unwrap()
}

fn ways(fixture: &Fixture) -> Vec<Arc<dyn Outlet>> {
    fixture.stanzas.iter().flat_map(Way::all).collect()
}

#[tokio::test]
async fn an_upstream_in_a_loop_is_not_asked_and_the_others_are() {
    let (bad, good) = (Scripted::start(answer).await, Scripted::start(answer).await);
    let fixture =
        Fixture::new(&format!("forward . {} {} {{\npolicy sequential\n}}", bad.address, good.address));
    let ways = ways(&fixture);
    assert_eq!(ways[0].to(), bad.address.to_string());
    ways[0].set_looping(&name("example.org"), true);
    assert_eq!(fixture.ask(Transport::Udp).await.addresses(), 1);
    assert_eq!((bad.seen().len(), good.seen().len()), (0, 1));
    assert_eq!(fixture.ask_for(b"\x03www\x03org\x00", Transport::Udp).await.addresses(), 1);
    assert_eq!(bad.seen().len(), 1, "for another zone it is in use");
    ways[1].set_looping(&name("."), true);
    assert_eq!(fixture.ask(Transport::Udp).await.failure().0, FailureKind::Loop);
    assert!(fixture.metrics.text().contains("coredns_forward_healthcheck_broken_total 0"));
    ways[0].set_looping(&name("example.org"), false);
    assert_eq!(fixture.ask(Transport::Udp).await.addresses(), 1);
    assert_eq!(bad.seen().len(), 2);
}

#[tokio::test]
async fn when_the_others_are_down_one_of_them_is_asked_all_the_same() {
    let (bad, down) = (Scripted::start(answer).await, Scripted::start(answer).await);
    let fixture = Fixture::new(&format!("forward . {} {}", bad.address, down.address));
    ways(&fixture)[0].set_looping(&name("."), true);
    for _ in 0..8 {
        fixture.upstream(1).fails.store(3, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(fixture.ask(Transport::Udp).await.addresses(), 1);
    }
    assert_eq!((bad.seen().len(), down.seen().len()), (0, 8));
}

#[tokio::test]
async fn a_probe_goes_as_queries_go_and_any_reply_will_do() {
    let upstream = Scripted::start(code(Rcode::REFUSED)).await;
    let packet = question_packet(7, b"\x01a\x00", RecordType::HINFO, None);
    for (property, transport) in [("", Transport::Udp), ("force_tcp", Transport::Tcp)] {
        let fixture = Fixture::new(&format!("forward . {} {{\n{property}\n}}", upstream.address));
        assert!(ways(&fixture)[0].ask(&packet).await);
        let seen = upstream.seen();
        assert_eq!(seen.last().unwrap().transport, transport);
        assert_eq!(seen.last().unwrap().packet[2..], packet[2..]);
    }
    let closed = closed_port().await;
    let fixture = Fixture::new(&format!("forward . {closed}"));
    assert!(!ways(&fixture)[0].ask(&packet).await);
}

#[tokio::test]
async fn the_part_of_a_zone_is_what_is_forwarded_of_it() {
    let fixture =
        Fixture::new("forward example.org 192.0.2.1 {\nexcept a.example.org\n}\nforward . 192.0.2.2");
    let ways = ways(&fixture);
    let part = |way: usize, zone: &str| ways[way].part_of(&name(zone)).map(|zone| zone.to_string());
    assert_eq!(part(0, ".").as_deref(), Some("example.org."));
    assert_eq!(part(0, "www.example.org").as_deref(), Some("www.example.org."));
    assert_eq!(part(0, "b.a.example.org"), None);
    assert_eq!(part(0, "example.com"), None);
    assert_eq!(part(1, "example.com").as_deref(), Some("example.com."));
}
