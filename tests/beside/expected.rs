//! What a reply is to be, and whether one is that.

use std::collections::BTreeSet;

use crate::server::Kind;

/// What is to come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// A reply, whatever it says.
    Any,
    /// Nothing.
    NoReply,
    /// A reply like this.
    Reply(Box<Pattern>),
}

/// A reply as a scenario writes it; where [`Came`] has a value, a pattern may have `*`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pattern {
    pub head: Head,
    pub sections: [Vec<String>; 3],
    /// `CODE TEXT` of both servers' extended errors.
    pub errors: Vec<String>,
    /// Those of kubezone alone.
    pub own_errors: Vec<String>,
    /// `CODE HEX`
    pub options: Vec<String>,
    pub opt: OptPattern,
}

/// RCODE and flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    pub rcode: String,
    pub flags: BTreeSet<String>,
}

/// What is said of the OPT record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum OptPattern {
    /// There is one when one was sent.
    #[default]
    AsSent,
    /// There is none.
    Absent,
    /// There is one, and like this: `size=N`, `do`, or nothing.
    Like(String),
}

/// What came back.
#[derive(Debug, Clone, Default)]
pub struct Came {
    pub head: Head,
    pub sections: [Vec<String>; 3],
    pub errors: Vec<String>,
    pub options: Vec<String>,
    /// `size=N [do]`
    pub opt: Option<String>,
}

const SECTIONS: [&str; 3] = ["ANSWER", "AUTHORITY", "ADDITIONAL"];

impl Expected {
    /// From what stands behind `=`, and the lines that follow it.
    pub fn parse<'l>(lines: impl IntoIterator<Item = &'l str>) -> Result<Self, String> {
        let mut lines = lines.into_iter();
        let first = lines.next().unwrap_or_default().trim();
        let simple = match first {
            "no reply" => Some(Self::NoReply),
            "any" => Some(Self::Any),
            _ => None,
        };
        if let Some(simple) = simple {
            return lines.next().map_or(Ok(simple), |line| Err(format!("`{line}` belongs to nothing")));
        }
        let mut pattern = Pattern { head: Head::parse(first)?, ..Pattern::default() };
        let mut section = 0;
        for line in lines {
            pattern.take(line, &mut section)?;
        }
        Ok(Self::Reply(Box::new(pattern)))
    }
}

impl Head {
    pub fn parse(text: &str) -> Result<Self, String> {
        const FLAGS: [&str; 6] = ["aa", "tc", "rd", "ra", "ad", "cd"];
        let mut words = text.split_whitespace();
        let rcode = words.next().ok_or("`=` without RCODE")?.to_owned();
        let flags: BTreeSet<String> = words.map(str::to_owned).collect();
        match flags.iter().find(|flag| !FLAGS.contains(&flag.as_str())) {
            Some(flag) => Err(format!("`{flag}` is no flag: {}", FLAGS.join(" "))),
            None => Ok(Self { rcode, flags }),
        }
    }
}

impl Pattern {
    fn take(&mut self, line: &str, section: &mut usize) -> Result<(), String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let rest = |from: usize| words[from..].join(" ");
        match words.as_slice() {
            [name] if SECTIONS.contains(name) => {
                *section = SECTIONS.iter().position(|known| known == name).unwrap_or_default();
            }
            ["EDE", ..] => self.errors.push(rest(1)),
            ["+EDE", ..] => self.own_errors.push(rest(1)),
            ["OPTION", _, _] => self.options.push(rest(1)),
            ["OPTION", _] => self.options.push(format!("{} ", words[1])),
            ["OPT", ..] => self.opt = OptPattern::Like(rest(1)),
            ["no", "OPT"] => self.opt = OptPattern::Absent,
            record if record.len() >= 4 => self.sections[*section].push(rest(0)),
            _ => return Err(format!("`{line}` is no section, record, EDE, OPTION or OPT")),
        }
        Ok(())
    }

    /// What is wrong with the reply, if anything is.
    pub fn difference(
        &self,
        came: &Came,
        kind: Kind,
        is_ordered: bool,
        was_opt_sent: bool,
    ) -> Option<String> {
        let mut wrong = Vec::new();
        if self.head != came.head {
            wrong.push(format!("- = {}\n+ = {}", self.head.text(), came.head.text()));
        }
        for (name, (expected, came)) in SECTIONS.iter().zip(self.sections.iter().zip(&came.sections)) {
            let is_ordered = is_ordered && *name == "ANSWER";
            wrong.extend(differing(name, expected, came, is_ordered, record_fits));
        }
        let mut errors = self.errors.clone();
        if kind == Kind::Kubezone {
            errors.extend(self.own_errors.iter().cloned());
        }
        wrong.extend(differing("EDE", &errors, &came.errors, false, words_fit));
        wrong.extend(differing("OPTION", &self.options, &came.options, false, words_fit));
        wrong.extend(self.opt.difference(came.opt.as_deref(), was_opt_sent));
        (!wrong.is_empty()).then(|| wrong.join("\n"))
    }
}

