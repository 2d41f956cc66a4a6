//! What runs: the server, the HTTP endpoints, the tasks of one configuration; and how another one takes its place.

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::refusals::Refusals;
use super::{Defaults, Numbers, Plan};
use crate::corefile::{Corefile, Diagnostic, SourceMap, show_duration};
use crate::plugin::prometheus::{ProcessMetrics, plugin_enabled};
use crate::plugin::{Process, Ready, Reload, Router, ready};
use crate::server::{BindError, Listener, Observer, Options, Server};
use crate::telemetry::http::{EndpointSet, Endpoints, HttpError};
use crate::telemetry::metrics::Gauge;
use crate::telemetry::panics;

/// How long queries that have come may take when the server stops, as CoreDNS's grace time.
const GRACE: Duration = Duration::from_secs(5);

/// Running servers.
pub struct App {
    process: Process,
    defaults: Defaults,
    numbers: Numbers,
    server: Server,
    endpoints: Endpoints,
    routers: Vec<Option<Arc<ArcSwap<Router>>>>,
    instance: Instance,
    shutting_down: Arc<AtomicBool>,
    refusals: Arc<Refusals>,
    _process_metrics: ProcessMetrics,
}

/// What belongs to one configuration, and goes with it.
struct Instance {
    lines: Vec<String>,
    lameduck: Option<Duration>,
    reload: Option<Reload>,
    /// What goes on being served over HTTP while the process stops.
    without_ready: EndpointSet,
    /// Tasks end when these are dropped.
    _tasks: Vec<Box<dyn Any + Send>>,
    _enabled: Vec<Gauge>,
}

/// Why a configuration cannot run. What ran before goes on.
#[derive(Debug)]
pub enum AppError {
    /// The Corefile asks for what cannot be.
    Corefile {
        /// What is wrong.
        diagnostics: Vec<Diagnostic>,
        /// The texts that they point into.
        sources: SourceMap,
    },
    /// A listener cannot be opened.
    Bind(BindError),
    /// An HTTP endpoint cannot be served.
    Http(HttpError),
}

// === impl App ===

impl App {
    /// Starts what a Corefile describes, once all of it can be. To be called within the runtime of `process`.
    ///
    /// # Errors
    /// What keeps it from starting; nothing runs then.
    pub async fn start(corefile: &Corefile, process: Process, defaults: Defaults) -> Result<Self, AppError> {
        let mut numbers = Numbers::default();
        let plan = Plan::new(corefile, &process, defaults, &mut numbers)
            .map_err(|diagnostics| AppError::Corefile { diagnostics, sources: corefile.sources.clone() })?;
        let mut routers = vec![None; numbers.count()];
        let mut listeners = Vec::new();
        for planned in &plan.listeners {
            let router = Arc::new(ArcSwap::new(Arc::clone(&planned.router)));
            routers[usize::from(planned.number)] = Some(Arc::clone(&router));
            listeners.push(Listener {
                number: planned.number,
                label: planned.label.clone(),
                addresses: planned.address.iter().cloned().collect(),
                port: planned.port,
                router,
            });
        }
        process.lookup.set_routers(routers.clone());
        let process_metrics = ProcessMetrics::register(&process.metrics);
        let refusals = Arc::new(Refusals::default());
        refusals.follow(&plan, &process.metrics);
        let options =
            Options { observer: Some(Arc::clone(&refusals) as Arc<dyn Observer>), ..Options::default() };
        let mut endpoints = Endpoints::new();
        let shutting_down = Arc::new(AtomicBool::new(false));
        let without_ready = endpoint_set(&plan, &shutting_down, Served::WithoutReady)?;
        endpoints.swap(endpoint_set(&plan, &shutting_down, Served::All)?).await.map_err(AppError::Http)?;
        let server = Server::start(listeners, options, process.runtime.clone()).map_err(AppError::Bind)?;
        let instance = Instance::start(plan, without_ready, &process);
        Ok(Self {
            process,
            defaults,
            numbers,
            server,
            endpoints,
            routers,
            instance,
            shutting_down,
            refusals,
            _process_metrics: process_metrics,
        })
    }

    /// Puts another configuration in the place of the one that runs.
    ///
    /// # Errors
    /// What keeps it from running; what ran goes on as it was.
    pub async fn reload(&mut self, corefile: &Corefile) -> Result<(), AppError> {
        let plan = self.prepare(corefile).await?;
        self.swap(plan).await
    }

