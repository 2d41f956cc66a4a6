//! An authority of this run, and the certificate that upstreams show.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// The name that the certificate is for, besides 127.0.0.1.
const NAME: &str = "dns.example.org";

static MADE: LazyLock<Certificate> = LazyLock::new(Certificate::make);

struct Certificate {
    authority: String,
    chain: String,
    key: String,
    config: ServerConfig,
}

impl Certificate {
    fn make() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().expect("random numbers");
        let authority = CertifiedIssuer::self_signed(params, authority_key).expect("an authority");
        let names = [NAME.to_owned(), "127.0.0.1".to_owned()];
        let params = CertificateParams::new(names).expect("names for a certificate");
        let key = KeyPair::generate().expect("random numbers");
        let leaf = params.signed_by(&key, &authority).expect("a certificate");
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = rustls::crypto::ring::default_provider();
        let mut config = ServerConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], private)
            .expect("its own key");
        config.alpn_protocols = vec![b"dot".to_vec(), b"h2".to_vec()];
        Self { authority: authority.pem(), chain: leaf.pem(), key: key.serialize_pem(), config }
    }
}

/// Writes `ca.pem`, `server.pem` and `server-key.pem` into the folder.
pub fn write(folder: &Path) -> Result<(), String> {
    let Certificate { authority, chain, key, .. } = &*MADE;
    for (name, text) in [("ca.pem", authority), ("server.pem", chain), ("server-key.pem", key)] {
        fs::write(folder.join(name), text).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// What a server needs, with these protocols.
pub fn server_config(protocols: &[&[u8]]) -> ServerConfig {
    let mut config = MADE.config.clone();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config
}
