use super::*;

const QUESTION: &str = "web.example.org";

/// The shapes of what differs.
fn shapes_with(a: &str, b: &str, ignore: &Ignore) -> Vec<String> {
    let question = QUESTION.parse().unwrap();
    let found = differences(&question, &reply(QUESTION, a), &reply(QUESTION, b), ignore);
    found.into_iter().map(|difference| difference.shape).collect()
}

fn shapes(a: &str, b: &str) -> Vec<String> {
    shapes_with(a, b, &Ignore::default())
}

#[test]
fn the_order_of_records_does_not_matter_and_their_number_does() {
    let a = "NOERROR\nweb.example.org. 5 A 10.0.0.1\nweb.example.org. 5 A 10.0.0.2";
    let b = "NOERROR\nweb.example.org. 5 A 10.0.0.2\nweb.example.org. 5 A 10.0.0.1";
    assert!(shapes(a, b).is_empty());
    let twice = format!("{b}\nweb.example.org. 5 A 10.0.0.1");
    assert_eq!(shapes(a, &twice), ["answer: the same record more often of A"]);
    assert!(shapes_with(a, &twice, &Ignore::default().and(Field::Duplicates)).is_empty());
}

#[test]
fn records_of_one_side_are_counted_by_type() {
    let a = "NOERROR aa\nweb.example.org. 5 A 10.0.0.1\nweb.example.org. 5 A 10.0.0.2";
    let b = "NOERROR aa\nweb.example.org. 5 A 10.0.0.2\nweb.example.org. 5 TXT \"x\"\nADDITIONAL\nx. 5 A 10.0.0.1\nx. 5 A \
             10.0.0.2";
    assert_eq!(shapes(a, b), ["answer: -A +TXT", "additional: +many A"]);
    let question = QUESTION.parse().unwrap();
    let found = differences(&question, &reply(QUESTION, a), &reply(QUESTION, b), &Ignore::default());
    assert_eq!(found[0].field, Field::Answer);
    assert_eq!(found[0].a, "web.example.org. 5 IN A 10.0.0.1");
    assert_eq!(found[0].b, "web.example.org. 5 IN TXT \"x\"");
    let ignore = Ignore::default().and(Field::Answer).and(Field::Additional);
    assert!(shapes_with(a, b, &ignore).is_empty());
}

#[test]
fn rcode_and_flags_are_told_with_their_direction() {
    assert_eq!(
        shapes("NXDOMAIN aa rd", "NOERROR rd ra"),
        ["RCODE NXDOMAIN -> NOERROR", "AA set -> clear", "RA clear -> set"]
    );
    assert!(
        shapes_with("NOERROR ad", "NOERROR cd", &Ignore::default().and(Field::Ad).and(Field::Cd)).is_empty()
    );
}

#[test]
fn ttl_letters_and_serial_are_fields_of_their_own() {
    let soa = |ttl: u32, serial: u32, server: &str| {
        format!("NXDOMAIN\nAUTHORITY\nexample.org. {ttl} SOA {server} root.example.org. {serial} 2 3 4 5")
    };
    let a = soa(5, 1, "ns.example.org.");
    assert_eq!(shapes(&a, &soa(30, 1, "ns.example.org.")), ["authority: TTL rises of SOA"]);
    assert_eq!(shapes(&soa(30, 1, "ns.example.org."), &a), ["authority: TTL falls of SOA"]);
    assert!(shapes(&a, &soa(5, 2, "ns.example.org.")).is_empty());
    assert_eq!(
        shapes_with(&a, &soa(5, 2, "ns.example.org."), &Ignore::nothing()),
        ["authority: serial of SOA"]
    );
    // Another server is another record.
    assert_eq!(shapes(&a, &soa(5, 1, "other.example.org.")), ["authority: -SOA +SOA"]);
}

#[test]
fn letters_are_told_apart_unless_they_are_ignored() {
    // The oracle folds what it reads from text: the same length in other letters is put in on the wire.
    let lower = message(QUESTION, "NOERROR\nweb.example.org. 5 CNAME target.net.").to_vec().unwrap();
    let at = lower.windows(6).position(|window| window == b"target").unwrap();
    let mut upper = lower.clone();
    upper[at..at + 6].make_ascii_uppercase();
    let question = QUESTION.parse().unwrap();
    let of = |octets: &[u8]| Reply::Message(Box::new(Answer::decode(octets)));
    let found = differences(&question, &of(&lower), &of(&upper), &Ignore::default());
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].field, found[0].shape.as_str()),
        (Field::Letters, "answer: letters of names of CNAME")
    );
    let ignore = Ignore::default().and(Field::Letters);
    assert!(differences(&question, &of(&lower), &of(&upper), &ignore).is_empty());
}

#[test]
fn text_keeps_its_letters() {
    let a = "NOERROR\nweb.example.org. 5 TXT \"Text\"";
    let b = "NOERROR\nweb.example.org. 5 TXT \"text\"";
    assert_eq!(shapes_with(a, b, &Ignore::default().and(Field::Letters)), ["answer: -TXT +TXT"]);
}

