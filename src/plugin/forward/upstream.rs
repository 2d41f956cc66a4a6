//! One upstream: its connections, and whether it is down.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::error::{Cause, ExchangeError, Over, Step};
use super::exchange::{self, Broken, Outgoing, Take, Verdict};
use super::health::Probe;
use super::https::{Https, HttpsConnection};
use super::metrics::UpstreamMetrics;
use super::pipe::Pipe;
use super::pipes::{CONNECTIONS_MAX, Pipes};
use super::pool::{Keeping, Pool};
use super::quic::{Quic, QuicConnection};
use super::random::random_u16;
use super::shared::{Multiplexed, Shared};
use super::target::{Encrypted, Target};
use super::tls::Tls;
use crate::dns::{BadMessage, Transport};
use crate::telemetry::metrics::Registry;

/// How long a connection may take to open. CoreDNS adapts this between 1 and 30 s, which with 5 s for the whole query
/// leaves a single silent address no time for the next.
const DIAL_TIMEOUT: Duration = Duration::from_secs(2);

/// How an upstream is spoken to.
#[derive(Debug, Clone)]
pub(super) struct UpstreamOptions {
    /// How long to wait for a reply.
    pub(super) read_timeout: Duration,
    /// How connections are kept.
    pub(super) keeping: Keeping,
    /// Our end's address.
    pub(super) source: Option<IpAddr>,
    /// More failed probes than this in a row, and it is down; 0 never is.
    pub(super) fails_max: u32,
    /// The queries that may wait at once: each holds a socket.
    pub(super) in_flight_max: usize,
    /// How its health is asked for.
    pub(super) probe: Probe,
}

/// A server that queries are forwarded to.
pub struct Upstream {
    pub(super) target: Target,
    pub(super) options: UpstreamOptions,
    pub(super) metrics: UpstreamMetrics,
    way: Way,
    in_flight: AtomicUsize,
    pub(super) fails: AtomicU32,
    pub(super) is_probed: AtomicBool,
}

/// The connections.
enum Way {
    Plain { udp: Pool<UdpSocket>, tcp: Arc<Pipes> },
    Tls(Arc<Tls>, Arc<Pipes>),
    Https(Arc<Https>, Arc<Shared<HttpsConnection>>),
    Quic(Arc<Quic>, Arc<Shared<QuicConnection>>),
}

/// One of the queries that may wait at once.
struct Place<'u>(&'u Upstream);

impl Upstream {
    pub(super) fn new(target: Target, options: UpstreamOptions, registry: &Registry) -> Arc<Self> {
        let keeping = options.keeping;
        let (way, overs): (_, &[Over]) = match &target.encrypted {
            None => {
                let way = Way::Plain { udp: Pool::new(keeping), tcp: Pipes::new(keeping, CONNECTIONS_MAX) };
                (way, &[Over::Udp, Over::Tcp])
            }
            Some(Encrypted::Tls(tls)) => {
                (Way::Tls(Arc::clone(tls), Pipes::new(keeping, CONNECTIONS_MAX)), &[Over::Tls])
            }
            Some(Encrypted::Https(https)) => {
                (Way::Https(Arc::clone(https), Shared::new(keeping)), &[Over::Https])
            }
            Some(Encrypted::Quic(quic)) => (Way::Quic(Arc::clone(quic), Shared::new(keeping)), &[Over::Quic]),
        };
        Arc::new(Self {
            metrics: UpstreamMetrics::new(registry, target.to_string(), overs),
            target,
            options,
            way,
            in_flight: AtomicUsize::new(0),
            fails: AtomicU32::new(0),
            is_probed: AtomicBool::new(false),
        })
    }

