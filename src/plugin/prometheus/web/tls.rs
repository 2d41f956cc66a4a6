//! From `tls_server_config` to what rustls takes.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, NamedGroup, RootCertStore,
    ServerConfig, SignatureScheme, SupportedProtocolVersion, version,
};
use webpki::EndEntityCert;

use super::config::{TlsConfig, read};

/// Names as Go's library has them.
const CURVES: [(&str, NamedGroup); 3] = [
    ("X25519", NamedGroup::X25519),
    ("CurveP256", NamedGroup::secp256r1),
    ("CurveP384", NamedGroup::secp384r1),
];

/// A client's certificate that is good otherwise must have one of these names.
#[derive(Debug)]
struct AllowedNames {
    verifier: Arc<dyn ClientCertVerifier>,
    names: Vec<String>,
}

/// Whether a client needs a certificate.
#[derive(PartialEq)]
enum ClientAuth {
    None,
    IfGiven,
    Required,
}

/// What TLS looks like; `None` when no field asks for it, and HTTP stays plain.
///
/// # Errors
/// With the field that is wrong.
pub(super) fn server_config(config: &TlsConfig, folder: &Path) -> Result<Option<Arc<ServerConfig>>, String> {
    let fields = [
        &config.cert,
        &config.cert_file,
        &config.key,
        &config.key_file,
        &config.client_ca,
        &config.client_ca_file,
        &config.client_auth_type,
    ];
    if fields.iter().all(|field| field.is_empty()) {
        return Ok(None);
    }
    for (field, text, file) in
        [("cert", &config.cert, &config.cert_file), ("key", &config.key, &config.key_file)]
    {
        if text.is_empty() && file.is_empty() {
            return Err(format!("one of `{field}` and `{field}_file` is missing"));
        }
    }
    let provider = Arc::new(provider(config)?);
    let verifier = verifier(config, folder, &provider)?;
    let certificates = pem("cert", &config.cert, &config.cert_file, folder)?;
    let chain = certificates_of(&certificates).map_err(|error| format!("cert: {error}"))?;
    let key = pem("key", &config.key, &config.key_file, folder)?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|error| format!("key: no key in PEM: {error}"))?;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(config)?)
        .map_err(|error| format!("cipher_suites: {error}"))?;
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut server =
        builder.with_single_cert(chain, key).map_err(|error| format!("cert and key: {error}"))?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(Arc::new(server)))
}

/// The text of a field, or of the file that the other field names.
fn pem(field: &str, text: &str, file: &str, folder: &Path) -> Result<String, String> {
    match (text, file) {
        ("", "") => Err(format!("one of `{field}` and `{field}_file` is missing")),
        (text, "") => Ok(text.to_owned()),
        (_, file) => read(&folder.join(file)).map_err(|error| format!("{field}_file: {error}")),
    }
}

fn certificates_of(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err("no certificate in PEM".to_owned()),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("no certificate in PEM: {error}")),
    }
}

fn provider(config: &TlsConfig) -> Result<CryptoProvider, String> {
    let mut provider = ring::default_provider();
    if !config.cipher_suites.is_empty() {
        // As in Go, the suites of TLS 1.3 are not chosen.
        let is_13 = |name: &str| name.starts_with("TLS13_");
        let named: Vec<(String, _)> =
            provider.cipher_suites.iter().map(|suite| (format!("{:?}", suite.suite()), *suite)).collect();
        let known: Vec<&str> =
            named.iter().map(|(name, _)| name.as_str()).filter(|name| !is_13(name)).collect();
        let of_13 = |name: &str| {
            ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
                .contains(&name)
        };
        if let Some(unknown) =
            config.cipher_suites.iter().find(|name| !known.contains(&name.as_str()) && !of_13(name))
        {
            let known = known.join(", ");
            return Err(format!("cipher_suites: `{unknown}` is not offered: those that are are {known}"));
        }
        let wanted = |name: &String| is_13(name) || config.cipher_suites.contains(name);
        provider.cipher_suites =
            named.iter().filter(|(name, _)| wanted(name)).map(|(_, suite)| *suite).collect();
    }
    if !config.curve_preferences.is_empty() {
        let mut groups = Vec::new();
        for name in &config.curve_preferences {
            let known = CURVES.iter().find(|(known, _)| known == name).map(|(_, group)| *group);
            let group = known.and_then(|known| provider.kx_groups.iter().find(|group| group.name() == known));
            let Some(group) = group else {
                let known = CURVES.map(|(name, _)| name).join(", ");
                return Err(format!(
                    "curve_preferences: `{name}` is not offered: those that are are {known}"
                ));
            };
            groups.push(*group);
        }
        provider.kx_groups = groups;
    }
    Ok(provider)
}

