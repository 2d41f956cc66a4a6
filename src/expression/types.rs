//! What is known of a value before a query comes.

use std::fmt;

/// The type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Not known.
    Any,
    /// `nil`
    Nil,
    /// `true` and `false`
    Bool,
    /// A whole number.
    Int,
    /// A number with a fraction.
    Float,
    /// A text.
    Text,
    /// A list of texts, or of other values, or of values not known.
    List(Element),
}

/// The values of a list: no lists of lists are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// Not known, or not all the same.
    Any,
    /// `true` and `false`
    Bool,
    /// Whole numbers.
    Int,
    /// Numbers with a fraction.
    Float,
    /// Texts.
    Text,
}

impl Type {
    /// Whether a value of this type can be a number.
    #[must_use]
    pub fn may_be_number(self) -> bool {
        matches!(self, Self::Any | Self::Int | Self::Float)
    }

    /// Whether a value of this type can be of that one.
    #[must_use]
    pub fn may_be(self, other: Type) -> bool {
        self == Self::Any
            || other == Self::Any
            || self == other
            || matches!((self, other), (Self::List(_), Self::List(_)))
    }

    /// Whether two values can be compared for being equal.
    #[must_use]
    pub fn may_equal(self, other: Type) -> bool {
        self.may_be(other)
            || (self.may_be_number() && other.may_be_number())
            || self == Self::Nil
            || other == Self::Nil
    }

    /// The values of a list.
    #[must_use]
    pub fn element(self) -> Type {
        match self {
            Self::List(element) => match element {
                Element::Any => Self::Any,
                Element::Bool => Self::Bool,
                Element::Int => Self::Int,
                Element::Float => Self::Float,
                Element::Text => Self::Text,
            },
            _ => Self::Any,
        }
    }

    /// A list of these.
    #[must_use]
    pub fn list(self) -> Type {
        Self::List(match self {
            Self::Bool => Element::Bool,
            Self::Int => Element::Int,
            Self::Float => Element::Float,
            Self::Text => Element::Text,
            Self::Any | Self::Nil | Self::List(_) => Element::Any,
        })
    }

    /// What holds values of both.
    #[must_use]
    pub fn with(self, other: Type) -> Type {
        if self == other { self } else { Self::Any }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "a value",
            Self::Nil => "nil",
            Self::Bool => "a truth value",
            Self::Int => "a whole number",
            Self::Float => "a number",
            Self::Text => "a text",
            Self::List(_) => "a list",
        })
    }
}
