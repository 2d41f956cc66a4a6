//! Records, written and read as text.

use hickory_proto::rr::{Name, RData, Record};
use hickory_proto::serialize::txt::Parser;

/// The record of a line `OWNER TTL TYPE DATA`.
pub fn parse(line: &str) -> Result<Record, String> {
    let mut words = line.split_whitespace();
    let (Some(owner), Some(ttl)) = (words.next(), words.next()) else {
        return Err(format!("`{line}` is no `OWNER TTL TYPE DATA`"));
    };
    let rest: Vec<&str> = words.collect();
    let text = format!("{owner} {ttl} IN {}\n", rest.join(" "));
    let parsed = Parser::new(text.as_str(), None, Some(Name::root())).parse();
    let (_, sets) = parsed.map_err(|error| format!("`{line}`: {error}"))?;
    let mut records =
        sets.into_values().flat_map(|set| set.records_without_rrsigs().cloned().collect::<Vec<_>>());
    let mut record = records.next().ok_or_else(|| format!("`{line}` is no record"))?;
    // The parser lowers the letters of owners.
    record.name = Name::from_ascii(owner).map_err(|error| format!("`{owner}`: {error}"))?;
    Ok(record)
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
