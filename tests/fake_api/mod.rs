//! An API server in this process, as far as a watch can tell: lists in pages, watches with versions and bookmarks,
//! streaming lists, and everything that goes wrong with them on demand.
//!
//! A version counts up with every change. What a real server does with a version that is compacted away, it does: the
//! watch begins, and its first event is an ERROR with code 410.

mod http;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// The server. It ends when it is dropped.
pub struct FakeApi {
    address: SocketAddr,
    shared: Arc<Mutex<State>>,
    task: AbortHandle,
}

/// A request that came in.
#[derive(Debug, Clone)]
pub struct Request {
    /// `list` or `watch`.
    pub verb: &'static str,
    /// The plural of the kind.
    pub plural: String,
    /// The query, decoded.
    pub query: HashMap<String, String>,
    /// The User-Agent header.
    pub agent: String,
}

struct State {
    version: u64,
    /// Versions below this one are compacted away.
    oldest: u64,
    objects: BTreeMap<(String, String), Value>,
    history: Vec<(u64, String, Value)>,
    watchers: Vec<(String, mpsc::UnboundedSender<String>)>,
    /// What is left of lists that were begun, by continue token.
    pages: HashMap<String, Vec<Value>>,
    has_streaming: bool,
    refusals: HashMap<(&'static str, String), u16>,
    delay: Duration,
    requests: Vec<Request>,
    /// Requests whose response has not begun: now, and at most so far.
    in_flight: usize,
    in_flight_max: usize,
}

impl FakeApi {
    /// Starts at a free port of the loopback interface.
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap()).await
    }

    /// Starts at an address.
    pub async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let shared = Arc::new(Mutex::new(State {
            version: 100,
            oldest: 0,
            objects: BTreeMap::new(),
            history: Vec::new(),
            watchers: Vec::new(),
            pages: HashMap::new(),
            has_streaming: true,
            refusals: HashMap::new(),
            delay: Duration::ZERO,
            requests: Vec::new(),
            in_flight: 0,
            in_flight_max: 0,
        }));
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(http::run(listener, Arc::clone(&shared))).abort_handle();
        Self { address, shared, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Creates or updates an object.
    pub fn apply(&self, mut object: Value) {
        let state = &mut *self.state();
        state.version += 1;
        object["metadata"]["resourceVersion"] = json!(state.version.to_string());
        let key = key_of(&object);
        let existed = state.objects.insert(key.clone(), object.clone()).is_some();
        state.tell(&key.0, if existed { "MODIFIED" } else { "ADDED" }, object);
    }

    /// Deletes an object.
    pub fn delete(&self, object: &Value) {
        let state = &mut *self.state();
        let key = key_of(object);
        let mut object = state.objects.remove(&key).expect("it exists");
        state.version += 1;
        object["metadata"]["resourceVersion"] = json!(state.version.to_string());
        state.tell(&key.0, "DELETED", object);
    }

    /// Sends every watch a bookmark of the current version.
    pub fn bookmark(&self) {
        let state = &mut *self.state();
        let event = bookmark(state.version, false);
        state.watchers.retain(|(_, events_tx)| events_tx.send(event.clone()).is_ok());
    }

    /// Sends every watch of a kind a line of any text.
    pub fn send(&self, plural: &str, line: &str) {
        let state = self.state();
        let watchers = state.watchers.iter().filter(|(held, _)| held == plural);
        watchers.for_each(|(_, events_tx)| drop(events_tx.send(format!("{line}\n"))));
    }

    /// Forgets history: what resumes from before now is told that it is gone.
    pub fn compact(&self) {
        let state = &mut *self.state();
        state.version += 1;
        state.oldest = state.version;
    }

    /// Ends all watches, as a connection that is lost does.
    pub fn disconnect(&self) {
        self.state().watchers.clear();
    }

    /// Whether the server knows streaming lists; it does at first.
    pub fn set_streaming(&self, has_streaming: bool) {
        self.state().has_streaming = has_streaming;
    }

    /// Refuses a verb on a kind with a status code from now on.
    pub fn refuse(&self, verb: &'static str, plural: &str, code: u16) {
        self.state().refusals.insert((verb, plural.to_owned()), code);
    }

    /// Refuses nothing any more.
    pub fn relent(&self) {
        self.state().refusals.clear();
    }

    /// Answers so much later.
    pub fn set_delay(&self, delay: Duration) {
        self.state().delay = delay;
    }

    /// How many watches are open.
    pub fn watch_count(&self) -> usize {
        let state = &mut *self.state();
        state.watchers.retain(|(_, events_tx)| !events_tx.is_closed());
        state.watchers.len()
    }

    /// The requests so far.
    pub fn requests(&self, verb: &str, plural: &str) -> Vec<Request> {
        let state = self.state();
        state
            .requests
            .iter()
            .filter(|request| request.verb == verb && request.plural == plural)
            .cloned()
            .collect()
    }

    /// How many requests there were.
    pub fn request_count(&self) -> usize {
        self.state().requests.len()
    }

    /// How many requests waited at a time for their response to begin, at most.
    pub fn in_flight_max(&self) -> usize {
        self.state().in_flight_max
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock().unwrap()
    }
}

