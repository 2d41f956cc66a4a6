//! In what two replies can differ, and which of it is left out.

use std::collections::BTreeSet;
use std::fmt;

use crate::dns::Section;

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $word:literal),* $(,)?) => {
        /// A part of a reply that can differ.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field {
            $($(#[$doc])* $name,)*
        }

        impl Field {
            /// All of them, in the order in which they are told.
            pub const ALL: &[Field] = &[$(Field::$name),*];

            /// The word for it on the command line.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $(Field::$name => $word,)*
                }
            }
        }
    };
}

fields! {
    /// One server replied and the other did not.
    NoReply = "no-reply",
    /// A message cannot be read to its end.
    Malformed = "malformed",
    /// The response code, extended bits included.
    Rcode = "rcode",
    /// The opcode.
    Opcode = "opcode",
    /// Authoritative answer
    Aa = "aa",
    /// Truncated
    Tc = "tc",
    /// Recursion desired
    Rd = "rd",
    /// Recursion available
    Ra = "ra",
    /// The reserved bit
    Z = "z",
    /// Authentic data
    Ad = "ad",
    /// Checking disabled
    Cd = "cd",
    /// How many records a truncated reply over UDP keeps.
    Cut = "cut",
    /// The question section.
    Question = "question",
    /// Records of the answer section that one reply alone has.
    Answer = "answer",
    /// Records of the authority section that one reply alone has.
    Authority = "authority",
    /// Records of the additional section that one reply alone has.
    Additional = "additional",
    /// How often the same record is there.
    Duplicates = "duplicates",
    /// TTLs of records that both have.
    Ttl = "ttl",
    /// Serials of SOA records.
    Serial = "serial",
    /// Upper and lower case of names: owners, names in RDATA, the question.
    Letters = "letters",
    /// The OPT record but for its options.
    Edns = "edns",
    /// EDNS options but for extended errors. Of a cookie only whether it is there.
    Option = "option",
    /// Extended DNS errors.
    Ede = "ede",
    /// The octets of the message.
    Size = "size",
}

/// What is not compared.
///
/// By default: serials, since two servers count for themselves; extended errors, which kubezone adds to CoreDNS's
/// answers; and sizes, which say how a server compresses names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignore(BTreeSet<Field>);

// === impl Field ===

impl Field {
    /// The field of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Field> {
        Self::ALL.iter().copied().find(|field| field.word() == word)
    }

    /// Whether it can be left out: without a whole reply of each there is nothing to compare.
    #[must_use]
    pub fn can_be_ignored(self) -> bool {
        !matches!(self, Field::NoReply | Field::Malformed)
    }

    /// The field of a section's records.
    #[must_use]
    pub fn of_section(section: Section) -> Field {
        match section {
            Section::Answer => Field::Answer,
            Section::Authority => Field::Authority,
            Section::Additional => Field::Additional,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

// === impl Ignore ===

impl Ignore {
    /// Nothing is left out.
    #[must_use]
    pub fn nothing() -> Self {
        Self(BTreeSet::new())
    }

    /// Leaves `field` out as well. The field of a section stands for everything about its records.
    #[must_use]
    pub fn and(mut self, field: Field) -> Self {
        self.0.insert(field);
        self
    }

    /// Compares `field` after all.
    #[must_use]
    pub fn but(mut self, field: Field) -> Self {
        self.0.remove(&field);
        self
    }

    /// Whether `field` is left out.
    #[must_use]
    pub fn has(&self, field: Field) -> bool {
        field.can_be_ignored() && self.0.contains(&field)
    }
}

impl Default for Ignore {
    fn default() -> Self {
        Self::nothing().and(Field::Serial).and(Field::Ede).and(Field::Size)
    }
}
