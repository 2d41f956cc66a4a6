//! The numbers of the protocol, with the names that people know them by.

use std::fmt;

/// A response code of up to twelve bits (RFC 1035 §4.1.1, RFC 6891 §6.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rcode(pub u16);

impl Rcode {
    /// No error
    pub const NOERROR: Rcode = Rcode(0);
    /// Format error
    pub const FORMERR: Rcode = Rcode(1);
    /// Server failure
    pub const SERVFAIL: Rcode = Rcode(2);
    /// Name error
    pub const NXDOMAIN: Rcode = Rcode(3);
    /// Not implemented
    pub const NOTIMP: Rcode = Rcode(4);
    /// Refused
    pub const REFUSED: Rcode = Rcode(5);
    /// EDNS version not supported (RFC 6891 §9)
    pub const BADVERS: Rcode = Rcode(16);

    /// The mnemonics that a Corefile may say, those of TSIG and TKEY among them (RFC 8945 §3, RFC 2930 §2.6); one that
    /// shares its number with another stands behind it.
    pub const KNOWN: [(&'static str, Rcode); 22] = [
        ("NOERROR", Rcode::NOERROR),
        ("FORMERR", Rcode::FORMERR),
        ("SERVFAIL", Rcode::SERVFAIL),
        ("NXDOMAIN", Rcode::NXDOMAIN),
        ("NOTIMP", Rcode::NOTIMP),
        ("REFUSED", Rcode::REFUSED),
        ("YXDOMAIN", Rcode(6)),
        ("YXRRSET", Rcode(7)),
        ("NXRRSET", Rcode(8)),
        ("NOTAUTH", Rcode(9)),
        ("NOTZONE", Rcode(10)),
        ("DSOTYPENI", Rcode(11)),
        ("BADVERS", Rcode::BADVERS),
        ("BADKEY", Rcode(17)),
        ("BADTIME", Rcode(18)),
        ("BADMODE", Rcode(19)),
        ("BADNAME", Rcode(20)),
        ("BADALG", Rcode(21)),
        ("BADTRUNC", Rcode(22)),
        ("BADCOOKIE", Rcode(23)),
        ("BADSIG", Rcode::BADVERS),
        ("NOTIMPL", Rcode::NOTIMP),
    ];

    /// The mnemonic in capitals, or `None` for a number without one that stands in the header of a message: those of
    /// TSIG and TKEY do not.
    #[must_use]
    pub fn mnemonic(self) -> Option<&'static str> {
        const OF_TSIG_AND_TKEY: std::ops::RangeInclusive<u16> = 17..=22;
        let known = Self::KNOWN.iter().find(|(_, rcode)| *rcode == self);
        known.filter(|_| !OF_TSIG_AND_TKEY.contains(&self.0)).map(|(name, _)| *name)
    }
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mnemonic() {
            Some(name) => f.write_str(name),
            None => write!(f, "RCODE{}", self.0),
        }
    }
}

/// The type of a record or of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordType(pub u16);

macro_rules! record_types {
    ($($name:ident = $number:literal),* $(,)?) => {
        impl RecordType {
            /// All types that have a mnemonic here, in the order of their numbers.
            pub const KNOWN: &'static [RecordType] = &[$(RecordType($number),)*];

            $(#[doc = concat!("`", stringify!($name), "`")] pub const $name: RecordType = RecordType($number);)*

            /// The mnemonic, or `None` for a number without one here.
            #[must_use]
            pub fn mnemonic(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }

            /// The type of that mnemonic in any case, or of `TYPE123` (RFC 3597 §5).
            #[must_use]
            pub fn from_mnemonic(text: &str) -> Option<RecordType> {
                $(if text.eq_ignore_ascii_case(stringify!($name)) { return Some(RecordType($number)); })*
                let (prefix, number) = text.split_at_checked(4)?;
                prefix.eq_ignore_ascii_case("TYPE").then(|| number.parse().ok().map(RecordType))?
            }
        }
    };
}

record_types! {
    A = 1, NS = 2, MD = 3, MF = 4, CNAME = 5, SOA = 6, MB = 7, MG = 8, MR = 9, NULL = 10, PTR = 12, HINFO = 13,
    MINFO = 14, MX = 15, TXT = 16, RP = 17, AFSDB = 18, X25 = 19, ISDN = 20, RT = 21, SIG = 24, KEY = 25, PX = 26,
    GPOS = 27, AAAA = 28, LOC = 29, NXT = 30, EID = 31, NIMLOC = 32, SRV = 33, ATMA = 34, NAPTR = 35, KX = 36, CERT = 37,
    DNAME = 39, OPT = 41, APL = 42, DS = 43, SSHFP = 44, IPSECKEY = 45, RRSIG = 46, NSEC = 47, DNSKEY = 48, DHCID = 49,
    NSEC3 = 50, NSEC3PARAM = 51, TLSA = 52, SMIMEA = 53, HIP = 55, NINFO = 56, RKEY = 57, TALINK = 58, CDS = 59,
    CDNSKEY = 60, OPENPGPKEY = 61, CSYNC = 62, ZONEMD = 63, SVCB = 64, HTTPS = 65, SPF = 99, UINFO = 100, UID = 101,
    GID = 102, UNSPEC = 103, NID = 104, L32 = 105, L64 = 106, LP = 107, EUI48 = 108, EUI64 = 109, TKEY = 249, TSIG = 250,
    IXFR = 251, AXFR = 252, MAILB = 253, MAILA = 254, ANY = 255, URI = 256, CAA = 257, AVC = 258, AMTRELAY = 260,
    RESINFO = 261, TA = 32768, DLV = 32769,
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mnemonic() {
            Some(name) => f.write_str(name),
            None => write!(f, "TYPE{}", self.0),
        }
    }
}

