//! EDNS(0) as a client sends it (RFC 6891), and the extended errors that we send back (RFC 8914).

use super::code::read_u16;

/// The client's OPT record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edns {
    /// The largest UDP payload that the client takes, in octets, as sent.
    pub udp_size: u16,
    /// The version; only 0 exists.
    pub version: u8,
    /// DNSSEC OK (RFC 3225).
    pub dnssec_ok: bool,
    /// Where the options stand in the packet: start and end.
    pub options: (u16, u16),
}

impl Edns {
    /// Reads the fixed fields at `fixed` (the octet behind the owner name) and checks that the options are whole.
    pub(super) fn read(packet: &[u8], fixed: usize, rdata: &[u8]) -> Option<Self> {
        let mut rest = rdata;
        while !rest.is_empty() {
            let length = usize::from(read_u16(rest, 2)?);
            rest = rest.get(4 + length..)?;
        }
        let start = fixed + 10;
        Some(Self {
            udp_size: read_u16(packet, fixed + 2)?,
            version: packet[fixed + 5],
            dnssec_ok: packet[fixed + 6] & 0x80 != 0,
            options: (u16::try_from(start).ok()?, u16::try_from(start + rdata.len()).ok()?),
        })
    }
}

/// The data of the first option of this code.
pub(super) fn option(options: &[u8], code: u16) -> Option<&[u8]> {
    let mut rest = options;
    loop {
        let (held, length) = (read_u16(rest, 0)?, usize::from(read_u16(rest, 2)?));
        let data = rest.get(4..4 + length)?;
        if held == code {
            return Some(data);
        }
        rest = &rest[4 + length..];
    }
}

/// The INFO-CODE of an extended DNS error (RFC 8914 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InfoCode(pub u16);

impl InfoCode {
    /// Other Error
    pub const OTHER: InfoCode = InfoCode(0);
    /// Stale Answer
    pub const STALE: InfoCode = InfoCode(3);
    /// Not Ready: the server is starting
    pub const NOT_READY: InfoCode = InfoCode(14);
    /// Blocked: by the operator of the server
    pub const BLOCKED: InfoCode = InfoCode(15);
    /// Filtered: by the operator, as the client asked for
    pub const FILTERED: InfoCode = InfoCode(17);
    /// Prohibited: no authorization
    pub const PROHIBITED: InfoCode = InfoCode(18);
    /// Not Authoritative
    pub const NOT_AUTHORITATIVE: InfoCode = InfoCode(20);
    /// Not Supported
    pub const NOT_SUPPORTED: InfoCode = InfoCode(21);
    /// No Reachable Authority
    pub const NO_REACHABLE_AUTHORITY: InfoCode = InfoCode(22);
    /// Network Error
    pub const NETWORK: InfoCode = InfoCode(23);
}
