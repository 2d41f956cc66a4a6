//! TCP: connections are taken until there are as many as there may be, and each is a [`Connection`] from then on.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Limits;
use super::answer::Edge;
use super::connection::Connection;
use super::phase::{Alive, Phase};
use super::stats::Count;
use crate::plugin::Router;

/// How long no connection is taken after the system has run out of descriptors or memory: those that are there must end
/// first, and asking at once would spin.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// What the connections of one listener share.
pub(super) struct Site {
    pub(super) number: u16,
    pub(super) router: Arc<ArcSwap<Router>>,
    pub(super) edge: Arc<Edge>,
    pub(super) limits: Limits,
}

/// Takes connections until the phase changes, then waits for them to end. Dropping it ends them at once.
pub(super) async fn accept(
    listener: TcpListener,
    site: Arc<Site>,
    mut phase: watch::Receiver<Phase>,
    _alive: Alive,
) {
    let mut connections = JoinSet::new();
    let mut exhausted = false;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = phase.wait_for(|phase| *phase != Phase::Running) => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                exhausted = false;
                take(&mut connections, stream, peer, &site, &phase);
            }
            Err(error) if is_exhausted(&error) => {
                if !exhausted {
                    tracing::warn!("failed to take a TCP connection, trying on: {error}");
                }
                exhausted = true;
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
            }
            // The connection that was to be taken is gone (ECONNABORTED, and what accept(2) passes on from the network).
            Err(_) => {}
        }
    }
    // Those who had connected before are served, and nobody else.
    while let Some(Ok((stream, peer))) = listener.accept().now_or_never() {
        take(&mut connections, stream, peer, &site, &phase);
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

fn take(
    connections: &mut JoinSet<()>,
    stream: TcpStream,
    peer: SocketAddr,
    site: &Arc<Site>,
    phase: &watch::Receiver<Phase>,
) {
    if connections.len() >= site.limits.connections_max {
        site.edge.cells.add(Count::ConnectionsRefused, 1);
        return;
    }
    site.edge.cells.add(Count::Connections, 1);
    // A connection that has lost its peer already is found out when it is read.
    let local = stream.local_addr().unwrap_or(peer);
    // Answers are small, and each is wanted at once (RFC 7766 §8 speaks of writing them whole).
    let _ = stream.set_nodelay(true);
    let connection = Connection::new(stream, peer, local, Arc::clone(site));
    connections.spawn(connection.run(phase.clone()));
}

/// Whether the system has run out of what a connection needs.
fn is_exhausted(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}
