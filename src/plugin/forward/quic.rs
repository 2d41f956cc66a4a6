//! DNS over QUIC (RFC 9250): each query on a stream of its own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, TransportConfig, VarInt};
use rustls::pki_types::ServerName;

use super::error::Cause;
use super::shared::Multiplexed;
use super::target::Target;

/// Length and message (§4.2).
const FRAMED_LEN_MAX: usize = 2 + u16::MAX as usize;
/// `DOQ_NO_ERROR` (§8.4).
const NO_ERROR: VarInt = VarInt::from_u32(0);

/// How connections to one upstream are made.
pub(super) struct Quic {
    config: ClientConfig,
    /// As `quinn` takes it: a name, or an address as text.
    name: String,
}

/// A connection, and the socket that it alone uses.
#[derive(Clone)]
pub(super) struct QuicConnection {
    connection: Connection,
    _endpoint: Arc<Closing>,
}

/// Tells the peer when the last query has let go.
struct Closing(Endpoint);

impl Quic {
    /// # Errors
    /// The TLS configuration is not for QUIC.
    pub(super) fn new(mut config: rustls::ClientConfig, name: &ServerName<'static>) -> Result<Self, String> {
        config.alpn_protocols = vec![b"doq".to_vec()];
        let crypto = QuicClientConfig::try_from(config).map_err(|error| error.to_string())?;
        let mut config = ClientConfig::new(Arc::new(crypto));
        let mut transport = TransportConfig::default();
        // An upstream opens no streams to us (§4.2).
        transport
            .max_concurrent_bidi_streams(VarInt::from_u32(0))
            .max_concurrent_uni_streams(VarInt::from_u32(0));
        config.transport_config(Arc::new(transport));
        Ok(Self { config, name: name.to_str().into_owned() })
    }

    /// Opens a connection. Does not end by itself.
    pub(super) async fn dial(
        &self,
        target: &Target,
        source: Option<IpAddr>,
    ) -> Result<QuicConnection, Cause> {
        let any: IpAddr = match target.address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let endpoint = Endpoint::client(SocketAddr::new(source.unwrap_or(any), 0)).map_err(Cause::Io)?;
        let connecting = endpoint.connect_with(self.config.clone(), target.address, &self.name);
        let connecting = connecting.map_err(|error| Cause::Io(io::Error::other(error)))?;
        let connection = connecting.await.map_err(|error| Cause::Io(error.into()))?;
        Ok(QuicConnection { connection, _endpoint: Arc::new(Closing(endpoint)) })
    }

    /// Sends the message, whose id is 0 (§4.2.1), and gives the reply.
    pub(super) async fn ask(&self, connection: &QuicConnection, framed: &[u8]) -> Result<Vec<u8>, Cause> {
        let lost = |error: quinn::ConnectionError| match error {
            quinn::ConnectionError::TimedOut | quinn::ConnectionError::ApplicationClosed(_) => Cause::Closed,
            error => Cause::Io(error.into()),
        };
        let (mut sender, mut receiver) = connection.connection.open_bi().await.map_err(lost)?;
        sender.write_all(framed).await.map_err(|error| Cause::Io(error.into()))?;
        // The end of the stream is the end of the query.
        let _ = sender.finish();
        let mut reply = match receiver.read_to_end(FRAMED_LEN_MAX).await {
            Ok(reply) => reply,
            Err(quinn::ReadToEndError::TooLong) => {
                return Err(Cause::Io(io::Error::other("the reply is too long")));
            }
            Err(quinn::ReadToEndError::Read(quinn::ReadError::ConnectionLost(error))) => {
                return Err(lost(error));
            }
            Err(quinn::ReadToEndError::Read(error)) => return Err(Cause::Io(error.into())),
        };
        let length = reply.first_chunk().map(|length| usize::from(u16::from_be_bytes(*length)));
        if length != Some(reply.len().saturating_sub(2)) {
            return Err(Cause::Io(io::Error::other("the reply is not as long as it says")));
        }
        reply.drain(..2);
        Ok(reply)
    }
}

impl Multiplexed for QuicConnection {
    fn is_open(&self) -> bool {
        self.connection.close_reason().is_none()
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close(NO_ERROR, b"");
    }
}
