//! A process whose standard output is a pipe that nobody reads: it answers, it counts what it cannot say, and it says
//! the rest when somebody reads again.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kubezone::dns::{Name, RecordType};
use kubezone::plugin::question_packet;

use crate::ports::free_port;

/// A guard against a process that hangs, not a measure.
const PATIENCE: Duration = Duration::from_secs(60);

struct Running {
    child: Child,
    corefile: PathBuf,
    port: u16,
    metrics: u16,
    socket: UdpSocket,
    id: u16,
    answered: u32,
}

impl Running {
    /// A server that logs, started with these arguments more. Its standard output is not read.
    fn start(name: &str, arguments: &[&str]) -> Self {
        let (port, metrics) = (free_port(), free_port());
        let corefile = std::env::temp_dir().join(format!("kubezone-log-{}-{name}", std::process::id()));
        let text = format!(
            ".:{port} {{\n bind 127.0.0.1\n log\n prometheus 127.0.0.1:{metrics}\n hosts {{\n  192.0.2.1 a.example.org\n }}\n}}\n"
        );
        std::fs::write(&corefile, text).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_kubezone"))
            .args(["-conf", corefile.to_str().unwrap()])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let mut running = Self { child, corefile, port, metrics, socket, id: 0, answered: 0 };
        let end = Instant::now() + PATIENCE;
        while !running.ask() {
            assert!(Instant::now() < end, "no answer at all");
        }
        running
    }

    /// Whether there was an answer, and so a line. Each question has its own id, so that a late answer is not taken for another.
    fn ask(&mut self) -> bool {
        self.id = self.id.wrapping_add(1);
        let name = Name::from_text("a.example.org").unwrap();
        let packet = question_packet(self.id, name.as_wire(), RecordType::A, None);
        let mut answer = [0; 512];
        if self.socket.send(&packet).is_err() {
            return false;
        }
        loop {
            match self.socket.recv(&mut answer) {
                Ok(length) if length > 12 && answer[..2] == packet[..2] => {
                    self.answered += 1;
                    return true;
                }
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    /// The value of a sample without labels.
    fn metric(&self, name: &str) -> f64 {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.metrics));
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    fn terminate(&self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// All that was written, and the exit code.
    fn read_to_the_end(&mut self) -> (String, Option<i32>) {
        let mut text = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        (text, self.child.wait().unwrap().code())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.corefile);
    }
}

#[test]
fn a_pipe_that_nobody_reads_costs_lines_and_no_answers() {
    const QUESTIONS: u16 = 20_000;
    let mut running = Running::start("stalled", &[]);
    // The pipe holds 64 KiB and the log 1 MiB in each of its two buffers; these lines are 90 octets each and more.
    for number in 0..QUESTIONS {
        assert!(running.ask() || running.ask(), "question {number} was not answered, twice");
    }
    let mut more = 0;
    while running.metric("kubezone_log_lines_dropped_total") == 0.0 {
        assert!(running.ask() || running.ask());
        more += 1;
        assert!(more < 20_000, "nothing is dropped, and nobody reads");
    }
    let answered = f64::from(running.answered);
    let counted = running.metric("kubezone_log_lines_dropped_total");
    running.terminate();
    let (text, code) = running.read_to_the_end();
    assert_eq!(code, Some(0), "{}", running.port);
    let lines = |words: &str| text.lines().filter(|line| line.contains(words)).count() as f64;
    let told: f64 = text
        .lines()
        .filter_map(|line| line.strip_prefix("[WARNING] ")?.strip_suffix(" log lines dropped"))
        .map(|number| number.parse::<f64>().unwrap())
        .sum();
    assert!(told >= counted, "{told} told, {counted} counted");
    // Every question is a line, or one of those that were dropped; which of the others were is not known.
    assert!(lines("A IN a.example.org.") + told >= answered, "{} lines, {told} dropped", lines("A IN"));
    assert!(text.lines().all(|line| !line.contains("A IN") || line.ends_with('s')), "a line was cut");
}

#[test]
fn what_was_logged_is_written_before_the_process_ends() {
    let mut running = Running::start("slow", &["-log-format=json"]);
    for _ in 0..2_000 {
        assert!(running.ask() || running.ask());
    }
    running.terminate();
    let (text, code) = running.read_to_the_end();
    assert_eq!(code, Some(0));
    let records: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let of_queries = records.iter().filter(|record| record["plugin"] == "log").count();
    assert!(of_queries >= 2_000, "{of_queries}");
    assert!(records.iter().any(|record| record["msg"] == "SIGTERM: Shutting down servers then terminating"));
}

#[test]
fn a_log_format_that_is_none_ends_the_start() {
    let output = Command::new(env!("CARGO_BIN_EXE_kubezone")).args(["-log-format", "xml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told.trim_end(), "unknown log format \"xml\": expected text or json");
    let output = Command::new(env!("CARGO_BIN_EXE_kubezone"))
        .args(["-log-format", "json", "-conf", "/nonexistent/Corefile"])
        .output()
        .unwrap();
    let told: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!((&told["level"], output.status.code()), (&"FATAL".into(), Some(1)), "{told}");
}
