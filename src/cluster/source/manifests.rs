//! Files as a source: what `kubectl get -o yaml` or `-o json` prints, or what `kubectl apply` takes.
//!
//! An object without namespace is in `default`. A namespace that objects are in, but that no object states, is taken as
//! existing: a dump without `ns` resolves all the same. There is no controller behind files, so that what one would make
//! (cluster IPs, EndpointSlices) must stand in them.
//!
//! The files are looked at every second: time of change, length and inode of what they point to, so that the symlinks of
//! a mounted ConfigMap are seen as well. inotify would be quicker by less than that second, and is blind on some
//! network file systems. After a change everything is read again, as a list of all kinds: what is gone is swept. A file
//! that became unreadable keeps the objects that it gave before.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::Metadata;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tracing::{info, warn};

use super::super::LOG_TARGET;
use super::super::config::{ManifestPath, WatchConfig, WatchError};
use super::super::object::{AnyObject, Namespace};
use super::super::publish::Shared;
use super::super::selector::Selector;
use super::super::store::{Change, ObjectId};
use super::text::{self, FILE_LEN_MAX, Mistake};
use crate::zone::{Kind, KindSet};

/// How deep folders may lie in one another: a symlink may lead in a circle.
const DEPTH_MAX: usize = 16;

/// The files, and what they gave last.
pub struct Manifests {
    paths: Vec<ManifestPath>,
    kinds: KindSet,
    labels: Selector,
    namespace_labels: Selector,
    stdin: Option<Arc<str>>,
    stamps: Vec<Stamp>,
    given: HashMap<String, Vec<ObjectId>>,
    mistakes: Vec<Mistake>,
}

/// What tells one version of a file from the next.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    path: PathBuf,
    modified: Option<SystemTime>,
    len: u64,
    inode: u64,
}

impl Manifests {
    /// Nothing is read yet, except standard input.
    ///
    /// # Errors
    /// When a path does not exist or cannot be read.
    pub fn new(config: &WatchConfig, paths: &[ManifestPath]) -> Result<Self, WatchError> {
        let selector = |kind| {
            let selector = config.selector(kind).unwrap_or_default();
            Selector::parse(&selector)
                .map_err(|cause| WatchError::Selector { selector: selector.into_owned(), cause })
        };
        let mut stdin = None;
        for path in paths {
            let wrong = |cause: String| WatchError::ManifestPath { path: path.to_string(), cause };
            match path {
                ManifestPath::Stdin if stdin.is_none() => {
                    let text = read_all(std::io::stdin().lock()).map_err(wrong)?;
                    stdin = Some(text.into());
                }
                ManifestPath::Stdin => {}
                ManifestPath::Path(path) => {
                    let found = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
                    if found.is_dir() {
                        std::fs::read_dir(path).map_err(|error| wrong(error.to_string()))?;
                    }
                }
            }
        }
        Ok(Self {
            paths: paths.to_vec(),
            kinds: config.kinds(),
            labels: selector(Kind::Service)?,
            namespace_labels: selector(Kind::Namespace)?,
            stdin,
            stamps: Vec::new(),
            given: HashMap::new(),
            mistakes: Vec::new(),
        })
    }

    /// Reads everything for the first time. Mistakes are logged; what is readable counts.
    ///
    /// # Errors
    /// When there is no object at all.
    pub fn load(&mut self) -> Result<Vec<Change>, WatchError> {
        self.stamps = self.look();
        let changes = self.read();
        if self.given.values().all(Vec::is_empty) {
            let paths: Vec<_> = self.paths.iter().map(|path| format!("`{path}`")).collect();
            let problems = self.mistakes.iter().map(|mistake| format!("\n  {mistake}")).collect();
            return Err(WatchError::NoManifests { paths: paths.join(", "), problems });
        }
        Ok(changes)
    }