#[test]
fn the_question_is_echoed_or_not() {
    let asked: Question = QUESTION.parse().unwrap();
    let shape = |a: Option<&str>, b: Option<&str>| {
        let of = |question: Option<&str>| {
            let mut message = message(question.unwrap_or("."), "NOERROR");
            message.queries.truncate(usize::from(question.is_some()));
            Reply::Message(Box::new(Answer::decode(&message.to_vec().unwrap())))
        };
        let found = differences(&asked, &of(a), &of(b), &Ignore::default());
        found.into_iter().map(|difference| (difference.field, difference.shape)).collect::<Vec<_>>()
    };
    assert_eq!(shape(Some(QUESTION), None), [(Field::Question, "question as asked -> absent".to_owned())]);
    let letters = "question as asked -> in other letters".to_owned();
    assert_eq!(shape(Some(QUESTION), Some("WEB.example.org")), [(Field::Letters, letters)]);
}

#[test]
fn edns_options_cookies_and_extended_errors() {
    assert_eq!(shapes("NOERROR\nEDNS 1232", "NOERROR"), ["OPT record present -> absent"]);
    assert_eq!(
        shapes("NOERROR\nEDNS 1232", "NOERROR\nEDNS 4096 do"),
        ["EDNS size 1232 -> 4096", "DO clear -> set"]
    );
    let with = |option: &str| format!("NOERROR\nEDNS 1232\nOPTION {option}");
    assert_eq!(shapes(&with("65001 x"), "NOERROR\nEDNS 1232"), ["EDNS option 65001 present -> absent"]);
    assert_eq!(shapes(&with("65001 x"), &with("65001 y")), ["EDNS option 65001 has another value"]);
    // A server makes its own cookie.
    assert!(shapes(&with("10 12345678"), &with("10 87654321")).is_empty());
    assert!(shapes(&with("15 \0\u{6}why"), "NOERROR\nEDNS 1232").is_empty());
    let ede = Ignore::default().but(Field::Ede);
    assert_eq!(shapes_with(&with("15 \0\u{6}why"), "NOERROR\nEDNS 1232", &ede), ["extended error 6 -> none"]);
    assert_eq!(
        shapes_with(&with("15 \0\u{6}why"), &with("15 \0\u{6}how"), &ede),
        ["extended error 6 has another text"]
    );
}

#[test]
fn a_truncated_reply_differs_in_tc_and_in_what_it_keeps() {
    let question = QUESTION.parse().unwrap();
    let with = |cut: Option<Cut>| {
        Reply::Message(Box::new(Answer { cut, ..answer(QUESTION, "NOERROR\nweb.example.org. 5 A 10.0.0.1") }))
    };
    let shapes = |a, b| {
        let found = differences(&question, &with(a), &with(b), &Ignore::default());
        found.into_iter().map(|difference| difference.shape).collect::<Vec<_>>()
    };
    let kept = |answer| Some(Cut { counts: [answer, 0, 0], size: 512 });
    assert_eq!(shapes(kept(9), None), ["TC set -> clear"]);
    assert_eq!(shapes(kept(9), kept(29)), ["records kept in the truncated reply: rises"]);
    assert!(shapes(kept(9), kept(9)).is_empty());
}

#[test]
fn silence_differs_from_a_reply_and_not_from_silence() {
    let question = QUESTION.parse().unwrap();
    let shapes = |a: &Reply, b: &Reply| {
        let found = differences(&question, a, b, &Ignore::default());
        found.into_iter().map(|difference| difference.shape).collect::<Vec<_>>()
    };
    let reply = reply(QUESTION, "REFUSED");
    let refused = Reply::silent(Silence::Refused);
    assert_eq!(shapes(&silent(), &reply), ["no reply from A: timed out"]);
    assert_eq!(shapes(&reply, &refused), ["no reply from B: connection refused"]);
    assert!(shapes(&silent(), &refused).is_empty());
}

#[test]
fn broken_messages_are_compared_as_octets() {
    let question = QUESTION.parse().unwrap();
    let whole = message(QUESTION, "NOERROR\nweb.example.org. 5 A 10.0.0.1").to_vec().unwrap();
    let of = |octets: &[u8]| Reply::Message(Box::new(Answer::decode(octets)));
    let shapes = |a: &[u8], b: &[u8]| {
        let found = differences(&question, &of(a), &of(b), &Ignore::default());
        found.into_iter().map(|difference| difference.shape).collect::<Vec<_>>()
    };
    assert_eq!(shapes(&whole, &whole[..40]), ["message well-formed -> malformed"]);
    assert_eq!(shapes(&whole[..39], &whole[..40]), ["message malformed -> malformed"]);
    assert!(shapes(&whole[..40], &whole[..40]).is_empty());
}

#[test]
fn every_field_has_a_word_of_its_own() {
    for field in Field::ALL {
        assert_eq!(Field::from_word(field.word()), Some(*field));
    }
    assert!(!Ignore::nothing().and(Field::NoReply).has(Field::NoReply));
}
