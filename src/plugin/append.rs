//! What another name's answer says, behind a CNAME that leads there.

use crate::dns::{NAME_LEN_MAX, Owner, RecordType, Records, Response, Section, copy_name};

/// Copies the answer section of another message to `section`, in its letters. Of the types with names in their RDATA only
/// CNAME stands in an answer for addresses, so that only its target has to be decompressed.
pub(super) fn append_answers(response: &mut Response, section: Section, message: &[u8]) {
    let Some(records) = Records::of(message) else { return };
    // A name that stands in the message, and where: an RRset has one owner, and the first one's is what a CNAME leads to.
    let mut before = last_target(response);
    for record in records.take_while(|record| record.section == Section::Answer) {
        let (mut owner, mut target) = ([0; NAME_LEN_MAX], [0; NAME_LEN_MAX]);
        let Some(owner_len) = copy_name(message, record.start, &mut owner) else { return };
        let rdata = &message[record.rdata_at()..record.end];
        let rdata = match record.rtype {
            RecordType::CNAME => match copy_name(message, record.rdata_at(), &mut target) {
                Some(length) => &target[..length],
                None => return,
            },
            RecordType::A | RecordType::AAAA | RecordType::RRSIG => rdata,
            _ => continue,
        };
        let owner = &owner[..owner_len];
        let at = response.message().len();
        let known = before.as_ref().filter(|(name, _)| name == owner).map(|(_, at)| Owner::At(*at));
        let is_new = known.is_none();
        let written =
            response.record(section, known.unwrap_or(Owner::Name(owner)), record.rtype, record.ttl, |out| {
                out.octets(rdata);
            });
        let Some(rdata_at) = written else { return };
        if record.rtype == RecordType::CNAME {
            before = Some((rdata.to_vec(), rdata_at));
        } else if is_new {
            before = Some((owner.to_vec(), at));
        }
    }
}

/// The target of the last record, when that is a CNAME, and where it stands.
fn last_target(response: &Response) -> Option<(Vec<u8>, usize)> {
    let last = response.records().last().filter(|record| record.rtype == RecordType::CNAME)?;
    let mut target = [0; NAME_LEN_MAX];
    let length = copy_name(response.message(), last.rdata_at(), &mut target)?;
    Some((target[..length].to_vec(), last.rdata_at()))
}
