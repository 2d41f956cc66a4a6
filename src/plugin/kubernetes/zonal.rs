//! Names for the endpoints of one topology zone (option `zonal`): `T.pin._zone.SERVICE.NAMESPACE.svc.ZONE`, and `prefer`.
//!
//! Hot path. A zone's addresses were sorted out when the Service was built.

use super::{Ask, Found};
use crate::dns::{RecordType, Response};
use crate::plugin::endpoint_srv::Part;
use crate::zone::{Chosen, Detail, Service};

impl Ask<'_> {
    /// The ready endpoints of a headless Service that are in the zone. Where there is none, `prefer` takes all of them.
    ///
    /// Such a name exists whatever the zone is called and whether or not an endpoint is ready: which zones there are is
    /// told by endpoints that come and go, and a name error would be remembered for the name with all of its types.
    pub(super) fn zonal(
        &self,
        service: &Service,
        name: &[u8],
        prefer: bool,
        response: &mut Response,
    ) -> Found {
        let zone = service.zones.as_ref().and_then(|zones| zones.find(name));
        let Some(zone) = zone else {
            let mut fqdns = service.slices.iter().flat_map(|slice| &slice.fqdns);
            if let Some(fqdn) = fqdns.find(|fqdn| *fqdn.zone == *name) {
                return self.fqdn(Some(fqdn));
            }
            return match prefer {
                false => Found::NoData,
                true => match self.headless(service, |_| service.key.as_wire(), Detail::None, response) {
                    Found::NameError => Found::NoData,
                    found => found,
                },
            };
        };
        match self.query.qtype() {
            RecordType::A | RecordType::AAAA => self.write_addresses(&zone.v4, &zone.v6, response),
            RecordType::SRV => {
                let parent = service.key.as_wire();
                let parts = || {
                    let slices = service.slices.iter();
                    slices.map(|slice| Part { slice, parent, chosen: Chosen::Listed(slice.places_in(name)) })
                };
                self.write_endpoint_srv(response, Detail::None, parts, service.has_duplicates)
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
    fn the_option_is_checked() {
        let bench = Bench::new(&["cluster.local"]);
        for (options, refusal) in [
            ("zonal eu-1a", "`zonal` takes no arguments, not 1"),
            (
                "noendpoints\n zonal",
                "zonal and noendpoints cannot both be set | a zonal name answers with endpoints, and they are not \
                 watched | remove `noendpoints`, or leave `zonal` out",
            ),
        ] {
            let told = bench.refusal(setup, &format!("kubernetes cluster.local {{\n {options}\n}}"));
            assert!(told.starts_with(refusal), "{told}");
        }
    }
}