/// The class of a record or of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Class(pub u16);

impl Class {
    /// The Internet
    pub const IN: Class = Class(1);
    /// Chaos
    pub const CH: Class = Class(3);
    /// Any class
    pub const ANY: Class = Class(255);

    /// The classes that have a mnemonic, with it.
    pub const KNOWN: [(&'static str, Class); 6] = [
        ("IN", Class::IN),
        ("CS", Class(2)),
        ("CH", Class::CH),
        ("HS", Class(4)),
        ("NONE", Class(254)),
        ("ANY", Class::ANY),
    ];

    /// The mnemonic, or `None` for a number without one.
    #[must_use]
    pub fn mnemonic(self) -> Option<&'static str> {
        Self::KNOWN.iter().find(|(_, class)| *class == self).map(|(name, _)| *name)
    }

    /// The class of that mnemonic in any case, or of `CLASS123` (RFC 3597 §5).
    #[must_use]
    pub fn from_mnemonic(text: &str) -> Option<Class> {
        if let Some((_, class)) = Self::KNOWN.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)) {
            return Some(*class);
        }
        let (prefix, number) = text.split_at_checked(5)?;
        prefix.eq_ignore_ascii_case("CLASS").then(|| number.parse().ok().map(Class))?
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mnemonic() {
            Some(name) => f.write_str(name),
            None => write!(f, "CLASS{}", self.0),
        }
    }
}

/// The second 16 bits of a header: QR, opcode, flags, RCODE (RFC 1035 §4.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(pub u16);

impl Flags {
    /// Query (0) or response (1)
    pub const QR: u16 = 0x8000;
    /// Authoritative answer
    pub const AA: u16 = 0x0400;
    /// Truncated
    pub const TC: u16 = 0x0200;
    /// Recursion desired
    pub const RD: u16 = 0x0100;
    /// Recursion available
    pub const RA: u16 = 0x0080;
    /// Authentic data (RFC 4035)
    pub const AD: u16 = 0x0020;
    /// Checking disabled (RFC 4035)
    pub const CD: u16 = 0x0010;
    /// The bits of the opcode
    pub const OPCODE: u16 = 0x7800;

    /// Whether all bits of `mask` are set.
    #[must_use]
    pub fn has(self, mask: u16) -> bool {
        self.0 & mask == mask
    }

    /// The opcode: 0 QUERY, 4 NOTIFY, 5 UPDATE.
    #[must_use]
    pub fn opcode(self) -> u8 {
        (self.0 >> 11 & 0xf) as u8
    }

    /// The lower four bits of the response code.
    #[must_use]
    pub fn rcode(self) -> u16 {
        self.0 & 0xf
    }
}

/// Reads a number in network byte order; `None` past the end.
#[must_use]
pub fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Reads a number in network byte order; `None` past the end.
#[must_use]
pub fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_code_is_shown_by_the_first_of_its_mnemonics() {
        for (number, name) in
            [(0, "NOERROR"), (4, "NOTIMP"), (11, "DSOTYPENI"), (16, "BADVERS"), (23, "BADCOOKIE")]
        {
            assert_eq!(Rcode(number).to_string(), name);
        }
        for number in [12, 15, 17, 22, 24, 4095] {
            assert_eq!(Rcode(number).to_string(), format!("RCODE{number}"));
        }
    }

    #[test]
    fn every_class_is_read_back() {
        for (name, class) in Class::KNOWN {
            assert_eq!(Class::from_mnemonic(&name.to_ascii_lowercase()), Some(class));
            assert_eq!(class.to_string(), name);
        }
        assert_eq!(Class::from_mnemonic(&Class(7).to_string()), Some(Class(7)));
    }
}
