//! The server, and its ConfigMap.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::ports::free_port;

/// A guard against a server that never starts, or never reloads when it is told to.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a swap may go unnoticed: five times the interval of the Corefile.
const NOTICED_WITHIN: Duration = Duration::from_secs(10);

pub(super) struct Server {
    child: Child,
    folder: PathBuf,
    port: u16,
    /// A second port, which every other version serves.
    other: u16,
    /// One for each line `Reloading complete`.
    reloaded: Receiver<()>,
}

impl Server {
    pub(super) fn start(binary: &Path) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("kubezone-reloads-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        let (port, other) = (free_port(), free_port());
        put(&folder, &text(port, other, 1), 1);
        symlink("..data/Corefile", folder.join("Corefile")).expect("a link");
        let mut child = Command::new(binary)
            .args(["-conf", "Corefile"])
            .current_dir(&folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
        let (started_tx, started) = channel();
        let (reloaded_tx, reloaded) = channel();
        let output = BufReader::new(child.stdout.take().expect("piped"));
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if line.starts_with("CoreDNS-") {
                    let _ = started_tx.send(());
                }
                if line.ends_with("Reloading complete") {
                    let _ = reloaded_tx.send(());
                }
            }
        });
        let server = Self { child, folder, port, other, reloaded };
        started.recv_timeout(PATIENCE).expect("it starts");
        server
    }

    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Brings a version into use; gives how long that took, and whether the swap went unnoticed.
    pub(super) fn change(&mut self, version: u16, by_signal: bool) -> (Duration, bool) {
        while self.reloaded.try_recv().is_ok() {}
        let begun = Instant::now();
        put(&self.folder, &text(self.port, self.other, version), version);
        if by_signal {
            self.signal();
        } else if self.reloaded.recv_timeout(NOTICED_WITHIN).is_err() {
            self.signal();
            self.reloaded.recv_timeout(PATIENCE).expect("it reloads when it is told to");
            return (begun.elapsed(), true);
        } else {
            return (begun.elapsed(), false);
        }
        self.reloaded.recv_timeout(PATIENCE).expect("it reloads when it is told to");
        (begun.elapsed(), false)
    }

    #[expect(clippy::disallowed_methods, reason = "a test's thread serves nobody")]
    pub(super) fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }

    fn signal(&self) {
        let status = Command::new("kill").args(["-USR1", &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// As the kubelet changes a ConfigMap: a new folder, and one link put in the place of another.
fn put(folder: &Path, corefile: &str, version: u16) {
    let data = format!("..2026_{version}");
    std::fs::create_dir(folder.join(&data)).expect("a folder");
    std::fs::write(folder.join(&data).join("Corefile"), corefile).expect("a file");
    symlink(&data, folder.join("..data_tmp")).expect("a link");
    std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("renamed");
    if version > 1 {
        let _ = std::fs::remove_dir_all(folder.join(format!("..2026_{}", version - 1)));
    }
}

fn text(port: u16, other: u16, version: u16) -> String {
    let [high, low] = version.to_be_bytes();
    let block = |port: u16| {
        format!(
            ".:{port} {{\n    bind 127.0.0.1\n    errors\n    reload 2s 0s\n    loadbalance\n    hosts /nonexistent {{\n        \
             10.9.{high}.{low} a.example.org\n    }}\n}}\n"
        )
    };
    let mut text = block(port);
    if version.is_multiple_of(2) {
        text += &block(other).replace("    reload 2s 0s\n", "");
    }
    text
}
