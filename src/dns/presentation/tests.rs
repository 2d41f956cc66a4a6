use hickory_proto::rr::{RData, RecordType as OracleType};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder};
use proptest::prelude::*;

use super::*;
use crate::dns::{Class, RecordType, write_text};

fn record(text: &str) -> TextRecord {
    first_record(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn rdata_hex(text: &str) -> String {
    data_encoding::HEXLOWER.encode(&record(text).rdata)
}

/// What is wrong and with which part of the text.
fn refusal(text: &str) -> String {
    let error = first_record(text).expect_err(text);
    format!("{} | {error}", &text[error.place.clone()])
}

/// Owner, TTL, class, type.
fn head(text: &str) -> String {
    let record = record(text);
    let mut owner = String::new();
    write_text(&record.owner, &mut owner).unwrap();
    format!("{owner} {} {} {}", record.ttl_s, record.class, record.rtype)
}

#[test]
fn ttl_and_class_stand_in_any_order_or_not_at_all() {
    for (text, expected) in [
        ("a.example. 60 IN A 192.0.2.1", "a.example. 60 IN A"),
        ("a.example. IN 60 A 192.0.2.1", "a.example. 60 IN A"),
        ("a.example. A 192.0.2.1", "a.example. 3600 IN A"),
        ("a.example. IN A 192.0.2.1", "a.example. 3600 IN A"),
        ("a.example. 60 A 192.0.2.1", "a.example. 60 IN A"),
        ("a.example 60 in a 192.0.2.1", "a.example. 60 IN A"),
        ("A.Example. 1h30m CH TXT x", "A.Example. 5400 CH TXT"),
        ("a. 1w2d CLASS4 TYPE1 192.0.2.1", "a. 777600 HS A"),
        ("@ 0 IN NS a.", ". 0 IN NS"),
        ("a\\.b.example. 5 IN NS c.", "a\\.b.example. 5 IN NS"),
        ("a. 5 ANY TXT x", "a. 5 ANY TXT"),
        ("\n\n ; nothing\n; nor here\na. 5 IN TXT x ; a comment\nb. 6 IN TXT y", "a. 5 IN TXT"),
    ] {
        assert_eq!(head(text), expected, "{text}");
    }
}

#[test]
fn the_first_record_ends_where_its_line_does() {
    let text = "a. 5 IN SOA b. c. ( 1 2 ; serial\n 3 4\n 5 )\nb. 5 IN TXT x";
    let first = record(text);
    assert_eq!(&text[first.end..], "b. 5 IN TXT x");
    assert_eq!(first.rdata, b"\x01b\0\x01c\0\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05");
}

#[test]
fn rdata_of_each_type() {
    for (text, expected) in [
        ("a. A 192.0.2.1", "c0000201"),
        ("a. AAAA 2001:db8::1", "20010db8000000000000000000000001"),
        ("a. NS B.c", "014201630 0"),
        ("a. MX 10 b.", "000a016200"),
        ("a. SRV 1 2 443 b.", "0001000201bb016200"),
        ("a. SOA b. c. 1 2h 3 4 1d", "0162000163000000000100001c20000000030000000400015180"),
        ("a. TXT one \"two three\" \"\" \\065\\\"", "036f6e650974776f207468726565000241 22"),
        ("a. HINFO \"PC x\"", "02504301 78"),
        ("a. HINFO PC", "02504300"),
        ("a. HINFO PC Linux", "025043054c696e7578"),
        ("a. CAA 0 issue \"ca.example; x=1\"", "00056973737565 63612e6578616d706c653b20783d31"),
        ("a. URI 1 2 \"https://b/\"", "0001000268747470733a2f2f622f"),
        (
            "a. NAPTR 1 2 \"s\" \"SIP+D2U\" \"\" _sip._udp.b.",
            "0001000201730753 49502b443255 00 045f736970045f756470016200",
        ),
        ("a. RP b. .", "01620000"),
        ("a. CERT PKIX 0 RSASHA256 AQID", "0001000008010203"),
        ("a. DS 1 ECDSAP256SHA256 2 AB CD", "00010d02abcd"),
        ("a. DNSKEY 257 3 13 AQ ID", "0101030d010203"),
        (
            "a. RRSIG A 13 2 60 20260101000000 1735689600 7 b. AQID",
            "00010d020000003c6955b900677485800007016200010203",
        ),
        ("a. NSEC b. A MX TYPE65280", "01620000024001ff0180"),
        ("a. NSEC3 1 0 5 - 2vptu5timamqttgl4luu9kg21e0aor3s A", "0100000500141 7f3ecf9b2b2b57 4f7155"),
        ("a. NSEC3PARAM 1 0 5 aabb", "0100000502aabb"),
        ("a. SSHFP 1 1 ab cd", "0101abcd"),
        ("a. TLSA 3 1 1 ab", "030101ab"),
        ("a. ZONEMD 1 1 1 ab", "000000010101ab"),
        ("a. CSYNC 1 3 A NS", "0000000100030001 60"),
        ("a. EUI48 00-00-5e-00-53-2a", "00005e00532a"),
        ("a. NID 10 0014:4fff:ff20:ee64", "000a00144fffff20ee64"),
        (
            "a. HTTPS 1 . alpn=h2,h3 port=443 ipv4hint=192.0.2.1,192.0.2.2",
            "000100 00010006026832026833 0003000201bb 00040008c0000201c0000202",
        ),
        ("a. SVCB 0 b.", "0000016200"),
        (
            "a. SVCB 1 b. key667=\"a b\" no-default-alpn mandatory=port,alpn alpn=\"f\\\\,oo\" port=1",
            "0001016200 0000000400010003 0001000504662c6f6f 00020000 000300020001 029b0003612062",
        ),
        ("a. TYPE65280 \\# 3 01 0203", "010203"),
        ("a. A \\# 4 c0000201", "c0000201"),
        ("a. TXT \\# 0", ""),
        ("a. EID ab", "ab"),
    ] {
        let expected = expected.replace(' ', "");
        if text.contains("NSEC3 ") {
            assert!(rdata_hex(text).starts_with("010000050014"), "{text}");
            assert_eq!(record(text).rdata.len(), 5 + 1 + 20 + 3, "{text}");
        } else {
            assert_eq!(rdata_hex(text), expected, "{text}");
        }
    }
}

#[test]
fn a_long_text_is_cut_into_strings() {
    let rdata = record(&format!("a. TXT \"{}\"", "x".repeat(300))).rdata;
    assert_eq!((rdata[0], rdata[256], rdata.len()), (255, 45, 302));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, expected) in [
        ("", " | a resource record is missing"),
        ("; nothing", " | a resource record is missing"),
        ("test.example.", "test.example. | the type of the record is missing"),
        ("a. example.", "example. | `example.` is no TTL, class or type of a record"),
        ("a. 5 6 A 192.0.2.1", "6 | `6` is no class or type of a record"),
        ("a. IN IN A 192.0.2.1", "IN | the class stands here twice"),
        ("a. 5 IN A", "A | the data of the record of type A is missing"),
        ("a. 5 IN A 192.0.2", "192.0.2 | `192.0.2` is no IPv4 address"),
        ("a. 5 IN A 2001:db8::1", "2001:db8::1 | `2001:db8::1` is no IPv4 address"),
        ("a. 5 IN A 192.0.2.1 192.0.2.2", "192.0.2.2 | `192.0.2.2` is too much for a record of type A"),
        ("a. MX b.", "b. | `b.` is no number of 16 bits"),
        ("a. MX 70000 b.", "70000 | `70000` is no number of 16 bits"),
        ("a. MX 10", "10 | a domain name is missing"),
        ("a. CNAME b..c", "b..c | `b..c` is no domain name: a name has no empty labels"),
        ("a. CNAME \"b\"", "\"b\" | `b` is no domain name: it stands without quotes"),
        ("a. TXT \"b", "\" | this quote is never closed"),
        ("a. SOA b. c. (1 2 3 4", "( | this parenthesis is never closed"),
        ("a. TXT )", ") | nothing was opened that `)` closes"),
        ("a. TXT \\999", "\\999 | `\\` stands before one character or three digits up to 255"),
        ("  a. TXT b", "a. | a record begins with its owner, and not with a blank"),
        ("$ORIGIN b.", "$ORIGIN | directives are not taken here, only a record"),
        ("a. LOC 1 N 1 E 0m", "1 | data of type LOC is written as `\\# LENGTH HEX` here (RFC 3597)"),
        ("a. TYPE65280 b", "b | data of type TYPE65280 is written as `\\# LENGTH HEX` here (RFC 3597)"),
        ("a. OPT \\# 0", "OPT | type OPT is of questions and messages, not of records"),
        ("a. TYPE65280 \\# 2 01", "2 | the data has 1 octets, and not 2"),
        ("a. DS 1 13 2 xyz", "xyz | this is not hexadecimal"),
        ("a. SVCB 1 . port=x", "port=x | `x` is no value of `port`"),
        ("a. SVCB 1 . colour=red", "colour=red | `colour` is no key of a service parameter"),
        ("a. HINFO a b c", "c | there are two texts here; write those with blanks in quotes"),
        ("a. 99999999999 A 192.0.2.1", "99999999999 | `99999999999` is no TTL, class or type of a record"),
    ] {
        assert_eq!(refusal(text), expected, "{text}");
    }
}

#[test]
fn hickory_reads_the_same() {
    for (rtype, data) in [
        (OracleType::A, "192.0.2.1"),
        (OracleType::AAAA, "2001:db8::1"),
        (OracleType::CNAME, "b.example."),
        (OracleType::MX, "10 b.example."),
        (OracleType::SRV, "1 2 443 b.example."),
        (OracleType::SOA, "b.example. c.invalid. 1 7200 3 4 86400"),
        (OracleType::TXT, "one \"two three\""),
        (OracleType::NAPTR, "1 2 \"s\" \"SIP\" \"\" b.example."),
        (OracleType::CAA, "0 issue \"ca.example\""),
        (OracleType::TLSA, "3 1 1 abcd"),
        (OracleType::SSHFP, "1 1 abcd"),
        (OracleType::HTTPS, "1 . alpn=h2,h3 port=443 ipv4hint=192.0.2.1"),
        (OracleType::HINFO, "PC Linux"),
    ] {
        let oracle = RData::try_from_str(rtype, data).unwrap_or_else(|error| panic!("{data}: {error}"));
        let mut octets = Vec::new();
        oracle.emit(&mut BinEncoder::new(&mut octets)).unwrap();
        assert_eq!(record(&format!("a. {rtype} {data}")).rdata, octets, "{rtype} {data}");
    }
}

#[test]
fn every_type_and_class_goes_by_its_mnemonic() {
    for rtype in RecordType::KNOWN {
        assert_eq!(RecordType::from_mnemonic(&rtype.to_string()), Some(*rtype));
    }
    for class in 0..300 {
        assert_eq!(Class::from_mnemonic(&Class(class).to_string()), Some(Class(class)));
    }
}

proptest! {
    #[test]
    fn any_text_is_a_record_or_an_error_within_it(text in "(?s).{0,60}") {
        check(&text);
    }

    #[test]
    fn any_words_are_a_record_or_an_error_within_them(
        rtype in prop::sample::select(RecordType::KNOWN),
        words in prop::collection::vec("[ -~äß]{0,12}|[0-9]{1,6}|\"[ -~]{0,8}\"|[a-z.]{1,8}|\\\\#|-|2001:db8::1", 0..12),
    ) {
        check(&format!("a.example. 5 IN {rtype} {}", words.join(" ")));
    }
}

fn check(text: &str) {
    match first_record(text) {
        Ok(record) => {
            assert!(text.get(..record.end).is_some());
            assert!(record.rdata.len() <= 65_535);
            assert_eq!(crate::dns::wire_len(&record.owner), Some(record.owner.len()));
        }
        Err(error) => assert!(text.get(error.place.clone()).is_some(), "{text:?} {error:?}"),
    }
}
