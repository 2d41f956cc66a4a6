//! The processes: an upstream, an API server, kubezone, CoreDNS and Prometheus; and the load on them.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kubezone::dns::{Name, RecordType};
use kubezone::plugin::question_packet;
use serde_json::json;
use std::io::{Read, Write};
use tokio::runtime::Runtime;

use crate::fake_api::FakeApi;
use crate::ports::free_port;
use crate::queries::get;

/// A process that does not begin by then will not.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long an answer may take before the next question is asked.
const ANSWER: Duration = Duration::from_millis(300);
/// Whose addresses clients have: the second one is blocked.
const CLIENTS: [&str; 2] = ["127.0.0.1:0", "127.0.0.66:0"];

/// Everything, ended by being dropped.
pub struct Stage {
    folder: PathBuf,
    children: Vec<(&'static str, Child)>,
    ports: Ports,
    prometheus: SocketAddr,
    api: FakeApi,
    runtime: Runtime,
}

/// Both servers listen on the same ports, each of its own address, so that their labels are the same.
#[derive(Clone, Copy)]
struct Ports {
    dns: u16,
    metrics: u16,
    health: u16,
    ready: u16,
    upstream: u16,
    dead: u16,
}

impl Stage {
    pub fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("kubezone-prometheus-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let runtime = Runtime::new().unwrap();
        let api = runtime.block_on(FakeApi::start());
        objects().into_iter().for_each(|object| api.apply(object));
        let [dns, metrics, health, ready, upstream, dead] = free_ports();
        let ports = Ports { dns, metrics, health, ready, upstream, dead };
        let [listen] = free_ports();
        let prometheus = SocketAddr::from((Ipv4Addr::LOCALHOST, listen));
        let mut stage = Self { folder, children: Vec::new(), ports, prometheus, api, runtime };

        stage.write("upstream", &upstream_corefile(ports.upstream));
        stage.spawn("upstream", &program("KUBEZONE_COREDNS"), &["-conf", "upstream"]);
        for (server, variable) in [("kubezone", "KUBEZONE_BIN"), ("coredns", "KUBEZONE_COREDNS")] {
            stage.write(server, &stage.corefile(server, ""));
            stage.spawn(server, &program(variable), &["-conf", server]);
        }
        stage.write("prometheus.yml", &stage.scrapes());
        let listen = format!("--web.listen-address={prometheus}");
        let options =
            ["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=error", &listen];
        stage.spawn("prometheus", &program("KUBEZONE_PROMETHEUS"), &options);
        stage.wait_until("Prometheus is ready", || get(prometheus, "/-/ready").0 == 200);
        for server in ["kubezone", "coredns"] {
            let ready = SocketAddr::new(stage.dns(server).ip(), ports.ready);
            stage.wait_until(server, || get(ready, "/ready").0 == 200);
        }
        stage.reload();
        stage
    }

    pub fn prometheus(&self) -> SocketAddr {
        self.prometheus
    }

    /// What promtool dislikes about kubezone's scrape.
    pub fn lint(&self) -> String {
        let (status, text) = get(SocketAddr::new(self.dns("kubezone").ip(), self.ports.metrics), "/metrics");
        assert_eq!(status, 200);
        let mut promtool = Command::new(program("KUBEZONE_PROMTOOL"))
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = promtool.wait_with_output().unwrap();
        let told = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&told).into_owned()
    }

    /// What the processes printed.
    pub fn logs(&self) -> String {
        let logs = self.children.iter().map(|(name, _)| {
            let text = fs::read_to_string(self.folder.join(format!("{name}.log"))).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            format!("--- {name}\n{}\n", lines[lines.len().saturating_sub(30)..].join("\n"))
        });
        logs.collect()
    }

