//! What the comparison is for: each goal with the measures that it is judged by.

use crate::measures::{Measures, Metric};
use crate::servers::Peer::{self, CoreDns, Echo, Knot, Kubezone, KubezoneMusl, Nsd, Unbound};

/// What must hold between two measures, or of one.
pub struct Goal {
    pub row: &'static str,
    pub words: &'static str,
    peer: Peer,
    metric: Metric,
    bound: Bound,
}

enum Bound {
    /// At most this many times what that server has.
    AtMost(f64, Peer),
    /// At least so many times.
    AtLeast(f64, Peer),
    /// Less than the best of these.
    Below(&'static [Peer]),
    /// At most, absolutely.
    Max(f64),
    /// At most this many times the server's own other metric.
    AtMostOwn(f64, Metric),
}

/// A goal, judged.
pub struct Judged {
    pub found: String,
    /// `None`: not measured.
    pub is_met: Option<bool>,
}

const fn goal(row: &'static str, words: &'static str, metric: Metric, bound: Bound) -> Goal {
    Goal { row, words, peer: Kubezone, metric, bound }
}

const fn of_container(row: &'static str, words: &'static str, metric: Metric, bound: Bound) -> Goal {
    Goal { row, words, peer: KubezoneMusl, metric, bound }
}

pub const GOALS: &[Goal] = &[
    goal("clusterip", "ClusterIP A: CPU ≤ 1.25 × the bare echo", Metric::Cpu, Bound::AtMost(1.25, Echo)),
    goal("clusterip", "ClusterIP A: ≥ 20 × CoreDNS's queries/s", Metric::Rate, Bound::AtLeast(20.0, CoreDns)),
    goal(
        "clusterip",
        "ClusterIP A: CPU below Knot, NSD and Unbound",
        Metric::Cpu,
        Bound::Below(&[Knot, Nsd, Unbound]),
    ),
    goal(
        "nxdomain",
        "NXDOMAIN of the search list: CPU ≤ 1.3 × the echo",
        Metric::Cpu,
        Bound::AtMost(1.3, Echo),
    ),
    goal("headless", "headless, 10 addresses: CPU ≤ 1.4 × the echo", Metric::Cpu, Bound::AtMost(1.4, Echo)),
    goal("srv", "SRV: CPU ≤ 1.4 × the echo", Metric::Cpu, Bound::AtMost(1.4, Echo)),
    goal("ptr", "PTR: CPU ≤ 1.4 × the echo", Metric::Cpu, Bound::AtMost(1.4, Echo)),
    goal("nodata", "AAAA NODATA: CPU ≤ 1.4 × the echo", Metric::Cpu, Bound::AtMost(1.4, Echo)),
    goal("cached", "forwarded, cached: CPU ≤ 1.4 × the echo", Metric::Cpu, Bound::AtMost(1.4, Echo)),
    goal("cached", "forwarded, cached: CPU below Unbound", Metric::Cpu, Bound::Below(&[Unbound])),
    goal(
        "missed",
        "forwarded, missed: ≥ 4 × CoreDNS's queries/s",
        Metric::Rate,
        Bound::AtLeast(4.0, CoreDns),
    ),
    goal("missed", "forwarded, missed: CPU below Unbound", Metric::Cpu, Bound::Below(&[Unbound])),
    goal(
        "tcp",
        "TCP, one query a connection: CoreDNS has ≥ 4 × the CPU",
        Metric::Cpu,
        Bound::AtMost(0.25, CoreDns),
    ),
    goal(
        "tcp-pipelined",
        "TCP, pipelined: ≥ 4 × CoreDNS's queries/s",
        Metric::Rate,
        Bound::AtLeast(4.0, CoreDns),
    ),
    goal("tcp-pipelined", "TCP, pipelined: CPU below Knot", Metric::Cpu, Bound::Below(&[Knot])),
    goal("open-loop", "5,000 queries/s: p50 at or below Knot's", Metric::P50, Bound::AtMost(1.0, Knot)),
    goal("open-loop", "5,000 queries/s: p99 at or below Knot's", Metric::P99, Bound::AtMost(1.0, Knot)),
    goal("open-loop", "5,000 queries/s: p99.9 at or below Knot's", Metric::P999, Bound::AtMost(1.0, Knot)),
    of_container("memory", "RSS ≤ 1/8 of CoreDNS's (container)", Metric::Rss, Bound::AtMost(0.125, CoreDns)),
    goal("memory", "RSS ≤ 1/8 of CoreDNS's (glibc)", Metric::Rss, Bound::AtMost(0.125, CoreDns)),
    of_container(
        "memory",
        "peak ≤ 1.25 × steady (container)",
        Metric::Peak,
        Bound::AtMostOwn(1.25, Metric::Rss),
    ),
    of_container(
        "memory",
        "peak across an API server restart ≤ 1.25 × steady (container)",
        Metric::PeakRestart,
        Bound::AtMostOwn(1.25, Metric::Rss),
    ),
    of_container(
        "ready",
        "start to ready ≤ 0.6 × CoreDNS (container)",
        Metric::Ready,
        Bound::AtMost(0.6, CoreDns),
    ),
    goal("ready", "start to ready ≤ 0.6 × CoreDNS (glibc)", Metric::Ready, Bound::AtMost(0.6, CoreDns)),
    goal("idle", "idle: no measurable CPU (at most 0.1 %)", Metric::Idle, Bound::Max(0.1)),
    of_container("idle", "sidecar: ≤ 8 MiB RSS (container)", Metric::Rss, Bound::Max(8.0)),
    of_container(
        "idle",
        "sidecar: ≤ 30 ms from exec to first answer (container)",
        Metric::FirstAnswer,
        Bound::Max(30.0),
    ),
    goal("binary", "binary ≤ 20 MB stripped", Metric::Size, Bound::Max(20.0)),
];

/// Goals that this program does not measure yet.
pub const NOT_MEASURED: &[&str] = &[
    "headless, 1,000 addresses over TCP ≥ 10 × CoreDNS",
    "two CPUs ≥ 1.8 × one (needs a third for the generator)",
    "`pods verified` with 100,000 Pods: RSS ≤ 1/10 of CoreDNS",
    "a new Service visible after the API's answer: median and p99 at or below CoreDNS uncached",
    "peak across a full relist ≤ 1.25 × steady: after a restart watches go on from their version, and nothing is listed",
    "growth: cost a query flat from 100 to 100,000 Services, memory linear, a change O(change)",
];

impl Goal {
    pub fn judge(&self, measures: &Measures) -> Judged {
        self.judged(measures).unwrap_or(Judged { found: "not measured".to_owned(), is_met: None })
    }

