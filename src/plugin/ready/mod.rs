#![doc = include_str!("README.md")]

mod setup;

pub use setup::setup;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Readiness;
use crate::telemetry::http::{Request, Response};

/// What answers `/ready`: the `conditions` of the server blocks that have the plugin, asked in turn.
///
/// 200 `OK` when all hold, 503 with the names of the plugins that wait, and 503 while `shutting_down`. A condition that
/// held once is not asked again unless `continuously`.
pub fn handler(
    conditions: Vec<Readiness>,
    continuously: bool,
    shutting_down: Arc<AtomicBool>,
) -> impl Fn(&Request) -> Response + Send + Sync + 'static {
    let conditions: Vec<(Readiness, AtomicBool)> =
        conditions.into_iter().map(|condition| (condition, AtomicBool::new(false))).collect();
    move |_| {
        if shutting_down.load(Ordering::Relaxed) {
            return Response::text(503, "Shutting down");
        }
        let mut waiting: Vec<&str> = conditions
            .iter()
            .filter(|(condition, held)| {
                let holds = (!continuously && held.load(Ordering::Relaxed)) || (condition.is_ready)();
                held.store(holds, Ordering::Relaxed);
                !holds
            })
            .map(|(condition, _)| condition.plugin)
            .collect();
        if waiting.is_empty() {
            return Response::text(200, "OK");
        }
        waiting.sort_unstable();
        waiting.dedup();
        let names = waiting.join(",");
        tracing::info!(target: "plugin/ready", "Plugins not ready: {names:?}");
        Response::text(503, names)
    }
}

#[cfg(test)]
mod tests;
