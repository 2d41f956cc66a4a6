//! Records of a batch into a message, names compressed against those that stand there already (RFC 1035 §4.1.4).

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::message::Section;
use super::name::{POINTER_MAX, wire_len};
use super::{BatchRecord, HEADER_LEN, Owner, Rdata, RecordType, Response};

/// The suffixes of names that stand in a message, each where a pointer reaches it.
///
/// Names are compared with their letters: what a record says is what its zone says, whatever the question was spelled
/// like. One packer serves message after message and keeps its table.
#[derive(Debug, Default)]
pub struct Packer {
    known: HashTable<Known>,
    hasher: RandomState,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    hash: u64,
    at: u16,
}

/// A name as it goes into a message: so many octets of it, and then a pointer.
struct Split {
    length: usize,
    target: Option<usize>,
}

impl Packer {
    /// Begins a message: one that has a question and no records yet.
    pub fn begin(&mut self, response: &Response) {
        self.begin_with(response.message());
    }

    /// The same, for a message that is no response yet.
    pub(super) fn begin_with(&mut self, message: &[u8]) {
        self.known.clear();
        let question = message.get(HEADER_LEN..).unwrap_or_default();
        if let Some(length) = wire_len(question) {
            self.note(HEADER_LEN, &question[..length], length);
        }
    }

    /// Appends a whole name to the message, and remembers it. Where it `may_point`, what is there already is pointed to.
    pub(super) fn write(&mut self, message: &mut Vec<u8>, name: &[u8], may_point: bool) {
        let start = message.len();
        let split = self.split(message, name);
        match split.target.filter(|_| may_point) {
            Some(target) => {
                message.extend_from_slice(&name[..split.length]);
                message.extend_from_slice(&(0xc000 | target as u16).to_be_bytes());
            }
            None => message.extend_from_slice(name),
        }
        self.note(start, name, split.length);
    }

    /// Appends a record to the answer section. Gives whether there was room.
    pub fn append(&mut self, response: &mut Response, record: &BatchRecord<'_>) -> bool {
        let start = response.message().len();
        let split = self.split(response.message(), record.owner);
        let owner = match split.target {
            Some(at) if split.length == 0 => Owner::At(at),
            Some(at) => Owner::Below(&record.owner[..split.length], at),
            None => Owner::Name(record.owner),
        };
        let names = name_count(record.rtype);
        let written =
            response.record(Section::Answer, owner, record.rtype, record.ttl, |rdata| match names {
                0 => rdata.octets(record.rdata),
                // The owner counts from the next record on: it is known where it stands.
                names => self.write_names(rdata, record.rdata, names),
            });
        let Some(rdata_at) = written else { return false };
        self.note(start, record.owner, split.length);
        if names > 0 {
            let first = wire_len(record.rdata).unwrap_or(0);
            self.note(rdata_at, &record.rdata[..first], written_len(&response.message()[rdata_at..]));
        }
        true
    }

    /// Writes the names that RDATA begins with, and what stands behind them.
    fn write_names(&self, rdata: &mut Rdata<'_>, mut rest: &[u8], names: usize) {
        for _ in 0..names {
            let length = wire_len(rest).unwrap_or(rest.len());
            let (name, tail) = rest.split_at(length);
            let split = self.split(rdata.message(), name);
            rdata.octets(&name[..split.length]);
            if let Some(at) = split.target {
                rdata.pointer(at);
            }
            rest = tail;
        }
        rdata.octets(rest);
    }

    /// The longest suffix of the name that the message has already.
    fn split(&self, message: &[u8], name: &[u8]) -> Split {
        let mut at = 0;
        while at < name.len() && name[at] != 0 {
            let suffix = &name[at..];
            let found = self.known.find(self.hasher.hash_one(suffix), |known| {
                stands_at(message, usize::from(known.at), suffix)
            });
            if let Some(known) = found {
                return Split { length: at, target: Some(usize::from(known.at)) };
            }
            at += usize::from(name[at]) + 1;
        }
        Split { length: name.len(), target: None }
    }

