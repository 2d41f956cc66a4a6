//! Addresses that cannot be had by all who want them: told at the word, and not when a socket is refused.

use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use super::plan::PlannedListener;
use crate::corefile::Diagnostic;
use crate::plugin::{BlockDraft, Place};

/// Who wants an HTTP address, and behind which web configuration.
struct Wanted<'d> {
    place: &'d Place,
    guard: Option<&'d Path>,
}

/// What is wrong with the HTTP addresses of all blocks, among themselves and with the listeners for DNS. Plugins may share
/// an address, as long as all of them are served in the same way.
pub(super) fn conflicts(drafts: &[BlockDraft], listeners: &[PlannedListener]) -> Vec<Diagnostic> {
    let wanted: Vec<Wanted<'_>> =
        drafts.iter().flat_map(wanted).filter(|one| one.place.listen.port != 0).collect();
    let mut wrong = Vec::new();
    for (at, one) in wanted.iter().enumerate() {
        let port = one.place.listen.port;
        let of_dns = listeners.iter().find(|listener| {
            let address = listener.address.as_ref().map(|address| address.ip).filter(is_specific);
            listener.port == port && overlap(host(one.place), address)
        });
        let other = wanted[..at].iter().find_map(|other| conflict(one, other));
        if let Some(listener) = of_dns {
            let error =
                Diagnostic::error(format!("port {port} is taken by the DNS listener `{}`", listener.label));
            wrong.push(error.at(one.place.word).help("DNS is served over TCP as well: choose another port"));
        } else {
            wrong.extend(other);
        }
    }
    wrong
}

fn wanted(draft: &BlockDraft) -> impl Iterator<Item = Wanted<'_>> {
    let endpoints = draft.endpoints.iter().map(|endpoint| Wanted {
        place: &endpoint.place,
        guard: endpoint.guard.as_ref().map(|(file, _)| file.as_path()),
    });
    endpoints.chain(draft.ready.iter().map(|ready| Wanted { place: &ready.place, guard: None }))
}

fn conflict(one: &Wanted<'_>, other: &Wanted<'_>) -> Option<Diagnostic> {
    let (here, there) = (one.place, other.place);
    if here.listen.port != there.listen.port || !overlap(host(here), host(there)) {
        return None;
    }
    let because = format!("`{}` of `{}` is here", there.address, there.plugin);
    if listener(here) != listener(there) {
        let error = Diagnostic::error(format!("`{}` and `{}` are one port", here.address, there.address));
        let help = "write the same address in both places, or another port in one";
        return Some(error.at(here.word).related(there.word, because).help(help));
    }
    if one.guard != other.guard {
        let error = Diagnostic::error(format!("`{}` is to be served in two ways", here.address));
        let help = "one address has one web configuration (`tls` of `prometheus`) or none: give it everywhere, or choose \
                    another port";
        return Some(error.at(here.word).related(there.word, because).help(help));
    }
    None
}

/// What tells one listener from another: `[::]` is all addresses of both families, and `0.0.0.0` of one.
fn listener(place: &Place) -> Option<IpAddr> {
    place.listen.host.filter(|host| *host != IpAddr::V6(Ipv6Addr::UNSPECIFIED))
}

/// The address; none is all of them.
fn host(place: &Place) -> Option<IpAddr> {
    place.listen.host.filter(is_specific)
}

fn is_specific(address: &IpAddr) -> bool {
    !address.is_unspecified()
}

fn overlap(one: Option<IpAddr>, other: Option<IpAddr>) -> bool {
    one.zip(other).is_none_or(|(one, other)| one == other)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::app::{Defaults, Numbers, Plan};
    use crate::cluster::NoObserver;
    use crate::corefile::{Memory, parse};
    use crate::plugin::Process;
    use crate::telemetry::metrics::Registry;

    /// What is told of server blocks with these directives, on ports of their own; empty when nothing is wrong.
    fn told(blocks: &[&str]) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let process = Process {
            root: std::env::temp_dir(),
            check_only: true,
            ..Process::new(runtime.handle().clone(), Registry::new(), Arc::new(NoObserver))
        };
        let numbered = blocks.iter().enumerate();
        let text: String =
            numbered.map(|(at, block)| format!(".:{} {{\n{block}\nwhoami\n}}\n", 5300 + at)).collect();
        let corefile = parse("Corefile", &text, &Memory::default()).unwrap();
        match Plan::new(&corefile, &process, Defaults { port: 53 }, &mut Numbers::default()) {
            Ok(_) => String::new(),
            Err(wrong) => {
                assert!(wrong.iter().all(|one| one.span.is_some()));
                wrong.into_iter().map(|one| one.message).collect::<Vec<_>>().join("; ")
            }
        }
    }

    #[test]
    fn plugins_share_an_address() {
        for blocks in [
            &["health :8080\nready :8080\nprometheus :8080"][..],
            &["prometheus", "prometheus localhost:9153"],
            &["health 127.0.0.1:8080\nready 127.0.0.2:8080"],
            &["health", "health"],
            &["health [::]:8080\nready :8080"],
            &["health :0\nready 127.0.0.1:0"],
            &["bind 127.0.0.1\nhealth 127.0.0.2:5300"],
        ] {
            assert_eq!(told(blocks), "", "{blocks:?}");
        }
    }

    #[test]
    fn an_address_that_two_cannot_have_is_told() {
        for (blocks, expected) in [
            (&["health :8080\nready localhost:8080"][..], "`localhost:8080` and `:8080` are one port"),
            (&["health 0.0.0.0:8080\nready :8080"], "`:8080` and `0.0.0.0:8080` are one port"),
            (&["ready 0.0.0.0:9153", "prometheus"], "`localhost:9153` and `0.0.0.0:9153` are one port"),
            (&["health :5300"], "port 5300 is taken by the DNS listener `dns://:5300`"),
            (
                &["bind 127.0.0.1\nready :5300"],
                "port 5300 is taken by the DNS listener `dns://127.0.0.1:5300`",
            ),
        ] {
            assert_eq!(told(blocks), expected, "{blocks:?}");
        }
    }

    #[test]
    fn an_address_is_served_in_one_way() {
        let file = std::env::temp_dir().join(format!("kubezone-conflicts-{}.yml", std::process::id()));
        std::fs::write(&file, "rate_limit: {burst: 1, interval: 1s}\n").unwrap();
        let guarded = format!("prometheus :9153 {{\n tls {}\n}}", file.display());
        assert_eq!(told(&[&guarded, &guarded]), "");
        assert_eq!(told(&[&guarded, "prometheus :9153"]), "`:9153` is to be served in two ways");
        assert_eq!(told(&[&guarded, "ready :9153"]), "`:9153` is to be served in two ways");
        std::fs::remove_file(file).unwrap();
    }
}
