//! `dump`: the names of a cluster as a zone file.

use std::process::ExitCode;
use std::time::Duration;

use super::arguments::DumpOptions;
use super::serve;
use crate::app::Source;
use crate::cluster::{SourceConfig, WatchConfig};
use crate::corefile::Directive;
use crate::dns::Name;
use crate::plugin::kubernetes::Options;
use crate::plugin::{BlockDraft, Process, Setup, Site};
use crate::zone::Dump;

pub(super) fn run(options: DumpOptions) -> ExitCode {
    match dump(&options) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}", error.trim_end());
            ExitCode::FAILURE
        }
    }
}

fn dump(options: &DumpOptions) -> Result<String, String> {
    serve::install_crypto();
    let _guard = crate::telemetry::log::init(
        tracing::Level::WARN,
        crate::telemetry::log::LogFormat::Text,
        std::io::stderr(),
    )
    .map_err(|error| error.to_string())?;
    let runtime = serve::runtime()?;
    let process = serve::process(&runtime, &options.manifests, false);
    let (zones, multicluster, watch_config, ttl_s) = match &options.conf {
        Some(path) => of_corefile(&Source::File(path.clone()), &process)?,
        None => {
            let names = ["cluster.local", "in-addr.arpa", "ip6.arpa"];
            let zones = names.iter().filter_map(|name| Name::from_text(name).ok()).collect();
            (zones, Vec::new(), WatchConfig::new(SourceConfig::Manifests(process.manifests.clone())), 5)
        }
    };
    let watch = process.clusters.watch(&watch_config).map_err(|error| format!("failed to {error}"))?;
    let timeout = Duration::from_secs(options.timeout);
    let synced = runtime.block_on(async { tokio::time::timeout(timeout, watch.synced()).await.is_ok() });
    let zone = watch.reader().snapshot();
    if !synced {
        let missing: Vec<_> = zone.unsynced().iter().map(crate::zone::Kind::plural).collect();
        return Err(format!(
            "the API server gave no list of {} within {} s",
            missing.join(", "),
            options.timeout
        ));
    }
    Ok(Dump { zone: &zone, zones: &zones, multicluster: &multicluster, ttl_s }.to_string())
}

/// The zones, those of them that show imports, the watch and the TTL.
type Directed = (Vec<Name>, Vec<Name>, WatchConfig, u32);

/// What the first `kubernetes` directive says.
fn of_corefile(source: &Source, process: &Process) -> Result<Directed, String> {
    let corefile = source.load().map_err(|failure| failure.to_string())?;
    let found = corefile.blocks.iter().find_map(|block| {
        let directive = block.directives.iter().find(|directive| directive.name.text == "kubernetes")?;
        Some((block, directive))
    });
    let Some((block, directive)) = found else { return Err("the Corefile has no `kubernetes`".to_owned()) };
    let zones = block.keys.iter().flat_map(|key| key.zones.clone()).collect();
    let site = Site { zones, servers: Vec::new() };
    let directives: [&Directive; 1] = [directive];
    let mut draft = BlockDraft::default();
    let setup =
        Setup { directives: &directives, block: &block.directives, site: &site, process, draft: &mut draft };
    let options =
        Options::parse(&setup, directive).map_err(|diagnostic| corefile.sources.render(&diagnostic))?;
    let is_multicluster = |zone: &&Name| options.is_multicluster(zone);
    let multicluster = options.zones.iter().filter(is_multicluster).cloned().collect();
    Ok((options.zones, multicluster, options.watch, options.ttl_s))
}
