//! The Corefiles that both servers load, and what is asked of each.

use std::path::{Path, PathBuf};

use crate::names::Names;
use crate::questions::Amount;
use crate::view::View;

/// A Corefile of `tests/parity/corefiles`.
pub struct Corefile {
    /// Its file.
    pub name: &'static str,
    /// Whether it belongs to the part that CI runs.
    pub is_part: bool,
    /// The zones of the `kubernetes` plugin that Services are asked in.
    zones: &'static [&'static str],
    /// A zone of another kind.
    special: &'static [(Special, &'static str)],
    /// Questions in the whole run; the part has fewer.
    amount: Amount,
    /// Whether answers are kept, so that a TTL may run down between two questions.
    pub caches: bool,
}

enum Special {
    Imports,
    External,
    Zonal,
    Transfer,
}

const LOCAL: &[&str] = &["cluster.local"];
const MANY: Amount = Amount::Some(12_000);

const fn of(name: &'static str, amount: Amount) -> Corefile {
    Corefile { name, is_part: false, zones: LOCAL, special: &[], amount, caches: false }
}

/// All of them, in the order in which they run.
pub const ALL: &[Corefile] = &[
    Corefile { is_part: true, caches: true, ..of("kubeadm", Amount::All) },
    of("pods-disabled", MANY),
    Corefile { is_part: true, ..of("pods-verified", MANY) },
    of("endpoint-pod-names", MANY),
    of("noendpoints", MANY),
    of("namespaces", MANY),
    of("namespace-labels", MANY),
    of("labels", MANY),
    of("ignore-empty", MANY),
    Corefile { is_part: true, ..of("fallthrough", MANY) },
    of("fallthrough-zones", MANY),
    of("fallthrough-nowhere", MANY),
    Corefile { zones: &["cluster.local", "sub.cluster.local"], ..of("cidr", MANY) },
    Corefile { zones: &["cluster.local", "other.zone"], ..of("blocks", MANY) },
    Corefile { zones: &["cluster.local", "sub.cluster.local", "other.zone"], ..of("zones", MANY) },
    Corefile { is_part: true, ..of("no-bind", Amount::All) },
    of("no-bind-namespaces", MANY),
    of("no-bind-noendpoints", MANY),
    of("loadbalance", MANY),
    of("local", MANY),
    Corefile { special: &[(Special::Imports, "clusterset.local")], ..of("multicluster", MANY) },
    Corefile { special: &[(Special::Zonal, "cluster.local")], ..of("zonal", MANY) },
    Corefile { special: &[(Special::External, "ext.test")], ..of("external", MANY) },
    Corefile { special: &[(Special::External, "ext.test")], ..of("external-headless", MANY) },
    Corefile { special: &[(Special::Transfer, "cluster.local")], ..of("transfer", MANY) },
    of("autopath", MANY),
];

/// Of the part: enough that four Corefiles have more than twenty thousand questions.
const OF_PART: usize = 6_000;

impl Corefile {
    pub fn path(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/corefiles").join(self.name)
    }

    /// Whether its blocks listen on given addresses.
    pub fn binds(&self) -> bool {
        !self.name.starts_with("no-bind")
    }

    /// Whether endpoints are named for their Pods.
    pub fn names_pods(&self) -> bool {
        matches!(self.name, "endpoint-pod-names" | "no-bind-namespaces")
    }

    pub fn amount(&self, is_part: bool) -> Amount {
        if is_part { Amount::Some(OF_PART) } else { self.amount }
    }

    /// Zones that are asked for as a whole, over TCP.
    pub fn transfers(&self) -> Vec<&'static str> {
        self.special
            .iter()
            .filter(|(special, _)| matches!(special, Special::Transfer))
            .map(|(_, zone)| *zone)
            .collect()
    }

    /// What is asked for.
    pub fn names(&self, view: &View) -> Names {
        let mut names = Names::default();
        for (special, zone) in self.special {
            match special {
                Special::Imports => names.imports(view, zone),
                Special::External => names.external(view, zone),
                Special::Zonal => names.zonal(view, zone),
                Special::Transfer => {}
            }
        }
        for zone in self.zones {
            names.literal(zone);
            names.services(view, zone);
            names.pods(view, zone);
        }
        names.reverse(view);
        names.outside();
        names
    }
}
