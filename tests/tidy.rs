//! What holds for the source as a whole, checked where no compiler does: each check says why it is there.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use documents::{
    File, documents, fences, files_below, not_built, read, root, shipped_corefiles, shown_corefiles,
};
use kubezone::app::{Defaults, Numbers, Plan, Source};
use kubezone::cluster::NoObserver;
use kubezone::plugin::Process;
use kubezone::telemetry::metrics::Registry;

mod documents;

/// Which folder of `src/` may use which others: imports go one way. `app` and `cli` stand above all.
const IMPORTS: &[(&str, &[&str])] = &[
    ("dns", &[]),
    ("zone", &["dns"]),
    ("cluster", &["zone", "dns"]),
    ("corefile", &["dns"]),
    ("expression", &["corefile", "dns"]),
    ("explain", &["zone", "dns"]),
    ("telemetry", &["dns"]),
    ("plugin", &["corefile", "expression", "zone", "dns", "cluster", "explain", "telemetry"]),
    ("server", &["plugin", "dns", "telemetry"]),
    ("compare", &["dns"]),
];
const ABOVE_ALL: &[&str] = &["app", "cli"];

/// The sections of a plugin's README, in order, and whether each must be there.
const SECTIONS: &[(&str, bool)] = &[
    ("Description", true),
    ("Syntax", true),
    ("Metrics", false),
    ("Ready", false),
    ("Examples", true),
    ("Differences from CoreDNS", true),
];

