//! Words to values, for the set-up of plugins: each helper's error points at the word and says what would be right.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use regex::Regex;

use super::duration::{DurationError, parse_duration};
use super::key::zones_from_text;
use super::variables::empty_help;
use super::{Diagnostic, Shown, Token, suggest};
use crate::dns::Name;

/// Where to listen: `[host]:port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// `None` stands for every address, as in `:8080`.
    pub host: Option<IpAddr>,
    /// 0 stands for any free port.
    pub port: u16,
}

impl Token {
    /// A whole number within `range`.
    ///
    /// # Errors
    /// When it is none, or outside.
    pub fn integer<T: FromStr + PartialOrd + Display>(
        &self,
        range: RangeInclusive<T>,
    ) -> Result<T, Diagnostic> {
        let value = self.text.parse::<T>().ok().filter(|value| range.contains(value));
        value.ok_or_else(|| self.out_of(&range, "a whole number"))
    }

    /// A number within `range`, fractions allowed; not `NaN` or infinite.
    ///
    /// # Errors
    /// When it is none, or outside.
    pub fn float(&self, range: RangeInclusive<f64>) -> Result<f64, Diagnostic> {
        let value = self.text.parse::<f64>().ok().filter(|value| value.is_finite() && range.contains(value));
        value.ok_or_else(|| self.out_of(&range, "a number"))
    }

    /// A duration in Go's spelling, not negative.
    ///
    /// # Errors
    /// When it is none.
    pub fn duration(&self) -> Result<Duration, Diagnostic> {
        parse_duration(&self.text).map_err(|why| {
            let help = match why {
                DurationError::NoUnit => format!("write the unit, as in `{}s`", self.text),
                _ => "a duration is written `5s`, `1m30s`, `500ms` or `1h`".to_owned(),
            };
            self.wrong("a duration").label(why.to_string()).help(help)
        })
    }

    /// A duration within `range`.
    ///
    /// # Errors
    /// When it is none, or outside.
    pub fn duration_in(&self, range: RangeInclusive<Duration>) -> Result<Duration, Diagnostic> {
        let duration = self.duration()?;
        if range.contains(&duration) {
            return Ok(duration);
        }
        let help = format!("it is from {:?} to {:?} here", range.start(), range.end());
        Err(Diagnostic::error(format!("duration {} is out of range", Shown(&self.text)))
            .at(self.span)
            .help(help))
    }

    /// The zone that a name stands for, or the reverse zones of a CIDR.
    ///
    /// # Errors
    /// When it is neither.
    pub fn zones(&self) -> Result<Vec<Name>, Diagnostic> {
        let help = "a zone is a domain name (`example.org`), the root (`.`), or a CIDR (`10.0.0.0/24`)";
        if self.text.is_empty() {
            return Err(self.wrong("a zone").help(empty_help(self)));
        }
        zones_from_text(&self.text).map_err(|why| self.wrong("a zone").label(why.to_string()).help(help))
    }

    /// A domain name; a missing final dot is taken as written.
    ///
    /// # Errors
    /// When it is none.
    pub fn name(&self) -> Result<Name, Diagnostic> {
        if self.text.is_empty() {
            return Err(self.wrong("a domain name").help(empty_help(self)));
        }
        Name::from_text(&self.text).map_err(|why| self.wrong("a domain name").label(why.to_string()))
    }

    /// An IP address.
    ///
    /// # Errors
    /// When it is none.
    pub fn ip(&self) -> Result<IpAddr, Diagnostic> {
        let help = "write an address, as `192.0.2.1` or `2001:db8::1`";
        self.text.parse().map_err(|_| self.wrong("an IP address").help(help))
    }

    /// A CIDR; an address alone is the network of this one address.
    ///
    /// # Errors
    /// When it is neither.
    pub fn cidr(&self) -> Result<IpNet, Diagnostic> {
        let help = "write a network, as `10.0.0.0/8` or `2001:db8::/32`";
        let net = self.text.parse::<IpNet>().or_else(|_| self.text.parse::<IpAddr>().map(IpNet::from));
        net.map_err(|_| self.wrong("a CIDR").help(help))
    }

