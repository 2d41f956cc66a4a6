//! Keys of server blocks: `[scheme://]zone[:port]`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::{Diagnostic, Shown, Token, suggest};
use crate::dns::{Name, NameError, reverse_zones};

/// How queries for a key arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// UDP and TCP.
    Dns,
    /// DNS over TLS (RFC 7858).
    Tls,
    /// DNS over QUIC (RFC 9250).
    Quic,
    /// DNS messages over gRPC, as CoreDNS defines them.
    Grpc,
    /// DNS over HTTPS (RFC 8484).
    Https,
    /// DNS over HTTP/3.
    Https3,
}

impl Scheme {
    const ALL: [(&'static str, Self); 6] = [
        ("dns", Self::Dns),
        ("tls", Self::Tls),
        ("quic", Self::Quic),
        ("grpc", Self::Grpc),
        ("https", Self::Https),
        ("https3", Self::Https3),
    ];

    /// The port of a key that names none. For [`Scheme::Dns`] the command line may say otherwise.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Dns => 53,
            Self::Tls | Self::Quic => 853,
            Self::Grpc | Self::Https | Self::Https3 => 443,
        }
    }

    /// The word before `://`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Quic => "quic",
            Self::Grpc => "grpc",
            Self::Https => "https",
            Self::Https3 => "https3",
        }
    }
}

/// With `://`, as in a Corefile.
impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.name())
    }
}

/// One key of a server block.
#[derive(Clone, Debug)]
pub struct Key {
    /// As typed, without a trailing comma.
    pub token: Token,
    /// [`Scheme::Dns`] when none is written.
    pub scheme: Scheme,
    /// One zone, or the reverse zones of a CIDR.
    pub zones: Vec<Name>,
    /// `None` stands for the scheme's default.
    pub port: Option<u16>,
}

impl Key {
    /// Reads a key; a zone that is odd, but is one, goes with a warning.
    pub(super) fn read(token: Token) -> Result<(Self, Option<Diagnostic>), Diagnostic> {
        let text = token.text.as_str();
        let (scheme, rest_at) = scheme(&token)?;
        let rest = &text[rest_at..];
        let (host, port) = port(&token, rest_at)?;
        let zones = zones_from_text(host).map_err(|why| {
            let error = Diagnostic::error(format!("{} is not a zone", Shown(host)));
            error.at(token.part(rest_at, rest_at + host.len())).label(why.to_string()).help(ZONE_HELP)
        })?;
        let warning = odd(host).map(|(why, help)| {
            let warning = Diagnostic::warning(format!("zone {} {why}", Shown(host)));
            warning.at(token.part(rest_at, rest_at + rest.len())).help(help)
        });
        Ok((Self { scheme, zones, port, token }, warning))
    }
}

const ZONE_HELP: &str = "a zone is a domain name (`example.org`), the root (`.`), or a CIDR (`10.0.0.0/24`)";

/// Why a text gives no zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ZoneError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("an address with a `/` is a CIDR, and this prefix length is none")]
    PrefixLength,
    #[error("an address is no zone; the CIDR of one address ends in `/32` or `/128`")]
    Address,
}

/// The zone that `text` names, or the reverse zones of the CIDR that it is; bits past the prefix do not count.
pub(super) fn zones_from_text(text: &str) -> Result<Vec<Name>, ZoneError> {
    if let Ok(net) = text.parse::<IpNet>() {
        return Ok(reverse_zones(net));
    }
    // A name may hold a slash (RFC 2317), an address before it may not.
    if text.split_once('/').is_some_and(|(address, _)| address.parse::<IpAddr>().is_ok()) {
        return Err(ZoneError::PrefixLength);
    }
    if text.contains(':') && text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Err(ZoneError::Address);
    }
    Ok(vec![Name::from_text(text)?])
}

fn scheme(token: &Token) -> Result<(Scheme, usize), Diagnostic> {
    let Some((word, _)) = token.text.split_once("://") else { return Ok((Scheme::Dns, 0)) };
    if let Some((_, scheme)) = Scheme::ALL.iter().find(|(name, _)| *name == word) {
        return Ok((*scheme, word.len() + 3));
    }
    let names = || Scheme::ALL.iter().map(|(name, _)| *name);
    let help = match suggest(word, names()) {
        Some(near) => format!("did you mean `{near}://`?"),
        None => format!(
            "schemes are {}",
            names().map(|name| format!("`{name}://`")).collect::<Vec<_>>().join(", ")
        ),
    };
    Err(Diagnostic::error(format!("unknown scheme {}", Shown(word))).at(token.part(0, word.len())).help(help))
}

/// Parts host and port. The last colon stands before a port, except in an IPv6 CIDR.
fn port(token: &Token, rest_at: usize) -> Result<(&str, Option<u16>), Diagnostic> {
    let rest = &token.text[rest_at..];
    let Some((host, digits)) = rest.rsplit_once(':') else { return Ok((rest, None)) };
    if rest.parse::<IpNet>().is_ok() {
        return Ok((rest, None));
    }
    if rest.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() || host.starts_with('[') {
        let error = Diagnostic::error(format!("{} is an address, not a zone", Shown(rest)));
        let help =
            "a reverse zone is written as a CIDR (`2001:db8::/64`); to listen on an address, use `bind`";
        return Err(error.at(token.span).help(help));
    }
    let at = token.part(rest_at + host.len() + 1, token.text.len());
    if digits.is_empty() {
        let error = Diagnostic::error(format!("no port after the colon of {}", Shown(&token.text)));
        return Err(error.at(token.span).help("leave the colon out for the default port"));
    }
    match digits.parse::<u16>() {
        Ok(port) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok((host, Some(port))),
        _ => {
            let error = Diagnostic::error(format!("{} is not a port", Shown(digits)));
            Err(error.at(at).help("a port is a number from 0 to 65535"))
        }
    }
}

/// What is odd about a zone that can be served all the same.
fn odd(host: &str) -> Option<(&'static str, &'static str)> {
    if host.parse::<Ipv4Addr>().is_ok() {
        let help = "a reverse zone is written as a CIDR (`10.0.0.1/32`); to listen on an address, use `bind`";
        return Some(("is served as a domain name, though it looks like an address", help));
    }
    if host.parse::<IpNet>().is_ok() || host.is_empty() || host == "." {
        return None;
    }
    // RFC 1035 §2.3.1 with the first letter of RFC 1123 §2.1.
    let preferred = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    let labels = host.strip_suffix('.').unwrap_or(host);
    (!labels.split('.').all(preferred)).then_some((
        "does not follow the preferred syntax of RFC 1035",
        "labels are usually made of letters, digits and inner hyphens; separate several zones by blanks",
    ))
}
