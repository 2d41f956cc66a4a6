//! The HTTP side of the API server: requests, and answers read piece by piece.
//!
//! Requests go through `kube`'s client (TLS, kubeconfig, token renewal); answers are read here. `kube`'s own list call
//! holds a page as bytes, as text and as objects at once; its watcher hides bookmarks, so that silence cannot be told
//! from a dead connection, and it retries a version that an HTTP 410 refused for ever.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::{Request, Response, Uri};
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde::Deserialize;

use super::super::config::{ClientTls, RequestLimits, SourceConfig, Timing, WatchError};
use super::super::object::wire::from_wire;
use super::super::object::{Object, ServiceImport};
use super::super::observer::Observer;
use super::answer::{Answer, Form, next_piece, unwrapped};
use super::event::STATUS;
use super::limiter::{Admission, Limiter};

/// How long an answer may be: beyond it, no page and no event is reasonable.
const ANSWER_LEN_MAX: usize = 256 << 20;

/// What the API server calls protobuf.
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// What is taken where protobuf can be read; kinds of CustomResourceDefinitions have JSON alone.
const PROTOBUF_OR_JSON: HeaderValue =
    HeaderValue::from_static("application/vnd.kubernetes.protobuf, application/json");

/// How much of an error's text is read.
const STATUS_LEN_MAX: usize = 64 << 10;

/// A connection to one API server. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    kube: kube::Client,
    url: Arc<str>,
    host: Arc<str>,
    response: Duration,
    limiter: Arc<Limiter>,
    observer: Arc<dyn Observer>,
    /// Whether the latest answer that could be in protobuf was.
    has_protobuf: Arc<AtomicBool>,
}

/// Why a request or a watch ended.
#[derive(Debug)]
pub enum ApiError {
    /// No answer came at all.
    Unreachable {
        /// The API server.
        url: Arc<str>,
        /// Why.
        cause: String,
    },
    /// The API server said no.
    Status {
        /// The HTTP status code.
        code: u16,
        /// Its reason.
        message: String,
    },
    /// The answer broke off or makes no sense.
    Broken(String),
    /// Nothing came for this long.
    Silent(Duration),
}

/// `meta/v1.Status`, as far as it is needed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The HTTP status code.
    pub code: u16,
    /// What is wrong, in words.
    pub message: String,
}

// === impl Client ===

impl Client {
    /// Makes a client; nothing is asked yet. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the configuration does not lead to a client.
    pub fn new(
        source: &SourceConfig,
        limits: RequestLimits,
        timing: &Timing,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, WatchError> {
        let mut config = match source {
            SourceConfig::Kubeconfig { file, context } => from_kubeconfig(file, context.as_deref())?,
            SourceConfig::Endpoint { url, tls } => from_endpoint(url, tls.as_ref())?,
            SourceConfig::InCluster | SourceConfig::Manifests(_) => {
                kube::Config::incluster().map_err(|error| WatchError::NotInCluster(chain(&error)))?
            }
        };
        config.connect_timeout = Some(timing.connect);
        // Pauses are ours to make; compression costs more than it saves within a cluster.
        config.default_retry = false;
        config.disable_compression = true;
        let agent = HeaderValue::from_static(concat!("kubezone/", env!("CARGO_PKG_VERSION")));
        config.headers.push((USER_AGENT, agent));
        let url: Arc<str> = config.cluster_url.to_string().trim_end_matches('/').into();
        let host = config.cluster_url.authority().map_or("", |authority| authority.as_str()).into();
        let kube = kube::Client::try_from(config)
            .map_err(|error| WatchError::Client { url: url.to_string(), cause: chain(&error) })?;
        let limiter = Arc::new(Limiter::new(limits));
        let has_protobuf = Arc::new(AtomicBool::new(true));
        Ok(Self { kube, url, host, response: timing.response, limiter, observer, has_protobuf })
    }

    /// A server that takes a connection and says nothing is not there for us.
    pub fn without_answer(&self, waited: Duration) -> ApiError {
        let cause = format!("no answer within {} s", waited.as_secs_f32());
        ApiError::Unreachable { url: Arc::clone(&self.url), cause }
    }

    /// Waits until the limits of the watch let a request pass. No part of the time that a server has to answer.
    pub async fn admit(&self, verb: &str) -> Admission {
        let admission = self.limiter.admit().await;
        self.observer.api_throttled(verb, &self.host, admission.throttled);
        admission
    }

    /// Asks, and gives the answer once its head says that it is one. `verb` is `list` or `watch`.
    pub async fn open(
        &self,
        admission: Admission,
        verb: &str,
        takes_protobuf: bool,
        mut request: Request<Vec<u8>>,
    ) -> Result<Answer, ApiError> {
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(ACCEPT, if takes_protobuf { PROTOBUF_OR_JSON } else { json });
        let method = request.method().clone();
        let begun = Instant::now();
        let answer = tokio::time::timeout(self.response, self.kube.send(request.map(Body::from))).await;
        // What follows of the answer, for minutes if it is a watch, holds nobody back.
        drop(admission);
        let code = answer.as_ref().ok().and_then(|answer| Some(answer.as_ref().ok()?.status().as_u16()));
        self.observer.api_request(method.as_str(), verb, &self.host, code, begun.elapsed());
        let answer = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                return Err(ApiError::Unreachable { url: Arc::clone(&self.url), cause: chain(&error) });
            }
            Err(_) => return Err(ApiError::Silent(self.response)),
        };
        let form = match answer.headers().get(CONTENT_TYPE) {
            Some(text) if text.as_bytes().starts_with(PROTOBUF.as_bytes()) => Form::Protobuf,
            _ => Form::Json,
        };
        if takes_protobuf {
            self.has_protobuf.store(form == Form::Protobuf, Relaxed);
        }
        if answer.status().is_success() {
            return Ok(Answer { form, body: answer.into_body() });
        }
        Err(self.refusal(answer, form).await)
    }

    /// Whether the server speaks protobuf, as far as is known.
    #[must_use]
    pub fn has_protobuf(&self) -> bool {
        self.has_protobuf.load(Relaxed)
    }

    /// Reads the rest of an answer.
    pub async fn read(&self, mut body: Body) -> Result<Vec<u8>, ApiError> {
        let mut text = Vec::new();
        while let Some(piece) = next_piece(&mut body, self.response).await? {
            if text.len() + piece.len() > ANSWER_LEN_MAX {
                return Err(ApiError::Broken(format!("an answer is longer than {ANSWER_LEN_MAX} octets")));
            }
            text.extend_from_slice(&piece);
        }
        Ok(text)
    }

    async fn refusal(&self, answer: Response<Body>, form: Form) -> ApiError {
        let code = answer.status().as_u16();
        let mut body = answer.into_body();
        let mut text = Vec::new();
        while text.len() < STATUS_LEN_MAX
            && let Ok(Some(piece)) = next_piece(&mut body, self.response).await
        {
            text.extend_from_slice(&piece);
        }
        let status = match form {
            Form::Json => serde_json::from_slice::<Status>(&text).ok(),
            Form::Protobuf => unwrapped(&text).and_then(|text| from_wire(&STATUS, text)).ok(),
        };
        let message = match status {
            Some(status) => status.message,
            None => String::from_utf8_lossy(&text).chars().take(200).collect(),
        };
        ApiError::Status { code, message }
    }
}

