//! One kind of objects, kept in step with the API server: list, watch, and again.
//!
//! ```text
//!             ┌─────────── 410, or refused too often ───────────┐
//!             ▼                                                 │
//!   no version ──streaming list──▶ watching from a version ──ends or fails──▶ watch again from the same version
//!             └──pages (when streaming is refused; tried again at a list some minutes later)──┘
//! ```

use std::hash::{BuildHasher, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use kube::api::{ListParams, VersionMatch, WatchParams};
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use super::super::LOG_TARGET;
use super::super::config::Timing;
use super::super::object::Object;
use super::super::object::wire::{Fields, WireError, from_wire};
use super::super::observer::Observer;
use super::super::publish::{Shared, SourceMode};
use super::super::store::Change;
use super::answer::{Answer, Events, Form, Items, Part};
use super::backoff::Backoff;
use super::client::{ApiError, Client};
use super::event::{Event, PAGE_META, Page, PageMeta};
use crate::zone::Kind;

/// How long a watch lasts at least before the server ends it; up to as much again is added, so that not all end at once.
const WATCH_TIMEOUT_S: u32 = 300;

/// How long a watch without events must have lasted to count as one that works.
const WATCH_LASTED: Duration = Duration::from_secs(10);

/// How often in a row a version may fail to be watched before everything is listed anew.
const VERSION_FAILURES_MAX: u32 = 5;

/// How often in a row a streaming list may break off before the kind is listed in pages.
const STREAMING_FAILURES_MAX: u32 = 3;

/// The version that asks an API server for what it has in memory, as `client-go` does.
const FROM_CACHE: &str = "0";

/// How long a watch may take to follow the one before it, without being thought to have missed something.
const GAP_MAX: Duration = Duration::from_secs(1);

/// Keeps the store in step with one kind.
pub struct Reflector<K> {
    client: Client,
    request: kube::core::Request,
    /// What is read of an object in protobuf; `None`: the kind is there in JSON alone.
    wire: Option<&'static Fields>,
    labels: Option<String>,
    fields: Option<String>,
    timing: Timing,
    changes_tx: mpsc::Sender<Change>,
    shared: Arc<Shared>,
    observer: Arc<dyn Observer>,
    /// Where the watch goes on; `None`: everything is to be listed.
    version: Option<String>,
    /// The newest version that was seen: a list must not lead behind it. `None`: it must be read from etcd.
    seen: Option<String>,
    mode: SourceMode,
    /// When a streaming list last failed for good, so that pages took its place.
    streaming_failed: Option<Instant>,
    /// Whether a list is whole since then: pages come first, a stream is tried again at the list after them.
    was_listed_since: bool,
    /// Whether a list was ever whole.
    was_listed: bool,
    /// Whether the store counts the kind as live.
    is_live: bool,
    /// Whether a watch that is taken up again may have much to catch up with: not when it follows the one before at once.
    may_lag: bool,
    failures: u32,
    backoff: Backoff,
    /// What was last logged as wrong.
    error: Option<String>,
    kind: PhantomData<fn() -> K>,
}

/// What of a kind is asked for.
pub struct Selection<'s> {
    /// A label selector.
    pub labels: Option<&'s str>,
    /// A field selector.
    pub fields: Option<&'s str>,
    /// What is read of an object in protobuf; `None`: the kind is there in JSON alone.
    pub wire: Option<&'static Fields>,
}

/// Nobody takes changes any more.
struct Closed;

enum End {
    /// The server ended the watch, as it does every few minutes.
    Over {
        /// Whether anything came, or it lasted.
        was_useful: bool,
    },
    Failed(ApiError),
    Closed,
}

impl<K: Object> Reflector<K> {
    /// `changes_tx` takes what happens.
    pub fn new(
        client: Client,
        selection: &Selection<'_>,
        timing: Timing,
        changes_tx: mpsc::Sender<Change>,
        shared: Arc<Shared>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self {
            client,
            request: kube::core::Request::new(K::PATH),
            wire: selection.wire,
            labels: selection.labels.map(str::to_owned),
            fields: selection.fields.map(str::to_owned),
            backoff: Backoff::new(timing.backoff_min, timing.backoff_max),
            timing,
            changes_tx,
            shared,
            observer,
            version: None,
            seen: Some(FROM_CACHE.to_owned()),
            mode: SourceMode::Streaming,
            streaming_failed: None,
            was_listed_since: false,
            was_listed: false,
            is_live: false,
            may_lag: false,
            failures: 0,
            error: None,
            kind: PhantomData,
        }
    }

