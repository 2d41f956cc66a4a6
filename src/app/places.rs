//! Where a change of the Corefile shows: directories, and the entries of them that decide what its files hold.
//!
//! A ConfigMap is a directory whose files are links through one link, `Corefile → ..data/Corefile` and
//! `..data → ..2026_11_24…`; the kubelet changes all of them at once by renaming a new `..data` over the old. So each link
//! on the way to a file counts, and the directory that it stands in is where its change shows.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::corefile::{Environment, System};

/// As many as Linux follows for one path.
const LINKS_MAX: usize = 40;

/// Directories, and the names in each that count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Places {
    directories: BTreeMap<PathBuf, Names>,
}

/// Entries of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Names {
    All,
    These(BTreeSet<OsString>),
}

/// The system, which keeps in mind what was asked of it.
#[derive(Default)]
pub(super) struct Recorder {
    places: RefCell<Places>,
}

// === impl Places ===

impl Places {
    /// A file, which need not be there.
    pub(super) fn add_file(&mut self, path: &Path) {
        self.walk(path);
    }

    /// The files that match a pattern, as [`Environment::glob`] has it.
    fn add_pattern(&mut self, directory: &Path, pattern: &str) {
        let literal =
            |component: &Component<'_>| !component.as_os_str().to_string_lossy().contains(['*', '?']);
        let base: PathBuf = Path::new(pattern).components().take_while(literal).collect();
        if let Some(directory) = self.walk(&directory.join(base)) {
            self.directories.insert(directory, Names::All);
        }
    }

    /// The directories, to be watched.
    pub(super) fn directories(&self) -> impl Iterator<Item = &Path> {
        self.directories.keys().map(PathBuf::as_path)
    }

    /// Whether a change of this entry may be one of the Corefile.
    pub(super) fn count(&self, directory: &Path, name: &OsStr) -> bool {
        match self.directories.get(directory) {
            Some(Names::All) => true,
            Some(Names::These(names)) => names.contains(name),
            None => false,
        }
    }

    /// Goes the way to `path`, link by link, and notes each entry that a change could replace. Gives where it ends, when
    /// there is something.
    fn walk(&mut self, path: &Path) -> Option<PathBuf> {
        let mut at = PathBuf::from("/");
        let mut ahead = names(&std::path::absolute(path).ok()?);
        let mut links = 0;
        while let Some(name) = ahead.pop() {
            if name == ".." {
                at.pop();
                continue;
            }
            let here = at.join(&name);
            if let Ok(target) = fs::read_link(&here) {
                self.note(&at, name);
                links += 1;
                if links > LINKS_MAX {
                    return None;
                }
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                ahead.extend(names(&target));
                continue;
            }
            // A directory says itself when it goes.
            let is_directory = here.is_dir();
            if !is_directory {
                self.note(&at, name);
            }
            if !here.exists() {
                return None;
            }
            at = here;
        }
        Some(at)
    }

    fn note(&mut self, directory: &Path, name: OsString) {
        let names =
            self.directories.entry(directory.to_owned()).or_insert_with(|| Names::These(BTreeSet::new()));
        if let Names::These(names) = names {
            names.insert(name);
        }
    }
}

/// The segments of a path, the last one first.
fn names(path: &Path) -> Vec<OsString> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    let mut names: Vec<OsString> = names.collect();
    names.reverse();
    names
}

// === impl Recorder ===

impl Recorder {
    /// Where what was asked for lies.
    pub(super) fn places(self) -> Places {
        self.places.into_inner()
    }
}

impl Environment for Recorder {
    fn var(&self, name: &str) -> Option<String> {
        System.var(name)
    }

    // Noted before it is read: a change in between is seen twice, and none is missed.
    fn read(&self, path: &Path) -> io::Result<String> {
        self.places.borrow_mut().add_file(path);
        System.read(path)
    }

    fn glob(&self, directory: &Path, pattern: &str) -> io::Result<Vec<PathBuf>> {
        self.places.borrow_mut().add_pattern(directory, pattern);
        System.glob(directory, pattern)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder as the kubelet lays a ConfigMap out.
    fn config_map(name: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("kubezone-places-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("..2026")).unwrap();
        fs::write(root.join("..2026/Corefile"), ". {\n}\n").unwrap();
        symlink("..2026", root.join("..data")).unwrap();
        symlink("..data/Corefile", root.join("Corefile")).unwrap();
        root.canonicalize().unwrap()
    }

    #[test]
    fn every_link_on_the_way_counts() {
        let root = config_map("links");
        let mut places = Places::default();
        places.add_file(&root.join("Corefile"));
        for (directory, name, counts) in [
            (root.clone(), "Corefile", true),
            (root.clone(), "..data", true),
            (root.join("..2026"), "Corefile", true),
            (root.clone(), "..data_tmp", false),
            (root.clone(), "..2026", false),
            (root.join("elsewhere"), "Corefile", false),
        ] {
            assert_eq!(places.count(&directory, OsStr::new(name)), counts, "{directory:?} {name}");
        }
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_pattern_counts_what_is_not_there_yet() {
        let root = config_map("pattern");
        let recorder = Recorder::default();
        assert_eq!(recorder.glob(&root, "*.server").unwrap(), [""; 0].map(PathBuf::from));
        assert_eq!(recorder.glob(&root, "custom/*.server").unwrap(), [""; 0].map(PathBuf::from));
        assert!(recorder.read(&root.join("..data/../absent")).is_err());
        let places = recorder.places();
        assert!(places.count(&root, OsStr::new("new.server")));
        assert!(places.count(&root, OsStr::new("custom")), "the directory may come");
        assert_eq!(places.directories().count(), 1);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn links_that_go_in_a_circle_end() {
        let root = config_map("circle");
        symlink("b", root.join("a")).unwrap();
        symlink("a", root.join("b")).unwrap();
        let mut places = Places::default();
        places.add_file(&root.join("a"));
        assert!(places.count(&root, OsStr::new("b")));
        fs::remove_dir_all(root).unwrap();
    }
}
