//! The world outside the cluster: a name server over UDP and TCP that gives the same question the same answer, whoever
//! asks. Both servers forward to it.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use hickory_proto::op::{Edns, Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, SOA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::lab::name_server;

/// The TTL of all records.
const TTL: u32 = 300;

/// Starts the name server; its threads end with the test program.
pub fn start(address: SocketAddr) -> io::Result<()> {
    name_server(address, answer)
}

/// The reply; `limit` is what a client without EDNS takes over UDP.
fn answer(query: &[u8], limit: Option<usize>) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).ok()?;
    let question = query.queries.first()?.clone();
    let mut reply = Message::response(query.metadata.id, OpCode::Query);
    reply.metadata.recursion_desired = query.metadata.recursion_desired;
    reply.metadata.checking_disabled = query.metadata.checking_disabled;
    reply.metadata.recursion_available = true;
    reply.add_query(question.clone());
    let limit = limit.map(|limit| match &query.edns {
        Some(edns) => limit.max(usize::from(edns.max_payload())),
        None => limit,
    });
    if let Some(edns) = &query.edns {
        let mut own = Edns::new();
        own.set_max_payload(1232);
        own.set_dnssec_ok(edns.flags().dnssec_ok);
        reply.set_edns(own);
    }
    fill(&mut reply, &question.name, question.query_type);
    let whole = reply.to_vec().ok()?;
    if limit.is_none_or(|limit| whole.len() <= limit) {
        return Some(whole);
    }
    reply.answers.clear();
    reply.metadata.truncation = true;
    reply.to_vec().ok()
}

fn fill(reply: &mut Message, name: &Name, rtype: RecordType) {
    let folded = name.to_lowercase().to_ascii();
    let mut add = |data: RData| {
        reply.add_answer(Record::from_rdata(name.clone(), TTL, data));
    };
    let four = |last: u8| RData::A(A(Ipv4Addr::new(192, 0, 2, last)));
    let six = |last: u16| RData::AAAA(AAAA(Ipv6Addr::new(0x2001, 0xdb8, 0xff, 0, 0, 0, 0, last)));
    match (folded.as_str(), rtype) {
        ("www.example.org.", RecordType::A) => (80..82).for_each(|last| add(four(last))),
        ("www.example.org.", RecordType::AAAA) => add(six(0x80)),
        ("six.example.org.", RecordType::AAAA) => add(six(6)),
        ("txt.example.org.", RecordType::TXT) => add(RData::TXT(TXT::new(vec!["a text".to_owned()]))),
        ("big.example.org.", RecordType::A) => (0..120).for_each(|last| add(four(last))),
        ("alias.example.org.", _) => {
            let target = Name::from_ascii("www.example.org.").expect("a name");
            add(RData::CNAME(CNAME(target.clone())));
            if rtype == RecordType::A {
                for last in 80..82 {
                    reply.add_answer(Record::from_rdata(target.clone(), TTL, four(last)));
                }
            }
        }
        (
            "www.example.org." | "six.example.org." | "txt.example.org." | "big.example.org."
            | "empty.example.org.",
            _,
        ) => {
            negative(reply);
        }
        ("fail.example.org.", _) => reply.metadata.response_code = ResponseCode::ServFail,
        ("refused.example.org.", _) => reply.metadata.response_code = ResponseCode::Refused,
        _ => {
            reply.metadata.response_code = ResponseCode::NXDomain;
            negative(reply);
        }
    }
}

/// The SOA record that says for how long there is nothing.
fn negative(reply: &mut Message) {
    let name = |text| Name::from_ascii(text).expect("a name");
    let soa = SOA::new(name("ns.example.org."), name("hostmaster.example.org."), 1, 7200, 1800, 86400, TTL);
    reply.add_authority(Record::from_rdata(name("example.org."), TTL, RData::SOA(soa)));
}
