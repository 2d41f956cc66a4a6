//! The control plane, seen from a test: a namespace and `kubectl`.

use std::io::Write;
use std::path::PathBuf;
use std::process::{self, Command, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::lab::variable;
use crate::server::Server;

/// Tests share the API server; one that stops it must be alone.
static API_SERVER: RwLock<()> = RwLock::new(());

#[expect(dead_code, reason = "held, not read")]
enum Hold {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

/// A test's place in the cluster: a namespace of its own.
pub struct Cluster {
    pub namespace: String,
    _hold: Hold,
}

impl Cluster {
    /// Makes the namespace `t-NAME-PID`: a second run against the same cluster finds none of the first one's objects.
    pub fn join(name: &str) -> Self {
        let hold = API_SERVER.read().unwrap_or_else(PoisonError::into_inner);
        Self::new(name, Hold::Shared(hold))
    }

    /// The same, with no other test beside it.
    pub fn alone(name: &str) -> Self {
        let hold = API_SERVER.write().unwrap_or_else(PoisonError::into_inner);
        Self::new(name, Hold::Alone(hold))
    }

    fn new(name: &str, hold: Hold) -> Self {
        let namespace = format!("t-{name}-{}", process::id());
        kubectl(&["create", "namespace", &namespace], "");
        Self { namespace, _hold: hold }
    }

    /// A server with the rights of `deploy/`, once it is ready.
    pub fn serve(&self) -> Server {
        let server = Server::start(&restricted_kubeconfig());
        server.wait_ready();
        server
    }

    /// `kubectl apply` of one or more documents, in this namespace.
    pub fn apply(&self, manifest: &str) {
        self.kubectl_with(&["apply", "-f", "-"], manifest);
    }

    /// `kubectl ARGUMENTS` in this namespace: what it printed.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        self.kubectl_with(arguments, "")
    }

    fn kubectl_with(&self, arguments: &[&str], stdin: &str) -> String {
        kubectl(&[&["--namespace", &self.namespace], arguments].concat(), stdin)
    }

    /// The cluster addresses of a Service, in its own order of families.
    pub fn addresses(&self, service: &str) -> Vec<String> {
        let path = "jsonpath={.spec.clusterIPs[*]}";
        self.kubectl(&["get", "service", service, "-o", path]).split_whitespace().map(str::to_owned).collect()
    }

    /// `LABELS.NAMESPACE.svc.cluster.local.`
    pub fn name(&self, labels: &str) -> String {
        format!("{labels}.{}.svc.cluster.local.", self.namespace)
    }

    /// A Pod with this address, which the EndpointSlice controller puts behind the Service that it names as subdomain.
    /// It runs nowhere: there is no kubelet, so its status is written here. An empty `hostname` is none.
    pub fn pod(&self, name: &str, service: &str, hostname: &str, address: &str, ready: bool) {
        // The controller leaves out a Pod whose node does not exist.
        self.apply(&format!(
            "{{apiVersion: v1, kind: Node, metadata: {{name: node-a}}}}
---
{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, labels: {{app: {service}}}}}, spec: {{nodeName: node-a,
  hostname: '{hostname}', subdomain: {service}, containers: [{{name: c, image: registry.example.org/c:1}}]}}}}"
        ));
        self.set_ready(name, address, ready);
    }

    /// Writes what a kubelet would report.
    pub fn set_ready(&self, pod: &str, address: &str, ready: bool) {
        let ready = if ready { "True" } else { "False" };
        let status = format!(
            r#"{{"status":{{"phase":"Running","podIP":"{address}","podIPs":[{{"ip":"{address}"}}],
            "conditions":[{{"type":"Ready","status":"{ready}"}}]}}}}"#
        );
        self.kubectl(&["patch", "pod", pod, "--subresource=status", "--type=merge", "--patch", &status]);
    }
}

/// `kubectl ARGUMENTS` as administrator. A refusal ends the test, with what kubectl said.
pub fn kubectl(arguments: &[&str], stdin: &str) -> String {
    run(Command::new(variable("KUBECTL")).args(arguments), stdin)
}

/// `tests/cluster/control-plane VERB`.
pub fn control_plane(verb: &str) {
    run(Command::new(variable("KUBEZONE_CONTROL_PLANE")).arg(verb), "");
}

/// The kubeconfig whose token is the ServiceAccount's of `deploy/`.
pub fn restricted_kubeconfig() -> PathBuf {
    variable("KUBEZONE_KUBECONFIG").into()
}

fn run(command: &mut Command, stdin: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(stdin.as_bytes()).expect("the command reads its input");
    }
    let output = child.wait_with_output().expect("a child can be waited for");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {errors}\n{stdin}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
