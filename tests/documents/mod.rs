//! The documents of the repository, and the Corefiles in them.

use std::path::{Path, PathBuf};

use kubezone::app::Source;
use kubezone::corefile::Corefile;
use kubezone::plugin::table::{self, Status};

/// A file of the repository, by the path in it.
pub struct File {
    pub path: String,
    pub text: String,
}

/// A fenced block of a document.
pub struct Fence {
    pub line: usize,
    pub language: String,
    pub text: String,
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder, in the order of their paths.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the repository") {
            let path = entry.expect("an entry of the folder").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

pub fn read(path: &Path) -> File {
    let inside = path.strip_prefix(root()).unwrap_or(path).display().to_string();
    File { path: inside, text: std::fs::read_to_string(path).expect("a text of the repository") }
}

/// The Markdown files at the top and below `src`, `deploy`, `config` and `tests`.
pub fn documents() -> Vec<File> {
    let top = std::fs::read_dir(root()).expect("the repository").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = top.filter(|path| path.is_file()).collect();
    for folder in ["src", "deploy", "config", "tests"] {
        files.extend(files_below(&root().join(folder)));
    }
    let is_document = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "md");
    files.iter().filter(is_document).map(|path| read(path)).collect()
}

/// The fenced blocks of a text.
pub fn fences(text: &str) -> Vec<Fence> {
    let mut fences: Vec<Fence> = Vec::new();
    let mut open: Option<&str> = None;
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        let marker = ["```", "~~~"].into_iter().find(|marker| trimmed.starts_with(marker));
        match (open, marker) {
            (None, Some(marker)) => {
                let language = trimmed.trim_start_matches(marker).trim().to_owned();
                fences.push(Fence { line: at + 1, language, text: String::new() });
                open = Some(marker);
            }
            (Some(opened), Some(marker)) if opened == marker => open = None,
            (Some(_), _) => {
                if let Some(fence) = fences.last_mut() {
                    fence.text += line;
                    fence.text.push('\n');
                }
            }
            (None, None) => {}
        }
    }
    fences
}

/// The Corefiles that documents show, by document and line.
pub fn shown_corefiles() -> Vec<(String, Source)> {
    let mut corefiles = Vec::new();
    for file in documents() {
        for fence in fences(&file.text).into_iter().filter(|fence| fence.language == "corefile") {
            let name = format!("{}:{}", file.path, fence.line);
            corefiles.push((name.clone(), Source::Text { name, text: fence.text }));
        }
    }
    assert!(corefiles.len() > 40, "only {} Corefiles found: are they still `~~~ corefile`?", corefiles.len());
    corefiles
}

/// The Corefiles of `config/`.
pub fn shipped_corefiles() -> Vec<(String, Source)> {
    let is_corefile =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("Corefile"));
    let files = files_below(&root().join("config"));
    let corefiles = files.into_iter().filter(is_corefile);
    let corefiles: Vec<_> = corefiles.map(|path| (read(&path).path, Source::File(path))).collect();
    assert!(corefiles.len() >= 9, "only {} Corefiles in config/", corefiles.len());
    corefiles
}

/// The directives of plugins that are in the table and not built: until they are, a Corefile with one is refused.
pub fn not_built(corefile: &Corefile) -> Vec<String> {
    let directives = corefile.blocks.iter().flat_map(|block| &block.directives);
    let names = directives.map(|directive| directive.name.text.clone());
    names
        .filter(|name| matches!(table::find(name), Some(entry) if !matches!(entry.status, Status::Built(_))))
        .collect()
}
