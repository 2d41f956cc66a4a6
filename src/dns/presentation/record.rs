//! Owner, TTL, class and type of a record, in the orders that zone files have them.

use super::words::{Word, Words};
use super::{RecordError, field, layout};
use crate::dns::{Class, RecordType};

/// What a record without TTL has, as in CoreDNS.
pub const TTL_DEFAULT_S: u32 = 3600;

/// One record, read from text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextRecord {
    /// The owner in wire form, in the letters of the text.
    pub owner: Vec<u8>,
    /// The type.
    pub rtype: RecordType,
    /// The class.
    pub class: Class,
    /// The TTL in seconds.
    pub ttl_s: u32,
    /// The RDATA, its names not compressed.
    pub rdata: Vec<u8>,
    /// Where the record ended in the text.
    pub end: usize,
}

/// Reads the first record of `text`: its owner, then TTL and class in any order or not at all, the type, the RDATA. Names
/// without a final dot are absolute as well. Directives (`$ORIGIN`, `$INCLUDE` …) are not known.
///
/// # Errors
/// What is wrong, and where in the text.
pub fn first_record(text: &str) -> Result<TextRecord, RecordError> {
    let mut words = Words::of_first_line(text)?;
    if words.is_indented {
        let place = words.peek().map_or(0..0, |word| word.place.clone());
        return Err(RecordError::at(place, "a record begins with its owner, and not with a blank"));
    }
    let owner = words.next("a resource record")?;
    if owner.text.starts_with('$') && !owner.quoted {
        return Err(RecordError::at(owner.place, "directives are not taken here, only a record"));
    }
    let owner = field::name(&owner)?;
    let (mut ttl_s, mut class) = (None, None);
    let rtype = loop {
        let word = words.next("the type of the record")?;
        if let Some(found) = class_of(&word) {
            if class.replace(found).is_some() {
                return Err(RecordError::at(word.place, "the class stands here twice"));
            }
        } else if let Some(rtype) = type_of(&word) {
            if rtype == RecordType::OPT || (249..=255).contains(&rtype.0) {
                return Err(RecordError::at(
                    word.place,
                    format!("type {rtype} is of questions and messages, not of records"),
                ));
            }
            break rtype;
        } else if ttl_s.is_none() {
            let ttl = field::period(word.text).filter(|_| !word.quoted);
            let why = || format!("`{}` is no TTL, class or type of a record", word.text);
            ttl_s = Some(ttl.ok_or_else(|| RecordError::at(word.place.clone(), why()))?);
        } else {
            let why = format!("`{}` is no class or type of a record", word.text);
            return Err(RecordError::at(word.place, why));
        }
    };
    let rdata = layout::rdata(rtype, &mut words)?;
    if let Some(extra) = words.rest().first() {
        let why = format!("`{}` is too much for a record of type {rtype}", extra.text);
        return Err(RecordError::at(extra.place.clone(), why));
    }
    let (ttl_s, class) = (ttl_s.unwrap_or(TTL_DEFAULT_S), class.unwrap_or(Class::IN));
    Ok(TextRecord { owner, rtype, class, ttl_s, rdata, end: words.end })
}

/// Whether nothing but blanks, line ends and comments stands in a text.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    Words::of_first_line(text).is_ok_and(|words| words.peek().is_none())
}

fn class_of(word: &Word<'_>) -> Option<Class> {
    if word.quoted {
        return None;
    }
    Class::from_mnemonic(word.text)
}

fn type_of(word: &Word<'_>) -> Option<RecordType> {
    if word.quoted { None } else { RecordType::from_mnemonic(word.text) }
}
