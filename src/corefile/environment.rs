//! Where texts and variables come from.

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

/// The largest file that is read, in bytes. A ConfigMap ends at the same figure.
pub const FILE_SIZE_MAX: usize = 1 << 20;

/// The outside world as a Corefile sees it; [`System`] is the real one.
pub trait Environment {
    /// The value of an environment variable.
    fn var(&self, name: &str) -> Option<String>;

    /// The text of a file.
    ///
    /// # Errors
    /// When it cannot be read, is larger than [`FILE_SIZE_MAX`], or is not UTF-8.
    fn read(&self, path: &Path) -> io::Result<String>;

    /// The files (not directories) that match `pattern`, which is relative to `directory` unless it is absolute, in the
    /// order of their names. `*` stands for any characters and `?` for one, within one path segment.
    ///
    /// # Errors
    /// When a directory exists and cannot be listed.
    fn glob(&self, directory: &Path, pattern: &str) -> io::Result<Vec<PathBuf>>;
}

/// The process environment and the file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Environment for System {
    fn var(&self, name: &str) -> Option<String> {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        let mut bytes = Vec::new();
        // One byte more than is allowed, so that neither a huge file nor an endless device is read to its end.
        fs::File::open(path)?.take(FILE_SIZE_MAX as u64 + 1).read_to_end(&mut bytes)?;
        text_from_bytes(bytes)
    }

    fn glob(&self, directory: &Path, pattern: &str) -> io::Result<Vec<PathBuf>> {
        let mut found = vec![directory.to_path_buf()];
        for component in Path::new(pattern).components() {
            let segment = match component {
                Component::Normal(segment) => segment,
                other => {
                    found.iter_mut().for_each(|path| path.push(other));
                    continue;
                }
            };
            match segment.to_str().filter(|text| text.contains(['*', '?'])) {
                None => found.iter_mut().for_each(|path| path.push(segment)),
                Some(text) => {
                    let mut matched = Vec::new();
                    for path in &found {
                        matched.extend(list(path, text)?);
                    }
                    found = matched;
                }
            }
        }
        // A ConfigMap volume holds directories (`..data`) beside its files; CoreDNS stops at those.
        found.retain(|path| path.is_file());
        found.sort();
        Ok(found)
    }
}

/// The entries of `directory` whose names match; none when there is no such directory.
fn list(directory: &Path, pattern: &str) -> io::Result<Vec<PathBuf>> {
    let listed = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let entries = match fs::read_dir(listed) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let mut matched = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        if segment_matches(pattern, &name.to_string_lossy()) {
            matched.push(directory.join(&name));
        }
    }
    Ok(matched)
}

/// Decodes a file's contents.
///
/// # Errors
/// `InvalidData`, naming the offset of the first byte that is not UTF-8, or that the file is too large.
pub(super) fn text_from_bytes(bytes: Vec<u8>) -> io::Result<String> {
    if bytes.len() > FILE_SIZE_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, too_large()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let byte = error.as_bytes().get(at).copied().unwrap_or_default();
        let message = format!("not UTF-8: byte 0x{byte:02x} at offset {at} starts no character");
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

pub(super) fn too_large() -> String {
    format!("larger than {FILE_SIZE_MAX} bytes, the most that is read")
}

/// Whether `name` is what `pattern` stands for. Takes time in proportion to the product of the lengths at worst: the
/// only way back is to the last `*`.
fn segment_matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, n));
                p += 1;
            }
            Some(char) if *char == '?' || *char == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((after, taken)) => {
                    star = Some((after, taken + 1));
                    p = after;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|char| *char == '*')
}

/// Variables and files for tests.
#[cfg(test)]
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) vars: std::collections::BTreeMap<String, String>,
    pub(crate) files: std::collections::BTreeMap<PathBuf, Vec<u8>>,
}

#[cfg(test)]
impl Memory {
    pub(crate) fn with_var(mut self, name: &str, value: &str) -> Self {
        self.vars.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn with_file(mut self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.files.insert(path.into(), bytes.as_ref().to_vec());
        self
    }
}

#[cfg(test)]
impl Environment for Memory {
    fn var(&self, name: &str) -> Option<String> {
        self.vars.get(name).cloned()
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        self.files.get(path).cloned().map_or_else(|| Err(io::ErrorKind::NotFound.into()), text_from_bytes)
    }

    fn glob(&self, directory: &Path, pattern: &str) -> io::Result<Vec<PathBuf>> {
        let pattern = directory.join(pattern);
        let matches = |path: &&PathBuf| {
            path.components().count() == pattern.components().count()
                && path.components().zip(pattern.components()).all(|(name, pattern)| {
                    segment_matches(
                        &pattern.as_os_str().to_string_lossy(),
                        &name.as_os_str().to_string_lossy(),
                    )
                })
        };
        Ok(self.files.keys().filter(matches).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters_and_a_question_mark_for_one() {
        for (pattern, name, expected) in [
            ("*.server", "corp.server", true),
            ("*.server", ".server", true),
            ("*.server", "corp.server.bak", false),
            ("a*b", "axxb", true),
            ("a*b", "axbx", false),
            ("*", "..data", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*?", "baac", true),
            ("", "", true),
        ] {
            assert_eq!(segment_matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn the_system_reads_lists_and_refuses_what_is_too_large() {
        let directory = std::env::temp_dir().join(format!("kubezone-environment-{}", std::process::id()));
        fs::create_dir_all(directory.join("custom/..data")).unwrap();
        for (name, text) in [("b.server", "b"), ("a.server", "a"), ("c.override", "c")] {
            fs::write(directory.join("custom").join(name), text).unwrap();
        }
        fs::write(directory.join("large"), vec![b'#'; FILE_SIZE_MAX + 1]).unwrap();
        let names = |pattern: &str| -> Vec<String> {
            let paths = System.glob(&directory, pattern).unwrap();
            paths.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names("custom/*.server"), ["a.server", "b.server"]);
        assert_eq!(names("custom/*"), ["a.server", "b.server", "c.override"]);
        assert_eq!(names("c*/a.server"), ["a.server"]);
        assert_eq!(names("absent/*"), [""; 0]);
        assert_eq!(System.read(&directory.join("custom/a.server")).unwrap(), "a");
        let error = System.read(&directory.join("large")).unwrap_err().to_string();
        assert!(error.contains("larger than 1048576 bytes"), "{error}");
        assert!(System.read(&directory).is_err());
        assert_eq!(System.var("KUBEZONE_TEST_NO_SUCH_VARIABLE"), None);
        assert_eq!(System.var("="), None);
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn a_text_that_is_not_utf_8_is_refused_with_the_offset() {
        let error = text_from_bytes(b"ab\xffc".to_vec()).unwrap_err().to_string();
        assert_eq!(error, "not UTF-8: byte 0xff at offset 2 starts no character");
    }
}
