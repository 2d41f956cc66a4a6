//! One `forward` directive at work: which upstream is asked, and what becomes of its reply.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::{Cause, ExchangeError};
use super::exchange::Outgoing;
use super::flight::{Boarded, Flights, Landing};
use super::metrics::ForwardMetrics;
use super::outlet::Looping;
use super::policy::{Chooser, Order, Policy};
use super::random::random_below;
use super::target::Target;
use super::upstream::{Upstream, UpstreamOptions};
use crate::dns::{
    BadMessage, Failure, FailureKind, Flags, Name, OwnedQuery, Query, Rcode, Response, Section, Transport,
    read_u16,
};
use crate::plugin::{Finished, Outcome};
use crate::telemetry::metrics::Registry;

/// How often every upstream may fail one query, unless `max_connect_attempts` says otherwise.
const ATTEMPTS_PER_UPSTREAM: usize = 2;
/// The pause after all have failed, where attempts are not limited: a port that refuses answers within microseconds.
const ROUND_PAUSE: Duration = Duration::from_millis(20);

/// The option that names a client's subnet (RFC 7871 §6).
const OPTION_SUBNET: u16 = 8;

/// What a directive says.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// The zone that is forwarded, without what is below one of `except`.
    pub(super) from: Name,
    pub(super) except: Vec<Name>,
    /// From 1 to 15, none twice.
    pub(super) to: Vec<Target>,
    pub(super) policy: Policy,
    pub(super) force_tcp: bool,
    pub(super) prefer_udp: bool,
    /// Queries at once; `None` is no limit.
    pub(super) concurrent_max: Option<usize>,
    /// Failed attempts in a query; 0 is no limit, `None` two for each upstream.
    pub(super) attempts_max: Option<usize>,
    /// Whether nobody is asked when all are down.
    pub(super) is_fail_fast: bool,
    /// Replies that another upstream may better.
    pub(super) failover: Vec<Rcode>,
    /// Replies that the next directive may better.
    pub(super) next: Vec<Rcode>,
    pub(super) next_on_nodata: bool,
    /// The time for a query and all its attempts.
    pub(super) budget: Duration,
    pub(super) upstream: UpstreamOptions,
}

/// A directive with its upstreams.
pub(super) struct Stanza {
    pub(super) options: Options,
    pub(super) upstreams: Vec<Arc<Upstream>>,
    /// Of each upstream, for which names it leads back here.
    pub(super) looping: Box<[Looping]>,
    pub(super) flights: Arc<Flights>,
    chooser: Chooser,
    concurrent: AtomicUsize,
    metrics: ForwardMetrics,
}

/// One of the queries that are forwarded at once.
pub(super) struct Place(Arc<Stanza>);

/// A query on its way.
pub(super) struct Job {
    pub(super) place: Place,
    pub(super) query: Arc<OwnedQuery>,
    pub(super) outgoing: Outgoing,
    /// Whether there is a directive below to hand replies to.
    pub(super) has_next: bool,
}

// === impl Stanza ===

impl Stanza {
    pub(super) fn new(options: Options, registry: &Registry) -> Arc<Self> {
        let upstreams =
            options.to.iter().map(|to| Upstream::new(to.clone(), options.upstream.clone(), registry));
        Arc::new(Self {
            upstreams: upstreams.collect(),
            looping: options.to.iter().map(|_| Looping::default()).collect(),
            flights: Flights::new(),
            chooser: Chooser::new(options.policy),
            concurrent: AtomicUsize::new(0),
            metrics: ForwardMetrics::new(registry),
            options,
        })
    }

    /// Whether the query is for this directive.
    pub(super) fn matches(&self, query: &Query<'_>) -> bool {
        let Options { from, except, .. } = &self.options;
        // The zone itself is forwarded whatever is excepted.
        query.zone_start(from.as_wire()).is_some_and(|start| {
            start == 0 || !except.iter().any(|zone| query.zone_start(zone.as_wire()).is_some())
        })
    }

