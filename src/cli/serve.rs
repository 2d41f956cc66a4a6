//! `serve`, and kubezone without a subcommand.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

use super::arguments::ServeOptions;
use crate::app::{self, App, Defaults, End, Source};
use crate::cluster::ManifestPath;
use crate::plugin::Process;
use crate::telemetry::log::{self, JsonLevel, JsonRecord, LogFormat};
use crate::telemetry::metrics::Registry;
use crate::telemetry::panics;

/// Where `--manifests` without `--listen` and without Corefile listens: no privilege is needed for it.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1053);
/// What waits runs on these: forward, TCP, watches. Answers from the zone over UDP have threads of their own.
const RUNTIME_THREADS: usize = 2;

pub(super) fn run(options: ServeOptions) -> ExitCode {
    let Some(format) = LogFormat::from_word(&options.log_format) else {
        eprintln!("unknown log format {:?}: expected text or json", options.log_format);
        return ExitCode::FAILURE;
    };
    match serve(options, format) {
        Ok(code) => code,
        Err(error) => {
            match format {
                LogFormat::Text => eprintln!("{error}"),
                LogFormat::Json => {
                    let mut line = String::new();
                    drop(JsonRecord::new(&mut line, JsonLevel::Fatal, error));
                    eprintln!("{line}");
                }
            }
            ExitCode::FAILURE
        }
    }
}

fn serve(options: ServeOptions, format: LogFormat) -> Result<ExitCode, String> {
    install_crypto();
    panics::install();
    let output = log::standard_output().map_err(|error| format!("there is no standard output: {error}"))?;
    let guard = log::init(tracing::Level::INFO, format, output).map_err(|error| error.to_string())?;
    let runtime = runtime()?;
    let source = source_of(&options)?;
    let from = described(&options, &source);
    let process = process(&runtime, &options.manifests, false);
    let dropped = process.metrics.counter_fn(
        "kubezone_log_lines_dropped_total",
        "Log lines that were left out because the writer was behind.",
        &[],
        || log::dropped() as f64,
    );
    let pidfile = options.pidfile.clone().filter(|file| !file.as_os_str().is_empty());
    let to_remove = pidfile.clone();
    let quiet = options.quiet;
    let started = move |app: &App| {
        if !quiet {
            for line in app.listening() {
                tracing::info!("listening on {line} over UDP and TCP");
            }
            tracing::info!("from {from}");
        }
        if let Some(file) = pidfile
            && let Err(error) = std::fs::write(&file, format!("{}\n", std::process::id()))
        {
            tracing::error!("Could not write pidfile: open {}: {error}", file.display());
        }
    };
    let end =
        runtime.block_on(app::run(source, process, Defaults { port: options.port }, options.quiet, started));
    drop(dropped);
    if let Some(file) = to_remove {
        let _ = std::fs::remove_file(file);
    }
    // Tasks that wait for a server far away are not waited for.
    runtime.shutdown_background();
    drop(guard);
    match end? {
        End::Success => Ok(ExitCode::SUCCESS),
        End::AtOnce(code) => Ok(ExitCode::from(code)),
    }
}

/// The provider of rustls, for kube's client.
pub(super) fn install_crypto() {
    // An error means that it was installed before, by a test in the same process.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

pub(super) fn runtime() -> Result<Runtime, String> {
    Builder::new_multi_thread()
        .worker_threads(RUNTIME_THREADS)
        .thread_name("kubezone-async")
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start threads: {error}"))
}

pub(super) fn process(runtime: &Runtime, manifests: &[String], check_only: bool) -> Process {
    let metrics = Registry::new();
    let observer = app::WatchMetrics::new(&metrics);
    let manifests = manifests.iter().map(|path| manifest_path(path)).collect();
    Process { manifests, check_only, ..Process::new(runtime.handle().clone(), metrics, Arc::new(observer)) }
}

fn manifest_path(path: &str) -> ManifestPath {
    match path {
        "-" => ManifestPath::Stdin,
        path => ManifestPath::Path(path.into()),
    }
}

fn source_of(options: &ServeOptions) -> Result<Source, String> {
    // An empty name is none, as for CoreDNS.
    match options.conf.as_deref().filter(|path| !path.is_empty()) {
        Some("stdin") => {
            let mut text = String::new();
            let limit =
                std::io::stdin().take(crate::corefile::FILE_SIZE_MAX as u64).read_to_string(&mut text);
            limit.map_err(|error| format!("cannot read the Corefile from standard input: {error}"))?;
            Ok(Source::Text { name: "stdin".to_owned(), text })
        }
        Some(path) => Ok(Source::File(path.into())),
        None if !options.manifests.is_empty() => Ok(Source::for_manifests(options.listen.unwrap_or(LISTEN))),
        None => Ok(Source::default_file()),
    }
}

fn described(options: &ServeOptions, source: &Source) -> String {
    let corefile = match source {
        Source::File(path) => format!("`{}`", path.display()),
        Source::Text { name, .. } => name.clone(),
    };
    match options.manifests.as_slice() {
        [] => corefile,
        manifests => format!("{corefile}, objects of {}", manifests.join(", ")),
    }
}