    fn judged(&self, measures: &Measures) -> Option<Judged> {
        let of = |peer, metric| Some(measures.find(self.row, peer, metric)?.median());
        let ours = of(self.peer, self.metric)?;
        let shown = self.metric.shown(ours);
        let (found, is_met) = match self.bound {
            Bound::AtMost(factor, peer) => {
                let theirs = of(peer, self.metric)?;
                let ratio = ours / theirs;
                (format!("{ratio:.2} × ({shown} to {})", self.metric.shown(theirs)), ratio <= factor)
            }
            Bound::AtLeast(factor, peer) => {
                let theirs = of(peer, self.metric)?;
                let ratio = ours / theirs;
                (format!("{ratio:.1} × ({shown} to {})", self.metric.shown(theirs)), ratio >= factor)
            }
            Bound::Below(peers) => {
                let best =
                    peers.iter().filter_map(|peer| of(*peer, self.metric)).fold(f64::INFINITY, f64::min);
                if best.is_infinite() {
                    return None;
                }
                (format!("{shown}, the best of them {}", self.metric.shown(best)), ours < best)
            }
            Bound::Max(max) => (shown, ours <= max),
            Bound::AtMostOwn(factor, metric) => {
                let ratio = ours / of(self.peer, metric)?;
                (format!("{ratio:.2} × ({shown})"), ratio <= factor)
            }
        };
        Some(Judged { found, is_met: Some(is_met) })
    }
}
