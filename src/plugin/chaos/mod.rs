#![doc = include_str!("README.md")]

mod setup;

pub use setup::setup;

use super::{Next, Plugin, Reply};
use crate::dns::{Class, Owner, Query, RecordType, Response, Section};

/// Answers the questions of class CH that people ask a server about itself.
pub struct Chaos {
    /// `version.bind.` and `version.server.`
    version: Text,
    /// `hostname.bind.` and `id.server.` (RFC 4892 §2)
    host: Text,
    /// `authors.bind.`, a record each
    authors: Box<[Text]>,
}

/// A character-string (RFC 1035 §3.3) with its length octet.
struct Text(Box<[u8]>);

impl Text {
    /// Text longer than a character-string may be is cut.
    fn new(text: &str) -> Self {
        let text = &text.as_bytes()[..text.len().min(255)];
        Self([&[text.len() as u8], text].concat().into())
    }
}

impl Plugin for Chaos {
    fn name(&self) -> &'static str {
        "chaos"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        if query.qclass() != Class::CH || query.qtype() != RecordType::TXT {
            return next.serve(query, response);
        }
        let texts = match query.name() {
            b"\x07version\x04bind\x00" | b"\x07version\x06server\x00" => std::slice::from_ref(&self.version),
            b"\x08hostname\x04bind\x00" | b"\x02id\x06server\x00" => std::slice::from_ref(&self.host),
            b"\x07authors\x04bind\x00" => &self.authors,
            _ => return next.serve(query, response),
        };
        for text in texts {
            response.record_of_class(
                Section::Answer,
                Owner::Question,
                RecordType::TXT,
                Class::CH,
                0,
                |rdata| {
                    rdata.octets(&text.0);
                },
            );
        }
        Reply::answered()
    }
}

#[cfg(test)]
mod tests;
