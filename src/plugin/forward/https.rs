//! DNS over HTTPS (RFC 8484): queries as requests on one HTTP/2 connection.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::error::Cause;
use super::exchange;
use super::shared::Multiplexed;
use super::target::Target;

/// The longest message.
const MESSAGE_LEN_MAX: usize = u16::MAX as usize;
const MEDIA_TYPE: &str = "application/dns-message";
const PATH: &str = "/dns-query";

/// How requests are made to one upstream.
pub(super) struct Https {
    connector: TlsConnector,
    name: ServerName<'static>,
    /// What stands before the path: the name of the server, or its address.
    authority: String,
    method: Method,
}

/// A connection.
#[derive(Clone)]
pub(super) struct HttpsConnection(SendRequest<Full<Bytes>>);

impl Https {
    pub(super) fn new(
        mut config: rustls::ClientConfig,
        name: ServerName<'static>,
        target: &Target,
        method: Method,
    ) -> Self {
        config.alpn_protocols = vec![b"h2".to_vec()];
        let authority = target.server_name.clone().unwrap_or_else(|| target.address.to_string());
        Self { connector: TlsConnector::from(Arc::new(config)), name, authority, method }
    }

    /// Opens a connection. Does not end by itself.
    pub(super) async fn dial(
        &self,
        target: &Target,
        source: Option<IpAddr>,
    ) -> Result<HttpsConnection, Cause> {
        let stream = exchange::dial_tcp(target.address, source).await.map_err(Cause::Io)?;
        let stream = self.connector.connect(self.name.clone(), stream).await.map_err(Cause::Io)?;
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(Cause::Io(io::Error::other("the server does not speak HTTP/2")));
        }
        let mut builder = Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new());
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(http_error)?;
        // It ends with the last request that can be made on it.
        tokio::spawn(connection);
        Ok(HttpsConnection(sender))
    }

    /// Sends the message, whose id is 0 (§4.1), and gives the reply.
    pub(super) async fn ask(&self, connection: &HttpsConnection, message: &[u8]) -> Result<Vec<u8>, Cause> {
        let mut sender = connection.0.clone();
        sender.ready().await.map_err(http_error)?;
        let response = sender.send_request(self.request(message)?).await.map_err(http_error)?;
        if response.status() != StatusCode::OK {
            return Err(Cause::Io(io::Error::other(format!("HTTP status {}", response.status()))));
        }
        let is_dns =
            response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes() == MEDIA_TYPE.as_bytes());
        if !is_dns {
            return Err(Cause::Io(io::Error::other(format!("the reply is no `{MEDIA_TYPE}`"))));
        }
        let body = Limited::new(response.into_body(), MESSAGE_LEN_MAX).collect().await;
        let body = body.map_err(|error| Cause::Io(io::Error::other(error.to_string())))?;
        Ok(body.to_bytes().to_vec())
    }

    fn request(&self, message: &[u8]) -> Result<Request<Full<Bytes>>, Cause> {
        let root = format!("https://{}{PATH}", self.authority);
        let request = Request::builder().method(self.method.clone()).header(ACCEPT, MEDIA_TYPE);
        let request = if self.method == Method::GET {
            request.uri(format!("{root}?dns={}", URL_SAFE_NO_PAD.encode(message))).body(Full::default())
        } else {
            let body = Full::from(message.to_vec());
            request.uri(root).header(CONTENT_TYPE, MEDIA_TYPE).body(body)
        };
        request.map_err(|error| Cause::Io(io::Error::other(error)))
    }
}

impl Multiplexed for HttpsConnection {
    fn is_open(&self) -> bool {
        !self.0.is_closed()
    }
}

fn http_error(error: hyper::Error) -> Cause {
    if error.is_closed() || error.is_canceled() { Cause::Closed } else { Cause::Io(io::Error::other(error)) }
}
