//! `runtime_metrics`: what the async runtime has to do. CoreDNS's option shows Go's scheduler and memory; this is what
//! there is in their place.

use tokio::runtime::Handle;

use crate::telemetry::metrics::{Collector, Registry, Scrape};

/// Adds `kubezone_runtime_*` to every scrape for as long as the collector is held.
pub(super) fn register(registry: &Registry, runtime: &Handle) -> Collector {
    let runtime = runtime.metrics();
    registry.collector(move |scrape: &mut Scrape| {
        let gauges = [
            (
                "kubezone_runtime_workers",
                "Threads of the async runtime, on which runs what has to wait.",
                runtime.num_workers(),
            ),
            ("kubezone_runtime_tasks", "Tasks that are not finished.", runtime.num_alive_tasks()),
            (
                "kubezone_runtime_queued_tasks",
                "Tasks that could go on and wait for a thread to take them.",
                runtime.global_queue_depth(),
            ),
        ];
        for (name, help, value) in gauges {
            scrape.gauge(name, help, &[], value as f64);
        }
        for worker in 0..runtime.num_workers() {
            let label = worker.to_string();
            let labels = [("worker", label.as_str())];
            let busy = runtime.worker_total_busy_duration(worker).as_secs_f64();
            scrape.counter(
                "kubezone_runtime_busy_seconds_total",
                "How long a thread was at work.",
                &labels,
                busy,
            );
            let parks = runtime.worker_park_count(worker) as f64;
            let help = "How often a thread found nothing to do and slept.";
            scrape.counter("kubezone_runtime_sleeps_total", help, &labels, parks);
        }
    })
}
