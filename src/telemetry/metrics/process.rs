//! The process's own figures, under the names that every Prometheus client gives them. Read from /proc at each scrape;
//! where there is no /proc, the samples are absent.

use std::fs;

use super::{
    registry::{Collector, Registry},
    sample::Scrape,
};

/// Clock ticks in a second as /proc counts them: `USER_HZ`, 100 on every architecture that we build for. Asking
/// `sysconf` would need unsafe code.
const TICKS_PER_SECOND: f64 = 100.0;

/// What could be read; a figure that could not is `None`.
#[derive(Debug, Default, PartialEq)]
struct Figures {
    cpu_seconds: Option<f64>,
    start_time_seconds: Option<f64>,
    resident_bytes: Option<f64>,
    virtual_bytes: Option<f64>,
    virtual_bytes_max: Option<f64>,
    open_fds: Option<f64>,
    max_fds: Option<f64>,
}

/// Adds `process_*` to every scrape for as long as the collector is held.
pub fn register(registry: &Registry) -> Collector {
    registry.collector(|scrape| Figures::read().add_to(scrape))
}

impl Figures {
    fn read() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let mut figures = Self::parse(
            &read("/proc/self/stat"),
            &read("/proc/self/status"),
            &read("/proc/self/limits"),
            &read("/proc/stat"),
        );
        // One of the descriptors is that of the directory being read.
        figures.open_fds = fs::read_dir("/proc/self/fd").ok().map(|fds| fds.count().saturating_sub(1) as f64);
        figures
    }

    /// From the texts of /proc/self/stat, /proc/self/status, /proc/self/limits and /proc/stat, proc(5).
    fn parse(stat: &str, status: &str, limits: &str, system: &str) -> Self {
        // Field 2 is the command in parentheses and may hold anything; what follows the last parenthesis is field 3.
        let fields: Vec<&str> = stat
            .rsplit_once(')')
            .map(|(_, rest)| rest.split_ascii_whitespace().collect())
            .unwrap_or_default();
        let ticks = |field: usize| fields.get(field - 3).and_then(|text| text.parse::<f64>().ok());
        let kibibytes = |name| word_after(status, name).and_then(number).map(|kib| kib * 1024.0);
        let boot_seconds = word_after(system, "btime").and_then(number);
        Self {
            cpu_seconds: ticks(14).zip(ticks(15)).map(|(user, system)| (user + system) / TICKS_PER_SECOND),
            start_time_seconds: boot_seconds
                .zip(ticks(22))
                .map(|(boot, start)| boot + start / TICKS_PER_SECOND),
            resident_bytes: kibibytes("VmRSS:"),
            virtual_bytes: kibibytes("VmSize:"),
            virtual_bytes_max: word_after(limits, "Max address space").and_then(number),
            open_fds: None,
            max_fds: word_after(limits, "Max open files").and_then(number),
        }
    }

    fn add_to(&self, scrape: &mut Scrape) {
        if let Some(value) = self.cpu_seconds {
            let help = "Processor time spent by the process in user and kernel mode, in seconds.";
            scrape.counter("process_cpu_seconds_total", help, &[], value);
        }
        let gauges = [
            (
                "process_start_time_seconds",
                "When the process started, in seconds since the Unix epoch.",
                self.start_time_seconds,
            ),
            (
                "process_resident_memory_bytes",
                "Memory of the process that is resident, in bytes.",
                self.resident_bytes,
            ),
            ("process_virtual_memory_bytes", "Address space of the process, in bytes.", self.virtual_bytes),
            (
                "process_virtual_memory_max_bytes",
                "Address space that the process may have, the soft limit, in bytes.",
                self.virtual_bytes_max,
            ),
            ("process_open_fds", "File descriptors that are open.", self.open_fds),
            ("process_max_fds", "File descriptors that may be open, the soft limit.", self.max_fds),
        ];
        for (name, help, value) in gauges {
            if let Some(value) = value {
                scrape.gauge(name, help, &[], value);
            }
        }
    }
}

/// The word after `name` on the line that starts with it.
fn word_after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_ascii_whitespace().next())
}

fn number(word: &str) -> Option<f64> {
    // A limit that is off: the Go client prints the largest 64-bit number.
    if word == "unlimited" { Some(u64::MAX as f64) } else { word.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_the_texts_of_proc() {
        let stat = "77 (a ) (b) S 1 77 77 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 3 0 4200 9 9 9";
        let figures = Figures::parse(
            stat,
            "Name:\tx\nVmSize:\t    2048 kB\nVmRSS:\t     100 kB\n",
            "Limit                     Soft Limit           Hard Limit           Units\n\
             Max open files            1024                 4096                 files\n\
             Max address space         unlimited            unlimited            bytes\n",
            "cpu  1 2 3\nbtime 1700000000\n",
        );
        let expected = Figures {
            cpu_seconds: Some(2.0),
            start_time_seconds: Some(1_700_000_042.0),
            resident_bytes: Some(102_400.0),
            virtual_bytes: Some(2_097_152.0),
            virtual_bytes_max: Some(u64::MAX as f64),
            open_fds: None,
            max_fds: Some(1024.0),
        };
        assert_eq!(figures, expected);
    }

    #[test]
    fn what_cannot_be_read_is_absent() {
        assert_eq!(Figures::parse("", "", "", ""), Figures::default());
        let mut scrape = Scrape::default();
        Figures::default().add_to(&mut scrape);
        assert!(scrape.families.is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_all_seven() {
        let registry = Registry::new();
        let _collector = register(&registry);
        let text = registry.text();
        for name in [
            "process_cpu_seconds_total",
            "process_start_time_seconds",
            "process_resident_memory_bytes",
            "process_virtual_memory_bytes",
            "process_virtual_memory_max_bytes",
            "process_open_fds",
            "process_max_fds",
        ] {
            assert!(text.lines().any(|line| line.starts_with(&format!("{name} "))), "{name} in\n{text}");
        }
        assert_eq!(super::super::lint(&text), Vec::<String>::new());
    }
}
