//! `k8s_external [ZONES…] { apex APEX; ttl SECONDS; headless; fallthrough [ZONES…] }`.

use std::sync::Arc;

use super::{K8sExternal, Options};
use crate::corefile::Diagnostic;
use crate::plugin::{Setup, SetupResult, addresses, kubernetes};

/// Reads the directive, joins the watch of the block's `kubernetes` and takes its place in the chain.
///
/// # Errors
/// When the directive is wrong, or the block has no `kubernetes`.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let directive = setup.once()?;
    let options = Options::parse(setup, directive)?;
    let Some(sibling) = setup.sibling("kubernetes") else {
        return Err(Diagnostic::error("`k8s_external` needs `kubernetes` in the same server block")
            .at(directive.head())
            .label("nothing says which cluster's Services are meant")
            .help("add `kubernetes cluster.local` to the block"));
    };
    // What is wrong with that directive its own set-up says, which runs in any case: once is enough.
    let Ok(kubernetes) = kubernetes::Options::parse(setup, sibling) else { return Ok(()) };
    if setup.process.check_only {
        return Ok(());
    }
    let Ok(watch) = setup.process.clusters.watch(&kubernetes.watch) else { return Ok(()) };
    let local = addresses::local(&setup.draft.bind);
    let plugin = K8sExternal::new(options, kubernetes, watch, local, Arc::clone(&setup.process.lookup));
    setup.add(plugin);
    Ok(())
}
