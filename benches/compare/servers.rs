//! The servers that are compared, each with the same names.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::lab::variable;
use crate::ports::free_port;
use crate::process::{OTHER_CPU, Process, SERVER_CPU, get, is_ready};
use crate::zone_files::{local_data, master_file, reverse_file};

/// Who is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// recvmmsg, sendmmsg and nothing between.
    Echo,
    Kubezone,
    /// The container's build: static, with musl's allocator.
    KubezoneMusl,
    CoreDns,
    Knot,
    Nsd,
    Unbound,
    Dnsmasq,
}

/// A server that runs.
pub struct Server {
    pub peer: Peer,
    pub process: Process,
    pub dns: SocketAddr,
    ready: u16,
    metrics: u16,
}

/// What all servers of a run have in common.
pub struct Setting {
    pub folder: PathBuf,
    pub services: usize,
    upstream_port: u16,
    _upstream: Process,
}

impl Peer {
    pub fn name(self) -> &'static str {
        match self {
            Self::Echo => "bare echo",
            Self::Kubezone => "kubezone",
            Self::KubezoneMusl => "kubezone (musl)",
            Self::CoreDns => "CoreDNS",
            Self::Knot => "Knot DNS",
            Self::Nsd => "NSD",
            Self::Unbound => "Unbound",
            Self::Dnsmasq => "dnsmasq",
        }
    }

    /// The program; `None` where this machine does not have it.
    pub fn program(self) -> Option<PathBuf> {
        let system = |name: &str| {
            let path = Path::new("/usr/sbin").join(name);
            path.exists().then_some(path)
        };
        match self {
            Self::Echo => env::current_exe().ok(),
            Self::Kubezone => Some(variable("KUBEZONE_BIN").into()),
            Self::KubezoneMusl => env::var_os("KUBEZONE_MUSL_BIN").map(Into::into),
            Self::CoreDns => Some(variable("KUBEZONE_COREDNS").into()),
            Self::Knot => system("knotd"),
            Self::Nsd => system("nsd"),
            Self::Unbound => system("unbound"),
            Self::Dnsmasq => system("dnsmasq"),
        }
    }
}

