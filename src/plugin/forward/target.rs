//! What a TO word names: an address, how it is spoken to, and the name that its certificate must be for.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::Method;
use rustls::ClientConfig;

use super::https::Https;
use super::quic::Quic;
use super::tls::{Tls, server_name};

/// An upstream as the Corefile names it.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) protocol: Protocol,
    pub(super) address: SocketAddr,
    /// The name behind `%`, or that of `tls_servername`; without one the certificate must be for the address.
    pub(super) server_name: Option<String>,
    /// What connections to it are made with; none for [`Protocol::Dns`].
    pub(super) encrypted: Option<Encrypted>,
}

/// How connections to an encrypted upstream are made.
#[derive(Clone)]
pub(super) enum Encrypted {
    Tls(Arc<Tls>),
    Https(Arc<Https>),
    Quic(Arc<Quic>),
}

/// How an upstream is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// UDP and TCP (RFC 1035 §4.2).
    Dns,
    /// DNS over TLS (RFC 7858).
    Tls,
    /// DNS over HTTPS (RFC 8484).
    Https,
    /// DNS over QUIC (RFC 9250).
    Quic,
}

impl Target {
    /// An upstream over UDP and TCP.
    pub(super) fn plain(address: SocketAddr) -> Self {
        Self { protocol: Protocol::Dns, address, server_name: None, encrypted: None }
    }

    /// Whether both are one upstream.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let name = |target: &Self| target.server_name.as_ref().map(|name| name.to_ascii_lowercase());
        self.protocol == other.protocol && self.address == other.address && name(self) == name(other)
    }

    /// Makes ready what connections to it are made with.
    pub(super) fn encrypt(&mut self, config: &ClientConfig, method: &Method) -> Result<(), String> {
        let name = server_name(self)?;
        let config = config.clone();
        self.encrypted = Some(match self.protocol {
            Protocol::Dns => return Ok(()),
            Protocol::Tls => Encrypted::Tls(Arc::new(Tls::new(config, name))),
            Protocol::Https => Encrypted::Https(Arc::new(Https::new(config, name, self, method.clone()))),
            Protocol::Quic => Encrypted::Quic(Arc::new(Quic::new(config, &name)?)),
        });
        Ok(())
    }
}

impl fmt::Debug for Encrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls(_) => "Tls",
            Self::Https(_) => "Https",
            Self::Quic(_) => "Quic",
        })
    }
}

/// As metrics name it, whatever its protocol: `192.0.2.1:853`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

impl Protocol {
    /// What stands before `://`.
    pub(super) const SCHEMES: [&'static str; 4] = ["dns", "tls", "https", "quic"];

    /// From what stands before `://`.
    pub(super) fn from_scheme(scheme: &str) -> Option<Self> {
        Some(match scheme {
            "dns" => Self::Dns,
            "tls" => Self::Tls,
            "https" => Self::Https,
            "quic" => Self::Quic,
            _ => return None,
        })
    }

    /// The port when none is written.
    pub(super) fn port(self) -> u16 {
        match self {
            Self::Dns => 53,
            Self::Tls | Self::Quic => 853,
            Self::Https => 443,
        }
    }
}
