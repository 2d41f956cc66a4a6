//! A scenario against one server: a folder, upstreams and an API server of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::thread;
use std::time::Duration;

use regex::Regex;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::Document;
use crate::certificate;
use crate::fake_api::FakeApi;
use crate::scenario::{Refusal, Refused, Scenario};
use crate::server::{self, Kind, Server};
use crate::step::{Act, Count, Step};
use crate::upstream::{Ports, Upstream};
use crate::words::Words;

/// Everything that a scenario runs with. It ends when this is dropped, also when the scenario fails.
struct Stage {
    kind: Kind,
    words: Words,
    scenario: Scenario,
    upstreams: BTreeMap<char, Upstream>,
    api: FakeApi,
    folder: Folder,
    runtime: Runtime,
}

/// Removed when the scenario ends.
struct Folder(PathBuf);

/// Runs the scenario; what is wrong is told with everything that the server printed.
pub fn run(document: &Document, kind: Kind) -> Result<(), String> {
    let text = fs::read_to_string(&document.path).map_err(|error| error.to_string())?;
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let folder = Folder::new(document, kind)?;
    let api = runtime.block_on(FakeApi::start());
    let words = Words::new(&text, &folder.0, api.url());
    let place = format!(
        "{}:",
        document.path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(&document.path).display()
    );
    let scenario = Scenario::parse(&words.fill(&text)).map_err(|error| format!("{place}{error}"))?;
    let mut stage = Stage { kind, words, scenario, upstreams: BTreeMap::new(), api, folder, runtime };
    stage.set()?;
    if let Some((title, pattern)) = stage.scenario.coredns_refuses.take().filter(|_| kind == Kind::CoreDns) {
        return stage.ends_with(&pattern).map_err(|error| format!("{place} {title}: {error}"));
    }
    if let Some(refused) = &stage.scenario.refused {
        return stage.is_refused(refused).map_err(|error| format!("{place} {error}"));
    }
    let mut server = Server::start(kind, &stage.folder.0)?;
    let outcome = stage.play(&mut server).map_err(|error| format!("{place}{error}"));
    outcome.map_err(|error| {
        let upstreams = stage.upstreams.iter().filter(|(_, upstream)| upstream.count(None, None) > 0);
        let asked: String =
            upstreams.map(|(letter, upstream)| format!("--- asked {letter}:\n{}", upstream.log())).collect();
        format!("{error}\n{asked}--- {} printed:\n{}", kind.name(), last_lines(&server.log()))
    })
}

impl Stage {
    /// Files, objects and upstreams.
    fn set(&mut self) -> Result<(), String> {
        self.write("Corefile", &self.scenario.corefile)?;
        for (name, text) in &self.scenario.files {
            self.write(name, text)?;
        }
        if self.scenario.corefile.contains(".pem") {
            certificate::write(&self.folder.0)?;
        }
        self.apply(&self.scenario.objects)?;
        let _inside = self.runtime.enter();
        for letter in 'A'..='F' {
            let script = self.scenario.scripts.get(&letter).cloned();
            let port = |kind: &str| self.words.port(&format!("{kind}_{letter}"));
            let ports = Ports { plain: port("UPSTREAM"), tls: port("TLS"), quic: port("QUIC") };
            if ports.plain.or(ports.tls).or(ports.quic).is_none() {
                continue;
            }
            let script = script.ok_or_else(|| format!("no part `== upstream {letter}`"))?;
            let upstream = self.runtime.block_on(Upstream::start(ports, script))?;
            self.upstreams.insert(letter, upstream);
        }
        Ok(())
    }

    fn is_refused(&self, refused: &Refused) -> Result<(), String> {
        let pattern = match (self.kind, &refused.coredns) {
            (Kind::Kubezone, _) => &refused.kubezone,
            (Kind::CoreDns, Refusal::Line(pattern)) => pattern,
            (Kind::CoreDns, Refusal::Starts(title)) => {
                let mut server = Server::start(self.kind, &self.folder.0)?;
                return server
                    .wait_until_it_listens()
                    .map_err(|error| format!("{title}: {error}\n{}", server.log()));
            }
        };
        self.ends_with(pattern)
    }