    /// Remembers the suffixes of a name that begin within its first `length` octets, which are written at `start`: what
    /// a pointer stands for is known already.
    fn note(&mut self, start: usize, name: &[u8], length: usize) {
        let mut at = 0;
        while at < length && name[at] != 0 && start + at <= POINTER_MAX {
            let hash = self.hasher.hash_one(&name[at..]);
            self.known.insert_unique(hash, Known { hash, at: (start + at) as u16 }, |known| known.hash);
            at += usize::from(name[at]) + 1;
        }
    }
}

/// How many names RDATA begins with, in the types in which they may be compressed (RFC 3597 §4).
fn name_count(rtype: RecordType) -> usize {
    match rtype {
        RecordType::NS | RecordType::CNAME | RecordType::PTR => 1,
        RecordType::SOA => 2,
        _ => 0,
    }
}

/// The octets that a name takes where it stands, without its pointer.
fn written_len(octets: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&length) = octets.get(at).filter(|length| **length != 0 && **length & 0xc0 == 0) {
        at += usize::from(length) + 1;
    }
    at
}

/// Whether the name at `at` of the message is this one, pointers followed. All pointers are our own and lead back.
fn stands_at(message: &[u8], mut at: usize, name: &[u8]) -> bool {
    let mut rest = name;
    loop {
        match message.get(at) {
            Some(&high) if high & 0xc0 == 0xc0 => {
                let Some(&low) = message.get(at + 1) else { return false };
                let target = usize::from(high & 0x3f) << 8 | usize::from(low);
                if target >= at {
                    return false;
                }
                at = target;
            }
            Some(0) => return rest == [0],
            Some(&length) => {
                let end = usize::from(length) + 1;
                if rest.get(..end).is_none_or(|label| message.get(at..at + end) != Some(label)) {
                    return false;
                }
                rest = &rest[end..];
                at += end;
            }
            None => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Name, Query, RecordBatch, Records, skip_name, test_origin};
    use proptest::prelude::*;

    fn wire(text: &str) -> Vec<u8> {
        Name::from_text(text).unwrap().as_wire().to_vec()
    }

    fn question(name: &[u8]) -> Vec<u8> {
        [&[0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], name, &[0, 252, 0, 1]].concat()
    }

    fn begun(packet: &[u8]) -> Response {
        let mut response = Response::new();
        response.begin(&Query::parse(packet, test_origin()).unwrap());
        response
    }

    /// The name at `at`, with its letters.
    fn expanded(message: &[u8], mut at: usize) -> Vec<u8> {
        let mut name = Vec::new();
        while message[at] != 0 {
            if message[at] >= 0xc0 {
                at = usize::from(message[at] & 0x3f) << 8 | usize::from(message[at + 1]);
            } else {
                let end = at + 1 + usize::from(message[at]);
                name.extend_from_slice(&message[at..end]);
                at = end;
            }
        }
        [&name[..], &[0]].concat()
    }

    #[test]
    fn names_end_in_pointers_to_what_stands_before() {
        let packet = question(&wire("cluster.local"));
        let mut response = begun(&packet);
        let mut packer = Packer::default();
        packer.begin(&response);
        let mut batch = RecordBatch::new();
        let (zone, web) = (wire("cluster.local"), wire("web.ns.svc.cluster.local"));
        batch.push(&[&zone], RecordType::NS, 5, &[&web]);
        batch.push_address(&[&web], 5, "192.0.2.1".parse().unwrap());
        batch.push_address(&[b"\x02ep", &web], 5, "192.0.2.1".parse().unwrap());
        batch.push(&[&wire("db.ns.svc.cluster.local")], RecordType::SRV, 5, &[&[0; 6], &web]);
        for record in batch.iter() {
            assert!(packer.append(&mut response, &record));
        }
        let body = &response.message()[packet.len()..];
        let fixed = |rtype: u8, length: u8| [0, rtype, 0, 1, 0, 0, 0, 5, 0, length];
        let expected = [
            &[0xc0, 12][..],
            &fixed(2, 13),
            b"\x03web\x02ns\x03svc\xc0\x0c",
            &[0xc0, 12 + 19 + 12],
            &fixed(1, 4),
            &[192, 0, 2, 1],
            &[2, b'e', b'p', 0xc0, 12 + 19 + 12],
            &fixed(1, 4),
            &[192, 0, 2, 1],
            &[2, b'd', b'b', 0xc0, 12 + 19 + 12 + 4],
            // The target of an SRV record is not compressed (RFC 2782).
            &fixed(33, 6 + web.len() as u8),
            &[0; 6],
            &web,
        ];
        assert_eq!(body, expected.concat());
    }

    #[test]
    fn letters_of_the_question_are_not_those_of_the_zone() {
        let packet = question(b"\x05LOCAL\0");
        let mut response = begun(&packet);
        let mut packer = Packer::default();
        packer.begin(&response);
        let mut batch = RecordBatch::new();
        batch.push_address(&[b"\x01a\x05local\0"], 5, "192.0.2.1".parse().unwrap());
        batch.push_address(&[b"\x01b\x05local\0"], 5, "192.0.2.1".parse().unwrap());
        for record in batch.iter() {
            assert!(packer.append(&mut response, &record));
        }
        let message = response.message();
        let owners: Vec<_> = response.records().map(|record| expanded(message, record.start)).collect();
        assert_eq!(owners, [b"\x01a\x05local\0", b"\x01b\x05local\0"]);
    }

    #[test]
    fn a_full_message_takes_no_more() {
        let packet = question(&wire("x"));
        let mut response = begun(&packet);
        let mut packer = Packer::default();
        packer.begin(&response);
        let mut batch = RecordBatch::new();
        batch.push(&[&wire("a.x")], RecordType::TXT, 5, &[&[7; 30_000]]);
        let (record, _) = batch.get(0).unwrap();
        assert!(packer.append(&mut response, &record));
        assert!(packer.append(&mut response, &record));
        assert!(!packer.append(&mut response, &record));
        assert_eq!(response.count(Section::Answer), 2);
    }

    proptest! {
        /// Whatever the names, and past the reach of a pointer: what comes out is what went in.
        #[test]
        fn records_are_read_as_they_were_written(
            names in prop::collection::vec(prop::collection::vec("[abAB]{1,3}", 0..5), 1..2500),
            asked in prop::collection::vec("[abAB]{1,3}", 0..3),
        ) {
            let wire = |labels: &[String]| -> Vec<u8> {
                let labels = labels.iter().flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat());
                labels.chain([0]).collect()
            };
            let packet = question(&wire(&asked));
            let mut response = begun(&packet);
            let mut packer = Packer::default();
            packer.begin(&response);
            let mut batch = RecordBatch::new();
            for (at, name) in names.iter().enumerate() {
                let (owner, target) = (wire(name), wire(&names[at / 2]));
                if at % 3 == 0 {
                    batch.push(&[&owner], RecordType::CNAME, 5, &[&target]);
                } else if at % 50 == 1 {
                    batch.push(&[&owner], RecordType::SOA, 5, &[&target, &owner, &[9; 20]]);
                } else {
                    batch.push(&[&owner], RecordType::A, 5, &[&[1, 2, 3, 4]]);
                }
            }
            for record in batch.iter() {
                prop_assert!(packer.append(&mut response, &record));
            }
            let message = response.message();
            let records: Vec<_> = Records::of(message).unwrap().collect();
            prop_assert_eq!(records.len(), names.len());
            for (read, written) in records.iter().zip(batch.iter()) {
                prop_assert_eq!(&expanded(message, read.start)[..], written.owner);
                let rdata = match written.rtype {
                    RecordType::CNAME => expanded(message, read.rdata_at()),
                    RecordType::SOA => {
                        let second = skip_name(message, read.rdata_at()).unwrap();
                        [&expanded(message, read.rdata_at())[..], &expanded(message, second), &[9; 20]].concat()
                    }
                    _ => message[read.rdata_at()..read.end].to_vec(),
                };
                prop_assert_eq!(&rdata[..], written.rdata);
            }
        }
    }
}
