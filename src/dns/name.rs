//! Names as the wire has them: length-prefixed labels, folded to lower case, ended by the root label.

use std::fmt;

/// The longest name on the wire, root label included (RFC 1035 §3.1).
pub const NAME_LEN_MAX: usize = 255;
/// The furthest that a compression pointer reaches, of 14 bits (RFC 1035 §4.1.4).
pub(super) const POINTER_MAX: usize = 0x3fff;
/// The longest label (RFC 1035 §3.1).
pub const LABEL_LEN_MAX: usize = 63;

/// An absolute domain name in folded wire form: what configuration and the zone are keyed by.
///
/// Two spellings of one name are one value, since the letters are folded on the way in (RFC 4343). A query's own
/// spelling stays in its packet.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    wire: Box<[u8]>,
}

/// Why a text is not a domain name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Two dots in a row, or a leading dot.
    #[error("a name has no empty labels")]
    EmptyLabel,
    /// RFC 1035 §3.1 ends a label at 63 octets.
    #[error("a label has at most 63 octets")]
    LabelTooLong,
    /// RFC 1035 §3.1 ends a name at 255 octets.
    #[error("a name has at most 255 octets")]
    NameTooLong,
    /// `\` not followed by a character or by three digits up to 255 (RFC 1035 §5.1).
    #[error("`\\` stands before one character or three digits")]
    BadEscape,
}

impl Name {
    /// The root, `.`.
    #[must_use]
    pub fn root() -> Self {
        Self { wire: Box::new([0]) }
    }

    /// Reads presentation format (RFC 1035 §5.1). A missing final dot is taken as written: every name here is
    /// absolute, as in a Corefile.
    ///
    /// # Errors
    /// When a label is empty or a label or the name is too long.
    pub fn from_text(text: &str) -> Result<Self, NameError> {
        let mut wire = wire_from_text(text)?;
        // Length octets are at most 63 and letters start at 65, so that the whole name folds without label logic.
        wire.make_ascii_lowercase();
        Ok(Self { wire: wire.into_boxed_slice() })
    }

    /// Takes an uncompressed wire name, root label included, in any spelling. `None` when it is not exactly one.
    #[must_use]
    pub fn from_wire(wire: &[u8]) -> Option<Self> {
        if wire.len() > NAME_LEN_MAX || wire_len(wire)? != wire.len() {
            return None;
        }
        Some(Self { wire: wire.to_ascii_lowercase().into_boxed_slice() })
    }

    /// The folded wire form, root label included.
    #[must_use]
    pub fn as_wire(&self) -> &[u8] {
        &self.wire
    }

    /// Whether this is `.`.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.wire.len() == 1
    }

    /// The labels, leftmost first, without the root label.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.wire[..];
        std::iter::from_fn(move || {
            let length = usize::from(*rest.first()?);
            if length == 0 {
                return None;
            }
            let label = rest.get(1..=length)?;
            rest = &rest[length + 1..];
            Some(label)
        })
    }

    /// How many labels the name has, the root label not counted.
    #[must_use]
    pub fn label_count(&self) -> usize {
        self.labels().count()
    }

    /// Whether this name is `zone` or below it.
    #[must_use]
    pub fn is_within(&self, zone: &Name) -> bool {
        is_within(&self.wire, &zone.wire)
    }

    /// Whether a zone of this name holds reverse mappings: below `in-addr.arpa.` or `ip6.arpa.`, or one of the two.
    #[must_use]
    pub fn is_reverse(&self) -> bool {
        is_within(&self.wire, b"\x07in-addr\x04arpa\x00") || is_within(&self.wire, b"\x03ip6\x04arpa\x00")
    }
}

/// Whether the folded wire name `name` is `zone` or below it: a suffix that begins at a label.
#[must_use]
pub fn is_within(name: &[u8], zone: &[u8]) -> bool {
    let mut rest = name;
    while rest.len() > zone.len() {
        let step = usize::from(rest[0]) + 1;
        if step >= rest.len() {
            return false;
        }
        rest = &rest[step..];
    }
    rest == zone
}

/// The octets that the uncompressed name at the start of `wire` takes, root label included; `None` when it runs out,
/// is compressed or is too long.
#[must_use]
pub fn wire_len(wire: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let length = usize::from(*wire.get(at)?);
        if length == 0 {
            return Some(at + 1);
        }
        if length > LABEL_LEN_MAX || at + length + 2 > NAME_LEN_MAX {
            return None;
        }
        at += length + 1;
    }
}

/// Writes an uncompressed wire name in presentation format, with the final dot.
///
/// # Errors
/// Those of `out`.
pub fn write_text(wire: &[u8], out: &mut impl fmt::Write) -> fmt::Result {
    write_escaped(wire, out, b".\\\";()@$")
}

