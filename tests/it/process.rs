//! The process as scripts and kubelets meet it: flags, the order of its first lines, what it writes and removes, exit codes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::ports::free_port;

/// A guard against a process that hangs, not a measure.
const PATIENCE: Duration = Duration::from_secs(20);

struct Started {
    child: Child,
    folder: PathBuf,
    lines: BufReader<std::process::ChildStdout>,
}

impl Started {
    /// Starts kubezone in a folder of its own with this Corefile, and what stands on standard input.
    fn new(name: &str, corefile: Option<&str>, arguments: &[&str], input: Option<&str>) -> Self {
        let folder = std::env::temp_dir().join(format!("kubezone-process-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        if let Some(text) = corefile {
            std::fs::write(folder.join("Corefile"), text).unwrap();
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_kubezone"))
            .args(arguments)
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.unwrap_or_default().as_bytes()).unwrap();
        drop(stdin);
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, folder, lines }
    }

    /// The lines up to the one with `words`.
    fn until(&mut self, words: &str) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        while lines.last().is_none_or(|line| !line.contains(words)) {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                panic!("no line with {words:?}: {lines:?}; {:?}", self.ended());
            }
            lines.push(line.trim_end().to_owned());
        }
        lines
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// The exit code, what is left on standard output, and standard error.
    fn end(mut self) -> (Option<i32>, String, String) {
        self.ended()
    }

    fn ended(&mut self) -> (Option<i32>, String, String) {
        let code = self.child.wait().unwrap().code();
        let (mut rest, mut errors) = (String::new(), String::new());
        self.lines.read_to_string(&mut rest).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        (code, rest, errors)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Status line and body, or nothing where nobody listens.
fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).ok()?;
    Some(reply)
}

/// Whether a question for the name server's own address is answered by `whoami`.
fn answers(server: SocketAddr) -> bool {
    let client = UdpSocket::bind(if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let packet = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01";
    client.send_to(packet, server).unwrap();
    let mut reply = [0; 512];
    client.recv(&mut reply).is_ok_and(|length| reply[..2] == packet[..2] && length > 12)
}

#[test]
fn the_first_lines_come_in_the_order_of_coredns() {
    let (port, other) = (free_port(), free_port());
    let corefile = format!(
        "b.example.org:{port} a.example.org:{port} {{\n bind 127.0.0.1\n reload\n whoami\n}}\nexample.com {{\n bind 127.0.0.1\n whoami\n}}\n"
    );
    let mut started = Started::new("lines", Some(&corefile), &["-p", &other.to_string()], None);
    let lines = started.until("linux/");
    let keys = [
        format!("a.example.org.:{port} on 127.0.0.1"),
        format!("b.example.org.:{port} on 127.0.0.1"),
        format!("example.com.:{other} on 127.0.0.1"),
    ];
    assert_eq!(lines[..3], keys, "a line for each key");
    assert!(lines[3].starts_with("[INFO] plugin/reload: Running configuration SHA512 = "), "{lines:?}");
    assert_eq!(lines[4], "CoreDNS-1.15.0");
    assert_eq!(lines.len(), 6, "{lines:?}");
    assert!(answers((Ipv4Addr::LOCALHOST, other).into()), "all listens when the lines are there");
    started.signal("-TERM");
    assert_eq!(started.end().0, Some(0));
}

#[test]
fn quiet_leaves_the_start_lines_out_and_the_log_in() {
    let corefile = format!(".:{} {{\n bind 127.0.0.1\n reload\n whoami\n}}\n", free_port());
    let mut started = Started::new("quiet", Some(&corefile), &["-quiet"], None);
    assert!(started.until("SHA512").len() == 1, "the first line");
    started.signal("-TERM");
    let (code, rest, _) = started.end();
    assert_eq!(code, Some(0));
    assert_eq!(rest, "[INFO] SIGTERM: Shutting down servers then terminating\n");
}

#[test]
fn a_corefile_on_standard_input_is_kept_over_a_reload() {
    let port = free_port();
    let corefile = format!(".:{port} {{\n bind 127.0.0.1\n reload 2s 0s\n whoami\n}}\n");
    let mut started = Started::new("stdin", None, &["-conf", "stdin"], Some(&corefile));
    started.until("CoreDNS-");
    started.signal("-USR1");
    started.until("Reloading complete");
    assert!(answers((Ipv4Addr::LOCALHOST, port).into()));
    started.signal("-INT");
    assert_eq!(started.end().0, Some(0));
}

#[test]
fn without_a_corefile_whoami_answers_and_logs() {
    let port = free_port();
    for (name, corefile) in [
        ("none", None),
        ("empty", Some("")),
        ("comments", Some("# nothing\n")),
        ("pattern", Some("import no*\n")),
    ] {
        let mut started = Started::new(name, corefile, &["-dns.port", &port.to_string()], None);
        let lines = started.until("CoreDNS-");
        assert!(lines.contains(&format!(".:{port}")), "{lines:?}");
        let warned =
            lines.iter().any(|line| line.starts_with("[WARNING] Corefile:1:8: no file matches `no*`"));
        assert_eq!(warned, name == "pattern", "{lines:?}");
        assert!(answers((Ipv4Addr::LOCALHOST, port).into()));
        started.until("\"A IN a. udp ");
        started.signal("-TERM");
        assert_eq!(started.end().0, Some(0));
    }
}

#[test]
fn the_pid_file_is_there_while_the_process_is() {
    let corefile = format!(".:{} {{\n bind 127.0.0.1\n whoami\n}}\n", free_port());
    let mut started = Started::new("pid", Some(&corefile), &["-pidfile", "pid"], None);
    started.until("listening on");
    let file = started.folder.join("pid");
    let pid = format!("{}\n", started.child.id());
    let end = Instant::now() + PATIENCE;
    while std::fs::read_to_string(&file).ok().as_ref() != Some(&pid) && Instant::now() < end {
        std::thread::yield_now();
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), pid);
    started.signal("-TERM");
    assert_eq!(started.child.wait().unwrap().code(), Some(0));
    assert!(!file.exists());

    let mut started = Started::new("no-pid", Some(&corefile), &["-pidfile", "absent/pid"], None);
    let lines = started.until("Could not write pidfile");
    assert!(
        lines.last().unwrap().starts_with("[ERROR] Could not write pidfile: open absent/pid: "),
        "{lines:?}"
    );
    started.signal("-TERM");
    assert_eq!(started.end().0, Some(0));
}

