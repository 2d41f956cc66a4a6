mod answers;
mod corefile;
mod properties;
mod query;

use std::sync::{Arc, Mutex};

use hickory_proto::op::Message;

use super::*;
use crate::dns::{Owner, RecordType, Section, test_origin, wire_from_text, write_text};
use crate::plugin::question_packet;
use crate::plugin::testing::{Bench, Scripted};

/// What a plugin below saw.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    /// `name class type`
    question: String,
    /// Options by code.
    options: Vec<(u16, Vec<u8>)>,
    udp_size: Option<u16>,
}

/// A record of a scripted answer: section, owner, type, TTL, and RDATA with its last name as text.
type Line<'l> = (Section, &'l str, RecordType, u32, &'l [u8], &'l str);

struct Asked {
    bench: Bench,
    rules: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Asked {
    fn of(rules: &str) -> Self {
        Self { bench: Bench::new(&["."]), rules: rules.to_owned(), seen: Arc::default() }
    }

    /// Asks for `name` of `rtype`, below which `script` answers; gives the reply as hickory reads it.
    fn ask(
        &self,
        packet: &[u8],
        script: impl Fn(&Query<'_>, &mut Response) -> Reply + Send + Sync + 'static,
    ) -> (Message, Outcome) {
        let seen = Arc::clone(&self.seen);
        let script = Scripted::new(move |query: &Query<'_>, response: &mut Response| {
            seen.lock().unwrap().push(Seen::of(query));
            script(query, response)
        });
        let chain = self.bench.chain(setup, &self.rules, script);
        let Finished { mut response, outcome } = self.bench.ask(&chain, packet, test_origin());
        assert!(outcome.settle(&mut response));
        (Message::from_vec(response.finish()).unwrap(), outcome)
    }

    fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

impl Seen {
    fn of(query: &Query<'_>) -> Self {
        let mut question = String::new();
        write_text(query.name_original(), &mut question).unwrap();
        question.push_str(&format!(" {} {}", query.qclass(), query.qtype()));
        let codes = [3, 8, 65518, 65519];
        let options = codes.iter().filter_map(|code| Some((*code, query.option(*code)?.to_vec()))).collect();
        Self { question, options, udp_size: query.edns().map(|edns| edns.udp_size) }
    }
}

/// A question in these letters.
fn packet(text: &str, rtype: RecordType, edns: Option<(u16, bool)>) -> Vec<u8> {
    question_packet(7, &wire_from_text(text).unwrap(), rtype, edns)
}

/// The name that goes down in place of `name`.
fn below(rules: &str, name: &str) -> String {
    let asked = Asked::of(rules);
    asked.ask(&packet(name, RecordType::A, None), |_, _| Reply::answered());
    let seen = asked.seen();
    let [seen] = &seen[..] else { panic!("{seen:?}") };
    seen.question.strip_suffix(" IN A").unwrap().to_owned()
}

/// Writes records: the owner `@` is the question.
fn write(response: &mut Response, lines: &[Line<'_>]) {
    for (section, owner, rtype, ttl, before, name) in lines {
        let wire = if *owner == "@" { Vec::new() } else { wire_from_text(owner).unwrap() };
        let owner = if *owner == "@" { Owner::Question } else { Owner::Name(&wire) };
        let rdata_name = if name.is_empty() { Vec::new() } else { wire_from_text(name).unwrap() };
        response.record(*section, owner, *rtype, *ttl, |rdata| {
            rdata.octets(before);
            rdata.octets(&rdata_name);
            if *rtype == RecordType::SOA {
                rdata.octets(&rdata_name);
                rdata.octets(&[0; 20]);
            }
        });
    }
}

/// The records of a reply as `owner ttl type data`, section by section.
fn shown(message: &Message) -> [Vec<String>; 3] {
    [&message.answers, &message.authorities, &message.additionals].map(|records| {
        let show = |record: &hickory_proto::rr::Record| {
            format!("{} {} {} {}", record.name, record.ttl, record.record_type(), record.data)
        };
        records.iter().map(show).collect()
    })
}

fn question(message: &Message) -> String {
    let question = &message.queries[0];
    format!("{} {} {}", question.name(), question.query_class(), question.query_type())
}
