//! Zones of the cluster set (multicluster DNS specification 1.0.0, of KEP-1645): imports, and nothing of this cluster's
//! own but its namespaces and, as in CoreDNS, its Pods.
//!
//! Hot path, as `service`: what an import answers is written by the same functions as what a Service answers, with one
//! more label where endpoints have names.

use super::{Ask, Found};
use crate::dns::{RecordType, Response};
use crate::plugin::endpoint_srv::Part;
use crate::zone::{Chosen, Detail, Import, ServiceKind, ServicePath};

impl Ask<'_> {
    pub(super) fn import(&self, path: &ServicePath<'_>, response: &mut Response) -> Found {
        if !self.has_namespace(path.namespace) {
            return Found::NameError;
        }
        let Some(import) = self.zone.import(path.key) else { return Found::NameError };
        let service = &import.service;
        match (&service.kind, path.detail) {
            (_, Detail::Member { endpoint, cluster }) => self.members(import, cluster, endpoint, response),
            // Without a cluster only endpoints are named that come from none (§2.4.1, §2.4.4).
            (_, Detail::Endpoint(label)) => self.members(import, b"", label, response),
            (ServiceKind::Headless, detail) => {
                self.headless(service, |at| import.parent(at), detail, response)
            }
            // As in CoreDNS an import without ports has no name, where a Service would have one.
            (_, _) if service.ports.is_empty() => Found::NameError,
            (_, detail) => self.cluster_ip(service, detail, response),
        }
    }

    /// §2.4.1: the endpoints of one name in one cluster; of a ClusterSetIP import too, as in CoreDNS.
    fn members(&self, import: &Import, cluster: &[u8], label: &[u8], response: &mut Response) -> Found {
        let service = &import.service;
        let slices = || import.slices_of(cluster);
        let named = || slices().flat_map(|(slice, _)| slice.endpoints_named(label));
        if named().next().is_none() {
            let mut fqdns = slices().flat_map(|(slice, _)| &slice.fqdns);
            return self.fqdn(fqdns.find(|fqdn| *fqdn.label == *label));
        }
        let merge = service.has_duplicates;
        match self.query.qtype() {
            RecordType::A | RecordType::AAAA => self.write_endpoint_addresses(response, named(), merge),
            RecordType::SRV => {
                let chosen = Chosen::Named(label);
                let parts = || slices().map(|(slice, parent)| Part { slice, parent, chosen });
                self.write_endpoint_srv(response, Detail::None, parts, merge)
            }
            _ => Found::NoData,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::plugin::kubernetes::setup;
    use crate::plugin::testing::Bench;

    #[test]
    fn a_zone_that_is_not_the_plugins_is_pointed_at() {
        let mut bench = Bench::new(&["."]);
        bench.process.check_only = true;
        let told = bench.refusal(
            setup,
            "kubernetes cluster.local clusterset.local {\n multicluster clusterset.local other.local\n}",
        );
        assert_eq!(
            told,
            "`kubernetes` is not authoritative for the multicluster zone `other.local.` | not among the zones of the \
             plugin | its zones are `cluster.local.`, `clusterset.local.`; name this one with them, after `kubernetes`"
        );
        // A zone above is not the same zone.
        let told = bench.refusal(setup, "kubernetes cluster.local {\n multicluster local\n}");
        assert!(told.contains("multicluster zone `local.`"), "{told}");
        let told = bench.refusal(setup, "kubernetes cluster.local {\n multicluster a..b\n}");
        assert!(told.contains("a zone"), "{told}");
    }

    #[test]
    fn letters_and_cidrs_name_zones_as_everywhere() {
        let mut bench = Bench::new(&["ClusterSet.Local"]);
        bench.process.check_only = true;
        for text in [
            "kubernetes {\n multicluster clusterset.LOCAL.\n}",
            "kubernetes clusterset.local 10.0.0.0/8 {\n multicluster 10.0.0.0/8 clusterset.local\n}",
            // As in CoreDNS: no zone, no effect.
            "kubernetes {\n multicluster\n}",
        ] {
            assert!(bench.set_up(setup, text).is_ok(), "{text}");
        }
    }
}
