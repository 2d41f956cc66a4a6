use std::net::SocketAddr;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::*;
use crate::telemetry::http::{EndpointSet, Endpoints, Response};

/// A guard against hanging, not a measurement.
const LONG: Duration = Duration::from_secs(60);
/// `secret`, four rounds of two.
const HASH: &str = "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

/// A folder of a web configuration, gone with this.
struct Folder(PathBuf);

/// An authority and what it signs.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("kubezone-web-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.0.join(name);
        std::fs::write(&file, text).unwrap();
        file
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(parameters, key), pem }
    }

    /// A certificate for this name and its key, in PEM.
    fn sign(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (parameters.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        Arc::new(roots)
    }
}

fn client(roots: Arc<RootCertStore>, own: Option<&(String, String)>) -> TlsConnector {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    };
    TlsConnector::from(Arc::new(config))
}

async fn serving(file: PathBuf) -> (Endpoints, SocketAddr) {
    let mut set = EndpointSet::new();
    set.add("127.0.0.1:0", "/metrics", |_| Response::text(200, "a 1\n")).unwrap();
    set.guard("127.0.0.1:0", guard(file).unwrap()).unwrap();
    let mut endpoints = Endpoints::new();
    endpoints.swap(set).await.unwrap();
    let address = endpoints.local_addr("127.0.0.1:0").unwrap();
    (endpoints, address)
}

