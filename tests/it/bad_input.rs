//! What a person can type wrong, plugin by plugin: each mistake is shown with file, line, column and the word itself, and with
//! what would be right.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use kubezone::app::{Defaults, Numbers, Plan, Source};
use kubezone::cluster::NoObserver;
use kubezone::plugin::Process;
use kubezone::plugin::table::{self, PLUGINS, Status};
use kubezone::telemetry::metrics::Registry;
use tokio::runtime::Handle;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mistake {
    /// Too few words, or too many.
    Arity,
    /// A property that there is none of.
    Unknown,
    /// A duration that is none, or has no unit.
    Duration,
    /// A number that is none, or out of range.
    Number,
    /// An address or a network that is none.
    Address,
    /// A zone or a name that is none.
    Name,
    /// A regular expression that is none.
    Regex,
    /// A word that is none of those that there are.
    Word,
    /// A file that cannot be read.
    File,
    /// A directive that stands once, twice.
    Twice,
}

use Mistake::{Address, Arity, Duration, File, Name, Number, Regex, Twice, Unknown, Word};

/// The lines of a server block, the offending words between `«` and `»`.
const MISTAKES: &[(Mistake, &str)] = &[
    (Arity, "acl {\n block «type» net *\n}"),
    (Unknown, "acl {\n «deny» net *\n}"),
    (Address, "acl {\n block net «10.0.0.0/33»\n}"),
    (Address, "acl {\n block net 10.0.0.0/8 «10.0.0.300»\n}"),
    (Word, "acl {\n block type «AAAAA»\n}"),
    (Name, "acl «a..b» {\n block\n}"),
    (Arity, "any «now»"),
    (Unknown, "«any» {\n}"),
    (Twice, "any\n«any»"),
    (Arity, "«autopath»"),
    (Unknown, "«autopath /etc/resolv.conf» {\n}"),
    (Word, "autopath «@nosuch»"),
    (File, "autopath «/nonexistent/resolv.conf»"),
    (Name, "autopath «a..b» /etc/hosts"),
    (Twice, "autopath /etc/resolv.conf\n«autopath» /etc/resolv.conf"),
    (Arity, "«bind»"),
    (Arity, "bind 127.0.0.1 {\n «except»\n}"),
    (Unknown, "bind 127.0.0.1 {\n «exept» ::1\n}"),
    (Address, "bind «127.0.0.300»"),
    (Address, "bind 127.0.0.1 {\n except «127.0.0.1:53»\n}"),
    (Arity, "bufsize 512 «513»"),
    (Unknown, "«bufsize» {\n}"),
    (Number, "bufsize «511»"),
    (Number, "bufsize «4097»"),
    (Number, "bufsize «big»"),
    (Twice, "bufsize\n«bufsize»"),
    (Arity, "cache {\n «success»\n}"),
    (Arity, "cache {\n keepttl «5»\n}"),
    (Unknown, "cache {\n «sucess» 5\n}"),
    (Number, "cache {\n success «many»\n}"),
    (Number, "cache {\n denial 100 «-1»\n}"),
    (Number, "cache {\n prefetch 1 1m «95%»\n}"),
    (Duration, "cache {\n servfail «5»\n}"),
    (Duration, "cache {\n servfail «6m»\n}"),
    (Duration, "cache {\n serve_stale «long»\n}"),
    (Word, "cache {\n disable «succes»\n}"),
    (Name, "cache 30 «a..b»"),
    (Twice, "cache\n«cache»"),
    (Unknown, "«chaos» {\n}"),
    (Twice, "chaos\n«chaos»"),
    (Arity, "debug «now»"),
    (Unknown, "«debug» {\n}"),
    (Arity, "errors {\n «consolidate 5m»\n}"),
    (Unknown, "errors {\n «consolidat» 5m .*\n}"),
    (Duration, "errors {\n consolidate «5» .*\n}"),
    (Regex, "errors {\n consolidate 5m «\"(\"»\n}"),
    (Word, "errors {\n consolidate 5m .* «loud»\n}"),
    (Twice, "errors\n«errors»"),
    (Arity, "«forward .»"),
    (Arity, "forward . 192.0.2.1 {\n force_tcp «now»\n}"),
    (Arity, "forward . 192.0.2.1 {\n «max_fails»\n}"),
    (Unknown, "forward . 192.0.2.1 {\n «force-tcp»\n}"),
    (Number, "forward . 192.0.2.1 {\n max_fails «-1»\n}"),
    (Number, "forward . 192.0.2.1 {\n max_concurrent «many»\n}"),
    (Number, "forward . «192.0.2.1:99999»"),
    (Duration, "forward . 192.0.2.1 {\n expire «10»\n}"),
    (Duration, "forward . 192.0.2.1 {\n read_timeout «soon»\n}"),
    (Address, "forward . 192.0.2.1 {\n source_address «192.0.2.300»\n}"),
    (Word, "forward . 192.0.2.1 {\n policy «randm»\n}"),
    (Word, "forward . 192.0.2.1 {\n failover «NOSUCH»\n}"),
    (Name, "forward «a..b» 192.0.2.1"),
    (Name, "forward . 192.0.2.1 {\n except «a..b»\n}"),
    (File, "forward . «/nonexistent/resolv.conf»"),
    (Arity, "header {\n «response set»\n}"),
    (Unknown, "header {\n «answer» set aa\n}"),
    (Word, "header {\n response «put» aa\n}"),
    (Word, "header {\n response set «zz»\n}"),
    (Twice, "header {\n response set aa\n}\n«header» {\n response set aa\n}"),
    (Arity, "health :8080 «:8081»"),
    (Arity, "health {\n «lameduck»\n}"),
    (Unknown, "health {\n «lame» 5s\n}"),
    (Duration, "health {\n lameduck «5»\n}"),
    (Address, "health «8080»"),
    (Address, "health «:99999»"),
    (Twice, "health\n«health»"),
    (Arity, "hosts {\n «ttl»\n}"),
    (Arity, "hosts {\n no_reverse «now»\n}"),
    (Unknown, "hosts {\n «tll» 5\n}"),
    (Number, "hosts {\n ttl «0»\n}"),
    (Number, "hosts {\n ttl «65536»\n}"),
    (Duration, "hosts {\n reload «5»\n}"),
    (Name, "hosts /etc/hosts «a..b»"),
    (Twice, "hosts\n«hosts»"),
    (Arity, "kubernetes\nk8s_external a. {\n «apex»\n}"),
    (Unknown, "kubernetes\nk8s_external a. {\n «apx» dns\n}"),
    (Number, "kubernetes\nk8s_external a. {\n ttl «3601»\n}"),
    (Name, "kubernetes\nk8s_external «a..b»"),
    (Twice, "kubernetes\nk8s_external a.\n«k8s_external» b."),
    (Arity, "kubernetes {\n «ttl»\n}"),
    (Arity, "kubernetes {\n «tls a b»\n}"),
    (Unknown, "kubernetes {\n «upstream»\n}"),
    (Number, "kubernetes {\n ttl «3601»\n}"),
    (Number, "kubernetes {\n apiserver_qps «fast»\n}"),
    (Duration, "kubernetes {\n startup_timeout «5»\n}"),
    (Word, "kubernetes {\n pods «all»\n}"),
    (Name, "kubernetes «a..b»"),
    (Twice, "kubernetes\n«kubernetes»"),
    (Arity, "loadbalance round_robin «now»"),
    (Unknown, "loadbalance {\n «prefers» 10.0.0.0/8\n}"),
    (Address, "loadbalance {\n prefer «10.0.0.0/33»\n}"),
    (Duration, "loadbalance weighted weights {\n reload «5»\n}"),
    (Word, "loadbalance «roundrobin»"),
    (File, "loadbalance weighted «.» {\n reload 0\n}"),
    (Twice, "loadbalance\n«loadbalance»"),
    (Arity, "local «now»"),
    (Arity, "local {\n «localhost_prefix»\n}"),
    (Unknown, "local {\n «localhost» on\n}"),
    (Word, "local {\n localhost_prefix «maybe»\n}"),
    (Twice, "local\n«local»"),
    (Arity, "log {\n «class»\n}"),
    (Unknown, "log {\n «clas» all\n}"),
    (Word, "log {\n class «errors»\n}"),
    (Name, "log «a..b»"),
    (Arity, "loop «now»"),
    (Unknown, "«loop» {\n}"),
    (Twice, "loop\n«loop»"),
    (Arity, "minimal «now»"),
    (Unknown, "«minimal» {\n}"),
    (Twice, "minimal\n«minimal»"),
    (Unknown, "«nsid» {\n}"),
    (Twice, "nsid\n«nsid»"),
    (Arity, "prometheus :9153 «:9154»"),
    (Unknown, "prometheus {\n «runtime»\n}"),
    (Address, "prometheus «9153»"),
    (Twice, "prometheus\n«prometheus»"),
    (Arity, "ready :8181 «:8182»"),
    (Arity, "ready {\n «monitor»\n}"),
    (Unknown, "ready {\n «monitors» continuously\n}"),
    (Address, "ready «8181»"),
    (Word, "ready {\n monitor «always»\n}"),
    (Twice, "ready\n«ready»"),
    (Arity, "reload 10s 5s «1s»"),
    (Unknown, "«reload» {\n}"),
    (Duration, "reload «10»"),
    (Duration, "reload «1s»"),
    (Duration, "reload 10s «500ms»"),
    (Twice, "reload\n«reload»"),
    (Arity, "«rewrite»"),
    (Unknown, "rewrite «nmae» a b"),
    (Regex, "rewrite name regex «(» b"),
    (Arity, "«template»"),
    (Unknown, "template IN A {\n «anser» x\n}"),
    (Regex, "template IN A {\n match «(»\n}"),
    (Arity, "transfer {\n «to»\n}"),
    (Unknown, "transfer {\n «from» 192.0.2.1\n}"),
    (Address, "transfer {\n to «192.0.2.300»\n}"),
    (Name, "transfer «a..b» {\n to *\n}"),
    (Arity, "whoami «now»"),
    (Unknown, "«whoami» {\n}"),
    (Twice, "whoami\n«whoami»"),
];

