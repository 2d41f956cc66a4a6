//! Why an upstream gave no answer, in the words that people search for: those of Go's `net` package.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::dns::{BadMessage, Failure, FailureKind, Transport};

/// One failed exchange. Displays as `read udp 10.0.0.2:41234->192.0.2.1:53: i/o timeout`.
#[derive(Debug)]
pub struct ExchangeError {
    /// What was being done.
    pub step: Step,
    /// Over what.
    pub over: Over,
    /// Our end, where there was one.
    pub local: Option<SocketAddr>,
    /// The upstream.
    pub to: SocketAddr,
    /// What went wrong.
    pub cause: Cause,
}

/// What carries an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// UDP
    Udp,
    /// TCP
    Tcp,
    /// TLS
    Tls,
    /// HTTPS
    Https,
    /// QUIC
    Quic,
}

/// The part of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Opening a connection
    Dial,
    /// Sending the query
    Write,
    /// Waiting for the reply
    Read,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// Nothing came in time.
    #[error("i/o timeout")]
    Timeout,
    /// The operating system says no.
    #[error("{}", Lowercase(.0))]
    Io(io::Error),
    /// The upstream closed the connection.
    #[error("EOF")]
    Closed,
    /// The reply is to our id, but to another question.
    #[error("the reply answers another question")]
    OtherQuestion,
    /// The reply is no whole message.
    #[error("{0}")]
    Broken(BadMessage),
    /// As many queries wait for this upstream as may.
    #[error("{0} queries wait for this upstream already")]
    Busy(usize),
}

impl ExchangeError {
    /// What becomes of the query when there is nobody else to ask.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let kind = match &self.cause {
            Cause::OtherQuestion => FailureKind::UpstreamMismatch,
            // Not a matter of load: `source_address` is none of this machine.
            Cause::Io(error) if error.raw_os_error() == Some(libc::EADDRNOTAVAIL) => {
                FailureKind::UpstreamUnreachable
            }
            _ if self.is_ours() => FailureKind::Overloaded,
            _ => FailureKind::UpstreamUnreachable,
        };
        Failure::with_detail(kind, self.to_string())
    }

    /// Whether something came all the same that only a living server sends.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        matches!(self.cause, Cause::OtherQuestion | Cause::Broken(_))
    }

    /// Whether the lack is on this side, so that the upstream's health says nothing about it.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        match &self.cause {
            Cause::Busy(_) => true,
            Cause::Io(error) => matches!(
                error.raw_os_error(),
                Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM | libc::EADDRNOTAVAIL)
            ),
            _ => false,
        }
    }
}

impl Over {
    /// As metrics and errors name it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            // The word of Go's DNS library.
            Self::Tls => "tcp-tls",
            Self::Https => "https",
            Self::Quic => "quic",
        }
    }
}

impl From<Transport> for Over {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Udp => Self::Udp,
            Transport::Tcp => Self::Tcp,
        }
    }
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (step, call) = match self.step {
            Step::Dial => ("dial", "connect"),
            Step::Write => ("write", "write"),
            Step::Read => ("read", "read"),
        };
        write!(f, "{step} {} ", self.over.label())?;
        if let Some(local) = self.local {
            write!(f, "{local}->")?;
        }
        write!(f, "{}: ", self.to)?;
        if matches!(self.cause, Cause::Io(_)) {
            write!(f, "{call}: ")?;
        }
        self.cause.fmt(f)
    }
}

impl std::error::Error for ExchangeError {}

/// `connection refused` for `Connection refused (os error 111)`.
struct Lowercase<'e>(&'e io::Error);

impl fmt::Display for Lowercase<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        let mut chars = text.chars();
        if let Some(first) = chars.next() {
            write!(f, "{}", first.to_ascii_lowercase())?;
        }
        f.write_str(chars.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(step: Step, local: Option<&str>, cause: Cause) -> ExchangeError {
        let address = |text: &str| text.parse().unwrap();
        let to = address("192.0.2.1:53");
        ExchangeError { step, over: Over::Udp, local: local.map(address), to, cause }
    }

    #[test]
    fn texts_are_those_that_people_search_for() {
        let timeout = error(Step::Read, Some("10.0.0.2:41234"), Cause::Timeout);
        assert_eq!(timeout.to_string(), "read udp 10.0.0.2:41234->192.0.2.1:53: i/o timeout");
        let refused = io::Error::from_raw_os_error(libc::ECONNREFUSED);
        let refused = error(Step::Dial, None, Cause::Io(refused));
        assert_eq!(refused.to_string(), "dial udp 192.0.2.1:53: connect: connection refused");
        assert_eq!(refused.into_failure().kind(), FailureKind::UpstreamUnreachable);
    }

    #[test]
    fn our_own_limits_are_not_the_upstreams_fault() {
        let files = error(Step::Dial, None, Cause::Io(io::Error::from_raw_os_error(libc::EMFILE)));
        assert!(files.is_ours());
        assert_eq!(files.into_failure().kind(), FailureKind::Overloaded);
        let address = error(Step::Dial, None, Cause::Io(io::Error::from_raw_os_error(libc::EADDRNOTAVAIL)));
        assert!(address.is_ours());
        assert_eq!(address.into_failure().kind(), FailureKind::UpstreamUnreachable);
        assert_eq!(error(Step::Dial, None, Cause::Busy(1)).into_failure().kind(), FailureKind::Overloaded);
        let other = error(Step::Read, None, Cause::OtherQuestion);
        assert_eq!(other.into_failure().kind(), FailureKind::UpstreamMismatch);
    }
}
