//! The kernel says when something under the Corefile changes (inotify). Where it cannot, the looks from time to time do.

use super::places::Places;

/// Watches [`Places`].
pub(super) struct Follow {
    #[cfg(target_os = "linux")]
    kernel: Option<kernel::Kernel>,
    /// Whether it was said that there is no inotify.
    #[cfg(target_os = "linux")]
    is_told: bool,
}

// === impl Follow ===

#[cfg(target_os = "linux")]
impl Follow {
    pub(super) fn new() -> Self {
        Self { kernel: None, is_told: false }
    }

    /// Watches these from now on. Gives whether a directory is among them that was not watched before: what happened there
    /// until now was not seen.
    pub(super) fn follow(&mut self, places: Places) -> bool {
        if self.kernel.is_none() {
            match kernel::Kernel::new() {
                Ok(kernel) => self.kernel = Some(kernel),
                // Nodes run out of instances (`fs.inotify.max_user_instances`); the next time there may be one.
                Err(error) => {
                    if !self.is_told {
                        tracing::warn!(
                            target: "plugin/reload",
                            "no inotify: a changed Corefile is found at the next look, and not at once: {error}"
                        );
                    }
                    self.is_told = true;
                    return false;
                }
            }
        }
        self.kernel.as_mut().is_some_and(|kernel| kernel.follow(places))
    }

    /// Watches nothing any more.
    pub(super) fn end(&mut self) {
        self.kernel = None;
    }

    /// Returns when something has changed that counts. Without inotify it never does.
    pub(super) async fn changed(&mut self) {
        if let Some(kernel) = &self.kernel {
            let Err(error) = kernel.changed().await else { return };
            tracing::warn!(target: "plugin/reload", "inotify failed, the interval alone counts: {error}");
            self.kernel = None;
        }
        std::future::pending().await
    }
}

#[cfg(not(target_os = "linux"))]
impl Follow {
    pub(super) fn new() -> Self {
        Self {}
    }

    pub(super) fn follow(&mut self, _places: Places) -> bool {
        false
    }

    pub(super) fn end(&mut self) {}

    pub(super) async fn changed(&mut self) {
        std::future::pending().await
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::collections::BTreeMap;
    use std::ffi::OsStr;
    use std::fs;
    use std::io;
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::MetadataExt;
    use std::path::{Path, PathBuf};

    use rustix::fs::inotify::{self, CreateFlags, Event, ReadFlags, Reader, WatchFlags};
    use rustix::io::Errno;
    use tokio::io::unix::AsyncFd;

    use super::Places;

    /// Room for some dozens of events; more are read the next time.
    const BUFFER_LEN: usize = 4096;

    pub(super) struct Kernel {
        fd: AsyncFd<OwnedFd>,
        places: Places,
        /// By the number that events carry.
        directories: BTreeMap<i32, PathBuf>,
    }

    impl Kernel {
        pub(super) fn new() -> io::Result<Self> {
            let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
            #[expect(deprecated, reason = "sound for an `OwnedFd`, which stays what it is")]
            let fd = AsyncFd::new(fd)?;
            Ok(Self { fd, places: Places::default(), directories: BTreeMap::new() })
        }

        pub(super) fn follow(&mut self, places: Places) -> bool {
            // Not `MODIFY`: a file that is being written is not whole.
            let flags = WatchFlags::CLOSE_WRITE
                | WatchFlags::CREATE
                | WatchFlags::DELETE
                | WatchFlags::MOVED_FROM
                | WatchFlags::MOVED_TO
                | WatchFlags::DELETE_SELF
                | WatchFlags::MOVE_SELF
                | WatchFlags::ONLYDIR;
            // A directory that was put in the place of another has a number of its own: all are asked for again.
            let wanted: BTreeMap<i32, PathBuf> = places
                .directories()
                .filter_map(|directory| {
                    let number = inotify::add_watch(self.fd.get_ref(), directory, flags).ok()?;
                    Some((number, directory.to_owned()))
                })
                .collect();
            for number in self.directories.keys().filter(|number| !wanted.contains_key(number)) {
                // A directory that is gone took its watch with it.
                let _ = inotify::remove_watch(self.fd.get_ref(), *number);
            }
            let is_new = wanted.keys().any(|number| !self.directories.contains_key(number));
            (self.directories, self.places) = (wanted, places);
            is_new
        }

        pub(super) async fn changed(&self) -> io::Result<()> {
            loop {
                let mut ready = self.fd.readable().await?;
                let mut buffer = [MaybeUninit::uninit(); BUFFER_LEN];
                let mut events = Reader::new(self.fd.get_ref(), &mut buffer);
                let mut counts = false;
                loop {
                    match events.next() {
                        Ok(event) => counts |= self.counts(&event),
                        Err(Errno::WOULDBLOCK) => break,
                        Err(Errno::INTR) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                ready.clear_ready();
                if counts {
                    return Ok(());
                }
            }
        }

        fn counts(&self, event: &Event<'_>) -> bool {
            let flags = event.events();
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                return true;
            }
            let Some(directory) = self.directories.get(&event.wd()) else { return false };
            match event.file_name() {
                // The directory itself has gone.
                None => flags.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF),
                Some(name) => {
                    let name = OsStr::from_bytes(name.to_bytes());
                    self.places.count(directory, name)
                        && (!flags.contains(ReadFlags::CREATE) || is_whole(&directory.join(name)))
                }
            }
        }
    }

    /// Whether what was just made holds all that it will: a link does, and a directory; a file does when it was written
    /// under another name, and otherwise says so when it is closed.
    fn is_whole(path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|made| !made.is_file() || made.nlink() > 1)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use super::*;

    /// A guard against a hang.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn folder(name: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("kubezone-follow-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("..1")).unwrap();
        fs::write(root.join("..1/Corefile"), "one").unwrap();
        symlink("..1", root.join("..data")).unwrap();
        symlink("..data/Corefile", root.join("Corefile")).unwrap();
        root.canonicalize().unwrap()
    }

    fn places(file: &Path) -> Places {
        let mut places = Places::default();
        places.add_file(file);
        places
    }

    #[tokio::test]
    async fn a_swap_of_a_config_map_is_seen_at_once() {
        let root = folder("swap");
        let mut follow = Follow::new();
        assert!(follow.follow(places(&root.join("Corefile"))));
        assert!(!follow.follow(places(&root.join("Corefile"))), "nothing is new");
        for number in 2..5 {
            let data = format!("..{number}");
            fs::create_dir(root.join(&data)).unwrap();
            fs::write(root.join(&data).join("Corefile"), &data).unwrap();
            symlink(&data, root.join("..data_tmp")).unwrap();
            fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
            tokio::time::timeout(PATIENCE, follow.changed()).await.unwrap();
            assert!(follow.follow(places(&root.join("Corefile"))), "the new directory is watched");
        }
        fs::remove_dir_all(root).unwrap();
    }

    #[tokio::test]
    async fn what_does_not_count_wakes_nobody() {
        let root = folder("noise");
        let mut follow = Follow::new();
        follow.follow(places(&root.join("Corefile")));
        fs::write(root.join("other"), "").unwrap();
        fs::create_dir(root.join("..2")).unwrap();
        symlink("..2", root.join("..data_tmp")).unwrap();
        // What comes after it is seen: the queue was read to there.
        fs::write(root.join("..1/Corefile"), "two").unwrap();
        tokio::time::timeout(PATIENCE, follow.changed()).await.unwrap();
        let more = tokio::time::timeout(Duration::from_millis(50), follow.changed()).await;
        assert!(more.is_err(), "one change, told once");
        fs::remove_dir_all(root).unwrap();
    }
}
