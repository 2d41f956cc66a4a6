//! Weights of addresses, and the text that they are read from.
//!
//! ```text
//! # a comment
//! www.example.org
//! 192.0.2.1 3
//! 192.0.2.2 1
//! ```

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use crate::corefile::Shown;
use crate::dns::{AddressSet, NAME_LEN_MAX, Name};

/// How likely each address of a name is to come first. Hot path: read without lock or allocation.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Weights {
    /// By folded wire name; the addresses of each are sorted.
    names: HashMap<Box<[u8]>, Vec<(IpAddr, u8)>>,
}

/// What is wrong with a text of weights, and where: line and column count from 1.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistake {
    line: usize,
    column: usize,
    what: String,
    /// What would be right.
    pub help: &'static str,
}

impl Weights {
    /// Reads a text. Of an address that stands twice under a name the first weight counts, as in CoreDNS.
    ///
    /// # Errors
    /// At the first word that is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, Mistake> {
        let text = match std::str::from_utf8(text) {
            Ok(text) => text,
            Err(error) => {
                let before = String::from_utf8_lossy(&text[..error.valid_up_to()]);
                let line = before.split('\n').count();
                let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
                let what = "this is not UTF-8".to_owned();
                return Err(Mistake { line, column, what, help: "save the file as plain text" });
            }
        };
        let mut names: HashMap<Box<[u8]>, Vec<(IpAddr, u8)>> = HashMap::new();
        let mut name: Option<Box<[u8]>> = None;
        for (index, line) in text.lines().enumerate() {
            let mut words = line.split_whitespace();
            let Some(first) = words.next().filter(|first| !first.starts_with('#')) else { continue };
            let wrong = |word: &str, what: String, help| {
                let start = word.as_ptr() as usize - line.as_ptr() as usize;
                let column = line[..start].chars().count() + 1;
                Mistake { line: index + 1, column, what: format!("{} {what}", Shown(word)), help }
            };
            let Some(second) = words.next() else {
                let wire = read_name(first).map_err(|(what, help)| wrong(first, what, help))?;
                names.entry(wire.clone()).or_default();
                name = Some(wire);
                continue;
            };
            if let Some(third) = words.next() {
                let help = "a line is a name, or an address and its weight";
                return Err(wrong(third, "is one word too many".to_owned(), help));
            }
            let address: IpAddr = first.parse().map_err(|_| {
                wrong(
                    first,
                    "is not an IP address".to_owned(),
                    "a line is a name, or an address and its weight",
                )
            })?;
            let weight = second.parse().ok().filter(|weight| *weight > 0 && !second.starts_with('+'));
            let Some(weight) = weight else {
                return Err(wrong(second, "is not a weight".to_owned(), "a weight is from 1 to 255"));
            };
            let Some(list) = name.as_ref().and_then(|name| names.get_mut(name)) else {
                let help = "write the name that it belongs to on a line before it";
                return Err(wrong(first, "is an address of no name".to_owned(), help));
            };
            list.push((address.to_canonical(), weight));
        }
        for list in names.values_mut() {
            // Stable: of equal addresses the first stays the first.
            list.sort_by_key(|(address, _)| *address);
            list.dedup_by_key(|(address, _)| *address);
        }
        Ok(Self { names })
    }

    /// How many names have weights.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Exchanges the first address of the set with one that is chosen by weight. An address without weight has 1.
    /// `random(n)` gives a number below `n`.
    pub fn put_one_first(&self, set: &mut AddressSet<'_>, random: &mut impl FnMut(u32) -> u32) {
        let mut owner = [0; NAME_LEN_MAX];
        let known = set.owner(&mut owner).and_then(|length| self.names.get(&owner[..length]));
        let known = known.map_or(&[][..], Vec::as_slice);
        let weight_at = |set: &AddressSet<'_>, index| {
            let address = set.address(index);
            let found = known.binary_search_by_key(&address, |(address, _)| *address);
            found.map_or(1, |at| u32::from(known[at].1))
        };
        let sum = (0..set.len()).map(|index| weight_at(set, index)).sum();
        let mut left = random(sum);
        for index in 0..set.len() {
            let weight = weight_at(set, index);
            if left < weight {
                set.swap(0, index);
                return;
            }
            left -= weight;
        }
    }
}

fn read_name(word: &str) -> Result<Box<[u8]>, (String, &'static str)> {
    if word.parse::<IpAddr>().is_ok() {
        return Err(("has no weight".to_owned(), "write a weight from 1 to 255 behind the address"));
    }
    match Name::from_text(word) {
        Ok(name) => Ok(name.as_wire().into()),
        Err(why) => Err((format!("is not a domain name: {why}"), "a name is written as `www.example.org`")),
    }
}

/// `LINE:COLUMN: WHAT`.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> String {
        let mistake = Weights::parse(text.as_bytes()).unwrap_err();
        format!("{mistake} | {}", mistake.help)
    }

    fn list(weights: &Weights, name: &str) -> String {
        let list = &weights.names[Name::from_text(name).unwrap().as_wire()];
        list.iter().map(|(address, weight)| format!("{address}={weight}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_text_is_read() {
        let text = "# weights\r\n\n WWW.example.org \r\n192.0.2.2\t1\n  # so far\n192.0.2.1 255\n2001:db8::1 7\n\
            api.example.org.\n192.0.2.1 2\nempty.example.org\nwww.example.org.\n192.0.2.1 9\n::ffff:192.0.2.3 4";
        let weights = Weights::parse(text.as_bytes()).unwrap();
        assert_eq!(weights.len(), 3);
        // A name that comes again goes on; an address that does keeps its first weight.
        assert_eq!(list(&weights, "www.example.org"), "192.0.2.1=255 192.0.2.2=1 192.0.2.3=4 2001:db8::1=7");
        assert_eq!(list(&weights, "api.example.org"), "192.0.2.1=2");
        assert_eq!(list(&weights, "empty.example.org"), "");
        assert_eq!(Weights::parse(b"").unwrap(), Weights::default());
    }

    #[test]
    fn a_mistake_has_its_place() {
        for (text, expected) in [
            (
                "a\n192.0.2.1",
                "2:1: `192.0.2.1` has no weight | write a weight from 1 to 255 behind the address",
            ),
            ("a\n\n  192.0.2.1   0", "3:15: `0` is not a weight | a weight is from 1 to 255"),
            ("a\n192.0.2.1 256", "2:11: `256` is not a weight | a weight is from 1 to 255"),
            ("a\n192.0.2.1 +5", "2:11: `+5` is not a weight | a weight is from 1 to 255"),
            (
                "a\n192.0.2.300 5",
                "2:1: `192.0.2.300` is not an IP address | a line is a name, or an address and its weight",
            ),
            (
                "ä\nä ö ü # 1",
                "2:5: `ü` is one word too many | a line is a name, or an address and its weight",
            ),
            (
                "192.0.2.1 5",
                "1:1: `192.0.2.1` is an address of no name | write the name that it belongs to on a line before it",
            ),
            (
                "a..b",
                "1:1: `a..b` is not a domain name: a name has no empty labels | a name is written as `www.example.org`",
            ),
        ] {
            assert_eq!(mistake(text), expected, "{text:?}");
        }
        let mistake = Weights::parse(b"a\n192.0.2.1 \xff").unwrap_err();
        assert_eq!(mistake.to_string(), "2:11: this is not UTF-8");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived(text in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = Weights::parse(&text);
        }
    }
}
