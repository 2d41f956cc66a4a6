//! `compare`: the same questions to two servers, and what differs in their replies.

use std::hash::BuildHasher;
use std::io::{IsTerminal, Read, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::arguments::CompareOptions;
use crate::compare::{self, Field, Ignore, Options, Question, Report, Summary};

/// Nothing differs.
const SAME: u8 = 0;
/// Something differs.
const DIFFERENT: u8 = 1;
/// The comparison could not be made: a mistake in what was typed, or a server that never answered.
const NOT_COMPARED: u8 = 2;

/// How often the progress is written anew.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

pub(super) fn run(options: &CompareOptions) -> ExitCode {
    match compare(options) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{}", error.trim_end());
            ExitCode::from(NOT_COMPARED)
        }
    }
}

fn compare(options: &CompareOptions) -> Result<u8, String> {
    let (a, b) = (server(&options.a)?, server(&options.b)?);
    let questions = questions(options.questions.as_deref())?;
    let total = questions.len();
    let ignore = ignore(options);
    let run_options = Options {
        concurrency: options.concurrency.into(),
        timeout: Duration::from_secs(options.timeout.into()),
        tries: options.tries.into(),
        ask_again: Options::default().ask_again.filter(|_| !options.once),
        ignore: ignore.clone(),
        seed: foldhash::quality::RandomState::default().hash_one(std::process::id()),
        ..Options::default()
    };
    let mut report =
        Report::new(&named(&options.a, a), &named(&options.b, b), &ignore, options.examples.into());
    let mut progress = Progress::new(total);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    let done = runtime.block_on(compare::run(a, b, questions, &run_options, |compared| {
        report.add(&compared);
        progress.show(&report.summary());
    }));
    progress.clear();
    let summary = done.map_err(|error| {
        format!("cannot open a socket ({error}): --concurrency {} may be too many", options.concurrency)
    })?;
    // A reader that has seen enough (`| head`) is no reason to fail in another way than by what was found.
    let _ = write!(std::io::stdout().lock(), "{report}");
    if summary.asked < total {
        eprintln!("gave up after {} of {total} questions", summary.asked);
    }
    Ok(match summary {
        _ if summary.silent().is_some() => NOT_COMPARED,
        Summary { different: 0, .. } => SAME,
        _ => DIFFERENT,
    })
}

fn ignore(options: &CompareOptions) -> Ignore {
    let compared_too =
        [(Field::Serial, options.serial), (Field::Ede, options.ede), (Field::Size, options.size)];
    let ignore = compared_too.into_iter().filter(|(_, too)| *too);
    let ignore = ignore.fold(Ignore::default(), |ignore, (field, _)| ignore.but(field));
    options.ignore.iter().fold(ignore, |ignore, field| ignore.and(*field))
}

/// The questions of a file or of standard input.
fn questions(path: Option<&str>) -> Result<Vec<Question>, String> {
    let (name, octets) = match path {
        Some(path) if path != "-" => {
            (path, std::fs::read(path).map_err(|error| format!("cannot read `{path}`: {error}"))?)
        }
        path => {
            let mut input = std::io::stdin();
            if path.is_none() && input.is_terminal() {
                return Err("no questions: give a file with one `NAME [TYPE] [CLASS] [+OPTION...]` a line, or pipe \
                            them in:\n  printf 'kubernetes.default.svc.cluster.local A\\n' | kubezone compare \
                            10.96.0.10 127.0.0.1:1053"
                    .to_owned());
            }
            let mut octets = Vec::new();
            input.read_to_end(&mut octets).map_err(|error| format!("cannot read standard input: {error}"))?;
            ("standard input", octets)
        }
    };
    let text = String::from_utf8(octets).map_err(|error| {
        let line =
            error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|octet| **octet == b'\n');
        format!(
            "{name}:{}: not UTF-8: write such octets of a name as `\\DDD`, three digits each",
            line.count() + 1
        )
    })?;
    let questions = compare::read_questions(&text).map_err(|errors| {
        let lines = errors.iter().map(|(line, error)| format!("{name}:{line}: {error}\n"));
        lines.collect::<String>()
    })?;
    if questions.is_empty() {
        return Err(format!("{name}: no question in it: one `NAME [TYPE] [CLASS] [+OPTION...]` a line"));
    }
    Ok(questions)
}

/// The address of `HOST:PORT`, `[v6]:PORT` or `HOST`.
fn server(text: &str) -> Result<SocketAddr, String> {
    let (host, port) = host_and_port(text).ok_or_else(|| {
        format!("`{text}` is no server: it is HOST:PORT, [IPv6]:PORT, or HOST alone for port 53")
    })?;
    let found =
        (host, port).to_socket_addrs().map_err(|error| format!("cannot resolve `{host}`: {error}"))?;
    found.into_iter().next().ok_or_else(|| format!("`{host}` has no address"))
}

fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let port = |text: &str| text.parse().ok().filter(|port| *port > 0);
    let (host, number) = if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        (host, if rest.is_empty() { 53 } else { port(rest.strip_prefix(':')?)? })
    } else if text.parse::<std::net::Ipv6Addr>().is_ok() {
        (text, 53)
    } else {
        match text.split_once(':') {
            Some((host, number)) => (host, port(number)?),
            None => (text, 53),
        }
    };
    (!host.is_empty()).then_some((host, number))
}

/// As typed, with the address where that says more.
fn named(text: &str, address: SocketAddr) -> String {
    let address = address.to_string();
    if text == address { address } else { format!("{text} ({address})") }
}

/// One line on a terminal's standard error, written over and over.
struct Progress {
    total: usize,
    is_shown: bool,
    next: Instant,
}

// === impl Progress ===

impl Progress {
    fn new(total: usize) -> Self {
        Self { total, is_shown: std::io::stderr().is_terminal(), next: Instant::now() + PROGRESS_EVERY }
    }

    fn show(&mut self, summary: &Summary) {
        if self.is_shown && Instant::now() >= self.next {
            eprint!("\r\x1b[K{} of {}, {} different", summary.asked, self.total, summary.different);
            self.next = Instant::now() + PROGRESS_EVERY;
        }
    }

    fn clear(&self) {
        if self.is_shown {
            eprint!("\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_host_with_or_without_a_port() {
        assert_eq!(host_and_port("127.0.0.1:5300"), Some(("127.0.0.1", 5300)));
        assert_eq!(host_and_port("10.96.0.10"), Some(("10.96.0.10", 53)));
        assert_eq!(host_and_port("dns.example:1053"), Some(("dns.example", 1053)));
        assert_eq!(host_and_port("[::1]:5300"), Some(("::1", 5300)));
        assert_eq!(host_and_port("[::1]"), Some(("::1", 53)));
        assert_eq!(host_and_port("fd00::a"), Some(("fd00::a", 53)));
        for wrong in ["", ":53", "a:", "a:0", "a:65536", "a:x", "[::1", "[a]:53", "[::1]53", "1:2:x"] {
            assert_eq!(host_and_port(wrong), None, "{wrong}");
        }
    }
}
