//! From a directive to a running plugin.

use std::sync::Arc;
use std::time::Duration;

use super::Kubernetes;
use super::options::Options;
use crate::cluster::Watch;
use crate::corefile::Diagnostic;
use crate::plugin::{Readiness, Setup, SetupResult, addresses};

/// Reads the directive, joins the watch and takes its place in the chain.
///
/// # Errors
/// When the directive is wrong or no watch can begin.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let directive = setup.once()?;
    let options = Options::parse(setup, directive)?;
    if setup.process.check_only {
        return Ok(());
    }
    let span = directive.head();
    let watch = setup
        .process
        .clusters
        .watch(&options.watch)
        .map_err(|error| Diagnostic::error(format!("failed to {error}")).at(span))?;
    let timeout = options.startup_timeout;
    setup.spawn(report_sync(Arc::clone(&watch), timeout));
    let waited = Arc::clone(&watch);
    setup.draft.before_swap.push(Box::pin(async move {
        let _ = tokio::time::timeout(timeout, waited.synced()).await;
    }));
    let asked = Arc::clone(&watch);
    setup
        .draft
        .readiness
        .push(Readiness { plugin: "kubernetes", is_ready: Arc::new(move || asked.is_synced()) });
    let local = addresses::local(&setup.draft.bind);
    let plugin = Kubernetes::new(options, watch, local, Arc::clone(&setup.process.lookup));
    setup.add(plugin);
    Ok(())
}

/// Says what CoreDNS says while the first lists are not in. Unlike there nothing waits for them: names outside of the
/// cluster are answered at once, and cluster names with SERVFAIL until then.
async fn report_sync(watch: Arc<Watch>, timeout: Duration) {
    if watch.is_synced() {
        return;
    }
    tracing::info!(target: "plugin/kubernetes", "waiting for Kubernetes API");
    if tokio::time::timeout(timeout, watch.synced()).await.is_err() {
        tracing::warn!(
            target: "plugin/kubernetes",
            "starting server with unsynced Kubernetes API: cluster names get SERVFAIL until it answers"
        );
        watch.synced().await;
    }
    let (services, namespaces, endpoints) = watch.reader().load().counts();
    tracing::info!(
        target: "plugin/kubernetes",
        "synced: {services} services, {endpoints} endpoint addresses, {namespaces} namespaces"
    );
}
