//! A server as a process of its own, on a processor of its own.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The processor of the servers; everything else has [`OTHER_CPU`].
pub const SERVER_CPU: &str = "0";
/// The processor of the generator and of the upstream.
pub const OTHER_CPU: &str = "1";
/// Who is not there by then will not come.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process that is ended when this is dropped.
pub struct Process {
    child: Child,
    pub started: Instant,
}

impl Process {
    /// Starts a program on these processors (`taskset`), its output in a file.
    pub fn start(cpus: &str, program: &Path, arguments: &[&str], log: &Path) -> Self {
        let output = File::create(log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let started = Instant::now();
        let child = Command::new("taskset")
            .args(["-c", cpus])
            .arg(program)
            .args(arguments)
            .current_dir(log.parent().expect("a folder"))
            .stdin(Stdio::null())
            .stderr(output.try_clone().expect("a file has more than one handle"))
            .stdout(output)
            .spawn()
            .unwrap_or_else(|error| panic!("taskset {}: {error}", program.display()));
        Self { child, started }
    }

    /// The time that its threads, and those of the processes that it started, have run, in nanoseconds.
    pub fn cpu_ns(&self) -> u64 {
        family(self.child.id()).iter().map(|id| cpu_ns_of(*id)).sum()
    }

    /// A line of its status, in MiB: `VmRSS`, `VmHWM`.
    pub fn mib(&self, line: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let found = status.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
        let kib = found.and_then(|value| value.split_whitespace().next()?.parse::<f64>().ok());
        kib.unwrap_or(f64::NAN) / 1024.0
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until `is_there` says so; gives the time since the start.
    pub fn until(&mut self, what: &str, mut is_there: impl FnMut() -> bool) -> Duration {
        while !is_there() {
            assert!(self.is_running(), "{what}: the process ended");
            assert!(self.started.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
            pause(Duration::from_millis(1));
        }
        self.started.elapsed()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // All of them, and not the first alone: NSD's children would go on listening.
        for id in family(self.child.id()) {
            let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
        }
        let _ = self.child.wait();
    }
}

/// The process and those below it.
fn family(id: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<u32> = lists
        .flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect();
    std::iter::once(id).chain(children.into_iter().flat_map(family)).collect()
}

fn cpu_ns_of(id: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let ran = tasks.filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok());
    ran.filter_map(|line| line.split(' ').next()?.parse::<u64>().ok()).sum()
}

/// Whether `/ready` on this port says 200.
pub fn is_ready(port: u16) -> bool {
    get(port, "/ready").is_some_and(|reply| reply.split(' ').nth(1) == Some("200"))
}

/// What comes back over HTTP, its head and its body.
pub fn get(port: u16, path: &str) -> Option<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    let mut reply = String::new();
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).ok()?;
    stream.read_to_string(&mut reply).ok()?;
    Some(reply)
}

#[expect(clippy::disallowed_methods, reason = "nothing else runs in this thread")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}
