//! `kubezone compare` as a person meets it: two servers on loopback, a file of questions, the exit code.

use std::io::Write;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A server that answers every question with NOERROR and no record, and a name that begins with `x` with `rcode`. It ends
/// with the process.
fn server(rcode: u8) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut packet = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut packet) {
            packet[2] |= 0x80;
            if packet[13] == b'x' {
                packet[3] = rcode;
            }
            let _ = socket.send_to(&packet[..length], from);
        }
    });
    address
}

fn compare(arguments: &[&str], input: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubezone"));
    command
        .arg("compare")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command line that is wrong is told without reading.
    let _ = stdin.write_all(input.unwrap_or_default().as_bytes());
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("kubezone-compare-{}-{name}", std::process::id()));
    std::fs::write(&path, content).unwrap();
    path
}

#[test]
fn exits_0_when_nothing_differs_and_1_when_something_does() {
    let (a, b) = (server(0), server(3));
    let path = file("differ", b"# two names\nweb.example.org A\nxyz.example.org AAAA +edns\n");
    let path = path.to_str().unwrap();

    let output = compare(&[&a, &a, path], None);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("\n       2  same\n"));

    let output = compare(&["--once", &a, &b, path], None);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let report = text(&output.stdout);
    assert!(report.contains("\n       1 x *.example.org. AAAA +edns=1232\n"), "{report}");
    assert!(report.contains("            RCODE NOERROR -> NXDOMAIN\n"), "{report}");
    assert!(report.contains("    - ;; NOERROR, flags rd\n    + ;; NXDOMAIN, flags rd\n"), "{report}");
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));

    let output = compare(&["--once", "--ignore", "rcode", &a, &b, path], None);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[test]
fn questions_come_from_standard_input_too() {
    let (a, b) = (server(0), server(5));
    for arguments in [&[a.as_str(), &b][..], &[&a, &b, "-"]] {
        let output = compare(arguments, Some("xyz.example.org\nweb.example.org\n"));
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains("RCODE NOERROR -> REFUSED"));
    }
}

#[test]
fn exits_2_when_a_server_never_answers() {
    let closed = "127.0.0.1:1";
    let questions: String = (0..100).map(|at| format!("n{at}.example.org\n")).collect();
    let output = compare(&["--once", &server(0), closed], Some(&questions));
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stdout).contains(&format!("B ({closed}) never answered")),
        "{}",
        text(&output.stdout)
    );
    assert!(text(&output.stderr).contains("of 100 questions"), "{}", text(&output.stderr));
}

#[test]
fn a_line_that_is_no_question_is_named_and_nothing_is_asked() {
    // Nobody is there to be asked: the run would say so.
    let path = file("wrong", b"web.example.org A\n\nweb.example.org AAAAA\na..b\nweb.example.org +dnsec\n");
    let name = path.to_str().unwrap();
    let output = compare(&["127.0.0.1:1", "127.0.0.1:1", name], None);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines[0].starts_with(&format!("{name}:3: `AAAAA` is neither a type nor a class")), "{told}");
    assert!(
        lines[1].starts_with(&format!("{name}:4: `a..b` is no domain name: a name has no empty labels")),
        "{told}"
    );
    assert!(lines[2].starts_with(&format!("{name}:5: `+dnsec` is no option: there are +tcp")), "{told}");
    assert_eq!(lines.len(), 3);
    assert!(output.stdout.is_empty());

    let path = file("latin", b"web.example.org\nm\xfcnchen.example.org\n");
    let told = text(&compare(&["127.0.0.1:1", "127.0.0.1:1", path.to_str().unwrap()], None).stderr);
    assert!(told.contains(":2: not UTF-8"), "{told}");
}

#[test]
fn mistakes_on_the_command_line_exit_2() {
    for (arguments, expected) in [
        (&["127.0.0.1:1"][..], "<B>"),
        (&["127.0.0.1:1", "127.0.0.1:x"], "`127.0.0.1:x` is no server: it is HOST:PORT"),
        (&["127.0.0.1:1", "127.0.0.1:1", "/nonexistent/questions"], "cannot read `/nonexistent/questions`"),
        (&["--ignore", "tttl", "127.0.0.1:1", "127.0.0.1:1"], "the fields are rcode, opcode"),
        (&["--ignore", "no-reply", "127.0.0.1:1", "127.0.0.1:1"], "the fields are rcode, opcode"),
        (&["--concurrency", "0", "127.0.0.1:1", "127.0.0.1:1"], "--concurrency"),
        (&["127.0.0.1:1", "127.0.0.1:1"], "standard input: no question in it"),
    ] {
        let output = compare(arguments, None);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(expected), "{arguments:?}: {told}");
    }
}
