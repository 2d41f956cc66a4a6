//! Every Corefile that a document shows or `config/` ships is started: its listeners answer, its endpoints are open.
//!
//! What a Corefile names and a test does not have is put in its place by words: ports become free ones, addresses to bind
//! become loopback's, files lie below `tests/documents/root`, and a cluster is the manifests of `config/demo`. Upstreams stay
//! what they are: nobody is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kubezone::app::{App, Defaults, Source};
use kubezone::cluster::{ManifestPath, NoObserver};
use kubezone::corefile::{Corefile, Directive, Token};
use kubezone::plugin::Process;
use kubezone::telemetry::metrics::Registry;
use tokio::runtime::Handle;

use crate::document_files::{not_built, root, shipped_corefiles, shown_corefiles};
use crate::ports::free_port;

/// A guard against a server that does not answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What stands for what, over one Corefile.
#[derive(Default)]
struct Stage {
    ports: BTreeMap<u16, u16>,
    addresses: BTreeMap<String, String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_corefile_in_a_document_starts() {
    for (name, source) in shown_corefiles() {
        start(&name, &source).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_corefile_in_config_starts() {
    for (name, source) in shipped_corefiles() {
        start(&name, &source).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_administrator_adds_to_k3s_and_aks_is_served() {
    let folder = std::env::temp_dir().join(format!("kubezone-documents-{}", std::process::id()));
    let custom = folder.join("custom");
    std::fs::create_dir_all(&custom).unwrap();
    std::fs::write(custom.join("log.override"), "log\nchaos\n").unwrap();
    std::fs::write(
        custom.join("corp.server"),
        "corp.example:53 {\n    errors\n    forward . 192.0.2.53\n}\n",
    )
    .unwrap();
    std::fs::write(folder.join("NodeHosts"), "192.0.2.7 node-1\n").unwrap();
    for name in ["k3s", "aks"] {
        let text = std::fs::read_to_string(root().join("config").join(format!("Corefile.{name}"))).unwrap();
        let path = folder.join(name);
        std::fs::write(&path, text.replace("/etc/coredns", folder.to_str().unwrap())).unwrap();
        let source = Source::File(path);
        let corefile = source.load().unwrap_or_else(|failure| panic!("{failure}"));
        let names: Vec<&str> =
            corefile.blocks[0].directives.iter().map(|directive| directive.name.text.as_str()).collect();
        assert!(names.contains(&"chaos") && names.contains(&"log"), "{names:?}");
        assert_eq!(corefile.blocks[1].keys[0].token.text, "corp.example:53");
        assert!(corefile.warnings.is_empty(), "{:?}", corefile.warnings);
        start(name, &source).await;
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn plugins_that_distributions_add_are_refused_by_name_with_what_to_do() {
    for (line, message, help) in [
        (
            "ocp_dnsnameresolver {\n namespaces a\n }",
            "`ocp_dnsnameresolver` is an external one",
            "take it out",
        ),
        ("mdns example.org", "`mdns` is an external one", "multicast"),
        ("route53 example.org.:Z1", "`route53` is not planned", "forward the zone"),
        ("azure rg:example.org", "`azure` is not planned", "forward the zone"),
        ("kubernetai cluster.local", "`kubernetai` is an external one", "one server block for each cluster"),
        ("dnstap tcp://127.0.0.1:6000 full", "`dnstap` is not built yet", "take the directive out"),
        ("etcd example.org", "`etcd` is not built yet", "take the directive out"),
    ] {
        let text = std::fs::read_to_string(root().join("config/Corefile.openshift")).unwrap();
        let text = text.replacen("    ready\n", &format!("    {line}\n    ready\n"), 1);
        let path = std::env::temp_dir().join(format!("kubezone-refused-{}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kubezone"));
        let output = command.args(["check", path.to_str().unwrap()]).output().unwrap();
        std::fs::remove_file(&path).unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(told.contains(message) && told.contains(help), "{line}:\n{told}");
        assert_eq!(told.matches("error: ").count(), 1, "it alone is wrong:\n{told}");
    }
}

/// Starts it, asks every listener, and ends it.
async fn start(name: &str, source: &Source) {
    let mut corefile = source.load().unwrap_or_else(|failure| panic!("{name}:\n{failure}"));
    let refused = not_built(&corefile);
    let (ports, endpoints) = Stage::default().set(&mut corefile);
    let process = Process {
        root: root().join("tests/documents/root"),
        manifests: vec![ManifestPath::Path(root().join("config/demo"))],
        ..Process::new(Handle::current(), Registry::new(), Arc::new(NoObserver))
    };
    let app = match App::start(&corefile, process, Defaults { port: 53 }).await {
        Ok(app) => app,
        Err(error) => {
            let error = error.to_string();
            let is_named = refused.iter().any(|plugin| error.contains(&format!("plugin `{plugin}` is not")));
            assert!(is_named, "{name}:\n{error}");
            return;
        }
    };
    assert!(refused.is_empty(), "{name}: {refused:?} is not built, and was accepted");
    let listening: Vec<SocketAddr> = app.listening().collect();
    assert!(listening.len() >= ports, "{name}: {listening:?}");
    for address in listening {
        assert!(answers(address).await, "{name}: no answer at {address}");
    }
    for address in endpoints {
        assert!(app.endpoints().local_addr(&address).is_some(), "{name}: nothing listens at {address}");
    }
    // Dropped, and not stopped: the lameduck times of the examples are long.
}

/// Whether the server says that it does not know opcode 15: what it says without asking any plugin.
async fn answers(server: SocketAddr) -> bool {
    let ask = move || {
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()));
        let to = if server.ip().is_unspecified() { to } else { server };
        let client = if to.is_ipv4() { client } else { UdpSocket::bind("[::1]:0").unwrap() };
        client.send_to(&[1, 2, 0x78, 0, 0, 0, 0, 0, 0, 0, 0, 0], to).unwrap();
        let mut reply = [0; 512];
        client.recv(&mut reply).is_ok_and(|length| length == 12 && reply[..2] == [1, 2] && reply[3] & 15 == 4)
    };
    tokio::task::spawn_blocking(ask).await.unwrap()
}

impl Stage {
    /// Gives how many ports its keys have, and its HTTP endpoints.
    fn set(&mut self, corefile: &mut Corefile) -> (usize, Vec<String>) {
        let mut endpoints = Vec::new();
        for block in &mut corefile.blocks {
            for key in &mut block.keys {
                key.port = Some(self.port(key.port.unwrap_or(53)));
            }
            for directive in &mut block.directives {
                match directive.name.text.as_str() {
                    "bind" => self.bind(directive),
                    "health" => endpoints.push(self.endpoint(directive, 8080)),
                    "ready" => endpoints.push(self.endpoint(directive, 8181)),
                    "prometheus" => endpoints.push(self.endpoint(directive, 9153)),
                    "pprof" => endpoints.push(self.endpoint(directive, 6053)),
                    _ => {}
                }
                files(directive);
            }
        }
        let keys = corefile.blocks.iter().flat_map(|block| &block.keys);
        (keys.map(|key| key.port).collect::<BTreeSet<_>>().len(), endpoints)
    }

    fn port(&mut self, port: u16) -> u16 {
        *self.ports.entry(port).or_insert_with(free_port)
    }

    /// The same word becomes the same address of loopback; interfaces that are here stay.
    fn bind(&mut self, directive: &mut Directive) {
        let words =
            directive.args.iter_mut().chain(directive.block.iter_mut().flatten().flat_map(|it| &mut it.args));
        for word in words.filter(|word| !matches!(word.text.as_str(), "lo" | "127.0.0.1" | "::1")) {
            let next = format!("127.0.1.{}", self.addresses.len() + 1);
            word.text.clone_from(self.addresses.entry(word.text.clone()).or_insert(next));
        }
    }

    fn endpoint(&mut self, directive: &mut Directive, default: u16) -> String {
        let port = directive.args.first().and_then(|word| word.text.rsplit_once(':')?.1.parse().ok());
        let address = format!("127.0.0.1:{}", self.port(port.unwrap_or(default)));
        let word = Token { text: address.clone(), ..directive.name.clone() };
        match directive.args.first_mut() {
            Some(first) => *first = word,
            None => directive.args.push(word),
        }
        address
    }
}

/// Files that the repository has for examples take the place of those that are named.
fn files(directive: &mut Directive) {
    for word in &mut directive.args {
        let ours = root().join("tests/documents/root").join(word.text.trim_start_matches('/'));
        if word.text.starts_with('/') && ours.is_file() && !Path::new(&word.text).exists() {
            word.text = ours.display().to_string();
        }
    }
    directive.block.iter_mut().flatten().for_each(files);
}