    /// Looks at the files every `poll`, and reads them again when they differ. Runs until nobody takes changes.
    pub async fn run(mut self, changes_tx: mpsc::Sender<Change>, shared: Arc<Shared>, poll: Duration) {
        self.show(&shared, true);
        let mut ticks = tokio::time::interval(poll);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let looked = tokio::task::spawn_blocking(move || {
                let stamps = self.look();
                let changes = (stamps != self.stamps).then(|| {
                    self.stamps = stamps;
                    self.read()
                });
                (self, changes)
            });
            let Ok((this, changes)) = looked.await else { return };
            self = this;
            self.show(&shared, changes.is_some());
            let Some(changes) = changes else { continue };
            info!(target: LOG_TARGET, "manifests changed, read {} files again", self.stamps.len());
            for change in changes {
                if changes_tx.send(change).await.is_err() {
                    return;
                }
            }
        }
    }

    fn show(&self, shared: &Shared, was_read: bool) {
        let now = SystemTime::now();
        for kind in self.kinds.iter() {
            shared.update(kind, |status| {
                status.last_event = Some(now);
                if was_read {
                    status.last_list = Some(now);
                    status.last_error = self.mistakes.first().map(ToString::to_string);
                }
            });
        }
    }

    /// The files there are now, in the order in which they are read.
    fn look(&self) -> Vec<Stamp> {
        let mut stamps = Vec::new();
        for path in &self.paths {
            if let ManifestPath::Path(path) = path {
                collect(path, 0, &mut stamps);
            }
        }
        stamps
    }

    /// Reads all files, as one list of every kind.
    fn read(&mut self) -> Vec<Change> {
        let mut listed = Listed::default();
        let mut mistakes = Vec::new();
        if let Some(text) = self.stdin.clone() {
            self.read_text("standard input", &text, &mut listed, &mut mistakes);
        }
        for stamp in self.stamps.clone() {
            let name = stamp.path.display().to_string();
            match std::fs::File::open(&stamp.path).map_err(|error| error.to_string()).and_then(read_all) {
                Ok(text) => self.read_text(&name, &text, &mut listed, &mut mistakes),
                Err(what) => {
                    mistakes.push(Mistake { file: name.clone(), line: 0, column: 0, what });
                    self.keep(&name, &mut listed);
                }
            }
        }
        self.forget_files_gone(&mut listed);
        // A mistake that was told and still stands is not told again.
        for mistake in mistakes.iter().filter(|mistake| !self.mistakes.contains(mistake)) {
            warn!(target: LOG_TARGET, "failed to read {mistake}");
        }
        self.mistakes = mistakes;
        listed.imply_namespaces(&self.namespace_labels);
        listed.warn_of_missing_slices(self.kinds);
        listed.into_changes(self.kinds)
    }

    fn read_text(&mut self, name: &str, text: &str, listed: &mut Listed, mistakes: &mut Vec<Mistake>) {
        let mut contents = text::read(name, text);
        let mut given = Vec::new();
        for (mut object, labels) in contents.objects {
            let kind = object.kind();
            let meta = object.meta_mut();
            if kind == Kind::Namespace {
                meta.namespace = Box::default();
            } else if meta.namespace.is_empty() {
                meta.namespace = "default".into();
            }
            let is_selected = match kind {
                Kind::Namespace => self.namespace_labels.matches(&labels),
                Kind::Service | Kind::EndpointSlice | Kind::Pod => self.labels.matches(&labels),
                Kind::ServiceImport => true,
            };
            let id = ObjectId::new(kind, object.meta());
            if self.kinds.contains(kind) && is_selected {
                given.push(id);
                listed.objects.push(object);
            } else if kind == Kind::Namespace {
                // It is stated, and not selected: it must not be implied.
                listed.stated.insert(id.path);
            }
        }
        if !contents.mistakes.is_empty() {
            // A file that is saved half-way must not take names away. What it still gives counts; the rest stays.
            let now: HashSet<_> = given.iter().collect();
            let before = self.given.get(name).into_iter().flatten();
            let kept: Vec<_> = before.filter(|id| !now.contains(id)).cloned().collect();
            listed.kept.extend(kept.iter().cloned());
            given.extend(kept);
        }
        mistakes.append(&mut contents.mistakes);
        self.given.insert(name.to_owned(), given);
    }

    fn keep(&self, name: &str, listed: &mut Listed) {
        listed.kept.extend(self.given.get(name).into_iter().flatten().cloned());
    }

    /// A file that is gone from a folder takes its objects with it; a path that was asked for by name and is gone is
    /// between two versions of itself.
    fn forget_files_gone(&mut self, listed: &mut Listed) {
        let present: HashSet<_> = self.stamps.iter().map(|stamp| stamp.path.display().to_string()).collect();
        let absent: Vec<PathBuf> = self
            .paths
            .iter()
            .filter_map(|path| match path {
                ManifestPath::Path(path) if !path.exists() => Some(path.clone()),
                _ => None,
            })
            .collect();
        self.given.retain(|name, ids| {
            if name == "standard input" || present.contains(name) {
                return true;
            }
            let is_absent = absent.iter().any(|path| Path::new(name).starts_with(path));
            if is_absent {
                listed.kept.extend(ids.iter().cloned());
            }
            is_absent
        });
    }
}