impl Setting {
    pub fn new(services: usize) -> Self {
        let folder = env::temp_dir().join(format!("kubezone-compare-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        for (name, text) in
            [("cluster.zone", master_file(services)), ("reverse.zone", reverse_file(services))]
        {
            fs::write(folder.join(name), text).expect("a file");
        }
        fs::write(folder.join("local-data.conf"), local_data(services)).expect("a file");
        let upstream_port = free_port();
        let program = env::current_exe().expect("this program");
        let arguments = ["upstream", &upstream_port.to_string()];
        let upstream = Process::start(OTHER_CPU, &program, &arguments, &folder.join("upstream.log"));
        Self { folder, services, upstream_port, _upstream: upstream }
    }

    /// Starts a server and waits until it answers; gives the time that this took.
    pub fn start(&self, peer: Peer) -> (Server, Duration) {
        self.start_with(peer, &self.corefile(""))
    }

    /// The same with a Corefile of its own, for kubezone and CoreDNS.
    pub fn start_with(&self, peer: Peer, corefile: &str) -> (Server, Duration) {
        self.start_on(SERVER_CPU, peer, corefile)
    }

    /// The same on these processors.
    pub fn start_on(&self, cpus: &str, peer: Peer, corefile: &str) -> (Server, Duration) {
        let program = peer.program().unwrap_or_else(|| panic!("{} is not there", peer.name()));
        let (port, ready, other, metrics) = (free_port(), free_port(), free_port(), free_port());
        let name = format!("{}-{port}", peer.name().replace([' ', '(', ')'], ""));
        let path = |kind: &str| self.folder.join(format!("{name}.{kind}"));
        let text = |path: &Path| path.to_str().expect("a path of ASCII").to_owned();
        let fill = |template: &str| {
            template
                .replace("FOLDER", &text(&self.folder))
                .replace("NAME", &name)
                .replace("UPSTREAM", &self.upstream_port.to_string())
                .replace("READY", &ready.to_string())
                .replace("OTHER", &other.to_string())
                .replace("METRICS", &metrics.to_string())
                .replace("PORT", &port.to_string())
        };
        let configuration = text(&path("conf"));
        let (template, arguments) = match peer {
            Peer::Echo => ("", vec!["echo".to_owned(), port.to_string()]),
            Peer::Kubezone | Peer::KubezoneMusl | Peer::CoreDns => {
                (corefile, vec!["-conf".to_owned(), configuration])
            }
            Peer::Knot => (KNOT, vec!["-c".to_owned(), configuration]),
            Peer::Nsd => (NSD, vec!["-d".to_owned(), "-c".to_owned(), configuration]),
            Peer::Unbound => (UNBOUND, vec!["-d".to_owned(), "-c".to_owned(), configuration]),
            Peer::Dnsmasq => (DNSMASQ, vec!["-k".to_owned(), "-C".to_owned(), configuration]),
        };
        fs::create_dir_all(path("run")).expect("a folder");
        fs::write(path("conf"), fill(template)).expect("a file");
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut process = Process::start(cpus, &program, &arguments, &path("log"));
        let dns = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let is_cluster = matches!(peer, Peer::Kubezone | Peer::KubezoneMusl | Peer::CoreDns);
        let has_ready = is_cluster && corefile.contains("READY");
        let took = process.until(peer.name(), || if has_ready { is_ready(ready) } else { answers(dns) });
        (Server { peer, process, dns, ready, metrics }, took)
    }

    /// The Corefile of kubeadm with other ports, and with this in `kubernetes`; `loop` is left out, since the upstream says
    /// the same to everybody.
    pub fn corefile(&self, option: &str) -> String {
        // What stands last in a block holds.
        format!(
            ".:PORT {{\n bind 127.0.0.1\n errors\n health 127.0.0.1:OTHER\n kubernetes cluster.local in-addr.arpa ip6.arpa {{\n \
             kubeconfig {}\n pods insecure\n {option}\n fallthrough in-addr.arpa ip6.arpa\n ttl 30\n }}\n ready 127.0.0.1:READY\n \
             prometheus 127.0.0.1:METRICS\n forward . 127.0.0.1:{} {{\n max_concurrent 1000\n }}\n cache 30 {{\n \
             disable success cluster.local\n disable denial cluster.local\n }}\n reload\n loadbalance\n}}\n",
            variable("KUBECONFIG"),
            self.upstream_port,
        )
    }

    /// A Corefile for a sidecar: it forwards and keeps.
    pub fn sidecar(&self) -> String {
        format!(
            ".:PORT {{\n bind 127.0.0.1\n errors\n cache 30\n forward . 127.0.0.1:{}\n}}\n",
            self.upstream_port
        )
    }
}

impl Server {
    pub fn is_ready(&self) -> bool {
        is_ready(self.ready)
    }

    /// The sum of a metric over its labels; 0 where the server has none of that name.
    pub fn metric(&self, name: &str) -> f64 {
        let text = get(self.metrics, "/metrics").unwrap_or_default();
        let series = text.lines().filter(|line| line.starts_with(name));
        series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Whether anything comes back.
pub fn answers(dns: SocketAddr) -> bool {
    let client = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    // Short: what is sent before the server listens is gone, and nobody says so.
    client.set_read_timeout(Some(Duration::from_millis(2))).expect("a socket has options");
    let packet = crate::names::packet("ns.dns.cluster.local.", kubezone::dns::RecordType::A);
    client.send_to(&packet, dns).is_ok() && client.recv(&mut [0; 4096]).is_ok()
}

const KNOT: &str = "server:
    rundir: \"FOLDER/NAME.run\"
    listen: 127.0.0.1@PORT
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: \"FOLDER/NAME.run\"
template:
  - id: default
    storage: \"FOLDER\"
    semantic-checks: off
    zonefile-load: whole
    journal-content: none
zone:
  - domain: cluster.local
    file: cluster.zone
  - domain: 10.in-addr.arpa
    file: reverse.zone
";

const NSD: &str = "server:
    ip-address: 127.0.0.1@PORT
    server-count: 1
    username: \"\"
    zonesdir: \"FOLDER\"
    database: \"\"
    rrl-ratelimit: 0
    pidfile: \"FOLDER/NAME.run/nsd.pid\"
    xfrdfile: \"FOLDER/NAME.run/xfrd.state\"
    xfrdir: \"FOLDER/NAME.run\"
    zonelistfile: \"FOLDER/NAME.run/zone.list\"
remote-control:
    control-enable: no
zone:
    name: cluster.local
    zonefile: cluster.zone
zone:
    name: 10.in-addr.arpa
    zonefile: reverse.zone
";

const UNBOUND: &str = "server:
    interface: 127.0.0.1@PORT
    num-threads: 1
    username: \"\"
    chroot: \"\"
    directory: \"FOLDER/NAME.run\"
    pidfile: \"FOLDER/NAME.run/unbound.pid\"
    use-syslog: no
    do-not-query-localhost: no
    module-config: iterator
    so-rcvbuf: 0
    include: \"FOLDER/local-data.conf\"
remote-control:
    control-enable: no
forward-zone:
    name: \".\"
    forward-addr: 127.0.0.1@UPSTREAM
";

const DNSMASQ: &str = "port=PORT
listen-address=127.0.0.1
bind-interfaces
no-resolv
no-hosts
user=root
pid-file=FOLDER/NAME.run/dnsmasq.pid
server=127.0.0.1#UPSTREAM
cache-size=10000
dns-forward-max=10000
";
