//! The scenarios in `tests/scenarios/`: each is a rule, the objects of a cluster, and what is answered over a real
//! socket. `tests/scenarios/README.md` says how one is written.

mod client;
mod file;
mod run;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A test for each file, named as the file is.
macro_rules! scenarios {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                run::run(&path(stringify!($name)));
            }
        )*

        const LISTED: &[&str] = &[$(stringify!($name)),*];
    };
}

scenarios! {
    apex
    autopath
    autopath_unknown_client
    empty_non_terminals
    k8s_external
    k8s_external_apex
    k8s_external_headless
    k8s_external_host_names
    k8s_external_options
    k8s_external_reasons
    letters_are_kept
    multicluster_not_synced
    multicluster_options
    multicluster_reasons
    multicluster_s2_2_dns_version
    multicluster_s2_3_4_no_single_cluster
    multicluster_s2_3_clusterset_ip
    multicluster_s2_4_headless
    multicluster_zones
    name_servers
    not_synced
    option_endpoint_pod_names
    option_fallthrough
    option_ignore_empty_service
    option_labels
    option_namespace_labels
    option_namespaces
    option_noendpoints
    option_ttl
    option_zonal
    option_zonal_not_set
    pods_disabled
    pods_insecure
    pods_verified
    reasons
    reasons_of_options
    s2_2_dns_version
    s2_3_1_cluster_ip_addresses
    s2_3_2_cluster_ip_srv
    s2_3_3_ptr
    s2_4_1_headless_addresses
    s2_4_2_headless_srv
    s2_4_fqdn_slices
    s2_5_external_name
    s2_5_external_name_loops
    s2_5_external_name_outside
    server_blocks
    server_core
    truncation
    truncation_srv
    zone_transfer
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

fn path(name: &str) -> PathBuf {
    folder().join(format!("{name}.txt"))
}

#[test]
fn every_scenario_is_a_test() {
    let entries = std::fs::read_dir(folder()).expect("the folder of the scenarios");
    let files = entries.filter_map(|entry| {
        let name = entry.expect("an entry of the folder").file_name().into_string().expect("a name in UTF-8");
        name.strip_suffix(".txt").map(str::to_owned)
    });
    let files: BTreeSet<String> = files.collect();
    let listed: BTreeSet<String> = LISTED.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(files, listed, "name each file of tests/scenarios in tests/it/scenario/mod.rs");
}
