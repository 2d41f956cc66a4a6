//! A query that asks for something else, or carries other EDNS options: what `rewrite` sends down.

use super::code::{Class, RecordType};
use super::message::{Records, Section};
use super::moved::Moved;
use super::{HEADER_LEN, Query};

/// What a query asks in place of what it did.
#[derive(Debug, Clone, Copy)]
pub struct Rephrased<'q> {
    /// QNAME: an uncompressed wire name, root label included.
    pub name: &'q [u8],
    /// QTYPE
    pub qtype: RecordType,
    /// QCLASS
    pub qclass: Class,
    /// The RDATA of its OPT record; `None` leaves that as it is.
    pub options: Option<&'q [u8]>,
    /// The UDP payload size of an OPT record that is added where the query has none and `options` needs one.
    pub udp_size: u16,
}

impl Rephrased<'_> {
    /// Writes the packet anew, for [`revised`](super::revised). Other records than OPT go along with their names as they
    /// were. Gives `None` where they cannot be read; the packet is none then.
    pub fn write(&self, query: &Query<'_>, packet: &mut Vec<u8>) -> Option<()> {
        let old = query.packet();
        packet.clear();
        packet.extend_from_slice(old.get(..HEADER_LEN)?);
        packet.extend_from_slice(self.name);
        packet.extend_from_slice(&self.qtype.0.to_be_bytes());
        packet.extend_from_slice(&self.qclass.0.to_be_bytes());
        let mut records = Records::of(old)?;
        let mut moved = None;
        for record in records.by_ref() {
            if record.rtype != RecordType::OPT || record.section != Section::Additional {
                moved.get_or_insert_with(|| Moved::new(old)).record(&record, packet)?;
                continue;
            }
            match self.options {
                Some(options) => {
                    packet.extend_from_slice(old.get(record.start..record.fixed + 8)?);
                    push_options(options, packet)?;
                }
                None => packet.extend_from_slice(old.get(record.start..record.end)?),
            }
        }
        if records.is_broken() {
            return None;
        }
        if let Some(options) = self.options.filter(|options| !options.is_empty() && query.edns().is_none()) {
            packet.extend_from_slice(&[0, 0, 41]);
            packet.extend_from_slice(&self.udp_size.to_be_bytes());
            packet.extend_from_slice(&[0; 4]);
            push_options(options, packet)?;
            let count = u16::from_be_bytes([packet[10], packet[11]]).checked_add(1)?;
            packet[10..12].copy_from_slice(&count.to_be_bytes());
        }
        Some(())
    }
}

fn push_options(options: &[u8], packet: &mut Vec<u8>) -> Option<()> {
    packet.extend_from_slice(&u16::try_from(options.len()).ok()?.to_be_bytes());
    packet.extend_from_slice(options);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Name, revised, test_origin};
    use crate::plugin::question_packet;

    fn name(text: &str) -> Name {
        Name::from_text(text).unwrap()
    }

    /// The query below: name, type, class, EDNS size, DO, the option 65,518.
    type Seen = (String, RecordType, Class, Option<(u16, bool)>, Option<Vec<u8>>);

    fn below(packet: &[u8], rephrased: &Rephrased<'_>) -> Seen {
        let query = Query::parse(packet, test_origin()).unwrap();
        let write = |packet: &mut Vec<u8>| rephrased.write(&query, packet).unwrap();
        let see = |query: &Query<'_>| {
            let edns = query.edns().map(|edns| (edns.udp_size, edns.dnssec_ok));
            let name = Name::from_wire(query.name()).unwrap().to_string();
            (name, query.qtype(), query.qclass(), edns, query.option(65518).map(<[u8]>::to_vec))
        };
        revised(&query, write, see).unwrap()
    }

    #[test]
    fn question_and_options_change_and_the_rest_stays() {
        let to = name("a.longer.name.example.");
        let mut rephrased = Rephrased {
            name: to.as_wire(),
            qtype: RecordType::MX,
            qclass: Class::CH,
            options: None,
            udp_size: 1232,
        };
        let bare = question_packet(7, name("example.org").as_wire(), RecordType::A, None);
        let edns = question_packet(7, name("example.org").as_wire(), RecordType::A, Some((900, true)));
        let seen = |edns, option| (to.to_string(), RecordType::MX, Class::CH, edns, option);
        assert_eq!(below(&bare, &rephrased), seen(None, None));
        assert_eq!(below(&edns, &rephrased), seen(Some((900, true)), None));
        rephrased.options = Some(&[0xff, 0xee, 0, 2, b'h', b'i']);
        let hi = Some(b"hi".to_vec());
        assert_eq!(below(&bare, &rephrased), seen(Some((1232, false)), hi.clone()));
        assert_eq!(below(&edns, &rephrased), seen(Some((900, true)), hi));
        rephrased.options = Some(&[]);
        assert_eq!(below(&bare, &rephrased), seen(None, None));
    }

    #[test]
    fn records_of_a_query_keep_their_names() {
        // IXFR: the SOA record in the authority section points to the question.
        let mut packet = question_packet(7, name("zone.example").as_wire(), RecordType::IXFR, None);
        packet[9] = 1;
        packet.extend_from_slice(&[0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 0, 0, 24, 0xc0, 17, 0xc0, 12]);
        packet.extend_from_slice(&[0; 20]);
        let query = Query::parse(&packet, test_origin()).unwrap();
        let to = name("b.");
        let rephrased = Rephrased {
            name: to.as_wire(),
            qtype: RecordType::IXFR,
            qclass: Class::IN,
            options: None,
            udp_size: 1232,
        };
        let mut out = packet.clone();
        rephrased.write(&query, &mut out).unwrap();
        let message = hickory_proto::op::Message::from_vec(&out).unwrap();
        assert_eq!(message.queries[0].name().to_string(), "b.");
        assert_eq!(message.authorities[0].name.to_string(), "zone.example.");
        assert!(message.authorities[0].data.to_string().starts_with("example. zone.example. 0 "));
    }
}
