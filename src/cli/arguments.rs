//! What was typed: flags in Go's style (`-conf`) or with two dashes, with or without a subcommand.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::compare::Field;

/// A cluster-internal DNS server: CoreDNS's Corefile and answers, and the reason when a name does not resolve.
///
/// Without a subcommand kubezone takes CoreDNS's flags and does what CoreDNS does with them, so that an image can be
/// exchanged without a change of arguments: `kubezone -conf /etc/coredns/Corefile`.
#[derive(Parser, Debug)]
#[command(
    name = "kubezone",
    disable_version_flag = true,
    subcommand_negates_reqs = true,
    args_override_self = true
)]
struct Typed {
    #[command(flatten)]
    serve: ServeOptions,
    /// List the plugins that are built in, and exit
    #[arg(long)]
    plugins: bool,
    /// Show the version, and exit
    #[arg(long)]
    version: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Serve DNS: from a Corefile, or from manifests with everything else by default
    ///
    /// `kubezone serve --manifests config/demo` answers the names of that cluster on 127.0.0.1:1053, over UDP and TCP,
    /// and asks the resolvers of /etc/resolv.conf for all others. `--manifests -` takes what
    /// `kubectl get svc,endpointslices,ns,pods -A -o json` prints.
    Serve(ServeCommand),
    /// Check a Corefile: exit 0 when it would start, 1 with what is wrong in it
    ///
    /// Reads the Corefile and the files that it imports; no API server is asked and no port opened.
    Check(CheckOptions),
    /// List CoreDNS's plugins in the order of the chain, with what kubezone does with each
    Plugins,
    /// Print the cluster's names as a zone file, from an API server or from manifests
    ///
    /// `kubezone dump --manifests config/demo` needs nothing else; `kubezone dump --conf Corefile` uses the first
    /// `kubernetes` block of the Corefile and waits until its watch is synced.
    Dump(DumpOptions),
    /// Ask two servers the same questions, and show what differs in their replies
    ///
    /// Exit 0 when nothing differs, 1 when something does, 2 when the comparison could not be made: a mistake in what was
    /// typed, or a server that never answered.
    ///
    /// A question is a line: `NAME [TYPE] [CLASS] [+OPTION...]`, with A and IN where none is given and options as dig has
    /// them: +tcp, +notcp, +edns[=SIZE], +version=N, +do, +option=CODE[:HEX], +norec, +aa, +tc, +ra, +z, +ad, +cd,
    /// +opcode=N. A name is absolute, `\DDD` is an octet in it, and `#` or `;` begins a comment. AXFR and IXFR=SERIAL go
    /// over TCP, and so does a question again whose reply over UDP is truncated, unless it has +notcp.
    ///
    /// The records of a section are compared in any order, and how often each is there counts. Serials of SOA records,
    /// extended DNS errors and sizes of messages are not compared unless an option asks for it.
    Compare(CompareOptions),
}

/// What decides how DNS is served.
#[derive(Args, Debug, Clone, Default, PartialEq, Eq)]
pub struct ServeOptions {
    /// Corefile to load; `stdin` reads standard input [default: Corefile, or a whoami server when there is none]
    #[arg(long, value_name = "FILE")]
    pub conf: Option<String>,
    /// Port of the server blocks whose keys name none
    #[arg(long = "dns.port", short = 'p', value_name = "PORT", default_value_t = 53)]
    pub port: u16,
    /// File to write the process id to
    #[arg(long, value_name = "FILE")]
    pub pidfile: Option<PathBuf>,
    /// Form of the log: `text`, or `json` with a record a line
    #[arg(long = "log-format", value_name = "FORMAT", default_value = "text")]
    pub log_format: String,
    /// Print no start lines
    #[arg(long)]
    pub quiet: bool,
    /// Files or folders with manifests, `-` for standard input; every `kubernetes` block reads them instead of an API
    /// server
    #[arg(skip)]
    pub manifests: Vec<String>,
    /// Where to listen when there are manifests and no Corefile
    #[arg(skip)]
    pub listen: Option<SocketAddr>,
}

#[derive(Args, Debug)]
struct ServeCommand {
    #[command(flatten)]
    options: ServeOptions,
    /// File or folder with manifests, `-` for standard input; may be repeated. Every `kubernetes` block reads them
    /// instead of an API server
    #[arg(long, value_name = "PATH", num_args = 1..)]
    manifests: Vec<String>,
    /// Where to listen, without a Corefile [default: 127.0.0.1:1053]
    #[arg(long, value_name = "ADDR:PORT", requires = "manifests", conflicts_with = "conf")]
    listen: Option<SocketAddr>,
}

/// What `check` is given.
#[derive(Args, Debug, Clone, PartialEq, Eq)]
pub struct CheckOptions {
    /// The Corefile
    #[arg(value_name = "COREFILE")]
    pub corefile: PathBuf,
    /// Port of the server blocks whose keys name none
    #[arg(long = "dns.port", short = 'p', value_name = "PORT", default_value_t = 53)]
    pub port: u16,
}

