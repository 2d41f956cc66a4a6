//! `apiserver_qps`, `apiserver_burst`, `apiserver_max_inflight`: how hard the API server is asked.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::cluster::RequestLimits;
use crate::corefile::{Diagnostic, Directive, Token};

/// Less often than every quarter of an hour, or more often than each microsecond, nobody means.
const QPS_MIN: f64 = 0.001;
const QPS_MAX: f64 = 1e6;

/// Reads one of the three. As in CoreDNS 0 is as good as none.
pub(super) fn read(property: &Directive, limits: &mut RequestLimits) -> Result<(), Diagnostic> {
    match property.name.text.as_str() {
        "apiserver_qps" => {
            let [word] = property.exactly("apiserver_qps QPS")?;
            limits.interval = interval(word)?;
        }
        "apiserver_burst" => {
            let [word] = property.exactly("apiserver_burst BURST")?;
            limits.burst = count(word)?;
        }
        _ => {
            let [word] = property.exactly("apiserver_max_inflight MAX")?;
            limits.in_flight = count(word)?;
        }
    }
    Ok(())
}

fn interval(word: &Token) -> Result<Option<Duration>, Diagnostic> {
    let qps = word.float(0.0..=QPS_MAX)?;
    if qps == 0.0 {
        return Ok(None);
    }
    if qps < QPS_MIN {
        let help = format!("it is 0 for no limit, or from {QPS_MIN} to {QPS_MAX}");
        return Err(word.wrong("a rate that leads anywhere").help(help));
    }
    Ok(Some(Duration::from_secs_f64(1.0 / qps)))
}

fn count(word: &Token) -> Result<Option<NonZeroU32>, Diagnostic> {
    word.integer(0..=u32::MAX).map(NonZeroU32::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corefile::{self, Memory};
    use crate::plugin::kubernetes::setup;
    use crate::plugin::testing::Bench;

    fn limits(lines: &str) -> RequestLimits {
        let text = format!(". {{\nkubernetes {{\n{lines}\n}}\n}}");
        let corefile = corefile::parse("Corefile", &text, &Memory::default()).unwrap();
        let mut limits = RequestLimits::default();
        for property in corefile.blocks[0].directives[0].properties() {
            read(property, &mut limits).unwrap();
        }
        limits
    }

    #[test]
    fn the_words_are_read() {
        let all = limits("apiserver_qps 50.0\napiserver_burst 100\napiserver_max_inflight 25");
        assert_eq!(all.interval, Some(Duration::from_millis(20)));
        assert_eq!((all.burst, all.in_flight), (NonZeroU32::new(100), NonZeroU32::new(25)));
        assert_eq!(limits("apiserver_qps 0.5").interval, Some(Duration::from_secs(2)));
        let none = limits("apiserver_qps 0\napiserver_burst 0\napiserver_max_inflight 0");
        assert_eq!(none, RequestLimits::default());
    }

    #[test]
    fn wrong_words_are_refused() {
        let mut bench = Bench::new(&["."]);
        bench.process.check_only = true;
        let ok =
            "kubernetes cluster.local {\n apiserver_qps 5\n apiserver_burst 5\n apiserver_max_inflight 5\n}";
        assert!(bench.set_up(setup, ok).is_ok());
        for (line, expected) in [
            ("apiserver_qps -10", "`-10` is not a number from 0 to 1000000"),
            ("apiserver_qps inf", "`inf` is not a number from 0 to 1000000"),
            (
                "apiserver_qps 1e-9",
                "`1e-9` is not a rate that leads anywhere | it is 0 for no limit, or from 0.001 to 1000000",
            ),
            ("apiserver_qps", "`apiserver_qps` takes 1 argument, not 0"),
            ("apiserver_burst -5", "`-5` is not a whole number from 0 to 4294967295"),
            ("apiserver_burst 1.5", "`1.5` is not a whole number"),
            ("apiserver_max_inflight -1", "`-1` is not a whole number"),
            ("apiserver_max_inflight 1 2", "`apiserver_max_inflight` takes 1 argument, not 2"),
            (
                "apiserver_qp 1",
                "unknown property `apiserver_qp` of `kubernetes` | did you mean `apiserver_qps`?",
            ),
        ] {
            let refusal = bench.refusal(setup, &format!("kubernetes cluster.local {{\n {line}\n}}"));
            assert!(refusal.starts_with(expected), "{refusal}");
        }
    }
}