    /// Asks both servers the same for so long, and lets the cluster change.
    pub fn load(&self, time: Duration) {
        let end = Instant::now() + time;
        let mut round = 0u16;
        while Instant::now() < end {
            round += 1;
            self.api.apply(slice("db", "db-0", round));
            self.api.apply(slice("web", "", round));
            for server in ["kubezone", "coredns"] {
                for (at, (name, rtype, options)) in questions().into_iter().enumerate() {
                    let id = round.wrapping_mul(100).wrapping_add(at as u16);
                    let edns = options.contains('d').then_some((1232, true));
                    let packet = question_packet(id, Name::from_text(name).unwrap().as_wire(), rtype, edns);
                    if options.contains('t') {
                        let _ = over_tcp(self.dns(server), &packet);
                    } else {
                        let client = CLIENTS[usize::from(options.contains('b'))];
                        let _ = over_udp(client, self.dns(server), &packet);
                    }
                }
            }
        }
        // The last of it is scraped.
        std::thread::park_timeout(Duration::from_millis(1500));
    }

    /// A changed Corefile, and one that cannot be.
    fn reload(&self) {
        let metric = |server: &str, name: &str| {
            let address = SocketAddr::new(self.dns(server).ip(), self.ports.metrics);
            let text = get(address, "/metrics").1;
            let values = text.lines().filter(|line| line.starts_with(name));
            values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>()
        };
        for server in ["kubezone", "coredns"] {
            self.write(server, &self.corefile(server, "    minimal\n"));
            self.wait_until("reloaded", || metric(server, "coredns_reload_version_info") > 0.0);
        }
        for server in ["kubezone", "coredns"] {
            self.write(server, &self.corefile(server, "    nosuchplugin\n"));
            self.wait_until("refused", || metric(server, "coredns_reload_failed_total") > 0.0);
        }
    }

    fn dns(&self, server: &str) -> SocketAddr {
        let last = if server == "kubezone" { 1 } else { 2 };
        SocketAddr::from(([127, 0, 0, last], self.ports.dns))
    }

    fn corefile(&self, server: &str, more: &str) -> String {
        let (address, api) = (self.dns(server).ip(), self.api.url());
        let Ports { dns, metrics, health, ready, upstream, dead } = self.ports;
        format!(
            ".:{dns} {{
    bind {address}
    errors {{
        consolidate 10s .* error
    }}
    health {address}:{health}
    ready {address}:{ready}
    prometheus {address}:{metrics}
    acl {{
        block net 127.0.0.66/32
        allow
    }}
    local
    loadbalance
{more}    reload 2s 1s
    cache 30 {{
        prefetch 1 10s
    }}
    hosts {{
        192.0.2.7 a.hosts.example.org
        fallthrough
    }}
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        endpoint {api}
        fallthrough in-addr.arpa ip6.arpa
    }}
    forward . 127.0.0.1:{upstream} {{
        max_concurrent 1000
    }}
}}
example.net:{dns} {{
    bind {address}
    errors {{
        consolidate 10s .* error
    }}
    prometheus {address}:{metrics}
    forward . 127.0.0.1:{dead} {{
        health_check 200ms
    }}
}}
"
        )
    }

    fn scrapes(&self) -> String {
        let target = |server: &str| {
            let address = SocketAddr::new(self.dns(server).ip(), self.ports.metrics);
            format!("      - {{targets: [\"{address}\"], labels: {{instance: {server}}}}}\n")
        };
        format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n  - job_name: coredns\n    static_configs:\n{}{}",
            target("kubezone"),
            target("coredns")
        )
    }

    fn write(&self, name: &str, text: &str) {
        let partial = self.folder.join("partial");
        fs::write(&partial, text).unwrap();
        fs::rename(partial, self.folder.join(name)).unwrap();
    }

    fn spawn(&mut self, name: &'static str, program: &str, arguments: &[&str]) {
        let log = fs::File::create(self.folder.join(format!("{name}.log"))).unwrap();
        let child = Command::new(program)
            .args(arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stderr(log.try_clone().unwrap())
            .stdout(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        self.children.push((name, child));
    }

    fn wait_until(&self, what: &str, is_so: impl Fn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < end, "{what}: not in time\n{}", self.logs());
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for (_, child) in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
        // The API server's task ends with the runtime, which must not be waited for.
        let _ = &self.runtime;
    }
}

fn program(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} names no program: use tests/prometheus/run"))
}

/// Ports that are free on both addresses.
fn free_ports<const N: usize>() -> [u16; N] {
    std::array::from_fn(|_| free_port())
}

