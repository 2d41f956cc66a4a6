//! A scenario as it is written: sections, questions, and what each is to be answered.

/// The Corefile of a scenario that gives only options, or nothing.
const COREFILE: &str = "\
. {
    bind 127.0.0.1
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        manifests MANIFESTS
OPTIONS
    }
}
";

pub struct Scenario {
    /// Key and braces included; `MANIFESTS` stands for the file of the objects.
    pub corefile: String,
    pub manifests: String,
    pub questions: Vec<Question>,
}

pub struct Question {
    /// Of the file, from 1.
    pub line: usize,
    /// As it stands there.
    pub text: String,
    pub ask: Ask,
    pub expected: Expected,
}

/// What is sent.
pub enum Ask {
    Query(Query),
    /// These octets, over UDP.
    Raw(Vec<u8>),
}

pub struct Query {
    pub name: String,
    pub rtype: u16,
    pub class: u16,
    pub opcode: u8,
    pub tcp: bool,
    /// Payload size and version.
    pub edns: Option<(u16, u8)>,
    pub flags: u16,
}

/// What is to come back, line by line; each section sorted, unless a CNAME makes its order count.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// `NOERROR aa`
    pub status: String,
    pub answer: Vec<String>,
    pub authority: Vec<String>,
    pub additional: Vec<String>,
    /// `0 text`
    pub errors: Vec<String>,
}

impl Scenario {
    pub fn parse(text: &str) -> Self {
        let mut scenario = Self { corefile: String::new(), manifests: String::new(), questions: Vec::new() };
        let (mut options, mut part, mut section) = (String::new(), "rule", "ANSWER");
        let rule = text.lines().next().expect("a scenario");
        assert!(
            rule.starts_with("# ") && rule.len() > 20,
            "line 1: a scenario begins with the rule that it proves"
        );
        for (at, line) in text.lines().enumerate() {
            let number = at + 1;
            if let Some(name) = line.strip_prefix("== ") {
                part = ["corefile", "kubernetes", "objects", "questions"]
                    .into_iter()
                    .find(|part| *part == name)
                    .unwrap_or_else(|| panic!("line {number}: no part `{name}`"));
                continue;
            }
            match part {
                "corefile" => scenario.corefile += &format!("{line}\n"),
                "kubernetes" => options += &format!("        {line}\n"),
                "objects" => scenario.manifests += &format!("{line}\n"),
                "questions" if line.starts_with("? ") => {
                    section = "ANSWER";
                    let text = line.trim_start_matches("? ").to_owned();
                    let ask = parse_ask(&text, number);
                    scenario.questions.push(Question {
                        line: number,
                        text,
                        ask,
                        expected: Expected::default(),
                    });
                }
                "questions" if line.trim().is_empty() || line.starts_with('#') => {}
                "questions" => {
                    let question = scenario.questions.last_mut();
                    let expected =
                        &mut question.unwrap_or_else(|| panic!("line {number}: no question")).expected;
                    expected.take(line, &mut section, number);
                }
                _ => {
                    assert!(line.is_empty() || line.starts_with('#'), "line {number}: the rule is a comment")
                }
            }
        }
        if scenario.corefile.is_empty() {
            scenario.corefile = COREFILE.replace("OPTIONS\n", &options);
        }
        assert!(!scenario.questions.is_empty(), "nothing is asked");
        for question in &mut scenario.questions {
            assert!(!question.expected.status.is_empty(), "line {}: no `= RCODE`", question.line);
            question.expected.sort();
        }
        scenario
    }
}

impl Expected {
    fn take(&mut self, line: &str, section: &mut &'static str, number: usize) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["=", status @ ..] => self.status = status.join(" "),
            ["AUTHORITY"] => *section = "AUTHORITY",
            ["ADDITIONAL"] => *section = "ADDITIONAL",
            ["EDE", error @ ..] => self.errors.push(error.join(" ")),
            record if record.len() >= 4 => match *section {
                "AUTHORITY" => self.authority.push(record.join(" ")),
                "ADDITIONAL" => self.additional.push(record.join(" ")),
                _ => self.answer.push(record.join(" ")),
            },
            _ => panic!("line {number}: `{line}` is no `= RCODE`, section, record or `EDE CODE TEXT`"),
        }
    }

    pub fn sort(&mut self) {
        if !self.answer.iter().any(|record| record.contains(" CNAME ")) {
            self.answer.sort();
        }
        self.authority.sort();
        self.additional.sort();
    }

    /// The lines, as they would stand in a scenario.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("= {}", self.status)];
        lines.extend(self.answer.iter().cloned());
        for (name, records) in [("AUTHORITY", &self.authority), ("ADDITIONAL", &self.additional)] {
            if !records.is_empty() {
                lines.push(name.to_owned());
                lines.extend(records.iter().cloned());
            }
        }
        lines.extend(self.errors.iter().map(|error| format!("EDE {error}")));
        lines
    }
}

fn parse_ask(text: &str, number: usize) -> Ask {
    let mut words = text.split_whitespace();
    let (Some(name), Some(rtype)) = (words.next(), words.next()) else {
        panic!("line {number}: `? NAME TYPE` or `? raw HEX`");
    };
    if name == "raw" {
        let octets = (0..rtype.len()).step_by(2).map(|at| u8::from_str_radix(&rtype[at..at + 2], 16));
        return Ask::Raw(
            octets.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("line {number}: {error}")),
        );
    }
    assert!(name.ends_with('.'), "line {number}: `{name}` does not end with a dot");
    let mut query = Query {
        name: name.to_owned(),
        rtype: type_number(rtype).unwrap_or_else(|| panic!("line {number}: no type `{rtype}`")),
        class: 1,
        opcode: 0,
        tcp: false,
        edns: None,
        flags: 0x0100,
    };
    for word in words {
        let (option, value) = word.split_once('=').unwrap_or((word, ""));
        let value =
            || value.parse::<u16>().unwrap_or_else(|_| panic!("line {number}: `{word}` has no number"));
        match option {
            "CH" => query.class = 3,
            "HS" => query.class = 4,
            "+tcp" => query.tcp = true,
            "+edns" if word == option => query.edns = Some((1232, 0)),
            "+edns" => query.edns = Some((value(), 0)),
            "+version" => query.edns = Some((1232, value() as u8)),
            "+opcode" => query.opcode = value() as u8,
            "+nord" => query.flags &= !0x0100,
            "+cd" => query.flags |= 0x0010,
            "+ad" => query.flags |= 0x0020,
            _ => panic!("line {number}: no option `{word}`"),
        }
    }
    Ask::Query(query)
}

fn type_number(name: &str) -> Option<u16> {
    match name.strip_prefix("TYPE") {
        Some(number) => number.parse().ok(),
        None => name.parse::<hickory_proto::rr::RecordType>().ok().map(u16::from),
    }
}
