//! Which differences are meant: a row of a table *Differences from CoreDNS* each, with where it holds.
//!
//! A difference must be explained by a row; where two would do, the first counts. A row that
//! explains nothing in a whole run is told, for it may be a promise that nobody keeps.

use kubezone::compare::{Answer, Compared, Difference, Field, Reply};
use kubezone::dns::{Class, Flags, Rcode, RecordType};

use crate::corefiles::Corefile;
use crate::questions::Asked;

/// A row of a document.
pub struct Row {
    /// The document, from the root of the repository.
    pub document: &'static str,
    /// The first cell.
    pub matter: &'static str,
    /// Whether it explains the difference.
    pub explains: fn(&Case<'_>) -> bool,
    /// Whether objects, questions and Corefiles of every whole run must meet it.
    pub is_met: bool,
}

/// A difference with everything around it.
pub struct Case<'c> {
    pub corefile: &'c Corefile,
    pub asked: &'c Asked,
    pub compared: &'c Compared,
    pub difference: &'c Difference,
}

const KUBERNETES: &str = "src/plugin/kubernetes/README.md";
const CACHE: &str = "src/plugin/cache/README.md";
const TRANSFER: &str = "src/plugin/transfer/README.md";
const AUTOPATH: &str = "src/plugin/autopath/README.md";
const EXTERNAL: &str = "src/plugin/k8s_external/README.md";
const CORE: &str = "SPECIFICATION.md";

