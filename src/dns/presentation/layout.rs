//! Which fields the RDATA of a type has, in order.

use super::field::{self, Field, Field::*};
use super::words::Words;
use super::{RecordError, svcb};
use crate::dns::RecordType;

/// The fields of each type that has a presentation format here. What is not listed is written as `\# LENGTH HEX` (RFC 3597).
const LAYOUTS: &[(&[RecordType], &[Field])] = &[
    (&[RecordType::A], &[Ipv4]),
    (&[RecordType::AAAA], &[Ipv6]),
    (
        &[
            RecordType::NS,
            RecordType::MD,
            RecordType::MF,
            RecordType::CNAME,
            RecordType::MB,
            RecordType::MG,
            RecordType::MR,
            RecordType::PTR,
            RecordType::DNAME,
        ],
        &[Name],
    ),
    (&[RecordType::SOA], &[Name, Name, U32, Period, Period, Period, Period]),
    (&[RecordType::MINFO, RecordType::RP, RecordType::TALINK], &[Name, Name]),
    (&[RecordType::MX, RecordType::AFSDB, RecordType::RT, RecordType::KX, RecordType::LP], &[U16, Name]),
    (&[RecordType::PX], &[U16, Name, Name]),
    (&[RecordType::SRV], &[U16, U16, U16, Name]),
    (&[RecordType::NAPTR], &[U16, U16, Text, Text, Text, Name]),
    (&[RecordType::HINFO, RecordType::ISDN], &[TextPair]),
    (&[RecordType::TXT, RecordType::SPF, RecordType::AVC, RecordType::NINFO, RecordType::RESINFO], &[Texts]),
    (&[RecordType::X25, RecordType::UINFO], &[Text]),
    (&[RecordType::GPOS], &[Text, Text, Text]),
    (&[RecordType::UID, RecordType::GID], &[U32]),
    (&[RecordType::EID, RecordType::NIMLOC], &[Hex]),
    (&[RecordType::CAA], &[U8, Text, Octets]),
    (&[RecordType::URI], &[U16, U16, Octets]),
    (&[RecordType::SVCB, RecordType::HTTPS], &[U16, Name, SvcParams]),
    (&[RecordType::NID, RecordType::L64], &[U16, NodeId]),
    (&[RecordType::L32], &[U16, Ipv4]),
    (&[RecordType::EUI48], &[Eui(6)]),
    (&[RecordType::EUI64], &[Eui(8)]),
    (&[RecordType::DHCID, RecordType::OPENPGPKEY], &[Base64]),
    (&[RecordType::CERT], &[CertificateType, U16, Algorithm, Base64]),
    (&[RecordType::SSHFP], &[U8, U8, Hex]),
    (&[RecordType::TLSA, RecordType::SMIMEA], &[U8, U8, U8, Hex]),
    (&[RecordType::ZONEMD], &[U32, U8, U8, Hex]),
    (&[RecordType::CSYNC], &[U32, U16, Types]),
    (&[RecordType::DS, RecordType::CDS, RecordType::DLV, RecordType::TA], &[U16, Algorithm, U8, Hex]),
    (
        &[RecordType::DNSKEY, RecordType::CDNSKEY, RecordType::KEY, RecordType::RKEY],
        &[U16, U8, Algorithm, Base64],
    ),
    (&[RecordType::RRSIG, RecordType::SIG], &[Type, Algorithm, U8, U32, Time, Time, U16, Name, Base64]),
    (&[RecordType::NSEC, RecordType::NXT], &[Name, Types]),
    (&[RecordType::NSEC3], &[U8, U8, U16, Salt, NextHashed, Types]),
    (&[RecordType::NSEC3PARAM], &[U8, U8, U16, Salt]),
];

/// Reads the RDATA of a record of this type.
pub(super) fn rdata(rtype: RecordType, words: &mut Words<'_>) -> Result<Vec<u8>, RecordError> {
    let place = words.place_behind();
    let first = words.peek().ok_or_else(|| {
        RecordError::at(place.clone(), format!("the data of the record of type {rtype} is missing"))
    })?;
    let mut out = Vec::new();
    if first.text == "\\#" && !first.quoted {
        field::generic(words, &mut out)?;
    } else {
        let found = LAYOUTS.iter().find(|(types, _)| types.contains(&rtype));
        let (_, fields) = found.ok_or_else(|| {
            let why = format!("data of type {rtype} is written as `\\# LENGTH HEX` here (RFC 3597)");
            RecordError::at(first.place.clone(), why)
        })?;
        for field in *fields {
            match field {
                SvcParams => svcb::parameters(words.rest(), &mut out)?,
                field => field.read(words, &mut out)?,
            }
        }
    }
    if out.len() > usize::from(u16::MAX) {
        return Err(RecordError::at(place, "the data of a record has at most 65535 octets"));
    }
    Ok(out)
}
