//! A scenario, run: a server of its own on loopback, one question after the other.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kubezone::app::{App, Defaults, Source};
use kubezone::cluster::NoObserver;
use kubezone::plugin::Process;
use kubezone::telemetry::metrics::Registry;
use tokio::runtime::{Builder, Runtime};

use super::client;
use super::file::{Expected, Question, Scenario};

/// Removed when the scenario ends, also when it fails.
struct Folder(PathBuf);

struct Server {
    runtime: Runtime,
    app: App,
    address: SocketAddr,
}

pub fn run(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let scenario = Scenario::parse(&text);
    let folder = Folder::new(path);
    let manifests = folder.0.join("objects.yaml");
    std::fs::write(&manifests, &scenario.manifests).expect("the objects are written");
    let server = Server::start(&scenario.corefile.replace("MANIFESTS", &manifests.display().to_string()));
    let differences: Vec<String> = scenario
        .questions
        .iter()
        .filter_map(|question| difference(path, question, &client::ask(server.address, &question.ask)))
        .collect();
    server.stop();
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

/// What was expected (`-`) and what came (`+`).
fn difference(path: &Path, question: &Question, came: &Expected) -> Option<String> {
    if *came == question.expected {
        return None;
    }
    let (expected, came) = (question.expected.lines(), came.lines());
    let name = path.file_name().unwrap_or_default().display();
    let mut lines = vec![format!("tests/scenarios/{name}:{}: ? {}", question.line, question.text)];
    for line in &expected {
        lines.push(format!("  {} {line}", if came.contains(line) { ' ' } else { '-' }));
    }
    lines.extend(came.iter().filter(|line| !expected.contains(line)).map(|line| format!("  + {line}")));
    if lines.iter().skip(1).all(|line| line.starts_with("    ")) {
        lines.push(format!("  the same lines in another order or number:\n    {}", came.join("\n    ")));
    }
    Some(lines.join("\n"))
}

impl Server {
    fn start(corefile: &str) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let process = Process {
            root: std::env::temp_dir(),
            ..Process::new(runtime.handle().clone(), Registry::new(), Arc::new(NoObserver))
        };
        let source = Source::Text { name: "Corefile".to_owned(), text: corefile.to_owned() };
        let corefile = source.load().unwrap_or_else(|failure| panic!("{failure}"));
        // What loopback and port 0 give: a free port of the system's choice.
        let app = runtime.block_on(App::start(&corefile, process, Defaults { port: 0 }));
        let app = app.unwrap_or_else(|error| panic!("{error}"));
        let address = app.listening().next().expect("a listener");
        assert!(address.ip().is_loopback(), "`bind 127.0.0.1` is missing in the Corefile");
        Self { runtime, app, address }
    }

    fn stop(self) {
        self.runtime.block_on(self.app.stop());
        self.runtime.shutdown_background();
    }
}

impl Folder {
    fn new(scenario: &Path) -> Self {
        let name = scenario.file_stem().unwrap_or_default().display();
        let path = std::env::temp_dir().join(format!("kubezone-scenario-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for the objects");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
