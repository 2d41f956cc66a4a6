//! A server as a child process: kubezone, or CoreDNS.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

/// How long anything may take before it counts as never.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Kubezone,
    CoreDns,
}

/// A server that runs in a folder of its own.
pub struct Server {
    child: Child,
    log: PathBuf,
    /// Its exit code, once it has ended.
    code: Option<i32>,
}

impl Kind {
    fn binary(self) -> PathBuf {
        match self {
            Self::Kubezone => env!("CARGO_BIN_EXE_kubezone").into(),
            Self::CoreDns => env::var_os("KUBEZONE_COREDNS").expect("main looks for it first").into(),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Kubezone => "kubezone",
            Self::CoreDns => "coredns",
        }
    }
}

impl Server {
    /// Starts it with the Corefile of the folder.
    pub fn start(kind: Kind, folder: &Path) -> Result<Self, String> {
        let log = folder.join(format!("{}.log", kind.name()));
        let output = File::create(&log).map_err(|error| error.to_string())?;
        let child = Command::new(kind.binary())
            .args(["-conf", "Corefile"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(|error| error.to_string())?)
            .stderr(output)
            .spawn()
            .map_err(|error| format!("{}: {error}", kind.binary().display()))?;
        Ok(Self { child, log, code: None })
    }

    /// Waits until all its sockets are open: then both servers print their version.
    pub fn wait_until_it_listens(&mut self) -> Result<(), String> {
        let is_up = |log: String| log.lines().any(|line| line.starts_with("CoreDNS-"));
        let listens = wait(|| self.has_ended() || is_up(self.log()));
        match self.code {
            Some(code) => Err(format!("it ended with code {code}")),
            None if listens => Ok(()),
            None => Err("it does not say that it has started".to_owned()),
        }
    }

    /// Waits for its end; the exit code, or minus the signal.
    pub fn end(&mut self) -> Result<i32, String> {
        wait(|| self.has_ended());
        self.code.ok_or_else(|| "it goes on running".to_owned())
    }

    pub fn has_ended(&mut self) -> bool {
        if let Ok(Some(status)) = self.child.try_wait() {
            let signal = std::os::unix::process::ExitStatusExt::signal(&status);
            self.code = Some(status.code().unwrap_or_else(|| -signal.unwrap_or_default()));
        }
        self.code.is_some()
    }

    pub fn signal(&self, name: &str) -> Result<(), String> {
        let killed = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        match killed {
            Ok(status) if status.success() => Ok(()),
            _ => Err(format!("kill -{name} failed")),
        }
    }

    /// What it has printed.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; either way it must not outlive the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tries until it is true; gives whether it became so.
#[expect(clippy::disallowed_methods, reason = "a test's thread serves nobody")]
pub fn wait(mut is_true: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if is_true() {
            return true;
        }
        thread::sleep(Duration::from_millis(15));
    }
    is_true()
}

/// Status and body of `http://HOST:PORT/PATH`.
pub fn get(url: &str) -> Result<(u16, String), String> {
    let (host, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).ok_or("no URL")?;
    let wrong = |error: std::io::Error| format!("{url}: {error}");
    let mut stream = TcpStream::connect(host).map_err(wrong)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(wrong)?;
    write!(stream, "GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n").map_err(wrong)?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response).map_err(wrong)?;
    let response = String::from_utf8_lossy(&response).into_owned();
    let (head, body) = response.split_once("\r\n\r\n").ok_or("no reply")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("no status")?;
    Ok((status, body.to_owned()))
}
