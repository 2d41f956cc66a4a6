//! The fields of RDATA, each from its words to its octets.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use data_encoding::{BASE32HEX_NOPAD, BASE64, HEXLOWER_PERMISSIVE};

use super::RecordError;
use super::words::{Word, Words};
use crate::dns::{RecordType, wire_from_text};

/// The longest character-string (RFC 1035 §3.3).
const TEXT_LEN_MAX: usize = 255;

/// A field of RDATA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Name,
    U8,
    U16,
    U32,
    /// Seconds, or with units as in `1h30m`.
    Period,
    Ipv4,
    Ipv6,
    /// One character-string.
    Text,
    /// Two character-strings; of one word that has a blank in it the first part is the first.
    TextPair,
    /// Character-strings up to the end, at least one.
    Texts,
    /// Octets without a length before them.
    Octets,
    /// Up to the end.
    Base64,
    /// Up to the end.
    Hex,
    /// Hexadecimal behind its length; `-` is none (RFC 5155 §3.3).
    Salt,
    /// Base 32 behind its length (RFC 5155 §3.3).
    NextHashed,
    /// One type by its mnemonic.
    Type,
    /// Types up to the end, as bitmap (RFC 4034 §4.1.2).
    Types,
    /// A DNSSEC algorithm by number or mnemonic (RFC 4034 §A.1).
    Algorithm,
    /// The type of a certificate by number or mnemonic (RFC 4398 §2.1).
    CertificateType,
    /// `YYYYMMDDHHMMSS`, or seconds since 1970 (RFC 4034 §3.2).
    Time,
    /// `00-00-5e-00-53-2a` (RFC 7043)
    Eui(usize),
    /// `0014:4fff:ff20:ee64` (RFC 6742)
    NodeId,
    /// Up to the end (RFC 9460 §2.1).
    SvcParams,
}

impl Field {
    /// Appends the octets of the field.
    pub(super) fn read(self, words: &mut Words<'_>, out: &mut Vec<u8>) -> Result<(), RecordError> {
        match self {
            Self::Name => out.extend(name(&words.next("a domain name")?)?),
            Self::U8 => out.push(number(&words.next("a number")?)?),
            Self::U16 => out.extend(number::<u16>(&words.next("a number")?)?.to_be_bytes()),
            Self::U32 => out.extend(number::<u32>(&words.next("a number")?)?.to_be_bytes()),
            Self::Period => {
                let word = words.next("a number of seconds")?;
                out.extend(bare(&word, period, "no time in seconds, as `3600` or `1h`")?.to_be_bytes());
            }
            Self::Ipv4 => {
                let word = words.next("an IPv4 address")?;
                out.extend(bare(&word, parse::<Ipv4Addr>, "no IPv4 address")?.octets());
            }
            Self::Ipv6 => {
                let word = words.next("an IPv6 address")?;
                out.extend(bare(&word, parse::<Ipv6Addr>, "no IPv6 address")?.octets());
            }
            Self::Text => text(&words.next("a text")?, out)?,
            Self::TextPair => text_pair(words, out)?,
            Self::Texts => {
                for word in words.rest() {
                    texts(word, out)?;
                }
            }
            Self::Octets => out.extend(unescaped(&words.next("a text")?)?),
            Self::Base64 => joined(words, out, "base 64", |text| BASE64.decode(text).ok())?,
            Self::Hex => joined(words, out, "hexadecimal", hex)?,
            Self::Salt => {
                let word = words.next("a salt")?;
                let salt = |text: &str| if text == "-" { Some(Vec::new()) } else { hex(text.as_bytes()) };
                with_length(&bare(&word, salt, "no salt in hexadecimal, or `-`")?, &word, out)?;
            }
            Self::NextHashed => {
                let word = words.next("a hashed owner name")?;
                let decode = |text: &str| BASE32HEX_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok();
                with_length(&bare(&word, decode, "no hashed owner name in base 32")?, &word, out)?;
            }
            Self::Type => {
                let word = words.next("a type")?;
                out.extend(bare(&word, RecordType::from_mnemonic, "no type of a record")?.0.to_be_bytes());
            }
            Self::Types => bitmap(words.rest(), out)?,
            Self::Algorithm => {
                out.push(numbered(&words.next("an algorithm")?, ALGORITHMS, "algorithm")? as u8)
            }
            Self::CertificateType => {
                let word = words.next("a type of certificates")?;
                out.extend(numbered(&word, CERTIFICATE_TYPES, "type of certificates")?.to_be_bytes());
            }
            Self::Time => {
                let word = words.next("a time")?;
                out.extend(bare(&word, time, "no time, as `20261231235959`")?.to_be_bytes());
            }
            Self::Eui(length) => {
                let word = words.next("an identifier")?;
                let read = |text: &str| grouped(text, '-', 2).filter(|octets| octets.len() == length);
                out.extend(bare(&word, read, "no identifier, as `00-00-5e-…`")?);
            }
            Self::NodeId => {
                let word = words.next("an identifier")?;
                let read = |text: &str| grouped(text, ':', 4).filter(|octets| octets.len() == 8);
                out.extend(bare(&word, read, "no identifier, as `0014:4fff:ff20:ee64`")?);
            }
            // The layout reads them, since they may be none.
            Self::SvcParams => {}
        }
        Ok(())
    }
}

