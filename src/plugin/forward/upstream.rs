//! One upstream: its connections, and whether it is down.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout_at};

use super::error::{Cause, ExchangeError, Step};
use super::exchange::{self, Broken, Outgoing, Take};
use super::health::Probe;
use super::metrics::UpstreamMetrics;
use super::pool::{Keeping, Pool};
use super::random::random_u16;
use crate::dns::Transport;

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
    pub(super) address: SocketAddr,
    pub(super) options: UpstreamOptions,
    pub(super) metrics: UpstreamMetrics,
    udp: Pool<UdpSocket>,
    tcp: Pool<TcpStream>,
    in_flight: AtomicUsize,
    pub(super) fails: AtomicU32,
    pub(super) is_probed: AtomicBool,
}

/// One of the queries that may wait at once.
struct Place<'u>(&'u Upstream);

impl Upstream {
    pub(super) fn new(address: SocketAddr, options: UpstreamOptions, metrics: UpstreamMetrics) -> Arc<Self> {
        Arc::new(Self {
            address,
            udp: Pool::new(options.keeping),
            tcp: Pool::new(options.keeping),
            options,
            metrics,
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

    /// Asks over `transport`, with a new id, and gives the octets of the reply to `take`; waits until `deadline` at
    /// most. A kept connection that turns out to be closed is replaced at once.
    pub(super) async fn exchange<T>(
        self: &Arc<Self>,
        query: &mut Outgoing,
        transport: Transport,
        deadline: Instant,
        take: Take<'_, T>,
    ) -> Result<T, ExchangeError> {
        let Some(_place) = self.enter() else {
            return Err(self.error(transport, Step::Dial, None, Cause::Busy(self.options.in_flight_max)));
        };
        query.set_id(random_u16());
        match transport {
            Transport::Udp => self.ask_udp(query, deadline, take).await,
            Transport::Tcp => self.ask_tcp(query, deadline, take).await,
        }
    }

    async fn ask_udp<T>(
        self: &Arc<Self>,
        query: &Outgoing,
        deadline: Instant,
        take: Take<'_, T>,
    ) -> Result<T, ExchangeError> {
        loop {
            let now = Instant::now();
            let (socket, opened, is_kept) = match self.udp.take(now) {
                Some(idle) => (idle.connection, idle.opened, true),
                None => {
                    let dialed = exchange::dial_udp(self.address, self.options.source);
                    let failed = |error| self.error(Transport::Udp, Step::Dial, None, Cause::Io(error));
                    (dialed.map_err(failed)?, now, false)
                }
            };
            self.count(Transport::Udp, is_kept);
            let until = deadline.min(now + self.options.read_timeout);
            let result = timeout_at(until, exchange::exchange_udp(&socket, query, &mut *take)).await;
            match result.unwrap_or_else(|_| Err(Broken::timeout())) {
                Ok(taken) => {
                    if self.udp.put(socket, opened, Instant::now()) {
                        self.sweep_later(|upstream| &upstream.udp);
                    }
                    return Ok(taken);
                }
                // An ICMP error that came for the query before this one.
                Err(broken) if is_kept && broken.step == Step::Write => {}
                Err(broken) => {
                    let local = socket.local_addr().ok();
                    return Err(self.error(Transport::Udp, broken.step, local, broken.cause));
                }
            }
        }
    }

    async fn ask_tcp<T>(
        self: &Arc<Self>,
        query: &Outgoing,
        deadline: Instant,
        take: Take<'_, T>,
    ) -> Result<T, ExchangeError> {
        loop {
            let (mut stream, opened, is_kept) = self.connect(deadline).await?;
            self.count(Transport::Tcp, is_kept);
            let until = deadline.min(Instant::now() + self.options.read_timeout);
            let result = timeout_at(until, exchange::exchange_tcp(&mut stream, query, &mut *take)).await;
            match result.unwrap_or_else(|_| Err(Broken::timeout())) {
                Ok((taken, is_reusable)) => {
                    if is_reusable && self.tcp.put(stream, opened, Instant::now()) {
                        self.sweep_later(|upstream| &upstream.tcp);
                    }
                    return Ok(taken);
                }
                Err(broken) if is_kept && broken.is_silent => {}
                Err(broken) => {
                    let local = stream.local_addr().ok();
                    return Err(self.error(Transport::Tcp, broken.step, local, broken.cause));
                }
            }
        }
    }

    /// A kept connection that is still good, or a new one.
    async fn connect(&self, deadline: Instant) -> Result<(TcpStream, Instant, bool), ExchangeError> {
        let now = Instant::now();
        while let Some(idle) = self.tcp.take(now) {
            if exchange::is_quiet(&idle.connection) {
                return Ok((idle.connection, idle.opened, true));
            }
        }
        let dialed = timeout_at(
            deadline.min(now + DIAL_TIMEOUT),
            exchange::dial_tcp(self.address, self.options.source),
        );
        let stream = match dialed.await {
            Ok(dialed) => dialed.map_err(Cause::Io),
            Err(_) => Err(Cause::Timeout),
        };
        let stream = stream.map_err(|cause| self.error(Transport::Tcp, Step::Dial, None, cause))?;
        Ok((stream, now, false))
    }

    /// Closes idle connections when they expire: a task that lives for as long as there are any.
    fn sweep_later<C: Send + 'static>(self: &Arc<Self>, pool: fn(&Self) -> &Pool<C>) {
        let upstream = Arc::downgrade(self);
        let expire = pool(self).expire();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(expire).await;
                match upstream.upgrade() {
                    Some(upstream) if pool(&upstream).sweep(Instant::now()) => {}
                    _ => return,
                }
            }
        });
    }

    fn count(&self, transport: Transport, is_kept: bool) {
        if is_kept {
            self.metrics.reused(transport);
        } else {
            self.metrics.opened(transport);
        }
    }

    fn enter(&self) -> Option<Place<'_>> {
        let place = Place(self);
        (self.in_flight.fetch_add(1, Relaxed) < self.options.in_flight_max).then_some(place)
    }

    fn error(
        &self,
        transport: Transport,
        step: Step,
        local: Option<SocketAddr>,
        cause: Cause,
    ) -> ExchangeError {
        ExchangeError { step, transport, local, to: self.address, cause }
    }

    #[cfg(test)]
    pub(super) fn idle(&self, transport: Transport) -> usize {
        match transport {
            Transport::Udp => self.udp.len(),
            Transport::Tcp => self.tcp.len(),
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
