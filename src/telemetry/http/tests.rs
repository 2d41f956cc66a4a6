use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::{EndpointSet, Endpoints, HttpError, ListenAddress, Response, serve::CONNECTIONS_MAX};

/// A guard against hanging, not a measurement.
const LONG: Duration = Duration::from_secs(60);

/// A set with one path on one address, which answers with `body`.
fn set(address: &str, path: &str, body: &'static str) -> EndpointSet {
    let mut set = EndpointSet::new();
    set.add(address, path, move |_| Response::text(200, body)).unwrap();
    set
}

async fn serving(set: EndpointSet) -> Endpoints {
    let mut endpoints = Endpoints::new();
    endpoints.swap(set).await.unwrap();
    endpoints
}

async fn connect(address: SocketAddr) -> TcpStream {
    timeout(LONG, TcpStream::connect(address)).await.unwrap().unwrap()
}

/// Sends a request head and gives the whole answer; "" when the connection was cut.
async fn exchange(stream: &mut TcpStream, head: &str) -> String {
    let mut answer = Vec::new();
    if stream.write_all(head.as_bytes()).await.is_ok() {
        let _ = timeout(LONG, stream.read_to_end(&mut answer)).await.unwrap();
    }
    String::from_utf8(answer).unwrap()
}

async fn ask(address: SocketAddr, method: &str, path: &str) -> String {
    exchange(&mut connect(address).await, &format!("{method} {path} HTTP/1.1\r\nhost: example.org\r\n\r\n"))
        .await
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

#[tokio::test]
async fn get_head_and_what_is_not_there() {
    let mut set = set("127.0.0.1:0", "/health", "OK");
    set.add("127.0.0.1:0", "/metrics", |request| Response {
        status: 503,
        content_type: crate::telemetry::metrics::CONTENT_TYPE,
        body: request.uri.query().unwrap_or("none").to_owned().into(),
    })
    .unwrap();
    let endpoints = serving(set).await;
    let address = endpoints.local_addr("127.0.0.1:0").unwrap();

    let answer = ask(address, "GET", "/health").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-type: text/plain; charset=utf-8\r\n"), "{answer}");
    assert!(answer.contains("content-length: 2\r\n"), "{answer}");
    assert_eq!(body(&answer), "OK");

    let answer = ask(address, "HEAD", "/health").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("content-length: 2\r\n"),
        "{answer}"
    );
    assert_eq!(body(&answer), "");

    let answer = ask(address, "GET", "/metrics?name=a").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{answer}");
    assert_eq!(body(&answer), "name=a");

    assert!(ask(address, "GET", "/healthz").await.starts_with("HTTP/1.1 404 "));
    assert!(ask(address, "POST", "/nothing").await.starts_with("HTTP/1.1 404 "));
    for method in ["POST", "PUT", "OPTIONS", "BREW"] {
        let answer = ask(address, method, "/health").await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && body(&answer) == "OK", "{method}: {answer}");
    }
}

#[tokio::test]
async fn a_head_too_long_is_refused() {
    let endpoints = serving(set("127.0.0.1:0", "/", "OK")).await;
    let mut stream = connect(endpoints.local_addr("127.0.0.1:0").unwrap()).await;
    let head = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(20_000));
    let answer = exchange(&mut stream, &head).await;
    // The rest of the head, unread when the connection is closed, may cut off the answer 431.
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    // Nobody else is hurt.
    assert_eq!(body(&ask(endpoints.local_addr("127.0.0.1:0").unwrap(), "GET", "/").await), "OK");
}

#[tokio::test]
async fn a_handler_that_panics_takes_only_its_connection() {
    let mut set = set("127.0.0.1:0", "/health", "OK");
    set.add("127.0.0.1:0", "/panic", |_| panic!("on purpose")).unwrap();
    let endpoints = serving(set).await;
    let address = endpoints.local_addr("127.0.0.1:0").unwrap();
    assert_eq!(ask(address, "GET", "/panic").await, "");
    assert_eq!(body(&ask(address, "GET", "/health").await), "OK");
}

