use proptest::prelude::*;

use super::*;

#[test]
fn records_come_out_as_the_text_that_went_in() {
    let lines = [
        "web.example.org. 5 IN A 10.0.0.1",
        "web.example.org. 5 IN AAAA fd00::1",
        "Alias.example.org. 60 IN CNAME web.example.org.",
        "example.org. 3600 IN NS ns1.example.org.",
        "example.org. 30 IN SOA ns1.example.org. root.example.org. 2024 7200 1800 86400 5",
        "1.0.0.10.in-addr.arpa. 5 IN PTR web.example.org.",
        "example.org. 5 IN MX 10 mail.example.org.",
        "_http._tcp.example.org. 5 IN SRV 0 100 80 web.example.org.",
        "example.org. 5 IN TXT \"v=spf1 -all\" \"two\"",
        "example.org. 5 IN NAPTR 1 2 \"u\" \"sip+E2U\" \"!^.*$!sip:a@b!\" .",
        "example.org. 5 IN CAA 0 issue \"ca.example.org\"",
        "example.org. 5 IN SSHFP 1 1 0123456789abcdef0123456789abcdef01234567",
        "example.org. 5 IN TLSA 3 1 1 0123456789abcdef",
    ];
    let text: String = lines.iter().map(|line| format!("{}\n", line.replacen(" IN ", " ", 1))).collect();
    let answer = answer("example.org ANY", &format!("NOERROR aa\n{text}"));
    let shown: Vec<String> = answer.answer.iter().map(Record::to_string).collect();
    assert_eq!(shown, lines);
    assert_eq!(answer.questions, ["example.org. IN ANY"]);
}

#[test]
fn letters_stay_as_they_came() {
    // The oracle folds what it reads from text, so the letters are changed on the wire.
    let octets = message("Web.example.org", "NOERROR\nWeb.example.org. 5 CNAME other.net.").to_vec().unwrap();
    let at = octets.windows(6).position(|window| window == b"\x05other").unwrap();
    let octets = [&octets[..at], b"\x05OtHeR", &octets[at + 6..]].concat();
    let answer = Answer::decode(&octets);
    assert_eq!(answer.answer[0].to_string(), "Web.example.org. 5 IN CNAME OtHeR.net.");
    assert_eq!(answer.questions, ["Web.example.org. IN A"]);
}

/// A message with one record of that type and RDATA.
fn with_rdata(rtype: u16, rdata: &[u8]) -> Vec<u8> {
    let mut message = vec![0, 1, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0];
    message.extend(rtype.to_be_bytes());
    message.extend([0, 1, 0, 0, 0, 5]);
    message.extend((rdata.len() as u16).to_be_bytes());
    message.extend(rdata);
    message
}

fn rdata_text(rtype: u16, rdata: &[u8]) -> String {
    let answer = Answer::decode(&with_rdata(rtype, rdata));
    assert_eq!(answer.malformed, None);
    answer.answer[0].to_string()
}

#[test]
fn rfc3597_5_what_is_unknown_or_does_not_fit_is_shown_as_octets() {
    assert_eq!(rdata_text(65280, &[0xab, 0xcd]), r". 5 IN TYPE65280 \# 2 abcd");
    assert_eq!(rdata_text(65280, &[]), r". 5 IN TYPE65280 \# 0");
    assert_eq!(rdata_text(1, &[10, 0, 0]), r". 5 IN A \# 3 0a0000");
    assert_eq!(rdata_text(1, &[10, 0, 0, 1, 2]), r". 5 IN A \# 5 0a00000102");
    assert_eq!(rdata_text(16, &[]), r". 5 IN TXT \# 0");
    assert_eq!(rdata_text(16, &[3, b'a']), r". 5 IN TXT \# 2 0361");
    assert_eq!(rdata_text(5, &[0xc0, 0xff]), r". 5 IN CNAME \# 2 c0ff");
}

#[test]
fn rfc4034_types_of_dnssec() {
    let nsec = [1, b'b', 0, 0, 6, 0x40, 0x01, 0, 0, 0, 0x03, 1, 1, 0x40];
    assert_eq!(rdata_text(47, &nsec), ". 5 IN NSEC b. A MX RRSIG NSEC CAA");
    assert_eq!(rdata_text(48, &[1, 0, 3, 13, 1, 2, 3]), ". 5 IN DNSKEY 256 3 13 AQID");
    let rrsig = [0, 1, 13, 2, 0, 0, 0, 5, 0, 0, 0, 9, 0, 0, 0, 8, 0, 7, 1, b'B', 0, 0xff];
    assert_eq!(rdata_text(46, &rrsig), ". 5 IN RRSIG A 13 2 5 9 8 7 B. /w==");
}

#[test]
fn edns_and_the_extended_rcode() {
    let answer = answer("a", "BADVERS\nEDNS 1232 do\nOPTION 65001 xy");
    assert_eq!(answer.rcode.to_string(), "BADVERS");
    let edns = ReplyEdns { size: 1232, version: 0, dnssec_ok: true, options: vec![(65001, b"xy".to_vec())] };
    assert_eq!(answer.edns, Some(edns));
    assert!(answer.additional.is_empty());
}

#[test]
fn a_broken_message_says_where_it_ends() {
    let whole = message("web.example.org", "NOERROR\nweb.example.org. 5 A 10.0.0.1").to_vec().unwrap();
    let malformed = |octets: &[u8]| Answer::decode(octets).malformed.map(|malformed| malformed.to_string());
    assert_eq!(malformed(&whole), None);
    let told = |text: &str| Some(format!("malformed: at octet {text}"));
    assert_eq!(malformed(&whole[..5]), told("5 there should be a header of 12 octets"));
    assert_eq!(malformed(&whole[..20]), told("12 there should be a question"));
    assert_eq!(malformed(&whole[..40]), told("33 there should be a record"));
    assert_eq!(malformed(&[&whole[..], &[0]].concat()), told("49 there should be the end of the message"));
}

proptest! {
    #[test]
    fn any_octets_can_be_decoded_and_shown(octets in prop::collection::vec(any::<u8>(), 0..600)) {
        let reply = Reply::Message(Box::new(Answer::decode(&octets)));
        for line in show::side_by_side(&reply, &silent(), &Ignore::nothing()) {
            prop_assert!(line.bytes().all(|byte| (0x20..=0x7e).contains(&byte)), "{line:?}");
            prop_assert!(line.len() <= 116, "{line:?}");
        }
    }

    /// Mutants of a real message reach deeper than noise does.
    #[test]
    fn any_mutant_can_be_compared(places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let text = "NOERROR aa\nWeb.example.org. 5 CNAME b.example.org.\nb.example.org. 5 TXT \"x\"\nAUTHORITY\n\
                    example.org. 5 SOA ns.example.org. root.example.org. 1 2 3 4 5\nEDNS 1232\nOPTION 15 ab";
        let whole = message("web.example.org", text).to_vec().unwrap();
        let mut mutant = whole.clone();
        for (at, octet) in places {
            let at = at.index(mutant.len() - 2) + 2;
            mutant[at] = octet;
        }
        let question: Question = "web.example.org".parse().unwrap();
        let of = |octets: &[u8]| Reply::Message(Box::new(Answer::decode(octets)));
        let found = differences(&question, &of(&whole), &of(&mutant), &Ignore::nothing());
        // The bits that no field is about: QR; the low 15 flags of the OPT record.
        if found.is_empty() {
            prop_assert_eq!(mutant.len(), whole.len());
        }
        prop_assert!(differences(&question, &of(&mutant), &of(&mutant), &Ignore::nothing()).is_empty());
    }
}