    /// A place among the queries that are forwarded at once, or a seat behind another one that asks the same.
    pub(super) fn board(self: &Arc<Self>, query: &Query<'_>) -> Result<Boarded<Place>, Failure> {
        let transport = self.transport(query.origin().transport);
        let boarded = self.flights.board(query, transport, || self.enter())?;
        if matches!(boarded, Boarded::Waits(_)) {
            self.metrics.joined.inc();
        }
        Ok(boarded)
    }

    /// What tells apart how a query is asked. With `prefer_udp` a client's own transport still decides what it gets when
    /// the repetition over TCP fails.
    fn transport(&self, client: Transport) -> Transport {
        if self.options.force_tcp { Transport::Tcp } else { client }
    }

    /// A place among the queries that are forwarded at once, if there is one.
    fn enter(self: &Arc<Self>) -> Result<Place, Failure> {
        let before = self.concurrent.fetch_add(1, Relaxed);
        let place = Place(Arc::clone(self));
        match self.options.concurrent_max {
            Some(max) if before >= max => {
                self.metrics.rejected.inc();
                let text = format!("concurrent queries exceeded maximum {max}");
                Err(Failure::with_detail(FailureKind::Overloaded, text))
            }
            _ => Ok(place),
        }
    }

    /// Whether replies may be handed to the directive below.
    pub(super) fn hands_on(&self) -> bool {
        self.options.next_on_nodata || !self.options.next.is_empty()
    }

    /// The address of each upstream, as metrics name it.
    pub(super) fn labels(&self) -> Vec<String> {
        self.options.to.iter().map(ToString::to_string).collect()
    }

    /// Whom to ask next, and whether only because all are down. An upstream that leads back here is never asked.
    fn pick(&self, order: &mut Order, query: &Query<'_>) -> Result<(&Arc<Upstream>, bool), Failure> {
        let leads_away = |index: &usize| !self.looping[*index].holds(query);
        if let Some(index) = order.next(|index| !self.upstreams[index].is_down() && leads_away(&index)) {
            return Ok((&self.upstreams[index], false));
        }
        let mut left: Vec<usize> = (0..self.upstreams.len()).filter(leads_away).collect();
        if left.is_empty() {
            // The log has said it once.
            return Err(Failure::new(FailureKind::Loop));
        }
        self.metrics.all_down.inc();
        if self.options.is_fail_fast {
            return Err(no_healthy());
        }
        // The probes may be what is broken.
        let index = left.swap_remove(random_below(left.len() as u32) as usize);
        Ok((&self.upstreams[index], true))
    }

    fn hands_on_reply(&self, response: &Response) -> bool {
        let rcode = response.rcode();
        let is_nodata = rcode == Rcode::NOERROR && response.count(Section::Answer) == 0;
        self.options.next.contains(&rcode) || (self.options.next_on_nodata && is_nodata)
    }
}

fn no_healthy() -> Failure {
    Failure::with_detail(FailureKind::UpstreamUnreachable, "no healthy proxies")
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.concurrent.fetch_sub(1, Relaxed);
    }
}

// === impl Job ===