#[tokio::test]
async fn a_swap_keeps_the_listener_and_its_connections() {
    let mut endpoints = serving(set("127.0.0.1:0", "/ready", "old")).await;
    let address = endpoints.local_addr("127.0.0.1:0").unwrap();
    let mut made_before = connect(address).await;
    made_before.write_all(b"GET /ready HT").await.unwrap();

    endpoints.swap(set("127.0.0.1:0", "/ready", "new")).await.unwrap();
    assert_eq!(endpoints.local_addr("127.0.0.1:0"), Some(address));
    let answer = exchange(&mut made_before, "TP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(body(&answer), "new");
    assert_eq!(body(&ask(address, "GET", "/ready").await), "new");

    endpoints.swap(set("127.0.0.1:0", "/other", "other")).await.unwrap();
    assert!(ask(address, "GET", "/ready").await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn a_swap_closes_what_is_not_wanted_any_more() {
    let mut endpoints = serving(set("127.0.0.1:0", "/", "OK")).await;
    let address = endpoints.local_addr("127.0.0.1:0").unwrap();
    let mut stream = connect(address).await;
    endpoints.swap(set("127.0.0.2:0", "/", "OK")).await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
    assert_eq!(exchange(&mut stream, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await, "");
    assert_eq!(endpoints.local_addr("127.0.0.1:0"), None);

    let address = endpoints.local_addr("127.0.0.2:0").unwrap();
    endpoints.shutdown().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_swap_that_fails_leaves_the_old_set() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = taken.local_addr().map(|address| (taken, address.to_string())).unwrap();
    let mut endpoints = serving(set("127.0.0.1:0", "/", "old")).await;
    let address = endpoints.local_addr("127.0.0.1:0").unwrap();

    let mut new = set(&taken.1, "/", "new");
    new.add("127.0.0.1:0", "/", |_| Response::text(200, "new")).unwrap();
    let error = endpoints.swap(new).await.unwrap_err();
    let expected = format!("cannot listen on `{}`: the port is taken", taken.1);
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert!(matches!(error, HttpError::Listen { .. }));
    assert_eq!(body(&ask(address, "GET", "/").await), "old");
}

/// A port that was free a moment ago.
async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn an_address_may_widen_on_its_port() {
    let port = free_port().await;
    let (narrow, wide) = (format!("localhost:{port}"), format!(":{port}"));
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut endpoints = serving(set(&narrow, "/", "narrow")).await;
    assert_eq!(endpoints.local_addr(&narrow), Some(address));

    // First with another address that cannot be opened: what was closed for it comes back.
    let taken = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let mut new = set(&wide, "/", "wide");
    new.add(&taken.local_addr().unwrap().to_string(), "/", |_| Response::text(200, "")).unwrap();
    endpoints.swap(new).await.unwrap_err();
    assert_eq!(body(&ask(address, "GET", "/").await), "narrow");

    endpoints.swap(set(&wide, "/", "wide")).await.unwrap();
    assert_eq!(body(&ask(address, "GET", "/").await), "wide");
    assert_eq!(endpoints.local_addr(&narrow), None);
}

#[tokio::test]
async fn a_port_alone_is_every_address() {
    let endpoints = serving(set(":0", "/", "OK")).await;
    let local = endpoints.local_addr(":0").unwrap();
    assert!(local.ip().is_unspecified());
    assert_eq!(body(&ask(SocketAddr::from(([127, 0, 0, 1], local.port())), "GET", "/").await), "OK");
    if local.is_ipv6() {
        assert_eq!(
            body(&ask(SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], local.port())), "GET", "/").await),
            "OK"
        );
    }
}

#[tokio::test]
async fn connections_are_bounded_and_the_next_one_waits() {
    let released = Arc::new(AtomicBool::new(false));
    let mut set = EndpointSet::new();
    let seen = released.clone();
    set.add("127.0.0.1:0", "/", move |_| Response::text(200, seen.load(SeqCst).to_string())).unwrap();
    let endpoints = serving(set).await;
    let address = endpoints.local_addr("127.0.0.1:0").unwrap();
    let mut idle = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        idle.push(connect(address).await);
    }
    let mut next = connect(address).await;
    next.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    // The server runs on this very thread: it has had all the turns it needs to answer, were it to.
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
    }
    released.store(true, SeqCst);
    drop(idle.pop());
    assert_eq!(body(&exchange(&mut next, "").await), "true");
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let endpoints = serving(set("127.0.0.1:0", "/", "OK")).await;
    let mut stream = connect(endpoints.local_addr("127.0.0.1:0").unwrap()).await;
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let mut answer = Vec::new();
    timeout(LONG, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}

#[test]
fn addresses_are_read_and_told_apart() {
    for (text, canonical) in [
        (":8080", ":8080"),
        ("[::]:8080", ":8080"),
        ("0.0.0.0:8080", "0.0.0.0:8080"),
        ("localhost:9153", "127.0.0.1:9153"),
        ("127.0.0.1:9153", "127.0.0.1:9153"),
        ("[2001:db8:0::1]:1", "[2001:db8::1]:1"),
        ("dns.example.org:1", "dns.example.org:1"),
    ] {
        assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), canonical);
    }
    for text in
        ["", "8080", "127.0.0.1", ":", ":65536", ":http", "::1:53", "[::1]", "[x]:1", "http://a:1", "a b:1"]
    {
        let error = text.parse::<ListenAddress>().unwrap_err();
        assert!(
            error.to_string().starts_with(&format!("`{text}` is no address to listen on: write ")),
            "{error}"
        );
    }
}

#[test]
fn owners_share_an_address() {
    let mut set = set("localhost:8181", "/ready", "OK");
    assert!(set.contains("127.0.0.1:8181", "/ready"));
    assert!(!set.contains("127.0.0.1:8181", "/health"));
    assert!(!set.contains(":8181", "/ready"));
    set.add("127.0.0.1:8181", "/health", |_| Response::text(200, "OK")).unwrap();
    assert!(set.contains("localhost:8181", "/health"));
    assert!(set.add("8181", "/ready", |_| Response::text(200, "OK")).is_err());
}
