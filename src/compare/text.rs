//! Octets as text and back: what a zone file writes and `dns` does not need.

use std::fmt::Write;

use crate::dns::{Class, write_text};

/// The class of that mnemonic in any case, or of `CLASS123` (RFC 3597 §5).
pub(super) fn class_from_word(word: &str) -> Option<Class> {
    const NAMES: [(&str, u16); 5] = [("IN", 1), ("CH", 3), ("HS", 4), ("NONE", 254), ("ANY", 255)];
    if let Some((_, number)) = NAMES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)) {
        return Some(Class(*number));
    }
    let (prefix, number) = word.split_at_checked(5)?;
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    (digits && prefix.eq_ignore_ascii_case("CLASS")).then(|| number.parse().ok().map(Class))?
}

/// The name in presentation format, with the final dot.
pub(super) fn name_text(wire: &[u8]) -> String {
    let mut text = String::with_capacity(wire.len() + 8);
    let _ = write_text(wire, &mut text);
    text
}

pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::with_capacity(octets.len() * 2), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

pub(super) fn octets_from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).map(|value| value as u8)).collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// RFC 4648 §4, in which a zone file has keys and signatures.
pub(super) fn base64(octets: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(octets.len().div_ceil(3) * 4);
    for chunk in octets.chunks(3) {
        let group = [chunk[0], *chunk.get(1).unwrap_or(&0), *chunk.get(2).unwrap_or(&0)];
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

/// A character-string in quotes (RFC 1035 §5.1): safe for a terminal, whatever the octets are.
pub(super) fn quoted(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() + 2);
    text.push('"');
    for &octet in octets {
        match octet {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(char::from(octet));
            }
            0x20..=0x7e => text.push(char::from(octet)),
            other => {
                let _ = write!(text, "\\{other:03}");
            }
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc4648_10_test_vectors() {
        let encoded: Vec<_> = ["", "f", "fo", "foo", "foob", "fooba", "foobar"]
            .iter()
            .map(|text| base64(text.as_bytes()))
            .collect();
        assert_eq!(encoded, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }

    #[test]
    fn hexadecimal_there_and_back() {
        assert_eq!(hex(&[0, 0xaf, 9]), "00af09");
        assert_eq!(octets_from_hex("00AF09"), Some(vec![0, 0xaf, 9]));
        assert_eq!(octets_from_hex(""), Some(Vec::new()));
        assert_eq!(octets_from_hex("0"), None);
        assert_eq!(octets_from_hex("0g"), None);
        assert_eq!(octets_from_hex("é0"), None);
    }

    #[test]
    fn classes_have_mnemonics_and_numbers() {
        assert_eq!(class_from_word("ch"), Some(Class::CH));
        assert_eq!(class_from_word("class65280"), Some(Class(65280)));
        assert_eq!(class_from_word("CLASS65536"), None);
        assert_eq!(class_from_word("CLASS+1"), None);
        assert_eq!(class_from_word("TYPE1"), None);
    }

    #[test]
    fn no_octet_reaches_the_terminal_as_a_control() {
        let all: Vec<u8> = (0..=255).collect();
        assert!(quoted(&all).bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
        assert_eq!(quoted(b"a\"b\\\x1b"), r#""a\"b\\\027""#);
    }
}
