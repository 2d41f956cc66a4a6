//! `rewrite edns0 local|nsid|subnet set|append|replace|unset …`.

use super::name::metadata;
use super::words::Words;
use crate::corefile::{Diagnostic, Token};
use crate::plugin::rewrite::edns::{Action, Data, EdnsRule, OPTION_NSID, OPTION_SUBNET};

const USAGE: &str = "rewrite [continue|stop] edns0 local|nsid|subnet set|append|replace|unset …";
const LOCAL_USAGE: &str = "rewrite [continue|stop] edns0 local set|append|replace CODE DATA [revert]";
const LOCAL_UNSET_USAGE: &str = "rewrite [continue|stop] edns0 local unset CODE";
const NSID_USAGE: &str = "rewrite [continue|stop] edns0 nsid set|append|replace [revert]";
const NSID_UNSET_USAGE: &str = "rewrite [continue|stop] edns0 nsid unset";
const SUBNET_USAGE: &str = "rewrite [continue|stop] edns0 subnet set|append|replace V4BITS V6BITS [revert]";
const SUBNET_UNSET_USAGE: &str = "rewrite [continue|stop] edns0 subnet unset";

const ACTIONS: [(&str, Action); 4] = [
    ("set", Action::Set),
    ("append", Action::Append),
    ("replace", Action::Replace),
    ("unset", Action::Unset),
];

/// What a word in braces stands for.
const VARIABLES: [(&str, Data); 7] = [
    ("{qname}", Data::Name),
    ("{qtype}", Data::Type),
    ("{client_ip}", Data::ClientIp),
    ("{client_port}", Data::ClientPort),
    ("{protocol}", Data::Protocol),
    ("{server_ip}", Data::ServerIp),
    ("{server_port}", Data::ServerPort),
];

/// A query grows by as much as this, with room for the rest of its packet.
const DATA_LEN_MAX: usize = 4096;

pub(super) fn read(words: &mut Words<'_>) -> Result<EdnsRule, Diagnostic> {
    let (option, action) = (words.next(USAGE)?, words.next(USAGE)?);
    let option = in_any_case(option, &[("local", 0), ("nsid", OPTION_NSID), ("subnet", OPTION_SUBNET)])?;
    let action = in_any_case(action, &ACTIONS)?;
    let is_local = option == 0;
    if action == Action::Unset {
        let code = match option {
            0 => code(words.exactly::<1>(LOCAL_UNSET_USAGE)?[0])?,
            OPTION_NSID => words.exactly::<0>(NSID_UNSET_USAGE).map(|_| option)?,
            _ => words.exactly::<0>(SUBNET_UNSET_USAGE).map(|_| option)?,
        };
        return Ok(EdnsRule {
            action,
            code,
            data: Data::Octets(Box::default()),
            is_local,
            is_reverted: false,
        });
    }
    let is_reverted = words.rest().last().is_some_and(|last| last.text == "revert");
    if is_reverted {
        words.drop_last();
    }
    let (code, data) = match option {
        0 => {
            let [number, value] = words.exactly(LOCAL_USAGE)?;
            (code(number)?, data(value)?)
        }
        OPTION_NSID => {
            let [] = words.exactly(NSID_USAGE)?;
            (option, Data::Octets(Box::default()))
        }
        _ => {
            let [v4, v6] = words.exactly(SUBNET_USAGE)?;
            let (v4_bits, v6_bits) = (number(v4, 32)? as u8, number(v6, 128)? as u8);
            (option, Data::Subnet { v4_bits, v6_bits })
        }
    };
    Ok(EdnsRule { action, code, data, is_local, is_reverted })
}

fn code(word: &Token) -> Result<u16, Diagnostic> {
    number(word, u16::MAX)
}

/// A number as Go writes it: decimal, or behind `0x`, `0o`, `0` or `0b`.
fn number(word: &Token, max: u16) -> Result<u16, Diagnostic> {
    let text = word.text.to_ascii_lowercase();
    let (digits, radix) = match text.split_at_checked(2) {
        Some(("0x", digits)) => (digits, 16),
        Some(("0o", digits)) => (digits, 8),
        Some(("0b", digits)) => (digits, 2),
        Some(_) if text.starts_with('0') => (&text[1..], 8),
        _ => (text.as_str(), 10),
    };
    let is_digit = digits.bytes().all(|digit| digit.is_ascii_alphanumeric());
    let value = u16::from_str_radix(digits, radix).ok().filter(|value| is_digit && *value <= max);
    value.ok_or_else(|| {
        word.wrong(&format!("a number from 0 to {max}")).help("write it as `65518` or as `0xffee`")
    })
}

fn data(word: &Token) -> Result<Data, Diagnostic> {
    let text = word.text.as_str();
    if let Some(label) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        let is_label = label.find('/').is_some_and(|at| at > 0 && at < label.len() - 1);
        return if is_label { Err(metadata(word)) } else { word.one_of(&VARIABLES) };
    }
    let octets = match text.strip_prefix("0x") {
        Some(digits) => hex(digits).ok_or_else(|| {
            word.wrong("hexadecimal").help("write two digits for each octet behind `0x`, or text without it")
        })?,
        None => text.as_bytes().to_vec(),
    };
    if octets.len() > DATA_LEN_MAX {
        let error = word.wrong("the data of an option");
        return Err(error.help(format!("it has at most {DATA_LEN_MAX} octets, not {}", octets.len())));
    }
    Ok(Data::Octets(octets.into()))
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let digit = |octet: u8| char::from(octet).to_digit(16);
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| Some((digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?) as u8)).collect()
}

fn in_any_case<T: Clone>(word: &Token, choices: &[(&str, T)]) -> Result<T, Diagnostic> {
    let known = choices.iter().find(|(name, _)| word.text.eq_ignore_ascii_case(name));
    known.map_or_else(|| word.one_of(choices), |(_, choice)| Ok(choice.clone()))
}
