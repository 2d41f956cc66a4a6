//! A running process whose Corefile changes: what is taken into use, what is refused, and that nothing is lost between.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use kubezone::dns::{Name, RecordType};
use kubezone::plugin::question_packet;

use crate::ports::free_port;
use crate::reloads;

/// A guard against a process that hangs, not a measure.
const PATIENCE: Duration = Duration::from_secs(20);

struct Running {
    child: Child,
    folder: PathBuf,
    corefile: PathBuf,
    port: u16,
    lines: Receiver<String>,
}

impl Running {
    fn start(name: &str, address: &str) -> Self {
        Self::start_with(name, |_, port| text(port, address))
    }

    /// `layout` puts what is imported into the folder, and gives the Corefile, which it may have made itself.
    fn start_with(name: &str, layout: impl FnOnce(&Path, u16) -> String) -> Self {
        let port = free_port();
        let folder = std::env::temp_dir().join(format!("kubezone-reload-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let corefile = folder.join("Corefile");
        let text = layout(&folder, port);
        if !corefile.exists() {
            std::fs::write(&corefile, text).unwrap();
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_kubezone"))
            .args(["-conf", corefile.to_str().unwrap()])
            .current_dir(&folder)
            .env("KUBEZONE_TEST_ADDRESS", "192.0.2.77")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (lines_tx, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| lines_tx.send(line))
        });
        let running = Self { child, folder, corefile, port, lines };
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

    /// The lines up to the one with `words`.
    fn lines_until(&self, words: &str) -> Vec<String> {
        let end = Instant::now() + PATIENCE;
        let mut lines: Vec<String> = Vec::new();
        while lines.last().is_none_or(|line| !line.contains(words)) {
            let left = end.saturating_duration_since(Instant::now());
            lines.push(
                self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("no line with {words:?}: {lines:?}")),
            );
        }
        lines
    }

    /// Gives a mistake time to show.
    #[expect(clippy::disallowed_methods, reason = "a test's thread serves nobody")]
    fn pause(&self) {
        std::thread::sleep(Duration::from_millis(300));
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).unwrap();
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
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn text(port: u16, address: &str) -> String {
    format!(
        ".:{port} {{\n    bind 127.0.0.1\n    hosts /nonexistent {{\n        {address} a.example.org\n    }}\n}}\n"
    )
}

/// With the longest interval that there may be: what is noticed is noticed at once, or not at all.
fn watched(port: u16, line: &str) -> String {
    format!(".:{port} {{\n bind 127.0.0.1\n reload 10h 0s\n hosts /nonexistent {{\n  {line}\n }}\n}}\n")
}

/// The next directory of a ConfigMap, put in the place of the one before as the kubelet does it.
fn swap(folder: &Path, number: u8, corefile: &str) {
    let data = format!("..2026_{number}");
    std::fs::create_dir(folder.join(&data)).unwrap();
    std::fs::write(folder.join(&data).join("Corefile"), corefile).unwrap();
    symlink(&data, folder.join("..data_tmp")).unwrap();
    std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    if number > 1 {
        std::fs::remove_dir_all(folder.join(format!("..2026_{}", number - 1))).unwrap();
    }
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
fn an_address_that_gives_way_to_all_addresses_loses_no_query() {
    let running = Running::start("wider", "192.0.2.1");
    let (port, (stop_tx, stop)) = (running.port, channel::<()>());
    let asking = std::thread::spawn(move || {
        let client = client();
        let mut count = 0;
        while stop.try_recv().is_err() {
            ask(&client, port).expect("no query is lost");
            count += 1;
        }
        count
    });
    for round in 0..20_u8 {
        let bound = text(running.port, "192.0.2.1");
        let wider = bound.replace("    bind 127.0.0.1\n", "");
        std::fs::write(&running.corefile, if round.is_multiple_of(2) { wider } else { bound }).unwrap();
        running.signal("-USR1");
        running.wait_for("Reloading complete");
    }
    stop_tx.send(()).unwrap();
    assert!(asking.join().unwrap() > 20);
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn a_broken_corefile_leaves_what_runs_and_the_log_says_why() {
    let running = Running::start("broken", "192.0.2.1");
    std::fs::write(&running.corefile, text(running.port, "192.0.2.2").replace("hosts", "hots")).unwrap();
    running.signal("-USR1");
    let line = running.wait_for("[ERROR] SIGUSR1: ");
    assert!(line.contains(":3:5: unknown plugin `hots`"), "{line}");
    assert_eq!(running.ask(), 1);
    std::fs::write(&running.corefile, text(running.port, "192.0.2.3").replace('}', "")).unwrap();
    running.signal("-USR1");
    running.wait_for("[ERROR] SIGUSR1: ");
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
    let line = running.wait_for("[ERROR] SIGUSR1: ");
    assert!(line.contains("Listen: listen tcp 127.0.0.1:"), "{line}");
    assert_eq!(running.ask(), 1);
    drop(taken);
    running.signal("-USR1");
    running.wait_for("Reloading complete");
    assert_eq!(running.ask(), 2);
    assert_eq!(ask(&client(), other), Some(2));
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn a_config_map_is_taken_into_use_when_its_link_is_swapped() {
    let running = Running::start_with("configmap", |folder, port| {
        swap(folder, 1, &watched(port, "192.0.2.1 a.example.org"));
        symlink("..data/Corefile", folder.join("Corefile")).unwrap();
        String::new()
    });
    for last in 2..=5_u8 {
        swap(&running.folder, last, &watched(running.port, &format!("192.0.2.{last} a.example.org")));
        running.wait_for("Reloading complete");
        assert_eq!(running.ask(), last);
    }
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn what_is_imported_counts_and_comments_do_not() {
    let running = Running::start_with("imported", |folder, port| {
        std::fs::create_dir(folder.join("custom")).unwrap();
        std::fs::write(folder.join("names"), "192.0.2.1 a.example.org\n").unwrap();
        watched(port, "import names") + "import custom/*.server\n"
    });
    assert_eq!(running.ask(), 1);
    running.write("names", "192.0.2.2 a.example.org\n");
    running.wait_for("Reloading complete");
    assert_eq!(running.ask(), 2);
    // A file that was not there before.
    let port = free_port();
    running.write("custom/other.server", &watched(port, "192.0.2.3 a.example.org"));
    running.wait_for("Reloading complete");
    assert_eq!(ask(&client(), port), Some(3));
    // A comment; then words, which are taken into use in one step with it.
    running.write("names", "# nothing\n\n192.0.2.2   a.example.org # else\n");
    running.pause();
    running.write("names", "192.0.2.4 a.example.org\n");
    let lines = running.lines_until("Reloading complete");
    assert_eq!(lines.iter().filter(|line| line.ends_with("] Reloading")).count(), 1, "{lines:?}");
    assert_eq!(running.ask(), 4);
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn a_broken_file_is_told_once_and_again_after_it_was_right() {
    let running = Running::start_with("once", |_, port| watched(port, "192.0.2.1 a.example.org"));
    let right = watched(running.port, "192.0.2.1 a.example.org");
    let broken = right.replace("hosts", "hots");
    running.write("Corefile", &broken);
    let line = running.wait_for("[ERROR] plugin/reload: Corefile changed but reload failed: ");
    assert!(line.contains(":4:2: unknown plugin `hots`"), "{line}");
    // The same words again, and others with the same mistake.
    running.write("Corefile", &format!("# the same\n{broken}"));
    running.write("Corefile", &broken.replace("192.0.2.1", "192.0.2.2"));
    running.wait_for("Corefile changed but reload failed: ");
    running.write("Corefile", &right);
    running.write("Corefile", "");
    let line = running.wait_for("[WARNING] plugin/reload: Corefile parse failed: ");
    assert!(line.contains("no server block"), "{line}");
    assert_eq!(running.ask(), 1);
    running.write("Corefile", &right.replace("192.0.2.1", "192.0.2.3"));
    running.wait_for("Reloading complete");
    assert_eq!(running.ask(), 3);
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn a_signal_reads_again_what_plugins_read_though_the_corefile_is_the_same() {
    let running = Running::start_with("files", |folder, port| {
        std::fs::write(folder.join("names"), "192.0.2.1 a.example.org\n").unwrap();
        // Its own reload is off.
        format!(
            ".:{port} {{\n bind 127.0.0.1\n hosts {} {{\n  reload 0\n  {{$KUBEZONE_TEST_ADDRESS}} b.example.org\n }}\n}}\n",
            folder.join("names").display()
        )
    });
    assert_eq!(running.ask(), 1);
    running.write("names", "192.0.2.2 a.example.org\n");
    running.signal("-USR1");
    running.wait_for("Reloading complete");
    assert_eq!(running.ask(), 2);
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn reloads_under_load_lose_no_query_and_answer_none_wrongly() {
    let plan = reloads::Plan {
        binary: env!("CARGO_BIN_EXE_kubezone").into(),
        rate: 1_000,
        reloads: 10,
        pause: Duration::from_millis(50),
    };
    let outcome = reloads::run(&plan);
    assert_eq!((outcome.lost(), outcome.wrong()), (0, 0), "{:?}", outcome.examples());
    assert!(outcome.asked() > 500, "{} asked", outcome.asked());
    for (client, tally) in &outcome.clients {
        assert!(tally.asked > 20, "{client}: {}", tally.asked);
    }
    assert_eq!((outcome.taken, outcome.unnoticed), (10, 0));
    assert!(outcome.slowest > Duration::ZERO, "a swap was noticed");
}
