use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

fn limited(change: impl FnOnce(&mut Limits)) -> Options {
    let mut limits = Limits::default();
    change(&mut limits);
    Options { limits, ..Options::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_are_answered_as_they_are_done() {
    let rig = Rig::loopback(Options::default());
    let mut client = rig.tcp().await;
    let both = [framed(&question(1, "wait")), framed(&question(2, "a"))].concat();
    client.write_all(&both).await.unwrap();
    assert_eq!(id(&read_frame(&mut client).await.unwrap()), 2);
    rig.release(1);
    assert_eq!(id(&read_frame(&mut client).await.unwrap()), 1);
    client.write_all(&framed(&question(3, "panic"))).await.unwrap();
    assert_eq!(rcode(&read_frame(&mut client).await.unwrap()), Rcode::SERVFAIL);
    client.write_all(&framed(&question(4, "panic-later"))).await.unwrap();
    assert_eq!(rcode(&read_frame(&mut client).await.unwrap()), Rcode::SERVFAIL);
    client.write_all(&framed(&question(5, "big"))).await.unwrap();
    assert!(read_frame(&mut client).await.unwrap().len() > 65_000);
    assert_eq!(rig.server.drain(PATIENCE).await.received, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn octets_may_come_one_by_one_and_the_client_may_stop_writing_first() {
    let rig = Rig::loopback(Options::default());
    let mut client = rig.tcp().await;
    client.set_nodelay(true).unwrap();
    let octets = [framed(&question(1, "a")), framed(&question(2, "wait"))].concat();
    for octet in octets {
        client.write_all(&[octet]).await.unwrap();
        tokio::task::yield_now().await;
    }
    // A frame that never ends is not answered, and keeps back no other.
    client.write_all(&[0, 40, 1, 2, 3]).await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(id(&read_frame(&mut client).await.unwrap()), 1);
    rig.release(1);
    assert_eq!(id(&read_frame(&mut client).await.unwrap()), 2);
    assert_eq!(read_frame(&mut client).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_longer_than_any_query_are_skipped() {
    let rig = Rig::loopback(Options::default());
    let mut client = rig.tcp().await;
    let mut long = question_edns(1, "a", 1232, 0);
    let length_at = long.len() - 2;
    long[length_at..].copy_from_slice(&60_000_u16.to_be_bytes());
    long.resize(long.len() + 60_000, 0);
    client.write_all(&[framed(&long), framed(&question(2, "a"))].concat()).await.unwrap();
    let first = read_frame(&mut client).await.unwrap();
    assert_eq!((id(&first), rcode(&first)), (1, Rcode::FORMERR));
    assert_eq!(rcode(&read_frame(&mut client).await.unwrap()), Rcode::NOERROR);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_read_than_may_wait() {
    let rig = Rig::loopback(limited(|limits| limits.pipelined_max = 4));
    let mut client = rig.tcp().await;
    let queries: Vec<u8> = (0..50).flat_map(|id| framed(&question(id, "wait"))).collect();
    client.write_all(&queries).await.unwrap();
    rig.until_waiting(4).await;
    rig.release(50);
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(id(&read_frame(&mut client).await.unwrap()));
    }
    ids.sort_unstable();
    assert_eq!(ids, (0..50).collect::<Vec<_>>());
    assert_eq!(rig.plugin.waiting_max.load(SeqCst), 4);
}

/// Large answers to many queries that came in one piece: what does not fit waits, and none is forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_gets_all_its_answers() {
    let rig = Rig::loopback(Options::default());
    let client = rig.tcp().await;
    let (mut reader, mut writer) = client.into_split();
    let writing = tokio::spawn(async move {
        let queries: Vec<u8> = (0..400).flat_map(|id| framed(&question(id, "big"))).collect();
        writer.write_all(&queries).await.unwrap();
        writer
    });
    for expected in 0..400 {
        let length = within(reader.read_u16()).await.unwrap();
        let mut message = vec![0; usize::from(length)];
        within(reader.read_exact(&mut message)).await.unwrap();
        assert_eq!(id(&message), expected);
    }
    writing.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_is_left() {
    let rig = Rig::loopback(limited(|limits| limits.write_timeout = Duration::from_millis(200)));
    let mut client = rig.tcp().await;
    let query = framed(&question(1, "big"));
    within(async { while client.write_all(&query).await.is_ok() {} }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_a_connection() {
    let rig = Rig::loopback(limited(|limits| {
        limits.first_query_timeout = Duration::from_millis(100);
        limits.idle_timeout = Duration::from_millis(100);
    }));
    assert_eq!(read_frame(&mut rig.tcp().await).await, None);
    let mut client = rig.tcp().await;
    client.write_all(&framed(&question(1, "a"))).await.unwrap();
    assert!(read_frame(&mut client).await.is_some());
    // The time goes on while half a query is there.
    let _ = client.write_all(&[0]).await;
    assert_eq!(read_frame(&mut client).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_may_be_are_closed() {
    let rig = Rig::loopback(limited(|limits| limits.connections_max = 1));
    let mut first = rig.tcp().await;
    first.write_all(&framed(&question(1, "a"))).await.unwrap();
    assert!(read_frame(&mut first).await.is_some());
    assert_eq!(read_frame(&mut rig.tcp().await).await, None);
    let stats = rig.server.stats();
    assert_eq!((stats.connections, stats.connections_refused), (1, 1));
    drop(first);
    within(async {
        loop {
            let mut next = rig.tcp().await;
            let asked = next.write_all(&framed(&question(2, "a"))).await;
            if asked.is_ok() && read_frame(&mut next).await.is_some() {
                break;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_leaves_it_answering() {
    let rig = Rig::loopback(Options::default());
    let address = rig.address;
    let run = move || {
        use std::io::{Read, Write};
        let mut runner = TestRunner::new(Config::with_cases(200));
        let bytes = proptest::collection::vec(any::<u8>(), 0..2000);
        let run = runner.run(&(bytes, any::<bool>()), |(mut bytes, short)| {
            if short && bytes.len() > 2 {
                // Lengths that there can be, so that more than the first frame is reached.
                bytes[0] = 0;
            }
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let _ = stream.write_all(&bytes);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut replies = Vec::new();
            // Ends with the connection, or the server holds one that is half closed for ever.
            match stream.read_to_end(&mut replies) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    Err(TestCaseError::fail("the connection does not end"))
                }
                _ => Ok(()),
            }
        });
        run.unwrap();
    };
    tokio::task::spawn_blocking(run).await.unwrap();
    let mut client = rig.tcp().await;
    client.write_all(&framed(&question(7, "a"))).await.unwrap();
    assert_eq!(id(&read_frame(&mut client).await.unwrap()), 7);
}