    /// Sets another configuration up beside the one that runs, and waits for its first lists, as long as it says. It may
    /// be given up on the way.
    ///
    /// # Errors
    /// What the Corefile asks for that cannot be.
    pub async fn prepare(&mut self, corefile: &Corefile) -> Result<Plan, AppError> {
        let mut plan = Plan::new(corefile, &self.process, self.defaults, &mut self.numbers)
            .map_err(|diagnostics| AppError::Corefile { diagnostics, sources: corefile.sources.clone() })?;
        let waits: Vec<_> =
            plan.drafts.iter_mut().flat_map(|draft| std::mem::take(&mut draft.before_swap)).collect();
        futures_util::future::join_all(waits).await;
        Ok(plan)
    }

    /// Puts a plan in the place of what runs. Listeners that both have keep their sockets, and every query is answered by
    /// one of the two.
    ///
    /// # Errors
    /// What keeps it from running; what ran goes on as it was.
    pub async fn swap(&mut self, plan: Plan) -> Result<(), AppError> {
        self.routers.resize(self.numbers.count(), None);
        let mut opened = Vec::new();
        for planned in &plan.listeners {
            if self.routers[usize::from(planned.number)].is_some() {
                continue;
            }
            let router = Arc::new(ArcSwap::new(Arc::clone(&planned.router)));
            let listener = Listener {
                number: planned.number,
                label: planned.label.clone(),
                addresses: planned.address.iter().cloned().collect(),
                port: planned.port,
                router: Arc::clone(&router),
            };
            opened.push((planned.number, router, self.server.bind(listener).map_err(AppError::Bind)?));
        }
        let mut begun = Vec::new();
        for (number, router, bound) in opened {
            if let Err(error) = self.server.open(bound) {
                self.take_back(&begun).await;
                return Err(AppError::Bind(error));
            }
            self.routers[usize::from(number)] = Some(router);
            begun.push(number);
        }
        // The lookup holds the routers of what comes and of what goes: both answer until the end of this.
        self.process.lookup.set_routers(self.routers.clone());
        let without_ready = match self.swap_endpoints(&plan).await {
            Ok(without_ready) => without_ready,
            Err(error) => {
                self.take_back(&begun).await;
                return Err(error);
            }
        };

        // From here on nothing fails.
        let wanted: BTreeSet<u16> = plan.listeners.iter().map(|planned| planned.number).collect();
        for planned in &plan.listeners {
            self.server.replace_router(planned.number, Arc::clone(&planned.router));
        }
        self.refusals.follow(&plan, &self.process.metrics);
        self.instance = Instance::start(plan, without_ready, &self.process);
        for number in 0..self.routers.len() as u16 {
            if !wanted.contains(&number) && self.routers[usize::from(number)].is_some() {
                self.server.close(number, GRACE).await;
                self.routers[usize::from(number)] = None;
            }
        }
        self.process.lookup.set_routers(self.routers.clone());
        Ok(())
    }

    /// Gives what is served when `/ready` is closed.
    async fn swap_endpoints(&mut self, plan: &Plan) -> Result<EndpointSet, AppError> {
        let without_ready = endpoint_set(plan, &self.shutting_down, Served::WithoutReady)?;
        let all = endpoint_set(plan, &self.shutting_down, Served::All)?;
        self.endpoints.swap(all).await.map_err(AppError::Http)?;
        Ok(without_ready)
    }

    /// Closes listeners of a configuration that cannot run after all.
    async fn take_back(&mut self, begun: &[u16]) {
        for number in begun {
            self.server.close(*number, Duration::ZERO).await;
            self.routers[usize::from(*number)] = None;
        }
        self.process.lookup.set_routers(self.routers.clone());
    }

    /// Stops: `/ready` is closed at once, answers go on for the lameduck time, then what has come is answered.
    pub async fn stop(mut self) {
        self.shutting_down.store(true, Ordering::Relaxed);
        // It opens nothing: all that is left is open.
        let _ = self.endpoints.swap(std::mem::take(&mut self.instance.without_ready)).await;
        if let Some(lameduck) = self.instance.lameduck.filter(|lameduck| !lameduck.is_zero()) {
            tracing::info!(target: "plugin/health", "Going into lameduck mode for {}", show_duration(lameduck));
            tokio::time::sleep(lameduck).await;
        }
        self.server.drain(GRACE).await;
        self.endpoints.shutdown().await;
    }