/// Names that are there, that are not, and that fail.
fn upstream_corefile(port: u16) -> String {
    format!(
        ".:{port} {{
    bind 127.0.0.1
    hosts {{
        192.0.2.1 www.example.org
        192.0.2.2 slow.example.org
        fallthrough www.example.org
    }}
    template ANY ANY none.example.org {{
        rcode NXDOMAIN
        authority \"example.org. 60 IN SOA ns.example.org. hostmaster.example.org. 1 60 60 60 60\"
    }}
}}
"
    )
}

/// Name, type, and how it is asked: `t` over TCP, `d` with the DO bit, `b` by the client that is blocked.
fn questions() -> Vec<(&'static str, RecordType, &'static str)> {
    vec![
        ("web.demo.svc.cluster.local", RecordType::A, ""),
        ("web.demo.svc.cluster.local", RecordType::AAAA, ""),
        ("web.demo.svc.cluster.local", RecordType::A, "t"),
        ("web.demo.svc.cluster.local", RecordType::A, "d"),
        ("db.demo.svc.cluster.local", RecordType::A, ""),
        ("_sql._tcp.db.demo.svc.cluster.local", RecordType::SRV, "d"),
        ("nobody.demo.svc.cluster.local", RecordType::A, ""),
        ("1.0.96.10.in-addr.arpa", RecordType::PTR, ""),
        ("www.example.org", RecordType::A, ""),
        ("www.example.org", RecordType::A, "t"),
        ("www.example.org", RecordType::AAAA, ""),
        ("www.example.org", RecordType::TXT, "d"),
        ("none.example.org", RecordType::A, ""),
        ("none.example.org", RecordType::MX, ""),
        ("fails.example.com", RecordType::A, ""),
        ("a.hosts.example.org", RecordType::A, ""),
        ("localhost", RecordType::A, ""),
        ("localhost.example.org", RecordType::A, ""),
        ("blocked.example.org", RecordType::A, "b"),
        ("dead.example.net", RecordType::A, ""),
        ("www.example.org", RecordType::HINFO, ""),
    ]
}

fn objects() -> Vec<serde_json::Value> {
    let metadata = |name: &str| json!({"name": name, "namespace": "demo"});
    let ports = |name: &str, port: u16| json!([{"name": name, "port": port, "protocol": "TCP"}]);
    vec![
        json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "demo"}}),
        json!({"kind": "Service", "apiVersion": "v1", "metadata": metadata("web"), "spec": {
            "type": "ClusterIP", "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"], "ports": ports("http", 80),
            "selector": {"app": "web"},
        }}),
        json!({"kind": "Service", "apiVersion": "v1", "metadata": metadata("db"), "spec": {
            "type": "ClusterIP", "clusterIP": "None", "clusterIPs": ["None"], "ports": ports("sql", 5432),
            "selector": {"app": "db"},
        }}),
        slice("db", "db-0", 0),
        slice("web", "", 0),
    ]
}

/// One endpoint of a Service, which the controller learned of now.
fn slice(service: &str, host: &str, round: u16) -> serde_json::Value {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut endpoint = json!({
        "addresses": [format!("10.1.{}.{}", round / 250, 1 + round % 250)],
        "conditions": {"ready": true},
    });
    if !host.is_empty() {
        endpoint["hostname"] = json!(host);
    }
    json!({"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "addressType": "IPv4",
        "metadata": {"name": service, "namespace": "demo", "labels": {"kubernetes.io/service-name": service},
            "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": now}},
        "ports": [{"name": "sql", "port": 5432, "protocol": "TCP"}], "endpoints": [endpoint]})
}

fn over_udp(client: &str, server: SocketAddr, packet: &[u8]) -> std::io::Result<()> {
    let socket = UdpSocket::bind(client)?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(ANSWER))?;
    socket.send(packet)?;
    socket.recv(&mut [0; 4096]).map(drop)
}

fn over_tcp(server: SocketAddr, packet: &[u8]) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.write_all(&[&(packet.len() as u16).to_be_bytes(), packet].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    stream.read_exact(&mut vec![0; usize::from(u16::from_be_bytes(length))])
}