impl Head {
    fn text(&self) -> String {
        let flags = self.flags.iter().map(|flag| format!(" {flag}"));
        format!("{}{}", self.rcode, flags.collect::<String>())
    }
}

impl OptPattern {
    fn difference(&self, came: Option<&str>, was_sent: bool) -> Option<String> {
        let is_right = match self {
            Self::AsSent => came.is_some() == was_sent,
            Self::Absent => came.is_none(),
            Self::Like(text) => came.is_some_and(|came| {
                let came: Vec<&str> = came.split(' ').collect();
                let expected: Vec<&str> = text.split_whitespace().collect();
                expected.iter().all(|word| came.contains(word))
                    && (expected.is_empty() || came.contains(&"do") == expected.contains(&"do"))
            }),
        };
        (!is_right).then(|| format!("- OPT {self:?}\n+ OPT {came:?}"))
    }
}

impl Came {
    /// The reply as the lines of a scenario.
    pub fn lines(&self) -> String {
        let mut lines = vec![format!("= {}", self.head.text())];
        for (name, records) in SECTIONS.iter().zip(&self.sections) {
            if *name != "ANSWER" && !records.is_empty() {
                lines.push((*name).to_owned());
            }
            lines.extend(records.iter().cloned());
        }
        lines.extend(self.errors.iter().map(|error| format!("EDE {error}")));
        lines.extend(self.options.iter().map(|option| format!("OPTION {option}")));
        lines.join("\n")
    }
}

/// The lines that only one side has.
fn differing(
    name: &str,
    expected: &[String],
    came: &[String],
    is_ordered: bool,
    fits: fn(&str, &str) -> bool,
) -> Option<String> {
    if is_ordered {
        let is_same =
            expected.len() == came.len() && expected.iter().zip(came).all(|(one, other)| fits(one, other));
        return (!is_same)
            .then(|| format!("{name}, in order\n- {}\n+ {}", expected.join("\n- "), came.join("\n+ ")));
    }
    let mut extra: Vec<&String> = came.iter().collect();
    let mut missing = Vec::new();
    for line in expected {
        match extra.iter().position(|other| fits(line, other)) {
            Some(at) => drop(extra.remove(at)),
            None => missing.push(line),
        }
    }
    if missing.is_empty() && extra.is_empty() {
        return None;
    }
    let missing = missing.iter().map(|line| format!("\n- {line}"));
    let extra = extra.iter().map(|line| format!("\n+ {line}"));
    Some(format!("{name}{}", missing.chain(extra).collect::<String>()))
}

/// `OWNER TTL TYPE DATA`; a TTL may be a range, and TTL, data, and a word of data `*`.
fn record_fits(expected: &str, came: &str) -> bool {
    let split = |line: &str| -> Vec<String> { line.splitn(4, ' ').map(str::to_owned).collect() };
    let (expected, came) = (split(expected), split(came));
    let ttl = |text: &str| match (expected[1].split_once('-'), text.parse::<u32>()) {
        (Some((low, high)), Ok(ttl)) => {
            low.parse().is_ok_and(|low| ttl >= low) && high.parse().is_ok_and(|high| ttl <= high)
        }
        _ => expected[1] == "*" || expected[1] == text,
    };
    came.len() == 4
        && expected[0] == came[0]
        && ttl(&came[1])
        && expected[2] == came[2]
        && (expected[3] == "*" || data_fits(&expected[3], &came[3]))
}

fn data_fits(expected: &str, came: &str) -> bool {
    let (expected, came): (Vec<_>, Vec<_>) = (expected.split(' ').collect(), came.split(' ').collect());
    expected.len() == came.len() && expected.iter().zip(&came).all(|(one, other)| *one == "*" || one == other)
}

/// `CODE TEXT`; the text may be `*`.
fn words_fit(expected: &str, came: &str) -> bool {
    expected == came
        || expected.strip_suffix('*').is_some_and(|code| code.ends_with(' ') && came.starts_with(code))
}
