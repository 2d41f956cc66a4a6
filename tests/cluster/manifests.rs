//! What lies in `deploy/` and `config/demo/`, judged by the API server, and what `deploy/` allows.

use std::process::Command;

use crate::cluster::{Cluster, kubectl, restricted_kubeconfig};

/// Where the manifests are.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn deploy_is_accepted() {
    let _cluster = Cluster::join("deploy");
    let printed = kubectl(&["apply", "--dry-run=server", "-k", &format!("{ROOT}/deploy")], "");
    for object in [
        "serviceaccount/kubezone",
        "clusterrole.rbac.authorization.k8s.io/system:kubezone",
        "clusterrolebinding.rbac.authorization.k8s.io/system:kubezone",
        "configmap/kubezone",
        "deployment.apps/kubezone",
        "service/kube-dns",
    ] {
        assert!(printed.contains(object), "{object} is missing:\n{printed}");
    }
}

#[test]
fn deploy_serves_the_drop_in_corefile() {
    let _cluster = Cluster::join("configmap");
    let deployed = kubectl(
        &["get", "configmap", "kubezone", "--namespace", "kube-system", "-o", "jsonpath={.data.Corefile}"],
        "",
    );
    let drop_in = include_str!("../../config/Corefile");
    let without_comment: String =
        drop_in.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    assert_eq!(deployed, without_comment);
}

#[test]
fn demo_is_accepted() {
    let _cluster = Cluster::join("demo");
    let demo = format!("{ROOT}/config/demo");
    // A dry run makes no namespaces, and refuses objects in those that are missing.
    kubectl(&["apply", "-f", &format!("{demo}/namespaces.yaml")], "");
    let printed = kubectl(&["apply", "--dry-run=server", "-f", &demo], "");
    assert!(printed.contains("service/web created"), "{printed}");
}

/// Whether the ServiceAccount of `deploy/` may do this in every namespace.
fn may(verb: &str, resource: &str) -> bool {
    let kubeconfig = restricted_kubeconfig();
    let output = Command::new(std::env::var_os("KUBECTL").expect("set by tests/cluster/run"))
        .args(["auth", "can-i", verb, resource, "--all-namespaces", "--kubeconfig"])
        .arg(kubeconfig)
        .output()
        .expect("kubectl starts");
    match String::from_utf8_lossy(&output.stdout).trim() {
        "yes" => true,
        "no" => false,
        other => panic!("kubectl auth can-i {verb} {resource}: {other}"),
    }
}

/// Every other test runs with these rights and passes; here is that there are no more of them.
#[test]
fn deploy_grants_what_is_read_and_nothing_else() {
    let _cluster = Cluster::join("rbac");
    for resource in ["services", "namespaces", "endpointslices.discovery.k8s.io"] {
        assert!(may("list", resource) && may("watch", resource), "{resource}");
        for verb in ["get", "create", "update", "patch", "delete"] {
            assert!(!may(verb, resource), "{verb} {resource}");
        }
    }
    for resource in ["pods", "secrets", "configmaps", "endpoints", "nodes"] {
        assert!(!may("list", resource), "{resource}");
    }
}
