//! One listener: accepts, reads a request, asks its handler, answers.

use std::{collections::HashMap, convert::Infallible, pin::pin, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use http_body_util::Full;
use hyper::{
    Method, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time,
};

use super::{Handler, Response};

/// Connections of one listener at once; more wait in the kernel until one of these ends.
pub(super) const CONNECTIONS_MAX: usize = 64;
/// Bytes and number of the headers of a request.
const HEADERS_LEN_MAX: usize = 8 << 10;
const HEADERS_MAX: usize = 64;
/// A request must be there by then.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// A client must have taken the answer by then, or its connection is closed: with [`READ_TIMEOUT`], what bounds how
/// long clients can hold all connections. Three times Prometheus's default patience.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to leave off accepting after it failed, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The handlers of one address by path.
pub(super) type Routes = HashMap<Box<str>, Handler>;

/// Serves until it is dropped, and with it all of its connections.
pub(super) async fn serve(listener: TcpListener, routes: Arc<ArcSwap<Routes>>) {
    let mut connections = JoinSet::new();
    loop {
        let has_room = connections.len() < CONNECTIONS_MAX;
        tokio::select! {
            accepted = listener.accept(), if has_room => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(time::timeout(CONNECTION_TIMEOUT, connection(stream, routes.clone())));
                }
                Err(_) => time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, routes: Arc<ArcSwap<Routes>>) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let response = respond(&routes.load(), request);
        async move { Ok::<_, Infallible>(response) }
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

fn respond(routes: &Routes, request: hyper::Request<Incoming>) -> hyper::Response<Full<Bytes>> {
    let (request, _body) = request.into_parts();
    let Some(handler) = routes.get(request.uri.path()) else {
        return encode(Response::text(404, "404 page not found\n"));
    };
    if request.method != Method::GET && request.method != Method::HEAD {
        let mut response = encode(Response::text(405, "405 method not allowed: use GET or HEAD\n"));
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    encode(handler(&request))
}

/// hyper leaves out the body for HEAD.
fn encode(response: Response) -> hyper::Response<Full<Bytes>> {
    let body = Bytes::from(response.body.into_owned());
    let mut encoded = hyper::Response::new(Full::new(body));
    *encoded.status_mut() =
        StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    encoded.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(response.content_type));
    encoded
}
