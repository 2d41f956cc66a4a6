//! A client over UDP: nothing is asked twice, a lost reply is a finding.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::{Record, RecordType};

use super::Answer;

/// A guard against a hang.
const PATIENCE: Duration = Duration::from_secs(10);

/// A name with its final dot, and a type by number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    pub name: String,
    pub qtype: u16,
}

pub struct Client {
    socket: UdpSocket,
    id: u16,
}

impl Client {
    pub fn new(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((server.ip(), 0)).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        socket.connect(server).expect("connected");
        Self { socket, id: 0 }
    }

    pub fn ask(&mut self, question: &Question) -> io::Result<Answer> {
        self.id = self.id.wrapping_add(1);
        self.socket.send(&encode(self.id, question))?;
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer)?;
        let message = Message::from_vec(&buffer[..length]).map_err(io::Error::other)?;
        if message.metadata.id != self.id || message.metadata.truncation {
            return Err(io::Error::other("another reply, or a cut one"));
        }
        let mut lines: Answer = message.answers.iter().map(text).collect();
        // The serial and the name server may be any.
        let is_record = |record: &&Record| record.record_type() != RecordType::OPT;
        lines
            .extend(message.additionals.iter().filter(is_record).map(|record| format!("+ {}", text(record))));
        lines.sort();
        lines.insert(0, message.metadata.response_code.to_str().to_owned());
        Ok(lines)
    }
}

fn encode(id: u16, question: &Question) -> Vec<u8> {
    let mut packet = Vec::new();
    for field in [id, 0x0100, 1, 0, 0, 1] {
        packet.extend(field.to_be_bytes());
    }
    for label in question.name.trim_end_matches('.').split('.') {
        packet.push(u8::try_from(label.len()).expect("a label"));
        packet.extend(label.as_bytes());
    }
    packet.push(0);
    packet.extend(question.qtype.to_be_bytes());
    // Class IN, then an OPT record with room for 4,096 octets.
    packet.extend([0, 1, 0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0]);
    packet
}

fn text(record: &Record) -> String {
    format!("{} {} {}", record.name, record.record_type(), record.data)
}
