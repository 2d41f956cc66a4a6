use std::io;
use std::sync::atomic::AtomicU16;

use super::*;
use crate::server::answer::{Edge, InFlight};
use crate::server::phase::{Phase, PhaseCell};
use crate::server::stats::Cells;
use crate::server::udp::{Datagrams, Received, Worker};

#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_a_drain_is_answered() {
    for udp_io in [UdpIo::Batch, UdpIo::Plain] {
        let rig = Rig::loopback(Options { udp_io, ..Options::default() });
        let (waiting, queued) = (rig.udp().await, rig.udp().await);
        waiting.send(&question(1, "wait")).await.unwrap();
        let mut stream = rig.tcp().await;
        stream.write_all(&framed(&question(2, "wait"))).await.unwrap();
        rig.until_waiting(2).await;
        // The worker of this client is busy while the others come into its queue.
        for id in 0..100 {
            queued.send(&question(id, if id == 0 { "block" } else { "a" })).await.unwrap();
        }
        let (address, plugin) = (rig.address, Arc::clone(&rig.plugin));
        let drain = tokio::spawn(rig.server.drain(PATIENCE));
        within(async { while TcpStream::connect(address).await.is_ok() {} }).await;
        plugin.gate.add_permits(3);
        assert_eq!(id(&receive(&waiting).await), 1);
        assert_eq!(id(&read_frame(&mut stream).await.unwrap()), 2);
        assert_eq!(read_frame(&mut stream).await, None);
        for expected in 0..100 {
            assert_eq!(id(&receive(&queued).await), expected);
        }
        let stats = within(drain).await.unwrap();
        assert_eq!(stats.received, 102);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_ends_when_its_time_is_up() {
    let rig = Rig::loopback(Options::default());
    let client = rig.udp().await;
    client.send(&question(1, "wait")).await.unwrap();
    rig.until_waiting(1).await;
    within(rig.server.drain(Duration::from_millis(10))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_closes_connections() {
    let rig = Rig::loopback(Options::default());
    let mut client = rig.tcp().await;
    client.write_all(&framed(&question(1, "wait"))).await.unwrap();
    rig.until_waiting(1).await;
    drop(rig.server);
    assert_eq!(read_frame(&mut client).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_under_load_loses_no_query() {
    let rig = Rig::loopback(Options::default());
    let (udp, mut tcp) = (rig.udp().await, rig.tcp().await);
    let over_udp = tokio::spawn(async move {
        for id in 0..2000 {
            assert_eq!(super::id(&ask(&udp, &question(id, "a")).await), id);
        }
    });
    let over_tcp = tokio::spawn(async move {
        for id in 0..2000 {
            tcp.write_all(&framed(&question(id, "a"))).await.unwrap();
            assert_eq!(super::id(&read_frame(&mut tcp).await.unwrap()), id);
        }
    });
    let mut last = 0;
    while !(over_udp.is_finished() && over_tcp.is_finished()) {
        last = last % 200 + 1;
        assert!(rig.server.replace_router(0, router(Ipv4Addr::new(192, 0, 2, last)).0));
        tokio::task::yield_now().await;
    }
    over_udp.await.unwrap();
    over_tcp.await.unwrap();
    let answer = ask(&rig.udp().await, &question(1, "a")).await;
    assert_eq!(last_address(&answer), Ipv4Addr::new(192, 0, 2, last));
    assert!(!rig.server.replace_router(9, router(Ipv4Addr::LOCALHOST).0));
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_open_and_close_one_by_one() {
    let mut rig = Rig::loopback(Options::default());
    let client = rig.udp().await;
    ask(&client, &question(1, "a")).await;
    let other = Ipv4Addr::new(192, 0, 2, 2);
    let bound = rig.server.bind(listener(1, &[Ipv4Addr::LOCALHOST.into()], 0, router(other).0)).unwrap();
    rig.server.open(bound).unwrap();
    let second = rig.server.local_address(1).unwrap();
    let to_second = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    to_second.connect(second).await.unwrap();
    assert_eq!(last_address(&ask(&to_second, &question(2, "a")).await), other);
    assert!(rig.server.close(1, PATIENCE).await);
    assert!(!rig.server.close(1, PATIENCE).await);
    assert_eq!(rig.server.local_address(1), None);
    assert!(TcpStream::connect(second).await.is_err());
    ask(&client, &question(3, "a")).await;
    assert_eq!(rig.server.stats().received, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_reported_with_who_holds_it() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let (router, _) = router(Ipv4Addr::LOCALHOST);
    let start = |addresses: &[IpAddr]| {
        let listener = listener(0, addresses, port, Arc::clone(&router));
        Server::start(vec![listener], Options::default(), Handle::current()).err().unwrap().to_string()
    };
    let pid = std::process::id();
    let error = start(&[Ipv4Addr::LOCALHOST.into()]);
    assert!(
        error.starts_with(&format!(
            "Listen: listen tcp 127.0.0.1:{port}: bind: address already in use; port {port}"
        )),
        "{error}"
    );
    assert!(error.contains(&format!("(process {pid})")), "{error}");
    let error = start(&[]);
    assert!(
        error.starts_with(&format!("Listen: listen tcp :{port}: bind: address already in use;")),
        "{error}"
    );
    let error = start(&[IpAddr::from([192, 0, 2, 1])]);
    assert!(error.contains("bind: cannot assign requested address; no interface"), "{error}");
}

/// A socket whose clients never stop. `script` says how many packets a receive gives, by its number; it may end the
/// phase while it receives.
struct Endless<const LEN: usize, F> {
    script: F,
    packet: Vec<u8>,
    receives: usize,
    replies: Arc<AtomicUsize>,
}

impl<const LEN: usize, F: FnMut(usize) -> usize> Datagrams for Endless<LEN, F> {
    type Route = ();

    const BATCH_LEN: usize = LEN;

    fn receive(&mut self) -> io::Result<Received> {
        self.receives += 1;
        assert!(self.receives < 100_000, "the worker never leaves");
        Ok(Received::Packets((self.script)(self.receives)))
    }

    fn packet(&self, _slot: usize) -> &[u8] {
        &self.packet
    }

    fn addresses(&self, _slot: usize) -> (SocketAddr, SocketAddr) {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        (address, address)
    }

    fn queue(&mut self, _slot: usize, _reply: &[u8]) -> usize {
        self.replies.fetch_add(1, SeqCst);
        0
    }

    fn flush(&mut self) -> usize {
        0
    }

    fn route(&self, _slot: usize) {}

    fn send(_socket: &StdUdpSocket, _route: &(), _reply: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// How many packets a worker answers before it leaves. `script` gets the phase and the number of the receive.
fn drain<const LEN: usize>(mut script: impl FnMut(&PhaseCell, usize) -> usize) -> usize {
    let (router, _) = router(Ipv4Addr::LOCALHOST);
    let phase = PhaseCell::new();
    let edge = Edge { in_flight: InFlight::new(1), observer: None, cells: Arc::new(Cells::default()) };
    let worker = Worker {
        number: 0,
        socket: Arc::new(StdUdpSocket::bind("127.0.0.1:0").unwrap()),
        router: Arc::new(ArcSwap::new(router)),
        edge: Arc::new(edge),
        phase: Arc::clone(&phase),
        runtime: Handle::current(),
        alive: tokio::sync::mpsc::channel(1).0,
    };
    let replies = Arc::new(AtomicUsize::new(0));
    let script = |number| script(&phase, number);
    let io =
        Endless::<LEN, _> { script, packet: question(1, "a"), receives: 0, replies: Arc::clone(&replies) };
    worker.run(io);
    replies.load(SeqCst)
}

#[tokio::test]
async fn a_drain_leaves_clients_that_never_stop() {
    let answered = drain::<32>(|phase, number| match number {
        // While it runs no batch ends it, full or not.
        1 => 32,
        2 => 1,
        // The drain begins while this one is taken: more may have come behind it.
        3 => {
            phase.advance(Phase::Draining);
            1
        }
        4 | 5 => 32,
        // The first that is not full is the last.
        _ => 31,
    });
    assert_eq!(answered, 32 + 1 + 1 + 32 + 32 + 31);
}

#[tokio::test]
async fn a_drain_of_full_batches_ends_behind_what_a_queue_can_hold() {
    let full = |phase: &PhaseCell, _| {
        phase.advance(Phase::Draining);
        32
    };
    let answered = drain::<32>(full);
    assert!((8_192..32_768).contains(&answered), "{answered}");
    // Where a receive gives one packet each is a full batch.
    let one = |phase: &PhaseCell, _| {
        phase.advance(Phase::Draining);
        1
    };
    assert!((8_192..32_768).contains(&drain::<1>(one)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_under_load_ends() {
    for udp_io in [UdpIo::Batch, UdpIo::Plain] {
        let rig = Rig::loopback(Options { udp_io, ..Options::default() });
        let client = rig.udp().await;
        let sent = Arc::new(AtomicU16::new(0));
        let sending = tokio::spawn({
            let sent = Arc::clone(&sent);
            async move {
                loop {
                    // Refused once the socket is gone.
                    let _ = client.send(&question(sent.fetch_add(1, SeqCst), "a")).await;
                    tokio::task::yield_now().await;
                }
            }
        });
        within(async {
            while sent.load(SeqCst) < 1_000 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        // Without limit to speak of: what ends it is that it is done.
        within(rig.server.drain(Duration::from_secs(3_600))).await;
        sending.abort();
    }
}
