//! An upstream over TLS (DNS over TLS, and over HTTPS where ALPN says `h2`) and over QUIC.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use quinn::crypto::rustls::QuicServerConfig;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use crate::certificate;
use crate::upstream::{Carrier, State, deeds, serve_stream};

/// Serves TLS on the listener until it is aborted.
pub async fn serve_tls(listener: TcpListener, state: Arc<Mutex<State>>) {
    let acceptor = TlsAcceptor::from(Arc::new(certificate::server_config(&[b"dot", b"h2"])));
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        connections.spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
                return serve_stream(stream, state, Carrier::Tls).await;
            }
            let service = service_fn(move |request| https(request, Arc::clone(&state)));
            let connection = http2::Builder::new(TokioExecutor::new());
            let _ = connection.serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// DNS over HTTPS (RFC 8484 §4.1).
async fn https(
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let status = |status| {
        let mut response = Response::new(Full::default());
        *response.status_mut() = status;
        Ok(response)
    };
    if request.uri().path() != "/dns-query" {
        return status(StatusCode::NOT_FOUND);
    }
    let query = if request.method() == Method::GET {
        let query = request.uri().query().unwrap_or_default();
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix("dns="))
            .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
    } else {
        request.into_body().collect().await.ok().map(|body| body.to_bytes().to_vec())
    };
    let Some(query) = query else { return status(StatusCode::BAD_REQUEST) };
    match deeds(&state, &query, Carrier::Https).await.messages.into_iter().next() {
        None => status(StatusCode::GATEWAY_TIMEOUT),
        Some(message) => {
            let response = Response::builder().header("content-type", "application/dns-message");
            Ok(response.body(Full::from(message)).expect("a response"))
        }
    }
}

/// Serves DNS over QUIC (RFC 9250) until it is aborted.
pub async fn serve_quic(port: u16, state: Arc<Mutex<State>>) {
    let crypto = QuicServerConfig::try_from(certificate::server_config(&[b"doq"])).expect("TLS 1.3");
    let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let endpoint = loop {
        match quinn::Endpoint::server(config.clone(), address) {
            Ok(endpoint) => break endpoint,
            // The endpoint before this one lets its socket go when its own task has seen that it is to.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => sleep(Duration::from_millis(10)).await,
            Err(error) => panic!("QUIC at {address}: {error}"),
        }
    };
    let mut connections = JoinSet::new();
    while let Some(incoming) = endpoint.accept().await {
        let state = Arc::clone(&state);
        connections.spawn(async move {
            let Ok(connection) = incoming.await else { return };
            let mut streams = JoinSet::new();
            while let Ok((mut sender, mut receiver)) = connection.accept_bi().await {
                let state = Arc::clone(&state);
                streams.spawn(async move {
                    let Ok(framed) = receiver.read_to_end(65_537).await else { return };
                    let Some(query) = framed.get(2..) else { return };
                    let deeds = deeds(&state, query, Carrier::Quic).await;
                    for message in deeds.messages.iter().take(1) {
                        let length = (message.len() as u16).to_be_bytes();
                        let _ = sender.write_all(&[&length, message.as_slice()].concat()).await;
                    }
                    let _ = sender.finish();
                    let _ = sender.stopped().await;
                });
                while streams.try_join_next().is_some() {}
            }
        });
        while connections.try_join_next().is_some() {}
    }
}
