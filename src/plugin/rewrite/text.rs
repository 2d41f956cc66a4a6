//! Names as text, which is what rules look at: `prefix`, `suffix` and `substring` know no labels, and neither do regular
//! expressions.
//!
//! Hot path. The text is made on the stack, once a query, and only where a rule needs it.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use crate::dns::write_text;

/// A name of 255 octets has at most 253 that are no length, each of up to four characters, and a dot for each label.
const TEXT_LEN_MAX: usize = 1024;

/// A name that rules are tried on.
pub(super) struct Subject<'n> {
    wire: Cow<'n, [u8]>,
    text: OnceCell<NameText>,
}

struct NameText {
    octets: [u8; TEXT_LEN_MAX],
    length: usize,
}

impl<'n> Subject<'n> {
    /// The subject of an uncompressed wire name.
    pub(super) fn new(wire: impl Into<Cow<'n, [u8]>>) -> Self {
        Self { wire: wire.into(), text: OnceCell::new() }
    }

    pub(super) fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// Presentation format, with the final dot.
    pub(super) fn text(&self) -> &str {
        self.text.get_or_init(|| NameText::of(&self.wire)).as_str()
    }
}

impl NameText {
    fn of(wire: &[u8]) -> Self {
        let mut text = Self { octets: [0; TEXT_LEN_MAX], length: 0 };
        if text.write_plain(wire).is_none() {
            text.length = 0;
            // There is room for the longest.
            let _ = write_text(wire, &mut text);
        }
        text
    }

    /// Writes a name of letters, digits, hyphens and underscores, as nearly all are; `None` when it has others.
    fn write_plain(&mut self, wire: &[u8]) -> Option<()> {
        let mut at = 0;
        loop {
            let length = usize::from(*wire.get(at)?);
            if length == 0 {
                break;
            }
            let label = wire.get(at + 1..=at + length)?;
            if !label.iter().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_')) {
                return None;
            }
            self.octets.get_mut(at..at + length)?.copy_from_slice(label);
            at += length + 1;
            *self.octets.get_mut(at - 1)? = b'.';
        }
        // The root is a dot as well.
        self.octets[0] = if at == 0 { b'.' } else { self.octets[0] };
        self.length = at.max(1);
        Some(())
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.octets[..self.length]).unwrap_or_default()
    }
}

impl fmt::Write for NameText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.octets.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// A piece of a name as CoreDNS takes it: in lower case, and with a final dot.
pub(super) fn absolute(text: &str) -> String {
    let mut text = text.to_ascii_lowercase();
    let body = text.strip_suffix('.');
    // A dot behind an odd number of `\` is a letter of a label.
    let escapes = |body: &str| body.bytes().rev().take_while(|octet| *octet == b'\\').count();
    if body.is_none_or(|body| escapes(body) % 2 == 1) {
        text.push('.');
    }
    text
}

/// `text` without `prefix`, in any case.
pub(super) fn after<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// `text` without `suffix`, in any case.
pub(super) fn before<'t>(text: &'t str, suffix: &str) -> Option<&'t str> {
    let (rest, end) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(rest)
}

/// Where `text` has `part`, in any case.
pub(super) fn find(text: &str, part: &str) -> Option<usize> {
    if part.is_empty() {
        return None;
    }
    text.as_bytes().windows(part.len()).position(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dns::{Name, wire_from_text};

    #[test]
    fn pieces_end_in_a_dot() {
        for (text, expected) in
            [("Foo", "foo."), ("foo.", "foo."), ("", "."), (".", "."), (".a", ".a."), ("a\\.", "a\\..")]
        {
            assert_eq!(absolute(text), expected, "{text}");
        }
        assert_eq!(absolute("a\\\\."), "a\\\\.");
    }

    #[test]
    fn pieces_are_found_in_any_case() {
        assert_eq!(after("WWW.example.", "www."), Some("example."));
        assert_eq!(after("ww.", "www."), None);
        assert_eq!(before("a.EXAMPLE.", ".example."), Some("a"));
        assert_eq!(find("a.SVC.b.", "svc."), Some(2));
        assert_eq!(find("a.", "longer."), None);
    }

    proptest! {
        #[test]
        fn the_text_is_that_of_the_name(labels in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 0..8)) {
            let mut wire = Vec::new();
            for label in &labels {
                wire.push(label.len() as u8);
                wire.extend_from_slice(label);
            }
            wire.push(0);
            let subject = Subject::new(&wire[..]);
            prop_assert_eq!(subject.text().to_ascii_lowercase(), Name::from_wire(&wire).unwrap().to_string());
            prop_assert_eq!(&wire_from_text(subject.text()).unwrap(), &wire);
        }
    }

    #[test]
    fn the_longest_name_has_room() {
        let mut wire = Vec::new();
        for length in [63_u8, 63, 63, 61] {
            wire.push(length);
            wire.extend(std::iter::repeat_n(0xff, usize::from(length)));
        }
        wire.push(0);
        assert_eq!(wire.len(), 255);
        assert_eq!(wire_from_text(Subject::new(&wire[..]).text()).unwrap(), wire);
    }
}
