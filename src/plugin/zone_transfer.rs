//! A zone that is to be transferred (RFC 5936): what a plugin that has one gives, and the `transfer` plugin sends.
//!
//! ```text
//!   transfer ──Next::transfer──▶ kubernetes, k8s_external …: Plugin::transfer ──▶ ZoneTransfer
//!      └── SOA ▸ write_some ▸ write_some ▸ … ▸ SOA, a message at a time, while the client takes them
//! ```

use crate::dns::RecordBatch;

/// One generation of one zone, to be sent whole while the zone moves on.
pub struct ZoneTransfer {
    /// The serial of this generation: the one in `soa`.
    pub serial: u32,
    /// The SOA record alone. It is sent first and last, and on its own to who has this serial already.
    pub soa: RecordBatch,
    /// All other records.
    pub records: Box<dyn ZoneRecords>,
}

/// The records of a zone but for SOA, written piece by piece: a large zone is never in memory as records.
///
/// It owns what it reads from ([`crate::zone::Reader::snapshot`], or what it needs of one), and it may live as long as
/// a slow client takes: minutes.
pub trait ZoneRecords: Send {
    /// Appends the next records, in the order in which they are to be sent. Gives whether there may be more: after
    /// `false` it is not called again.
    ///
    /// A call is done on the thread that serves a connection, so that it writes some hundred records and not the zone:
    /// [`BATCH_LEN`] octets are a good size to stop at.
    fn write_some(&mut self, batch: &mut RecordBatch) -> bool;
}

/// With this many octets in the batch [`ZoneRecords::write_some`] should come back.
pub const BATCH_LEN: usize = 16 * 1024;
