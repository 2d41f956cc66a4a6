//! Records, written and read as text.

use hickory_proto::rr::{RData, Record};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};
use kubezone::dns::presentation;

/// The record of a line `OWNER TTL TYPE DATA`, in its letters.
pub fn parse(line: &str) -> Result<Record, String> {
    let read = presentation::first_record(line).map_err(|error| format!("`{line}`: {error}"))?;
    let mut octets = read.owner;
    octets.extend(read.rtype.0.to_be_bytes());
    octets.extend(read.class.0.to_be_bytes());
    octets.extend(read.ttl_s.to_be_bytes());
    octets.extend(u16::try_from(read.rdata.len()).map_err(|_| "the data is too long")?.to_be_bytes());
    octets.extend(read.rdata);
    Record::read(&mut BinDecoder::new(&octets)).map_err(|error| format!("`{line}`: {error}"))
}

/// `OWNER TTL TYPE DATA`, with the serial of a SOA record as it is.
pub fn text(record: &Record) -> String {
    let data = match &record.data {
        RData::Unknown { rdata, .. } => {
            let octets = &rdata.anything;
            format!("\\# {} {}", octets.len(), hex(octets))
        }
        data => data.to_string(),
    };
    format!("{} {} {} {data}", record.name, record.ttl, record.record_type())
}

pub fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

pub fn octets(hex: &str) -> Result<Vec<u8>, String> {
    if !hex.len().is_multiple_of(2) || !hex.is_ascii() {
        return Err(format!("`{hex}` is not octets in hexadecimal"));
    }
    let pairs = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16));
    pairs.collect::<Result<_, _>>().map_err(|error| format!("`{hex}`: {error}"))
}
