//! What was measured: samples, and what they say together.

use crate::servers::Peer;

/// What a sample is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Replies a second.
    Rate,
    /// Microseconds of the server's processor for a reply.
    Cpu,
    /// Latency in microseconds that half of the queries have at most.
    P50,
    P99,
    P999,
    /// Microseconds after the API's answer that half of the new Services are answered at, and 99 %; negative before it.
    Lag50,
    Lag99,
    /// Queries without a reply, in percent.
    Lost,
    /// Resident memory in MiB, and the most that it was.
    Rss,
    Peak,
    /// The most that it was after the API server was away and came back, in MiB.
    PeakRestart,
    /// The most that it was after everything was listed anew, in MiB.
    PeakRelist,
    /// Milliseconds from the start of the process.
    Ready,
    FirstAnswer,
    /// Percent of a processor, with nothing to do.
    Idle,
    /// Percent of a processor, with what the row has it do.
    Used,
    /// Microseconds of the server's processor for a change of a slice.
    Change,
    /// Replies a second where server and generator share one processor, and two.
    RateOne,
    RateTwo,
    /// Megabytes (of 1,000,000 octets).
    Size,
}

/// Samples of one metric.
pub struct Measure {
    pub row: &'static str,
    pub peer: Peer,
    pub metric: Metric,
    pub samples: Vec<f64>,
}

/// All of a run.
#[derive(Default)]
pub struct Measures(pub Vec<Measure>);

impl Metric {
    pub fn unit(self) -> &'static str {
        match self {
            Self::Rate => "replies/s",
            Self::Cpu => "CPU µs/reply",
            Self::P50 => "p50 µs",
            Self::P99 => "p99 µs",
            Self::P999 => "p99.9 µs",
            Self::Lag50 => "p50 µs after the API's answer",
            Self::Lag99 => "p99 µs after the API's answer",
            Self::Lost => "lost %",
            Self::Rss => "RSS MiB",
            Self::Peak => "peak MiB",
            Self::PeakRestart => "peak with a restart MiB",
            Self::Ready => "ready ms",
            Self::FirstAnswer => "first answer ms",
            Self::PeakRelist => "peak with a relist MiB",
            Self::Idle => "idle CPU %",
            Self::Used => "CPU %",
            Self::Change => "CPU µs/change",
            Self::RateOne => "replies/s on one CPU",
            Self::RateTwo => "replies/s on two CPUs",
            Self::Size => "MB",
        }
    }

    pub fn shown(self, value: f64) -> String {
        match self {
            Self::Rate | Self::RateOne | Self::RateTwo => format!("{value:.0}"),
            Self::P50
            | Self::P99
            | Self::P999
            | Self::Lag50
            | Self::Lag99
            | Self::Ready
            | Self::FirstAnswer => format!("{value:.0}"),
            Self::Rss | Self::Peak | Self::PeakRestart | Self::PeakRelist => format!("{value:.1}"),
            Self::Size | Self::Used | Self::Change => format!("{value:.1}"),
            Self::Cpu | Self::Lost | Self::Idle => format!("{value:.2}"),
        }
    }
}

impl Measure {
    /// The middle one, or the mean of the two in the middle.
    pub fn median(&self) -> f64 {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
    }

    /// The smallest and the largest.
    pub fn spread(&self) -> (f64, f64) {
        let sorted = self.sorted();
        (sorted[0], sorted[sorted.len() - 1])
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

impl Measures {
    pub fn note(&mut self, row: &'static str, peer: Peer, metric: Metric, sample: f64) {
        let is_it = |held: &&mut Measure| held.row == row && held.peer == peer && held.metric == metric;
        match self.0.iter_mut().find(is_it) {
            Some(measure) => measure.samples.push(sample),
            None => self.0.push(Measure { row, peer, metric, samples: vec![sample] }),
        }
    }

    pub fn find(&self, row: &str, peer: Peer, metric: Metric) -> Option<&Measure> {
        self.0.iter().find(|held| held.row == row && held.peer == peer && held.metric == metric)
    }
}
