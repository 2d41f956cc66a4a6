//! Where a Corefile comes from, and what stands in for one.

use std::path::{Path, PathBuf};

use super::places::{Places, Recorder};
use crate::corefile::{self, Corefile, Diagnostic, Environment, ParseFailure, Shown, SourceMap, System};

/// What CoreDNS serves without a Corefile: who asks.
const DEFAULT: &str = ". {\n    whoami\n    log\n}\n";

/// Where a Corefile comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file, read again by a reload.
    File(PathBuf),
    /// A text: what came on standard input, or what stands in for a file.
    Text {
        /// How messages name it.
        name: String,
        /// The Corefile.
        text: String,
    },
}

/// What the command line says where the Corefile does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defaults {
    /// The port of a key without one (`-dns.port`).
    pub port: u16,
}

impl Source {
    /// The file that CoreDNS reads when it is told none: `Corefile` in the working directory, or, when that is missing,
    /// a server that says who asks (`whoami`).
    #[must_use]
    pub fn default_file() -> Self {
        let path = Path::new("Corefile");
        if path.exists() {
            return Source::File(path.to_owned());
        }
        Source::Text { name: "built-in Corefile".to_owned(), text: DEFAULT.to_owned() }
    }

    /// The Corefile of `serve --manifests`: the cluster's names from the files, everything else from the resolvers of
    /// this machine, if it has any.
    #[must_use]
    pub fn for_manifests(address: std::net::SocketAddr) -> Self {
        let (ip, port) = (address.ip(), address.port());
        let forward = match std::fs::read_to_string("/etc/resolv.conf") {
            Ok(text) if has_nameserver(&text) => "    forward . /etc/resolv.conf\n    cache 30\n    loop\n",
            _ => "",
        };
        let text = format!(
            ".:{port} {{\n    bind {ip}\n    errors\n    kubernetes cluster.local in-addr.arpa ip6.arpa {{\n        \
             pods insecure\n        ttl 30\n        fallthrough in-addr.arpa ip6.arpa\n    }}\n{forward}    loadbalance\n}}\n"
        );
        Source::Text { name: "built-in Corefile".to_owned(), text }
    }

    /// Reads and parses it. An empty Corefile stands for CoreDNS's default.
    ///
    /// # Errors
    /// With everything that is wrong in it.
    pub fn load(&self) -> Result<Corefile, ParseFailure> {
        self.load_for_start().0
    }

    /// The same, and where a change of it would show.
    pub(super) fn load_for_start(&self) -> (Result<Corefile, ParseFailure>, Places) {
        let recorder = Recorder::default();
        let corefile = self.parse(&recorder).and_then(|corefile| {
            if !corefile.blocks.is_empty() {
                return Ok(corefile);
            }
            let mut default = corefile::parse("built-in Corefile", DEFAULT, &System)?;
            // A pattern may have found nothing. Its place is in a text that the default does not have.
            let warnings = corefile.warnings.iter().map(|warning| corefile.sources.line(warning));
            default.warnings.extend(warnings.map(Diagnostic::warning));
            Ok(default)
        });
        (corefile, recorder.places())
    }

    /// The same for a reload. A Corefile that has become empty was cut on its way here: it is no reason to stop serving
    /// what was served.
    pub(super) fn load_again(&self) -> (Result<Corefile, ParseFailure>, Places) {
        let recorder = Recorder::default();
        let corefile = self.parse(&recorder).and_then(|corefile| match self {
            Source::File(path) if corefile.blocks.is_empty() => Err(empty(path)),
            _ => Ok(corefile),
        });
        (corefile, recorder.places())
    }

    fn parse(&self, env: &dyn Environment) -> Result<Corefile, ParseFailure> {
        match self {
            Source::File(path) => corefile::load(path, env),
            Source::Text { name, text } => corefile::parse(name, text, env),
        }
    }

    /// The file, when it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Source::File(path) => Some(path),
            Source::Text { .. } => None,
        }
    }
}

fn empty(path: &Path) -> ParseFailure {
    let message = format!("the Corefile {} has no server block", Shown(&path.to_string_lossy()));
    let help = "at the start an empty Corefile means `whoami`; a reload does not take it";
    ParseFailure { diagnostics: vec![Diagnostic::error(message).help(help)], sources: SourceMap::default() }
}

fn has_nameserver(resolv_conf: &str) -> bool {
    resolv_conf.lines().any(|line| line.split_whitespace().next() == Some("nameserver"))
}
