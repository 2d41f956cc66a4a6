use hickory_proto::op::{Message, OpCode};
use proptest::prelude::*;

use super::*;
use crate::dns::{Class, Flags, NameError, RecordType};

fn question(line: &str) -> Question {
    line.parse().unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn error(line: &str) -> String {
    line.parse::<Question>().unwrap_err().to_string()
}

#[test]
fn a_name_alone_asks_for_an_address() {
    let asked = question("Web.Example.ORG");
    assert_eq!(&*asked.name, b"\x03Web\x07Example\x03ORG\x00");
    assert_eq!((asked.rtype, asked.class, asked.flags), (RecordType::A, Class::IN, Flags::RD));
    assert_eq!((asked.edns.as_ref(), asked.carrier, asked.is_over_tcp()), (None, Carrier::Udp, false));
    assert_eq!(asked.to_string(), "Web.Example.ORG. A");
    assert_eq!(question("web.example.org. # of the shop").to_string(), "web.example.org. A");
}

#[test]
fn type_and_class_stand_in_any_order_and_any_is_a_type_first() {
    assert_eq!(question("version.bind CH TXT"), question("version.bind txt ch"));
    assert_eq!(question("a ANY").rtype, RecordType::ANY);
    let both = question("a ANY ANY");
    assert_eq!((both.rtype, both.class), (RecordType::ANY, Class::ANY));
    assert_eq!(question("a TYPE65280 CLASS7").to_string(), "a. TYPE65280 CLASS7");
}

#[test]
fn options_say_what_the_packet_has() {
    let line =
        "a. AAAA +notcp +edns=4096 +version=1 +do +option=3 +option=10:0102 +norec +z +ad +cd +opcode=4";
    assert_eq!(question(line).to_string(), line);
    assert_eq!(question("a +bufsize=512 +dnssec").to_string(), "a. A +edns=512 +do");
    assert_eq!(question("a +edns").edns.map(|edns| edns.size), Some(EDNS_SIZE));
    assert!(question("a +tcp").is_over_tcp());
    assert!(question("a AXFR").is_over_tcp());
    assert!(!question("a AXFR +notcp").is_over_tcp());
    assert_eq!(question("a ixfr=7").serial, Some(7));
}

#[test]
fn the_packet_is_what_the_oracle_reads() {
    let packet =
        question("Web.example.org SRV +edns=1400 +do +cd +option=65001:beef +opcode=2").packet(0xabcd);
    let message = Message::from_vec(&packet).unwrap();
    assert_eq!(message.metadata.id, 0xabcd);
    assert_eq!(message.metadata.op_code, OpCode::Status);
    assert!(message.metadata.recursion_desired && message.metadata.checking_disabled);
    assert_eq!(message.queries[0].to_string(), "Web.example.org. IN SRV");
    let edns = message.edns.unwrap();
    assert_eq!((edns.max_payload(), edns.version(), edns.flags().dnssec_ok), (1400, 0, true));
    assert_eq!(edns.options().options.len(), 1);

    let ixfr = Message::from_vec(&question("example.org IXFR=2024").packet(1)).unwrap();
    let soa = ixfr.authorities[0].to_string();
    assert!(soa.starts_with("example.org. 0 IN SOA . . 2024 "), "{soa}");
}

#[test]
fn what_is_wrong_is_named() {
    assert_eq!(
        "a..b".parse::<Question>(),
        Err(QuestionError::Name { word: "a..b".to_owned(), error: NameError::EmptyLabel })
    );
    assert!(error("a AAAAA").starts_with("`AAAAA` is neither a type nor a class"));
    assert!(error("a A AAAA").starts_with("`AAAA` is a second type or class"));
    assert!(error("a +dnsec").starts_with("`+dnsec` is no option: there are +tcp"));
    assert!(error("a +tcp=1").contains("takes no value"));
    assert!(error("a +edns=65536").contains("0 to 65535"));
    assert!(error("a +edns=+1").contains("0 to 65535"));
    assert!(error("a +opcode=16").contains("0 to 15"));
    assert!(error("a +option=1:0").contains("hexadecimal"));
    assert!(error("a IXFR=x").contains("neither a type"));
}

#[test]
fn a_file_has_comments_empty_lines_and_all_of_its_errors() {
    let questions = read_questions("# first\n\na A\r\n  ; second\n\tb AAAA ; third\n").unwrap();
    assert_eq!(questions.iter().map(Question::to_string).collect::<Vec<_>>(), ["a. A", "b. AAAA"]);
    let errors = read_questions("a\nb X\n\nc..d\n").unwrap_err();
    assert_eq!(errors.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4]);
}

fn any_name() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 1..12), 0..6).prop_map(|labels| {
        let mut wire: Vec<u8> =
            labels.iter().flat_map(|label| [&[label.len() as u8], &label[..]].concat()).collect();
        wire.push(0);
        wire
    })
}

fn any_edns() -> impl Strategy<Value = QuestionEdns> {
    let option = (any::<u16>(), prop::collection::vec(any::<u8>(), 0..20));
    (any::<u16>(), any::<u8>(), any::<bool>(), prop::collection::vec(option, 0..4))
        .prop_map(|(size, version, dnssec_ok, options)| QuestionEdns { size, version, dnssec_ok, options })
}

fn any_question() -> impl Strategy<Value = Question> {
    let numbers = (any::<u16>(), any::<u16>(), prop::option::of(any::<u32>()), 0_u8..16);
    let flags = prop::sample::subsequence(
        vec![Flags::RD, Flags::AA, Flags::TC, Flags::RA, Z, Flags::AD, Flags::CD],
        0..=7,
    );
    let carrier = prop::sample::select(vec![Carrier::Udp, Carrier::UdpOnly, Carrier::Tcp]);
    (any_name(), numbers, flags, prop::option::of(any_edns()), carrier).prop_map(
        |(name, (rtype, class, serial, opcode), flags, edns, carrier)| Question {
            rtype: if serial.is_some() { RecordType::IXFR } else { RecordType(rtype) },
            class: Class(class),
            serial,
            flags: flags.iter().sum(),
            opcode,
            edns,
            carrier,
            ..Question::new(&name, RecordType::A)
        },
    )
}

proptest! {
    #[test]
    fn a_question_is_read_as_it_is_written(question in any_question()) {
        let line = question.to_string();
        prop_assert!(line.is_ascii());
        prop_assert_eq!(line.parse::<Question>(), Ok(question.clone()));
        prop_assert_eq!(read_questions(&format!("\n{line} # comment\n")), Ok(vec![question]));
    }

    #[test]
    fn any_line_is_a_question_or_an_error(line in "\\PC{0,60}") {
        if let Ok(question) = line.parse::<Question>() {
            prop_assert_eq!(question.to_string().parse::<Question>(), Ok(question));
        }
    }
}
