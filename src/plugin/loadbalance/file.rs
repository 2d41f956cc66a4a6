//! The file of weights: read again when its contents have changed, and what is wrong with it said once.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ring::digest::{Digest, SHA256, digest};

use super::weights::{Mistake, Weights};

/// A larger file is not read. Half a million addresses have some 10 MiB.
pub const FILE_LEN_MAX: u64 = 32 << 20;

/// A file, and what was last seen of it.
pub struct WeightFile {
    path: PathBuf,
    /// Of the contents that were last looked at, good or bad.
    contents: Option<Digest>,
    /// What was last said about it.
    said: Option<String>,
}

/// Why there are no weights.
#[derive(Debug)]
pub enum Problem {
    /// It cannot be opened: it may come.
    NotThere(PathBuf, io::Error),
    /// It is there and is of no use.
    Unreadable(PathBuf, io::Error),
    /// A word of it is wrong.
    Mistake(PathBuf, Mistake),
}

impl WeightFile {
    /// A file that has not been looked at.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, contents: None, said: None }
    }

    /// Reads the file, and gives its weights if it is another than at the last look. Its time tells nothing: a
    /// ConfigMap is a link that is exchanged, and a copy may keep the time.
    ///
    /// # Errors
    /// When it cannot be used. What is wrong in it is told once: until it changes, looks find nothing new.
    pub fn look(&mut self) -> Result<Option<Weights>, Problem> {
        let text = self.read()?;
        let contents = digest(&SHA256, &text);
        if self.contents.is_some_and(|before| before.as_ref() == contents.as_ref()) {
            return Ok(None);
        }
        self.contents = Some(contents);
        Weights::parse(&text).map(Some).map_err(|mistake| Problem::Mistake(self.path.clone(), mistake))
    }

    /// Looks at the file again and again, and puts what it says in the place of `weights`, until it is dropped.
    pub async fn follow(mut self, weights: Arc<ArcSwap<Weights>>, interval: Duration) {
        loop {
            tokio::time::sleep(interval).await;
            let looking = tokio::task::spawn_blocking(move || {
                let look = self.look();
                (self, look)
            });
            // The runtime ends.
            let Ok((back, look)) = looking.await else { return };
            self = back;
            self.take(look, &weights);
        }
    }

    fn take(&mut self, look: Result<Option<Weights>, Problem>, weights: &ArcSwap<Weights>) {
        match look {
            Ok(changed) => {
                self.said = None;
                if let Some(changed) = changed {
                    let (path, count) = (self.path.display(), changed.len());
                    tracing::info!(target: "plugin/loadbalance", "weight file `{path}` is in use, names in it: {count}");
                    weights.store(Arc::new(changed));
                }
            }
            Err(problem) => {
                let text = problem.to_string();
                if self.said.as_ref() != Some(&text) {
                    tracing::error!(target: "plugin/loadbalance", "{text}; the weights before it hold");
                    self.said = Some(text);
                }
            }
        }
    }

    fn read(&self) -> Result<Vec<u8>, Problem> {
        let not_there = |error| Problem::NotThere(self.path.clone(), error);
        let unreadable = |error| Problem::Unreadable(self.path.clone(), error);
        // Before it is opened: to open a pipe waits for somebody to write.
        if !fs::metadata(&self.path).map_err(not_there)?.is_file() {
            return Err(unreadable(io::Error::other("it is not a file")));
        }
        let mut text = Vec::new();
        let file = File::open(&self.path).map_err(not_there)?;
        file.take(FILE_LEN_MAX + 1).read_to_end(&mut text).map_err(unreadable)?;
        if text.len() as u64 > FILE_LEN_MAX {
            return Err(unreadable(io::Error::other(format!(
                "it is longer than {} MiB",
                FILE_LEN_MAX >> 20
            ))));
        }
        Ok(text)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotThere(path, error) | Self::Unreadable(path, error) => {
                write!(f, "cannot read weight file `{}`: {error}", path.display())
            }
            Self::Mistake(path, mistake) => write!(f, "weight file {}:{mistake}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn what_is_wrong_is_logged_once_and_the_weights_before_hold() {
        let path = std::env::temp_dir().join(format!("kubezone-weights-{}-said", std::process::id()));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let subscriber = tracing_subscriber::fmt()
            .with_writer(Arc::new(Lines(Arc::clone(&lines))))
            .without_time()
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let weights = ArcSwap::from_pointee(Weights::default());
            let mut file = WeightFile::new(path.clone());
            let mut look = |text: Option<&str>| {
                match text {
                    Some(text) => fs::write(&path, text).unwrap(),
                    None => fs::remove_file(&path).unwrap(),
                }
                for _ in 0..3 {
                    let look = file.look();
                    file.take(look, &weights);
                }
                weights.load().len()
            };
            let counts = ["a\nb\n", "a\n192.0.2.1 0\n"].map(|text| look(Some(text)));
            assert_eq!((counts, look(None), look(Some("c\n"))), ([2, 2], 2, 1));
        });
        let _ = fs::remove_file(&path);
        let text = String::from_utf8(lines.lock().unwrap().clone()).unwrap();
        let shown = path.display();
        let [in_use, mistake, missing, back] = &text.lines().collect::<Vec<_>>()[..] else {
            panic!("{text}")
        };
        assert!(in_use.ends_with("is in use, names in it: 2"), "{in_use}");
        let expected = format!("weight file {shown}:2:11: `0` is not a weight; the weights before it hold");
        assert!(mistake.contains("ERROR") && mistake.ends_with(&expected), "{mistake}");
        assert!(
            missing.contains(&format!("ERROR plugin/loadbalance: cannot read weight file `{shown}`: ")),
            "{missing}"
        );
        assert!(back.ends_with("is in use, names in it: 1"), "{back}");
    }

    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for &Lines {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