#[test]
fn ready_is_closed_at_once_and_health_stays_through_lameduck() {
    let (health, ready, both) = (free_port(), free_port(), free_port());
    let corefile = format!(
        "a.:{0} {{\n bind 127.0.0.1\n health 127.0.0.1:{health} {{\n  lameduck 60s\n }}\n ready 127.0.0.1:{ready}\n whoami\n}}
b.:{0} {{\n bind 127.0.0.1\n ready 127.0.0.1:{both}\n prometheus 127.0.0.1:{both}\n whoami\n}}\n",
        free_port()
    );
    let mut started = Started::new("ready", Some(&corefile), &[], None);
    started.until("CoreDNS-");
    assert!(get(ready, "/ready").unwrap().starts_with("HTTP/1.0 200"));
    assert!(get(both, "/ready").unwrap().starts_with("HTTP/1.0 200"));
    started.signal("-TERM");
    started.until("lameduck mode for 1m0s");
    assert_eq!(get(ready, "/ready"), None, "connection refused");
    let reply = get(both, "/ready").unwrap();
    assert!(reply.starts_with("HTTP/1.0 503") && reply.ends_with("Shutting down"), "{reply}");
    assert!(get(both, "/metrics").unwrap().starts_with("HTTP/1.0 200"));
    assert!(get(health, "/health").unwrap().ends_with("OK"));
    started.signal("-QUIT");
    assert_eq!(started.end().0, Some(0));
}

#[test]
fn a_port_that_is_taken_is_told_on_standard_error_with_who_has_it() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let corefile = format!(".:{port} {{\n bind 127.0.0.1\n whoami\n}}\n");
    let (code, output, errors) = Started::new("taken", Some(&corefile), &[], None).end();
    assert_eq!(code, Some(1));
    let start =
        format!("Listen: listen tcp 127.0.0.1:{port}: bind: address already in use; port {port} is held by");
    assert!(errors.starts_with(&start), "{errors}");
    assert!(!output.contains("CoreDNS-"), "{output}");
}

#[test]
fn every_foreign_scheme_is_refused_by_name() {
    for scheme in ["tls", "quic", "grpc", "https", "https3"] {
        let corefile = format!("{scheme}://example.org {{\n whoami\n}}\n");
        let (code, _, errors) = Started::new(scheme, Some(&corefile), &[], None).end();
        assert_eq!(code, Some(1));
        assert!(errors.contains(&format!("listeners for `{scheme}://` are not built yet")), "{errors}");
        assert!(
            errors.contains("Corefile:1:1") && errors.contains("serve the zone over plain DNS"),
            "{errors}"
        );
    }
}

#[test]
fn an_address_that_stands_twice_is_bound_once() {
    let port = free_port();
    let corefile =
        format!(".:{port} {{\n bind 127.0.0.1 127.0.0.1\n bind lo {{\n  except ::1\n }}\n whoami\n}}\n");
    let mut started = Started::new("twice", Some(&corefile), &[], None);
    assert_eq!(started.until("CoreDNS-").len(), 2, "one key");
    assert!(answers((Ipv4Addr::LOCALHOST, port).into()));
    started.signal("-TERM");
    assert_eq!(started.end().0, Some(0));
}

/// Where this machine has an interface with a link-local address: in a container there may be none.
#[test]
fn a_link_local_address_is_bound_on_its_interface_and_answers_from_it() {
    let Some((name, address, index)) = link_local() else { return };
    let port = free_port();
    let server = SocketAddr::V6(std::net::SocketAddrV6::new(address, port, 0, index));
    let only = format!("{address}%{name}");
    let corefile = |bind: &str| format!(".:{port} {{\n bind {bind}\n whoami\n}}\n");
    for (case, bind) in [("written", only.as_str()), ("interface", name.as_str())] {
        let mut started = Started::new(case, Some(&corefile(bind)), &[], None);
        let lines = started.until("CoreDNS-");
        assert!(lines.contains(&format!(".:{port} on {only}")), "{lines:?}");
        assert!(answers(server), "{bind}");
        started.signal("-TERM");
        assert_eq!(started.end().0, Some(0));
    }
    let bare = corefile(&address.to_string());
    let (code, _, errors) = Started::new("bare", Some(&bare), &[], None).end();
    assert_eq!(code, Some(1));
    assert!(errors.contains(&format!("write `{only}`")), "{errors}");
}

/// The first link-local address of this machine, as the kernel lists them.
fn link_local() -> Option<(String, std::net::Ipv6Addr, u32)> {
    let table = std::fs::read_to_string(Path::new("/proc/net/if_inet6")).ok()?;
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [address, index, _, scope, _, name] = fields.as_slice() else { return None };
        let address = u128::from_str_radix(address, 16).ok()?;
        (*scope == "20").then_some(((*name).to_owned(), address.into(), u32::from_str_radix(index, 16).ok()?))
    })
}