fn versions(config: &TlsConfig) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let number = |field: &str, text: &Option<String>, default: u8| match text.as_deref() {
        None => Ok(default),
        Some("TLS12") => Ok(2),
        Some("TLS13") => Ok(3),
        Some(old @ ("TLS10" | "TLS11")) => {
            Err(format!("{field}: `{old}` is not offered any more: write TLS12 or TLS13"))
        }
        Some(other) => Err(format!("{field}: `{other}` is not a version: write TLS12 or TLS13")),
    };
    let (min, max) =
        (number("min_version", &config.min_version, 2)?, number("max_version", &config.max_version, 3)?);
    let known = [(2, &version::TLS12), (3, &version::TLS13)];
    let versions: Vec<_> = known
        .into_iter()
        .filter(|(number, _)| (min..=max).contains(number))
        .map(|(_, version)| version)
        .collect();
    if versions.is_empty() { Err("min_version is above max_version".to_owned()) } else { Ok(versions) }
}

fn verifier(
    config: &TlsConfig,
    folder: &Path,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
    let auth = match config.client_auth_type.as_str() {
        // Whether one is asked for that nobody looks at makes no difference.
        "" | "NoClientCert" | "RequestClientCert" => ClientAuth::None,
        "VerifyClientCertIfGiven" => ClientAuth::IfGiven,
        "RequireAndVerifyClientCert" => ClientAuth::Required,
        any @ ("RequireAnyClientCert" | "RequireClientCert") => {
            return Err(format!(
                "client_auth_type: `{any}` takes every certificate, also one that the client made itself: write \
                 RequireAndVerifyClientCert"
            ));
        }
        other => {
            return Err(format!(
                "client_auth_type: `{other}` is none: write NoClientCert, VerifyClientCertIfGiven or \
                 RequireAndVerifyClientCert"
            ));
        }
    };
    let has_ca = !config.client_ca.is_empty() || !config.client_ca_file.is_empty();
    if auth == ClientAuth::None {
        if has_ca || !config.client_allowed_sans.is_empty() {
            return Err("client_ca and client_allowed_sans want a client_auth_type that verifies: write \
                        RequireAndVerifyClientCert"
                .to_owned());
        }
        return Ok(None);
    }
    let mut roots = RootCertStore::empty();
    let pem = pem("client_ca", &config.client_ca, &config.client_ca_file, folder)?;
    for certificate in certificates_of(&pem).map_err(|error| format!("client_ca: {error}"))? {
        roots.add(certificate).map_err(|error| format!("client_ca: {error}"))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = if auth == ClientAuth::IfGiven { builder.allow_unauthenticated() } else { builder };
    let verifier = builder.build().map_err(|error| format!("client_ca: {error}"))?;
    if config.client_allowed_sans.is_empty() {
        return Ok(Some(verifier));
    }
    if let Some(mail) =
        config.client_allowed_sans.iter().find(|name| name.contains('@') && !name.contains("://"))
    {
        return Err(format!("client_allowed_sans: `{mail}`: addresses of mail are not compared"));
    }
    Ok(Some(Arc::new(AllowedNames { verifier, names: config.client_allowed_sans.clone() })))
}

impl AllowedNames {
    fn allow(&self, certificate: &CertificateDer<'_>) -> bool {
        let Ok(certificate) = EndEntityCert::try_from(certificate) else { return false };
        let has_ip = |name: &str| {
            let address = name.parse().map(|address: std::net::IpAddr| ServerName::IpAddress(address.into()));
            address.is_ok_and(|address| certificate.verify_is_valid_for_subject_name(&address).is_ok())
        };
        self.names.iter().any(|name| {
            certificate.valid_dns_names().any(|known| known == name)
                || certificate.valid_uri_names().any(|known| known == name)
                || has_ip(name)
        })
    }
}

impl ClientCertVerifier for AllowedNames {
    fn offer_client_auth(&self) -> bool {
        self.verifier.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.verifier.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.verifier.verify_client_cert(certificate, intermediates, now)?;
        if self.allow(certificate) {
            Ok(verified)
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