const fn row(document: &'static str, matter: &'static str, explains: fn(&Case<'_>) -> bool) -> Row {
    Row { document, matter, explains, is_met: true }
}

/// The addresses of slices without a Service, backwards: of none at all, and of other clusters.
const ORPHANS: [&str; 3] = [".1.4.10.in-addr.", ".91.10.in-addr.", ".1.9.0.0.0.0.d.f.ip6."];

pub const ROWS: &[Row] = &[
    row(AUTOPATH, "a name that is the first element", |case| {
        case.corefile.name == "autopath" && case.name().starts_with("a.svc.") && case.is_failure_of_a()
    }),
    row(AUTOPATH, "owner and target, and the question of a reply", |case| {
        case.corefile.name == "autopath" && matches!(case.field(), Field::Question | Field::Letters)
    }),
    row(AUTOPATH, "CNAME records of the name itself (an ExternalName Service)", |case| {
        let is_of_one_more = matches!(case.field(), Field::Duplicates | Field::Ttl) && case.has_more_in_a();
        case.corefile.name == "autopath" && is_of_one_more && case.difference.shape.ends_with(" of CNAME")
    }),
    row(CACHE, "cluster names", |case| {
        case.field() == Field::Ttl && case.corefile.caches && !case.is_outside()
    }),
    row(
        AUTOPATH,
        "an element that nobody answered, without an error (`hosts` without `fallthrough`)",
        |case| {
            // `kubernetes` leaves a transfer over UDP to the server, which refuses it.
            case.corefile.name == "autopath" && case.is_type_of_transfer() && case.is_refused_by_b()
        },
    ),
    Row {
        // Few names lead anywhere else, and few questions are of another class.
        is_met: false,
        ..row(AUTOPATH, "queries of another class than IN, or another opcode than QUERY", |case| {
            case.corefile.name == "autopath"
                && case.compared.question.class != Class::IN
                && case.is_of_content()
                && case.asked.what == "outside"
        })
    },
    row(EXTERNAL, "Endpoints of an ExternalName Service, with `headless`", |case| {
        case.corefile.name == "external-headless"
            && case.is_of_content()
            && case.name().ends_with(".e-slice.a.ext.test.")
    }),
    row(EXTERNAL, "CNAME records and their targets, where a Service has several ports", |case| {
        case.corefile.name.starts_with("external")
            && case.field() == Field::Duplicates
            && case.has_more_in_a()
    }),
    row(KUBERNETES, "Negative answers with EDNS", |case| {
        case.field() == Field::Ede && case.has_reason() && case.is_negative() && !case.is_failure()
    }),
    row(CORE, "a panic in a plugin, a failure", |case| {
        case.field() == Field::Ede && case.has_reason() && case.is_failure()
    }),
    Row {
        // Not every machine has such an address.
        is_met: false,
        ..row(KUBERNETES, "A link-local address of the server, at `ns.dns`", |case| {
            !case.corefile.binds() && case.name() != "ns1.apex.ext.test." && case.is_link_local()
        })
    },
    Row {
        is_met: false,
        ..row(EXTERNAL, "A link-local address as the server's own, at `ns1.APEX`", |case| {
            case.name() == "ns1.apex.ext.test." && case.is_link_local()
        })
    },
    row(KUBERNETES, "NS and `ns.dns` asked in capitals", |case| {
        case.is_name_server() && case.has_capitals() && case.is_of_content()
    }),
    row(KUBERNETES, "`bind` in the block", |case| {
        case.is_of_content()
            && case.corefile.binds()
            && (case.is_name_server() && !case.has_capitals() || case.name().contains("e-nsd."))
    }),
    row(KUBERNETES, "An endpoint that stands twice in one EndpointSlice", |case| {
        case.field() == Field::Answer
            && case.name().contains("gen-")
            && case.differs_in_weights()
            && !case.is_cut()
    }),
    row(KUBERNETES, "An address with leading zeros in an EndpointSlice", |case| {
        case.is_of_content() && case.name().contains("odd-zeros.")
    }),
    row(CORE, "records that are left when a reply is cut", |case| {
        case.field() == Field::Cut
            || case.is_cut() && matches!(case.field(), Field::Answer | Field::Additional)
            || case.field() == Field::Tc && case.fits_barely()
    }),
    row(CACHE, "letters of a kept answer that repeat the question", |case| {
        case.field() == Field::Letters && case.corefile.caches && case.is_outside()
    }),
    row(KUBERNETES, "Endpoints of an EndpointSlice of addressType FQDN", |case| {
        case.name().contains("odd-fqdn") && case.is_of_content()
    }),
    row(KUBERNETES, "A hostname or a Pod's name with a dot, as an endpoint's name", |case| {
        case.is_of_content()
            && case.corefile.names_pods()
            && case.name().ends_with("hpods.a.svc.cluster.local.")
    }),
    row(KUBERNETES, "A Pod's name in capitals, as an endpoint's name", |case| {
        case.field() == Field::Letters
            && case.corefile.names_pods()
            && case.difference.a.contains("UPPER_x.")
            && case.difference.b.contains("upper_x.")
    }),
    row(KUBERNETES, "`ADDRESS.NAMESPACE.pod` with colons in the label", |case| {
        case.is_of_content() && case.name().contains(".pod.") && case.name().contains(':')
    }),
    row(KUBERNETES, "A reverse name with a label too many before it", |case| {
        case.is_of_content()
            && (case.asked.what.contains("before, backwards")
                || case.name().ends_with(".ip6.arpa.") && case.labels() > 34)
    }),
    row(KUBERNETES, "An address of a slice without Service label, backwards", |case| {
        let is_orphan = ORPHANS.iter().any(|part| case.name().contains(part));
        case.field() == Field::NoReply && case.is_negative() && is_orphan
    }),
    row(TRANSFER, "A name below the zone", |case| case.is_transfer() && case.name().starts_with("svc.")),
    row(TRANSFER, "Reverse zones of `kubernetes`", |case| {
        case.is_transfer() && case.name().ends_with("arpa.")
    }),
    row(TRANSFER, "SRV records of endpoints that are domain names, and of ports without a number", |case| {
        let useless = |record: &str| record.ends_with(" .") || record.contains(" 65535 ");
        case.is_transfer()
            && case.field() == Field::Answer
            && case.name() == "cluster.local."
            && case.difference.a.split("; ").all(useless)
            && case.difference.b.is_empty()
    }),
];

/// Whether it is no difference at all: two caches that were filled at different moments.
pub fn is_age(case: &Case<'_>) -> bool {
    case.field() == Field::Ttl && case.corefile.caches && case.is_outside()
}

/// The row that explains a difference: the first, so that what is true of a Corefile stands before what is true of a name.
pub fn row_of(case: &Case<'_>) -> Option<usize> {
    ROWS.iter().position(|row| (row.explains)(case))
}

// === impl Case ===

impl Case<'_> {
    fn field(&self) -> Field {
        self.difference.field
    }

    /// The name in the letters of the objects.
    fn name(&self) -> &str {
        &self.asked.name
    }

    fn a(&self) -> Option<&Answer> {
        message(&self.compared.a)
    }

    fn b(&self) -> Option<&Answer> {
        message(&self.compared.b)
    }

    /// Which code and which records the reply has: what a name that is known, or not, or known as something else decides.
    fn is_of_content(&self) -> bool {
        use Field::{Aa, Additional, Answer, Authority, Duplicates, Ra, Rcode, Tc};
        matches!(self.field(), Rcode | Aa | Tc | Ra | Answer | Authority | Additional | Duplicates)
    }

    /// kubezone gives a reason, and CoreDNS none.
    fn has_reason(&self) -> bool {
        let has = |answer: Option<&Answer>| {
            answer
                .and_then(|answer| answer.edns.as_ref())
                .is_some_and(|edns| !edns.extended_errors().is_empty())
        };
        has(self.b()) && !has(self.a())
    }

    /// kubezone's answer has no records.
    fn is_negative(&self) -> bool {
        self.b().is_some_and(|answer| answer.answer.is_empty())
    }

    fn is_failure(&self) -> bool {
        self.b().is_some_and(|answer| matches!(answer.rcode.0, 2 | 5))
    }

    /// The name servers are asked for: NS at an apex, or their name.
    fn is_name_server(&self) -> bool {
        let is_apex = self.asked.what == "apex" || self.name().ends_with("arpa.");
        is_apex && self.compared.question.rtype == RecordType::NS || self.name().starts_with("ns.dns.")
    }

    /// Not below a zone of `kubernetes`: a cache may have it.
    fn is_outside(&self) -> bool {
        matches!(self.asked.what, "outside" | "literal")
    }

    fn is_transfer(&self) -> bool {
        self.asked.what == "transfer"
    }

    /// CoreDNS says SERVFAIL.
    fn is_failure_of_a(&self) -> bool {
        self.a().is_some_and(|answer| answer.rcode == Rcode::SERVFAIL)
    }

    /// CoreDNS's reply has more of the records that differ.
    fn has_more_in_a(&self) -> bool {
        let count = |records: &str| records.split("; ").count();
        count(&self.difference.a) > count(&self.difference.b)
    }

    fn is_type_of_transfer(&self) -> bool {
        matches!(self.compared.question.rtype, RecordType::AXFR | RecordType::IXFR)
    }

    fn is_refused_by_b(&self) -> bool {
        self.b().is_some_and(|answer| answer.rcode == Rcode::REFUSED)
    }

    /// Records that CoreDNS alone has, and all of link-local addresses.
    fn is_link_local(&self) -> bool {
        let is_more =
            matches!(self.field(), Field::Answer | Field::Additional) && self.difference.b.is_empty();
        is_more && self.difference.a.split("; ").all(|record| record.contains(" AAAA fe80:"))
    }

    /// SRV records that fill the last quarter of what the client takes, so that it matters how names are compressed.
    fn fits_barely(&self) -> bool {
        let limit = self.compared.question.edns.as_ref().map_or(512, |edns| usize::from(edns.size).max(512));
        let fills = |answer: &Answer| answer.size <= limit && answer.size * 4 >= limit * 3;
        self.compared.question.rtype == RecordType::SRV && self.a().is_some_and(fills)
    }

    fn labels(&self) -> usize {
        self.name().matches('.').count()
    }

    /// Both replies were cut, and show some of the records.
    fn is_cut(&self) -> bool {
        let is_cut = |answer: Option<&Answer>| answer.is_some_and(|answer| answer.flags.has(Flags::TC));
        is_cut(self.a()) && is_cut(self.b())
    }

    /// The same targets and ports, with other weights.
    fn differs_in_weights(&self) -> bool {
        let without_weight = |text: &str| {
            let words = |record: &str| {
                record
                    .split(' ')
                    .enumerate()
                    .filter(|(at, _)| *at != 5)
                    .map(|(_, word)| word.to_owned())
                    .collect::<Vec<_>>()
            };
            text.split("; ").map(words).collect::<Vec<_>>()
        };
        self.compared.question.rtype == RecordType::SRV
            && without_weight(&self.difference.a) == without_weight(&self.difference.b)
    }

    fn has_capitals(&self) -> bool {
        self.compared.question.name.iter().any(u8::is_ascii_uppercase)
    }
}

fn message(reply: &Reply) -> Option<&Answer> {
    reply.message()
}
