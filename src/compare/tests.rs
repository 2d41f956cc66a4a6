//! Messages come from hickory-proto: what it writes must be read here, and come out as the text that went in.

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{Name, RData, Record as OracleRecord, RecordType as OracleType};

use super::*;

mod decode;
mod difference;
mod question;
mod report;
mod servers;

/// A message with id 1, from lines: an RCODE and flags; then records, `OWNER TTL TYPE RDATA`, where `AUTHORITY` and
/// `ADDITIONAL` begin the next section; `EDNS SIZE [do]` and `OPTION CODE TEXT`.
fn message(question: &str, text: &str) -> Message {
    let question: Question = question.parse().unwrap();
    let mut message = Message::new(1, MessageType::Response, OpCode::Query);
    let mut query =
        Query::query(oracle_name(&text::name_text(&question.name)), OracleType::from(question.rtype.0));
    query.set_query_class(question.class.0.into());
    message.add_query(query);
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let head = lines.next().unwrap();
    for word in head.split(' ') {
        let metadata = &mut message.metadata;
        match word {
            "NOERROR" => metadata.response_code = ResponseCode::NoError,
            "NXDOMAIN" => metadata.response_code = ResponseCode::NXDomain,
            "REFUSED" => metadata.response_code = ResponseCode::Refused,
            "BADVERS" => metadata.response_code = ResponseCode::BADVERS,
            "aa" => metadata.authoritative = true,
            "tc" => metadata.truncation = true,
            "rd" => metadata.recursion_desired = true,
            "ra" => metadata.recursion_available = true,
            "ad" => metadata.authentic_data = true,
            "cd" => metadata.checking_disabled = true,
            other => panic!("{other}"),
        }
    }
    let mut section = 0;
    for line in lines {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["AUTHORITY"] => section = 1,
            ["ADDITIONAL"] => section = 2,
            ["EDNS", size, ..] => {
                let mut edns = Edns::new();
                edns.set_max_payload(size.parse().unwrap()).set_dnssec_ok(words.len() > 2);
                message.edns = Some(edns);
            }
            ["OPTION", code, value] => {
                let option = EdnsOption::Unknown(code.parse().unwrap(), value.as_bytes().to_vec());
                message.edns.as_mut().unwrap().options_mut().insert(option);
            }
            [owner, ttl, rtype, rdata] => {
                let rdata = RData::try_from_str(rtype.parse().unwrap(), rdata).unwrap();
                let record = OracleRecord::from_rdata(oracle_name(owner), ttl.parse().unwrap(), rdata);
                match section {
                    0 => message.answers.push(record),
                    1 => message.authorities.push(record),
                    _ => message.additionals.push(record),
                }
            }
            _ => panic!("{line}"),
        }
    }
    message
}

fn oracle_name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn answer(question: &str, text: &str) -> Answer {
    let answer = Answer::decode(&message(question, text).to_vec().unwrap());
    assert_eq!(answer.malformed, None);
    answer
}

fn reply(question: &str, text: &str) -> Reply {
    Reply::Message(Box::new(answer(question, text)))
}

fn silent() -> Reply {
    Reply::silent(Silence::Timeout)
}

fn compared(index: usize, question: &str, a: Reply, b: Reply, ignore: &Ignore) -> Compared {
    let question: Question = question.parse().unwrap();
    let differences = differences(&question, &a, &b, ignore);
    Compared { index, question, a, b, differences, asked_again: false }
}
