//! The world outside the cluster: a name server that knows one name, on a free port, over UDP and TCP.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record, RecordType};

use crate::lab::name_server;

/// The one name, and its only record. Every other name is a name error.
pub const NAME: &str = "outside.example.org.";
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 80);

/// Starts the name server; its threads end with the test program.
pub fn start(address: SocketAddr) -> io::Result<()> {
    name_server(address, |query, _| answer(query))
}

fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).ok()?;
    let question = query.queries.first()?;
    let mut reply = Message::response(query.metadata.id, OpCode::Query);
    reply.metadata.recursion_desired = query.metadata.recursion_desired;
    reply.metadata.recursion_available = true;
    reply.add_query(question.clone());
    if question.name.to_lowercase().to_ascii() != NAME {
        reply.metadata.response_code = ResponseCode::NXDomain;
    } else if question.query_type == RecordType::A {
        reply.add_answer(Record::from_rdata(question.name.clone(), 300, RData::A(A(ADDRESS))));
    }
    reply.to_vec().ok()
}
