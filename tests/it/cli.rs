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
fn plugins_are_listed_as_names_and_as_a_table() {
    let names = text(&kubezone(&["-plugins"]).stdout);
    assert!(names.contains("  dns.kubernetes\n"));
    let table = text(&kubezone(&["plugins"]).stdout);
    let row = |name: &str| table.lines().find(|line| line.starts_with(name)).map(str::to_owned).unwrap();
    assert!(row("kubernetes ").contains("built"));
    assert!(row("rewrite ").contains("not yet"));
}

#[test]
fn the_version_has_corednss_form() {
    assert!(text(&kubezone(&["-version"]).stdout).starts_with("CoreDNS-"));
}

#[test]
fn a_stray_argument_is_explained() {
    let output = kubezone(&["Corefile"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("extra command line arguments"));
}

#[test]
fn help_names_every_flag_and_what_it_takes() {
    for (name, arguments) in [
        ("help", &["--help"][..]),
        ("help_serve", &["serve", "--help"]),
        ("help_check", &["check", "--help"]),
        ("help_dump", &["dump", "--help"]),
    ] {
        let output = kubezone(arguments);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", text(&output.stderr));
        assert!(output.stderr.is_empty(), "{name}");
        insta::assert_snapshot!(name, text(&output.stdout));
    }
}
