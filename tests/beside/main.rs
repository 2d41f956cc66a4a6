//! Scenarios of the plugins, each run against kubezone and, where `KUBEZONE_COREDNS` names its binary, against CoreDNS.
//! `README.md` beside this file says how one is written.

/// What upstreams show over TLS.
mod certificate;
/// A question over a socket, and what came back.
mod client;
/// An upstream over TLS, HTTPS and QUIC.
mod encrypted;
/// What a reply is to be, and whether one is that.
mod expected;
/// An API server in this process.
#[path = "../fake_api/mod.rs"]
#[expect(dead_code, reason = "shared with tests/it, which uses all of it")]
mod fake_api;
/// What clients see while an upstream misbehaves.
mod faults;
/// Ports for the servers.
#[path = "../ports/mod.rs"]
mod ports;
/// Records, written and read as text.
mod records;
/// A scenario against one server.
mod run;
/// A scenario as it is written.
mod scenario;
/// What an upstream answers.
mod script;
/// A server as a child process.
mod server;
/// What a scenario does, one after the other.
mod step;
/// Which rows the scenarios use, and how many there are.
mod summary;
/// An upstream that does as its script says.
mod upstream;
/// Words that stand for something.
mod words;

use std::path::{Path, PathBuf};
use std::{env, fs};

use libtest_mimic::{Arguments, Trial};

use crate::server::Kind;

/// Most of a scenario is waiting, so that many run at once.
const AT_ONCE: usize = 12;

/// A scenario's file.
#[derive(Clone)]
pub struct Document {
    /// Its folder: the plugin.
    pub plugin: String,
    /// `forward/next`
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
}

fn main() {
    if env::var_os("KUBEZONE_FAULTS").is_some() {
        match faults::show() {
            Ok(()) => return,
            Err(error) => panic!("{error}"),
        }
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let has_coredns = env::var_os("KUBEZONE_COREDNS").is_some();
    let documents = documents();
    let mut trials = Vec::new();
    for document in &documents {
        let mut add = |name: String, check: fn(&Document) -> Result<(), String>| {
            let document = document.clone();
            trials.push(Trial::test(name, move || Ok(check(&document)?)));
        };
        add(format!("{} rows", document.name), summary::check);
        add(document.name.clone(), |document| run::run(document, Kind::Kubezone));
        if has_coredns {
            add(format!("{} coredns", document.name), |document| run::run(document, Kind::CoreDns));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if has_coredns && !arguments.list {
        print!("{}", summary::table(&documents));
    }
    conclusion.exit();
}

/// Every file of every folder beside this one.
fn documents() -> Vec<Document> {
    let mut documents = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/beside");
    for folder in entries(&root).into_iter().filter(|path| path.is_dir()) {
        for path in
            entries(&folder).into_iter().filter(|path| path.extension().is_some_and(|end| end == "txt"))
        {
            let plugin = file_stem(&folder);
            let name = format!("{plugin}/{}", file_stem(&path));
            documents.push(Document { plugin, name, path });
        }
    }
    documents
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of scenarios");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

fn file_stem(path: &Path) -> String {
    path.file_stem().expect("a name").to_string_lossy().into_owned()
}
