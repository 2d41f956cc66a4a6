//! A scenario as it is written: parts, steps, and what CoreDNS does otherwise.

use std::collections::BTreeMap;

use crate::client::Question;
use crate::expected::Expected;
use crate::script::Script;
use crate::step::{Act, Other, Step};

/// One file, its words replaced by what they stand for.
#[derive(Default)]
pub struct Scenario {
    pub corefile: String,
    pub scripts: BTreeMap<char, Script>,
    /// Name and text.
    pub files: Vec<(String, String)>,
    /// Manifests.
    pub objects: String,
    pub steps: Vec<Step>,
    /// Instead of steps: neither server starts.
    pub refused: Option<Refused>,
    /// CoreDNS does not start: the row that says so, and a pattern of what it prints.
    pub coredns_refuses: Option<(String, String)>,
}

/// What each server says before it ends.
#[derive(Default)]
pub struct Refused {
    pub kubezone: String,
    pub coredns: Refusal,
}

/// What CoreDNS makes of a Corefile that we refuse.
pub enum Refusal {
    /// It refuses it, too, with a line that this pattern finds.
    Line(String),
    /// It starts, says the row of this title.
    Starts(String),
}

/// Lines of a part, with their numbers.
type Lines<'t> = [(usize, &'t str)];

impl Scenario {
    pub fn parse(text: &str) -> Result<Self, String> {
        let rule = text.lines().next().unwrap_or_default();
        if !rule.starts_with("# ") || rule.len() < 20 {
            return Err("1: a scenario begins with the rule that it proves".to_owned());
        }
        let mut scenario = Self::default();
        for part in parts(text) {
            let [(number, head), lines @ ..] = part.as_slice() else { continue };
            let whole = || lines.iter().map(|(_, line)| format!("{line}\n")).collect::<String>();
            let words: Vec<&str> = head.split_whitespace().skip(1).collect();
            match words.as_slice() {
                ["corefile"] => scenario.corefile = whole(),
                ["objects"] => scenario.objects = whole(),
                ["file", name] => scenario.files.push(((*name).to_owned(), whole())),
                ["upstream", letter @ ("A" | "B" | "C" | "D" | "E" | "F")] => {
                    let script = Script::parse(lines)?;
                    scenario.scripts.extend(letter.chars().map(|letter| (letter, script.clone())));
                }
                ["coredns", "refuses", "|", ..] => {
                    let title = head.split_once(" | ").map_or("", |(_, title)| title);
                    scenario.coredns_refuses = Some((title.to_owned(), whole().trim().to_owned()));
                }
                ["steps"] => scenario.steps = steps(lines)?,
                ["refused"] => scenario.refused = Some(refused(lines)?),
                _ => return Err(format!("{number}: no part `{head}`")),
            }
        }
        if scenario.steps.is_empty() == scenario.refused.is_none() {
            return Err("a scenario has either steps or `== refused`".to_owned());
        }
        Ok(scenario)
    }
}

impl Default for Refusal {
    fn default() -> Self {
        Self::Line(String::new())
    }
}

/// The lines from each `== ` to the next.
fn parts(text: &str) -> Vec<Vec<(usize, &str)>> {
    let mut parts: Vec<Vec<(usize, &str)>> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.starts_with("== ") {
            parts.push(vec![(at + 1, line)]);
        } else if let Some(part) = parts.last_mut() {
            part.push((at + 1, line));
        }
    }
    parts
}

fn refused(lines: &Lines<'_>) -> Result<Refused, String> {
    let mut refused = Refused::default();
    for (number, line) in lines.iter().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#')) {
        match line.split_once(": ") {
            Some(("kubezone", pattern)) => pattern.clone_into(&mut refused.kubezone),
            Some(("coredns", pattern)) => {
                refused.coredns = match pattern.strip_prefix("starts | ") {
                    Some(title) => Refusal::Starts(title.to_owned()),
                    None => Refusal::Line(pattern.to_owned()),
                };
            }
            _ => return Err(format!("{number}: `kubezone: REGEX` or `coredns: REGEX`")),
        }
    }
    let is_whole = !matches!(&refused.coredns, Refusal::Line(pattern) if pattern.is_empty());
    if refused.kubezone.is_empty() || !is_whole {
        return Err("`== refused` says what each of both servers prints".to_owned());
    }
    Ok(refused)
}

/// A step's own lines: its head, and what follows it.
struct Block<'t> {
    number: usize,
    head: &'t str,
    lines: Vec<&'t str>,
}

fn steps(lines: &Lines<'_>) -> Result<Vec<Step>, String> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for (number, line) in lines.iter().copied() {
        let is_head = ["? ", "! ", "coredns: "].iter().any(|start| line.starts_with(start));
        match blocks.last_mut() {
            _ if line.trim().is_empty() || line.starts_with('#') => {}
            _ if is_head => blocks.push(Block { number, head: line, lines: Vec::new() }),
            Some(block) => block.lines.push(line),
            None => return Err(format!("{number}: `{line}` belongs to no step")),
        }
    }
    let mut steps: Vec<Step> = Vec::new();
    // The row of a `coredns:` behind a step that is no question: the next `!` is what CoreDNS does instead.
    let mut pending: Option<String> = None;
    for block in blocks {
        let at = |error: String| format!("{}: {error}", block.number);
        if let Some(title) = block.head.strip_prefix("coredns: ") {
            let step = steps.last_mut().ok_or_else(|| at("no step before".to_owned()))?;
            match (title.strip_suffix(" | not run"), &step.act) {
                (Some(title), _) => step.coredns = Some(Other { title: title.to_owned(), act: None }),
                (None, Act::Ask(question, _)) => {
                    let act = Act::Ask(question.clone(), alternatives(&block.lines).map_err(at)?);
                    step.set_other(title, act).map_err(at)?;
                }
                (None, _) => pending = Some(title.to_owned()),
            }
            continue;
        }
        let act = block.act().map_err(at)?;
        match (pending.take(), steps.last_mut()) {
            (Some(title), Some(step)) => step.set_other(&title, act).map_err(at)?,
            _ => steps.push(Step { line: block.number, text: block.head.to_owned(), act, coredns: None }),
        }
    }
    match pending {
        Some(title) => Err(format!("behind `coredns: {title}` nothing says what it does")),
        None => Ok(steps),
    }
}

impl Block<'_> {
    fn act(&self) -> Result<Act, String> {
        if let Some(question) = self.head.strip_prefix("? ") {
            return Ok(Act::Ask(Question::parse(question)?, alternatives(&self.lines)?));
        }
        let mut body = String::new();
        for line in &self.lines {
            let line = line.strip_prefix('|').ok_or_else(|| format!("`{line}` belongs to nothing"))?;
            body += &format!("{}\n", line.strip_prefix(' ').unwrap_or(line));
        }
        Act::parse(self.head.trim_start_matches("! "), &body)
    }
}

impl Step {
    fn set_other(&mut self, title: &str, act: Act) -> Result<(), String> {
        if self.act == act {
            return Err(format!("`{title}`: what CoreDNS does is not different"));
        }
        self.coredns = Some(Other { title: title.to_owned(), act: Some(act) });
        Ok(())
    }
}

/// The expectations between lines that say `or`.
fn alternatives(lines: &[&str]) -> Result<Vec<Expected>, String> {
    lines
        .split(|line| *line == "or")
        .map(|lines| match lines.split_first() {
            Some((first, rest)) if first.starts_with('=') => {
                Expected::parse(std::iter::once(&first[1..]).chain(rest.iter().copied()))
            }
            _ => Err("a question needs `= RCODE`".to_owned()),
        })
        .collect()
}
