//! Names become questions: which types, in which letters, with which flags, over what.

use kubezone::compare::{Carrier, Question, QuestionEdns};
use kubezone::dns::{Class, RecordType};

use crate::names::Name;
use crate::random::Random;

/// A question with what its name is.
#[derive(Clone)]
pub struct Asked {
    pub question: Question,
    pub what: &'static str,
    /// The name in presentation format, before letters were mixed.
    pub name: String,
}

/// How many questions a Corefile gets.
#[derive(Clone, Copy)]
pub enum Amount {
    /// Every name with every usual type, and some of the rest.
    All,
    /// So many of them.
    Some(usize),
}

/// What clients ask for.
const USUAL: [u16; 11] = [1, 28, 33, 12, 5, 16, 15, 2, 6, 255, 65];
/// SVCB, DS, DNSKEY, CAA, NAPTR, HINFO, an unknown one, 0, NSEC, RRSIG, SPF, DNAME, NULL, MAILB.
const RARE: [u16; 14] = [64, 43, 48, 257, 35, 13, 65280, 0, 47, 46, 99, 39, 10, 253];
/// Over UDP, where they are refused.
const TRANSFERS: [u16; 2] = [252, 251];

/// What is asked for first and in whole, so that no seed leaves out what few names meet: each stands for a row of
/// `explained.rs`.
const WITNESSES: &[&str] = &[
    "hpods.a.svc.cluster.local.",
    "10-2-15-2.hpods.a.svc.cluster.local.",
    "odd-fqdn.a.svc.cluster.local.",
    "odd-fqdn-in.a.svc.cluster.local.",
    "odd-zeros.a.svc.cluster.local.",
    "a.svc.cluster.local.",
    "a.svc.in-addr.arpa.",
    "e-out.a.svc.cluster.local.",
    "e-outcname.a.svc.cluster.local.",
    "e-in.a.svc.cluster.local.",
    "lb.a.ext.test.",
    "ns1.apex.ext.test.",
    "ns.dns.cluster.local.",
    "ip6.arpa.",
    "10-7-0-1.e-slice.a.ext.test.",
    "www.example.org.a.svc.cluster.local.",
];

/// The questions of a Corefile in the order in which they are asked.
pub fn questions(names: &[Name], amount: Amount, random: &mut Random) -> Vec<Asked> {
    let mut pairs: Vec<(&Name, u16)> = Vec::new();
    for name in names {
        pairs.extend(USUAL.iter().map(|rtype| (name, *rtype)));
        // Where the type is what matters all types are asked; of the crowd one in a while.
        if matches!(name.what, "apex" | "literal" | "outside") {
            pairs.extend(RARE.iter().map(|rtype| (name, *rtype)));
            pairs.extend(TRANSFERS.iter().map(|rtype| (name, *rtype)));
        } else {
            pairs.push((name, *random.pick(&RARE)));
            if random.one_in(20) {
                pairs.push((name, *random.pick(&TRANSFERS)));
            }
        }
    }
    random.shuffle(&mut pairs);
    pairs.sort_by_key(|(name, _)| !WITNESSES.contains(&name.text.as_str()));
    if let Amount::Some(most) = amount {
        pairs.truncate(most);
    }
    pairs.into_iter().map(|(name, rtype)| asked(name, rtype, random)).collect()
}

fn asked(name: &Name, rtype: u16, random: &mut Random) -> Asked {
    let mut question = Question::new(&name.wire, RecordType(rtype));
    if TRANSFERS.contains(&rtype) {
        question.carrier = Carrier::UdpOnly;
        return Asked { question, what: name.what, name: name.text.clone() };
    }
    let edns = |size| Some(QuestionEdns { size, version: 0, dnssec_ok: false, options: Vec::new() });
    match random.below(24) {
        0..4 => {}
        4 => question.edns = edns(0),
        5 => question.edns = edns(512),
        6 | 7 => question.edns = edns(1232),
        8 => question.edns = edns(4096),
        9 => question.edns = edns(65535),
        10 => {
            question.edns = edns(4096);
            question.edns.iter_mut().for_each(|edns| edns.dnssec_ok = true);
        }
        // A truncated reply itself, and not what TCP brings after it.
        11 | 12 => question.carrier = Carrier::UdpOnly,
        13 => {
            question.carrier = Carrier::UdpOnly;
            question.edns = edns(*random.pick(&[512, 700, 900, 1232, 1400, 2000]));
        }
        14 => question.carrier = Carrier::Tcp,
        15 => {
            question.carrier = Carrier::Tcp;
            question.edns = edns(1232);
        }
        16 | 17 => mix(&mut question.name, random),
        18 => {
            mix(&mut question.name, random);
            question.edns = edns(1400);
        }
        19 => question.flags = 0x0030, // RD clear, AD and CD set
        20 => {
            question.flags |= *random.pick(&[0x0010, 0x0020, 0x0400, 0x0080, 0x0040]);
            question.edns = edns(1232);
        }
        21 => {
            question.edns = edns(1232);
            // A cookie, NSID, an unknown one.
            let options = vec![(10, b"ABCDEFGH".to_vec()), (3, Vec::new()), (65001, vec![1, 2])];
            question.edns.iter_mut().for_each(|edns| edns.options.clone_from(&options));
        }
        22 => {
            question.edns = edns(1232);
            // A client's subnet, padding.
            let options = vec![(8, vec![0, 1, 24, 0, 10, 0, 0]), (12, vec![0; 4])];
            question.edns.iter_mut().for_each(|edns| edns.options.clone_from(&options));
        }
        _ => question.class = Class(*random.pick(&[1, 1, 1, 3, 4, 254, 255, 0])),
    }
    Asked { question, what: name.what, name: name.text.clone() }
}

/// Puts half of the letters in capitals, as resolvers do against forged replies (0x20).
fn mix(name: &mut [u8], random: &mut Random) {
    let mut at = 0;
    while let Some(length) = name.get(at).copied().filter(|length| *length != 0) {
        let end = at + 1 + usize::from(length);
        for octet in name[at + 1..end].iter_mut().filter(|octet| octet.is_ascii_lowercase()) {
            if random.one_in(2) {
                octet.make_ascii_uppercase();
            }
        }
        at = end;
    }
}
