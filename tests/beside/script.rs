//! What an upstream answers: rules in order, the first that fits speaks.

use std::time::Duration;

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{DNSClass, RecordType};

use crate::expected::{Expected, Head, Pattern};
use crate::step::duration;
use crate::{records, upstream::Carrier};

/// EDE (RFC 8914).
const OPTION_EDE: u16 = 15;

#[derive(Debug, Clone, Default)]
pub struct Script {
    pub rules: Vec<Rule>,
}

/// Which questions, and what is done with the first, the second …
#[derive(Debug, Clone)]
pub struct Rule {
    name: String,
    rtype: Option<RecordType>,
    carrier: Option<Carrier>,
    is_chaos: bool,
    pub deeds: Vec<Deed>,
}

/// What is done with one question.
#[derive(Debug, Clone)]
pub struct Deed {
    pub delay: Duration,
    /// What is sent before the reply, that is none.
    pub lie: Option<Lie>,
    pub last: Last,
}

#[derive(Debug, Clone, Copy)]
pub enum Lie {
    Garbage,
    WrongId,
    WrongQuestion,
    Short,
}

#[derive(Debug, Clone)]
pub enum Last {
    /// No reply.
    Nothing,
    /// The connection is closed.
    Close,
    Raw(Vec<u8>),
    Reply(Box<Reply>),
}

/// A reply as it is written.
#[derive(Debug, Clone)]
pub struct Reply {
    pattern: Pattern,
    keeps_rd: bool,
    opt: Option<(u16, bool)>,
    options: Vec<(u16, Vec<u8>)>,
}

impl Script {
    /// From the lines of a part, with their numbers.
    pub fn parse(lines: &[(usize, &str)]) -> Result<Self, String> {
        let mut script = Self::default();
        let mut deeds: Vec<(usize, Vec<&str>)> = Vec::new();
        for (number, line) in lines.iter().copied() {
            let at = |error: String| format!("{number}: {error}");
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(head) = line.strip_prefix("? ") {
                script.finish(&mut deeds)?;
                script.rules.push(Rule::parse(head).map_err(at)?);
            } else if let Some(deed) = line.strip_prefix('=') {
                deeds.push((number, vec![deed]));
            } else {
                let deed = deeds.last_mut().ok_or_else(|| at(format!("`{line}` belongs to no `=`")))?;
                deed.1.push(line);
            }
        }
        script.finish(&mut deeds)?;
        Ok(script)
    }

    fn finish(&mut self, deeds: &mut Vec<(usize, Vec<&str>)>) -> Result<(), String> {
        let parsed = deeds
            .drain(..)
            .map(|(number, lines)| Deed::parse(&lines).map_err(|error| format!("{number}: {error}")));
        let parsed: Vec<Deed> = parsed.collect::<Result<_, _>>()?;
        match self.rules.last_mut() {
            Some(rule) if parsed.is_empty() => Err(format!("`? {}` does nothing", rule.name)),
            Some(rule) => {
                rule.deeds = parsed;
                Ok(())
            }
            None if parsed.is_empty() => Ok(()),
            None => Err("`=` without `? NAME TYPE`".to_owned()),
        }
    }
}

impl Rule {
    fn parse(head: &str) -> Result<Self, String> {
        let mut words = head.split_whitespace();
        let (Some(name), Some(rtype)) = (words.next(), words.next()) else {
            return Err("`? NAME TYPE`".to_owned());
        };
        if name != "*" && !name.ends_with('.') {
            return Err(format!("`{name}` does not end with a dot"));
        }
        let rtype = match rtype {
            "*" => None,
            rtype => Some(rtype.parse().map_err(|_| format!("no type `{rtype}`"))?),
        };
        let mut rule =
            Self { name: name.to_owned(), rtype, carrier: None, is_chaos: false, deeds: Vec::new() };
        for word in words {
            match word {
                "CH" => rule.is_chaos = true,
                word => rule.carrier = Some(Carrier::parse(word)?),
            }
        }
        Ok(rule)
    }

    pub fn fits(&self, query: &Message, carrier: Carrier) -> bool {
        let Some(question) = query.queries.first() else { return self.name == "*" };
        let asked = question.name().to_ascii().to_ascii_lowercase();
        let name = self.name.to_ascii_lowercase();
        let is_name = name == "*"
            || match name.strip_prefix('*') {
                Some(below) => asked.ends_with(below),
                None => asked == name,
            };
        is_name
            && self.rtype.is_none_or(|rtype| rtype == question.query_type())
            && self.carrier.is_none_or(|wanted| wanted == carrier)
            && self.is_chaos == (question.query_class() == DNSClass::CH)
    }
}