impl Job {
    /// Asks until there is an answer, or no time, attempt or upstream is left.
    pub(super) async fn run(mut self) -> Landing {
        let stanza = Arc::clone(&self.place.0);
        let count = stanza.upstreams.len();
        let deadline = Instant::now() + stanza.options.budget;
        let attempts_max = stanza.options.attempts_max.unwrap_or(ATTEMPTS_PER_UPSTREAM * count);
        let mut order = stanza.chooser.order(count, random_below);
        let mut response = Response::new();
        let (mut attempts, mut failovers) = (0, 0);
        // What is given if nothing better comes.
        let mut answer: Option<Response> = None;
        let mut error: Option<ExchangeError> = None;
        let mut failure = None;
        while (attempts_max == 0 || attempts < attempts_max) && Instant::now() < deadline {
            let (upstream, is_last) = match stanza.pick(&mut order, &self.query.as_query()) {
                Ok(picked) => picked,
                Err(none) => {
                    failure = Some(none);
                    break;
                }
            };
            match self.ask(&stanza.options, upstream, &mut response, deadline).await {
                Ok(rcode) => {
                    failovers += 1;
                    if stanza.options.failover.contains(&rcode) && failovers < count {
                        answer = Some(std::mem::take(&mut response));
                        continue;
                    }
                    let is_handed_on = self.has_next && stanza.hands_on_reply(&response);
                    let finished = Finished { response, outcome: Outcome::Answered };
                    return if is_handed_on { Landing::HandedOn(finished) } else { Landing::Done(finished) };
                }
                Err(failed) => {
                    attempts += 1;
                    let is_final = is_last || matches!(failed.cause, Cause::OtherQuestion);
                    if !failed.is_ours() && !failed.is_answer() {
                        upstream.check_health();
                    }
                    error = Some(failed);
                    if is_final {
                        break;
                    }
                    if attempts_max == 0 && attempts % count == 0 {
                        sleep(ROUND_PAUSE).await;
                    }
                }
            }
        }
        if let Some(response) = answer {
            return Landing::Done(Finished { response, outcome: Outcome::Answered });
        }
        response.begin(&self.query.as_query());
        let failure = error.map(ExchangeError::into_failure).or(failure).unwrap_or_else(no_healthy);
        Landing::Done(Finished { response, outcome: Outcome::Failed(failure) })
    }

    /// Asks one upstream; its reply is in `response` then.
    async fn ask(
        &mut self,
        options: &Options,
        upstream: &Arc<Upstream>,
        response: &mut Response,
        deadline: Instant,
    ) -> Result<Rcode, ExchangeError> {
        let client = self.query.as_query().origin().transport;
        let transport = match client {
            _ if options.force_tcp => Transport::Tcp,
            _ if options.prefer_udp => Transport::Udp,
            client => client,
        };
        let rcode = self.ask_over(transport, upstream, response, deadline).await?;
        let is_cut = upstream.may_cut(transport) && response.flags().has(Flags::TC);
        if !is_cut || !options.prefer_udp {
            return Ok(rcode);
        }
        let cut = std::mem::take(response);
        match self.ask_over(Transport::Tcp, upstream, response, deadline).await {
            // A client that came over UDP can come again over TCP.
            Err(_) if client == Transport::Udp => {
                *response = cut;
                Ok(rcode)
            }
            result => result,
        }
    }

    async fn ask_over(
        &mut self,
        transport: Transport,
        upstream: &Arc<Upstream>,
        response: &mut Response,
        deadline: Instant,
    ) -> Result<Rcode, ExchangeError> {
        let started = Instant::now();
        let query = &self.query;
        let mut take = |reply: &[u8]| load(response, &query.as_query(), reply, transport);
        let rcode = upstream.exchange(&mut self.outgoing, transport, deadline, &mut take).await?;
        upstream.metrics.answered(rcode, started.elapsed());
        Ok(rcode)
    }
}

/// Makes the upstream's reply the response. One over UDP that is not whole counts as truncated: so are those of servers
/// that cut at the datagram's end, and the client comes again over TCP.
fn load(
    response: &mut Response,
    query: &Query<'_>,
    reply: &[u8],
    transport: Transport,
) -> Result<Rcode, BadMessage> {
    match response.load(query, reply) {
        Err(BadMessage::Broken) if transport == Transport::Udp => {
            let flags = Flags(read_u16(reply, 2).unwrap_or_default());
            response.begin(query);
            response.set_flags(flags.0 | Flags::TC);
            response.set_rcode(Rcode(flags.rcode()));
        }
        result => result?,
    }
    if is_for_subnet(query, response) {
        response.set_uncacheable();
    }
    Ok(response.rcode())
}

/// Whether the answer is meant for a part of all clients alone: those of the subnet that this one named (RFC 7871 §7.3.1).
/// Where the upstream says nothing of subnets, or that this one did not matter (scope 0), it is for all.
fn is_for_subnet(query: &Query<'_>, response: &Response) -> bool {
    query.option(OPTION_SUBNET).is_some()
        && response.option(OPTION_SUBNET).and_then(|subnet| subnet.get(3)).is_some_and(|scope| *scope > 0)
}
