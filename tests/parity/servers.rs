//! CoreDNS and kubezone side by side: the same Corefile, each on a port of its own.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{process, thread};

use crate::corefiles::Corefile;
use crate::environment::kubezone;
use crate::lab::{until, variable};
use crate::ports::free_port;

pub struct Pair {
    pub coredns: Server,
    pub kubezone: Server,
}

pub struct Server {
    child: Child,
    name: &'static str,
    log: PathBuf,
    pub dns: SocketAddr,
    ready: SocketAddr,
}

/// Why a Corefile cannot be compared.
pub enum NotServed {
    /// kubezone refuses it, in these words.
    Refused(String),
    /// A server ended, and this is its log.
    Ended(String),
}

impl Pair {
    /// Starts both with the Corefile and waits until both know the whole cluster.
    pub fn start(corefile: &Corefile, upstream: SocketAddr) -> Result<Self, NotServed> {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!(
            "parity-{}-{}",
            process::id(),
            corefile.name
        ));
        fs::create_dir_all(&folder).expect("the target folder is writable");
        let path = corefile.path();
        let check = Command::new(kubezone())
            .arg("check")
            .arg(&path)
            .envs(settings(upstream, free_address(), free_address()))
            .output();
        let check = check.expect("kubezone starts");
        if !check.status.success() {
            return Err(NotServed::Refused(String::from_utf8_lossy(&check.stderr).into_owned()));
        }
        let coredns = variable("KUBEZONE_COREDNS").into();
        let pair = Self {
            coredns: Server::start("coredns", coredns, &path, &folder, upstream),
            kubezone: Server::start("kubezone", kubezone(), &path, &folder, upstream),
        };
        pair.wait_ready()
    }

    fn wait_ready(mut self) -> Result<Self, NotServed> {
        for server in [&mut self.coredns, &mut self.kubezone] {
            let outcome = until(&format!("{} is ready", server.name), || match server.child.try_wait() {
                Ok(None) => server.is_ready().then_some(Ok(())),
                _ => Some(Err(())),
            });
            if outcome.is_err() {
                return Err(NotServed::Ended(format!("{} ended:\n{}", server.name, server.log())));
            }
        }
        Ok(self)
    }

    /// The server that has ended though nobody told it to, with its log.
    pub fn ended(&mut self) -> Option<String> {
        [&mut self.coredns, &mut self.kubezone].into_iter().find_map(|server| match server.child.try_wait() {
            Ok(None) => None,
            _ => Some(format!("{} ended:\n{}", server.name, server.log())),
        })
    }
}

/// What the Corefiles leave open, as environment variables: so both servers load the very same file.
fn settings(upstream: SocketAddr, ready: SocketAddr, health: SocketAddr) -> [(&'static str, String); 5] {
    [
        ("PARITY_KUBECONFIG", variable("KUBECONFIG")),
        ("PARITY_UPSTREAM", upstream.to_string()),
        ("PARITY_READY", ready.to_string()),
        ("PARITY_HEALTH", health.to_string()),
        ("PARITY_METRICS", free_address().to_string()),
    ]
}

impl Server {
    fn start(
        name: &'static str,
        binary: PathBuf,
        corefile: &Path,
        folder: &Path,
        upstream: SocketAddr,
    ) -> Self {
        let [dns, ready, health] = [(); 3].map(|()| free_address());
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log).expect("the target folder is writable");
        let child = Command::new(&binary)
            .arg("-conf")
            .arg(corefile)
            .args(["-dns.port", &dns.port().to_string()])
            .envs(settings(upstream, ready, health))
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a file handle can be copied"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
        Self { child, name, log, dns, ready }
    }

    /// Ready, and listening: CoreDNS is ready before it listens.
    fn is_ready(&self) -> bool {
        let get = || {
            let mut stream = TcpStream::connect(self.ready).ok()?;
            stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
            write!(stream, "GET /ready HTTP/1.0\r\nHost: {}\r\n\r\n", self.ready).ok()?;
            let mut response = String::new();
            stream.read_to_string(&mut response).ok()?;
            response.split(' ').nth(1).map(|status| status == "200")
        };
        get() == Some(true) && TcpStream::connect(self.dns).is_ok()
    }

    fn log(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        // A stack that ran over prints megabytes.
        let lines: Vec<&str> = log.lines().take(40).collect();
        lines.join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; either way it must not outlive the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- what {} printed:\n{}\n---", self.name, self.log());
        }
    }
}

/// An address of loopback with a port that nobody has.
pub fn free_address() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()))
}
