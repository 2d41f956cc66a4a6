//! The command line as a person meets it: what is printed where, and the exit code.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn kubezone(arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    Command::new(env!("CARGO_BIN_EXE_kubezone")).args(arguments).current_dir(root).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn corefile(name: &str, content: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("kubezone-cli-{}-{name}", std::process::id()));
    std::fs::write(&path, content).unwrap();
    path
}

#[test]
fn check_points_at_each_wrong_word_and_exits_1() {
    let path = corefile(
        "wrong",
        ".:53 {\n    kuberntes cluster.local\n    route53 example.org.:Z1\n    health {\n        lameduck 5x\n    }\n}\n",
    );
    let output = kubezone(&["check", path.to_str().unwrap()]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("unknown plugin `kuberntes`"), "{told}");
    assert!(told.contains("did you mean `kubernetes`?"), "{told}");
    assert!(told.contains(":2:5"), "{told}");
    assert!(told.contains("route53"), "{told}");
    assert!(told.contains(":5:18"), "{told}");
    assert!(output.stdout.is_empty());
}

#[test]
fn check_of_the_drop_in_corefile_succeeds_without_a_cluster() {
    for path in ["config/Corefile", "config/Corefile.sidecar"] {
        let output = kubezone(&["check", path]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(text(&output.stdout).starts_with(path));
    }
}

#[test]
fn a_missing_corefile_is_named() {
    for arguments in [["check", "/nonexistent/Corefile"], ["-conf", "/nonexistent/Corefile"]] {
        let output = kubezone(&arguments);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("/nonexistent/Corefile"));
    }
}

#[test]
fn dump_of_the_demo_is_a_zone_file() {
    let output = kubezone(&["dump", "--manifests", "config/demo"]);
    let zone = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for line in [
        "$ORIGIN cluster.local.",
        "dns-version.cluster.local.\t28800\tIN\tTXT\t\"1.1.0\"",
        "kubernetes.default.svc.cluster.local.\t5\tIN\tA\t10.96.0.1",
        "postgres-0.postgres.data.svc.cluster.local.\t5\tIN\tA\t10.244.0.30",
        "database.shop.svc.cluster.local.\t5\tIN\tCNAME\tpostgres.data.svc.cluster.local.",
        "1.0.96.10.in-addr.arpa.\t5\tIN\tPTR\tkubernetes.default.svc.cluster.local.",
    ] {
        assert!(zone.lines().any(|found| found == line), "no {line:?} in\n{zone}");
    }
}

#[test]
fn dump_shows_imports_in_their_zones() {
    let folder = std::env::temp_dir().join(format!("kubezone-cli-{}-imports", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (conf, objects) = (folder.join("Corefile"), folder.join("objects.yaml"));
    std::fs::write(
        &objects,
        "{apiVersion: multicluster.x-k8s.io/v1alpha1, kind: ServiceImport, metadata: {name: web, namespace: demo},
 spec: {type: ClusterSetIP, ips: [10.42.42.42], ports: [{name: http, port: 80}]}}
---
{apiVersion: multicluster.x-k8s.io/v1alpha1, kind: ServiceImport, metadata: {name: waiting, namespace: demo},
 spec: {type: ClusterSetIP, ports: [{name: http, port: 80}]}}
---
{apiVersion: multicluster.x-k8s.io/v1alpha1, kind: ServiceImport, metadata: {name: db, namespace: demo}, spec: {type: Headless}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: db-a
  namespace: demo
  labels: {multicluster.kubernetes.io/service-name: db, multicluster.kubernetes.io/source-cluster: cluster-a}
endpoints: [{addresses: [10.1.0.1], hostname: db-0}]
ports: [{name: sql, port: 5432}]
",
    )
    .unwrap();
    let text_of_conf = format!(
        "cluster.local {{\n kubernetes cluster.local clusterset.local {{\n manifests {}\n multicluster clusterset.local\n }}\n}}\n",
        objects.display()
    );
    std::fs::write(&conf, text_of_conf).unwrap();
    let output = kubezone(&["dump", "--conf", conf.to_str().unwrap()]);
    std::fs::remove_dir_all(&folder).unwrap();
    let zone = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for line in [
        "web.demo.svc.clusterset.local.\t5\tIN\tA\t10.42.42.42",
        "_http._tcp.web.demo.svc.clusterset.local.\t5\tIN\tSRV\t0 100 80 web.demo.svc.clusterset.local.",
        "db.demo.svc.clusterset.local.\t5\tIN\tA\t10.1.0.1",
        "db-0.cluster-a.db.demo.svc.clusterset.local.\t5\tIN\tA\t10.1.0.1",
        "_sql._tcp.db.demo.svc.clusterset.local.\t5\tIN\tSRV\t0 100 5432 db-0.cluster-a.db.demo.svc.clusterset.local.",
    ] {
        assert!(zone.lines().any(|found| found == line), "no {line:?} in\n{zone}");
    }
    assert!(!zone.contains("waiting"), "without an address there is no record:\n{zone}");
    assert!(!zone.contains("svc.cluster.local."), "nothing is imported into the cluster's own zone:\n{zone}");
}

#[test]
fn plugins_are_listed_as_names_and_as_a_table() {
    let names = text(&kubezone(&["-plugins"]).stdout);
    assert!(names.lines().any(|line| line == "kubernetes"), "{names}");
    assert!(names.lines().is_sorted(), "{names}");
    let table = text(&kubezone(&["plugins"]).stdout);
    let row = |name: &str| table.lines().find(|line| line.starts_with(name)).map(str::to_owned).unwrap();
    assert!(row("kubernetes ").contains("built"));
    assert!(row("dnssec ").contains("not yet"));
}

#[test]
fn the_version_has_corednss_form() {
    let version = text(&kubezone(&["-version"]).stdout);
    let lines: Vec<&str> = version.lines().collect();
    assert!(
        matches!(lines.as_slice(), ["CoreDNS-1.15.0", platform] if platform.starts_with("linux/")),
        "{version}"
    );
}

#[test]
fn a_stray_argument_is_explained() {
    let output = kubezone(&["Corefile"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("extra command line arguments"));
    assert_eq!(kubezone(&["-nosuch"]).status.code(), Some(2));
}

#[test]
fn help_names_every_flag_and_what_it_takes() {
    for (name, arguments) in [
        ("help", &["--help"][..]),
        ("help_serve", &["serve", "--help"]),
        ("help_check", &["check", "--help"]),
        ("help_dump", &["dump", "--help"]),
        ("help_compare", &["compare", "--help"]),
    ] {
        let output = kubezone(arguments);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", text(&output.stderr));
        assert!(output.stderr.is_empty(), "{name}");
        insta::assert_snapshot!(name, text(&output.stdout));
    }
}