#[test]
fn imports_go_one_way() {
    let mut wrong = String::new();
    for file in sources() {
        let folder = folder_of(&file.path);
        if ABOVE_ALL.contains(&folder) || !file.path["src/".len()..].contains('/') {
            continue;
        }
        let Some((_, allowed)) = IMPORTS.iter().find(|(known, _)| *known == folder) else {
            let _ = writeln!(wrong, "{}: `{folder}` is not in the table of tests/tidy.rs", file.path);
            continue;
        };
        for (number, line) in code(&file.text) {
            for used in line.split("crate::").skip(1).map(first_word) {
                let is_module = used == folder || allowed.contains(&used);
                let is_known = IMPORTS.iter().any(|(known, _)| *known == used) || ABOVE_ALL.contains(&used);
                if is_known && !is_module {
                    let _ = writeln!(wrong, "{}:{number}: `{folder}` uses `{used}`", file.path);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "a module below must not know one above (ARCHITECTURE.md):\n{wrong}");
}

#[test]
fn kubernetes_types_stay_in_cluster() {
    let wrong = lines_with(&["kube::", "k8s_openapi"], |path| !path.starts_with("src/cluster/"));
    assert!(
        wrong.is_empty(),
        "objects are trimmed at the door: only src/cluster knows their crates\n{wrong}"
    );
}

#[test]
fn zone_has_no_async_lock_or_clock() {
    let words = ["async ", "await", "Mutex", "RwLock", "std::time", "Instant", "SystemTime"];
    let wrong = lines_with(&words, |path| path.starts_with("src/zone/"));
    assert!(
        wrong.is_empty(),
        "a reader of the zone never waits, and the same input gives the same zone\n{wrong}"
    );
}

#[test]
fn unsafe_is_in_one_file() {
    let wrong = lines_with(&["unsafe ", "unsafe{"], |path| path != "src/server/udp_batch.rs");
    assert!(wrong.is_empty(), "unsafe code is in src/server/udp_batch.rs, where its comments are\n{wrong}");
}

#[test]
fn every_plugin_has_a_readme_in_the_usual_order() {
    let mut wrong = String::new();
    for entry in std::fs::read_dir(root().join("src/plugin")).expect("the folder of the plugins") {
        let folder = entry.expect("an entry of the folder").path();
        if !folder.join("mod.rs").exists() {
            continue;
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Ok(readme) = std::fs::read_to_string(folder.join("README.md")) else {
            let _ = writeln!(wrong, "src/plugin/{name} has no README.md");
            continue;
        };
        let found: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let expected: Vec<&str> = SECTIONS
            .iter()
            .filter(|(section, required)| *required || found.contains(section))
            .map(|(section, _)| *section)
            .collect();
        if found != expected || !readme.starts_with(&format!("# {name}\n")) {
            let _ = writeln!(
                wrong,
                "src/plugin/{name}/README.md: `# {name}`, then {expected:?}; found {found:?}"
            );
        }
        let uses = |text: &str| text.lines().any(|line| first_word(line.trim_start()) == name);
        let examples = fences(&readme);
        let mut examples = examples.iter().filter(|fence| fence.language == "corefile").peekable();
        if examples.peek().is_none() || !examples.all(|fence| uses(&fence.text)) {
            let _ =
                writeln!(wrong, "src/plugin/{name}/README.md: a Corefile is there, and each uses `{name}`");
        }
    }
    assert!(wrong.is_empty(), "a reader finds the same thing at the same place:\n{wrong}");
}

#[test]
fn every_fence_has_a_language() {
    let mut wrong = String::new();
    for file in documents() {
        for fence in fences(&file.text).iter().filter(|fence| fence.language.is_empty()) {
            let _ = writeln!(wrong, "{}:{}", file.path, fence.line);
        }
    }
    assert!(wrong.is_empty(), "a fence says what it holds (`sh`, `console`, `txt`, `corefile`):\n{wrong}");
}

#[test]
fn every_corefile_loads() {
    let mut wrong = String::new();
    for (name, source) in shown_corefiles().into_iter().chain(shipped_corefiles()) {
        if let Err(error) = check(&source) {
            let _ = writeln!(wrong, "{name}:\n{error}");
        }
    }
    assert!(wrong.is_empty(), "what is shown and what is shipped must load:\n{wrong}");
}

/// As `kubezone check`: everything but starting it.
fn check(source: &Source) -> Result<(), String> {
    let corefile = source.load().map_err(|failure| failure.to_string())?;
    let not_built = not_built(&corefile);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _entered = runtime.enter();
    let process = Process {
        root: root(),
        check_only: true,
        ..Process::new(runtime.handle().clone(), Registry::new(), Arc::new(NoObserver))
    };
    let plan = Plan::new(&corefile, &process, Defaults { port: 53 }, &mut Numbers::default());
    let refused = plan.map(drop).map_err(|errors| {
        errors.iter().map(|error| corefile.sources.render(error)).collect::<Vec<_>>().join("\n")
    });
    match refused {
        Err(error) if not_built.iter().any(|name| error.contains(&format!("plugin `{name}` is not"))) => {
            Ok(())
        }
        refused => refused,
    }
}

/// The Rust files of `src/` without tests, which may build on anything.
fn sources() -> Vec<File> {
    let files = files_below(&root().join("src"));
    let is_source = |path: &&PathBuf| {
        let text = path.to_string_lossy();
        text.ends_with(".rs") && !text.ends_with("/tests.rs") && !text.contains("/tests/")
    };
    files.iter().filter(is_source).map(|path| read(path)).collect()
}

/// The lines that are code, with their numbers: no comments, and nothing from `#[cfg(test)] mod tests {` on.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..end].lines().enumerate().map(|(at, line)| (at + 1, line));
    lines.map(|(number, line)| (number, line.split("//").next().unwrap_or_default()))
}

fn lines_with(words: &[&str], is_checked: impl Fn(&str) -> bool) -> String {
    let mut found = String::new();
    for file in sources().iter().filter(|file| is_checked(&file.path)) {
        for (number, line) in code(&file.text) {
            if words.iter().any(|word| line.contains(word)) {
                let _ = writeln!(found, "{}:{number}: {}", file.path, line.trim());
            }
        }
    }
    found
}

fn folder_of(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or_default()
}

fn first_word(text: &str) -> &str {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap_or_default()
}
