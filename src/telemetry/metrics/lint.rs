//! The customs of Prometheus for names, as a check that tests run over a scrape.

use std::collections::BTreeMap;

/// Units whose base unit should be used instead.
const UNITS: &[(&str, &str)] = &[
    ("milliseconds", "seconds"),
    ("microseconds", "seconds"),
    ("nanoseconds", "seconds"),
    ("minutes", "seconds"),
    ("hours", "seconds"),
    ("days", "seconds"),
    ("kilobytes", "bytes"),
    ("megabytes", "bytes"),
    ("kibibytes", "bytes"),
    ("mebibytes", "bytes"),
    ("bits", "bytes"),
    ("percent", "ratio"),
];
/// Short forms of units, which are to be written out.
const UNITS_SHORT: &[&str] =
    &["s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "kib", "mib", "gib", "pct"];
/// Types do not belong into names.
const TYPES: &[&str] = &["counter", "gauge", "histogram", "summary"];
/// Suffixes that the samples of a histogram or a counter end with.
const SUFFIXES: &[&str] = &["_bucket", "_sum", "_count"];

/// Reads text format 0.0.4 and gives a sentence for each break of a custom (the rules of `promtool check metrics`): snake
/// case, `_total` on counters and on nothing else, base units spelled out, help for everything, every sample after its
/// `# TYPE`. Also one when the registry had to turn series away.
#[must_use]
pub fn lint(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut families: BTreeMap<&str, &str> = BTreeMap::new();
    let mut helped = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap_or((rest, ""));
            helped = if help.trim().is_empty() { "" } else { name };
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or((rest, ""));
            if helped != name {
                found.push(format!("`{name}` has no help: say what it counts"));
            }
            if families.insert(name, kind).is_some() {
                found.push(format!("`{name}` stands in two places: give its samples in one group"));
            }
            lint_name(name, kind, &mut found);
        } else if !line.is_empty() {
            lint_sample(line, &families, &mut found);
        }
    }
    found.dedup();
    found
}

fn lint_name(name: &str, kind: &str, found: &mut Vec<String>) {
    if !is_snake_case(name) {
        found.push(format!("`{name}` is not snake case: use a-z, 0-9 and `_`, a letter first"));
    }
    let is_counter = kind == "counter";
    if is_counter && !name.ends_with("_total") {
        found.push(format!("counter `{name}` does not end in `_total`"));
    }
    if !is_counter && name.ends_with("_total") {
        found.push(format!("{kind} `{name}` ends in `_total`, which is for counters"));
    }
    if SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
        found.push(format!("`{name}` ends like a sample of a histogram: choose another last word"));
    }
    for word in name.split('_') {
        if TYPES.contains(&word) {
            found.push(format!("`{name}` has its type `{word}` in its name: leave it out"));
        }
        if let Some((_, base)) = UNITS.iter().find(|(unit, _)| *unit == word) {
            found.push(format!("`{name}` is in `{word}`: use the base unit `{base}`"));
        }
    }
    let last = name.strip_suffix("_total").unwrap_or(name).rsplit('_').next().unwrap_or_default();
    if UNITS_SHORT.contains(&last) {
        found.push(format!("`{name}` shortens its unit `{last}`: write it out"));
    }
    if name == "kubezone_metrics_series_refused_total" {
        found
            .push("the registry turned series away: two kinds, other labels, or too many of them".to_owned());
    }
}

fn lint_sample(line: &str, families: &BTreeMap<&str, &str>, found: &mut Vec<String>) {
    let name = line.split(['{', ' ']).next().unwrap_or_default();
    let kind = families.get(name).copied();
    let of_histogram = SUFFIXES
        .iter()
        .filter_map(|suffix| name.strip_suffix(suffix))
        .any(|family| families.get(family) == Some(&"histogram"));
    if kind.is_none() && !of_histogram {
        found.push(format!("`{name}` has no type: declare it before its samples"));
    }
    for label in label_names(&line[name.len()..]) {
        if !is_snake_case(label) {
            found.push(format!("label `{label}` of `{name}` is not snake case"));
        }
        if label == "le" && !name.ends_with("_bucket") {
            found.push(format!("`{name}` has the label `le`, which is for histograms"));
        }
    }
}

/// The label names of `{a="…",b="…"} 1`, which do not include what stands in quotes.
fn label_names(labels: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = labels.strip_prefix('{').unwrap_or_default();
    while let Some((name, value)) = rest.split_once("=\"") {
        names.push(name.trim_start_matches(','));
        let mut escaped = false;
        let end = value.find(|char| {
            let ends = char == '"' && !escaped;
            escaped = char == '\\' && !escaped;
            ends
        });
        rest = end.and_then(|end| value.get(end + 1..)).unwrap_or_default();
    }
    names
}

fn is_snake_case(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