// === impl ApiError ===

impl ApiError {
    /// The HTTP status code, where there is one.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Status { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// What is wrong and what to do, for the request `verb` of `resource` in the API group `group`.
    #[must_use]
    pub fn explain(&self, verb: &str, resource: &str, group: &str) -> String {
        match self {
            Self::Status { code: 401, message } => format!(
                "the API server does not know who asks: 401 `{message}`; check the token or the client certificate"
            ),
            Self::Status { code: 403, message } => format!(
                "may not {verb} {resource}: 403 `{message}`; the ClusterRole needs the verbs list and watch on \
                 `{resource}` of apiGroup `{group}`"
            ),
            Self::Status { code: 404, message } if group == ServiceImport::GROUP => format!(
                "the API server has no {resource}: 404 `{}`; install the CustomResourceDefinition \
                 `{resource}.{group}` with its version v1alpha1, or take `multicluster` out of the Corefile; names of \
                 multicluster zones get SERVFAIL until a first list is in, and nothing else waits for it",
                message.trim_end()
            ),
            Self::Status { code: 404, message } => {
                format!(
                    "the API server has no {resource}: 404 `{message}`; Kubernetes 1.21 or later is needed"
                )
            }
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { url, cause } => {
                write!(f, "no answer from the API server at `{url}`: {cause}")
            }
            Self::Status { code, message } => write!(f, "the API server answered {code} `{message}`"),
            Self::Broken(cause) => f.write_str(cause),
            Self::Silent(time) => write!(f, "the API server was silent for {} s", time.as_secs_f32()),
        }
    }
}

fn from_kubeconfig(file: &Path, context: Option<&str>) -> Result<kube::Config, WatchError> {
    let wrong = |cause: String| WatchError::Kubeconfig { file: file.to_owned(), cause };
    let kubeconfig = Kubeconfig::read_from(file).map_err(|error| wrong(chain(&error)))?;
    // `kube` takes a proxy from the environment as well. It is not built in, and an API server is not behind one.
    let has_proxy = kubeconfig
        .clusters
        .iter()
        .any(|cluster| cluster.cluster.as_ref().is_some_and(|cluster| cluster.proxy_url.is_some()));
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    // It is async in name only: all it does is to read files.
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).now_or_never();
    let mut config = config
        .ok_or_else(|| wrong("it needs more than files".to_owned()))?
        .map_err(|error| wrong(chain(&error)))?;
    if !has_proxy {
        config.proxy_url = None;
    }
    Ok(config)
}

fn from_endpoint(url: &str, tls: Option<&ClientTls>) -> Result<kube::Config, WatchError> {
    let wrong = |cause: String| WatchError::Endpoint { url: url.to_owned(), cause };
    let uri: Uri = url.parse().map_err(|error| wrong(chain(&error)))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
        return Err(wrong("it is no http or https URL".to_owned()));
    }
    let mut config = kube::Config::new(uri);
    if let Some(tls) = tls {
        for file in [&tls.cert, &tls.key, &tls.ca] {
            std::fs::File::open(file)
                .map_err(|error| wrong(format!("read `{}`: {error}", file.display())))?;
        }
        config.root_cert_file = Some(tls.ca.clone());
        config.auth_info.client_certificate = Some(tls.cert.display().to_string());
        config.auth_info.client_key = Some(tls.key.display().to_string());
    }
    Ok(config)
}

/// An error with all its causes; `kube` and `hyper` hide what matters in the last.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