    /// Runs until nobody takes changes any more.
    pub async fn run(mut self) {
        loop {
            if self.version.is_none() && self.may_stream_again() {
                self.mode = SourceMode::Streaming;
            }
            let (verb, end) = match (self.version.clone(), self.mode) {
                (Some(version), _) => ("watch", self.watch(&version, false).await),
                (None, SourceMode::Streaming) => ("watch", self.watch("", true).await),
                (None, _) => ("list", self.list().await),
            };
            if self.set_live(false).await.is_err() {
                return;
            }
            self.may_lag |= !matches!(end, End::Over { was_useful: true });
            match end {
                End::Closed => return,
                End::Over { was_useful: true } => {}
                // A server that ends every watch at once must not be asked without pause.
                End::Over { was_useful: false } => self.pause().await,
                // Silence took long enough by itself.
                End::Failed(ApiError::Silent(time)) if self.version.is_some() => {
                    debug!(target: LOG_TARGET, "{}: no sign of life for {time:?}, watching anew", K::KIND.plural());
                }
                End::Failed(error) => {
                    self.failures += 1;
                    self.decide(verb, &error);
                    self.pause().await;
                }
            }
        }
    }

    /// Whether the time of pages is over. It is asked where a list is due, and a kind that is watched without trouble is
    /// never listed: so it costs a server that cannot stream a try at a relist, and no more often than this.
    fn may_stream_again(&self) -> bool {
        let is_due =
            self.streaming_failed.is_some_and(|failed| failed.elapsed() >= self.timing.streaming_again);
        self.mode == SourceMode::Paged && self.was_listed_since && is_due
    }

    /// What follows from a failure.
    fn decide(&mut self, verb: &str, error: &ApiError) {
        let kind = K::KIND.plural();
        if error.code() == Some(410) && self.version.is_some() {
            debug!(target: LOG_TARGET, "{kind}: the version is too old, listing again");
            self.version = None;
            return;
        }
        if self.version.is_some() {
            // The version itself may be what the server chokes on, for instance after a restore of etcd.
            if self.failures >= VERSION_FAILURES_MAX && !matches!(error, ApiError::Unreachable { .. }) {
                self.version = None;
            }
        } else if self.mode == SourceMode::Streaming {
            // 500 is what a server says whose etcd cannot report progress (3.4, as in Debian 12).
            let is_refused = matches!(error.code(), Some(400 | 403 | 404 | 410 | 422 | 500 | 501));
            let is_silent = matches!(error, ApiError::Silent(_));
            let is_broken = matches!(error, ApiError::Broken(_)) && self.failures >= STREAMING_FAILURES_MAX;
            if is_refused || is_silent || is_broken {
                debug!(target: LOG_TARGET, "{kind}: no streaming list ({error}), listing in pages");
                self.mode = SourceMode::Paged;
                self.streaming_failed = Some(Instant::now());
                self.was_listed_since = false;
                self.shared.update(K::KIND, |status| status.mode = SourceMode::Paged);
                // Not an error yet: if it is one, the list in pages runs into it too.
                return;
            }
        }
        if error.code() == Some(404) && K::KIND == Kind::ServiceImport {
            // A CustomResourceDefinition that is not installed: the rest of the cluster does not wait for it.
            self.shared.set_absent(K::KIND);
        }
        self.complain(error.explain(verb, kind, K::GROUP));
    }

    /// Lists: in protobuf at once, with one object in memory at a time; in JSON in pages, of which one is in memory, and
    /// its text goes before its objects do.
    async fn list(&mut self) -> End {
        let listed = match self.wire {
            // Whether the server has it was seen when it refused to stream.
            Some(fields) if self.client.has_protobuf() => self.list_at_once(fields).await,
            _ => self.list_pages().await,
        };
        match listed {
            Ok(Ok(())) => End::Over { was_useful: true },
            Ok(Err(error)) => End::Failed(error),
            Err(Closed) => End::Closed,
        }
    }

