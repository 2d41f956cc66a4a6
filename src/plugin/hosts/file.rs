//! The hosts file: read when it has changed, line by line, and what is wrong with it said once.

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::SystemTime;

use super::map::{Builder, HostsMap};
use crate::corefile::Shown;
use crate::dns::Name;

/// A larger file is not read. A list of a hundred thousand names has some 3 MiB.
pub const FILE_LEN_MAX: u64 = 32 << 20;
/// So many bad lines are told of one by one; of the others their number.
const COMPLAINTS_MAX: usize = 10;

/// One `ADDRESS NAME…`.
pub type Line = (IpAddr, Vec<Name>);

/// When a file was last written, and its length.
type Stamp = (SystemTime, u64);

/// A file, the lines that the Corefile adds to it, and what was last seen of it.
pub struct HostsFile {
    path: PathBuf,
    zones: Vec<Name>,
    with_reverse: bool,
    inline: Vec<Line>,
    /// Of the contents in use.
    stamp: Option<Stamp>,
    /// What was last said about the file.
    said: Vec<String>,
}

/// What a look at the file has found.
#[derive(Default)]
pub struct Look {
    /// What it says now, and when it was written, when it has changed.
    pub changed: Option<(HostsMap, SystemTime)>,
    /// What is wrong and was not at the last look.
    pub complaints: Vec<String>,
}

impl HostsFile {
    /// A file that has not been looked at. Names outside `zones` do not count.
    #[must_use]
    pub fn new(path: PathBuf, zones: Vec<Name>, with_reverse: bool, inline: Vec<Line>) -> Self {
        Self { path, zones, with_reverse, inline, stamp: None, said: Vec::new() }
    }

    /// What the Corefile alone says.
    #[must_use]
    pub fn inline_map(&self) -> HostsMap {
        self.build(b"").0
    }

    /// Reads the file if time or length are other than they were. A file that cannot be read is a complaint, and what
    /// was read before holds.
    #[must_use]
    pub fn look(&mut self) -> Look {
        let (changed, complaints) = match self.read_changed() {
            Ok(None) => return Look::default(),
            Ok(Some((stamp, text))) => {
                let (map, complaints) = self.build(&text);
                self.stamp = Some(stamp);
                (Some((map, stamp.0)), complaints)
            }
            Err(error) => {
                // When it is back it is read, even if it is as it was.
                self.stamp = None;
                (None, vec![format!("cannot read hosts file `{}`: {error}", self.path.display())])
            }
        };
        if complaints == self.said {
            return Look { changed, complaints: Vec::new() };
        }
        self.said.clone_from(&complaints);
        Look { changed, complaints }
    }

    fn read_changed(&self) -> io::Result<Option<(Stamp, Vec<u8>)>> {
        // Before it is opened: to open a pipe waits for somebody to write.
        let metadata = fs::metadata(&self.path)?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let stamp = (metadata.modified()?, metadata.len());
        if self.stamp == Some(stamp) {
            return Ok(None);
        }
        let mut text = Vec::new();
        if stamp.1 <= FILE_LEN_MAX {
            File::open(&self.path)?.take(FILE_LEN_MAX + 1).read_to_end(&mut text)?;
        }
        if stamp.1.max(text.len() as u64) > FILE_LEN_MAX {
            return Err(io::Error::other(format!("it is longer than {} MiB", FILE_LEN_MAX >> 20)));
        }
        Ok(Some((stamp, text)))
    }

    /// The map of these contents and the lines of the Corefile, in this order.
    fn build(&self, text: &[u8]) -> (HostsMap, Vec<String>) {
        let mut builder = Builder::new(&self.zones, self.with_reverse);
        let mut complaints = Vec::new();
        let mut excess = 0_usize;
        parse(
            text,
            |address, name| builder.add(address, name),
            |line, what| {
                if complaints.len() < COMPLAINTS_MAX {
                    complaints.push(format!("{}:{line}: {what}", self.path.display()));
                } else {
                    excess += 1;
                }
            },
        );
        if excess > 0 {
            complaints.push(format!("{}: {excess} more mistakes", self.path.display()));
        }
        for (address, names) in &self.inline {
            for name in names {
                builder.add(*address, name);
            }
        }
        (builder.build(), complaints)
    }
}

/// Reads `ADDRESS NAME… # COMMENT` (hosts(5)) line by line. What is no address takes its line with it; what is no name,
/// itself alone. `wrong` gets the number of the line and what is wrong with it.
pub fn parse(text: &[u8], mut add: impl FnMut(IpAddr, &Name), mut wrong: impl FnMut(usize, String)) {
    for (index, line) in text.split(|octet| *octet == b'\n').enumerate() {
        let line = line.split(|octet| *octet == b'#').next().unwrap_or_default();
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let Some(first) = words.next() else { continue };
        let Some(address) = std::str::from_utf8(first).ok().and_then(parse_address) else {
            let first = String::from_utf8_lossy(first);
            wrong(index + 1, format!("{} is not an IP address", Shown(&first)));
            continue;
        };
        let mut words = words.peekable();
        if words.peek().is_none() {
            wrong(index + 1, format!("no name follows `{address}`"));
        }
        for word in words {
            match std::str::from_utf8(word).map(Name::from_text) {
                Ok(Ok(name)) => add(address, &name),
                Ok(Err(why)) => {
                    let word = String::from_utf8_lossy(word);
                    wrong(index + 1, format!("{} is not a domain name: {why}", Shown(&word)));
                }
                Err(_) => {
                    let word = String::from_utf8_lossy(word);
                    wrong(index + 1, format!("{} is not a domain name: it is not UTF-8", Shown(&word)));
                }
            }
        }
    }
}

/// An address, without the zone of a link-local one (`fe80::1%eth0`), which no record can hold.
#[must_use]
pub fn parse_address(text: &str) -> Option<IpAddr> {
    text.split('%').next()?.parse().ok()
}