    /// A line for each key of the Corefile, sorted.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.instance.lines
    }

    /// How often the Corefile is to be looked at.
    #[must_use]
    pub fn reload_every(&self) -> Option<Reload> {
        self.instance.reload
    }

    /// What is listened on, with the real port where the system chose it.
    pub fn listening(&self) -> impl Iterator<Item = std::net::SocketAddr> {
        let numbers = 0..self.routers.len() as u16;
        numbers.flat_map(|number| self.server.local_addresses(number).iter().copied())
    }

    /// The server, for those who ask where it listens.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The HTTP endpoints, for those who ask where they listen.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }
}

// === impl Instance ===

impl Instance {
    fn start(plan: Plan, without_ready: EndpointSet, process: &Process) -> Self {
        let mut instance = Self {
            lines: plan.lines,
            lameduck: None,
            reload: None,
            without_ready,
            _tasks: Vec::new(),
            _enabled: Vec::new(),
        };
        panics::take_stacks(plan.drafts.iter().any(|draft| draft.stacktrace));
        for draft in plan.drafts {
            instance.lameduck = instance.lameduck.max(draft.lameduck);
            instance.reload = instance.reload.or(draft.reload);
            instance._tasks.extend(draft.tasks.into_iter().map(|task| task(&process.runtime)));
        }
        for (site, chain) in &plan.chains {
            let names: Vec<_> = chain.names().collect();
            let Some(zone) = site.zones.first().filter(|_| names.contains(&"prometheus")) else { continue };
            // As in CoreDNS: what a block has is told of its first key.
            let port = site.servers.first().map(|server| server.port);
            for server in site.servers.iter().filter(|server| Some(server.port) == port) {
                let names = names.iter().copied();
                let gauges = plugin_enabled(&process.metrics, &server.label, &zone.to_string(), names);
                instance._enabled.extend(gauges);
            }
        }
        instance
    }
}

// === impl AppError ===

impl AppError {
    /// The same on one line, for a log.
    #[must_use]
    pub fn line(&self) -> String {
        match self {
            AppError::Corefile { diagnostics, sources } => {
                let lines: Vec<_> = diagnostics.iter().map(|diagnostic| sources.line(diagnostic)).collect();
                lines.join("; ")
            }
            AppError::Bind(error) => error.to_string(),
            AppError::Http(error) => error.to_string(),
        }
    }
}

impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AppError::Corefile { diagnostics, sources } => {
                let texts: Vec<_> = diagnostics.iter().map(|diagnostic| sources.render(diagnostic)).collect();
                f.write_str(texts.join("\n").trim_end())
            }
            AppError::Bind(error) => write!(f, "{error}"),
            AppError::Http(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for AppError {}

/// Which endpoints.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Served {
    All,
    /// Those that go on while the process stops: `/ready` only where another one keeps its listener open, to say no there.
    WithoutReady,
}

/// The endpoints of all blocks; `/ready` speaks for all blocks that have the plugin, wherever it is served. Where they
/// differ about `monitor`, the last of them decides, as in CoreDNS.
fn endpoint_set(
    plan: &Plan,
    shutting_down: &Arc<AtomicBool>,
    served: Served,
) -> Result<EndpointSet, AppError> {
    let mut set = EndpointSet::new();
    let asking = || plan.drafts.iter().filter(|draft| draft.ready.is_some());
    let conditions: Vec<_> = asking().flat_map(|draft| draft.readiness.iter().cloned()).collect();
    let last = asking().filter_map(|draft| draft.ready.as_ref()).next_back();
    let continuously = last.is_some_and(|ready| ready.continuously);
    for draft in &plan.drafts {
        for endpoint in &draft.endpoints {
            let handler = Arc::clone(&endpoint.handler);
            let address = &endpoint.place.address;
            set.add(address, endpoint.path, move |request| handler(request)).map_err(AppError::Http)?;
            if let Some((_, guard)) = &endpoint.guard {
                set.guard(address, Arc::clone(guard)).map_err(AppError::Http)?;
            }
        }
        let is_shared = |at: &Ready| {
            let mut others = plan.drafts.iter().flat_map(|draft| &draft.endpoints);
            others.any(|endpoint| endpoint.place.address == at.place.address)
        };
        if let Some(at) = draft.ready.as_ref().filter(|at| served == Served::All || is_shared(at)) {
            let handler = ready::handler(conditions.clone(), continuously, Arc::clone(shutting_down));
            set.add(&at.place.address, "/ready", handler).map_err(AppError::Http)?;
        }
    }
    Ok(set)
}
