//! DNS over TLS (RFC 7858), and the certificates of all encrypted upstreams: whom we trust, and what we show.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::exchange;
use super::target::Target;
use crate::corefile::{Diagnostic, Directive, Environment, Shown, Token};

/// What `tls` says, read.
#[derive(Debug, Default)]
pub(super) struct TlsFiles {
    /// Whom to trust; the system's authorities where there is none.
    authorities: Option<RootCertStore>,
    /// Our certificate with those above it, and its key.
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

impl TlsFiles {
    /// Reads the files of `tls [CERT KEY] [CA]`; they are relative to `root`.
    pub(super) fn parse(
        property: &Directive,
        root: &Path,
        env: &dyn Environment,
    ) -> Result<Self, Diagnostic> {
        let mut files = Self::default();
        let (identity, authority) = match property.between(0, 3, "tls [CERT KEY] [CA]")? {
            [] => (None, None),
            [ca] => (None, Some(ca)),
            [cert, key] => (Some((cert, key)), None),
            [cert, key, ca, ..] => (Some((cert, key)), Some(ca)),
        };
        if let Some((cert, key)) = identity {
            let chain = certificates(cert, &text(cert, root, env)?)?;
            let key_text = text(key, root, env)?;
            let key = PrivateKeyDer::from_pem_slice(key_text.as_bytes()).map_err(|error| {
                let error = Diagnostic::error(format!("no private key in {}: {error}", Shown(&key.text)));
                error
                    .at(key.span)
                    .help("write the path of a PEM file, as `tls client.pem client-key.pem ca.pem`")
            })?;
            files.identity = Some((chain, key));
        }
        if let Some(ca) = authority {
            let mut store = RootCertStore::empty();
            for certificate in certificates(ca, &text(ca, root, env)?)? {
                store.add(certificate).map_err(|error| {
                    let error = Diagnostic::error(format!("{} is no authority: {error}", Shown(&ca.text)));
                    error.at(ca.span).help("write the path of the authority's certificate in PEM")
                })?;
            }
            files.authorities = Some(store);
        }
        Ok(files)
    }

    /// What a client needs. Reads the system's authorities, where the files name none.
    ///
    /// # Errors
    /// Key and certificate do not belong together, or the system has no authorities.
    pub(super) fn config(self) -> Result<ClientConfig, String> {
        let authorities = match self.authorities {
            Some(store) => store,
            None => system_authorities()?,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(authorities);
        match self.identity {
            None => Ok(builder.with_no_client_auth()),
            Some((chain, key)) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| format!("certificate and key do not go together: {error}")),
        }
    }
}

/// How TLS connections to one upstream are made.
pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    pub(super) fn new(config: ClientConfig, name: ServerName<'static>) -> Self {
        Self { connector: TlsConnector::from(Arc::new(config)), name }
    }

    /// Opens a connection, from `source` if that is given. Does not end by itself.
    pub(super) async fn dial(
        &self,
        to: SocketAddr,
        source: Option<IpAddr>,
    ) -> io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.name.clone(), exchange::dial_tcp(to, source).await?).await
    }
}

/// The name that a target's certificate must be for.
pub(super) fn server_name(target: &Target) -> Result<ServerName<'static>, String> {
    match &target.server_name {
        Some(name) => {
            ServerName::try_from(name.clone()).map_err(|_| format!("`{name}` is no name of a server"))
        }
        None => Ok(ServerName::IpAddress(target.address.ip().into())),
    }
}

fn system_authorities() -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, _) = store.add_parsable_certificates(found.certs);
    if added > 0 {
        return Ok(store);
    }
    let why = found.errors.first().map_or_else(String::new, |error| format!(": {error}"));
    Err(format!("the system has no certificates of authorities{why}"))
}

fn text(word: &Token, root: &Path, env: &dyn Environment) -> Result<String, Diagnostic> {
    env.read(&root.join(&word.text)).map_err(|error| {
        let error = Diagnostic::error(format!("cannot read {}: {error}", Shown(&word.text)));
        error.at(word.span).help("write the path of a PEM file that can be read")
    })
}

fn certificates(word: &Token, text: &str) -> Result<Vec<CertificateDer<'static>>, Diagnostic> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => {
            let error = Diagnostic::error(format!("no certificate in {}", Shown(&word.text)));
            Err(error.at(word.span).help("write the path of a PEM file with `BEGIN CERTIFICATE`"))
        }
    }
}
