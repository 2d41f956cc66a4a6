//! The search list of a `resolv.conf` (resolv.conf(5)).

use crate::dns::Name;

/// As long as the list of a Pod may be; kubelet refuses more.
pub(super) const LIST_MAX: usize = 32;

/// A line whose list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadSearch {
    #[error("line {line}: `{word}` is not a domain name")]
    NotAName {
        /// Counted from 1.
        line: usize,
        word: String,
    },
    #[error("line {line}: the list has more than {LIST_MAX} elements")]
    TooLong { line: usize },
}

/// The elements of the last `search` or `domain` line; everything else in the file is of no concern here.
pub(super) fn search_list(text: &str) -> Result<Vec<Name>, BadSearch> {
    let mut list = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut words = line.split_ascii_whitespace();
        let most = match words.next() {
            Some("search") => usize::MAX,
            Some("domain") => 1,
            _ => continue,
        };
        let line = number + 1;
        // A comment may stand on the same line.
        let words = words.take_while(|word| !word.starts_with(['#', ';'])).take(most);
        list = words
            .map(|word| {
                Name::from_text(word).map_err(|_| BadSearch::NotAName { line, word: word.to_owned() })
            })
            .collect::<Result<_, _>>()?;
        if list.len() > LIST_MAX {
            return Err(BadSearch::TooLong { line });
        }
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        let list = search_list(text).map_err(|error| error.to_string())?;
        Ok(list.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_last_line_counts() {
        assert_eq!(
            read("nameserver 192.0.2.1\nsearch Bar.com baz.com.\noptions ndots:5\n").unwrap(),
            ["bar.com.", "baz.com."]
        );
        assert_eq!(read("search a b\ndomain c d\n").unwrap(), ["c."]);
        assert_eq!(read("domain c\n\tsearch\ta b # the rest\r\n").unwrap(), ["a.", "b."]);
        assert_eq!(read("search .").unwrap(), ["."]);
        assert_eq!(read("#search a\n;search b\nsearch\n").unwrap(), Vec::<String>::new());
        assert_eq!(read("").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_list_is_shown_with_its_line() {
        assert_eq!(read("search a\nsearch b a..c").unwrap_err(), "line 2: `a..c` is not a domain name");
        let long = format!("search{}", " a".repeat(33));
        assert_eq!(read(&long).unwrap_err(), "line 1: the list has more than 32 elements");
        assert_eq!(read(&long[..long.len() - 2]).unwrap().len(), 32);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in ".{0,200}") {
            let _ = read(&text);
            let _ = read(&format!("search {text}"));
        }
    }
}