/// The same with a backslash before these octets. What is not printable ASCII, a space among it, is `\DDD` unless it is
/// one of them.
pub(super) fn write_escaped(wire: &[u8], out: &mut impl fmt::Write, escaped: &[u8]) -> fmt::Result {
    if wire.first().is_none_or(|length| *length == 0) {
        return out.write_char('.');
    }
    let mut rest = wire;
    while let Some((&length, tail)) = rest.split_first() {
        let Some((label, tail)) = tail.split_at_checked(usize::from(length)).filter(|_| length > 0) else {
            break;
        };
        for &octet in label {
            match octet {
                _ if escaped.contains(&octet) => {
                    out.write_char('\\')?;
                    out.write_char(char::from(octet))?;
                }
                0x21..=0x7e => out.write_char(char::from(octet))?,
                other => write!(out, "\\{other:03}")?,
            }
        }
        out.write_char('.')?;
        rest = tail;
    }
    Ok(())
}

/// Reads presentation format as [`Name::from_text`] does, and keeps the letters as they are written.
///
/// # Errors
/// As [`Name::from_text`].
pub fn wire_from_text(text: &str) -> Result<Vec<u8>, NameError> {
    let mut wire = Vec::with_capacity(text.len() + 2);
    wire.push(0);
    if text == "." || text.is_empty() {
        return Ok(wire);
    }
    let mut length_at = 0;
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        let octet = match byte {
            b'.' => {
                if wire.len() == length_at + 1 {
                    return Err(NameError::EmptyLabel);
                }
                if bytes.peek().is_none() {
                    break;
                }
                length_at = wire.len();
                wire.push(0);
                continue;
            }
            b'\\' => unescape(&mut bytes)?,
            other => other,
        };
        wire.push(octet);
        let length = wire.len() - length_at - 1;
        if length > LABEL_LEN_MAX {
            return Err(NameError::LabelTooLong);
        }
        wire[length_at] = length as u8;
    }
    wire.push(0);
    if wire.len() > NAME_LEN_MAX {
        return Err(NameError::NameTooLong);
    }
    Ok(wire)
}

fn unescape(bytes: &mut impl Iterator<Item = u8>) -> Result<u8, NameError> {
    let first = bytes.next().ok_or(NameError::BadEscape)?;
    if !first.is_ascii_digit() {
        return Ok(first);
    }
    let mut value = u16::from(first - b'0');
    for _ in 0..2 {
        let digit = bytes.next().filter(u8::is_ascii_digit).ok_or(NameError::BadEscape)?;
        value = value * 10 + u16::from(digit - b'0');
    }
    u8::try_from(value).map_err(|_| NameError::BadEscape)
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_text(&self.wire, f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

impl std::str::FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::from_text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_is_folded_and_made_absolute() {
        let name = Name::from_text("Cluster.LOCAL").unwrap();
        assert_eq!(name.as_wire(), b"\x07cluster\x05local\x00");
        assert_eq!(name, Name::from_text("cluster.local.").unwrap());
        assert_eq!(name.to_string(), "cluster.local.");
        assert_eq!(Name::from_text(".").unwrap(), Name::root());
    }

    #[test]
    fn rfc1035_3_1_limits() {
        assert_eq!(Name::from_text(&"a".repeat(64)), Err(NameError::LabelTooLong));
        assert!(Name::from_text(&"a".repeat(63)).is_ok());
        assert_eq!(Name::from_text(&"abc.".repeat(64)), Err(NameError::NameTooLong));
        assert_eq!(Name::from_text("a..b"), Err(NameError::EmptyLabel));
        assert_eq!(Name::from_text(".a"), Err(NameError::EmptyLabel));
        assert_eq!(Name::from_text("a\\"), Err(NameError::BadEscape));
        assert_eq!(Name::from_text("a\\999"), Err(NameError::BadEscape));
    }

    #[test]
    fn a_suffix_counts_only_at_a_label() {
        let zone = Name::from_text("local").unwrap();
        assert!(Name::from_text("cluster.local").unwrap().is_within(&zone));
        assert!(zone.is_within(&zone));
        assert!(!Name::from_text("clusterlocal").unwrap().is_within(&zone));
        assert!(zone.is_within(&Name::root()));
        assert!(Name::from_text("10.in-addr.arpa").unwrap().is_reverse());
        assert!(!Name::from_text("arpa").unwrap().is_reverse());
    }

    proptest! {
        #[test]
        fn text_and_wire_agree(labels in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 0..8)) {
            let mut wire = Vec::new();
            for label in &labels {
                wire.push(label.len() as u8);
                wire.extend_from_slice(label);
            }
            wire.push(0);
            let name = Name::from_wire(&wire).unwrap();
            prop_assert_eq!(&Name::from_text(&name.to_string()).unwrap(), &name);
            prop_assert_eq!(name.label_count(), labels.len());
        }

        #[test]
        fn any_bytes_are_a_name_or_none(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Some(length) = wire_len(&bytes) {
                prop_assert!(Name::from_wire(&bytes[..length]).is_some());
            }
        }
    }
}
