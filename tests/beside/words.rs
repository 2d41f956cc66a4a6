//! Words of a scenario that stand for something: ports, addresses, the folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::{env, process};

use regex::{Captures, Regex};

/// Where ports are taken from: below the kernel's ephemeral range, so that no client socket sits on one of them, and
/// apart from those of `tests/parity`.
const PORTS: std::ops::Range<u16> = 10_000..24_000;

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

/// A port that is free for UDP and TCP on all addresses, and was not given out before.
fn free_port() -> u16 {
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| {
        // Runs beside this one begin elsewhere.
        let span = u32::from(PORTS.end - PORTS.start);
        AtomicU16::new((process::id().wrapping_mul(97) % span) as u16)
    });
    loop {
        let port = PORTS.start + NEXT.fetch_add(1, Ordering::Relaxed) % (PORTS.end - PORTS.start);
        let any = (Ipv4Addr::UNSPECIFIED, port);
        if is_ours(port) && UdpSocket::bind(any).is_ok() && TcpListener::bind(any).is_ok() {
            return port;
        }
    }
}

/// Takes the port for this process, where no other run of these tests has it: between the look above and the server's own
/// socket it is free for anybody.
fn is_ours(port: u16) -> bool {
    static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let folder = env::temp_dir().join("kubezone-ports");
    let held = fs::create_dir_all(&folder).and_then(|()| File::create(folder.join(port.to_string())));
    match held {
        Ok(file) if file.try_lock().is_ok() => {
            HELD.lock().unwrap_or_else(PoisonError::into_inner).push(file);
            true
        }
        Ok(_) => false,
        // Without a folder to write to there is no second run to fear either.
        Err(_) => true,
    }
}
