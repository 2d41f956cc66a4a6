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
    /// Not more than that server has; either may be negative.
    NotAbove(Peer),
    /// Less than the best of these.
    Below(&'static [Peer]),
    /// At most, absolutely.
    Max(f64),
    /// At most this many times the server's own other metric.
    AtMostOwn(f64, Metric),
    /// At least so many times.
    AtLeastOwn(f64, Metric),
    /// At most this many times what the server itself has in that row.
    AtMostRow(f64, &'static str),
    /// From the second of these rows to this one it grows at most so many times as much as from the first to the second.
    GrowsAtMost(f64, &'static str, &'static str),
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
    goal(
        "headless-1000",
        "headless, 1,000 addresses over TCP: ≥ 10 × CoreDNS's queries/s",
        Metric::Rate,
        Bound::AtLeast(10.0, CoreDns),
    ),
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
        "memory",
        "peak across a full relist ≤ 1.25 × steady (container)",
        Metric::PeakRelist,
        Bound::AtMostOwn(1.25, Metric::Rss),
    ),
    of_container(
        "pods",
        "`pods verified`, a Pod an endpoint: RSS ≤ 1/10 of CoreDNS's (container)",
        Metric::Rss,
        Bound::AtMost(0.1, CoreDns),
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
    goal(
        "two-cpus",
        "two CPUs, each shared with the generator: ≥ 1.8 × one",
        Metric::RateTwo,
        Bound::AtLeastOwn(1.8, Metric::RateOne),
    ),
    goal(
        "propagation",
        "a new Service: median at or below CoreDNS's",
        Metric::Lag50,
        Bound::NotAbove(CoreDns),
    ),
    goal("propagation", "a new Service: p99 at or below CoreDNS's", Metric::Lag99, Bound::NotAbove(CoreDns)),
    goal(
        "propagation-changes",
        "a new Service among 500 changes/s: median at or below CoreDNS's",
        Metric::Lag50,
        Bound::NotAbove(CoreDns),
    ),
    goal(
        "propagation-changes",
        "a new Service among 500 changes/s: p99 at or below CoreDNS's",
        Metric::Lag99,
        Bound::NotAbove(CoreDns),
    ),
    goal(
        "growth-100000",
        "100,000 Services: CPU a query ≤ 1.25 × that of 100",
        Metric::Cpu,
        Bound::AtMostRow(1.25, "growth-100"),
    ),
    goal(
        "growth-100000",
        "100,000 Services: CPU a change ≤ 1.25 × that of 100",
        Metric::Change,
        Bound::AtMostRow(1.25, "growth-100"),
    ),
    of_container(
        "growth-100000",
        "memory linear: 10,000 to 100,000 Services adds ≤ 10 × what 100 to 10,000 adds (container)",
        Metric::Rss,
        Bound::GrowsAtMost(10.0, "growth-100", "growth-10000"),
    ),
    goal("binary", "binary ≤ 20 MB stripped", Metric::Size, Bound::Max(20.0)),
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
            Bound::NotAbove(peer) => {
                let theirs = of(peer, self.metric)?;
                (format!("{shown}, theirs {}", self.metric.shown(theirs)), ours <= theirs)
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
            Bound::AtLeastOwn(factor, metric) => {
                let ratio = ours / of(self.peer, metric)?;
                (format!("{ratio:.2} × ({shown})"), ratio >= factor)
            }
            Bound::AtMostRow(factor, row) => {
                let less = measures.find(row, self.peer, self.metric)?.median();
                let ratio = ours / less;
                (format!("{ratio:.2} × ({shown} to {})", self.metric.shown(less)), ratio <= factor)
            }
            Bound::GrowsAtMost(factor, first, second) => {
                let in_row = |row| Some(measures.find(row, self.peer, self.metric)?.median());
                let (first, second) = (in_row(first)?, in_row(second)?);
                let ratio = (ours - second) / (second - first);
                let values = [first, second, ours].map(|value| self.metric.shown(value)).join(", ");
                (format!("{ratio:.1} × ({values})"), ratio <= factor)
            }
        };
        Some(Judged { found, is_met: Some(is_met) })
    }
}