const ALGORITHMS: &[(&str, u16)] = &[
    ("RSAMD5", 1),
    ("DH", 2),
    ("DSA", 3),
    ("RSASHA1", 5),
    ("DSA-NSEC3-SHA1", 6),
    ("RSASHA1-NSEC3-SHA1", 7),
    ("RSASHA256", 8),
    ("RSASHA512", 10),
    ("ECC-GOST", 12),
    ("ECDSAP256SHA256", 13),
    ("ECDSAP384SHA384", 14),
    ("ED25519", 15),
    ("ED448", 16),
    ("INDIRECT", 252),
    ("PRIVATEDNS", 253),
    ("PRIVATEOID", 254),
];

const CERTIFICATE_TYPES: &[(&str, u16)] = &[
    ("PKIX", 1),
    ("SPKI", 2),
    ("PGP", 3),
    ("IPIX", 4),
    ("ISPKI", 5),
    ("IPGP", 6),
    ("ACPKIX", 7),
    ("IACPKIX", 8),
    ("URI", 253),
    ("OID", 254),
];

/// A domain name in wire form. `@` is the origin, which is the root.
pub(super) fn name(word: &Word<'_>) -> Result<Vec<u8>, RecordError> {
    let wrong =
        |why: &str| RecordError::at(word.place.clone(), format!("`{}` is no domain name: {why}", word.text));
    if word.quoted || word.text.is_empty() {
        return Err(wrong("it stands without quotes"));
    }
    if word.text == "@" {
        return Ok(vec![0]);
    }
    wire_from_text(word.text).map_err(|why| wrong(&why.to_string()))
}

/// A time in seconds, with units or without.
pub(super) fn period(text: &str) -> Option<u32> {
    let (mut sum, mut count) = (0u64, 0u64);
    for byte in text.bytes() {
        let unit = match byte.to_ascii_lowercase() {
            digit @ b'0'..=b'9' => {
                count = count.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
                continue;
            }
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return None,
        };
        sum = sum.checked_add(count.checked_mul(unit)?)?;
        count = 0;
    }
    u32::try_from(sum.checked_add(count)?).ok().filter(|_| !text.is_empty())
}

/// `\# LENGTH HEX` (RFC 3597 §5).
pub(super) fn generic(words: &mut Words<'_>, out: &mut Vec<u8>) -> Result<(), RecordError> {
    words.next("`\\#`")?;
    let length = words.next("the length of the data")?;
    let count: u16 = number(&length)?;
    if count > 0 || words.peek().is_some() {
        joined(words, out, "hexadecimal", hex)?;
    }
    if out.len() != usize::from(count) {
        let why = format!("the data has {} octets, and not {count}", out.len());
        return Err(RecordError::at(length.place, why));
    }
    Ok(())
}

/// The octets of a word, its escapes resolved (RFC 1035 §5.1).
pub(super) fn unescaped(word: &Word<'_>) -> Result<Vec<u8>, RecordError> {
    let mut octets = Vec::with_capacity(word.text.len());
    let mut bytes = word.text.bytes();
    let wrong =
        || RecordError::at(word.place.clone(), "`\\` stands before one character or three digits up to 255");
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            octets.push(byte);
            continue;
        }
        let first = bytes.next().ok_or_else(wrong)?;
        if !first.is_ascii_digit() {
            octets.push(first);
            continue;
        }
        let digits = [Some(first), bytes.next(), bytes.next()];
        let value = digits.into_iter().try_fold(0u16, |value, digit| {
            let digit = digit.filter(u8::is_ascii_digit)?;
            Some(value * 10 + u16::from(digit - b'0'))
        });
        octets.push(value.and_then(|value| u8::try_from(value).ok()).ok_or_else(wrong)?);
    }
    Ok(octets)
}

fn number<T: FromStr>(word: &Word<'_>) -> Result<T, RecordError> {
    let bits = 8 * size_of::<T>();
    let is_plain = word.text.bytes().all(|byte| byte.is_ascii_digit());
    let why = || format!("`{}` is no number of {bits} bits", word.text);
    let value = word.text.parse().ok().filter(|_| is_plain && !word.quoted);
    value.ok_or_else(|| RecordError::at(word.place.clone(), why()))
}

fn numbered(word: &Word<'_>, names: &[(&str, u16)], what: &str) -> Result<u16, RecordError> {
    let named = names.iter().find(|(name, _)| name.eq_ignore_ascii_case(word.text) && !word.quoted);
    match named {
        Some((_, number)) => Ok(*number),
        None if what == "algorithm" => number::<u8>(word).map(u16::from),
        None => number(word),
    }
}