    /// The server ends at once with exit code 1, and with a line like this.
    fn ends_with(&self, pattern: &str) -> Result<(), String> {
        let mut server = Server::start(self.kind, &self.folder.0)?;
        let code = server.end().map_err(|error| format!("{error}\n{}", server.log()))?;
        if code != 1 {
            return Err(format!("exit code {code}\n{}", server.log()));
        }
        let is_said = regex(pattern)?.is_match(&server.log());
        if is_said { Ok(()) } else { Err(format!("nothing like `{pattern}` in\n{}", server.log())) }
    }

    fn play(&mut self, server: &mut Server) -> Result<(), String> {
        let port = self.words.port("PORT").unwrap_or_default();
        if let Err(error) = server.wait_until_it_listens() {
            // It may have been meant to end, and have been fast.
            let first = self.scenario.steps.first().map(|step| &step.act);
            if !server.has_ended() || !matches!(first, Some(Act::Log { .. } | Act::Exit(_))) {
                return Err(format!(" {error}"));
            }
        }
        if !self.scenario.objects.is_empty() {
            // Lists come first, and then a watch for each kind.
            server::wait(|| self.api.watch_count() >= 3);
            pause(Duration::from_millis(300));
        }
        for step in std::mem::take(&mut self.scenario.steps) {
            let Step { line, text, .. } = &step;
            let (act, title) = match (&step.coredns, self.kind) {
                (Some(other), Kind::CoreDns) => (other.act.as_ref(), other.title.as_str()),
                _ => (Some(&step.act), ""),
            };
            let Some(act) = act else { continue };
            self.act(act, server, port).map_err(|error| format!("{line}: {text} {title}\n{error}"))?;
            if server.has_ended() && !matches!(act, Act::Exit(_) | Act::Signal(_) | Act::Log { .. }) {
                return Err(format!("{line}: {text}\nthe server has ended"));
            }
        }
        Ok(())
    }

    fn act(&mut self, act: &Act, server: &mut Server, port: u16) -> Result<(), String> {
        match act {
            Act::Ask(question, alternatives) => question.check(port, self.kind, alternatives)?,
            Act::Wait(time) => pause(*time),
            Act::Asked { upstream, name, rtype, count } => {
                let times = self.upstream(*upstream)?.count(name.as_deref(), rtype.as_deref());
                fits(*count, times as f64)?;
            }
            Act::Last { upstream, pattern } => {
                let last = self.upstream(*upstream)?.last().ok_or("it was asked nothing")?;
                if !regex(pattern)?.is_match(&last) {
                    return Err(format!("it was asked `{last}`"));
                }
            }
            Act::Plays(upstream, script) => {
                let script = self.scenario.scripts.get(script).cloned().ok_or("no such script")?;
                self.upstream(*upstream)?.play(script);
            }
            Act::Dies(letter) => {
                let upstream = self.upstreams.get_mut(letter).ok_or("no such upstream")?;
                self.runtime.block_on(upstream.die());
            }
            Act::Lives(letter) => {
                let _inside = self.runtime.enter();
                let upstream = self.upstreams.get_mut(letter).ok_or("no such upstream")?;
                self.runtime.block_on(upstream.live())?;
            }
            Act::File { name, text } => self.write(name, text)?,
            Act::Link { name, target } => {
                let (link, new) = (self.folder.0.join(name), self.folder.0.join(".link"));
                let made = std::os::unix::fs::symlink(target, &new).and_then(|()| fs::rename(new, link));
                made.map_err(|error| error.to_string())?;
            }
            Act::Corefile(text) => self.write("Corefile", text)?,
            Act::Apply(manifests) => self.apply(manifests)?,
            Act::Signal(name) => server.signal(name)?,
            Act::Exit(code) => {
                let came = server.end()?;
                if came != *code {
                    return Err(format!("exit code {came}"));
                }
            }
            Act::Log { pattern, is_there } => {
                let pattern = regex(pattern)?;
                let is_said = || server.log().lines().any(|line| pattern.is_match(line));
                if *is_there != (if *is_there { server::wait(is_said) } else { is_said() }) {
                    return Err(format!("the log has {} such line", if *is_there { "no" } else { "a" }));
                }
            }
            Act::Get { url, status, body } => {
                let (came, text) = server::get(url)?;
                let is_body =
                    body.as_ref().map_or(Ok(true), |body| Ok::<_, String>(regex(body)?.is_match(&text)))?;
                if came != *status || !is_body {
                    return Err(format!("{came} {text}"));
                }
            }
            Act::Metric { url, sample, count } => metric(url, sample, *count)?,
        }
        Ok(())
    }