impl Drop for FakeApi {
    fn drop(&mut self) {
        self.task.abort();
        self.state().watchers.clear();
    }
}

impl State {
    fn tell(&mut self, plural: &str, event: &str, object: Value) {
        let event = json!({"type": event, "object": object});
        let line = format!("{event}\n");
        self.watchers.retain(|(held, events_tx)| held != plural || events_tx.send(line.clone()).is_ok());
        self.history.push((self.version, plural.to_owned(), event));
    }

    /// A page of a list, and the code of the answer.
    fn list(&mut self, request: &Request) -> (u16, Value) {
        let (version, mut rest) = match request.query.get("continue") {
            Some(token) => match self.pages.remove(token) {
                Some(rest) => (token.split(':').next().unwrap_or_default().to_owned(), rest),
                None => return (410, status(410, "the continue token is too old")),
            },
            None => (self.version.to_string(), self.all(&request.plural)),
        };
        let limit: usize = request.query.get("limit").map_or(usize::MAX, |limit| limit.parse().unwrap());
        let mut metadata = json!({"resourceVersion": version});
        if rest.len() > limit {
            let token = format!("{version}:{}:{}", request.plural, rest.len());
            metadata["continue"] = json!(token);
            let later = rest.split_off(limit);
            self.pages.insert(token, later);
        }
        (200, json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": rest}))
    }

    /// The first events of a watch, which goes on with what is told later; or a refusal.
    fn watch(&mut self, request: &Request) -> Result<mpsc::UnboundedReceiver<String>, (u16, Value)> {
        let (events_tx, events_rx) = mpsc::unbounded_channel();
        let send = |line: String| drop(events_tx.send(line));
        if request.query.get("sendInitialEvents").is_some_and(|value| value == "true") {
            if !self.has_streaming {
                let message =
                    "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled";
                return Err((422, status(422, message)));
            }
            assert_eq!(request.query["resourceVersionMatch"], "NotOlderThan");
            assert_eq!(request.query["allowWatchBookmarks"], "true");
            for object in self.all(&request.plural) {
                send(format!("{}\n", json!({"type": "ADDED", "object": object})));
            }
            send(bookmark(self.version, true));
        } else {
            let from = request.query.get("resourceVersion").map_or(0, |from| from.parse().unwrap());
            if from == 0 {
                // "Get State and Start at Any": what there is comes first.
                self.all(&request.plural)
                    .into_iter()
                    .for_each(|object| send(format!("{}\n", json!({"type": "ADDED", "object": object}))));
                self.watchers.push((request.plural.clone(), events_tx));
                return Ok(events_rx);
            }
            if from < self.oldest {
                send(format!(
                    "{}\n",
                    json!({"type": "ERROR", "object": status(410, "too old resource version")})
                ));
                return Ok(events_rx);
            }
            let missed =
                self.history.iter().filter(|(at, plural, _)| *at > from && *plural == request.plural);
            missed.for_each(|(_, _, event)| send(format!("{event}\n")));
        }
        self.watchers.push((request.plural.clone(), events_tx));
        Ok(events_rx)
    }

    fn all(&self, plural: &str) -> Vec<Value> {
        let objects = self.objects.iter().filter(|((held, _), _)| held == plural);
        objects.map(|(_, object)| object.clone()).collect()
    }
}

fn bookmark(version: u64, is_end: bool) -> String {
    let annotations = if is_end { json!({"k8s.io/initial-events-end": "true"}) } else { json!({}) };
    let metadata = json!({"resourceVersion": version.to_string(), "annotations": annotations});
    format!(
        "{}\n",
        json!({"type": "BOOKMARK", "object": {"kind": "X", "apiVersion": "v1", "metadata": metadata}})
    )
}

fn status(code: u16, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message})
}

fn key_of(object: &Value) -> (String, String) {
    let plural = format!("{}s", object["kind"].as_str().unwrap().to_lowercase());
    let (namespace, name) = (&object["metadata"]["namespace"], &object["metadata"]["name"]);
    (plural, format!("{}/{}", namespace.as_str().unwrap_or_default(), name.as_str().unwrap()))
}