/// What one reading of all files gave.
#[derive(Default)]
struct Listed {
    objects: Vec<AnyObject>,
    kept: Vec<ObjectId>,
    /// Namespaces that are stated, but not selected.
    stated: HashSet<Arc<str>>,
}

impl Listed {
    fn imply_namespaces(&mut self, selector: &Selector) {
        // A namespace that is only implied has no labels.
        if !selector.matches(&BTreeMap::new()) {
            return;
        }
        let mut named: HashSet<String> = HashSet::new();
        for object in self.objects.iter().filter(|object| object.kind() != Kind::Namespace) {
            if !named.contains(&*object.meta().namespace) {
                named.insert(object.meta().namespace.to_string());
            }
        }
        for id in self.kept.iter().filter(|id| id.kind != Kind::Namespace) {
            named.extend(id.path.split_once('/').map(|(namespace, _)| namespace.to_owned()));
        }
        for object in self.objects.iter().filter(|object| object.kind() == Kind::Namespace) {
            named.remove(&*object.meta().name);
        }
        named.retain(|name| !self.stated.contains(format!("/{name}").as_str()));
        self.objects.extend(named.iter().map(|name| AnyObject::Namespace(Namespace::implied(name))));
    }

    /// What a controller would have made must stand in the files.
    fn warn_of_missing_slices(&self, kinds: KindSet) {
        if !kinds.contains(Kind::EndpointSlice) {
            return;
        }
        let with_slices: HashSet<(&str, &str)> = self
            .objects
            .iter()
            .filter(|object| object.kind() == Kind::EndpointSlice)
            .filter_map(|object| Some((&*object.meta().namespace, object.meta().service_name()?)))
            .collect();
        for object in &self.objects {
            let AnyObject::Service(service) = object else { continue };
            let meta = &service.metadata;
            let Some(spec) = &service.spec else { continue };
            if spec.has_selector()
                && spec.is_headless()
                && !with_slices.contains(&(&*meta.namespace, &*meta.name))
            {
                warn!(
                    target: LOG_TARGET,
                    "services `{}/{}`: it is headless and no EndpointSlice in the manifests belongs to it; its name \
                     has no address",
                    meta.namespace, meta.name
                );
            }
        }
    }

    fn into_changes(self, kinds: KindSet) -> Vec<Change> {
        let mut changes: Vec<_> = kinds.iter().map(Change::Begin).collect();
        changes.extend(self.kept.into_iter().filter(|id| kinds.contains(id.kind)).map(Change::Keep));
        changes.extend(self.objects.into_iter().map(Change::Listed));
        changes.extend(kinds.iter().map(Change::End));
        // Nothing is known of files but what stands in them.
        changes.extend(kinds.iter().map(Change::Live));
        changes
    }
}

fn collect(path: &Path, depth: usize, stamps: &mut Vec<Stamp>) {
    let Ok(found) = std::fs::metadata(path) else { return };
    if !found.is_dir() {
        stamps.push(Stamp::new(path, &found));
        return;
    }
    let Ok(entries) = std::fs::read_dir(path) else { return };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // A ConfigMap's own folders (`..data`) hold what its links show.
        if name.starts_with('.') {
            continue;
        }
        let is_manifest = [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end));
        if path.is_dir() && depth < DEPTH_MAX || is_manifest && !path.is_dir() {
            collect(&path, depth + 1, stamps);
        }
    }
}

fn read_all(source: impl Read) -> Result<String, String> {
    let mut octets = Vec::new();
    let mut limited = source.take(FILE_LEN_MAX as u64 + 1);
    limited.read_to_end(&mut octets).map_err(|error| error.to_string())?;
    if octets.len() > FILE_LEN_MAX {
        return Err(format!("it is longer than {} MiB; split it", FILE_LEN_MAX >> 20));
    }
    String::from_utf8(octets).map_err(|error| format!("it is no UTF-8 text: {error}"))
}

impl Stamp {
    fn new(path: &Path, found: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { path: path.to_owned(), modified: found.modified().ok(), len: found.len(), inode: found.ino() }
    }
}

#[cfg(test)]
mod tests;
