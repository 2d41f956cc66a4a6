//! The pattern of a name: what a shape says instead of a thousand names.

use super::text::name_text;

/// How many labels of a name's end stay as they are.
const SUFFIX_LABELS: usize = 2;
/// The labels that the DNS specification of Kubernetes fixes: they say what a name is, and not which one.
const FIXED: [&str; 2] = ["svc", "pod"];
/// More stars than this in a row are counted instead of drawn: a name below ip6.arpa has 32.
const STARS_MAX: usize = 4;

/// The name with `*` for each label that varies: `*.*.svc.cluster.local.`, `_*._*.*.*.svc.cluster.local.`.
pub(super) fn pattern(name: &[u8]) -> String {
    let labels = folded_labels(name);
    let varying = labels.len().saturating_sub(SUFFIX_LABELS);
    let stars = labels.into_iter().enumerate().map(|(at, label)| {
        if at >= varying || FIXED.contains(&label.as_str()) {
            label
        } else if label.starts_with('_') {
            "_*".to_owned()
        } else {
            "*".to_owned()
        }
    });
    joined(stars.collect())
}

/// The pattern of nothing but the number of labels, for a type whose patterns are too many: names of everywhere.
pub(super) fn label_count_pattern(name: &[u8]) -> String {
    joined(folded_labels(name).iter().map(|_| "*".to_owned()).collect())
}

fn folded_labels(name: &[u8]) -> Vec<String> {
    let mut labels = Vec::new();
    let mut rest = name;
    while let Some((&length, tail)) = rest.split_first() {
        let length = usize::from(length);
        if length == 0 || tail.len() < length {
            break;
        }
        let mut wire = rest[..=length].to_ascii_lowercase();
        wire.push(0);
        let mut text = name_text(&wire);
        text.pop();
        labels.push(text);
        rest = &tail[length..];
    }
    labels
}

fn joined(labels: Vec<String>) -> String {
    let mut text = String::new();
    for run in labels.chunk_by(|left, right| left == "*" && right == "*") {
        if run.len() > STARS_MAX {
            text += &format!("*{{{}}}.", run.len());
            continue;
        }
        for label in run {
            text += label;
            text.push('.');
        }
    }
    if text.is_empty() { ".".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::wire_from_text;

    fn of(name: &str) -> String {
        pattern(&wire_from_text(name).unwrap())
    }

    #[test]
    fn labels_that_vary_are_stars() {
        assert_eq!(of("web.shop.svc.Cluster.LOCAL."), "*.*.svc.cluster.local.");
        assert_eq!(of("_http._tcp.web.shop.svc.cluster.local."), "_*._*.*.*.svc.cluster.local.");
        assert_eq!(of("1.0.96.10.in-addr.arpa."), "*.*.*.*.in-addr.arpa.");
        assert_eq!(of(&format!("{}ip6.arpa.", "0.".repeat(32))), "*{32}.ip6.arpa.");
        assert_eq!(of("example.org."), "example.org.");
        assert_eq!(of("."), ".");
        assert_eq!(of(r"a\.b.c.d."), "*.c.d.");
    }

    #[test]
    fn names_of_everywhere_are_counted_labels() {
        assert_eq!(label_count_pattern(&wire_from_text("www.example.org.").unwrap()), "*.*.*.");
    }
}
