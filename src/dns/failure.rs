//! Why nobody wrote an answer: the one place where an error becomes an RCODE.

use std::fmt;

use super::{InfoCode, Rcode};

/// A query that no plugin answered. The server replies with the RCODE alone, and the `errors` plugin logs the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    kind: FailureKind,
    detail: Option<Box<str>>,
}

/// The reasons, by what whoever asked can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// No server block has a zone that holds the name: ask another server.
    NotServed,
    /// No server block takes this class: ask in class IN.
    ClassNotServed,
    /// The chain ended and nobody answered: the Corefile lacks a `forward`.
    Unhandled,
    /// A plugin has more work than it may: ask again later.
    Overloaded,
    /// No upstream answered: the upstreams or the way to them.
    UpstreamUnreachable,
    /// An upstream answered another question: the upstream.
    UpstreamMismatch,
    /// The upstream leads back to this server: the Corefile.
    Loop,
    /// Zone transfers are not given to this client.
    TransferRefused,
    /// Zone transfers are not given over UDP: ask over TCP.
    TransferOverUdp,
    /// The Corefile asks for this: nothing is wrong.
    Configured,
    /// A plugin panicked: a bug, to be reported.
    Panicked,
    /// A plugin could not do its work, for the reason in the detail.
    Plugin,
}

impl Failure {
    /// A failure that is worth no line in the log.
    #[must_use]
    pub fn new(kind: FailureKind) -> Self {
        Self { kind, detail: None }
    }

    /// A failure with what the log should say of it.
    #[must_use]
    pub fn with_detail(kind: FailureKind, detail: impl Into<Box<str>>) -> Self {
        Self { kind, detail: Some(detail.into()) }
    }

    /// The reason.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// What the log should say.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// The RCODE of the reply.
    #[must_use]
    pub fn rcode(&self) -> Rcode {
        match self.kind {
            FailureKind::NotServed
            | FailureKind::ClassNotServed
            | FailureKind::Overloaded
            | FailureKind::TransferRefused
            | FailureKind::TransferOverUdp => Rcode::REFUSED,
            FailureKind::UpstreamMismatch => Rcode::FORMERR,
            FailureKind::Unhandled
            | FailureKind::UpstreamUnreachable
            | FailureKind::Loop
            | FailureKind::Configured
            | FailureKind::Panicked
            | FailureKind::Plugin => Rcode::SERVFAIL,
        }
    }

    /// The extended error of the reply, for a client that sent EDNS: a code and a text that a person can act on. The
    /// detail stays in the log, since it may name what the client should not see.
    #[must_use]
    pub fn extended_error(&self) -> (InfoCode, &'static str) {
        match self.kind {
            FailureKind::NotServed => (InfoCode::NOT_AUTHORITATIVE, "no server block serves this name"),
            FailureKind::ClassNotServed => (InfoCode::NOT_SUPPORTED, "only class IN is served here"),
            FailureKind::Unhandled => (InfoCode::OTHER, "no plugin of the server block answers this name"),
            FailureKind::Overloaded => (InfoCode::OTHER, "too many queries at once, ask again"),
            FailureKind::UpstreamUnreachable => (InfoCode::NO_REACHABLE_AUTHORITY, "no upstream answered"),
            FailureKind::UpstreamMismatch => (InfoCode::NETWORK, "the upstream answered another question"),
            FailureKind::Loop => (InfoCode::OTHER, "the upstream leads back to this server"),
            FailureKind::TransferRefused => (InfoCode::PROHIBITED, "zone transfer is not allowed"),
            FailureKind::TransferOverUdp => (InfoCode::NOT_SUPPORTED, "zone transfers go over TCP alone"),
            FailureKind::Configured => (InfoCode::OTHER, "this server is configured to say so"),
            FailureKind::Panicked => (InfoCode::OTHER, "internal error"),
            FailureKind::Plugin => (InfoCode::OTHER, "a plugin failed, the log says why"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail().unwrap_or_else(|| self.extended_error().1))
    }
}