    /// Whether its last probes failed.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.options.fails_max > 0 && self.fails.load(Relaxed) > self.options.fails_max
    }

    /// Whether a reply over UDP may come cut: an encrypted upstream gives all of it at once.
    pub(super) fn may_cut(&self, transport: Transport) -> bool {
        matches!(self.way, Way::Plain { .. }) && transport == Transport::Udp
    }

    /// Asks, and is content with any reply.
    ///
    /// # Errors
    /// When there is none until `deadline`, or it is to another question.
    pub async fn ask(
        self: &Arc<Self>,
        query: &mut Outgoing,
        transport: Transport,
        deadline: Instant,
    ) -> Result<(), ExchangeError> {
        self.exchange(query, transport, deadline, &mut |_| Ok(())).await
    }

    /// Asks, with a new id, and gives the octets of the reply to `take`; waits until `deadline` at most. `transport` counts
    /// where the upstream has a choice. A kept connection that turns out to be closed is replaced at once.
    pub(super) async fn exchange<T: Send>(
        self: &Arc<Self>,
        query: &mut Outgoing,
        transport: Transport,
        deadline: Instant,
        take: Take<'_, T>,
    ) -> Result<T, ExchangeError> {
        let Some(_place) = self.enter() else {
            return Err(self.error(
                transport.into(),
                Step::Dial,
                None,
                Cause::Busy(self.options.in_flight_max),
            ));
        };
        let (to, source) = (self.target.address, self.options.source);
        match &self.way {
            Way::Plain { udp, .. } if transport == Transport::Udp => {
                query.set_id(random_u16());
                self.ask_udp(udp, query, deadline, take).await
            }
            Way::Plain { tcp, .. } => {
                let dial = || async move {
                    let stream = exchange::dial_tcp(to, source).await?;
                    let local = stream.local_addr().ok();
                    Ok(Pipe::new(stream, local))
                };
                self.ask_piped(tcp, Over::Tcp, dial, query, deadline, take).await
            }
            Way::Tls(tls, pipes) => {
                let dial = || async move {
                    let stream = tls.dial(to, source).await?;
                    let local = stream.get_ref().0.local_addr().ok();
                    Ok(Pipe::new(stream, local))
                };
                self.ask_piped(pipes, Over::Tls, dial, query, deadline, take).await
            }
            Way::Https(https, shared) => {
                query.set_id(0);
                let dial = || https.dial(&self.target, source);
                let query = &*query;
                let ask = |connection: HttpsConnection| async move {
                    https.ask(&connection, query.message()).await
                };
                self.ask_shared(shared, Over::Https, dial, ask, query, deadline, take).await
            }
            Way::Quic(quic, shared) => {
                query.set_id(0);
                let dial = || quic.dial(&self.target, source);
                let query = &*query;
                let ask =
                    |connection: QuicConnection| async move { quic.ask(&connection, query.framed()).await };
                self.ask_shared(shared, Over::Quic, dial, ask, query, deadline, take).await
            }
        }
    }

    async fn ask_udp<T>(
        self: &Arc<Self>,
        pool: &Pool<UdpSocket>,
        query: &Outgoing,
        deadline: Instant,
        take: Take<'_, T>,
    ) -> Result<T, ExchangeError> {
        loop {
            let now = Instant::now();
            let (socket, opened, is_kept) = match pool.take(now) {
                Some(idle) => (idle.connection, idle.opened, true),
                None => {
                    let dialed = exchange::dial_udp(self.target.address, self.options.source);
                    let failed = |error| self.error(Over::Udp, Step::Dial, None, Cause::Io(error));
                    (dialed.map_err(failed)?, now, false)
                }
            };
            self.metrics.connected(Over::Udp, is_kept);
            let until = deadline.min(now + self.options.read_timeout);
            let result = timeout_at(until, exchange::exchange_udp(&socket, query, &mut *take)).await;
            match result.unwrap_or_else(|_| Err(Broken::timeout())) {
                Ok(taken) => {
                    if pool.put(socket, opened, Instant::now()) {
                        self.sweep_later();
                    }
                    return Ok(taken);
                }
                // An ICMP error that came for the query before this one.
                Err(broken) if is_kept && broken.step == Step::Write => {}
                Err(broken) => {
                    let local = socket.local_addr().ok();
                    return Err(self.error(Over::Udp, broken.step, local, broken.cause));
                }
            }
        }
    }

    /// Over TCP or TLS: on one of several connections.
    async fn ask_piped<D, T>(
        &self,
        pipes: &Arc<Pipes>,
        over: Over,
        dial: impl Fn() -> D,
        query: &mut Outgoing,
        deadline: Instant,
        take: Take<'_, T>,
    ) -> Result<T, ExchangeError>
    where
        D: Future<Output = io::Result<Pipe>>,
    {
        let mut is_new = false;
        loop {
            let now = Instant::now();
            let seat = timeout_at(deadline.min(now + DIAL_TIMEOUT), pipes.take(is_new, now, dial())).await;
            let seat = seat.map_or(Err(Cause::Timeout), |seat| seat.map_err(Cause::Io));
            let seat = seat.map_err(|cause| self.error(over, Step::Dial, None, cause))?;
            self.metrics.connected(over, seat.is_kept);
            let until = deadline.min(Instant::now() + self.options.read_timeout);
            let asked = timeout_at(until, seat.pipe.ask(query, &mut *take)).await;
            let broken = match asked.unwrap_or_else(|_| Err(Broken::timeout())) {
                Ok(taken) => return Ok(taken),
                Err(broken) => broken,
            };
            // What went wrong here would do so for others; and an upstream that vanished says nothing.
            seat.retire();
            // The upstream closed it, perhaps before our query came.
            is_new = seat.is_kept && broken.is_silent;
            if !is_new {
                return Err(self.error(over, broken.step, seat.pipe.local(), broken.cause));
            }
        }
    }

    /// Over HTTPS or QUIC: all queries on one connection.
    #[expect(clippy::too_many_arguments, reason = "what differs between the two, and what does not")]
    async fn ask_shared<C, D, A, T>(
        &self,
        shared: &Arc<Shared<C>>,
        over: Over,
        dial: impl Fn() -> D,
        ask: impl Fn(C) -> A,
        query: &Outgoing,
        deadline: Instant,
        take: Take<'_, T>,
    ) -> Result<T, ExchangeError>
    where
        C: Multiplexed,
        D: Future<Output = Result<C, Cause>>,
        A: Future<Output = Result<Vec<u8>, Cause>>,
    {
        let mut is_new = false;
        loop {
            let now = Instant::now();
            let taken = timeout_at(deadline.min(now + DIAL_TIMEOUT), shared.take(is_new, now, dial())).await;
            let taken = taken.unwrap_or(Err(Cause::Timeout));
            let taken = taken.map_err(|cause| self.error(over, Step::Dial, None, cause))?;
            self.metrics.connected(over, taken.is_kept);
            let until = deadline.min(Instant::now() + self.options.read_timeout);
            let asked = timeout_at(until, ask(taken.connection.clone())).await.unwrap_or(Err(Cause::Timeout));
            let failed = |cause| self.error(over, Step::Read, None, cause);
            let reply = match asked {
                Ok(reply) => reply,
                // The peer closed it, perhaps before our query came.
                Err(_) if taken.is_kept && !taken.connection.is_open() => {
                    is_new = true;
                    continue;
                }
                Err(cause) => {
                    if matches!(cause, Cause::Timeout) {
                        // A peer that vanished says nothing: the next query finds out with a new connection.
                        shared.forget().await;
                    }
                    return Err(failed(cause));
                }
            };
            return match query.judge(&reply) {
                Verdict::Reply => take(&reply).map_err(|error| failed(Cause::Broken(error))),
                Verdict::Garbage => Err(failed(Cause::Broken(BadMessage::Broken))),
                _ => Err(failed(Cause::OtherQuestion)),
            };
        }
    }

    /// Closes idle sockets when they expire: a task that lives for as long as there are any.
    fn sweep_later(self: &Arc<Self>) {
        let upstream = Arc::downgrade(self);
        let expire = self.options.keeping.expire;
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(expire).await;
                let Some(upstream) = upstream.upgrade() else { return };
                if !upstream.udp().is_some_and(|pool| pool.sweep(Instant::now())) {
                    return;
                }
            }
        });
    }

    fn udp(&self) -> Option<&Pool<UdpSocket>> {
        if let Way::Plain { udp, .. } = &self.way { Some(udp) } else { None }
    }

    fn enter(&self) -> Option<Place<'_>> {
        let place = Place(self);
        (self.in_flight.fetch_add(1, Relaxed) < self.options.in_flight_max).then_some(place)
    }

    fn error(&self, over: Over, step: Step, local: Option<SocketAddr>, cause: Cause) -> ExchangeError {
        ExchangeError { step, over, local, to: self.target.address, cause }
    }

    #[cfg(test)]
    pub(super) fn idle(&self, transport: Transport) -> usize {
        match transport {
            Transport::Udp => self.udp().map_or(0, Pool::len),
            Transport::Tcp => match &self.way {
                Way::Plain { tcp: pipes, .. } | Way::Tls(_, pipes) => pipes.idle(),
                Way::Https(..) | Way::Quic(..) => 0,
            },
        }
    }
}

impl Broken {
    fn timeout() -> Self {
        Self { step: Step::Read, cause: Cause::Timeout, is_silent: false }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}