/// The answer's text, or "" when the connection was cut.
async fn over_tls(address: SocketAddr, tls: &TlsConnector, headers: &str) -> String {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = "metrics.example.org".try_into().unwrap();
    let asked = async {
        let mut stream = tls.connect(name, stream).await.ok()?;
        let request = format!("GET /metrics HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        Some(String::from_utf8(answer).unwrap())
    };
    timeout(LONG, asked).await.unwrap().unwrap_or_default()
}

#[tokio::test]
async fn a_certificate_is_shown_and_exchanged_without_a_reload() {
    let folder = Folder::new("rotate");
    let (first, second) = (Authority::new(), Authority::new());
    let write = |authority: &Authority| {
        let (certificate, key) = authority.sign("metrics.example.org");
        folder.write("tls.crt", &certificate);
        folder.write("tls.key", &key);
    };
    write(&first);
    let file = folder.write("web.yml", "tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n");
    let (_endpoints, address) = serving(file.clone()).await;
    let (of_first, of_second) = (client(first.roots(), None), client(second.roots(), None));
    assert!(over_tls(address, &of_first, "").await.ends_with("a 1\n"));
    assert_eq!(over_tls(address, &of_second, "").await, "");

    write(&second);
    assert!(over_tls(address, &of_second, "").await.ends_with("a 1\n"));
    // What cannot be read leaves what was.
    folder.write("web.yml", "tls_server_config: [\n");
    assert!(over_tls(address, &of_second, "").await.ends_with("a 1\n"));
    std::fs::remove_file(file).unwrap();
    assert!(over_tls(address, &of_second, "").await.ends_with("a 1\n"));
}

#[tokio::test]
async fn a_client_needs_a_certificate_of_the_authority_with_an_allowed_name() {
    let folder = Folder::new("client");
    let authority = Authority::new();
    let (certificate, key) = authority.sign("metrics.example.org");
    folder.write("tls.crt", &certificate);
    folder.write("tls.key", &key);
    folder.write("ca.crt", &authority.pem);
    let text = "tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n  client_ca_file: ca.crt\n  \
                client_auth_type: RequireAndVerifyClientCert\n";
    let file = folder.write("web.yml", text);
    let (_endpoints, address) = serving(file).await;
    let scraper = authority.sign("prometheus.example.org");
    let by_address = authority.sign("192.0.2.9");
    let stranger = Authority::new().sign("prometheus.example.org");
    let ask = async |own| over_tls(address, &client(authority.roots(), own), "").await;
    assert!(ask(Some(&scraper)).await.ends_with("a 1\n"));
    assert_eq!(ask(None).await, "");
    assert_eq!(ask(Some(&stranger)).await, "");

    folder.write("web.yml", &format!("{text}  client_allowed_sans: [other.example.org, 192.0.2.9]\n"));
    assert_eq!(ask(Some(&scraper)).await, "");
    assert!(ask(Some(&by_address)).await.ends_with("a 1\n"));
    folder.write("web.yml", &format!("{text}  client_allowed_sans: [prometheus.example.org]\n"));
    assert!(ask(Some(&scraper)).await.ends_with("a 1\n"));
    folder.write("web.yml", &text.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven"));
    assert!(ask(None).await.ends_with("a 1\n"));
}

async fn in_the_clear(address: SocketAddr, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(LONG, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

#[tokio::test]
async fn users_are_asked_for_their_passwords_also_without_tls() {
    let folder = Folder::new("users");
    let text = format!(
        "basic_auth_users:\n  anna: {HASH}\nhttp_server_config:\n  headers:\n    X-Frame-Options: deny\n"
    );
    let (_endpoints, address) = serving(folder.write("web.yml", &text)).await;
    let answer = in_the_clear(address, "").await;
    assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{answer}");
    assert!(answer.contains("www-authenticate: Basic\r\n"), "{answer}");
    // anna:secret, anna:secrets, otto:secret
    let answer = in_the_clear(address, "authorization: Basic YW5uYTpzZWNyZXQ=\r\n").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("x-frame-options: deny\r\n"),
        "{answer}"
    );
    for wrong in ["YW5uYTpzZWNyZXRz", "b3R0bzpzZWNyZXQ="] {
        let answer = in_the_clear(address, &format!("authorization: Basic {wrong}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{wrong}: {answer}");
    }
}

#[tokio::test]
async fn more_requests_than_the_rate_are_refused() {
    let folder = Folder::new("rate");
    let file = folder.write("web.yml", "rate_limit:\n  burst: 2\n  interval: 1h\n");
    let (_endpoints, address) = serving(file).await;
    for code in [200, 200, 429, 429] {
        let answer = in_the_clear(address, "").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {code} ")), "{answer}");
    }
}

#[test]
fn what_is_wrong_in_the_file_is_named() {
    let folder = Folder::new("wrong");
    let authority = Authority::new();
    let (certificate, key) = authority.sign("metrics.example.org");
    folder.write("tls.crt", &certificate);
    folder.write("tls.key", &key);
    folder.write("other.key", &authority.sign("a.example.org").1);
    folder.write("ca.crt", &authority.pem);
    let tls = |more: &str| format!("tls_server_config: {{cert_file: tls.crt, key_file: tls.key{more}}}\n");
    for (text, why) in [
        ("tls_server_confg: {}\n".to_owned(), "tls_server_confg"),
        ("tls_server_config: {cert_file: a\n".to_owned(), "web.yml"),
        ("tls_server_config: {cert_file: tls.crt}\n".to_owned(), "one of `key` and `key_file` is missing"),
        ("tls_server_config: {key_file: tls.key}\n".to_owned(), "one of `cert` and `cert_file` is missing"),
        ("tls_server_config: {cert_file: none.crt, key_file: tls.key}\n".to_owned(), "none.crt"),
        ("tls_server_config: {cert_file: tls.key, key_file: tls.key}\n".to_owned(), "no certificate in PEM"),
        ("tls_server_config: {cert_file: tls.crt, key_file: tls.crt}\n".to_owned(), "no key in PEM"),
        ("tls_server_config: {cert_file: tls.crt, key_file: other.key}\n".to_owned(), "cert and key"),
        (tls(", min_version: TLS11"), "`TLS11` is not offered any more"),
        (tls(", max_version: SSL3"), "`SSL3` is not a version"),
        (tls(", min_version: TLS13, max_version: TLS12"), "min_version is above max_version"),
        (
            tls(", cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]"),
            "`TLS_RSA_WITH_AES_128_CBC_SHA` is not offered",
        ),
        (tls(", curve_preferences: [CurveP521]"), "`CurveP521` is not offered"),
        (tls(", client_auth_type: RequireAnyClientCert"), "takes every certificate"),
        (tls(", client_auth_type: Always"), "`Always` is none"),
        (tls(", client_auth_type: RequireAndVerifyClientCert"), "one of `client_ca` and `client_ca_file`"),
        (tls(", client_ca_file: ca.crt"), "want a client_auth_type"),
        (
            tls(
                ", client_ca_file: ca.crt, client_auth_type: VerifyClientCertIfGiven, client_allowed_sans: [a@b.org]",
            ),
            "addresses of mail",
        ),
        ("basic_auth_users: {anna: secret}\n".to_owned(), "user `anna` is no bcrypt hash"),
        ("http_server_config: {headers: {Server: me}}\n".to_owned(), "header `Server` cannot be set"),
        ("http_server_config: {headers: {X-Frame-Options: all}}\n".to_owned(), "cannot be `all`"),
        ("rate_limit: {burst: 1, interval: 5}\n".to_owned(), "interval"),
    ] {
        let error = guard(folder.write("web.yml", &text)).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
    for right in [
        String::new(),
        "http_server_config: {http2: false}\n".to_owned(),
        "rate_limit: {burst: 1, interval: 0s}\n".to_owned(),
        tls(
            ", min_version: TLS13, prefer_server_cipher_suites: true, curve_preferences: [X25519, CurveP256]",
        ),
        tls(", cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]"),
        tls(", client_auth_type: RequestClientCert"),
    ] {
        guard(folder.write("web.yml", &right)).unwrap_or_else(|error| panic!("{right}: {error}"));
    }
}