/// Plugins that take any words, or may stand several times.
const ANY_WORDS: &[&str] = &["chaos", "nsid"];
const REPEATED: &[&str] = &["acl", "bind", "forward", "log", "rewrite", "template", "transfer"];

/// A mistake, as it is told.
struct Told {
    typed: String,
    line: usize,
    column: usize,
    message: String,
    help: Option<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_mistake_is_shown_where_it_stands_with_what_would_be_right() {
    let mut wrong = String::new();
    for (mistake, marked) in MISTAKES {
        let name = plugin_of(marked);
        if !is_built(name) {
            continue;
        }
        let text = format!(".:53 {{\n{marked}\n}}\n");
        let before = text.split('«').next().unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let word = text.split(['«', '»']).nth(1).unwrap_or_default();
        let mut say = |what: &str| {
            let _ = writeln!(wrong, "{mistake:?} in\n{marked}\n{what}\n");
        };
        let told = told(&text.replace(['«', '»'], ""));
        match told.as_slice() {
            [] => say("is accepted"),
            [told, ..] => {
                let place = (told.line, told.column, told.typed.as_str());
                if place != (line, column, word) {
                    let why = &told.message;
                    say(&format!("is shown at {place:?} and not at {:?}: {why}", (line, column, word)));
                }
                if told.help.as_ref().is_none_or(String::is_empty) {
                    say(&format!("has no help: {}", told.message));
                }
                if !told.message.contains('`') {
                    say(&format!("names nothing: {}", told.message));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_plugin_has_its_mistakes_here() {
    for entry in PLUGINS.iter().filter(|entry| matches!(entry.status, Status::Built(_))) {
        let mistakes = MISTAKES.iter().filter(|(_, text)| plugin_of(text) == entry.name);
        let mistakes: BTreeSet<Mistake> = mistakes.map(|(mistake, _)| *mistake).collect();
        assert!(mistakes.contains(&Unknown), "{}: an unknown property", entry.name);
        assert!(
            ANY_WORDS.contains(&entry.name) || mistakes.contains(&Arity),
            "{}: too few words, or too many",
            entry.name
        );
        assert!(
            REPEATED.contains(&entry.name) || entry.name == "debug" || mistakes.contains(&Twice),
            "{}: it stands twice",
            entry.name
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn mistakes_in_several_plugins_are_told_together() {
    let told =
        told(".:53 {\n health {\n  lameduck 5\n }\n cache {\n  sucess 5\n }\n nosuch\n reload 1s\n}\n");
    let lines: BTreeSet<usize> = told.iter().map(|told| told.line).collect();
    assert_eq!(lines, BTreeSet::from([3, 6, 8, 9]));
}

/// The plugin of the line with the marked word: the last directive that is not indented before its end.
fn plugin_of(marked: &str) -> &str {
    let end = marked.find('»').unwrap_or(marked.len());
    let mut heads = marked[..end].lines().filter(|line| !line.starts_with([' ', '}']));
    heads.next_back().unwrap_or_default().trim_start_matches('«').split([' ', '»']).next().unwrap_or_default()
}

fn is_built(name: &str) -> bool {
    matches!(table::find(name).unwrap_or_else(|| panic!("no plugin {name}")).status, Status::Built(_))
}

/// What is wrong in a Corefile, in the order in which it is told.
fn told(text: &str) -> Vec<Told> {
    let source = Source::Text { name: "Corefile".to_owned(), text: text.to_owned() };
    let corefile = source.load().unwrap_or_else(|failure| panic!("{failure}"));
    // Files are looked at, servers are not.
    let process = Process {
        root: std::env::temp_dir(),
        check_only: !text.contains("/nonexistent/") && !text.contains("weighted ."),
        ..Process::new(Handle::current(), Registry::new(), Arc::new(NoObserver))
    };
    let plan = Plan::new(&corefile, &process, Defaults { port: 53 }, &mut Numbers::default());
    let diagnostics = plan.map(|_| Vec::new()).unwrap_or_else(|diagnostics| diagnostics);
    let told = diagnostics.into_iter().map(|diagnostic| {
        let span = diagnostic.span.unwrap_or_else(|| panic!("no place: {diagnostic:?}"));
        let place = corefile.sources.location(span);
        assert_eq!(place.file, "Corefile");
        Told {
            typed: corefile.sources.typed(span).to_owned(),
            line: place.line,
            column: place.column,
            message: diagnostic.message,
            help: diagnostic.help,
        }
    });
    told.collect()
}
