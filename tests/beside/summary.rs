//! Which rows of the documents the scenarios use, and how many scenarios there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, iter};

use crate::Document;

/// Every row that a scenario names stands once in a table *Differences from CoreDNS*: its plugin's, or that of
/// SPECIFICATION.md.
pub fn check(document: &Document) -> Result<(), String> {
    let titles = titles(document);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let plugins = fs::read_dir(root.join("src/plugin")).expect("the plugins");
    let readmes = plugins.map(|entry| entry.expect("an entry").path().join("README.md"));
    let texts: Vec<String> = readmes
        .chain(iter::once(root.join("SPECIFICATION.md")))
        .filter_map(|path| fs::read_to_string(path).ok())
        .collect();
    for title in titles {
        let start = format!("| {title} |");
        let rows = texts.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with(&start)).count();
        if rows == 0 {
            return Err(format!("no table *Differences from CoreDNS* has a row `{start}`"));
        }
    }
    Ok(())
}

/// One line a plugin: scenarios, steps, and the rows behind those that differ.
pub fn table(documents: &[Document]) -> String {
    let mut plugins: BTreeMap<&str, (usize, usize, BTreeSet<String>)> = BTreeMap::new();
    for document in documents {
        let entry = plugins.entry(&document.plugin).or_default();
        entry.0 += 1;
        let text = fs::read_to_string(&document.path).unwrap_or_default();
        let steps = text.split("== steps").nth(1).unwrap_or_default();
        entry.1 += steps.lines().filter(|line| line.starts_with("? ") || line.starts_with("! ")).count();
        entry.2.extend(titles(document));
    }
    let mut table = "\nplugin          scenarios  steps  differences\n".to_owned();
    for (plugin, (scenarios, steps, titles)) in plugins {
        let titles: Vec<String> = titles.into_iter().collect();
        let _ = writeln!(table, "{plugin:<15} {scenarios:>9} {steps:>6}  {}", titles.join("; "));
    }
    table
}

fn titles(document: &Document) -> BTreeSet<String> {
    let text = fs::read_to_string(&document.path).unwrap_or_default();
    let refusal = text.lines().find_map(|line| line.strip_prefix("== coredns refuses | "));
    let titles = text.lines().filter_map(|line| line.strip_prefix("coredns: ")).filter_map(|rest| match rest
        .split_once(" | ")
    {
        Some(("starts", title)) => Some(title),
        Some((title, "not run")) => Some(title),
        _ if text.contains("\n== refused") => None,
        _ => Some(rest),
    });
    titles.chain(refusal).map(str::to_owned).collect()
}
