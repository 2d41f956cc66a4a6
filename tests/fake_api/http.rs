//! The HTTP side: one task a connection.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{Request, State, status};

type Body = BoxBody<Bytes, Infallible>;

/// Serves until it is aborted; then its connections end, too.
pub async fn run(listener: TcpListener, shared: Arc<Mutex<State>>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    shared: Arc<Mutex<State>>,
) -> Result<Response<Body>, Infallible> {
    let request = read(&request);
    let delay = {
        let mut state = shared.lock().unwrap();
        state.requests.push(request.clone());
        state.in_flight += 1;
        state.in_flight_max = state.in_flight_max.max(state.in_flight);
        state.delay
    };
    tokio::time::sleep(delay).await;
    let mut state = shared.lock().unwrap();
    state.in_flight -= 1;
    if let Some(code) = state.refusals.get(&(request.verb, request.plural.clone())) {
        let message = format!("cannot {} resource {}", request.verb, request.plural);
        return Ok(whole(*code, &status(*code, &message)));
    }
    if request.verb == "list" {
        let (code, body) = state.list(&request);
        return Ok(whole(code, &body));
    }
    Ok(match state.watch(&request) {
        Err((code, body)) => whole(code, &body),
        Ok(events_rx) => {
            let events = stream::unfold(events_rx, |mut events_rx| async {
                let line = events_rx.recv().await?;
                Some((Ok::<_, Infallible>(Frame::data(Bytes::from(line))), events_rx))
            });
            as_json(BodyExt::boxed(StreamBody::new(events)))
        }
    })
}

fn read(request: &hyper::Request<Incoming>) -> Request {
    let query: HashMap<_, _> = request
        .uri()
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect();
    let verb = if query.get("watch").is_some_and(|watch| watch == "true") { "watch" } else { "list" };
    let plural = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    let agent = request.headers().get(header::USER_AGENT).map(|agent| agent.to_str().unwrap().to_owned());
    Request { verb, plural, query, agent: agent.unwrap_or_default() }
}

fn decode(text: &str) -> String {
    let mut octets = Vec::new();
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(octets).unwrap()
}

fn whole(code: u16, body: &Value) -> Response<Body> {
    let body = Full::new(Bytes::from(body.to_string()));
    let mut response = as_json(body.boxed());
    *response.status_mut() = code.try_into().unwrap();
    response
}

/// A client that asked for something else reads this all the same, once it is told.
fn as_json(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
