//! The server under test: the release binary as a child process, with kubeadm's Corefile on free ports.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use std::{env, process, thread};

use hickory_proto::rr::RecordType;

use crate::client::{self, Reply};
use crate::lab::until;
use crate::ports::free_port;
use crate::upstream;

/// The file that we tell people to use.
const COREFILE: &str = include_str!("../../config/Corefile");

pub struct Server {
    child: Child,
    log: PathBuf,
    pub dns: SocketAddr,
    pub health: SocketAddr,
    pub ready: SocketAddr,
    pub metrics: SocketAddr,
}

impl Server {
    /// Starts a server that reads its cluster through `kubeconfig`, and waits until it answers at all.
    pub fn start(kubeconfig: &Path) -> Self {
        let [dns, health, ready, metrics, outside] = [(); 5].map(|()| free_address());
        upstream::start(outside).expect("the port was free a moment ago");

        let folder =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{}", process::id(), dns.port()));
        fs::create_dir_all(&folder).expect("the target folder is writable");
        let corefile = folder.join("Corefile");
        let text = drop_in(&[
            (".:53 {", &format!(".:{} {{", dns.port())),
            ("health {", &format!("health {health} {{")),
            ("ready\n", &format!("ready {ready}\n")),
            ("prometheus :9153", &format!("prometheus {metrics}")),
            ("pods insecure", &format!("pods insecure\n       kubeconfig {}", kubeconfig.display())),
            ("forward . /etc/resolv.conf", &format!("forward . {outside}")),
        ]);
        fs::write(&corefile, text).expect("the target folder is writable");

        let log = folder.join("log");
        let output = File::create(&log).expect("the target folder is writable");
        let binary = env::var_os("KUBEZONE_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_kubezone").into());
        let child = Command::new(binary)
            .arg("-conf")
            .arg(&corefile)
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a file handle can be copied"))
            .stderr(output)
            .spawn()
            .expect("the binary is there");
        let mut server = Self { child, log, dns, health, ready, metrics };
        until("/health", || {
            let ended = server.child.try_wait().expect("a child can be asked");
            assert_eq!(ended, None, "the server ended at start");
            server.get(server.health, "/health")
        });
        // Its two halves start independently of each other.
        until("an answer", || client::ask_udp(server.dns, upstream::NAME, RecordType::A).ok());
        server
    }

    /// Waits for /ready to say 200.
    pub fn wait_ready(&self) {
        until("/ready", || self.get(self.ready, "/ready").filter(|(status, _)| *status == 200));
    }

    /// Asks over UDP and over TCP, which must agree. Sections come sorted: `loadbalance` shuffles them.
    pub fn ask(&self, name: &str, qtype: RecordType) -> Reply {
        let udp = self.ask_udp(name, qtype).sorted();
        let mut tcp = client::ask_tcp(self.dns, name, qtype).expect("a reply over TCP").sorted();
        // A cached record may be a second older the second time.
        tcp.ttls.clone_from(&udp.ttls);
        assert_eq!(udp, tcp, "UDP (left) and TCP disagree about {name} {qtype}");
        udp
    }

    /// Asks over UDP; sections as they came.
    pub fn ask_udp(&self, name: &str, qtype: RecordType) -> Reply {
        client::ask_udp(self.dns, name, qtype).expect("a reply over UDP")
    }

    /// Asks until the reply fits, and returns it as UDP and TCP give it. What it sees meanwhile is printed, for the
    /// test that waits in vain.
    pub fn ask_until(&self, name: &str, qtype: RecordType, fits: impl Fn(&Reply) -> bool) -> Reply {
        let mut last = None;
        until(&format!("{name} {qtype}"), || {
            let reply = self.ask_udp(name, qtype);
            if last.as_ref() != Some(&reply) {
                eprintln!("{name} {qtype}: {reply:?}");
                last = Some(reply.clone());
            }
            Some(reply).filter(&fits)
        });
        self.ask(name, qtype)
    }

    /// `GET path`: status and body; nothing if nobody listens. HTTP/1.0, since its bodies end with the connection.
    pub fn get(&self, address: SocketAddr, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").ok()?;
        let mut response = String::new();
        stream.read_to_string(&mut response).ok()?;
        let (head, body) = response.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    /// Sends a signal by name, as an init system or a kubelet does.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status().expect("kill is there");
        assert!(status.success(), "kill -s {name} {pid}");
    }

    /// Waits for the process to end.
    pub fn wait(&mut self) -> ExitStatus {
        until("the end of the process", || self.child.try_wait().expect("a child can be asked"))
    }

    /// What the process has printed so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; either way it must not outlive the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- what the server printed:\n{}---", self.log());
        }
    }
}

/// The Corefile of `config/` with these words replaced. A word that is not there any more is an error: the test would
/// silently serve something else.
fn drop_in(replacements: &[(&str, &str)]) -> String {
    replacements.iter().fold(COREFILE.to_owned(), |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "`{from}` in config/Corefile");
        text.replacen(from, to, 1)
    })
}

/// An address of loopback with a port that nobody has, and no other test: the server's SO_REUSEPORT would let two of
/// them share one without a word.
fn free_address() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()))
}