    /// An address with a port: `192.0.2.1:53`, `[2001:db8::1]:53`, or an address alone, with or without brackets, where
    /// a `default_port` is given.
    ///
    /// # Errors
    /// When it is none.
    pub fn socket_addr(&self, default_port: Option<u16>) -> Result<SocketAddr, Diagnostic> {
        if let Ok(address) = self.text.parse() {
            return Ok(address);
        }
        let bare = self.text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(&self.text);
        match (bare.parse::<IpAddr>(), default_port) {
            (Ok(ip), Some(port)) => Ok(SocketAddr::new(ip, port)),
            (Ok(_), None) => Err(self
                .wrong("an address with a port")
                .help("write the port after it, as in `127.0.0.1:8080`")),
            (Err(_), _) => {
                let help = "write `192.0.2.1:53` or `[2001:db8::1]:53`; a port is from 0 to 65535";
                Err(self.wrong("an address").help(help))
            }
        }
    }

    /// Where to listen: `:8080`, `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080` (which is 127.0.0.1).
    ///
    /// # Errors
    /// When it is none; names other than `localhost` are not looked up.
    pub fn listen_address(&self) -> Result<HostPort, Diagnostic> {
        if let Ok(address) = self.text.parse::<SocketAddr>() {
            return Ok(HostPort { host: Some(address.ip()), port: address.port() });
        }
        let parts = self.text.rsplit_once(':');
        let port = parts.and_then(|(_, port)| port.parse().ok());
        match (parts, port) {
            (Some(("", _)), Some(port)) => Ok(HostPort { host: None, port }),
            (Some(("localhost", _)), Some(port)) => {
                Ok(HostPort { host: Some(Ipv4Addr::LOCALHOST.into()), port })
            }
            _ => {
                let help = "write `:8080` for all addresses, or `127.0.0.1:8080`; a port is from 0 to 65535";
                Err(self.wrong("an address to listen on").help(help))
            }
        }
    }

    /// A regular expression, in the syntax that Go and Rust share (RE2's).
    ///
    /// # Errors
    /// When it is none, or too large once compiled.
    pub fn regex(&self) -> Result<Regex, Diagnostic> {
        let tell = |cause: regex::Error| {
            // The cause shows the pattern over several lines; its last one says what is wrong.
            let cause = cause.to_string();
            let cause = cause.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            let help = "the syntax is RE2's, which Go and Rust share; in quotes where it has blanks";
            self.wrong("a regular expression").label(cause).help(help)
        };
        Regex::new(&self.text).map_err(tell)
    }

    /// What the word stands for among `choices`.
    ///
    /// # Errors
    /// When it is none of them.
    pub fn one_of<T: Clone>(&self, choices: &[(&str, T)]) -> Result<T, Diagnostic> {
        match choices.iter().find(|(word, _)| *word == self.text) {
            Some((_, value)) => Ok(value.clone()),
            None => Err(Diagnostic::error(format!("unexpected {}", Shown(&self.text)))
                .at(self.span)
                .help(nearest(&self.text, || choices.iter().map(|(word, _)| *word)))),
        }
    }

    /// "`text` is not `kind`", at this word.
    #[must_use]
    pub fn wrong(&self, kind: &str) -> Diagnostic {
        Diagnostic::error(format!("{} is not {kind}", Shown(&self.text))).at(self.span)
    }

    fn out_of<T: Display>(&self, range: &RangeInclusive<T>, kind: &str) -> Diagnostic {
        let wrong = self.wrong(&format!("{kind} from {} to {}", range.start(), range.end()));
        wrong.help("write a number within that range")
    }
}

/// Help for a word that is none of `words`: the nearest, or all of them.
pub(super) fn nearest<'a, I: Iterator<Item = &'a str>>(word: &str, words: impl Fn() -> I) -> String {
    match suggest(word, words()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let all: Vec<String> = words().map(|word| format!("`{word}`")).collect();
            match all.split_last() {
                Some((last, [])) => format!("write {last}"),
                Some((last, others)) => format!("it is one of {} and {last}", others.join(", ")),
                None => "nothing is allowed here".to_owned(),
            }
        }
    }
}

impl From<HostPort> for SocketAddr {
    /// Every address becomes `[::]`, which takes IPv4 too where the socket is dual-stack.
    fn from(listen: HostPort) -> Self {
        Self::new(listen.host.unwrap_or(Ipv6Addr::UNSPECIFIED.into()), listen.port)
    }
}