fn parse<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// What a word without quotes stands for.
fn bare<T>(word: &Word<'_>, read: impl Fn(&str) -> Option<T>, wrong: &str) -> Result<T, RecordError> {
    let value = read(word.text).filter(|_| !word.quoted);
    value.ok_or_else(|| RecordError::at(word.place.clone(), format!("`{}` is {wrong}", word.text)))
}

fn text(word: &Word<'_>, out: &mut Vec<u8>) -> Result<(), RecordError> {
    with_length(&unescaped(word)?, word, out)
}

fn with_length(octets: &[u8], word: &Word<'_>, out: &mut Vec<u8>) -> Result<(), RecordError> {
    let length = u8::try_from(octets.len())
        .map_err(|_| RecordError::at(word.place.clone(), "a text has at most 255 octets here"))?;
    out.push(length);
    out.extend_from_slice(octets);
    Ok(())
}

/// The character-strings of a word: one, or as many as it is long.
fn texts(word: &Word<'_>, out: &mut Vec<u8>) -> Result<(), RecordError> {
    let octets = unescaped(word)?;
    if octets.is_empty() {
        out.push(0);
    }
    for part in octets.chunks(TEXT_LEN_MAX) {
        with_length(part, word, out)?;
    }
    Ok(())
}

fn text_pair(words: &mut Words<'_>, out: &mut Vec<u8>) -> Result<(), RecordError> {
    match words.rest() {
        [one] => match one.text.split_once(' ') {
            Some((first, second)) => {
                for text in [first, second.trim_start()] {
                    with_length(&unescaped(&Word { text, ..one.clone() })?, one, out)?;
                }
                Ok(())
            }
            None => {
                text(one, out)?;
                out.push(0);
                Ok(())
            }
        },
        [first, second] => {
            text(first, out)?;
            text(second, out)
        }
        others => {
            let place = others.get(2).map_or(0..0, |word| word.place.clone());
            Err(RecordError::at(place, "there are two texts here; write those with blanks in quotes"))
        }
    }
}

/// The rest of the words as one, decoded.
fn joined(
    words: &mut Words<'_>,
    out: &mut Vec<u8>,
    what: &str,
    decode: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<(), RecordError> {
    let behind = words.place_behind();
    let rest = words.rest();
    let (Some(first), Some(last)) = (rest.first(), rest.last()) else {
        return Err(RecordError::at(behind, format!("data in {what} is missing")));
    };
    let place = first.place.start..last.place.end;
    let is_quoted = rest.iter().any(|word| word.quoted);
    let text: String = rest.iter().map(|word| word.text).collect();
    let octets = decode(text.as_bytes()).filter(|_| !is_quoted);
    out.extend(octets.ok_or_else(|| RecordError::at(place, format!("this is not {what}")))?);
    Ok(())
}

fn hex(text: &[u8]) -> Option<Vec<u8>> {
    HEXLOWER_PERMISSIVE.decode(text).ok()
}

/// Octets in hexadecimal, in groups of so many digits.
fn grouped(text: &str, separator: char, digits: usize) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    for group in text.split(separator) {
        octets.extend(hex(group.as_bytes()).filter(|_| group.len() == digits)?);
    }
    Some(octets)
}

/// Windows of 256 types, each with as many octets as it needs.
fn bitmap(words: &[Word<'_>], out: &mut Vec<u8>) -> Result<(), RecordError> {
    let mut types = Vec::with_capacity(words.len());
    for word in words {
        types.push(bare(word, RecordType::from_mnemonic, "no type of a record")?.0);
    }
    types.sort_unstable();
    for window in types.chunk_by(|one, other| one >> 8 == other >> 8) {
        let mut bits = [0u8; 32];
        for rtype in window {
            bits[usize::from(rtype & 0xff) / 8] |= 0x80 >> (rtype & 7);
        }
        let length = bits.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
        out.extend([(window[0] >> 8) as u8, length as u8]);
        out.extend_from_slice(&bits[..length]);
    }
    Ok(())
}

/// Seconds since 1970, of either form.
fn time(text: &str) -> Option<u32> {
    if text.len() != 14 {
        return text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    }
    let part = |start: usize, end: usize| text.get(start..end)?.parse::<i64>().ok().filter(|part| *part >= 0);
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    let is_time =
        (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
    // Days since 1970 of a date, counted in years that begin in March: the leap day is the last one.
    let (shifted_year, shifted_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = shifted_year / 4 - shifted_year / 100 + shifted_year / 400;
    let days = shifted_year * 365 + leaps + (shifted_month * 153 + 2) / 5 + day - 1 - 719_468;
    // Serial number arithmetic (RFC 4034 §3.1.5): what is past 2106 begins anew.
    is_time.then_some((days * 86_400 + hour * 3600 + minute * 60 + second) as u32)
}