/// What `dump` is given.
#[derive(Args, Debug, Clone, PartialEq, Eq)]
pub struct DumpOptions {
    /// Corefile whose first `kubernetes` block is used
    #[arg(long, value_name = "FILE", required_unless_present = "manifests")]
    pub conf: Option<PathBuf>,
    /// File or folder with manifests, `-` for standard input; may be repeated
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub manifests: Vec<String>,
    /// How long to wait for the API server, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub timeout: u64,
}

/// What `compare` is given.
#[derive(Args, Debug, Clone, PartialEq, Eq)]
pub struct CompareOptions {
    /// One server, HOST:PORT, [IPv6]:PORT or HOST: what is as it should be
    #[arg(value_name = "A")]
    pub a: String,
    /// The other server: what is to be like A
    #[arg(value_name = "B")]
    pub b: String,
    /// File with the questions, `-` for standard input [default: standard input]
    #[arg(value_name = "FILE")]
    pub questions: Option<String>,
    /// Do not compare these, by commas: rcode, opcode, aa, tc, rd, ra, z, ad, cd, cut (records kept in a truncated reply),
    /// question, answer, authority, additional, duplicates, ttl, letters (upper and lower case of names), edns, option
    #[arg(long, value_name = "FIELDS", value_delimiter = ',', value_parser = ignorable)]
    pub ignore: Vec<Field>,
    /// Compare the serials of SOA records, too
    #[arg(long)]
    pub serial: bool,
    /// Compare extended DNS errors, too
    #[arg(long)]
    pub ede: bool,
    /// Compare the sizes of messages, too
    #[arg(long)]
    pub size: bool,
    /// Count a difference at once, and do not ask again half a second later
    #[arg(long)]
    pub once: bool,
    /// How many examples of each difference are shown
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub examples: u16,
    /// How many questions are in flight at once
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub concurrency: u16,
    /// How long one try takes at most, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=600))]
    pub timeout: u16,
    /// How often a question is sent until there is a reply
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub tries: u8,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arguments {
    /// Serve DNS.
    Serve(ServeOptions),
    /// Check a Corefile.
    Check(CheckOptions),
    /// List the plugins.
    Plugins(PluginsStyle),
    /// Print the zone.
    Dump(DumpOptions),
    /// Compare two servers.
    Compare(CompareOptions),
    /// Print the version.
    Version,
}

/// How the plugins are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginsStyle {
    /// As CoreDNS does for `-plugins`: names for scripts.
    Names,
    /// With what each is for.
    Table,
}

/// Reads a command line, the program's name first.
///
/// # Errors
/// With what is wrong, or with the help that was asked for.
pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Arguments, clap::Error> {
    let typed =
        Typed::try_parse_from(arguments.into_iter().flat_map(with_two_dashes)).map_err(without_positional)?;
    Ok(match typed.command {
        None if typed.version => Arguments::Version,
        None if typed.plugins => Arguments::Plugins(PluginsStyle::Names),
        None => Arguments::Serve(typed.serve),
        Some(Command::Serve(serve)) => Arguments::Serve(ServeOptions {
            manifests: serve.manifests,
            listen: serve.listen,
            ..serve.options
        }),
        Some(Command::Check(options)) => Arguments::Check(options),
        Some(Command::Plugins) => Arguments::Plugins(PluginsStyle::Table),
        Some(Command::Dump(options)) => Arguments::Dump(options),
        Some(Command::Compare(options)) => Arguments::Compare(options),
    })
}

/// The exit code of a mistake on the command line, as CoreDNS has them: 2 for a flag that is none or lacks its value, 1 for
/// a word that is no flag, and for a port that is none. `compare` keeps 1 for a difference.
pub(super) fn usage_code(error: &clap::Error) -> u8 {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    let is_port = matches!(error.get(ContextKind::InvalidArg),
        Some(ContextValue::String(argument)) if argument.contains("dns.port"));
    match error.kind() {
        ErrorKind::InvalidSubcommand => 1,
        // A value that lacks is an `InvalidValue`.
        ErrorKind::ValueValidation if is_port => 1,
        _ => 2,
    }
}

/// A field that may be left out of a comparison.
fn ignorable(word: &str) -> Result<Field, String> {
    Field::from_word(word).filter(|field| field.can_be_ignored()).ok_or_else(|| {
        let words = Field::ALL.iter().filter(|field| field.can_be_ignored()).map(|field| field.word());
        format!("the fields are {}", words.collect::<Vec<_>>().join(", "))
    })
}

/// The flags that are there or not: Go takes a value with them, too (`-quiet=false`).
const SWITCHES: [&str; 3] = ["quiet", "plugins", "version"];

