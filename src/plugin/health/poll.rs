//! The process asks its own `/health` once a second: a runtime that has too much to do shows in how long that takes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::metrics::Metrics;

const INTERVAL: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(3);
const SLOW: Duration = Duration::from_secs(1);
/// The answer is some 100 octets; more than this is somebody else's.
const ANSWER_LEN_MAX: u64 = 4096;

/// Polls until it is dropped.
pub(super) async fn poll(address: SocketAddr, metrics: Metrics) {
    let mut ticks = interval_at(Instant::now() + INTERVAL, INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        ticks.tick().await;
        let start = Instant::now();
        let result =
            timeout(TIMEOUT, get(address)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let elapsed = start.elapsed();
        metrics.durations.observe(elapsed);
        match &result {
            Ok(()) if elapsed > SLOW => {
                tracing::warn!(
                    target: "plugin/health",
                    "Local health request to \"http://{address}/health\" took more than 1s: {elapsed:?}"
                );
            }
            Ok(()) => {}
            Err(error) => {
                metrics.failures.inc();
                // The counter says how often; a line each second would say no more.
                if !failing {
                    tracing::warn!(
                        target: "plugin/health",
                        "Local health request to \"http://{address}/health\" failed: {error}"
                    );
                }
            }
        }
        failing = result.is_err();
    }
}

/// Asks for `/health`.
///
/// # Errors
/// When there is no answer, or another one than 200.
pub(super) async fn get(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_LEN_MAX).read_to_end(&mut answer).await?;
    if answer.starts_with(b"HTTP/1.1 200 ") {
        return Ok(());
    }
    let status = answer.split(|octet| *octet == b'\r').next().unwrap_or_default();
    Err(io::Error::other(format!("unexpected answer `{}`", String::from_utf8_lossy(status))))
}
