//! One listener: accepts, reads a request, asks its handler, answers.

use std::{
    collections::HashMap,
    convert::Infallible,
    io::Write,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use flate2::{Compression, write::GzEncoder};
use http_body_util::Full;
use hyper::{
    HeaderMap, StatusCode,
    body::{Bytes, Incoming},
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, VARY},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time,
};
use tokio_rustls::TlsAcceptor;

use super::{Guard, Handler, Policy, Response};

/// Connections of one listener at once; more wait in the kernel until one of these ends.
pub(super) const CONNECTIONS_MAX: usize = 64;
/// Bytes and number of the headers of a request.
const HEADERS_LEN_MAX: usize = 8 << 10;
const HEADERS_MAX: usize = 64;
/// A TLS handshake must be done by then, and a request be there.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// A client must have taken the answer by then, or its connection is closed: with [`READ_TIMEOUT`], what bounds how
/// long clients can hold all connections. Three times Prometheus's default patience.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);
/// An answer that fits into one packet is not worth compressing.
const COMPRESSED_LEN_MIN: usize = 1400;
/// How long to leave off accepting after it failed, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is served on one address.
#[derive(Clone, Default)]
pub(super) struct Site {
    /// The handlers by path.
    pub(super) routes: HashMap<Box<str>, Handler>,
    /// What a client must get past; nothing when there is none.
    pub(super) guard: Option<Arc<Guard>>,
}

/// Serves until it is dropped, and with it all of its connections.
pub(super) async fn serve(listener: TcpListener, site: Arc<ArcSwap<Site>>) {
    let mut connections = JoinSet::new();
    loop {
        let has_room = connections.len() < CONNECTIONS_MAX;
        tokio::select! {
            accepted = listener.accept(), if has_room => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(time::timeout(CONNECTION_TIMEOUT, connection(stream, site.clone())));
                }
                Err(_) => time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, site: Arc<ArcSwap<Site>>) {
    let guard = site.load().guard.clone();
    let policy = match &guard {
        Some(guard) => guard.policy().await,
        None => Arc::default(),
    };
    let Some(tls) = policy.tls.clone() else { return exchange(stream, site, guard, policy).await };
    // Who fails the handshake has been told in its own words; a line for each would be theirs to write.
    if let Ok(Ok(stream)) = time::timeout(READ_TIMEOUT, TlsAcceptor::from(tls).accept(stream)).await {
        exchange(stream, site, guard, policy).await;
    }
}

/// Answers one request on a connection.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    site: Arc<ArcSwap<Site>>,
    guard: Option<Arc<Guard>>,
    policy: Arc<Policy>,
) {
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (site, guard, policy) = (&site, &guard, &policy);
        async move {
            let refusal = match guard {
                Some(guard) => guard.admit(policy, request.headers(), Instant::now()).await,
                None => None,
            };
            let mut response = match refusal {
                Some(refusal) => encode(refusal, request.headers()),
                None => respond(&site.load(), request),
            };
            policy.dress(&mut response);
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(READ_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEADERS_LEN_MAX)
        .serve_connection(TokioIo::new(stream), service);
    // A client that goes away or talks nonsense has been told what there was to tell.
    let _ = pin!(connection).await;
}

fn respond(site: &Site, request: hyper::Request<Incoming>) -> hyper::Response<Full<Bytes>> {
    let (request, _body) = request.into_parts();
    let response = match site.routes.get(request.uri.path()) {
        Some(handler) => handler(&request),
        None => Response::text(404, "404 page not found\n"),
    };
    encode(response, &request.headers)
}

/// hyper leaves out the body for HEAD.
fn encode(response: Response, asked: &HeaderMap) -> hyper::Response<Full<Bytes>> {
    let body = response.body.into_owned().into_bytes();
    let worth_it = body.len() >= COMPRESSED_LEN_MIN;
    let compressed = if worth_it && takes_gzip(asked) { gzip(&body) } else { None };
    let is_compressed = compressed.is_some();
    let mut encoded = hyper::Response::new(Full::new(Bytes::from(compressed.unwrap_or(body))));
    *encoded.status_mut() =
        StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = encoded.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(response.content_type));
    if worth_it {
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    if is_compressed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    encoded
}

/// Whether the client takes gzip (RFC 9110 §12.5.3): it is listed, or `*` is, and not with a weight of zero.
fn takes_gzip(asked: &HeaderMap) -> bool {
    let weight = |coding: &str| {
        let listed = asked.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        listed.flat_map(|list| list.split(',')).find_map(|item| {
            let (name, weight) = item.split_once(';').unwrap_or((item, "q=1"));
            let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok());
            name.trim().eq_ignore_ascii_case(coding).then(|| weight.unwrap_or(0.0))
        })
    };
    weight("gzip").or_else(|| weight("*")).is_some_and(|weight: f32| weight > 0.0)
}

/// The fastest level makes a scrape a tenth as long; the next ones take longer than they save.
fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}
