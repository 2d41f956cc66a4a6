//! What came of a question: a message, or the way in which there was none.

use std::fmt;
use std::io;

use super::answer::Answer;

/// What one server made of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A message, or all messages of a transfer.
    Message(Box<Answer>),
    /// None, after all tries.
    NoReply(NoReply),
}

/// How a server stayed silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoReply {
    /// What was there instead.
    pub why: Silence,
    /// Whether a truncated reply over UDP had asked for TCP.
    pub after_truncation: bool,
}

/// What there is instead of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// Nothing in time, or nothing that belongs to the question.
    Timeout,
    /// Nobody listens.
    Refused,
    /// The connection ended.
    Closed,
    /// The network has no way there.
    Error(io::ErrorKind),
}

// === impl Reply ===

impl Reply {
    /// The message, if there is one.
    #[must_use]
    pub fn message(&self) -> Option<&Answer> {
        match self {
            Reply::Message(answer) => Some(answer),
            Reply::NoReply(_) => None,
        }
    }

    pub(super) fn silent(why: Silence) -> Self {
        Reply::NoReply(NoReply { why, after_truncation: false })
    }
}

// === impl NoReply ===

impl fmt::Display for NoReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.after_truncation {
            f.write_str("truncated over UDP, and over TCP ")?;
        }
        self.why.fmt(f)
    }
}

// === impl Silence ===

impl From<io::Error> for Silence {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Silence::Refused,
            io::ErrorKind::TimedOut => Silence::Timeout,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => Silence::Closed,
            kind => Silence::Error(kind),
        }
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Silence::Timeout => f.write_str("timed out"),
            Silence::Refused => f.write_str("connection refused"),
            Silence::Closed => f.write_str("connection closed"),
            Silence::Error(kind) => kind.fmt(f),
        }
    }
}
