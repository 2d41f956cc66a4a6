//! Words of a scenario that stand for something: ports, addresses, the folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::ports::free_port;

static WORD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(?:PORT(?:_[2-9])?|(?:UPSTREAM|TLS|QUIC|UPSTREAMPORT|TLSPORT|QUICPORT)_[A-F]|DIR|API)\b")
        .expect("a pattern")
});

/// What the words of one scenario stand for, to one server.
pub struct Words {
    folder: PathBuf,
    api: String,
    ports: BTreeMap<String, u16>,
}

impl Words {
    /// Gives every port of `text` a number.
    pub fn new(text: &str, folder: &Path, api: String) -> Self {
        let mut ports = BTreeMap::from([("PORT".to_owned(), free_port())]);
        for word in WORD.find_iter(text) {
            if let Some(key) = port_key(word.as_str()) {
                ports.entry(key).or_insert_with(free_port);
            }
        }
        Self { folder: folder.to_owned(), api, ports }
    }

    /// The text with what its words stand for.
    pub fn fill(&self, text: &str) -> String {
        let value = |word: &Captures<'_>| match &word[0] {
            "DIR" => self.folder.display().to_string(),
            "API" => self.api.clone(),
            word => {
                let port = self.ports[&port_key(word).expect("the other words are ports")];
                if word.contains("PORT") { port.to_string() } else { format!("127.0.0.1:{port}") }
            }
        };
        WORD.replace_all(text, value).into_owned()
    }

    /// The number of `PORT`, `UPSTREAM_A`, `TLS_A` …, if the text has it.
    pub fn port(&self, word: &str) -> Option<u16> {
        self.ports.get(&port_key(word)?).copied()
    }
}

/// `TLS_A` and `TLSPORT_A` are the same port.
fn port_key(word: &str) -> Option<String> {
    let is_port = word != "DIR" && word != "API";
    is_port.then(|| match word.split_once("PORT_") {
        Some((kind, letter)) if !kind.is_empty() => format!("{kind}_{letter}"),
        _ => word.to_owned(),
    })
}
