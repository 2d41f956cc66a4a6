//! An answer that is said again, to others who asked the same at the same time.

use super::super::message::Section;
use super::super::{HEADER_LEN, Query};
use super::Response;
use super::opt::Opt;

/// What a response says, apart from whom it is said to.
#[derive(Debug)]
pub struct Said {
    message: Box<[u8]>,
    question_end: usize,
    counts: [u16; 3],
    rcode_high: u8,
    opt: Opt,
    is_full: bool,
    is_uncacheable: bool,
    author: Option<&'static str>,
}

impl Response {
    /// What this response to `query` says. For one that is not finished.
    #[must_use]
    pub fn said(&self, query: &Query<'_>) -> Said {
        Said {
            message: self.message.as_slice().into(),
            question_end: HEADER_LEN + query.question().len(),
            counts: self.counts,
            rcode_high: self.rcode_high,
            opt: self.opt.clone(),
            is_full: self.is_full,
            is_uncacheable: self.is_uncacheable,
            author: self.author,
        }
    }

    /// Says the same to `query`, whose question is the same but for the case of its letters: with its own id, spelling
    /// and size.
    pub fn say(&mut self, query: &Query<'_>, said: &Said) {
        self.begin(query);
        self.message.extend_from_slice(said.message.get(said.question_end..).unwrap_or_default());
        self.message[2..4].copy_from_slice(&said.message[2..4]);
        for section in [Section::Answer, Section::Authority, Section::Additional] {
            self.set_count(section, said.counts[section as usize]);
        }
        self.rcode_high = said.rcode_high;
        self.opt.take_over(&said.opt);
        self.is_full = said.is_full;
        self.is_uncacheable = said.is_uncacheable;
        self.author = said.author;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{InfoCode, Rcode, RecordType, test_origin};
    use crate::plugin::question_packet;

    #[test]
    fn the_same_is_said_under_another_id_and_in_other_letters() {
        let first = question_packet(7, b"\x03www\x07example\x00", RecordType::A, Some((1232, true)));
        let second = question_packet(9, b"\x03WWW\x07eXample\x00", RecordType::A, Some((1232, true)));
        let first = Query::parse(&first, test_origin()).unwrap();
        let mut response = Response::new();
        response.begin(&first);
        response.set_authoritative();
        response.answer_a(30, "192.0.2.1".parse().unwrap());
        response.set_rcode(Rcode(23));
        response.set_option(10, b"12345678");
        response.explain(InfoCode::STALE, |text| text.push_str("old"));
        response.set_uncacheable();
        let said = response.said(&first);
        let second = Query::parse(&second, test_origin()).unwrap();
        let mut other = Response::new();
        other.say(&second, &said);
        assert_eq!(other.rcode(), Rcode(23));
        assert!(!other.is_cacheable());
        let (one, two) = (response.finish().to_vec(), other.finish().to_vec());
        assert_eq!(two[..2], [0, 9]);
        assert_eq!(&two[12..25], b"\x03WWW\x07eXample\x00");
        assert_eq!((&one[2..12], &one[25..]), (&two[2..12], &two[25..]));
    }

    #[test]
    fn each_client_has_its_own_limit() {
        let large = question_packet(7, b"\x01a\x00", RecordType::A, Some((4096, false)));
        let small = question_packet(7, b"\x01a\x00", RecordType::A, Some((512, false)));
        let large = Query::parse(&large, test_origin()).unwrap();
        let mut response = Response::new();
        response.begin(&large);
        for number in 0..100 {
            response.answer_a(30, std::net::Ipv4Addr::from(number));
        }
        let said = response.said(&large);
        let small = Query::parse(&small, test_origin()).unwrap();
        let mut other = Response::new();
        other.say(&small, &said);
        assert!(other.finish().len() <= 512);
        assert!(response.finish().len() > 1600);
    }
}