/// Go takes one dash or two before a flag, a single letter included: `-conf` is `--conf`, and `--p` is `-p`.
fn with_two_dashes(argument: String) -> Option<String> {
    let Some(flag) = argument.strip_prefix('-') else { return Some(argument) };
    let flag = flag.strip_prefix('-').unwrap_or(flag);
    let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
    match value {
        Some("1" | "t" | "T" | "TRUE" | "true" | "True") if SWITCHES.contains(&name) => {
            return Some(format!("--{name}"));
        }
        Some("0" | "f" | "F" | "FALSE" | "false" | "False") if SWITCHES.contains(&name) => return None,
        _ => {}
    }
    Some(match name.len() {
        1 if name.starts_with(|letter: char| letter.is_ascii_alphabetic()) => format!("-{flag}"),
        2.. if name.starts_with(|letter: char| letter.is_ascii_alphabetic()) => format!("--{flag}"),
        _ => argument,
    })
}

/// CoreDNS's words for an argument that is no flag, with ours behind them.
fn without_positional(error: clap::Error) -> clap::Error {
    if error.kind() != clap::error::ErrorKind::InvalidSubcommand {
        return error;
    }
    let word = match error.get(clap::error::ContextKind::InvalidSubcommand) {
        Some(clap::error::ContextValue::String(word)) => word.clone(),
        _ => String::new(),
    };
    let text = format!(
        "extra command line arguments: `{word}` is no subcommand; a Corefile is given with `-conf {word}`, and the \
         subcommands are serve, check, plugins, dump and compare"
    );
    Typed::command().error(clap::error::ErrorKind::InvalidSubcommand, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Result<Arguments, clap::Error> {
        parse(std::iter::once("kubezone").chain(line.split_whitespace()).map(str::to_owned))
    }

    fn serve(line: &str) -> ServeOptions {
        match arguments(line) {
            Ok(Arguments::Serve(options)) => options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn coredns_flags_need_no_change() {
        assert_eq!(serve("-conf /etc/coredns/Corefile").conf.as_deref(), Some("/etc/coredns/Corefile"));
        assert_eq!(serve("--conf=stdin").conf.as_deref(), Some("stdin"));
        assert_eq!(serve("-conf=a").conf.as_deref(), Some("a"));
        assert_eq!(serve("-dns.port=1053").port, 1053);
        assert_eq!(serve("-p 1053 -quiet").port, 1053);
        assert!(serve("-quiet").quiet);
        assert_eq!(serve("").port, 53);
        assert_eq!(serve("").log_format, "text");
        assert_eq!(serve("-log-format=json").log_format, "json");
        assert_eq!(serve("serve --log-format json").log_format, "json");
        assert_eq!(serve("-pidfile /run/pid").pidfile, Some("/run/pid".into()));
        assert_eq!(serve("--p 1053").port, 1053);
        assert_eq!(serve("-p=1053").port, 1053);
        assert_eq!(
            serve("-conf a -p 1 -conf b -dns.port 2").conf.as_deref(),
            Some("b"),
            "the last one counts"
        );
        assert_eq!(serve("-conf a -p 1 -conf b -dns.port 2").port, 2);
        assert!(serve("-quiet=true").quiet);
        assert!(!serve("-quiet=false -version=0").quiet);
        assert_eq!(arguments("-version").unwrap(), Arguments::Version);
        assert_eq!(arguments("-plugins").unwrap(), Arguments::Plugins(PluginsStyle::Names));
    }

    #[test]
    fn serve_takes_manifests_and_where_to_listen() {
        let options = serve("serve --manifests config/demo other.yaml --listen 127.0.0.2:5300");
        assert_eq!(options.manifests, ["config/demo", "other.yaml"]);
        assert_eq!(options.listen, Some("127.0.0.2:5300".parse().unwrap()));
        assert_eq!(serve("serve --manifests -").manifests, ["-"]);
        assert!(arguments("serve --listen 127.0.0.1:53").is_err());
        assert!(arguments("serve --conf a --manifests b --listen 127.0.0.1:53").is_err());
    }

    #[test]
    fn a_word_that_is_no_flag_is_told_what_it_may_have_meant() {
        let error = arguments("Corefile").unwrap_err().to_string();
        assert!(error.contains("extra command line arguments"), "{error}");
        assert!(error.contains("-conf Corefile"), "{error}");
    }

    #[test]
    fn mistakes_have_the_exit_codes_of_coredns() {
        for (line, code) in [
            ("-nosuch", 2),
            ("-conf", 2),
            ("-p", 2),
            ("-quiet=perhaps", 2),
            ("-p 99999", 1),
            ("-dns.port x", 1),
            ("Corefile", 1),
            ("-conf a Corefile", 1),
            ("compare", 2),
            ("compare a b c d", 2),
        ] {
            assert_eq!(usage_code(&arguments(line).unwrap_err()), code, "{line}");
        }
    }

    #[test]
    fn clap_finds_no_mistake_in_the_declaration() {
        Typed::command().debug_assert();
    }
}
