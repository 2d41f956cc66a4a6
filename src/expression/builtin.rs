//! The functions of expressions.

use super::{Scope, Type};

macro_rules! functions {
    ($($variant:ident = $name:literal,)*) => {
        /// A function by its name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Function {
            $($variant,)*
        }

        /// All of them.
        pub(super) const ALL: &[(&str, Function)] = &[$(($name, Function::$variant),)*];

        impl Function {
            pub(super) fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

functions! {
    // Of the query.
    Bufsize = "bufsize",
    Class = "class",
    ClientIp = "client_ip",
    Do = "do",
    Id = "id",
    Name = "name",
    Opcode = "opcode",
    Port = "port",
    Proto = "proto",
    ServerIp = "server_ip",
    ServerPort = "server_port",
    Size = "size",
    Type = "type",
    // Of CoreDNS.
    Group = "group",
    Incidr = "incidr",
    Metadata = "metadata",
    // Of the language.
    Abs = "abs",
    All = "all",
    Any = "any",
    Ceil = "ceil",
    Count = "count",
    Filter = "filter",
    First = "first",
    Float = "float",
    Floor = "floor",
    HasPrefix = "hasPrefix",
    HasSuffix = "hasSuffix",
    IndexOf = "indexOf",
    Int = "int",
    Join = "join",
    Last = "last",
    LastIndexOf = "lastIndexOf",
    Len = "len",
    Lower = "lower",
    Map = "map",
    Max = "max",
    Min = "min",
    None = "none",
    One = "one",
    Repeat = "repeat",
    Replace = "replace",
    Reverse = "reverse",
    Round = "round",
    Split = "split",
    String = "string",
    Trim = "trim",
    TrimPrefix = "trimPrefix",
    TrimSuffix = "trimSuffix",
    Upper = "upper",
}

/// Functions of the language that are not supported here.
pub(super) const UNSUPPORTED: [&str; 32] = [
    "bitand",
    "bitnand",
    "bitnot",
    "bitor",
    "bitshl",
    "bitshr",
    "bitushr",
    "bitxor",
    "concat",
    "date",
    "duration",
    "find",
    "findIndex",
    "findLast",
    "findLastIndex",
    "flatten",
    "fromBase64",
    "fromJSON",
    "fromPairs",
    "get",
    "groupBy",
    "keys",
    "mean",
    "median",
    "now",
    "reduce",
    "sortBy",
    "splitAfter",
    "sum",
    "toBase64",
    "toJSON",
    "uniq",
];
const UNSUPPORTED_TOO: [&str; 5] = ["sort", "take", "timezone", "toPairs", "values"];

/// Words of the language that name nothing else.
const KEYWORDS: [&str; 15] = [
    "and",
    "contains",
    "else",
    "endsWith",
    "false",
    "if",
    "in",
    "let",
    "matches",
    "nil",
    "not",
    "or",
    "startsWith",
    "true",
    "$env",
];

/// What a function takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Text,
    Int,
    Number,
    List,
    /// A text or a list.
    Many,
    /// A text or a number.
    Simple,
    Any,
    /// An expression for each element of the list before it.
    Predicate,
    /// The same, of any type.
    Mapper,
}

impl Function {
    /// What it takes, how many of that there must be, and what it gives.
    pub(super) fn signature(self) -> (&'static [Takes], usize, Type) {
        use Takes::{Any, Int, List, Many, Mapper, Number, Predicate, Simple, Text};
        match self {
            Self::Bufsize | Self::Id | Self::Opcode | Self::Size => (&[], 0, Type::Int),
            Self::Do => (&[], 0, Type::Bool),
            Self::Class
            | Self::ClientIp
            | Self::Name
            | Self::Port
            | Self::Proto
            | Self::ServerIp
            | Self::ServerPort
            | Self::Type => (&[], 0, Type::Text),
            Self::Group => (&[Simple], 1, Type::Text),
            Self::Metadata | Self::Lower | Self::Upper => (&[Text], 1, Type::Text),
            Self::Incidr | Self::HasPrefix | Self::HasSuffix => (&[Text, Text], 2, Type::Bool),
            Self::Abs => (&[Number], 1, Type::Any),
            Self::Ceil | Self::Floor | Self::Round => (&[Number], 1, Type::Float),
            Self::Int => (&[Simple], 1, Type::Int),
            Self::Float => (&[Simple], 1, Type::Float),
            Self::String => (&[Any], 1, Type::Text),
            Self::Len => (&[Many], 1, Type::Int),
            Self::Trim | Self::TrimPrefix | Self::TrimSuffix => (&[Text, Text], 1, Type::Text),
            Self::Replace => (&[Text, Text, Text, Int], 3, Type::Text),
            Self::Repeat => (&[Text, Int], 2, Type::Text),
            Self::Split => (&[Text, Text, Int], 2, Type::List(super::types::Element::Text)),
            Self::Join => (&[List, Text], 1, Type::Text),
            Self::IndexOf | Self::LastIndexOf => (&[Text, Text], 2, Type::Int),
            Self::First | Self::Last => (&[List], 1, Type::Any),
            Self::Reverse => (&[List], 1, Type::List(super::types::Element::Any)),
            Self::Max | Self::Min => (&[Number], 1, Type::Any),
            Self::All | Self::Any | Self::None | Self::One => (&[List, Predicate], 2, Type::Bool),
            Self::Count => (&[List, Predicate], 1, Type::Int),
            Self::Filter => (&[List, Predicate], 2, Type::List(super::types::Element::Any)),
            Self::Map => (&[List, Mapper], 2, Type::List(super::types::Element::Any)),
        }
    }

    /// Whether it takes as many arguments as there are.
    pub(super) fn is_variadic(self) -> bool {
        matches!(self, Self::Max | Self::Min)
    }

    /// Whether an argument at this place is evaluated for each element of the list before it.
    pub(super) fn is_predicate(self, at: usize) -> bool {
        matches!(self.signature().0.get(at), Some(Takes::Predicate | Takes::Mapper))
    }
}

/// The function of that name where it may be named.
pub(super) fn find(name: &str, scope: &Scope) -> Option<Function> {
    let found = ALL.iter().find(|(known, _)| *known == name).map(|(_, function)| *function);
    found.filter(|function| scope.has_groups || *function != Function::Group)
}

/// Whether the language has a function of that name that is not supported here.
pub(super) fn is_unsupported(name: &str) -> bool {
    UNSUPPORTED.contains(&name) || UNSUPPORTED_TOO.contains(&name)
}

/// Whether no variable may have this name: a function has it, or the language.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    ALL.iter().any(|(known, _)| *known == name) || is_unsupported(name) || KEYWORDS.contains(&name)
}
