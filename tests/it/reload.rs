//! A running process whose Corefile changes: what is taken into use, what is refused, and that nothing is lost between.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use kubezone::dns::{Name, RecordType};
use kubezone::plugin::question_packet;

/// A guard against a process that hangs, not a measure.
const PATIENCE: Duration = Duration::from_secs(20);

struct Running {
    child: Child,
    corefile: PathBuf,
    port: u16,
    lines: Receiver<String>,
}

impl Running {
    fn start(name: &str, address: &str) -> Self {
        let port = free_port();
        let corefile = std::env::temp_dir().join(format!("kubezone-reload-{}-{name}", std::process::id()));
        std::fs::write(&corefile, text(port, address)).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_kubezone"))
            .args(["-conf", corefile.to_str().unwrap()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (lines_tx, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| lines_tx.send(line))
        });
        let running = Self { child, corefile, port, lines };
        running.wait_for("listening on");
        running
    }

    fn wait_for(&self, words: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("no line with {words:?}"));
            if line.contains(words) {
                return line;
            }
        }
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// The last octet of the only address that `a.example.org` has.
    fn ask(&self) -> u8 {
        ask(&client(), self.port).expect("an answer")
    }

    fn stop(mut self) -> Option<i32> {
        self.signal("-TERM");
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = std::fs::remove_file(&self.corefile);
    }
}

fn text(port: u16, address: &str) -> String {
    format!(
        ".:{port} {{\n    bind 127.0.0.1\n    hosts /nonexistent {{\n        {address} a.example.org\n    }}\n}}\n"
    )
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn client() -> UdpSocket {
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

fn ask(client: &UdpSocket, port: u16) -> Option<u8> {
    let name: Name = "a.example.org".parse().unwrap();
    let packet = question_packet(1, name.as_wire(), RecordType::A, None);
    client.send_to(&packet, (Ipv4Addr::LOCALHOST, port)).unwrap();
    let mut reply = [0; 512];
    let length = client.recv(&mut reply).ok()?;
    reply[..length].last().copied()
}

#[test]
fn a_changed_corefile_is_taken_into_use_and_no_query_is_lost() {
    let running = Running::start("swap", "192.0.2.1");
    assert_eq!(running.ask(), 1);
    let (port, (stop_tx, stop)) = (running.port, channel::<()>());
    let asking = std::thread::spawn(move || {
        let client = client();
        let mut seen = Vec::new();
        while stop.try_recv().is_err() {
            seen.push(ask(&client, port));
        }
        seen
    });
    for last in 2..=6_u8 {
        std::fs::write(&running.corefile, text(running.port, &format!("192.0.2.{last}"))).unwrap();
        running.signal("-USR1");
        running.wait_for("Reloading complete");
        assert_eq!(running.ask(), last);
    }
    stop_tx.send(()).unwrap();
    let seen: Vec<u8> =
        asking.join().unwrap().into_iter().map(|answer| answer.expect("no query is lost")).collect();
    assert!(seen.is_sorted(), "an old configuration came back");
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn a_broken_corefile_leaves_what_runs_and_the_log_says_why() {
    let running = Running::start("broken", "192.0.2.1");
    std::fs::write(&running.corefile, text(running.port, "192.0.2.2").replace("hosts", "hots")).unwrap();
    running.signal("-USR1");
    let line = running.wait_for("reload failed");
    assert!(line.contains("unknown plugin `hots`"), "{line}");
    assert_eq!(running.ask(), 1);
    std::fs::write(&running.corefile, text(running.port, "192.0.2.3").replace('}', "")).unwrap();
    running.signal("-USR1");
    running.wait_for("Corefile parse failed");
    assert_eq!(running.ask(), 1);
    std::fs::write(&running.corefile, text(running.port, "192.0.2.4")).unwrap();
    running.signal("-USR1");
    running.wait_for("Reloading complete");
    assert_eq!(running.ask(), 4);
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn a_port_that_cannot_be_had_leaves_what_runs() {
    let running = Running::start("port", "192.0.2.1");
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let other = taken.local_addr().unwrap().port();
    let both = text(running.port, "192.0.2.2") + &text(other, "192.0.2.2");
    std::fs::write(&running.corefile, both).unwrap();
    running.signal("-USR1");
    running.wait_for("reload failed");
    assert_eq!(running.ask(), 1);
    drop(taken);
    running.signal("-USR1");
    running.wait_for("Reloading complete");
    assert_eq!(running.ask(), 2);
    assert_eq!(ask(&client(), other), Some(2));
    assert_eq!(running.stop(), Some(0));
}
