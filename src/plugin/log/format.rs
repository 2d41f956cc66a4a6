//! The format of a line, taken apart once.

use std::fmt::{self, Write};

use super::Exchange;
use crate::dns::{Flags, LoggedName, LoggedRcode, LoggedType, Transport};
use crate::plugin::Outcome;

/// What `{common}` stands for, and a rule without format.
pub(super) const COMMON: &str = "{remote}:{port} - {>id} \"{type} {class} {name} {proto} {size} {>do} {>bufsize}\" \
                                 {rcode} {>rflags} {rsize} {duration}";

/// A sequence of texts and fields.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Format(Vec<Piece>);

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    Field(Field),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Remote,
    Port,
    Local,
    Type,
    Class,
    Name,
    Proto,
    Size,
    Duration,
    Rcode,
    ResponseSize,
    Id,
    Opcode,
    DnssecOk,
    BufferSize,
    ResponseFlags,
    Metadata,
}

const FIELDS: [(&str, Field); 16] = [
    ("remote", Field::Remote),
    ("port", Field::Port),
    ("local", Field::Local),
    ("type", Field::Type),
    ("class", Field::Class),
    ("name", Field::Name),
    ("proto", Field::Proto),
    ("size", Field::Size),
    ("duration", Field::Duration),
    ("rcode", Field::Rcode),
    ("rsize", Field::ResponseSize),
    (">id", Field::Id),
    (">opcode", Field::Opcode),
    (">do", Field::DnssecOk),
    (">bufsize", Field::BufferSize),
    (">rflags", Field::ResponseFlags),
];

impl Format {
    /// Takes a format apart. What is no field stays as it stands.
    pub(super) fn new(text: &str) -> Self {
        let combined = format!("{COMMON} \"{{>opcode}}\"");
        let text = text.replace("{common}", COMMON).replace("{combined}", &combined);
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text.as_str();
        // A field is what stands between a closing brace and the last opening one before it: `{{name}}` has one.
        while let Some((before, tail)) = rest.split_once('}') {
            match before.rsplit_once('{').and_then(|(before, word)| Some((before, field(word)?))) {
                Some((before, field)) => {
                    literal.push_str(before);
                    push_text(&mut pieces, &mut literal);
                    pieces.push(Piece::Field(field));
                }
                None => {
                    literal.push_str(before);
                    literal.push('}');
                }
            }
            rest = tail;
        }
        literal.push_str(rest);
        push_text(&mut pieces, &mut literal);
        Self(pieces)
    }

    pub(super) fn write(&self, exchange: &Exchange<'_>, out: &mut String) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                // Writing to a String does not fail.
                Piece::Field(field) => drop(field.write(exchange, out)),
            }
        }
    }
}

fn field(word: &str) -> Option<Field> {
    if word.starts_with('/') {
        return Some(Field::Metadata);
    }
    FIELDS.iter().find(|(name, _)| *name == word).map(|(_, field)| *field)
}

fn push_text(pieces: &mut Vec<Piece>, literal: &mut String) {
    if !literal.is_empty() {
        pieces.push(Piece::Text(std::mem::take(literal).into()));
    }
}

impl Field {
    fn write(self, exchange: &Exchange<'_>, out: &mut String) -> fmt::Result {
        let Exchange { query, response, outcome, elapsed } = exchange;
        let origin = query.origin();
        match self {
            Field::Remote => write_address(origin.peer.ip(), out),
            Field::Local => write_address(origin.local.ip(), out),
            Field::Port => write!(out, "{}", origin.peer.port()),
            Field::Type => write!(out, "{}", LoggedType(query.qtype())),
            Field::Class => write!(out, "{}", query.qclass()),
            Field::Name => write!(out, "{}", LoggedName(query.name())),
            Field::Proto => out.write_str(match origin.transport {
                Transport::Udp => "udp",
                Transport::Tcp => "tcp",
            }),
            Field::Size => write!(out, "{}", query.packet().len()),
            // The shortest decimal that reads back the same, as Go prints it.
            Field::Duration => write!(out, "{}s", elapsed.as_secs_f64()),
            Field::Rcode => match outcome.rcode(response) {
                Some(rcode) => write!(out, "{}", LoggedRcode(rcode)),
                None => out.write_char('-'),
            },
            Field::ResponseSize => write!(out, "{}", outcome.size(query, response)),
            Field::Id => write!(out, "{}", query.id()),
            Field::Opcode => write!(out, "{}", query.flags().opcode()),
            Field::DnssecOk => write!(out, "{}", query.edns().is_some_and(|edns| edns.dnssec_ok)),
            Field::BufferSize => write!(out, "{}", query.size_max()),
            Field::ResponseFlags => match outcome {
                Outcome::Answered => write_flags(response.flags(), out),
                // The server takes back what was written ([`Outcome::settle`]).
                Outcome::Failed(_) => write_flags(Flags(response.flags().0 & !(Flags::AA | Flags::TC)), out),
                Outcome::Dropped => out.write_char('-'),
            },
            Field::Metadata => out.write_char('-'),
        }
    }
}

/// IPv6 in brackets, since a port may follow; an IPv4 client of a dual-stack socket as the IPv4 address that it has.
fn write_address(address: std::net::IpAddr, out: &mut String) -> fmt::Result {
    match address.to_canonical() {
        std::net::IpAddr::V4(address) => write!(out, "{address}"),
        std::net::IpAddr::V6(address) => write!(out, "[{address}]"),
    }
}

fn write_flags(flags: Flags, out: &mut String) -> fmt::Result {
    /// Reserved (RFC 1035 §4.1.1)
    const Z: u16 = 0x0040;
    let names = [
        (Flags::QR, "qr"),
        (Flags::AA, "aa"),
        (Flags::TC, "tc"),
        (Flags::RD, "rd"),
        (Flags::RA, "ra"),
        (Z, "z"),
        (Flags::AD, "ad"),
        (Flags::CD, "cd"),
    ];
    let mut separator = "";
    for (_, name) in names.into_iter().filter(|(flag, _)| flags.has(*flag)) {
        write!(out, "{separator}{name}")?;
        separator = ",";
    }
    Ok(())
}