impl Deed {
    fn parse(lines: &[&str]) -> Result<Self, String> {
        let (first, records) = lines.split_first().ok_or("`=` with nothing behind it")?;
        let mut words: Vec<&str> = first.split_whitespace().collect();
        let mut deed = Self { delay: Duration::ZERO, lie: None, last: Last::Nothing };
        if let Some(time) = words.first().and_then(|word| word.strip_prefix("delay=")) {
            deed.delay = duration(time)?;
            words.remove(0);
        }
        deed.lie = match words.first() {
            Some(&"garbage") => Some(Lie::Garbage),
            Some(&"wrong-id") => Some(Lie::WrongId),
            Some(&"wrong-question") => Some(Lie::WrongQuestion),
            Some(&"short") => Some(Lie::Short),
            _ => None,
        };
        if deed.lie.is_some() {
            words.remove(0);
            match words.first() {
                None => return Ok(deed),
                Some(&"then") => drop(words.remove(0)),
                Some(word) => return Err(format!("`{word}`: write `then` before the right reply")),
            }
        }
        deed.last = match words.as_slice() {
            ["drop"] => Last::Nothing,
            ["close"] => Last::Close,
            ["raw", hex] => Last::Raw(records::octets(hex)?),
            words => Last::Reply(Box::new(Reply::parse(words, records)?)),
        };
        Ok(deed)
    }
}

impl Reply {
    fn parse(words: &[&str], lines: &[&str]) -> Result<Self, String> {
        let mut reply = Self { pattern: Pattern::default(), keeps_rd: true, opt: None, options: Vec::new() };
        let mut head = Vec::new();
        for word in words {
            match word.split_once('=') {
                Some(("opt", size)) => {
                    let (size, has_do) = size.strip_suffix(",do").map_or((size, false), |size| (size, true));
                    reply.opt = Some((size.parse().map_err(|_| format!("`{word}`"))?, has_do));
                }
                Some(("ede", error)) => {
                    let (code, text) = error.split_once(':').unwrap_or((error, ""));
                    let code: u16 = code.parse().map_err(|_| format!("`{word}`"))?;
                    let text = text.replace('_', " ");
                    reply.options.push((OPTION_EDE, [&code.to_be_bytes(), text.as_bytes()].concat()));
                }
                Some(("option", option)) => {
                    let (code, hex) = option.split_once(':').ok_or_else(|| format!("`{word}`"))?;
                    reply
                        .options
                        .push((code.parse().map_err(|_| format!("`{word}`"))?, records::octets(hex)?));
                }
                Some(_) => return Err(format!("`{word}`")),
                None if *word == "-rd" => reply.keeps_rd = false,
                None => head.push(*word),
            }
        }
        let head = head.join(" ");
        let expected = Expected::parse(std::iter::once(head.as_str()).chain(lines.iter().copied()))?;
        let Expected::Reply(pattern) = expected else {
            return Err("an upstream gives a whole reply".to_owned());
        };
        for record in pattern.sections.iter().flatten() {
            records::parse(&record.replace("QNAME", "x."))?;
        }
        reply.pattern = *pattern;
        Ok(reply)
    }

    /// What a question gets that no rule fits.
    pub fn refusal() -> Self {
        Self::parse(&["REFUSED"], &[]).expect("an RCODE")
    }

    /// The message to this query.
    pub fn message(&self, query: &Message) -> Vec<u8> {
        let mut message = Message::response(query.metadata.id, query.metadata.op_code);
        let Head { rcode, flags } = &self.pattern.head;
        let has = |flag: &str| flags.contains(flag);
        let metadata = &mut message.metadata;
        metadata.message_type = MessageType::Response;
        metadata.authoritative = has("aa");
        metadata.truncation = has("tc");
        metadata.recursion_available = has("ra");
        metadata.authentic_data = has("ad");
        metadata.recursion_desired = has("rd") || (self.keeps_rd && query.metadata.recursion_desired);
        metadata.checking_disabled = has("cd") || query.metadata.checking_disabled;
        metadata.response_code = code(rcode);
        message.queries = query.queries.clone();
        let name =
            query.queries.first().map_or_else(|| ".".to_owned(), |question| question.name().to_ascii());
        let lists = [&mut message.answers, &mut message.authorities, &mut message.additionals];
        for (lines, list) in self.pattern.sections.iter().zip(lists) {
            list.extend(lines.iter().map(|line| {
                records::parse(&line.replace("QNAME", &name)).expect("the record was read before")
            }));
        }
        if query.edns.is_some() || self.opt.is_some() || !self.options.is_empty() {
            let mut edns = hickory_proto::op::Edns::new();
            let (size, has_do) =
                self.opt.unwrap_or((1232, query.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok)));
            edns.set_max_payload(size).set_version(0);
            edns.set_dnssec_ok(has_do);
            for (code, data) in &self.options {
                edns.options_mut().insert(EdnsOption::Unknown(*code, data.clone()));
            }
            message.edns = Some(edns);
        }
        message.to_vec().expect("a message that can be written")
    }
}

fn code(rcode: &str) -> ResponseCode {
    let number = (0..=23).find(|code| kubezone::dns::Rcode(*code).mnemonic() == Some(rcode));
    let number = number.or_else(|| rcode.strip_prefix("RCODE")?.parse().ok()).expect("an RCODE");
    ResponseCode::from((number >> 4) as u8, (number & 0xf) as u8)
}
