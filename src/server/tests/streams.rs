//! Answers of many messages over one connection.

use super::*;

/// The number that a message of a countdown has.
fn number(message: &[u8]) -> u32 {
    Records::of(message).unwrap().next().unwrap().ttl
}

#[tokio::test(flavor = "multi_thread")]
async fn all_messages_come_in_their_order_and_the_connection_goes_on() {
    let rig = Rig::loopback(Options::default());
    let mut client = rig.tcp().await;
    client.write_all(&framed(&question_edns(7, "twenty", 1232, 0))).await.unwrap();
    for expected in (0..=20).rev() {
        let message = read_frame(&mut client).await.unwrap();
        assert_eq!((id(&message), number(&message)), (7, expected));
        assert_eq!(message[message.len() - 11..][..3], [0, 0, 41], "each has its OPT record");
    }
    rig.plugin.until_no_streams().await;
    client.write_all(&framed(&question(8, "a"))).await.unwrap();
    assert_eq!(id(&read_frame(&mut client).await.unwrap()), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_behind_it_are_answered_between_its_messages() {
    let rig = Rig::loopback(Options::default());
    let mut client = rig.tcp().await;
    let queries = [question(1, "endless"), question(2, "wait"), question(3, "endless"), question(4, "a")];
    let queries: Vec<u8> = queries.iter().flat_map(|query| framed(query)).collect();
    client.write_all(&queries).await.unwrap();
    let mut asked_late = false;
    let mut missing = vec![2, 3, 4, 5];
    while !missing.is_empty() {
        let message = read_frame(&mut client).await.unwrap();
        missing.retain(|expected| *expected != id(&message));
        if !missing.contains(&4) && !asked_late {
            asked_late = true;
            client.write_all(&framed(&question(5, "a"))).await.unwrap();
            rig.release(1);
        }
    }
    drop(client);
    rig.plugin.until_no_streams().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_closes_its_side_gets_the_rest() {
    let rig = Rig::loopback(Options::default());
    let mut client = rig.tcp().await;
    client.write_all(&framed(&question(1, "twenty"))).await.unwrap();
    client.shutdown().await.unwrap();
    for expected in (0..=20).rev() {
        assert_eq!(number(&read_frame(&mut client).await.unwrap()), expected);
    }
    assert_eq!(read_frame(&mut client).await, None);
}

/// What a client does not take is not written: an endless answer would be endless in memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_is_left_with_what_the_sockets_hold() {
    let limits = Limits { write_timeout: Duration::from_millis(200), ..Limits::default() };
    let rig = Rig::loopback(Options { limits, ..Options::default() });
    let mut client = rig.tcp().await;
    client.write_all(&framed(&question(1, "endless"))).await.unwrap();
    within(async {
        while rig.plugin.streamed.load(SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    rig.plugin.until_no_streams().await;
    let written = rig.plugin.streamed.load(SeqCst);
    assert!(written < 2000, "{written} messages of 60,000 octets, of which none was read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_ends_it() {
    let rig = Rig::loopback(Options::default());
    let mut client = rig.tcp().await;
    client.write_all(&framed(&question(1, "endless"))).await.unwrap();
    read_frame(&mut client).await.unwrap();
    drop(client);
    rig.plugin.until_no_streams().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_waits_for_its_end() {
    let rig = Rig::loopback(Options::default());
    let mut client = rig.tcp().await;
    client.write_all(&framed(&question(1, "twenty"))).await.unwrap();
    assert_eq!(number(&read_frame(&mut client).await.unwrap()), 20);
    let draining = tokio::spawn(rig.server.drain(PATIENCE));
    for expected in (0..20).rev() {
        assert_eq!(number(&read_frame(&mut client).await.unwrap()), expected);
    }
    assert_eq!(read_frame(&mut client).await, None);
    assert_eq!(draining.await.unwrap().received, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_is_over_cuts_it() {
    let rig = Rig::loopback(Options::default());
    let mut client = rig.tcp().await;
    client.write_all(&framed(&question(1, "endless"))).await.unwrap();
    read_frame(&mut client).await.unwrap();
    let Rig { server, plugin, .. } = rig;
    within(server.drain(Duration::from_millis(50))).await;
    within(async { while read_frame(&mut client).await.is_some() {} }).await;
    // The socket is closed first.
    plugin.until_no_streams().await;
}

/// A datagram is one message.
#[tokio::test(flavor = "multi_thread")]
async fn over_udp_the_first_is_all() {
    let rig = Rig::loopback(Options::default());
    let socket = rig.udp().await;
    assert_eq!(number(&ask(&socket, &question(1, "twenty")).await), 20);
    // What would have followed is gone with the next answer of the worker, at the latest.
    for _ in 0..1000 {
        if rig.plugin.streams.load(SeqCst) == 0 {
            break;
        }
        ask(&socket, &question(2, "a")).await;
    }
    assert_eq!(rig.plugin.streams.load(SeqCst), 0);
    assert_eq!(rig.plugin.streamed.load(SeqCst), 0);
}