    fn upstream(&self, letter: char) -> Result<&Upstream, String> {
        self.upstreams
            .get(&letter)
            .ok_or_else(|| format!("no upstream {letter}: the Corefile does not name it"))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), String> {
        let path = self.folder.0.join(name);
        let folder = path.parent().unwrap_or(&self.folder.0);
        fs::create_dir_all(folder).and_then(|()| fs::write(&path, text)).map_err(|error| error.to_string())
    }

    fn apply(&self, manifests: &str) -> Result<(), String> {
        for text in manifests.split("\n---").filter(|text| !text.trim().is_empty()) {
            let object: Value = serde_saphyr::from_str(text).map_err(|error| format!("{error}\n{text}"))?;
            self.api.apply(object);
        }
        Ok(())
    }
}

impl Folder {
    fn new(document: &Document, kind: Kind) -> Result<Self, String> {
        let name = document.name.replace('/', "-");
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
            "beside-{}-{name}-{}",
            process::id(),
            kind.name()
        ));
        fs::create_dir_all(&path).map_err(|error| error.to_string())?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The sum of the samples that have the name and at least the labels of `wanted`.
fn metric(url: &str, wanted: &str, count: Count) -> Result<(), String> {
    let labels = |sample: &str| -> (String, Vec<String>) {
        let (name, labels) = sample.split_once('{').unwrap_or((sample, ""));
        let labels = labels.trim_end_matches('}').split("\",").filter(|label| !label.is_empty());
        (name.to_owned(), labels.map(|label| label.trim_end_matches('"').to_owned()).collect())
    };
    let (name, wanted) = labels(wanted);
    let mut last = (0.0, String::new());
    let is_right = server::wait(|| {
        let Ok((200, text)) = server::get(url) else { return false };
        let samples = text.lines().filter_map(|line| line.rsplit_once(' '));
        let fitting: Vec<(&str, f64)> = samples
            .filter(|(sample, _)| {
                let (its_name, its_labels) = labels(sample);
                its_name == name && wanted.iter().all(|label| its_labels.contains(label))
            })
            .filter_map(|(sample, value)| Some((sample, value.parse().ok()?)))
            .collect();
        let family = text.lines().filter(|line| line.starts_with(&name)).collect::<Vec<_>>().join("\n");
        last = (fitting.iter().map(|(_, value)| value).sum(), family);
        count.fits(last.0)
    });
    if is_right { Ok(()) } else { Err(format!("it is {}\n{}", last.0, last.1)) }
}

fn fits(count: Count, number: f64) -> Result<(), String> {
    if count.fits(number) { Ok(()) } else { Err(format!("it was {number}")) }
}

fn regex(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|error| error.to_string())
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

#[expect(clippy::disallowed_methods, reason = "a test's thread serves nobody")]
fn pause(time: Duration) {
    thread::sleep(time);
}
