//! Parameters of SVCB and HTTPS records (RFC 9460 §2.1 and §7).

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::str::FromStr;

use data_encoding::BASE64;

use super::RecordError;
use super::field::unescaped;
use super::words::Word;

const KEYS: [(&str, u16); 9] = [
    ("mandatory", MANDATORY),
    ("alpn", ALPN),
    ("no-default-alpn", NO_DEFAULT_ALPN),
    ("port", PORT),
    ("ipv4hint", IPV4_HINT),
    ("ech", ECH),
    ("ipv6hint", IPV6_HINT),
    ("dohpath", 7),
    ("ohttp", OHTTP),
];
const MANDATORY: u16 = 0;
const ALPN: u16 = 1;
const NO_DEFAULT_ALPN: u16 = 2;
const PORT: u16 = 3;
const IPV4_HINT: u16 = 4;
const ECH: u16 = 5;
const IPV6_HINT: u16 = 6;
const OHTTP: u16 = 8;

/// Appends the parameters in the order of their keys, as the wire has them.
pub(super) fn parameters(words: &[Word<'_>], out: &mut Vec<u8>) -> Result<(), RecordError> {
    let mut parameters: Vec<(u16, Vec<u8>)> = Vec::new();
    let mut rest = words;
    while let Some((word, behind)) = rest.split_first() {
        rest = behind;
        let (name, mut value) = match word.text.split_once('=') {
            Some((name, value)) => (name, Word { text: value, ..word.clone() }),
            None => (word.text, Word { text: "", ..word.clone() }),
        };
        // A value in quotes is a word of its own that follows at once.
        if let Some((quoted, behind)) = behind.split_first()
            && word.text.ends_with('=')
            && value.text.is_empty()
            && quoted.quoted
            && quoted.place.start == word.place.end
        {
            value = quoted.clone();
            rest = behind;
        }
        let number = key(name).filter(|_| !word.quoted);
        let number = number.ok_or_else(|| {
            RecordError::at(word.place.clone(), format!("`{name}` is no key of a service parameter"))
        })?;
        if parameters.iter().any(|(held, _)| *held == number) {
            return Err(RecordError::at(word.place.clone(), format!("`{name}` stands here twice")));
        }
        parameters.push((number, value_of(number, name, &value)?));
    }
    parameters.sort_unstable();
    for (number, value) in parameters {
        let length = u16::try_from(value.len())
            .map_err(|_| RecordError::at(whole(words), "a service parameter has at most 65535 octets"))?;
        out.extend(number.to_be_bytes());
        out.extend(length.to_be_bytes());
        out.extend(value);
    }
    Ok(())
}

fn key(name: &str) -> Option<u16> {
    match KEYS.iter().find(|(known, _)| *known == name) {
        Some((_, number)) => Some(*number),
        None => name.strip_prefix("key")?.parse().ok().filter(|number| *number != u16::MAX),
    }
}

fn value_of(number: u16, name: &str, value: &Word<'_>) -> Result<Vec<u8>, RecordError> {
    let wrong = || RecordError::at(value.place.clone(), format!("`{}` is no value of `{name}`", value.text));
    let list = || value.text.split(',');
    let octets: Option<Vec<u8>> = match number {
        MANDATORY => {
            let mut keys = list().map(key).collect::<Option<Vec<u16>>>().ok_or_else(wrong)?;
            keys.sort_unstable();
            Some(keys.into_iter().flat_map(u16::to_be_bytes).collect())
        }
        ALPN => alpn(&unescaped(value)?),
        NO_DEFAULT_ALPN | OHTTP => value.text.is_empty().then(Vec::new),
        PORT => value.text.parse::<u16>().ok().map(|port| port.to_be_bytes().to_vec()),
        IPV4_HINT => addresses(value.text, Ipv4Addr::octets),
        IPV6_HINT => addresses(value.text, Ipv6Addr::octets),
        ECH => BASE64.decode(value.text.as_bytes()).ok(),
        _ => Some(unescaped(value)?),
    };
    octets.ok_or_else(wrong)
}

/// Protocol names, separated by commas; a comma or a backslash within one has a backslash before it (RFC 9460 §A.1).
fn alpn(octets: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(octets.len() + 1);
    let mut name = Vec::new();
    let mut bytes = octets.iter().copied();
    loop {
        match bytes.next() {
            Some(b'\\') => name.push(bytes.next()?),
            Some(byte) if byte != b',' => name.push(byte),
            end => {
                if name.is_empty() {
                    return None;
                }
                out.push(u8::try_from(name.len()).ok()?);
                out.append(&mut name);
                if end.is_none() {
                    return Some(out);
                }
            }
        }
    }
}

/// Addresses, separated by commas.
fn addresses<T: FromStr, const N: usize>(text: &str, octets: fn(&T) -> [u8; N]) -> Option<Vec<u8>> {
    let addresses = text.split(',').map(|text| text.parse::<T>().ok()).collect::<Option<Vec<T>>>()?;
    Some(addresses.iter().flat_map(octets).collect())
}

fn whole(words: &[Word<'_>]) -> Range<usize> {
    match (words.first(), words.last()) {
        (Some(first), Some(last)) => first.place.start..last.place.end,
        _ => 0..0,
    }
}