    async fn list_at_once(&mut self, fields: &'static Fields) -> Result<Result<(), ApiError>, Closed> {
        let params = ListParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            resource_version: self.seen.clone(),
            version_match: self.seen.is_some().then_some(VersionMatch::NotOlderThan),
            ..ListParams::default()
        };
        let mut items = match self.open_list(&params, true).await {
            Ok(Answer { form: Form::Protobuf, body }) => Items::new(body),
            // It has lost it since: the next list is in pages.
            Ok(Answer { form: Form::Json, .. }) => {
                return Ok(Err(ApiError::Broken(
                    "the API server does not speak protobuf any more".to_owned(),
                )));
            }
            Err(error) => {
                // The version may be one that this server does not have, or not yet: what etcd has is right in any case.
                self.seen = None;
                return Ok(Err(error));
            }
        };
        self.send(Change::Begin(K::KIND)).await?;
        let mut meta = PageMeta::default();
        let makes_no_sense = |error: WireError| ApiError::Broken(format!("the list makes no sense: {error}"));
        loop {
            let object = match items.next(self.timing.response).await {
                Ok(Some(Part::Meta(octets))) => match from_wire(&PAGE_META, octets) {
                    Ok(read) => {
                        meta = read;
                        continue;
                    }
                    Err(error) => return Ok(Err(makes_no_sense(error))),
                },
                Ok(Some(Part::Item(octets))) => from_wire::<K>(fields, octets),
                Ok(None) => break,
                Err(error) => return Ok(Err(error)),
            };
            match object {
                Ok(object) => self.send(Change::Listed(object.into_any())).await?,
                Err(error) => return Ok(Err(makes_no_sense(error))),
            }
            self.shared.heard(K::KIND);
        }
        Ok(self.list_is_whole(meta.resource_version).await?.map(|()| self.is_well()))
    }

    async fn list_pages(&mut self) -> Result<Result<(), ApiError>, Closed> {
        self.send(Change::Begin(K::KIND)).await?;
        let mut params = ListParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            // A slice holds up to 1000 endpoints: fewer of them fill a page.
            limit: Some(if K::KIND == Kind::EndpointSlice { 200 } else { 500 }),
            ..ListParams::default()
        };
        loop {
            let page = match self.page(&params).await {
                Ok(page) => page,
                Err(error) => return Ok(Err(error)),
            };
            self.shared.heard(K::KIND);
            for object in page.items.unwrap_or_default() {
                self.send(Change::Listed(object.into_any())).await?;
            }
            match page.metadata.continue_token.filter(|token| !token.is_empty()) {
                Some(token) => params.continue_token = Some(token),
                None => {
                    let version = page.metadata.resource_version;
                    return Ok(self.list_is_whole(version).await?.map(|()| self.is_well()));
                }
            }
        }
    }

    async fn page(&self, params: &ListParams) -> Result<Page<K>, ApiError> {
        let Answer { body, .. } = self.open_list(params, false).await?;
        let text = self.client.read(body).await?;
        serde_json::from_slice(&text)
            .map_err(|error| ApiError::Broken(format!("the list makes no sense: {error}")))
    }

    async fn open_list(&self, params: &ListParams, takes_protobuf: bool) -> Result<Answer, ApiError> {
        let request = self.request.list(params).map_err(|error| ApiError::Broken(error.to_string()))?;
        let admission = self.client.admit("list").await;
        self.client.open(admission, "list", takes_protobuf, request).await
    }

    /// Watches from a version on, or from nothing with everything that exists first.
    async fn watch(&mut self, version: &str, is_initial: bool) -> End {
        let random = random();
        let params = WatchParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            timeout: Some(WATCH_TIMEOUT_S + random % WATCH_TIMEOUT_S),
            bookmarks: true,
            send_initial_events: is_initial,
        };
        match self.watch_events(&params, version, is_initial).await {
            Ok(Ok(was_useful)) => End::Over { was_useful },
            Ok(Err(error)) => End::Failed(error),
            Err(Closed) => End::Closed,
        }
    }

    async fn watch_events(
        &mut self,
        params: &WatchParams,
        version: &str,
        mut is_initial: bool,
    ) -> Result<Result<bool, ApiError>, Closed> {
        let request = match self.request.watch(params, version) {
            Ok(request) => request,
            Err(error) => return Ok(Err(ApiError::Broken(error.to_string()))),
        };
        let admission = self.client.admit("watch").await;
        let asked = Instant::now();
        let opened = self.client.open(admission, "watch", self.wire.is_some(), request);
        // A server that does not know streaming lists may keep even its head back.
        let opened = match tokio::time::timeout(self.wait_for(is_initial, false), opened).await {
            Ok(opened) => opened,
            Err(_) => Err(ApiError::Silent(self.wait_for(is_initial, false))),
        };
        let mut events = match opened {
            Ok(answer) => Events::new(answer),
            // A watch that never begins is no quiet watch: somebody has to hear of it.
            Err(ApiError::Silent(waited)) if !is_initial => {
                return Ok(Err(self.client.without_answer(waited)));
            }
            Err(error) => return Ok(Err(error)),
        };
        if is_initial {
            self.send(Change::Begin(K::KIND)).await?;
        } else {
            // What failed before works again, also when there is no news for long.
            self.is_well();
            self.may_lag |= asked.elapsed() >= GAP_MAX;
            if !self.may_lag {
                self.set_live(true).await?;
            }
        }
        let begun = Instant::now();
        let mut was_useful = false;
        loop {
            let form = events.form();
            let line = events.next(self.wait_for(is_initial, was_useful));
            let line = if is_initial || self.is_live {
                line.await
            } else {
                // What was missed comes at once. Where none of it is left to be read, there is none.
                match tokio::time::timeout(self.timing.settle.saturating_sub(begun.elapsed()), line).await {
                    Ok(line) => line,
                    Err(_) => {
                        self.may_lag = false;
                        self.set_live(true).await?;
                        continue;
                    }
                }
            };
            let event = match line {
                Ok(Some(line)) => Event::<K>::parse(line, form, self.wire),
                Ok(None) if is_initial => {
                    return Ok(Err(ApiError::Broken("the streaming list broke off".to_owned())));
                }
                Ok(None) => return Ok(Ok(begun.elapsed() >= WATCH_LASTED)),
                Err(error) => return Ok(Err(error)),
            };
            let event = match event {
                Ok(event) => event,
                Err(error) => {
                    // To go on after it would be to miss it.
                    self.version = None;
                    return Ok(Err(ApiError::Broken(format!("a watch event makes no sense: {error}"))));
                }
            };
            self.shared.heard(K::KIND);
            was_useful = true;
            // The end of a list is no proof that its version can be watched: without a pause between them, a version that
            // is refused at once would be listed without end.
            if !is_initial && !matches!(event, Event::Error(_)) {
                self.failures = 0;
                self.backoff.reset();
            }
            match event {
                Event::Added(object) | Event::Modified(object) if is_initial => {
                    self.send(Change::Listed(object.into_any())).await?;
                }
                Event::Added(object) | Event::Modified(object) => {
                    self.advance(&object.meta().resource_version);
                    self.send(Change::Apply(object.into_any())).await?;
                }
                Event::Deleted(object) => {
                    if !is_initial {
                        self.advance(&object.meta().resource_version);
                    }
                    self.send(Change::Delete(object.into_any())).await?;
                }
                Event::Bookmark(bookmark) if is_initial => {
                    if bookmark.metadata.ends_list() {
                        is_initial = false;
                        if let Err(error) = self.list_is_whole(bookmark.metadata.resource_version).await? {
                            return Ok(Err(error));
                        }
                        self.streaming_failed = None;
                        self.shared.update(K::KIND, |status| status.mode = SourceMode::Streaming);
                        self.is_well();
                        self.set_live(true).await?;
                    }
                }
                Event::Bookmark(bookmark) => {
                    self.advance(&bookmark.metadata.resource_version);
                    // A bookmark comes behind all that happened before it.
                    self.may_lag = false;
                    self.set_live(true).await?;
                }
                Event::Error(status) => {
                    return Ok(Err(ApiError::Status { code: status.code, message: status.message }));
                }
            }
        }
    }

    async fn list_is_whole(&mut self, version: String) -> Result<Result<(), ApiError>, Closed> {
        if version.is_empty() {
            return Ok(Err(ApiError::Broken("the list has no resourceVersion".to_owned())));
        }
        self.send(Change::End(K::KIND)).await?;
        self.advance(&version);
        self.may_lag = false;
        self.was_listed_since = true;
        if std::mem::replace(&mut self.was_listed, true) {
            self.observer.relisted(K::KIND);
        }
        self.shared.update(K::KIND, |status| status.last_list = Some(SystemTime::now()));
        Ok(Ok(()))
    }

    /// Says whether changes arrive as they happen.
    async fn set_live(&mut self, is_live: bool) -> Result<(), Closed> {
        if std::mem::replace(&mut self.is_live, is_live) == is_live {
            return Ok(());
        }
        self.send(if is_live { Change::Live(K::KIND) } else { Change::Lost(K::KIND) }).await
    }

    fn advance(&mut self, version: &str) {
        if !version.is_empty() {
            self.version = Some(version.to_owned());
            self.seen = Some(version.to_owned());
        }
    }

    fn wait_for(&self, is_initial: bool, was_useful: bool) -> Duration {
        match (is_initial, was_useful) {
            (true, false) => self.timing.streaming_first,
            (true, true) => self.timing.response,
            (false, _) => self.timing.silence,
        }
    }

    async fn send(&self, change: Change) -> Result<(), Closed> {
        self.changes_tx.send(change).await.map_err(|_| Closed)
    }

    async fn pause(&mut self) {
        tokio::time::sleep(self.backoff.pause(random())).await;
    }

    /// Logs an error when it is another than before.
    fn complain(&mut self, error: String) {
        if self.error.as_ref() == Some(&error) {
            return;
        }
        warn!(target: LOG_TARGET, "failed to watch {}: {error}; the last known state is served", K::KIND.plural());
        self.shared.update(K::KIND, |status| status.last_error = Some(error.clone()));
        self.error = Some(error);
    }

    fn is_well(&mut self) {
        if self.error.take().is_some() {
            info!(target: LOG_TARGET, "watching {} again", K::KIND.plural());
            self.shared.update(K::KIND, |status| status.last_error = None);
        }
    }
}

/// A number that differs from process to process and from call to call; not for secrets.
fn random() -> u32 {
    std::hash::RandomState::new().build_hasher().finish() as u32
}
