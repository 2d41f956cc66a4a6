//! Names, types and RCODEs as the lines of a log show them, and as expressions and templates get them: in the spelling of
//! CoreDNS's library, since people, scripts and regular expressions look for the same text.

use std::fmt;

use super::name::write_escaped;
use super::{Rcode, RecordType};

/// A name in presentation format, with the octets escaped that Go's library escapes: an apostrophe and a space are, a
/// dollar sign is not. Whatever octets a client sends, this is printable ASCII.
#[derive(Debug, Clone, Copy)]
pub struct LoggedName<'n>(
    /// The name on the wire, without pointers.
    pub &'n [u8],
);

/// A type, with the names of those that nobody asks for any more.
#[derive(Debug, Clone, Copy)]
pub struct LoggedType(
    /// The type.
    pub RecordType,
);

/// An RCODE by its name, or its bare number.
#[derive(Debug, Clone, Copy)]
pub struct LoggedRcode(
    /// The RCODE.
    pub Rcode,
);

/// What [`RecordType::mnemonic`] leaves out, as Go's library calls it.
const OLD_TYPES: [(u16, &str); 34] = [
    (0, "None"),
    (3, "MD"),
    (4, "MF"),
    (7, "MB"),
    (8, "MG"),
    (9, "MR"),
    (10, "NULL"),
    (14, "MINFO"),
    (19, "X25"),
    (20, "ISDN"),
    (21, "RT"),
    (23, "NSAP-PTR"),
    (26, "PX"),
    (27, "GPOS"),
    (30, "NXT"),
    (31, "EID"),
    (32, "NIMLOC"),
    (34, "ATMA"),
    (56, "NINFO"),
    (57, "RKEY"),
    (58, "TALINK"),
    (100, "UINFO"),
    (101, "UID"),
    (102, "GID"),
    (103, "UNSPEC"),
    (104, "NID"),
    (105, "L32"),
    (106, "L64"),
    (107, "LP"),
    (128, "NXNAME"),
    (253, "MAILB"),
    (254, "MAILA"),
    (258, "AVC"),
    (65535, "Reserved"),
];
/// The same, past the meta types.
const NEW_TYPES: [(u16, &str); 4] = [(260, "AMTRELAY"), (261, "RESINFO"), (32768, "TA"), (32769, "DLV")];

impl fmt::Display for LoggedName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_escaped(self.0, f, b". '@;()\"\\")
    }
}

impl fmt::Display for LoggedType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0.0;
        match OLD_TYPES.iter().chain(&NEW_TYPES).find(|(known, _)| *known == number) {
            Some((_, name)) if self.0.mnemonic().is_none() => f.write_str(name),
            _ => self.0.fmt(f),
        }
    }
}

impl fmt::Display for LoggedRcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.mnemonic() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dns::Name;

    /// Seen in the log of CoreDNS 1.15.0.
    #[test]
    fn a_name_is_spelled_as_in_coredns_s_log() {
        let labels = |labels: &[&[u8]]| {
            let mut wire = Vec::new();
            for label in labels {
                wire.push(label.len() as u8);
                wire.extend_from_slice(label);
            }
            wire.push(0);
            LoggedName(&wire).to_string()
        };
        assert_eq!(labels(&[]), ".");
        assert_eq!(labels(&[b"a\"b\\c", b"d.e"]), "a\\\"b\\\\c.d\\.e.");
        assert_eq!(labels(&[b"\x00\x1f !#$%&'()*+,-./:;"]), "\\000\\031\\ !#$%&\\'\\(\\)*+,-\\./:\\;.");
        assert_eq!(labels(&[b"<=>?@[]^_`{|}~\x7f\xff"]), "<=>?\\@[]^_`{|}~\\127\\255.");
        assert_eq!(LoggedName(b"\x05ab").to_string(), "");
    }

    #[test]
    fn types_and_rcodes_have_go_s_names() {
        for (number, name) in
            [(0, "None"), (1, "A"), (10, "NULL"), (255, "ANY"), (65535, "Reserved"), (65280, "TYPE65280")]
        {
            assert_eq!(LoggedType(RecordType(number)).to_string(), name);
        }
        for (number, name) in [(0, "NOERROR"), (3, "NXDOMAIN"), (12, "12"), (4095, "4095")] {
            assert_eq!(LoggedRcode(Rcode(number)).to_string(), name);
        }
    }

    proptest! {
        #[test]
        fn any_name_is_printable_and_reads_back(label in prop::collection::vec(any::<u8>(), 1..63)) {
            let mut wire = vec![label.len() as u8];
            wire.extend_from_slice(&label.to_ascii_lowercase());
            wire.push(0);
            let text = LoggedName(&wire).to_string();
            prop_assert!(text.bytes().all(|octet| matches!(octet, b' '..=b'~')), "{}", text);
            let back = Name::from_text(&text).unwrap();
            prop_assert_eq!(back.as_wire(), &wire[..]);
        }

        #[test]
        fn no_octets_are_beyond_it(wire in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = LoggedName(&wire).to_string();
        }
    }
}
