//! What stands before an address's handlers: TLS, users with passwords, a rate, headers of every answer.
//!
//! A [`Guard`] is asked for its [`Policy`] at each connection and reads its files anew then, so that a renewed certificate
//! or a changed password is taken into use without a reload. What cannot be read is reported, and the policy that was
//! good last goes on.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::{
    HeaderMap,
    header::{AUTHORIZATION, HeaderName, HeaderValue, WWW_AUTHENTICATE},
};
use tokio_rustls::rustls::ServerConfig;

use super::{Response, users::Users};

/// The rules of a moment.
#[derive(Default, Clone)]
pub struct Policy {
    /// TLS; plain HTTP without.
    pub tls: Option<Arc<ServerConfig>>,
    /// Who may ask; without any, everybody.
    pub users: Users,
    /// Headers of every answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// Reads the rules; blocking.
pub type Load = dyn Fn() -> Result<Policy, String> + Send + Sync;

/// Guards one address.
pub struct Guard {
    load: Box<Load>,
    policy: ArcSwap<Policy>,
    /// Why the rules could not be read the last time, so that it is told once.
    failure: Mutex<Option<String>>,
    limiter: Option<Mutex<Limiter>>,
}

/// A rate of requests, as a bucket that fills with time.
#[derive(Debug)]
pub struct Limiter {
    interval: Duration,
    burst: u32,
    /// When the bucket was, or will be, empty.
    empty_at: Option<Instant>,
}

impl Guard {
    /// Reads the rules for the first time.
    ///
    /// # Errors
    /// What `load` says.
    pub fn new(
        limiter: Option<Limiter>,
        load: impl Fn() -> Result<Policy, String> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let policy = ArcSwap::from_pointee(load()?);
        Ok(Self { load: Box::new(load), policy, failure: Mutex::default(), limiter: limiter.map(Mutex::new) })
    }

    /// The rules for a connection that begins now.
    pub(super) async fn policy(self: &Arc<Self>) -> Arc<Policy> {
        let guard = Arc::clone(self);
        // Files are read: no work for a thread that others wait for.
        match tokio::task::spawn_blocking(move || guard.read()).await {
            Ok(policy) => policy,
            // The runtime ends.
            Err(_) => self.policy.load_full(),
        }
    }

    fn read(&self) -> Arc<Policy> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match (self.load)() {
            Ok(mut policy) => {
                *failure = None;
                policy.users.remember(&self.policy.load().users);
                self.policy.store(Arc::new(policy));
            }
            Err(error) => {
                if failure.as_ref() != Some(&error) {
                    tracing::warn!(
                        target: "plugin/prometheus",
                        "The web configuration cannot be read, what it said last stays: {error}"
                    );
                    *failure = Some(error);
                }
            }
        }
        self.policy.load_full()
    }

    /// Lets a request pass, or gives the answer that refuses it.
    pub(super) async fn admit(
        &self,
        policy: &Arc<Policy>,
        headers: &HeaderMap,
        now: Instant,
    ) -> Option<Response> {
        if let Some(limiter) = &self.limiter
            && !limiter.lock().unwrap_or_else(PoisonError::into_inner).admits(now)
        {
            return Some(Response::text(429, "Too Many Requests\n"));
        }
        if policy.users.is_empty() {
            return None;
        }
        if let Some((user, password)) = credentials(headers) {
            let policy = Arc::clone(policy);
            // A password takes a tenth of a second to compare, by design.
            let compared = tokio::task::spawn_blocking(move || policy.users.knows(&user, &password));
            if compared.await.unwrap_or(false) {
                return None;
            }
        }
        Some(Response::text(401, "Unauthorized\n"))
    }
}

impl Policy {
    /// Adds the headers that every answer has, and to a refusal the one that asks for a password.
    pub(super) fn dress<B>(&self, response: &mut hyper::Response<B>) {
        for (name, value) in &self.headers {
            response.headers_mut().insert(name, value.clone());
        }
        if response.status() == hyper::StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
        }
    }
}

impl Limiter {
    /// Up to `burst` requests at once, and one more with every `interval`.
    #[must_use]
    pub fn new(interval: Duration, burst: u32) -> Self {
        Self { interval, burst, empty_at: None }
    }

    fn admits(&mut self, now: Instant) -> bool {
        // A token is `interval` of time; a full bucket was empty `burst` tokens ago.
        let full = self.interval.saturating_mul(self.burst);
        let earliest = now.checked_sub(full);
        let empty_at = match (self.empty_at, earliest) {
            (Some(empty_at), Some(earliest)) => empty_at.max(earliest),
            (Some(empty_at), None) => empty_at,
            (None, Some(earliest)) => earliest,
            (None, None) => now,
        };
        let after = empty_at + self.interval;
        let admits = after <= now;
        self.empty_at = Some(if admits { after } else { empty_at });
        admits
    }
}

/// User and password of `Authorization: Basic …` (RFC 7617).
fn credentials(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let decoded = scheme.eq_ignore_ascii_case("basic").then(|| BASE64_STANDARD.decode(encoded))?.ok()?;
    let colon = decoded.iter().position(|octet| *octet == b':')?;
    let user = String::from_utf8(decoded[..colon].to_vec()).ok()?;
    Some((user, decoded[colon + 1..].to_vec()))
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("policy", &self.policy.load()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("tls", &self.tls.is_some()).field("users", &self.users).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_lets_a_burst_pass_and_then_one_with_every_interval() {
        let second = Duration::from_secs(1);
        let start = Instant::now() + second * 1000;
        let mut limiter = Limiter::new(second, 3);
        let at = |seconds: u32| start + second * seconds;
        assert_eq!([0, 0, 0, 0].map(|now| limiter.admits(at(now))), [true, true, true, false]);
        assert_eq!([1, 1, 2, 2].map(|now| limiter.admits(at(now))), [true, false, true, false]);
        assert_eq!([50; 5].map(|now| limiter.admits(at(now))), [true, true, true, false, false]);
        assert!(!Limiter::new(second, 0).admits(start), "no burst: nothing passes");
    }

    #[test]
    fn credentials_are_read_as_rfc_7617_writes_them() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, text.parse().unwrap());
            credentials(&headers)
        };
        let expected = Some(("Aladdin".to_owned(), b"open sesame".to_vec()));
        assert_eq!(read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), expected);
        assert_eq!(read("basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), expected);
        for none in ["Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Basic", "Basic !", "Basic QWxhZGRpbg=="] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}
